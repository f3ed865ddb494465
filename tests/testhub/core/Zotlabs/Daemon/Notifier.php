<?php

namespace Zotlabs\Daemon;

/** Would deliver a post to its readers; here it is only logged, so that tests see who was told what. */
class Notifier {

	public static function run($argc, $argv) {
		logger('notifier: ' . implode(' ', array_slice($argv, 1)));
	}
}
