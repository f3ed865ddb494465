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
 */
final class Overview
{
	private const PAGE_ROWS = 500;
	private const HERE_TIMES = 30;
	private const THERE_TIMES = 60;
	private const THERE_SECONDS = 20;

	/**
	 * Counts a channel's files on this hub.
	 *
	 * @return array{files: int, bytes: int, whole_files: int, whole_bytes: int, missing_files: int, old_files: int,
	 *     parked_files: int} `files`: all known ones. `missing_files`: those of them not here at all. `old_files`: here
	 *     in the version before an arriving change.
	 */
	public static function here(Channel $channel): array
	{
		return self::remembered('here', $channel, 0, self::HERE_TIMES, fn () => self::countHere(
			$channel->id,
		));
	}

	/**
	 * Counts a channel's files on its other hubs, and on this one at the same time, for comparison.
	 *
	 * @return array{here: array, hubs: array<string, array{files: int, bytes: int}>} By normalised root URL: files
	 *     that are here or arriving, whose newest bytes that hub announced or was told about.
	 */
	public static function there(Channel $channel): array
	{
		return self::remembered('clones', $channel, self::THERE_SECONDS, self::THERE_TIMES, fn () => [
			'here' => self::countHere($channel->id),
			'hubs' => self::countThere($channel),
		]);
	}

	/** Forgets the counts of a channel. */
	public static function forget(int $channelId): void
	{
		foreach (['here', 'clones'] as $name) {
			Config::clear($name, "overview:$channelId");
		}
	}

	private static function remembered(string $name, Channel $channel, int $seconds, int $times, \Closure $count): array
	{
		$scope = 'overview:' . $channel->id;
		$known = json_decode(Config::get($name, $scope), true);
		if (is_array($known) && $known['until'] > Clock::now()) {
			return $known['counts'];
		}
		$start = Clock::exact();
		$counts = $count();
		$until = Clock::now() + max($seconds, (int) ($times * (Clock::exact() - $start)));
		if ($until > Clock::now()) {
			Config::set($name, json_encode(['until' => $until, 'counts' => $counts]), $scope);
		}

		return $counts;
	}

	private static function countHere(int $channelId): array
	{
		$mine = ['uid' => $channelId, 'is_dir' => 0];
		$files = Table::count('attach', $mine);
		$bytes = Table::sum('attach', 'filesize', $mine) + self::beyondColumn($mine);
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
	private static function beyondColumn(array $mine): int
	{
		$end = Family::largestFileBytes();
		$large = Table::select('attach', $mine + ['filesize' => $end], 'id', 100);

		return array_sum(array_map(fn ($row) => (int) Store::withTrueSize($row)['filesize'] - $end, $large));
	}

	private static function countThere(Channel $channel): array
	{
		$counts = [];
		foreach (Clones::others($channel) as $clone) {
			$counts[Clones::normalise($clone['url']) ?? $clone['url']] = ['files' => 0, 'bytes' => 0];
		}
		$where = ['uid' => $channel->id, 'state' => ['here', 'unknown'], 'is_dir' => 0];
		foreach ($counts
			? Table::each('filesync_file', $where, self::PAGE_ROWS, 'id, state, bytes, wanted, peers')
			: [] as $row) {
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

		return $counts;
	}
}
