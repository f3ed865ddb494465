<?php

namespace FileSync\Addon\Transfer;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Records the progress of a channel's transfers, for pages, and counts their results, for monitoring.
 *
 * One worker at a time serves a channel, so nobody else writes these notes.
 *
 * @type Report = array{
 *     id: int, state: string, received_bytes?: int, seconds?: float, error?: ?array{kind: string, ...}, ...
 * }
 * @type Moving = array{id: int, offset_bytes: int, bytes_per_second: int, ...}
 * @type Counts = array<string, int>
 */
final class Meter
{
	/** Upper bounds of the duration classes, in seconds. */
	public const SECONDS = [1, 10, 60, 600, 3600];

	private const EVERY_SECONDS = 2;
	private const WINDOW_SECONDS = 12;

	/** @var ?int Recent bytes a second, null while unknown. */
	public ?int $rate = null;

	private int $notedAt = 0;
	private int $doneBytes = 0;
	/** @var array<int, int> The bytes of each transfer when it was first seen, by the batch's numbers. */
	private array $first = [];
	/** @var list<array{float, int}> Times and the bytes received by then. */
	private array $past;
	/** @var Counts Not saved yet. */
	private array $fresh = [];
	/** @var array<int, string> The names of their notes, by the batch's numbers. */
	private array $keys = [];
	/**
	 * @var array<string, array{int, ?int}> The last seen progress of transfers, including those that rest or have
	 *     not resumed.
	 */
	private array $reached;

	public function __construct(private readonly int $channelId)
	{
		$this->reached = self::reachedBefore($channelId);
		$this->past = [[Clock::exact(), 0]];
	}

	/**
	 * Counts a finished transfer.
	 *
	 * @param Report $report From TransferBatch::step().
	 */
	public function ended(array $report): void
	{
		$this->doneBytes += $report['received_bytes'] ?? 0;
		$key = $this->keys[$report['id']] ?? '';
		if ($report['state'] !== 'failed' || ($report['error']['kind'] ?? '') === 'Corrupt') {
			unset($this->reached[$key]);
		}
		unset($this->first[$report['id']], $this->keys[$report['id']]);
		$isComplete = $report['state'] === 'complete';
		$this->count('received_bytes', $report['received_bytes'] ?? 0);
		if ($isComplete || $report['state'] === 'failed') {
			$this->count($report['state'], 1);
		}
		if ($isComplete) {
			$seconds = $report['seconds'] ?? 0.0;
			$this->fresh['last_success'] = Clock::now();
			$this->count('milliseconds', (int) round(1000 * $seconds));
			foreach (self::SECONDS as $bound) {
				if ($seconds <= $bound) {
					$this->count("within_$bound", 1);
				}
			}
		}
	}

	/**
	 * Records the progress of the transfers, every few seconds.
	 *
	 * @param list<Moving>         $progress  From TransferBatch::progress().
	 * @param array<int, Transfer> $transfers Ours, by the batch's numbers.
	 */
	public function note(array $progress, array $transfers): void
	{
		if (Clock::now() < ($this->notedAt + self::EVERY_SECONDS)) {
			return;
		}
		$this->notedAt = Clock::now();
		$bytes = $this->doneBytes;
		$noted = [];
		foreach ($progress as $one) {
			$transfer = $transfers[$one['id']] ?? null;
			$key = $transfer ? self::key($transfer->id, $transfer->generation) : '';
			$offset = $one['offset_bytes'];
			if ($offset === 0 && isset($this->reached[$key])) {
				// It has not yet checked the bytes of earlier runs.
				$offset = $this->reached[$key][0];
			} else {
				$this->first[$one['id']] ??= $offset;
				$bytes += max(0, $offset - $this->first[$one['id']]);
			}
			if ($key !== '') {
				$this->keys[$one['id']] = $key;
				$noted[$key] = [$offset, $one['bytes_per_second']];
				if ($offset > 0) {
					$this->reached[$key] = [$offset, null];
				}
			}
		}
		$now = Clock::exact();
		$this->past = [
			...array_filter($this->past, fn ($moment) => $moment[0] > ($now - self::WINDOW_SECONDS)),
			[$now, $bytes],
		];
		[$then, $before] = $this->past[0];
		$rate = $this->rate = ($now - $then) < 1 ? null : max(0, (int) (($bytes - $before) / ($now - $then)));
		$notes = ['at' => Clock::now(), 'rate' => $rate, 'rows' => $noted + $this->reached];
		Config::set('progress', json_encode($notes, JSON_THROW_ON_ERROR), 'overview:' . $this->channelId);
		$this->save();
	}

	/**
	 * Counts the bytes of transfers that a slice leaves unfinished, and saves everything.
	 *
	 * @param list<Moving> $progress
	 */
	public function close(array $progress): void
	{
		foreach ($progress as $one) {
			$this->count('received_bytes', max(
				0,
				$one['offset_bytes'] - ($this->first[$one['id']] ?? $one['offset_bytes']),
			));
		}
		$this->save();
	}

	/** Saves the counts. */
	private function save(): void
	{
		if (! $this->fresh) {
			return;
		}
		Config::set(
			'counts',
			json_encode(self::sum(self::counts($this->channelId), $this->fresh), JSON_THROW_ON_ERROR),
			self::scope($this->channelId),
		);
		$this->fresh = [];
	}

	/**
	 * Returns the counts of a channel since filesync was installed.
	 *
	 * @return Counts
	 */
	public static function counts(int $channelId): array
	{
		return self::decode(Config::get('counts', self::scope($channelId)));
	}

	/**
	 * Returns the counts of all channels of this hub, including those that left.
	 *
	 * @return Counts
	 */
	public static function allCounts(): array
	{
		$all = [];
		foreach (Config::all('counts') as $value) {
			$all = self::sum($all, self::decode($value));
		}

		return $all;
	}

	/** Forgets a channel. Its counts stay in the sum, which must not fall. */
	public static function forget(int $channelId): void
	{
		Config::set(
			'counts',
			json_encode(self::sum(self::counts(0), self::counts($channelId)), JSON_THROW_ON_ERROR),
			self::scope(0),
		);
		Config::clear('counts', self::scope($channelId));
	}

	/** Returns the key of a transfer's progress. */
	public static function key(string $id, int $generation): string
	{
		return "$id.$generation";
	}

	/**
	 * Returns the progress of unfinished transfers, from the notes of the previous worker.
	 *
	 * @return array<string, array{int, ?int}>
	 */
	private static function reachedBefore(int $channelId): array
	{
		/** @var array{rows?: array<string, array{int, ?int}>} $notes */
		$notes = json_decode(Config::get('progress', 'overview:' . $channelId), true) ?: [];
		$noted = array_filter($notes['rows'] ?? [], fn ($one) => $one[0] > 0);
		$ids = array_map(fn ($key) => strstr($key, '.', true), array_keys($noted));
		$rows = $ids
			? Table::select(
				'filesync_transfer',
				[
					'uid' => $channelId,
					'state' => [TransferState::STAGED, TransferState::LEASED, TransferState::WAITING],
					'id' => $ids,
				],
				'',
				0,
				'id, generation',
			)
			: [];

		return array_map(
			fn ($one) => [$one[0], null],
			array_intersect_key(
				$noted,
				array_flip(array_map(
					fn ($row) => self::key($row['id'], (int) $row['generation']),
					$rows,
				)),
			),
		);
	}

	private function count(string $name, int $more): void
	{
		$this->fresh[$name] = ($this->fresh[$name] ?? 0) + $more;
	}

	/** @return Counts */
	private static function decode(string $counts): array
	{
		/** @var Counts */
		return json_decode($counts, true) ?: [];
	}

	/**
	 * @param Counts $counts
	 * @param Counts $more
	 *
	 * @return Counts
	 */
	private static function sum(array $counts, array $more): array
	{
		foreach ($more as $name => $count) {
			$counts[$name] = $name === 'last_success'
				? max($counts[$name] ?? 0, $count)
				: ($counts[$name] ?? 0) + $count;
		}

		return $counts;
	}

	private static function scope(int $channelId): string
	{
		return 'counts:' . $channelId;
	}
}
