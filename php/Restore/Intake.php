<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\FileLock;
use FileSync\Addon\Hub\Store;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The folder in which a set is kept that its owner sends: `partial/` has what arrives, `set/` the set. Its files are
 * named by their digests; only lists, of which each name is known, have names. It is in the store, so that placing
 * shares its file system, and it is for the hub's user alone.
 */
final class Intake
{
	/** Where the files of the set are, beneath the set. */
	public const BY_DIGEST = 'data/by-digest';
	private const FOLDER = 'upload';
	private const SESSION = '/^[0-9a-f]{32}$/D';

	/** Returns the folder of all that is sent to a channel, hub-relative. */
	public static function allOf(int $channelId): string
	{
		return Store::dataRoot($channelId) . '/' . self::FOLDER;
	}

	/** Returns the folder of one session, hub-relative. */
	public static function folder(int $channelId, string $session): string
	{
		return self::allOf($channelId) . "/$session";
	}

	/** Returns the folder of its set, with its full path. */
	public static function set(int $channelId, string $session): string
	{
		return (string) realpath(self::folder($channelId, $session)) . '/set';
	}

	/** Returns where a whole file is, beneath the session's folder. */
	public static function place(string $sha256): string
	{
		return 'set/' . self::BY_DIGEST . '/' . substr($sha256, 0, 2) . "/$sha256";
	}

	/** Returns where a file arrives, beneath the session's folder. */
	public static function arriving(string $sha256): string
	{
		return "partial/$sha256";
	}

	/** Makes the folders of a session. */
	public static function make(int $channelId, string $session): void
	{
		Store::dataRoot($channelId, true);
		foreach ([
			self::allOf($channelId),
			$folder = self::folder($channelId, $session),
			"$folder/partial",
			"$folder/set",
			"$folder/set/data",
			"$folder/set/" . self::BY_DIGEST,
		] as $path) {
			if (! is_dir($path) && ! @mkdir($path, 0700) && ! is_dir($path)) {
				throw new \RuntimeException("cannot make the folder $path");
			}
		}
	}

	/**
	 * Returns the lock of a session's files: shared by those who place some and note them, and for whoever removes one
	 * alone, so that none is there of which the table does not know.
	 */
	public static function lock(int $channelId, string $session): FileLock
	{
		$path = self::folder($channelId, $session) . '/files.lock';

		return FileLock::open($path) ?? throw new \RuntimeException("cannot open $path");
	}

	/** Tells whether a folder is that of a set that was sent to this channel. */
	public static function holds(string $folder, Channel $channel): bool
	{
		$all = realpath(self::allOf($channel->id));
		$path = realpath($folder);

		return (
			$all !== false
			&& $path !== false
			&& basename($path) === 'set'
			&& dirname($path, 2) === $all
			&& preg_match(self::SESSION, basename(dirname($path))) === 1
		);
	}

	/** Removes all of a session; false if something is left. Follows no link. */
	public static function remove(int $channelId, string $session): bool
	{
		return self::removeFolder(self::folder($channelId, $session));
	}

	/**
	 * Removes what no session has any more.
	 *
	 * @param list<string> $kept Sessions.
	 */
	public static function sweep(int $channelId, array $kept): void
	{
		foreach (@scandir(self::allOf($channelId)) ?: [] as $name) {
			if (preg_match(self::SESSION, $name) && ! in_array($name, $kept, true)) {
				self::remove($channelId, $name);
			}
		}
		@rmdir(self::allOf($channelId));
	}

	private static function removeFolder(string $folder): bool
	{
		if (is_link($folder) || ! is_dir($folder)) {
			return ! file_exists($folder);
		}
		$flags = \FilesystemIterator::SKIP_DOTS | \FilesystemIterator::CURRENT_AS_FILEINFO;
		foreach (new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator($folder, $flags),
			\RecursiveIteratorIterator::CHILD_FIRST,
		) as $path => $entry) {
			/** @var \SplFileInfo $entry */
			$entry->isDir() && ! $entry->isLink() ? @rmdir($path) : @unlink($path);
		}

		return @rmdir($folder);
	}
}
