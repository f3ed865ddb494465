<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A folder of ours with its whole content.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 */
final class Tree
{
	private const FEW_FILES = 100;

	/**
	 * Returns the row and everything beneath it, the row first.
	 *
	 * @param AttachRow $own
	 *
	 * @return non-empty-list<AttachRow>
	 */
	public static function beneath(int $channelId, array $own): array
	{
		$rows = [$own];
		$level = (int) $own['is_dir'] ? [$own['hash']] : [];
		for ($depth = 0; $level !== [] && $depth < Bounds::DEEPEST_FOLDER; $depth++) {
			$children = [];
			foreach (array_chunk($level, 200) as $folders) {
				$children = [
					...$children,
					...Table::select('attach', ['uid' => $channelId, 'folder' => $folders], 'id'),
				];
			}
			$rows = [...$rows, ...$children];
			if (count($rows) > (20 * max(self::FEW_FILES, Config::number('delete_max_files')))) {
				throw new Postponed('the folder to delete contains too many files', false);
			}
			$level = array_column(array_filter($children, fn ($row) => (int) $row['is_dir'] !== 0), 'hash');
		}

		return $rows;
	}
}
