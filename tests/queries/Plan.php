<?php

declare(strict_types=1);

use TestHub\Databases;

/** How a database would run a statement: which tables it would read from end to end. */
final class Plan
{
	/** A plan that reads no more rows of a table does not get slower with it. */
	private const MOST_ROWS = 2000;

	public function __construct(private readonly PDO $database, private readonly string $dsn) {}

	/** @return list<string> The tables that would be read whole, with what the database says of that. */
	public function scans(string $statement): array
	{
		return Databases::kind($this->dsn) === 'mysql'
			? $this->ofMariaDb($statement)
			: $this->ofPostgres($statement);
	}

	private function ofMariaDb(string $statement): array
	{
		// It says how many rows there are, not how many it would read.
		if (preg_match('/^(?!.* (?:WHERE|ORDER BY) ).* LIMIT \d+$/Ds', $statement)) {
			return [];
		}
		$scans = [];
		foreach ($this->database->query("EXPLAIN $statement")->fetchAll(PDO::FETCH_ASSOC) as $row) {
			$isWhole = in_array($row['type'], ['ALL', 'index'], true) && $row['rows'] > self::MOST_ROWS;
			// Of an index with few values that is half the table.
			if ($isWhole || str_contains((string) $row['Extra'], 'intersect(')) {
				$scans[$row['table']] = "{$row['table']}: {$row['type']}, {$row['rows']} rows, {$row['Extra']}";
			}
		}

		return $scans;
	}

	private function ofPostgres(string $statement): array
	{
		$json = $this->database->query("EXPLAIN (FORMAT JSON) $statement")->fetchColumn();
		$scans = [];
		$this->walk(json_decode($json, true)[0]['Plan'], false, $scans);

		return $scans;
	}

	/** @param array<string, string> $scans */
	private function walk(array $node, bool $isLimited, array &$scans): void
	{
		$type = $node['Node Type'];
		$table = $node['Relation Name'] ?? '';
		$isWhole = match ($type) {
			'Seq Scan' => true,
			// Page by page in the order of the primary key, to look for few rows, is the whole table too.
			'Index Scan', 'Index Only Scan' => ! isset($node['Index Cond'])
				|| isset($node['Filter'])
				&& preg_match('/^\(\(?\w+(?:\)::text)? > [^=]+\)$/', $node['Index Cond']) === 1,
			default => false,
		};
		// The first rows in an order are only read until there are enough.
		if ($isWhole && ! ($isLimited && ! isset($node['Filter']))) {
			$scans[$table] = "$table: $type" . (isset($node['Filter']) ? ", {$node['Filter']}" : '');
		}
		foreach ($node['Plans'] ?? [] as $child) {
			$this->walk(
				$child,
				$type === 'Limit' || ($isLimited && ! in_array($type, ['Sort', 'Aggregate'], true)),
				$scans,
			);
		}
	}
}
