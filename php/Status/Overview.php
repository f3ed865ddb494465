<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * How complete a channel is: here by its rows and transfers, on its other hubs by what we sent them and they sent us.
 * Numbers, no words.
 *
 * Counting takes longer with more files, so a count is reused for a multiple of the time that it took: a page that
 * refreshes every few seconds costs a few percent of one processor, however large the channel.
 *
 * @type Here = array{
 *     files: int, bytes: int, whole_files: int, whole_bytes: int, missing_files: int, old_files: int, parked_files: int
 * }
 * @type Hubs = array<string, array{files: int, bytes: int}>
 * @type There = array{here: Here, hubs: Hubs}
 */
final class Overview
{
	private const PAGE_ROWS = 500;
	private const SUMS = 'count(*) as files, sum(filesize) as bytes, max(filesize) as largest';
	private const HERE_TIMES = 30;
	private const THERE_TIMES = 60;
	private const THERE_SECONDS = 20;
	/** So long a page counts what other hubs have; the next one goes on there. */
	private const AT_ONCE = 0.05;
	/** A count that nobody went on with begins again. */
	private const LEFT_SECONDS = 600;

	/**
	 * Counts a channel's files on this hub.
	 *
	 * @return Here `files`: all known ones. `missing_files`: those of them not here at all. `old_files`: here
	 *     in the version before an arriving change.
	 */
	public static function here(Channel $channel): array
	{
		/** @var ?array{until: int, counts: Here} $known */
		$known = self::noted('here', $channel);
		if ($known && $known['until'] > Clock::now()) {
			return $known['counts'];
		}
		$start = Clock::exact();
		$counts = self::countHere($channel->id);
		$until = Clock::now() + (int) (self::HERE_TIMES * (Clock::exact() - $start));
		if ($until > Clock::now()) {
			self::note('here', $channel, ['until' => $until, 'counts' => $counts]);
		}

		return $counts;
	}

	/**
	 * Counts a channel's files on its other hubs, and on this one at the same time, for comparison.
	 *
	 * @return There `hubs`: by normalised root URL, files that are here or arriving, whose newest bytes that hub
	 *     announced or was told about; of a large channel those of the last count, none before the first is complete.
	 */
	public static function there(Channel $channel): array
	{
		/** @var ?array{until: int, counts: There} $known */
		$known = self::noted('clones', $channel);
		if ($known && $known['until'] > Clock::now()) {
			return $known['counts'];
		}
		/** @var ?array{at: int, after: string, took: float, hubs: Hubs} $begun */
		$begun = self::noted('counting', $channel);
		if (! $begun || $begun['at'] < (Clock::now() - self::LEFT_SECONDS)) {
			$begun = ['at' => Clock::now(), 'after' => '', 'took' => 0.0, 'hubs' => []];
		}
		$sum = self::countThere($channel, $begun);
		if ($sum['after'] !== null) {
			self::note('counting', $channel, $sum);
			return $known['counts'] ?? ['here' => self::here($channel), 'hubs' => []];
		}
		$counts = ['here' => self::here($channel), 'hubs' => $sum['hubs']];
		$seconds = max(self::THERE_SECONDS, (int) (self::THERE_TIMES * $sum['took']));
		self::note('clones', $channel, ['until' => Clock::now() + $seconds, 'counts' => $counts]);
		Config::clear('counting', 'overview:' . $channel->id);

		return $counts;
	}

	/** @return array{files: int, bytes: int} The replaced and deleted files of all channels. */
	public static function kept(): array
	{
		$sums = Table::rows('filesync_kept', [], '', 0, 'count(*) as files, sum(size_bytes) as bytes')[0] ?? [];

		return ['files' => (int) ($sums['files'] ?? 0), 'bytes' => (int) ($sums['bytes'] ?? 0)];
	}

	private static function noted(string $name, Channel $channel): mixed
	{
		return json_decode(Config::get($name, 'overview:' . $channel->id), true);
	}

	private static function note(string $name, Channel $channel, array $what): void
	{
		Config::set($name, json_encode($what, JSON_THROW_ON_ERROR), 'overview:' . $channel->id);
	}

	/** Forgets the counts of a channel. */
	public static function forget(int $channelId): void
	{
		foreach (['here', 'clones', 'counting', 'conflicts'] as $name) {
			Config::clear($name, "overview:$channelId");
		}
	}

	/** @return Here */
	private static function countHere(int $channelId): array
	{
		$mine = ['uid' => $channelId, 'is_dir' => 0];
		$sums = Table::rows('attach', $mine, '', 0, self::SUMS)[0] ?? [];
		$files = (int) ($sums['files'] ?? 0);
		$bytes = (int) ($sums['bytes'] ?? 0) + self::beyondColumn($mine, (int) ($sums['largest'] ?? 0));
		$counts = ['missing_files' => 0, 'old_files' => 0, 'parked_files' => 0];
		$missingBytes = $oldBytes = 0;
		$wanted = ['uid' => $channelId, 'scale' => 0, 'state' => [...Queue::LIVE, TransferState::PARKED]];
		foreach (Table::pages(
			'filesync_transfer',
			$wanted,
			self::PAGE_ROWS,
			'id, hash, state, kind, size_bytes',
		) as $rows) {
			$present = array_column(
				Table::select('attach', $mine + ['hash' => array_column($rows, 'hash')], '', 0, 'hash, filesize'),
				'filesize',
				'hash',
			);
			foreach ($rows as $row) {
				$isHere = isset($present[$row['hash']]);
				if (
					$row['state'] === TransferState::PARKED
					&& $isHere
					&& in_array($row['kind'], [...Queue::OURS_STAY, Queue::BRAKE], true)
				) {
					continue;
				}
				$counts[$isHere ? 'old_files' : 'missing_files']++;
				$counts['parked_files'] += $row['state'] === TransferState::PARKED ? 1 : 0;
				$missingBytes += $isHere ? 0 : (int) $row['size_bytes'];
				$oldBytes += $isHere ? (int) $present[$row['hash']] : 0;
			}
		}

		return $counts
		+ [
			'files' => $files + $counts['missing_files'],
			'bytes' => $bytes + $missingBytes,
			'whole_files' => $files - $counts['old_files'],
			'whole_bytes' => max(0, $bytes - $oldBytes),
		];
	}

	/** Returns the bytes of files beyond the maximum of the hub's size column. */
	private static function beyondColumn(array $mine, int $largest): int
	{
		$end = Family::largestFileBytes();
		if ($largest < $end) {
			return 0;
		}
		$large = Table::select('attach', $mine + ['filesize' => $end], 'id', 100);

		return array_sum(array_map(fn ($row) => (int) Store::withTrueSize($row)['filesize'] - $end, $large));
	}

	/**
	 * Goes on counting what other hubs announced or heard of, for a moment.
	 *
	 * @param array{at: int, after: string, took: float, hubs: Hubs} $sum
	 *
	 * @return array{at: int, after: ?string, took: float, hubs: Hubs} `after` null: all are counted.
	 */
	private static function countThere(Channel $channel, array $sum): array
	{
		/** @var Hubs $counts */
		$counts = [];
		foreach (Clones::others($channel) as $clone) {
			$hub = Clones::normalise($clone['url']) ?? $clone['url'];
			$counts[$hub] = $sum['hubs'][$hub] ?? ['files' => 0, 'bytes' => 0];
		}
		$where = ['uid' => $channel->id, 'state' => ['here', 'unknown'], 'is_dir' => 0];
		$columns = 'id, state, bytes, wanted, peers';
		$start = Clock::exact();
		for ($after = $counts ? $sum['after'] : null; $after !== null && (Clock::exact() - $start) < self::AT_ONCE;) {
			$rows = Table::select('filesync_file', $where + ['id >' => $after], 'id', self::PAGE_ROWS, $columns);
			foreach ($rows as $row) {
				// The others have the version that is arriving here.
				$print =
					json_decode($row['wanted'], true)['print']
						?? ($row['state'] === 'here' ? json_decode($row['bytes'], true)['print'] ?? '' : '');
				foreach (json_decode($row['peers'], true) ?: [] as $hub => $told) {
					if (isset($counts[$hub]) && $print !== '' && ($told['bytes']['print'] ?? null) === $print) {
						$counts[$hub]['files']++;
						$counts[$hub]['bytes'] += (int) $print;
					}
				}
			}
			$after = count($rows) < self::PAGE_ROWS ? null : $rows[self::PAGE_ROWS - 1]['id'];
		}

		/** @var Hubs $counts */
		return [
			'at' => $sum['at'],
			'after' => $after,
			'took' => $sum['took'] + Clock::exact() - $start,
			'hubs' => $counts,
		];
	}
}
