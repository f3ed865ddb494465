<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Tree;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Renames or moves one of our folders with everything beneath it: folders and files on disk, attach rows, photo rows,
 * display paths.
 *
 * The journal is an outbox row, written first. On disk the move is one rename of the folder, so that every file is at
 * the old place or at the new one; the rows follow in one transaction, and readers in between find the file a moment
 * later. finish() continues from wherever it was interrupted.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Place from \FileSync\Addon\Hub\Store
 */
final class FolderMove
{
	/**
	 * Moves a folder into another of our folders, under an unused name. The caller holds the channel's Turn.
	 *
	 * @param AttachRow $own
	 */
	public static function apply(Channel $channel, array $own, string $folder, string $name): void
	{
		$channelId = $channel->id;
		$rows = Tree::beneath($channelId, $own);
		if (
			$own['folder'] !== $folder
			&& Table::first(
				'filesync_transfer',
				['uid' => $channelId, 'hash' => array_column($rows, 'hash'), 'state' => TransferState::PUBLISHING],
				'',
				'id',
			)
		) {
			throw new Postponed('a file of the folder is being published', true);
		}
		$deeper =
			strlen(Store::place($channel, $folder, $own['hash'], $name)['os_path'] ?? '') - strlen($own['os_path']);
		if (($deeper + max(array_map(fn ($row) => strlen($row['os_path']), $rows))) > Bounds::LONGEST_PATH) {
			throw new Refused('paths in the moved folder would be longer than ' . Bounds::LONGEST_PATH . ' bytes');
		}
		Outbox::add($channelId, 'move', $own['hash'], json_encode(['folder' => $folder, 'name' => $name]));
		self::finish($channel, $own['hash'], $folder, $name);
		Outbox::done($channelId, 'move', $own['hash']);
	}

	/**
	 * Checks whether a move would put a folder into itself, because hubs moved folders into each other, and breaks the
	 * loop.
	 *
	 * The folder of the loop with the smallest hash moves to the root. Returns true if that is the folder itself;
	 * otherwise it is moved here.
	 *
	 * @param AttachRow $own
	 */
	public static function opensRing(Channel $channel, array $own, string $folder): bool
	{
		$channelId = $channel->id;
		$chain = array_column(Store::chain($channelId, $folder) ?? [], 'hash');
		$from = array_search($own['hash'], $chain, true);
		if ($from === false) {
			return false;
		}
		$first = min(array_map('strval', array_slice($chain, $from)));
		if ($first === $own['hash']) {
			return true;
		}
		Revisions::notice($channel, $first);
		$row = Store::attach($channelId, $first);
		self::apply($channel, $row, '', Store::freeName($channelId, '', $first, $row['filename']));
		Revisions::notice($channel, $first);
		Announcement::answer($channelId, $first, false);

		return false;
	}

	/** Makes a journaled move, or continues it. */
	public static function finish(Channel $channel, string $hash, string $folder, string $name): void
	{
		$channelId = $channel->id;
		$own = Store::attach($channelId, $hash);
		if (! $own) {
			return;
		}
		$place = Store::place($channel, $folder, $hash, $name) ?? throw new Postponed(
				'the folder is missing here',
				true,
			);
		$rows = Tree::beneath($channelId, $own);
		$old = Store::pathOf($channel, $own);
		if ($old !== null && $old !== $place['content']) {
			Store::refuseLinks($old);
			Store::refuseLinks($place['content']);
			self::moveOnDisk($old, $place['content']);
		}
		Table::transaction(fn () => self::writeRows($channel, $rows, $folder, $name, $place));
		Log::write("moved the folder $hash of channel $channelId, " . count($rows) . ' rows');
	}

	private static function moveOnDisk(string $old, string $new): void
	{
		clearstatcache();
		if (! is_dir($old)) {
			return;
		}
		if (! is_dir(dirname($new))) {
			Core::makeFolder(dirname($new));
		}
		if (is_dir($new)) {
			// Left by an earlier run; rename replaces an empty folder, and only that.
			@rmdir($new);
		}
		if (! @rename($old, $new)) {
			throw new Postponed("the folder's new path is already taken", false);
		}
	}

	/**
	 * @param non-empty-list<AttachRow> $rows
	 * @param Place                     $place
	 */
	private static function writeRows(Channel $channel, array $rows, string $folder, string $name, array $place): void
	{
		$places = [];
		foreach ($rows as $i => $row) {
			$above = $i === 0 ? null : $places[$row['folder']];
			$rowName = $i === 0 ? $name : $row['filename'];
			$here = $above === null
				? $place
				: [
					'os_path' => $above['os_path'] . '/' . $row['hash'],
					'album' => $above['display_path'],
					'display_path' => $above['display_path'] . '/' . $rowName,
					'content' => $above['content'] . '/' . $row['hash'],
				];
			$places[$row['hash']] = $here;
			$isStored = (int) $row['os_storage'] && Store::pathOf($channel, $row) !== null;
			Table::update(
				'attach',
				['display_path' => $here['display_path'], 'os_path' => $here['os_path']]
				+ ($isStored ? ['content' => $here['content']] : [])
				+ ($i === 0 ? ['folder' => $folder, 'filename' => $name] : []),
				['id' => (int) $row['id']],
			);
			if (! (int) $row['is_dir']) {
				self::writePhotos($channel, $row, $here);
			}
		}
	}

	private static function writePhotos(Channel $channel, array $row, array $here): void
	{
		$where = ['uid' => (int) $row['uid'], 'resource_id' => $row['hash']];
		$old = Store::pathOf($channel, $row);
		foreach (Table::select('photo', $where + ['os_storage' => 1], 'id', 0, 'id, imgscale, content') as $photo) {
			$suffix = (int) $photo['imgscale'] ? '-' . (int) $photo['imgscale'] : '';
			if ($old !== null && $photo['content'] === $old . $suffix) {
				Table::update('photo', ['content' => $here['content'] . $suffix], ['id' => (int) $photo['id']]);
			}
		}
		Table::update(
			'photo',
			[
				'os_path' => $here['os_path'],
				'display_path' => $here['display_path'],
				'album' => mb_substr(PhotoType::text($here['album']), 0, 191),
			],
			$where,
		);
	}
}
