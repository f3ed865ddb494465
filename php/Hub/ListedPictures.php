<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The pictures of people and things that core was about to fetch while it imported. */
final class ListedPictures
{
	/** @var list<array{string, string, string}> Table, key and address of each. */
	private static array $pictures = [];

	/** Lists a picture to fetch later. */
	public static function later(string $table, string $key, string $url): void
	{
		if (preg_match('#^https?://#', $url) === 1) {
			self::$pictures[] = [$table, $key, $url];
		}
	}

	/**
	 * Returns the pictures that are to be fetched later.
	 *
	 * @return list<array{string, string, string}>
	 */
	public static function all(): array
	{
		return self::$pictures;
	}

	/**
	 * Takes the place of core's import_xchan_photo: the default picture, as if the right one could not be fetched.
	 *
	 * @return array{string, string, string, string, true, string}
	 */
	public static function inPlaceOf(mixed $url, mixed $hash): array
	{
		self::later('xchan', is_string($hash) ? $hash : '', is_string($url) ? $url : '');
		$default = fn (int $size): string => z_root() . '/' . \get_default_profile_photo($size);

		return [$default(300), $default(80), $default(48), 'image/png', true, gmdate('Y-m-d H:i:s', Clock::now())];
	}
}
