<?php

/**
 * The database functions of a hub, on SQLite through PDO.
 *
 * As on a hub: a select gives an array of rows, any other statement a PDOStatement, an error false or null and a log
 * line. `%` in q() is a format character. Transactions begin immediately, so that two processes never dead-lock.
 */
class DBA {

	public static $dba = null;
	public static $logging = false;

	/** Opens the database file, which is created with its tables when it does not exist. */
	public static function open($file) {
		self::$dba = new dba_sqlite($file);
	}
}

class dba_sqlite {

	/** @var PDO */
	public $db;
	public $connected = false;
	public $error = '';
	public $debug = 0;

	public function __construct($file) {
		$this->db = new PDO('sqlite:' . $file);
		$this->db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
		$this->db->setAttribute(PDO::ATTR_TIMEOUT, 60);
		$this->db->exec('PRAGMA journal_mode = WAL');
		$this->db->exec('PRAGMA synchronous = NORMAL');
		$this->connected = true;
	}

	public function q($sql) {
		$this->error = '';
		if (preg_match('/^\s*start\s+transaction\b/i', $sql)) {
			$sql = 'BEGIN IMMEDIATE';
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

function q($sql, ...$args) {
	if (!DBA::$dba) {
		return false;
	}
	return DBA::$dba->q(vsprintf($sql, $args));
}

function dbq($sql) {
	return DBA::$dba ? DBA::$dba->q($sql) : false;
}

function dbesc($value) {
	return DBA::$dba->escape(is_null_date($value) ? NULL_DATE : $value);
}

function dbescdate($value) {
	return dbesc($value);
}

/** Escapes bytes. What is no text becomes `\x<hex>`, as on a hub with PostgreSQL, so both forms stand in the tables. */
function dbescbin($value) {
	$text = preg_match('//u', (string) $value) && strpos((string) $value, "\0") === false;
	return $text ? DBA::$dba->escape($value) : '\x' . bin2hex($value);
}

function dbunescbin($value) {
	return strncmp((string) $value, '\x', 2) === 0 ? hex2bin(substr($value, 2)) : $value;
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

function db_utcnow() {
	return "datetime('now')";
}

function db_columns($table) {
	$columns = DBA::$dba->db->query('SELECT name FROM pragma_table_info(' . DBA::$dba->db->quote($table) . ')');
	return $columns->fetchAll(PDO::FETCH_COLUMN);
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

define('ACTIVE_DBTYPE', DBTYPE_MYSQL);
define('TQUOT', '`');
