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
 */
final class ScaleEntry
{
	private const OF_PHOTO = ['hash', 'filename', 'folder', 'filesize', 'filetype', 'is_photo', 'edited'];

	/**
	 * Returns the entry of a scale.
	 *
	 * @param array $attach     The row of the photo.
	 * @param array $photo      The row of the scale.
	 * @param bool  $isNarrowed Whether the scale is limited to people who may see the photo.
	 */
	public static function of(array $attach, array $photo, bool $isNarrowed): array
	{
		return [
			'folders' => [],
			'attach' => array_intersect_key($attach, array_flip(self::OF_PHOTO)),
			'access' => self::print($attach),
			'photo' => $photo,
			'narrowed' => $isNarrowed,
		];
	}

	/**
	 * Returns an entry with the photo's later name, folder and access. An earlier version wrote all of the photo's row
	 * into it.
	 */
	public static function amended(array $entry, array $row): array
	{
		return self::of($row + $entry['attach'], $entry['photo'], true);
	}

	/**
	 * Returns the row of the scale with its final access, based on our row of the photo: its own only while the photo
	 * has the packet's access.
	 */
	public static function photo(array $entry, array $own, string $owner): array
	{
		/** @var Row $own */
		$access = Access::lists($own);
		if (self::print($own) !== ($entry['access'] ?? self::print($entry['attach']))) {
			return $access + $entry['photo'];
		}

		return (empty($entry['narrowed']) ? [] : Access::narrower($entry['photo'], $own, $owner)) + $entry['photo'];
	}

	private static function print(array $row): string
	{
		return hash('sha256', json_encode(
			array_map(fn ($list) => (string) $row[$list], Access::LISTS),
			JSON_INVALID_UTF8_SUBSTITUTE,
		));
	}
}
