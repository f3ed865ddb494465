<?php

namespace FileSync\Addon\Revision;

use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * On which day each file was deleted whose tombstone has ended, table filesync_ended: a restore brings back nothing
 * that was deleted after the backup, however long ago. A row is a digest and a day; the oldest go first.
 *
 * @import-type FileRow from \FileSync\Addon\Hub\Rows
 */
final class Ended
{
	/** How many are remembered for a channel. */
	private const MOST = 1000000;

	private const DAY = 86400;
	private const PAGE = 500;
	private const NAME = 32;

	/**
	 * Ends the tombstones that nothing has changed since a time.
	 *
	 * @param list<string> $states The states of tombstones.
	 */
	public static function collect(array $states, int $before, int $most = self::MOST): void
	{
		$old = ['state' => $states, 'updated <' => $before];
		foreach (Table::pages('filesync_file', $old, self::PAGE, 'id, uid, hash, updated') as $rows) {
			self::end($old, $rows);
		}
		foreach (Table::select('filesync_ended', [], '', 0, 'DISTINCT uid') as $row) {
			self::prune((int) $row['uid'], $most);
		}
	}

	/**
	 * Ends tombstones: each becomes a day. A process that is killed in between has not lost them.
	 *
	 * @param array<string, mixed> $where What else must still be true of them.
	 * @param list<FileRow>        $rows  Rows of filesync_file, with at least `id`, `uid`, `hash` and `updated`.
	 */
	public static function end(array $where, array $rows): void
	{
		if ($rows === []) {
			return;
		}
		$days = [];
		foreach ($rows as $row) {
			$id = self::named((int) $row['uid'], $row['hash']);
			$days[$id] = ['id' => $id, 'uid' => (int) $row['uid'], 'day' => intdiv((int) $row['updated'], self::DAY)];
		}
		foreach (array_chunk($days, self::PAGE, true) as $some) {
			$known = Table::select('filesync_ended', ['id' => array_keys($some)], '', 0, 'id');
			$new = array_diff_key($some, array_column($known, null, 'id'));
			if ($new === [] || ! Table::tryInsert('filesync_ended', ...array_values($new))) {
				$new = [];
			}
			foreach (array_diff_key($some, $new) as $id => $row) {
				Table::upsert('filesync_ended', ['id' => $id], ['day' => $row['day']], ['uid' => $row['uid']]);
			}
		}
		Table::delete('filesync_file', $where + ['id' => array_column($rows, 'id')]);
	}

	/** Returns the day on which a file was deleted (2026-08-20), if its tombstone has ended; otherwise null. */
	public static function day(int $channelId, string $hash): ?string
	{
		return self::days($channelId, [$hash])[$hash] ?? null;
	}

	/**
	 * Returns the days on which some files were deleted whose tombstones have ended.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, string> By hash.
	 */
	public static function days(int $channelId, array $hashes): array
	{
		$ids = [];
		foreach ($hashes as $hash) {
			$ids[self::named($channelId, $hash)] = $hash;
		}
		$days = [];
		foreach ($ids === []
			? []
			: Table::select('filesync_ended', ['id' => array_keys($ids)], '', 0, 'id, day') as $row) {
			$days[$ids[$row['id']] ?? ''] = gmdate('Y-m-d', self::DAY * (int) $row['day']);
		}

		return $days;
	}

	private static function prune(int $channelId, int $most): void
	{
		$mine = ['uid' => $channelId];
		for ($tooMany = Table::count('filesync_ended', $mine) - $most; $tooMany > 0; $tooMany -= self::PAGE) {
			$oldest = Table::select('filesync_ended', $mine, 'day, id', min($tooMany, self::PAGE), 'id');
			Table::delete('filesync_ended', ['id' => array_column($oldest, 'id')]);
		}
	}

	private static function named(int $channelId, string $hash): string
	{
		return substr(hash('sha256', "$channelId\n$hash"), 0, self::NAME);
	}
}
