<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Builds the few SQL statements that we need, alike on MariaDB, PostgreSQL and SQLite.
 *
 * Column names come from code only, values are always quoted. A statement that fails throws. Counts of changed rows are
 * never used (MariaDB does not count a row that already had the value): who must know reads back.
 *
 * @import-type AnyRow from Rows
 * @import-type Tables from Rows
 */
final class Table
{
	/** Our tables, as the migrations create them. */
	public const OURS = [
		'filesync_box_name',
		'filesync_box_part',
		'filesync_bulk',
		'filesync_digest',
		'filesync_door',
		'filesync_door_entry',
		'filesync_door_key',
		'filesync_dropped',
		'filesync_ended',
		'filesync_file',
		'filesync_held',
		'filesync_import',
		'filesync_import_post',
		'filesync_journal',
		'filesync_kept',
		'filesync_key',
		'filesync_lease',
		'filesync_nonce',
		'filesync_outbox',
		'filesync_packet',
		'filesync_peer',
		'filesync_reconcile',
		'filesync_refusal',
		'filesync_rehearsal',
		'filesync_restore',
		'filesync_scratch',
		'filesync_served',
		'filesync_setting',
		'filesync_transfer',
	];

	/** Why something is as it is, for people: others may have a say in it, and it is cut. */
	private const REASON = 'reason';
	private const MOST_REASON_CHARACTERS = 500;

	private const BINARY = ['attach.content', 'photo.content'];

	/**
	 * Columns of the hub with an index and hardly any different values. MariaDB reads half the table from such an
	 * index, to intersect it with that of the channel; it uses none for an expression.
	 */
	private const FEW_VALUES = '/^(?:\w+\.)?(?:is_dir|is_photo|os_storage|imgscale|photo_usage|profile)$/D';

	/** How many rows one statement adds, and of how many bytes, if it is more than one row. */
	private const MOST_TOGETHER = 250;
	private const MOST_STATEMENT_BYTES = 1 << 19;

	/** So often is done again what a database gave up in favour of another process. */
	private const TRIES = 4;
	private const MOST_PAUSE_US = 20000;
	/** What it then says: a deadlock, no order of transactions, a row changed since it was read (MariaDB 11.6 on). */
	private const GIVEN_UP = '/SQLSTATE\[40|General error: 1020\b/';

	/** How many transactions of ours are open, one within the other. */
	private static int $begun = 0;
	/** Whether the database gave up the transaction that is open. */
	private static bool $isGivenUp = false;

	/**
	 * Returns rows.
	 *
	 * @template T of string
	 *
	 * @param T $table
	 * @param array $where `['state' => 'staged', 'next_at <=' => 5, 'scale' => [1, 2], 'f.id is' => null]`, joined
	 *     by AND.
	 *
	 * @return ($table is key-of<Tables> ? list<Tables[T]> : list<AnyRow>)
	 */
	public static function select(
		string $table,
		array $where,
		string $order = '',
		int $limit = 0,
		string $columns = '*',
	): array {
		return self::rows($table, $where, $order, $limit, $columns);
	}

	/**
	 * Returns rows of a join, or of a table that only the caller knows; see select().
	 *
	 * @return list<AnyRow>
	 */
	public static function rows(
		string $table,
		array $where,
		string $order = '',
		int $limit = 0,
		string $columns = '*',
	): array {
		$sql =
			'select '
			. $columns
			. ' from '
			. $table
			. self::condition($table, $where)
			. ($order === '' ? '' : ' ORDER BY ' . $order)
			. ($limit ? ' LIMIT ' . $limit : '');
		$rows = dbq($sql);
		if (! is_array($rows)) {
			throw new \RuntimeException("cannot read table $table");
		}

		return array_map(fn (array $row) => self::readable($table, $row), array_values($rows));
	}

	/**
	 * Returns all rows, a page at a time, in the order of a unique column that each row must contain. Rows that the
	 * caller changes or removes meanwhile shift no page.
	 *
	 * @template T of string
	 *
	 * @param T $table
	 *
	 * @return ($table is key-of<Tables> ? \Generator<int, list<Tables[T]>> : \Generator<int, list<AnyRow>>)
	 */
	public static function pages(
		string $table,
		array $where,
		int $size,
		string $columns = '*',
		string $by = 'id',
	): \Generator {
		return self::turn($table, $where, $size, $columns, $by);
	}

	/**
	 * @return \Generator<int, list<AnyRow>>
	 */
	private static function turn(string $table, array $where, int $size, string $columns, string $by): \Generator
	{
		// Our ids are text, those of the hub are numbers.
		$isNumber = $by === 'id' && ! in_array($table, self::OURS, true);
		for (
			$last = $isNumber ? 0 : '';
			$rows = self::rows($table, $where + ["$by >" => $last], $by, $size, $columns);
		) {
			yield $rows;
			$last = $isNumber ? (int) $rows[count($rows) - 1][$by] : (string) $rows[count($rows) - 1][$by];
		}
	}

	/**
	 * Returns all rows like pages(), one at a time.
	 *
	 * @template T of string
	 *
	 * @param T $table
	 *
	 * @return ($table is key-of<Tables> ? \Generator<int, Tables[T]> : \Generator<int, AnyRow>)
	 */
	public static function each(
		string $table,
		array $where,
		int $size,
		string $columns = '*',
		string $by = 'id',
	): \Generator {
		return (static function () use ($table, $where, $size, $columns, $by): \Generator {
			foreach (self::turn($table, $where, $size, $columns, $by) as $rows) {
				foreach ($rows as $row) {
					yield $row;
				}
			}
		})();
	}

	/**
	 * Returns the first row, or null.
	 *
	 * @template T of string
	 *
	 * @param T $table
	 *
	 * @return ($table is key-of<Tables> ? null|Tables[T] : null|AnyRow)
	 */
	public static function first(string $table, array $where, string $order = '', string $columns = '*'): ?array
	{
		return self::rows($table, $where, $order, 1, $columns)[0] ?? null;
	}

	/** Returns the sum of a column over the rows, 0 if there are none. */
	public static function sum(string $table, string $column, array $where): int
	{
		return (int) (self::rows($table, $where, '', 0, "sum($column) as total")[0]['total'] ?? 0);
	}

	/** Returns the number of rows. */
	public static function count(string $table, array $where): int
	{
		return (int) (self::rows($table, $where, '', 0, 'count(*) as total')[0]['total'] ?? 0);
	}

	/** Returns the number of different values of a column. */
	public static function countDistinct(string $table, string $column, array $where): int
	{
		return (int) (self::rows($table, $where, '', 0, "count(DISTINCT $column) as total")[0]['total'] ?? 0);
	}

	/** Returns the least value of a column, null if there are no rows. */
	public static function least(string $table, string $column, array $where): ?int
	{
		$least = self::rows($table, $where, '', 0, "min($column) as least")[0]['least'] ?? null;

		return $least === null ? null : (int) $least;
	}

	/** Adds a row. */
	public static function insert(string $table, array $row): void
	{
		if (! self::tryInsert($table, $row)) {
			throw new \RuntimeException("cannot insert into table $table");
		}
	}

	/** Adds a row, or several with the same columns; if a key is taken, adds none and returns false. */
	public static function tryInsert(string $table, array ...$rows): bool
	{
		$values = [];
		foreach ($rows as $row) {
			$values[] =
				'('
				. implode(', ', array_map(
					fn ($column, $value) => self::literal($table, (string) $column, $value),
					array_keys($row),
					$row,
				))
				. ')';
		}

		return self::write(
			'INSERT INTO ' . $table . ' (' . implode(', ', array_keys($rows[0])) . ') VALUES ' . implode(', ', $values),
		);
	}

	/**
	 * Adds any number of rows with the same columns, in statements of a bounded size. If a key is taken, returns false;
	 * what was added by then is to be rolled back.
	 *
	 * @param list<array<string, mixed>> $rows
	 */
	public static function tryInsertAll(string $table, array $rows): bool
	{
		foreach (self::together($rows) as $some) {
			if (! self::tryInsert($table, ...array_values($some))) {
				return false;
			}
		}

		return true;
	}

	/**
	 * Changes the row with a key, or adds it.
	 *
	 * @param array $key   A column that is unique, or several that are together.
	 * @param array $set   What the row holds afterwards.
	 * @param array $fresh The other columns of a new row; an existing one keeps its own.
	 */
	public static function upsert(string $table, array $key, array $set, array $fresh = []): void
	{
		if (! self::tryUpsert($table, $key, $set, $fresh)) {
			throw new \RuntimeException("cannot insert into table $table");
		}
	}

	/** Does what upsert() does; returns false if the row cannot be added. */
	public static function tryUpsert(string $table, array $key, array $set, array $fresh = []): bool
	{
		self::update($table, $set, $key);
		if (
			self::first($table, $key, '', (string) array_key_first($key))
			|| self::tryInsert($table, $key + $set + $fresh)
		) {
			return true;
		}
		// Another process may have added it just now.
		self::update($table, $set, $key);

		return self::first($table, $key, '', (string) array_key_first($key)) !== null;
	}

	/** Changes rows. It does not report whether any matched: read back. */
	public static function update(string $table, array $set, array $where): void
	{
		$pairs = [];
		foreach ($set as $column => $value) {
			$pairs[] = $column . ' = ' . self::literal($table, (string) $column, $value);
		}
		if (! self::write('UPDATE ' . $table . ' SET ' . implode(', ', $pairs) . self::condition($table, $where))) {
			throw new \RuntimeException("cannot update table $table");
		}
	}

	/**
	 * Changes rows, each otherwise, in statements of a bounded size; see update().
	 *
	 * @param string $key A column that is unique.
	 * @param array<array-key, array<string, mixed>> $rows By the value of the key, all with the same columns.
	 * @param array  $where What must be true of each row beside.
	 */
	public static function updateEach(string $table, string $key, array $rows, array $where = []): void
	{
		foreach (self::together($rows) as $some) {
			$pairs = [];
			foreach (array_keys($some[array_key_first($some)]) as $column) {
				$values = [];
				foreach ($some as $id => $row) {
					$values[$id] = self::literal($table, $column, $row[$column]);
				}
				$pairs[] = "$column = " . self::choice($table, $key, $values);
			}
			$which = [$key => array_map(strval(...), array_keys($some))] + $where;
			if (! self::write('UPDATE ' . $table . ' SET ' . implode(', ', $pairs) . self::condition($table, $which))) {
				throw new \RuntimeException("cannot update table $table");
			}
		}
	}

	/**
	 * Returns what gives each row its own value.
	 *
	 * @param array<array-key, string> $values Literals, by the value of the key: at least one.
	 */
	private static function choice(string $table, string $key, array $values): string
	{
		$different = array_values(array_unique($values));
		if (count($different) === 1) {
			return $different[0];
		}
		$cases = '';
		foreach ($values as $id => $value) {
			$cases .= ' WHEN ' . self::literal($table, $key, (string) $id) . " THEN $value";
		}

		return "CASE $key$cases END";
	}

	/**
	 * Splits rows into parts that one statement can have.
	 *
	 * @template K of array-key
	 *
	 * @param array<K, array<string, mixed>> $rows
	 *
	 * @return \Generator<int, non-empty-array<K, array<string, mixed>>>
	 */
	private static function together(array $rows): \Generator
	{
		$some = [];
		$bytes = 0;
		foreach ($rows as $key => $row) {
			$rowBytes = array_sum(array_map(fn ($value) => strlen((string) $value), $row));
			if (
				$some !== []
				&& (count($some) >= self::MOST_TOGETHER
				|| ($bytes + $rowBytes) > self::MOST_STATEMENT_BYTES)
			) {
				yield $some;
				$some = [];
				$bytes = 0;
			}
			$some[$key] = $row;
			$bytes += $rowBytes;
		}
		if ($some !== []) {
			yield $some;
		}
	}

	/** Removes rows. */
	public static function delete(string $table, array $where): void
	{
		if (! $where || ! self::write('DELETE FROM ' . $table . self::condition($table, $where))) {
			throw new \RuntimeException("cannot delete from table $table");
		}
	}

	/**
	 * Runs a piece of work as one transaction, and returns what it returns. An exception rolls it back. Within a
	 * transaction of the hub, or of ours, it is a part of that one, and only the part is rolled back. What the database
	 * gives up in favour of another process is done again.
	 *
	 * No code of core may run in it: core has transactions of its own.
	 *
	 * @template T
	 *
	 * @param callable(): T      $work
	 * @param ?callable(T): bool $isGood Told the result; false rolls it back too.
	 *
	 * @return T
	 */
	public static function transaction(callable $work, ?callable $isGood = null): mixed
	{
		if (self::isWithin()) {
			return self::inTransaction($work, $isGood, true);
		}
		for ($try = 1; $try < self::TRIES; $try++) {
			self::$isGivenUp = false;
			try {
				return self::inTransaction($work, $isGood, false);
			} catch (\RuntimeException $e) {
				self::wasGivenUp() || throw $e;
				self::pause($try);
			}
		}

		return self::inTransaction($work, $isGood, false);
	}

	private static function wasGivenUp(): bool
	{
		return self::$isGivenUp;
	}

	/**
	 * @template T
	 *
	 * @param callable(): T      $work
	 * @param ?callable(T): bool $isGood
	 *
	 * @return T
	 */
	private static function inTransaction(callable $work, ?callable $isGood, bool $isPart): mixed
	{
		$name = 'filesync_' . self::$begun;
		// There a second BEGIN fails, or commits what the first began.
		[$begin, $commit, $rollBack] = $isPart
			? ["SAVEPOINT $name", "RELEASE SAVEPOINT $name", "ROLLBACK TO SAVEPOINT $name"]
			: ['BEGIN', 'COMMIT', 'ROLLBACK'];
		if (! dbq($begin)) {
			throw new \RuntimeException('cannot begin a transaction');
		}
		self::$begun++;
		try {
			$result = $work();
			$isKept = $isGood === null || $isGood($result);
		} catch (\Throwable $e) {
			dbq($rollBack);
			throw $e;
		} finally {
			self::$begun--;
		}
		if (! $isKept) {
			dbq($rollBack);
		} elseif (! dbq($commit)) {
			self::noteGivenUp();
			dbq($rollBack);
			throw new \RuntimeException('cannot commit a transaction');
		}

		return $result;
	}

	/** Runs a statement that changes something; outside a transaction again if the database gives it up. */
	private static function write(string $sql): bool
	{
		for ($try = 1; ! dbq($sql); $try++) {
			if (! self::noteGivenUp() || $try === self::TRIES || self::isWithin()) {
				return false;
			}
			self::pause($try);
		}

		return true;
	}

	/** Notes whether the database gave up the last statement in favour of another process. */
	private static function noteGivenUp(): bool
	{
		/** @var mixed */
		$error = \DBA::$dba->error ?? '';
		$isGivenUp = is_string($error) && preg_match(self::GIVEN_UP, $error) === 1;
		self::$isGivenUp = self::$isGivenUp || $isGivenUp;

		return $isGivenUp;
	}

	/** Waits a moment, another one than the process that it met. */
	private static function pause(int $try): void
	{
		usleep(random_int(1000, self::MOST_PAUSE_US * $try));
	}

	/** Tells whether a transaction is open. */
	private static function isWithin(): bool
	{
		return self::$begun > 0 || self::isHubsTransaction();
	}

	/** Tells whether a transaction is open that is not ours. */
	private static function isHubsTransaction(): bool
	{
		/** @var mixed */
		$connection = \DBA::$dba->db ?? null;

		return $connection instanceof \PDO && $connection->inTransaction();
	}

	/**
	 * Returns what a question to our tables answers, or false where they do not exist. Throws if they do, and cannot be
	 * read.
	 *
	 * @param \Closure(): bool $question
	 */
	public static function unlessAbsent(\Closure $question): bool
	{
		try {
			return $question();
		} catch (\RuntimeException $e) {
			if (self::areAbsent(self::OURS)) {
				return false;
			}
			throw $e;
		}
	}

	/** Tells whether none of the tables exists; false if the database does not answer or a table is damaged. */
	public static function areAbsent(array $tables): bool
	{
		return ! array_filter($tables, fn ($table) => db_columns($table)) && is_array(dbq('select 1 as one'));
	}

	/** Returns the tables that do not exist. */
	public static function missing(array $tables): array
	{
		return array_values(array_filter($tables, fn ($table) => ! db_columns($table)));
	}

	/** Returns the columns of a table, given as keys, that do not exist. */
	public static function lacking(string $table, array $columns): array
	{
		return array_diff_key($columns, array_flip(db_columns($table)));
	}

	/** Drops tables with their contents. */
	public static function drop(array $tables): void
	{
		foreach ($tables as $table) {
			dbq('DROP TABLE IF EXISTS ' . $table);
		}
	}

	/** Runs a statement that defines a table or an index; false if it failed, for instance because it exists. */
	public static function define(string $statement): bool
	{
		return (bool) dbq($statement);
	}

	/** Changes the type of columns if the database has narrower ones: only MariaDB does. */
	public static function widen(string $table, array $columns, string $type): void
	{
		$changes = implode(', ', array_map(fn ($column) => "MODIFY $column $type NOT NULL", $columns));
		// Other databases with that name lack a function of that name.
		if (
			! Database::isPostgres()
			&& is_array(dbq('select connection_id() as one'))
			&& ! dbq("ALTER TABLE $table $changes")
		) {
			throw new \RuntimeException("cannot widen table $table");
		}
	}

	private static function condition(string $table, array $where): string
	{
		$parts = [];
		foreach ($where as $key => $value) {
			[$column, $operator] = [...explode(' ', (string) $key), '='];
			if (preg_match(self::FEW_VALUES, $column) && ! in_array($table, self::OURS, true)) {
				$column = "($column + 0)";
			}
			if ($operator === 'is' && $value === null) {
				$parts[] = $column . ' IS NULL';
			} elseif (is_array($value)) {
				$list = array_map(fn ($one) => self::literal($table, $column, $one), $value);
				$parts[] =
					$column
					. ($operator === '<>' ? ' NOT IN (' : ' IN (')
					. ($list ? implode(', ', $list) : 'NULL')
					. ')';
			} else {
				$parts[] = $column . ' ' . $operator . ' ' . self::literal($table, $column, $value);
			}
		}

		return $parts ? ' WHERE ' . implode(' AND ', $parts) : '';
	}

	private static function literal(string $table, string $column, mixed $value): string
	{
		if (is_int($value) || is_bool($value)) {
			return (string) (int) $value;
		}
		if ($column === self::REASON && in_array($table, self::OURS, true)) {
			$value = mb_substr((string) $value, 0, self::MOST_REASON_CHARACTERS);
		}

		return (
			"'"
			. (
				in_array($table . '.' . $column, self::BINARY, true)
					? dbescbin((string) $value)
					: dbesc((string) $value)
			)
			. "'"
		);
	}

	private static function readable(string $table, array $row): array
	{
		if (array_key_exists('content', $row) && in_array($table . '.content', self::BINARY, true)) {
			$row['content'] = (string) dbunescbin($row['content']);
		}

		return $row;
	}
}
