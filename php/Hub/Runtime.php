<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Which code this process runs, how its PHP is set up, and who runs the hub. */
final class Runtime
{
	private const VERSION = '0.2.0-dev.8';

	/** Returns a reason why the extension cannot be used, or null if it can. */
	public static function extensionProblem(): ?string
	{
		if (! class_exists('FileSync\TransferBatch', false)) {
			return t('the PHP extension filesync is not loaded');
		}
		$version = extension_loaded('filesync') ? phpversion('filesync') : self::version();
		if ($version !== self::version()) {
			return sprintf(t('the PHP extension filesync is version %1$s, the addon %2$s'), $version, self::version());
		}

		return null;
	}

	/** Returns the version of the running code; the files on disk may be newer by now. */
	public static function version(): string
	{
		return self::VERSION;
	}

	/** Returns the version of the hub. */
	public static function hubVersion(): string
	{
		return defined('STD_VERSION') ? strval(STD_VERSION) : 'unknown';
	}

	/** Returns the version of the PHP that runs this. */
	public static function phpVersion(): string
	{
		return phpversion(null);
	}

	/** Returns the `filesync.*` settings of php.ini. */
	public static function settings(): array
	{
		return extension_loaded('filesync') ? array_map('strval', ini_get_all('filesync', false)) : [];
	}

	/** Returns PHP's memory_limit in bytes, null for none. */
	public static function memoryLimit(): ?int
	{
		$limit = trim((string) ini_get('memory_limit'));
		$bytes = (int) $limit
		* match (strtolower(substr($limit, -1))) {
			'k' => 1 << 10,
			'm' => 1 << 20,
			'g' => 1 << 30,
			default => 1,
		};

		return $bytes > 0 ? $bytes : null;
	}

	/** @return list<string> The functions that we need and this PHP lacks. */
	public static function missingFunctions(): array
	{
		$needed = array_filter(
			array_keys(Assumptions::PHP_FUNCTIONS),
			fn (string $name) => extension_loaded(Assumptions::OF_EXTENSION[$name] ?? 'standard'),
		);

		return array_values(array_filter($needed, fn (string $name) => ! function_exists($name)));
	}

	/**
	 * Tells whether this process may run older files of the addon than those on disk: PHP is configured not to check,
	 * or has preloaded them.
	 */
	public static function isOutdated(): bool
	{
		/**
		 * @var false|array{
		 *     opcache_statistics: array{start_time: int, last_restart_time: int},
		 *     preload_statistics?: array{scripts: list<string>},
		 * }
		 */
		$status = function_exists('opcache_get_status') ? @opcache_get_status(false) : false;
		if (! is_array($status)) {
			return false;
		}
		['start_time' => $started, 'last_restart_time' => $restarted] = $status['opcache_statistics'];

		return (
			self::isAnyNewer($status['preload_statistics']['scripts'] ?? [], $started)
			|| (
				! ini_get('opcache.validate_timestamps')
				&& self::isAnyNewer(get_included_files(), max($started, $restarted))
			)
		);
	}

	/** @param list<string> $paths */
	private static function isAnyNewer(array $paths, int $since): bool
	{
		$ours = array_filter($paths, fn ($path) => str_starts_with($path, dirname(__DIR__) . '/'));

		return (bool) array_filter($ours, fn ($path) => (int) @filectime($path) > $since);
	}

	/**
	 * Returns the owner of the folder store.
	 *
	 * @return ?array{name: string, uid: int, gid: int} Null if that is root, or if PHP cannot tell.
	 */
	public static function hubUser(): ?array
	{
		$uid = (int) @fileowner('store');

		return (
			$uid && function_exists('posix_getpwuid')
				? (posix_getpwuid($uid) ?: ['name' => "#$uid", 'uid' => $uid, 'gid' => (int) @filegroup('store')])
				: null
		);
	}
}
