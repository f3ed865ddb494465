<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Applies a received delete: the bytes are kept first, the linked posts go in a way that sends nothing, then core deletes.
 *
 * May be cut off anywhere and run again. Too much at once waits for a person.
 */
final class Deletion
{
	private const DEEPEST_FOLDER = 64;

	/** Deletes a file, or a folder with all beneath it. */
	public static function apply(array $channel, string $hash): void
	{
		$channelId = (int) $channel['channel_id'];
		$own = Store::attach($channelId, $hash);
		$rows = $own ? self::beneath($channelId, $own) : [];
		self::checkBounds($channel, $rows);
		self::dropTransfers($channelId, $hash, $rows);
		if (! $own && ! Table::first('photo', ['uid' => $channelId, 'resource_id' => $hash], '', 'id')) {
			return;
		}
		foreach ($rows as $row) {
			if (! (int) $row['is_dir']) {
				Kept::keepDeleted($channel, $row);
			}
		}
		foreach ([...array_column($rows, 'hash'), $hash] as $each) {
			Items::dropLinked($channelId, $each);
		}
		attach_delete($channelId, $hash);
		self::removePreviews($channel, $rows);
		Config::log("deleted $hash of channel $channelId, " . count($rows) . ' rows, as a clone asked');
	}

	/** Returns the row and all beneath it, the row first. */
	private static function beneath(int $channelId, array $own): array
	{
		$rows = [$own];
		$level = (int) $own['is_dir'] ? [$own['hash']] : [];
		for ($depth = 0; $level && $depth < self::DEEPEST_FOLDER; $depth++) {
			$children = [];
			foreach (array_chunk($level, 200) as $folders) {
				$children = [...$children, ...Table::select('attach', ['uid' => $channelId, 'folder' => $folders], 'id')];
			}
			$rows = [...$rows, ...$children];
			if (count($rows) > 20 * Config::number('delete_max_files')) {
				throw new Postponed('a folder delete with too much beneath it', false);
			}
			$level = array_column(array_filter($children, fn ($row) => (int) $row['is_dir']), 'hash');
		}

		return $rows;
	}

	private static function checkBounds(array $channel, array $rows): void
	{
		if (count($rows) < 2) {
			return;
		}
		$files = 0;
		$bytes = 0;
		foreach ($rows as $row) {
			$files += (int) $row['is_dir'] ? 0 : 1;
			$bytes += Store::facts(Store::pathOf($channel, $row))['size_bytes'] ?? 0;
		}
		if ($files > Config::number('delete_max_files') || $bytes > Config::number('kept_max_bytes')) {
			throw new Postponed("a folder delete of $files files, $bytes bytes: more than may be kept", false);
		}
	}

	/** Drops what is on its way for the rows, and for files that were to arrive in the folders among them. */
	private static function dropTransfers(int $channelId, string $hash, array $rows): void
	{
		$hashes = [$hash, ...array_column($rows, 'hash')];
		$folders = [$hash, ...array_column(array_filter($rows, fn ($row) => (int) $row['is_dir']), 'hash')];
		$arriving = Table::select('filesync_transfer', ['uid' => $channelId, 'folder' => $folders], '', 0, 'DISTINCT hash');
		foreach (array_unique([...$hashes, ...array_column($arriving, 'hash')]) as $each) {
			Queue::drop($channelId, $each);
		}
	}

	private static function removePreviews(array $channel, array $rows): void
	{
		foreach ($rows as $row) {
			$path = Store::pathOf($channel, $row);
			if ($path !== null && is_file($path . '.thumb')) {
				@unlink($path . '.thumb');
			}
		}
	}
}
