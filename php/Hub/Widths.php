<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** How many characters the columns of the hub's tables hold here: hubs of different age and database differ. */
final class Widths
{
	/** @var ?\WeakMap<object, array<string, array<string, ?int>>> The tables of each connection that were asked. */
	private static ?\WeakMap $tables = null;

	/** Returns the bound of a column, null if the database names none. Each connection asks once. */
	public static function of(string $table, string $column): ?int
	{
		/** @var ?object $connection */
		$connection = \DBA::$dba;
		if (! $connection) {
			throw new \RuntimeException('there is no database');
		}
		$tables = self::$tables ??= new \WeakMap();
		/** @var array<string, array<string, ?int>> $known */
		$known = $tables->offsetExists($connection) ? $tables->offsetGet($connection) : [];
		$known[$table] ??= Columns::of($table);
		$tables->offsetSet($connection, $known);

		return $known[$table][$column] ?? null;
	}

	/** Returns a media type as a file's row can hold it: a part of one would be another. */
	public static function mediaType(string $type): string
	{
		return mb_strlen($type) > (self::of('attach', 'filetype') ?? PHP_INT_MAX) ? 'application/octet-stream' : $type;
	}

	/** Returns how many characters the name of a file may have. */
	public static function longestName(): int
	{
		return defined('MAX_FILENAME_LENGTH')
			? (int) MAX_FILENAME_LENGTH
			: self::of('attach', 'filename') ?? PHP_INT_MAX;
	}
}
