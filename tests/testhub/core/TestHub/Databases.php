<?php

namespace TestHub;

/**
 * The kinds of database a hub may live on. Environment DB names it: `sqlite` (the default), `mysql` or `pgsql`; for the
 * latter two DB_SOCKET is the folder or file of a server's socket, as `with-database` starts one.
 */
final class Databases {

	/** A database that hubs of this process begin as copies of; null while there is none. */
	private static ?string $pattern = null;

	/**
	 * Takes the database of a hub, which nobody uses any more, as the pattern of all that this process makes from now
	 * on. MariaDB cannot copy one: there it is made each time.
	 */
	public static function pattern(string $folder): bool {
		$kind = getenv('DB') ?: 'sqlite';
		self::$pattern = ['sqlite' => $folder . '/hub.sqlite', 'pgsql' => self::name($folder)][$kind] ?? null;
		return self::$pattern !== null;
	}

	/** Makes the database of a hub and returns its DSN. */
	public static function make(string $folder, int $testhub = 8): string {
		$kind = getenv('DB') ?: 'sqlite';
		$name = self::name($folder);
		if (self::$pattern !== null && $kind === 'sqlite') {
			copy(self::$pattern, $folder . '/hub.sqlite') || self::fail('cannot copy ' . self::$pattern);
			return 'sqlite:' . $folder . '/hub.sqlite';
		}
		if (self::$pattern !== null) {
			self::connect(self::server($kind) . 'dbname=postgres')->exec("CREATE DATABASE $name TEMPLATE " . self::$pattern);
			return self::server($kind) . 'dbname=' . $name;
		}
		if ($kind === 'sqlite') {
			$dsn = 'sqlite:' . $folder . '/hub.sqlite';
		} else {
			$server = self::server($kind);
			self::connect($server . 'dbname=' . ($kind === 'pgsql' ? 'postgres' : 'mysql'))->exec('CREATE DATABASE ' . $name . ($kind === 'mysql' ? ' CHARACTER SET utf8mb4' : ''));
			$dsn = $server . 'dbname=' . $name;
		}
		$database = self::connect($dsn);
		$schema = file_get_contents(__DIR__ . '/schema.sql') . ($testhub < 10 ? '' : file_get_contents(__DIR__ . '/schema-10.sql'));
		foreach (self::statements($schema, $kind, $testhub) as $statement) {
			$database->exec($statement);
		}
		return $dsn;
	}

	/** Removes the database of a hub from its server. */
	public static function remove(string $folder): void {
		$kind = getenv('DB') ?: 'sqlite';
		if ($kind !== 'sqlite') {
			$name = self::name($folder);
			self::connect(self::server($kind) . 'dbname=' . ($kind === 'pgsql' ? 'postgres' : 'mysql'))->exec("DROP DATABASE IF EXISTS $name" . ($kind === 'pgsql' ? ' WITH (FORCE)' : ''));
		}
	}

	/** Opens a database as this process reads and writes it. */
	public static function connect(string $dsn): \PDO {
		$database = new \PDO($dsn, 'hub', '', [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION, \PDO::ATTR_TIMEOUT => 60]);
		if (self::kind($dsn) === 'sqlite') {
			$database->exec('PRAGMA journal_mode = WAL');
			$database->exec('PRAGMA synchronous = NORMAL');
		}
		return $database;
	}

	public static function kind(string $dsn): string {
		return strstr($dsn, ':', true);
	}

	/**
	 * Returns a value as it was before it was stored: bytes come as a stream from PostgreSQL, and some as hexadecimal
	 * digits.
	 *
	 * @return string
	 */
	public static function bytes($value) {
		$value = is_resource($value) ? stream_get_contents($value) : $value;
		// Not by a regular expression: those end at some length.
		$isHex = is_string($value) && strncmp($value, '\x', 2) === 0 && strlen($value) % 2 === 0
			&& strspn($value, '0123456789abcdef', 2) === strlen($value) - 2;
		return $isHex ? hex2bin(substr($value, 2)) : $value;
	}

	/**
	 * Returns the columns of a table, none if it does not exist.
	 *
	 * @return list<string>
	 */
	public static function columns(\PDO $database, string $dsn, string $table): array {
		$name = $database->quote($table);
		$from = ['sqlite' => "SELECT name FROM pragma_table_info($name)",
			'mysql' => "SELECT column_name FROM information_schema.columns WHERE table_schema = database() AND table_name = $name",
			'pgsql' => "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $name"][self::kind($dsn)];
		return $database->query($from)->fetchAll(\PDO::FETCH_COLUMN);
	}

	/** Returns the tables of a database. */
	public static function tables(\PDO $database, string $dsn): array {
		$from = ['sqlite' => "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'",
			'mysql' => 'SELECT table_name FROM information_schema.tables WHERE table_schema = database()',
			'pgsql' => "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"][self::kind($dsn)];
		return $database->query($from)->fetchAll(\PDO::FETCH_COLUMN);
	}

	private static function name(string $folder): string {
		return 'hub_' . substr(md5($folder), 0, 16);
	}

	private static function server(string $kind): string {
		$socket = getenv('DB_SOCKET') ?: self::fail("DB=$kind needs DB_SOCKET; with-database sets it");
		return $kind === 'pgsql' ? "pgsql:host=$socket;" : "mysql:unix_socket=$socket;";
	}

	private static function fail(string $message) {
		throw new \RuntimeException($message);
	}

	/**
	 * Returns the statements of the schema as a kind of database has them: the widths that matter are those of a hub.
	 */
	private static function statements(string $schema, string $kind, int $testhub): array {
		$schema = preg_replace('/^--.*$/m', '', $schema);
		if ($kind !== 'sqlite') {
			$width = $testhub < 10 ? ['mysql' => 191, 'pgsql' => 64][$kind] : 128;
			$schema = str_replace('filetype TEXT', "filetype varchar($width)", $schema);
		}
		if ($kind === 'mysql') {
			$schema = strtr($schema, ['INTEGER PRIMARY KEY AUTOINCREMENT' => 'bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY', 'INTEGER PRIMARY KEY' => 'int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY',
				'TEXT PRIMARY KEY NOT NULL' => 'varchar(191) NOT NULL PRIMARY KEY', "TEXT NOT NULL DEFAULT '0001-01-01 00:00:00'" => "datetime NOT NULL DEFAULT '0001-01-01 00:00:00'",
				'outq_notify TEXT' => 'outq_notify mediumtext']);
			$schema = preg_replace(["/TEXT (NOT NULL )?DEFAULT/", '/\bTEXT\b/', '/ BLOB\b/', '/\b(filesize|id|uid|aid|oid) INT\b/', '/\bINT\b/', '/;\s*$/m'],
				['varchar(191) $1DEFAULT', 'mediumtext', ' longblob', '$1 int unsigned', 'int', ';'], $schema);
		} elseif ($kind === 'pgsql') {
			$schema = strtr($schema, ['INTEGER PRIMARY KEY AUTOINCREMENT' => 'bigserial PRIMARY KEY', 'INTEGER PRIMARY KEY' => 'serial PRIMARY KEY', ' BLOB' => ' bytea',
				"TEXT NOT NULL DEFAULT '0001-01-01 00:00:00'" => "timestamp NOT NULL DEFAULT '0001-01-01 00:00:00'"]);
			$schema = preg_replace(['/\b(imgscale|width|height|profile|item_private) INT\b/', '/\b(is_dir|is_photo|os_storage|photo_usage|is_nsfw) INT\b/', '/\bINT\b/'], ['$1 numeric', '$1 smallint', 'bigint'], $schema);
		}
		return array_filter(array_map('trim', explode(";\n", $schema . "\n")));
	}
}
