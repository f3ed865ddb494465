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

	private static $came_from = null;

	/** Makes a hub in a new folder, boots it here and returns its channel. */
	public static function start(string $nick = 'alice', string $url = 'http://127.0.0.1:9000', int $bits = 2048): array
	{
		self::stop();
		self::$came_from = getcwd();
		self::$identity = self::$identity ?? Maker::identity($nick, $bits);
		self::$folder = realpath(sys_get_temp_dir()) . '/testhub-' . getmypid() . '-' . bin2hex(random_bytes(4));
		Maker::hub(self::$folder, $url);
		Maker::enter(self::$folder);
		set_config('testhub', 'without_workers', 1);
		$channel = Maker::channel(self::$identity, $nick);
		\App::set_channel(null);
		return $channel;
	}

	/** Leaves the hub and removes its folder. */
	public static function stop(): void
	{
		if (! self::$folder) {
			return;
		}
		chdir(self::$came_from);
		\DBA::$dba = null;
		$entries = new \RecursiveIteratorIterator(
			new \RecursiveDirectoryIterator(self::$folder, \FilesystemIterator::SKIP_DOTS),
			\RecursiveIteratorIterator::CHILD_FIRST,
		);
		foreach ($entries as $path => $entry) {
			$entry->isDir() && ! $entry->isLink() ? rmdir($path) : unlink($path);
		}
		Databases::remove(self::$folder);
		rmdir(self::$folder);
		self::$folder = null;
	}
}
