<?php

namespace Zotlabs\Daemon;

/** A job of an addon: hook daemon_addon. */
class Addon {

	public static function run($argc, $argv) {
		call_hooks('daemon_addon', $argv);
	}
}
