<?php

/**
 * The database functions of a hub, on SQLite, MariaDB or PostgreSQL through PDO.
 *
 * As on a hub: a select gives an array of rows, any other statement a PDOStatement, an error false or null and a log
 * line. `%` in q() is a format character. On SQLite transactions begin immediately, so that two processes never
 * dead-lock.
 */
class DBA {

	public static $dba = null;
	public static $logging = false;

	/** Opens the database. */
	public static function open($dsn) {
		self::$dba = null;
		self::$dba = new dba_test($dsn);
	}
}

class dba_test {

	/** @var PDO */
	public $db;
	public $connected = false;
	public $error = '';
	public $debug = 0;
	public $dsn;

	/** @var ?callable Told of every statement before it is run. */
	public static $watch = null;

	public function __construct($dsn) {
		$this->dsn = $dsn;
		$this->db = TestHub\Databases::connect($dsn);
		$this->connected = true;
	}

	public function q($sql) {
		$this->error = '';
		if (TestHub\Statements::folder() !== '') {
			TestHub\Statements::note($sql);
		}
		if (self::$watch) {
			(self::$watch)($sql);
		}
		if (TestHub\Databases::kind($this->dsn) === 'sqlite') {
			$sql = preg_replace(['/^\s*start\s+transaction\b/i', '/ FOR UPDATE$/D'], ['BEGIN IMMEDIATE', ''], $sql);
		}
		try {
			$statement = $this->db->query($sql, PDO::FETCH_ASSOC);
		} catch (PDOException $e) {
			$this->error = $e->getMessage();
			logger('dba: ' . $this->error . ' in: ' . substr($sql, 0, 300), LOGGER_NORMAL, LOG_ERR);
			return stripos($sql, 'select') === 0 ? false : null;
		}
		return stripos($sql, 'select') === 0 ? $statement->fetchAll() : $statement;
	}

	public function escape($value) {
		return substr($this->db->quote((string) $value), 1, -1);
	}
}

/** @return list<array<string, scalar|null>>|PDOStatement|false|null */
function q($sql, ...$args) {
	if (!DBA::$dba) {
		return false;
	}
	return DBA::$dba->q(vsprintf($sql, $args));
}

/** @return list<array<string, scalar|null>>|PDOStatement|false|null */
function dbq($sql) {
	return DBA::$dba ? DBA::$dba->q($sql) : false;
}

/** @return string */
function dbesc($value) {
	return DBA::$dba->escape(is_null_date($value) ? NULL_DATE : $value);
}

/** @return string */
function dbescdate($value) {
	return dbesc($value);
}

/**
 * Escapes bytes. Bytes that are not text become `\x<hex>`, as on a hub with PostgreSQL, so the tables contain both
 * forms. There the backslash is doubled, or the server would read the digits as bytes.
 *
 * @return string
 */
function dbescbin($value) {
	$text = preg_match('//u', (string) $value) && strpos((string) $value, "\0") === false;
	return $text ? strtr(DBA::$dba->escape($value), ACTIVE_DBTYPE === DBTYPE_POSTGRES ? ['\\' => '\\\\'] : []) : DBA::$dba->escape((ACTIVE_DBTYPE === DBTYPE_POSTGRES ? '\\' : '') . '\x' . bin2hex($value));
}

/** @return string */
function dbunescbin($value) {
	return TestHub\Databases::bytes($value);
}

function dbesc_array(&$arr) {
	foreach (array_keys($arr) as $key) {
		if (preg_match('/[^A-Za-z0-9\-_.]/', $key)) {
			return false;
		}
	}
	array_walk($arr, function (&$value) {
		$value = is_string($value) ? dbesc($value) : $value;
	});
	return true;
}

/** @return string */
function db_utcnow() {
	return ['sqlite' => "datetime('now')", 'mysql' => 'UTC_TIMESTAMP()', 'pgsql' => "now() at time zone 'UTC'"][TestHub\Databases::kind(DBA::$dba->dsn)];
}

/** @return list<string> */
function db_columns($table) {
	return TestHub\Databases::columns(DBA::$dba->db, DBA::$dba->dsn, $table);
}

function create_table_from_array($table, $arr, $binary_fields = []) {
	if (!$table || !$arr) {
		return false;
	}
	$columns = db_columns($table);
	$names = $values = [];
	foreach ($arr as $key => $value) {
		if (in_array($key, $columns, true)) {
			$names[] = TQUOT . $key . TQUOT;
			$values[] = "'" . (in_array($key, $binary_fields) ? dbescbin($value) : dbesc($value)) . "'";
		}
	}
	return dbq('INSERT INTO ' . TQUOT . $table . TQUOT . ' (' . implode(', ', $names) . ') VALUES (' . implode(', ', $values) . ')');
}

function ids_to_array($rows, $column = 'id') {
	return array_column($rows ?: [], $column);
}

define('ACTIVE_DBTYPE', getenv('DB') === 'pgsql' || strncmp(json_decode((string) @file_get_contents('hub.json'), true)['database'] ?? '', 'pgsql', 5) === 0 ? DBTYPE_POSTGRES : DBTYPE_MYSQL);
define('TQUOT', ACTIVE_DBTYPE === DBTYPE_POSTGRES ? '"' : '`');
