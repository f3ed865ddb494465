<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Storage\Tree;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Deletes that came from a clone and wait: until the hub can do them, or for approval. The files are still here, and
 * must not be sent to a clone that has them no more.
 */
final class WaitingDeletes
{
	/**
	 * Returns the files and folders that would go, with all beneath.
	 *
	 * @return array<string, true> By hash.
	 */
	public static function of(int $channelId): array
	{
		$going = [];
		foreach (self::named($channelId) as $hash) {
			$own = Store::attach($channelId, $hash);
			foreach ($own ? Tree::beneath($channelId, $own) : [] as $row) {
				$going[$row['hash']] = true;
			}
		}

		return $going;
	}

	/** @return list<string> The hashes that the waiting packets name. */
	private static function named(int $channelId): array
	{
		$held = ['uid' => $channelId, 'what' => 'deleted', 'state' => 'held'];
		$hashes = array_column(Table::select('filesync_held', $held, '', 0, 'DISTINCT hash'), 'hash');
		foreach (Table::each('filesync_packet', ['uid' => $channelId], 500, HeldPackets::COLUMNS) as $row) {
			$about = HeldPackets::about($row);
			if ($about && $about['delete_count'] > count($about['deletes'])) {
				try {
					$about['deletes'] = Packet::read(HeldPackets::entry($row))->deletes;
				} catch (\RuntimeException $e) {
					Log::failure('reading a delete that waits', $e);
				}
			}
			$hashes = [...$hashes, ...($about['deletes'] ?? [])];
		}

		return array_values(array_unique($hashes));
	}
}
