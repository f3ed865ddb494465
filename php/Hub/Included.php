<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What files of the addon return. Each is read once in a process: PHP keeps what it compiles until the process ends, so
 * that a worker which reads one for each of many files runs out of memory.
 */
final class Included
{
	/** @var array<string, array<array-key, mixed>> By path. */
	private static array $known = [];

	/**
	 * Returns the list that a file returns; null if it is not there, or is none.
	 *
	 * @return ?array<array-key, mixed>
	 */
	public static function list(string $path): ?array
	{
		if (! isset(self::$known[$path])) {
			// While another version takes this one's place the file may be missing for a moment, which `require` would
			// not survive.
			/** @var mixed $list */
			$list = @include $path;
			if (! is_array($list)) {
				return null;
			}
			self::$known[$path] = $list;
		}

		return self::$known[$path];
	}
}
