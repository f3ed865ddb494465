<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Hub\CorePictures;

if (! class_exists('App', false)) {
	exit;
}

/** Fetches the pictures of people and things that an import left for later, one at a time. */
final class Pictures
{
	/**
	 * Fetches the first of some pictures; returns the rest, null if there is none.
	 *
	 * @param string $list As JSON: table, key and address of each.
	 */
	public static function fetch(int $channelId, string $list): ?string
	{
		/** @var mixed */
		$pictures = json_decode($list, true);
		if (! is_array($pictures) || $pictures === []) {
			return null;
		}
		/** @var array{string, string, string} */
		$one = array_shift($pictures);
		CorePictures::fetch($channelId, $one[0], $one[1], $one[2]);

		return $pictures === [] ? null : (string) json_encode($pictures);
	}
}
