<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What is arriving for a channel, how fast, and how long it will take.
 *
 * How far a file is stands on disk. How fast follows from where it was when somebody last looked, which is noted for the next look.
 */
final class Progress
{
	private const SHOWN = 10;
	/** Two looks between which speed is measured lie at least so far apart. */
	private const WINDOW_SECONDS = 5;
	/** Looks that lie further back say nothing of now. */
	private const STALE_SECONDS = 120;

	/**
	 * Returns the transfers under way, those that are furthest first, and sums over all that are to come.
	 *
	 * @return array{rows: list<array>, files: int, thumbnails: int, todo_bytes: int, bytes_per_second: ?int, seconds: ?int} A row: id, name,
	 *   scale, size_bytes, arrived_bytes, bytes_per_second, seconds. Null: not known yet.
	 */
	public static function of(int $channelId): array
	{
		$columns = 'id, hash, scale, generation, uid, names, size_bytes, state';
		$rows = array_map(self::withArrived(...), Table::select('filesync_transfer', ['uid' => $channelId, 'state' => ['leased', 'verified', 'publishing']], 'scale, updated', 200, $columns));
		$before = self::lookBack($channelId, $rows);
		$rate = self::rate($channelId, $rows, $before);
		foreach ($rows as &$row) {
			$bytes = isset($before['rows'][$row['id']]) ? max(0, $row['arrived_bytes'] - $before['rows'][$row['id']]) : null;
			$row['bytes_per_second'] = $bytes === null ? null : intdiv($bytes, max(1, Config::now() - $before['at']));
			$row['seconds'] = $row['bytes_per_second'] ? intdiv($row['size_bytes'] - $row['arrived_bytes'], $row['bytes_per_second']) : null;
		}
		unset($row);
		$todo = ['uid' => $channelId, 'state' => ['staged', 'leased']];
		$todoBytes = max(0, Table::sum('filesync_transfer', 'size_bytes', $todo) - array_sum(array_map(fn ($row) => $row['state'] === 'leased' ? $row['arrived_bytes'] : 0, $rows)));
		usort($rows, fn ($a, $b) => [$a['scale'] > 0, -$a['arrived_bytes'] / max(1, $a['size_bytes'])] <=> [$b['scale'] > 0, -$b['arrived_bytes'] / max(1, $b['size_bytes'])]);
		$coming = ['uid' => $channelId, 'state' => ['staged', 'to_make', 'leased', 'verified', 'publishing']];

		return ['rows' => array_slice($rows, 0, self::SHOWN), 'files' => Table::count('filesync_transfer', $coming + ['scale' => 0]),
			'thumbnails' => Table::count('filesync_transfer', $coming + ['scale >' => 0]), 'todo_bytes' => $todoBytes,
			'bytes_per_second' => $rate, 'seconds' => $rate ? intdiv($todoBytes, $rate) : null];
	}

	private static function withArrived(array $row): array
	{
		$size = (int) $row['size_bytes'];
		$stat = $row['state'] === 'leased' ? @stat(Store::dataRoot((int) $row['uid']) . '/' . Queue::partialName($row) . '.partial') : null;
		$arrived = match (true) {
			$row['state'] !== 'leased' => $size,
			$stat === false => 0,
			// Ranges come in any order: what is not there yet is a hole.
			default => min($size, 512 * max(0, $stat['blocks'])),
		};

		return ['id' => $row['id'], 'name' => implode('/', json_decode($row['names'], true) ?: []), 'state' => $row['state'], 'scale' => (int) $row['scale'],
			'size_bytes' => $size, 'arrived_bytes' => $arrived];
	}

	/** Returns the look to compare with, null if there is none, and notes this one once the last is old enough. */
	private static function lookBack(int $channelId, array $rows): ?array
	{
		$scope = 'overview:' . $channelId;
		$now = Config::now();
		$looks = array_filter(json_decode(Config::get('looks', $scope), true) ?: [], fn ($look) => $look['at'] > $now - self::STALE_SECONDS);
		$last = end($looks);
		if ($rows && (! $last || $last['at'] <= $now - self::WINDOW_SECONDS)) {
			$looks = [...array_slice($looks, -1), ['at' => $now, 'rows' => array_column($rows, 'arrived_bytes', 'id')]];
			Config::set('looks', json_encode($looks), $scope);
		}
		$first = reset($looks);

		return $first && $first['at'] < $now ? $first : null;
	}

	/** Returns the bytes a second of all transfers together, of those that are finished since too. */
	private static function rate(int $channelId, array $rows, ?array $before): ?int
	{
		if (! $before) {
			return null;
		}
		$bytes = 0;
		foreach ($rows as $row) {
			$bytes += $row['state'] === 'leased' ? max(0, $row['arrived_bytes'] - ($before['rows'][$row['id']] ?? $row['arrived_bytes'])) : 0;
		}
		$done = Table::select('filesync_transfer', ['uid' => $channelId, 'state' => ['verified', 'publishing', 'published'], 'updated >' => $before['at']], '', 1000, 'id, size_bytes');
		foreach ($done as $row) {
			$bytes += max(0, (int) $row['size_bytes'] - ($before['rows'][$row['id']] ?? 0));
		}

		return intdiv($bytes, max(1, Config::now() - $before['at']));
	}
}
