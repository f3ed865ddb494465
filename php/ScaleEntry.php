<?php

namespace FileSync\Addon;

use FileSync\Addon\Order\Access;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What the transfer of a photo's scale remembers of its packet: its own row, and of the photo's no text that the photo's transfer has
 * already, for it would stand there once for each scale. Who may see the scale is found out once it comes, of the photo as it is then.
 */
final class ScaleEntry
{
	private const OF_PHOTO = ['hash', 'filename', 'folder', 'filesize', 'filetype', 'is_photo', 'edited'];

	/**
	 * Returns the entry of a scale.
	 *
	 * @param array $attach     The row of the photo.
	 * @param array $photo      The row of the scale.
	 * @param bool  $isNarrowed Whether nobody may see the scale who may not see the photo.
	 */
	public static function of(array $attach, array $photo, bool $isNarrowed): array
	{
		return ['folders' => [], 'attach' => array_intersect_key($attach, array_flip(self::OF_PHOTO)), 'access' => self::print($attach), 'photo' => $photo, 'narrowed' => $isNarrowed];
	}

	/** Returns an entry with the name, place and access that the photo was given since. An earlier version wrote all of the photo's row into it. */
	public static function amended(array $entry, array $row): array
	{
		return self::of($row + $entry['attach'], $entry['photo'], true);
	}

	/** Returns the row of the scale with the access that it is to have, by our row of the photo: its own only as long as the photo has that of the packet. */
	public static function photo(array $entry, array $own, string $owner): array
	{
		$access = array_intersect_key($own, array_flip(Access::LISTS));
		if (self::print($own) !== ($entry['access'] ?? self::print($entry['attach']))) {
			return $access + $entry['photo'];
		}

		return (empty($entry['narrowed']) ? [] : Access::narrower($entry['photo'], $own, $owner)) + $entry['photo'];
	}

	private static function print(array $row): string
	{
		return hash('sha256', json_encode(array_map(fn ($list) => (string) $row[$list], Access::LISTS), JSON_INVALID_UTF8_SUBSTITUTE));
	}
}
