<?php

namespace FileSync\Addon\Hub;

use FileSync\Addon\Schema\Migrations;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads settings, keeps the log, tells the time.
 *
 * Settings of this clone live in our own table: a channel's pconfig would travel to its other clones. Scopes: `site`, and
 * `peer:<root URL>` for what was learnt about another hub, and `channel:<id>` (only `enabled`).
 */
final class Config
{
	/** Every setting of scope `site` with its default. */
	public const DEFAULTS = [
		/** 1: receive through filesync; 0: leave everything to core. Also per channel, scope `channel:<id>`. */
		'enabled' => '1',
		/** Workers at once on this hub, 1–4; each serves one channel. */
		'workers' => '2',
		/** Transfers under way at once in a worker, 1–16. */
		'parallel' => '4',
		/** Ranges of one large file under way at once where one alone would take long, 1–8. */
		'ranges' => '4',
		/** Most bytes a second that a worker receives, 65536 or more; 0: no limit. */
		'bytes_per_second' => '0',
		/** Seconds a worker runs before it makes room for the hub's other jobs; the hub starts a job again after 300. */
		'slice_seconds' => '110',
		/** Seconds a background worker waits for a retry that is nearly due instead of ending. */
		'linger_seconds' => '20',
		/** Seconds before the first retry; doubles with each further one up to `retry_most_seconds`. */
		'retry_first_seconds' => '60',
		'retry_most_seconds' => '21600',
		/** Times a transfer may end with bytes that do not match before it is parked. */
		'corrupt_attempts' => '5',
		/** Seconds that all transfers pause after a full or failing disk. */
		'storage_pause_seconds' => '300',
		/** Bytes of disk space that are always left free. */
		'headroom_bytes' => '268435456',
		/** Days and bytes (per channel, and of the whole hub) that replaced and deleted files are kept; the oldest go first. */
		'kept_days' => '30',
		'kept_max_bytes' => '2147483648',
		'kept_hub_max_bytes' => '21474836480',
		/** Days that an unfinished transfer without a row, and a finished row, stay. */
		'partial_days' => '7',
		'history_days' => '7',
		/** Files of a channel that received deletes may remove within a day; more waits for a person (`packets`). */
		'delete_max_files' => '1000',
		/** 1: clones on private addresses (10/8, 127/8 …) may be asked. */
		'allow_private_addresses' => '0',
		/** 0: never log in at another hub: neither read files by /dav there nor ask for posts. Also per peer, scope `peer:<root URL>`. */
		'dav_allowed' => '1',
		/**
		 * How the web server sends files that a clone reads, so that no PHP process waits: `X-Accel-Redirect:/prefix/` (nginx, Caddy; the
		 * prefix stands for the hub's root) or `X-Sendfile` (Apache, lighttpd); empty: PHP sends them. See docs/web-servers.md.
		 */
		'x_accel' => '',
		/** Ticket requests that a channel may make in a minute. */
		'ticket_requests_per_minute' => '600',
	];

	/** What the value of a setting must look like, where it is not a number. */
	private const SHAPES = ['x_accel' => '#^(X-Accel-Redirect:/([A-Za-z0-9._~-]+/)*|X-Sendfile)?$#D'];

	/** Returns a setting as text, its default if unset. */
	public static function get(string $name, string $scope = 'site'): string
	{
		$row = Table::first('filesync_setting', ['id' => self::id($scope, $name)], '', 'value');

		return $row['value'] ?? ($scope === 'site' ? self::DEFAULTS[$name] ?? '' : '');
	}

	/** Returns a setting as a number. */
	public static function number(string $name, string $scope = 'site'): int
	{
		return (int) self::get($name, $scope);
	}

	/** Tells whether a setting of scope `site` exists and may have this value. */
	public static function accepts(string $name, string $value): bool
	{
		return isset(self::DEFAULTS[$name]) && preg_match(self::SHAPES[$name] ?? '/^\d{1,18}$/D', $value);
	}

	/** Sets a setting. */
	public static function set(string $name, string $value, string $scope = 'site'): void
	{
		$id = self::id($scope, $name);
		Table::update('filesync_setting', ['value' => $value], ['id' => $id]);
		if (! Table::first('filesync_setting', ['id' => $id], '', 'id')) {
			Table::tryInsert('filesync_setting', ['id' => $id, 'scope' => $scope, 'name' => $name, 'value' => $value]);
		}
	}

	/** Returns a setting to its default. */
	public static function clear(string $name, string $scope = 'site'): void
	{
		Table::delete('filesync_setting', ['id' => self::id($scope, $name)]);
	}

	/**
	 * Tells whether filesync serves a channel: the hub is known, our tables are there, neither the site nor the channel is switched off.
	 *
	 * Throws if the database does not answer: then nobody may take it for a no and let core overwrite files.
	 */
	public static function serves(int $channelId): bool
	{
		if (! Family::isKnown()) {
			return false;
		}
		try {
			return self::get('enabled') !== '0' && self::get('enabled', 'channel:' . $channelId) !== '0';
		} catch (\RuntimeException $e) {
			if (Table::areAbsent(Migrations::tables())) {
				return false;
			}
			throw $e;
		}
	}

	/** Writes one line to the hub's log. Never hand it packets, keys, cookies or signatures. */
	public static function log(string $message): void
	{
		logger('filesync: ' . self::oneLine($message));
	}

	/** Writes one line about an error that was caught. */
	public static function logFailure(string $during, \Throwable $e): void
	{
		$where = basename($e->getFile()) . ':' . $e->getLine();
		$line = 'filesync: ' . $during . ' failed: ' . get_class($e) . ': ' . self::oneLine($e->getMessage()) . ' at ' . $where;
		function_exists('logger') ? logger($line, LOGGER_NORMAL, LOG_ERR) : error_log($line);
	}

	/** Returns text without what would end the line, steer a terminal or turn the direction of writing. */
	public static function oneLine(string $text): string
	{
		return preg_replace('/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u', '?', mb_scrub($text, 'UTF-8'));
	}

	/** Returns the present time as Unix seconds. */
	public static function now(): int
	{
		return time();
	}

	/** Returns 32 random hex digits. */
	public static function token(): string
	{
		return bin2hex(random_bytes(16));
	}

	/** Starts a background job. The hub drops a job whose arguments equal a waiting one's, hence the token. */
	public static function summonWorker(string $work = 'work'): void
	{
		\Zotlabs\Daemon\Master::Summon(['Addon', 'filesync', $work, self::token()]);
	}

	/** Returns a reason why the extension cannot be used, or null if it can. */
	public static function extensionProblem(): ?string
	{
		if (! class_exists('FileSync\TransferBatch', false)) {
			return 'the PHP extension filesync is not loaded';
		}
		$version = extension_loaded('filesync') ? phpversion('filesync') : self::version();
		if ($version !== self::version()) {
			return "the PHP extension filesync is version $version, the addon " . self::version();
		}

		return null;
	}

	/** Returns the addon's own version, as its header says it. */
	public static function version(): string
	{
		static $version = null;
		if ($version === null) {
			preg_match('/^ \* Version: (\S+)/m', (string) file_get_contents(dirname(__DIR__) . '/filesync.php', false, null, 0, 1024), $found);
			$version = $found[1] ?? '';
		}

		return $version;
	}

	private static function id(string $scope, string $name): string
	{
		return hash('sha256', $scope . "\n" . $name);
	}
}
