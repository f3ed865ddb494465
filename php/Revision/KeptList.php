<?php

namespace FileSync\Addon\Revision;

use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/** Lists the kept files, newest first: rows in pages, and each file's entry, which can be large, one at a time. */
final class KeptList
{
	private const PAGE = 500;
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
		$where += ['scale' => 0, 'source' => ''];
		for (
			$count = 0, $before = PHP_INT_MAX;
			$at = Table::first('filesync_kept', $where + ['created <' => $before], 'created DESC', 'created');
			$before = (int) $at['created']
		) {
			foreach (Table::each(
				'filesync_kept',
				$where + ['created' => (int) $at['created']],
				self::PAGE,
				self::COLUMNS,
			) as $row) {
				yield $row + self::known($row['id']);
				if (++$count === $most) {
					return;
				}
			}
		}
	}

	/** Returns the ids with a given prefix, at most a few. */
	public static function begun(string $id): array
	{
		$rows = Table::select('filesync_kept', ['source' => '', 'id like' => "$id%"], 'id', 20, 'id');

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
