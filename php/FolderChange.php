<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/** Applies what a packet says about folders. Those before the last entry are created if missing and never changed. */
final class FolderChange
{
	/**
	 * Looks at everything that could refuse the entry, before anything is written.
	 *
	 * @throws Refused
	 */
	public static function check(array $channel, Packet $packet): void
	{
		foreach ([...$packet->folders, $packet->last] as $row) {
			$own = Store::attach((int) $channel['channel_id'], $row['hash']);
			if ($own && (bool) (int) $own['is_dir'] !== (bool) $row['is_dir']) {
				throw new Refused('a folder and a file have the same hash');
			}
		}
	}

	/** Creates the folders of a chain that are missing, each beneath our own folder of the one before. */
	public static function createMissing(array $channel, array $folders): void
	{
		foreach ($folders as $folder) {
			$own = Store::attach((int) $channel['channel_id'], $folder['hash']);
			$own ? self::ensureOnDisk($channel, $own) : self::create($channel, $folder);
		}
	}

	/** Applies a packet that is about a folder. */
	public static function apply(array $channel, array $folder): void
	{
		$own = Store::attach((int) $channel['channel_id'], $folder['hash']);
		if (! $own) {
			self::create($channel, $folder);
			return;
		}
		self::ensureOnDisk($channel, $own);
		$acl = array_intersect_key($folder, array_flip(FileChange::ACL));
		if (array_diff_assoc($acl, $own)) {
			Table::update('attach', $acl, ['id' => (int) $own['id']]);
		}
		Store::setTerms((int) $channel['channel_id'], (int) $own['id'], $folder['term']);
		if ($own['folder'] !== $folder['folder'] || ! FileChange::isNameOrVariant($own['filename'], $folder['filename'])) {
			throw new Postponed('folders are not renamed or moved yet', false);
		}
	}

	private static function create(array $channel, array $folder): void
	{
		$channelId = (int) $channel['channel_id'];
		$name = Store::freeName($channelId, $folder['folder'], $folder['hash'], $folder['filename']);
		$place = Store::place($channel, $folder['folder'], $folder['hash'], $name)
			?? throw new Postponed('the folder above is not here', true);
		self::makeOnDisk($place['content']);
		Table::insert('attach', FileChange::columns($channel, $folder, $place, $name) + ['filesize' => 0, 'is_dir' => 1, 'is_photo' => 0,
			'filetype' => 'multipart/mixed', 'edited' => $folder['edited']]);
		$own = Store::attach($channelId, $folder['hash']);
		Store::setTerms($channelId, (int) $own['id'], $folder['term']);
	}

	private static function ensureOnDisk(array $channel, array $own): void
	{
		$path = Store::pathOf($channel, $own);
		if ($path !== null) {
			self::makeOnDisk($path);
		}
	}

	private static function makeOnDisk(string $path): void
	{
		Store::refuseLinks($path);
		if (! is_dir($path) && ! os_mkdir($path, STORAGE_DEFAULT_PERMISSIONS, true) && ! is_dir($path)) {
			throw new Postponed('a folder cannot be created on disk', true);
		}
	}
}
