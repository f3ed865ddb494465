<?php

namespace FileSync\Addon\Hub;

use FileSync\Exception\FileSyncException;
use FileSync\Exception\StorageException;
use FileSync\Exception\UnsupportedException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The permitted types of photos: pictures that hubs make scales of, or store unchanged. Browsers run code in other
 * types, such as SVG.
 */
final class PhotoType
{
	private const EXTENSIONS = [
		'image/jpeg' => '.jpeg',
		'image/jpg' => '.jpeg',
		'image/png' => '.png',
		'image/gif' => '.gif',
		'image/webp' => '.webp',
		'image/avif' => '.avif',
	];
	private const BEGINS = '/^(\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|....ftyp(avif|avis|mif1|msf1))/s';

	/** Tells whether a photo row may have a type. */
	public static function isKnown(string $type): bool
	{
		return isset(self::EXTENSIONS[strtolower($type)]);
	}

	/** Returns the end of a file name for a type, with its dot; empty if it may not be a photo's. */
	public static function extension(string $type): string
	{
		return self::EXTENSIONS[strtolower($type)] ?? '';
	}

	/**
	 * Tells whether a file beneath a folder begins like a picture.
	 *
	 * @throws StorageException It cannot be read.
	 */
	public static function isPicture(string $root, string $path): bool
	{
		try {
			return self::isKnown(\FileSync\Photo::facts(new \FileSync\Store($root), $path)['mimetype']);
		} catch (StorageException $e) {
			throw $e;
		} catch (FileSyncException) {
			// Its format may not be decodable here, or its header may claim more than the limits allow.
			return self::beginsLikeOne("$root/$path");
		}
	}

	/**
	 * Tells whether a file beneath a folder begins like a picture that is not larger than a hub may decode.
	 *
	 * @throws StorageException It cannot be read.
	 */
	public static function isBounded(string $root, string $path): bool
	{
		try {
			return self::isKnown(\FileSync\Photo::facts(new \FileSync\Store($root), $path)['mimetype']);
		} catch (StorageException $e) {
			throw $e;
		} catch (UnsupportedException) {
			return self::beginsLikeOne("$root/$path");
		} catch (FileSyncException) {
			return false;
		}
	}

	/**
	 * Returns what the header of a picture beneath a folder says, or null if that cannot be read.
	 *
	 * @return ?array{mimetype: string, width: int, height: int}
	 *
	 * @throws StorageException It cannot be read at all.
	 */
	public static function header(string $root, string $path): ?array
	{
		try {
			$facts = \FileSync\Photo::facts(new \FileSync\Store($root), $path);

			return ['mimetype' => $facts['mimetype'], 'width' => $facts['width'], 'height' => $facts['height']];
		} catch (StorageException $e) {
			throw $e;
		} catch (FileSyncException) {
			return null;
		}
	}

	private static function beginsLikeOne(string $path): bool
	{
		$begin = @file_get_contents($path, false, null, 0, 32);

		return $begin !== false && preg_match(self::BEGINS, $begin) === 1;
	}

	/** Returns text about a photo as the hub's own form stores it: without the beginnings of tags. */
	public static function text(string $text): string
	{
		return strtr($text, ['<' => '[', '>' => ']']);
	}
}
