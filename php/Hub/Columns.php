<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The columns of the hub's tables, with the characters that each holds. */
final class Columns
{
	private const TEXTS = [
		'tinytext' => 255,
		'tinyblob' => 255,
		'text' => 65535,
		'blob' => 65535,
		'mediumtext' => 16777215,
		'mediumblob' => 16777215,
		'longtext' => 4294967295,
		'longblob' => 4294967295,
	];

	/**
	 * Returns the columns of a table of this hub's database; none if there is no such table.
	 *
	 * @return array<string, ?int> Characters by name; null if it has no bound, or holds no text.
	 */
	public static function of(string $table): array
	{
		$name = (string) dbesc($table);
		$isOther = ! Database::isPostgres() && ! is_array(dbq('select connection_id() as one'));
		/** @var list<array{name: string, type?: string, size?: scalar|null}>|bool $rows */
		$rows = $isOther
			? dbq("select name, type from pragma_table_info('$name')")
			: dbq(
				'select column_name as name, character_maximum_length as size from information_schema.columns where'
				. ' table_schema = '
				. (Database::isPostgres() ? 'current_schema()' : 'database()')
				. " and table_name = '$name'",
			);
		if (! is_array($rows)) {
			throw new \RuntimeException("cannot read the columns of table $table");
		}
		$columns = [];
		foreach ($rows as $row) {
			$columns[strtolower($row['name'])] = isset($row['type'])
				? self::bracketed($row['type'])
				: (is_numeric($row['size'] ?? null) ? (int) $row['size'] : null);
		}

		return $columns;
	}

	/**
	 * Returns the columns of a table as a hub's file for new databases defines them.
	 *
	 * @return array<string, ?int>
	 */
	public static function ofSchema(string $sql, string $table, bool $isPostgres): array
	{
		$columns = $body = $lines = [];
		if (preg_match('/CREATE TABLE (?:IF NOT EXISTS )?[`"]?' . $table . '[`"]? \((.*?)^\)/ms', $sql, $body)) {
			preg_match_all('/^\s*([`"])(\w+)\1 +([a-z]+(?:\(\d+(?:,\d+)?\))?)/m', $body[1], $lines, PREG_SET_ORDER);
			foreach ($lines as [, , $name, $type]) {
				$columns[$name] = self::bracketed($type) ?? ($isPostgres ? null : self::TEXTS[$type] ?? null);
			}
		}

		return $columns;
	}

	private static function bracketed(string $type): ?int
	{
		$found = [];

		return preg_match('/^(?:var)?char(?:acter varying)?\((\d+)\)/i', $type, $found) ? (int) $found[1] : null;
	}
}
