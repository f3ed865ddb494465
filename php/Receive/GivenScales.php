<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Peers\Peers;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Whether scales are taken from the hub that sends their photo, which has made them, instead of being made here. Beside
 * a large photo they are few bytes, and making them takes longer than fetching them. A hub with filesync gives them in
 * packs, and proves them by their digests; if it does not give one, LastResort makes it.
 *
 * @import-type Photo from \FileSync\Addon\Protocol\Packet
 */
final class GivenScales
{
	/** The photo has at least so many times their bytes. */
	private const LEAST_SHARE = 2;
	/** The longest side of each scale that hubs make of a photo itself. */
	private const LONGEST_SIDES = [1 => 1024, 2 => 640, 3 => 320];

	/**
	 * Tells whether a scale that could be made here is taken. A hub that chose its own quality or size makes all.
	 *
	 * @param string            $root   The root URL of the hub that sends the photo.
	 * @param array<int, Photo> $photos The photo rows of its packet, by scale.
	 */
	public static function areTaken(string $root, array $photos, int $scale): bool
	{
		$given = array_intersect_key($photos, self::LONGEST_SIDES);
		$original = $photos[0] ?? null;
		if (! isset($given[$scale]) || $original === null) {
			return false;
		}
		foreach ($given as $n => $photo) {
			$longest = max($photo['width'], $photo['height']);
			if (
				$photo['mimetype'] !== $original['mimetype']
				|| $photo['filesize'] <= 0
				|| $longest <= 0
				|| $longest > self::LONGEST_SIDES[$n]
			) {
				return false;
			}
		}

		return (
			$original['filesize'] >= (self::LEAST_SHARE * array_sum(array_column($given, 'filesize')))
			&& Photos::scaleOptions() === []
			&& Peers::offers($root, 'ticket') === true
		);
	}
}
