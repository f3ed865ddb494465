<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Knows which hubs we were tested on, and what differs between them. Unknown ones keep their own behaviour. */
final class Family
{
	private const OLDEST = '7.8';
	private const TOO_NEW = '8.10';

	/** Tells whether this hub's version is one whose calls we may take over. */
	public static function isKnown(): bool
	{
		return defined('STD_VERSION') && self::knowsVersion(STD_VERSION);
	}

	/** Tells whether a version number is one that we know. */
	public static function knowsVersion(string $version): bool
	{
		return (bool) preg_match('/^\d+\.\d+/', $version)
			&& version_compare($version, self::OLDEST, '>=') && version_compare($version, self::TOO_NEW, '<');
	}

	/** Tells whether core's own function still has the shape of the one that we replace. */
	public static function hasExpectedReceiver(): bool
	{
		self::loadImport();
		if (! function_exists('\sync_files')) {
			return false;
		}
		$names = array_map(fn ($parameter) => $parameter->getName(), (new \ReflectionFunction('\sync_files'))->getParameters());

		return $names === ['channel', 'files'];
	}

	/** Loads core's import functions, which not every caller has loaded. */
	public static function loadImport(): void
	{
		require_once 'include/import.php';
	}

	/** Hands files to core's own receiver. */
	public static function receiveStock(array $channel, mixed $files): mixed
	{
		self::loadImport();

		return \sync_files($channel, $files);
	}

	/** Tells whether the hub's database is PostgreSQL. */
	public static function isPostgres(): bool
	{
		return defined('DBTYPE_POSTGRES') && defined('ACTIVE_DBTYPE') && ACTIVE_DBTYPE === DBTYPE_POSTGRES;
	}

	/** Returns the largest file size that the hub's tables can hold, in bytes; it stands there for all that is larger. */
	public static function largestFileBytes(): int
	{
		return self::isPostgres() ? PHP_INT_MAX : 4294967295;
	}

	/** Returns a file size as the hub's tables can hold it. */
	public static function sizeColumn(int $sizeBytes): int
	{
		return min($sizeBytes, self::largestFileBytes());
	}

	/** Returns a media type as the hub's columns can hold it. */
	public static function mediaType(string $type): string
	{
		return self::isPostgres() && strlen($type) > 64 ? 'application/octet-stream' : $type;
	}
}
