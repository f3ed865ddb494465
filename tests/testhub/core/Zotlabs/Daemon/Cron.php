<?php

namespace Zotlabs\Daemon;

/** What a hub does every ten minutes, as far as addons see it; with argument `daily`, once a day too. */
class Cron {

	public static function run($argc, $argv) {
		cli_startup();
		Master::Summon(['Queue']);
		reload_plugins();
		$now = datetime_convert();
		call_hooks('cron', $now);
		if (in_array('daily', $argv, true)) {
			call_hooks('cron_daily', $now);
		}
	}
}
