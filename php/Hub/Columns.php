<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** How much the columns of the hub's tables hold: hubs of different age and database differ. */
final class Columns
{
	/** @var ?\WeakMap<object, array<string, ?int>> What each connection was told. */
	private static ?\WeakMap $widths = null;

	/**
	 * Returns how many characters a text column holds, as the database says; null if it names no bound. Each connection
	 * asks once.
	 */
	public static function width(string $table, string $column): ?int
	{
		/** @var ?object $connection */
		$connection = \DBA::$dba;
		if (! $connection) {
			throw new \RuntimeException('there is no database');
		}
		self::$widths ??= new \WeakMap();
		$known = self::$widths[$connection] ?? [];
		if (! array_key_exists("$table.$column", $known)) {
			$known["$table.$column"] = self::ask($table, $column);
			self::$widths[$connection] = $known;
		}

		return $known["$table.$column"];
	}

	/** Returns a media type as a file's row can hold it: a part of one would be another. */
	public static function mediaType(string $type): string
	{
		return mb_strlen($type) > (self::width('attach', 'filetype') ?? PHP_INT_MAX)
			? 'application/octet-stream'
			: $type;
	}

	/** Returns how many characters the name of a file may have. */
	public static function longestName(): int
	{
		return defined('MAX_FILENAME_LENGTH')
			? (int) MAX_FILENAME_LENGTH
			: self::width('attach', 'filename') ?? PHP_INT_MAX;
	}

	private static function ask(string $table, string $column): ?int
	{
		$schema = Family::isPostgres() ? 'current_schema()' : 'database()';
		$rows = dbq(
			"select character_maximum_length as most from information_schema.columns where table_schema = $schema"
			. " AND table_name = '$table' AND column_name = '$column'",
		);
		if (is_array($rows)) {
			return isset($rows[0]['most']) ? (int) $rows[0]['most'] : null;
		}
		// SQLite has no such view, and says the type as it was declared.
		$rows = dbq("select type from pragma_table_info('$table') WHERE name = '$column'");
		if (! is_array($rows)) {
			throw new \RuntimeException("cannot read the width of $table.$column");
		}

		return preg_match('/^\w*char\w*\s*\((\d+)\)/i', (string) ($rows[0]['type'] ?? ''), $found)
			? (int) $found[1]
			: null;
	}
}
