<?php

namespace FileSync\Addon\Hub;

use FileSync\Addon\Outbox;

if (! class_exists('App', false)) {
	exit;
}

/** The posts that are linked to files: stored, dropped, and their attachments' access repaired, by core's own functions. */
final class Items
{
	/** Stores the items of a packet; if core cannot now, a worker tries again. */
	public static function take(array $channel, array $items, array $relocate): void
	{
		try {
			self::store($channel, $items, $relocate);
		} catch (\Throwable $e) {
			Config::logFailure('storing the items of a packet', $e);
			$body = json_encode(['items' => $items, 'relocate' => $relocate], JSON_INVALID_UTF8_SUBSTITUTE) ?: '';
			Outbox::add((int) $channel['channel_id'], 'items', hash('sha256', $body), $body);
		}
	}

	/** Stores items that another clone sent. */
	public static function store(array $channel, array $items, array $relocate): void
	{
		Family::loadImport();
		\sync_items($channel, $items, $relocate);
	}

	/**
	 * Drops the posts linked to a file that a clone deleted.
	 *
	 * Each is detached from the file first: core sends a delete packet for any that is not.
	 */
	public static function dropLinked(int $channelId, string $hash): void
	{
		$where = ['uid' => $channelId, 'resource_id' => $hash, 'resource_type' => ['photo', 'attach']];
		foreach (Table::select('item', $where, 'id', 0, 'id, item_hidden, item_deleted') as $item) {
			Table::update('item', ['resource_id' => '', 'resource_type' => ''], ['id' => (int) $item['id']]);
			if (! (int) $item['item_deleted']) {
				drop_item((int) $item['id'], false, (int) $item['item_hidden'] ? DROPITEM_NORMAL : DROPITEM_PHASE1);
			}
		}
	}

	/**
	 * Gives a file that was uploaded straight into a post the post's access, where the post came before the file.
	 */
	public static function repairAccess(array $channel, string $hash): void
	{
		Family::loadImport();
		$where = ['uid' => (int) $channel['channel_id'], 'author_xchan' => $channel['channel_hash'], 'item_deleted' => 0, 'body like' => '%' . $hash . '%'];
		foreach (Table::select('item', $where, 'id', 20, 'body, allow_cid, allow_gid, deny_cid, deny_gid') as $item) {
			$acl = [$item['allow_cid'], $item['allow_gid'], $item['deny_cid'], $item['deny_gid']];
			if (function_exists('fix_attached_photo_permissions')) {
				fix_attached_photo_permissions((int) $channel['channel_id'], $channel['channel_hash'], $item['body'], ...$acl);
			}
		}
	}

	/** Sends the present state of a file to the other clones. */
	public static function announce(array $channel, string $hash): void
	{
		$file = \attach_export_data($channel, $hash);
		if (! empty($file['attach'])) {
			\Zotlabs\Lib\Libsync::build_sync_packet((int) $channel['channel_id'], ['file' => [$file]]);
		}
	}

	/** Has core make the preview of a file. */
	public static function makePreview(string $hash): void
	{
		\Zotlabs\Daemon\Master::Summon(['Thumbnail', $hash]);
	}
}
