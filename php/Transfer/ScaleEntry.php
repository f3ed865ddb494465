<?php

namespace FileSync\Addon\Transfer;

use FileSync\Addon\Order\Access;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The facts that the transfer of a photo's scale keeps from its packet: its own row, and none of the photo's texts that
 * the photo's transfer already has, because each scale would repeat them. The scale's access is determined when it
 * arrives, from the photo as it is then.
 *
 * @import-type Row from Access
 * @import-type Attach from \FileSync\Addon\Protocol\Packet
 * @import-type Photo from \FileSync\Addon\Protocol\Packet
 *
 * @type OfPhoto = array{
 *     hash: string, filename: string, folder: string, filesize: int, filetype: string, is_photo: int, edited: string
 * }
 * @type Whole = array{
 *     hash: string, filename: string, folder: string, filesize: int|string, filetype: string, is_photo: int|string,
 *     edited: string, allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string, ...
 * }
 * @type Scale = array{folders: array{}, attach: OfPhoto, access: string, photo: Photo, narrowed: bool}
 * @type Amended = array{
 *     filename: string, folder: string, allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string, ...
 * }
 */
final class ScaleEntry
{
	/**
	 * Returns the entry of a scale.
	 *
	 * @param Whole $attach     The row of the photo.
	 * @param Photo $photo      The row of the scale.
	 * @param bool  $isNarrowed Whether the scale is limited to people who may see the photo.
	 *
	 * @return Scale
	 */
	public static function of(array $attach, array $photo, bool $isNarrowed): array
	{
		return [
			'folders' => [],
			'attach' => self::ofPhoto($attach),
			'access' => self::print($attach),
			'photo' => $photo,
			'narrowed' => $isNarrowed,
		];
	}

	/**
	 * Returns an entry with the photo's later name, folder and access.
	 *
	 * @param Scale   $entry
	 * @param Amended $row
	 *
	 * @return Scale
	 */
	public static function amended(array $entry, array $row): array
	{
		return self::of($row + $entry['attach'], $entry['photo'], true);
	}

	/**
	 * Returns the row of the scale with its final access, based on our row of the photo: its own only while the photo
	 * has the packet's access.
	 *
	 * @param Scale     $entry
	 * @param Row $own $own
	 *
	 * @return Photo
	 */
	public static function photo(array $entry, array $own, string $owner): array
	{
		if (self::print($own) !== $entry['access']) {
			return Access::lists($own) + $entry['photo'];
		}

		return ($entry['narrowed'] ? Access::narrower($entry['photo'], $own, $owner) : []) + $entry['photo'];
	}

	/**
	 * Returns an entry from its text, as it would be written now: an older version noted neither the photo's access nor
	 * whether the scale's is limited, but the whole row of the photo.
	 *
	 * @return Scale
	 */
	public static function decode(string $text): array
	{
		/** @var array{attach: Whole, photo: Photo, access?: string, narrowed?: bool, ...} $entry */
		$entry = json_decode($text, true);

		return [
			'folders' => [],
			'attach' => self::ofPhoto($entry['attach']),
			'access' => $entry['access'] ?? self::print($entry['attach']),
			'photo' => $entry['photo'],
			'narrowed' => $entry['narrowed'] ?? false,
		];
	}

	/**
	 * @param OfPhoto|Whole $attach
	 *
	 * @return OfPhoto
	 */
	private static function ofPhoto(array $attach): array
	{
		return [
			'hash' => $attach['hash'],
			'filename' => $attach['filename'],
			'folder' => $attach['folder'],
			'filesize' => (int) $attach['filesize'],
			'filetype' => $attach['filetype'],
			'is_photo' => (int) $attach['is_photo'],
			'edited' => $attach['edited'],
		];
	}

	/** @param Row $row */
	private static function print(array $row): string
	{
		return hash('sha256', json_encode(
			array_values(Access::lists($row)),
			JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
		));
	}
}
