<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/** Where a set may be. */
final class Place
{
	/**
	 * Returns the folder of a set that exists.
	 *
	 * @throws Problem
	 */
	public static function existing(string $folder): string
	{
		self::refuseRelative($folder);
		if (is_file($folder)) {
			throw new Problem(
				'set_is_archive',
				"$folder is a file. If it is an archive, unpack it and name the folder.",
				isUsage: true,
			);
		}
		$path = realpath($folder);
		if ($path === false || ! is_dir($path)) {
			throw new Problem('no_folder', "There is no folder $folder.", isUsage: true);
		}

		return $path;
	}

	/**
	 * Returns the folder of a set that exists and cannot be changed from the web.
	 *
	 * @throws Problem
	 */
	public static function readable(string $folder): string
	{
		$path = self::existing($folder);
		self::refuseWebRoot($path);
		// A link beneath the root is served as well.
		self::refuseWebRoot($folder);

		return $path;
	}

	/**
	 * Returns the folder in which a set may be written; makes it if the folder above it exists.
	 *
	 * @throws Problem
	 */
	public static function writable(string $folder, bool $make = true): string
	{
		self::refuseRelative($folder);
		$folder = rtrim($folder, '/') ?: '/';
		$above = realpath(dirname($folder));
		if ($above !== false) {
			self::refuseWebRoot(realpath($folder) ?: rtrim($above, '/') . '/' . basename($folder));
		}
		if (! file_exists($folder) && (! $make || $above === false || ! @mkdir($folder, 0700))) {
			throw new Problem(
				'no_folder',
				$above === false
					? "There is no folder $folder, and none above it."
					: "The folder $folder is missing and cannot be made: " . self::whoMayWrite(),
				isUsage: true,
			);
		}
		$path = self::existing($folder);
		if (! is_writable($path)) {
			throw new Problem(
				'no_folder',
				"The folder $folder cannot be written: " . self::whoMayWrite(),
				isUsage: true,
			);
		}

		return $path;
	}

	/**
	 * Returns the folder beneath which nightly sets are written: an existing one of the hub's user, outside of the web
	 * root and of the store, that holds nothing but sets.
	 *
	 * @throws Problem
	 */
	public static function forNights(string $folder): string
	{
		$path = self::writable($folder, false);
		$store = (string) realpath('store');
		if (str_starts_with("$path/", "$store/")) {
			throw new Problem('in_store', "$path is in the hub's own store. Choose another folder.", isUsage: true);
		}
		$user = Runtime::hubUser();
		if ($user && fileowner($path) !== $user['uid']) {
			throw new Problem(
				'no_folder',
				"$path must belong to {$user['name']}, who runs the hub.",
				isUsage: true,
			);
		}
		foreach (scandir($path) ?: [] as $name) {
			if ($name[0] === '.') {
				continue;
			}
			$state = is_dir("$path/$name") ? \FileSync\Set::look("$path/$name")['state'] : 'other';
			if ($state === 'other') {
				throw new Problem(
					'folder_in_use',
					"$path holds something that is not a set: $name. Choose a folder for nothing but sets.",
					isUsage: true,
				);
			}
		}

		return $path;
	}

	/** Returns the name of a channel's folder beneath one for sets of all channels. */
	public static function nameFor(Channel $channel): string
	{
		$port = parse_url(Web::root(), PHP_URL_PORT);

		return $channel->nick . '@' . (string) parse_url(Web::root(), PHP_URL_HOST) . ($port ? "_$port" : '');
	}

	private static function whoMayWrite(): string
	{
		return 'it must belong to the user who runs the hub.';
	}

	/** The command works in the hub's root, wherever it was called. */
	private static function refuseRelative(string $folder): void
	{
		if (! str_starts_with($folder, '/')) {
			throw new Problem('no_folder', "Name the folder by its full path: not \"$folder\".", isUsage: true);
		}
	}

	/** Everything beneath the hub's root may be readable from the web. */
	private static function refuseWebRoot(string $path): void
	{
		$root = (string) realpath('.');
		if ($path === $root || str_starts_with("$path/", "$root/")) {
			throw new Problem(
				'in_web_root',
				"$path may be readable from the web, because it is beneath the hub's root $root. Choose another folder.",
				isUsage: true,
			);
		}
	}
}
