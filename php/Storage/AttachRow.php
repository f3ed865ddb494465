<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Widths;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A row of a file or folder, as hubs write it.
 *
 * @import-type Attach from \FileSync\Addon\Protocol\Packet
 * @import-type Place from \FileSync\Addon\Hub\Store
 */
final class AttachRow
{
	/** Tells whether one name equals the other, or is a hub's `name(N).ext` for it. */
	public static function isNameOrVariant(string $ours, string $theirs): bool
	{
		return (
			preg_replace('/\(\d+\)(?=(\.[^.]*)?$)/', '', $ours, 1) === preg_replace(
				'/\(\d+\)(?=(\.[^.]*)?$)/',
				'',
				$theirs,
				1,
			)
		);
	}

	/**
	 * Returns the columns about the bytes of a file, as the hub's table can hold them.
	 *
	 * @return array<string, int|string>
	 */
	public static function contents(string $type, int $sizeBytes, string $edited, bool $isPhoto = false): array
	{
		return [
			'filetype' => Widths::mediaType($type),
			'filesize' => Family::sizeColumn($sizeBytes),
			'edited' => $edited,
			'is_photo' => (int) $isPhoto,
			'is_dir' => 0,
		];
	}

	/** @return array<string, int|string> Those columns of a folder. */
	public static function folder(string $edited): array
	{
		return ['is_dir' => 1] + self::contents('multipart/mixed', 0, $edited);
	}

	/**
	 * Returns the columns of a new attach row that files and folders share.
	 *
	 * @param Attach $row   From a checked packet.
	 * @param Place  $place
	 *
	 * @return array<string, int|string>
	 */
	public static function columns(Channel $channel, array $row, array $place, string $name): array
	{
		return [
			'aid' => $channel->accountId,
			'uid' => $channel->id,
			'hash' => $row['hash'],
			'creator' => $row['creator'],
			'filename' => $name,
			'revision' => 0,
			'folder' => $row['folder'],
			'flags' => $row['flags'] & 0x7fffffff,
			'os_storage' => 1,
			'os_path' => $place['os_path'],
			'display_path' => $place['display_path'],
			'content' => $place['content'],
			'created' => $row['created'],
			'allow_cid' => $row['allow_cid'],
			'allow_gid' => $row['allow_gid'],
			'deny_cid' => $row['deny_cid'],
			'deny_gid' => $row['deny_gid'],
		];
	}
}
