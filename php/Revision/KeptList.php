<?php

namespace FileSync\Addon\Revision;

use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Lists the kept files, newest first: rows in pages, and each file's entry, which can be large, one at a time.
 *
 * @import-type KeptRow from \FileSync\Addon\Hub\Rows
 */
final class KeptList
{
	private const PAGE = 500;
	/** As an index has them, read from its end. */
	private const NEWEST = 'created DESC, id DESC';
	private const COLUMNS = 'id, uid, hash, scale, path, source, size_bytes, why, created';

	/**
	 * Returns the kept files with their names (empty if unknown), and the clone that replaced or deleted them (`by`).
	 *
	 * @param array $where Further conditions, such as `uid`.
	 * @param int   $most  How many; 0: all.
	 *
	 * @return \Generator<array>
	 */
	public static function each(array $where, int $most = 0): \Generator
	{
		$count = 0;
		$page = $most > 0 ? min($most, self::PAGE) : self::PAGE;
		foreach (self::newestFirst($where + ['scale' => 0, 'source' => ''], self::COLUMNS, $page) as $row) {
			yield $row + self::known($row['id']);
			if (++$count === $most) {
				return;
			}
		}
	}

	/**
	 * Returns all rows, a page at a time, however many are of one second.
	 *
	 * @return \Generator<int, KeptRow>
	 */
	public static function newestFirst(array $where, string $columns, int $page = self::PAGE): \Generator
	{
		$before = PHP_INT_MAX;
		do {
			$older = $where + ['created <' => $before];
			$rows = Table::select('filesync_kept', $older, self::NEWEST, $page, $columns);
			foreach ($rows as $row) {
				yield $row;
			}
			$last = end($rows);
			if ($last && count($rows) === $page) {
				$before = (int) $last['created'];
				yield from self::ofOneSecond($where + ['created' => $before], $last['id'], $columns, $page);
			}
		} while (count($rows) === $page);
	}

	/** @return \Generator<int, KeptRow> */
	private static function ofOneSecond(array $where, string $before, string $columns, int $page): \Generator
	{
		while ($rows = Table::select('filesync_kept', $where + ['id <' => $before], 'id DESC', $page, $columns)) {
			foreach ($rows as $row) {
				yield $row;
			}
			$before = $rows[count($rows) - 1]['id'];
		}
	}

	/** Returns the ids with a given prefix, at most a few. */
	public static function begun(string $id): array
	{
		// Ids are hexadecimal.
		$rows = Table::select('filesync_kept', ['id >=' => $id, 'id <' => "{$id}g", 'source' => ''], 'id', 20, 'id');

		return array_values(array_filter(array_column($rows, 'id'), fn ($one) => str_starts_with($one, $id)));
	}

	private static function known(string $id): array
	{
		try {
			$entry = Json::read((string) (Table::first('filesync_kept', ['id' => $id], '', 'entry')['entry'] ?? ''));
		} catch (\LengthException) {
			$entry = null;
		}

		return [
			'name' =>
				$entry['attach']['display_path'] ?? $entry['attach']['filename'] ?? $entry['lone']['filename'] ?? '',
			'by' => (string) ($entry['by'] ?? ''),
		];
	}
}
