<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Parts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The source of each scale of a photo: 1 to 3 are made from the original, 5 and 6 from scale 4, 8 and 9 from scale 7.
 */
final class ScaleTable
{
	/** Cut by a person: they cannot be made again from anything else. */
	public const CROPS = [4, 7];
	private const MADE_OF = [1 => 0, 2 => 0, 3 => 0, 5 => 4, 6 => 4, 8 => 7, 9 => 7];
	private const TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];

	/**
	 * Tells, from the photo rows of a packet, whether a scale is made here rather than fetched.
	 *
	 * @param array<int, array{mimetype: string, ...}> $photos By scale.
	 */
	public static function areMade(array $photos, int $scale): bool
	{
		$source = $photos[self::MADE_OF[$scale] ?? -1] ?? null;

		return (
			$source !== null
			&& in_array($source['mimetype'], self::TYPES, true)
			&& Config::get('make_scales') === '1'
			&& Parts::has(Parts::PHOTOS)
		);
	}

	/** Tells whether a scale is made from another one: all but the original and the crops. */
	public static function isMade(int $scale): bool
	{
		return isset(self::MADE_OF[$scale]);
	}

	/** Returns the source of a scale. */
	public static function sourceOf(int $scale): int
	{
		return self::MADE_OF[$scale];
	}
}
