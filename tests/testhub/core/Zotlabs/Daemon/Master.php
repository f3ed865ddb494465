<?php

namespace Zotlabs\Daemon;

use Zotlabs\Lib\QueueWorker;

if (realpath($_SERVER['SCRIPT_FILENAME'] ?? '') === __FILE__ && !class_exists('App', false)) {
	require_once 'include/cli_startup.php';
	array_shift($argv);
	if ($argv) {
		Master::Release(count($argv), $argv);
	}
	return;
}

/** Starts background jobs. */
class Master {

	public static function Summon($arr) {
		QueueWorker::Summon($arr);
	}

	public static function Release($argc, $argv) {
		cli_startup();
		QueueWorker::Release($argv);
	}
}
