<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Changes a file's name or folder. At every moment its rows name existing files: first it adds the new names, then
 * changes the rows, then removes the old names.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type PhotoRow from \FileSync\Addon\Hub\Rows
 * @import-type Place from \FileSync\Addon\Hub\Store
 */
final class Relocation
{
	/**
	 * Moves our file into one of our folders, under an unused name.
	 *
	 * @param AttachRow $own
	 */
	public static function apply(Channel $channel, array $own, string $folder, string $name): void
	{
		if ($own['folder'] === $folder && $own['filename'] === $name) {
			return;
		}
		$place = Store::place($channel, $folder, $own['hash'], $name) ?? throw new Postponed(
				'the folder is missing here',
				true,
			);
		$photos = Table::select(
			'photo',
			['uid' => (int) $own['uid'], 'resource_id' => $own['hash'], 'os_storage' => 1],
			'id',
			0,
			'id, imgscale, content',
		);
		$old = Store::pathOf($channel, $own);
		$moves = $old !== null && $old !== $place['content'] ? self::moves($old, $place['content'], $photos) : [];
		if ($old !== null && $moves !== []) {
			Store::refuseLinks($old);
			Store::refuseLinks($place['content']);
			self::refuseWhilePublishing($own);
			self::linkAll($moves);
		}
		Table::transaction(fn () => self::writeRows($own, $folder, $name, $place, $photos, $moves));
		foreach (array_keys($moves) as $path) {
			@unlink($path);
		}
		if ($old !== null && $moves !== [] && is_file($old . '.thumb')) {
			@rename($old . '.thumb', $place['content'] . '.thumb');
		}
		Log::write('moved ' . $own['hash'] . ' of channel ' . $own['uid']);
	}

	/**
	 * @param AttachRow             $own
	 * @param Place                 $place
	 * @param list<PhotoRow>        $photos
	 * @param array<string, string> $moves
	 */
	private static function writeRows(
		array $own,
		string $folder,
		string $name,
		array $place,
		array $photos,
		array $moves,
	): void {
		$names = ['filename' => $name, 'display_path' => $place['display_path']];
		Table::update(
			'attach',
			$names
			+ ($own['folder'] === $folder ? [] : ['folder' => $folder])
			+ ($moves ? ['os_path' => $place['os_path'], 'content' => $place['content']] : []),
			['id' => (int) $own['id']],
		);
		Table::update(
			'photo',
			['filename' => PhotoType::text($name)]
			+ $names
			+ ['os_path' => $place['os_path'], 'album' => mb_substr(PhotoType::text($place['album']), 0, 191)],
			['uid' => (int) $own['uid'], 'resource_id' => $own['hash']],
		);
		foreach ($photos as $photo) {
			if (isset($moves[$photo['content']])) {
				Table::update('photo', ['content' => $moves[$photo['content']]], ['id' => (int) $photo['id']]);
			}
		}
	}

	/**
	 * Returns old path => new path of the file and of the scales beside it.
	 *
	 * @param list<PhotoRow> $photos
	 *
	 * @return array<string, string>
	 */
	private static function moves(string $old, string $new, array $photos): array
	{
		$moves = is_file($old) ? [$old => $new] : [];
		foreach ($photos as $photo) {
			$path = $old . '-' . (int) $photo['imgscale'];
			if ($photo['content'] === $path && is_file($path)) {
				$moves[$path] = $new . '-' . (int) $photo['imgscale'];
			}
		}

		return $moves;
	}

	/** @param array<string, string> $moves */
	private static function linkAll(array $moves): void
	{
		foreach ($moves as $old => $new) {
			if (! is_dir(dirname($new))) {
				Core::makeFolder(dirname($new));
			}
			if (! @link($old, $new) && ! self::isSameFile($old, $new)) {
				throw new Postponed("the file's new path is already taken", false);
			}
		}
	}

	private static function isSameFile(string $one, string $other): bool
	{
		clearstatcache();
		$a = @stat($one);
		$b = @stat($other);

		return $a && $b && $a['dev'] === $b['dev'] && $a['ino'] === $b['ino'];
	}

	/** @param AttachRow $own */
	private static function refuseWhilePublishing(array $own): void
	{
		if (Table::first(
			'filesync_transfer',
			['uid' => (int) $own['uid'], 'hash' => $own['hash'], 'state' => TransferState::PUBLISHING],
			'',
			'id',
		)) {
			throw new Postponed('the file is being published', true);
		}
	}
}
