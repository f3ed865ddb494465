<?php

/**
 * A test hub in this very process, for unit tests of an addon:
 *
 *     require 'tests/testhub/in-process.php';
 *     $channel = TestHub\InProcess::start();              // fresh folder, database, channel alice; chdir to the hub
 *     TestHub\Maker::hubloc(TestHub\InProcess::$identity, 'http://127.0.0.1:9001', 'alice');   // a clone elsewhere
 *     TestHub\InProcess::stop();                           // back to where we were; the folder is removed
 *
 * start() may be called again for a clean hub. Workers are not started: a summoned job stays a row of table workerq.
 */

namespace TestHub;

require_once __DIR__ . '/core/TestHub/Maker.php';

final class InProcess
{
	/** The identity of the channel; its key is made once per process. */
	public static $identity = null;

	/** The hub's folder. */
	public static $folder = null;

	/** Makes tables that every hub of this process is to begin with, in a booted hub; null for those of core alone. */
	public static ?\Closure $tables = null;

	/** Folder of the hub whose database is the pattern of all others, and the process that removes it. */
	private static ?string $pattern = null;

	private static $came_from = null;

	/** Makes a hub in a new folder, boots it here and returns its channel. */
	public static function start(string $nick = 'alice', string $url = 'http://127.0.0.1:9000', int $bits = 2048): array
	{
		self::stop();
		self::$came_from = getcwd();
		if (self::$tables && self::$pattern === null) {
			self::pattern($url);
		}
		self::$identity = self::$identity ?? Maker::identity($nick, $bits);
		self::$folder = realpath(sys_get_temp_dir()) . '/testhub-' . getmypid() . '-' . bin2hex(random_bytes(4));
		Maker::hub(self::$folder, $url);
		Maker::enter(self::$folder);
		set_config('testhub', 'without_workers', 1);
		$channel = Maker::channel(self::$identity, $nick);
		\App::set_channel(null);
		return $channel;
	}

	/** Makes the tables once, where databases can be copied, instead of once for each test. */
	private static function pattern(string $url): void
	{
		self::$pattern = realpath(sys_get_temp_dir()) . '/testhub-' . getmypid() . '-pattern';
		Maker::hub(self::$pattern, $url);
		Maker::enter(self::$pattern);
		(self::$tables)();
		\DBA::$dba = null;
		chdir(self::$came_from);
		$process = getmypid();
		register_shutdown_function(fn () => $process === getmypid() && self::remove(self::$pattern));
		Databases::pattern(self::$pattern);
	}

	/** Leaves the hub and removes its folder. */
	public static function stop(): void
	{
		if (! self::$folder) {
			return;
		}
		chdir(self::$came_from);
		\DBA::$dba = null;
		self::remove(self::$folder);
		self::$folder = null;
	}

	private static function remove(string $folder): void
	{
		$entries = new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator($folder, \FilesystemIterator::SKIP_DOTS),
			\RecursiveIteratorIterator::CHILD_FIRST,
		);
		foreach ($entries as $path => $entry) {
			$entry->isDir() && ! $entry->isLink() ? rmdir($path) : unlink($path);
		}
		Databases::remove($folder);
		rmdir($folder);
	}
}
