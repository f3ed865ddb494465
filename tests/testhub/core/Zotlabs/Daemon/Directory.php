<?php

namespace Zotlabs\Daemon;

use Zotlabs\Lib\Libzot;

/** Tells the directory (config directory_server) about a channel, and then its readers. */
class Directory {

	public static function run($argc, $argv) {
		$channel = channelx_by_n($argv[1]);
		$server = get_config('system', 'directory_server');
		if (!$channel || !$server) {
			return;
		}
		Libzot::zot($server . '/zot', json_encode(['type' => 'refresh', 'sender' => $channel['channel_hash']]), $channel);
		Master::Summon(['Notifier', 'refresh_all', $channel['channel_id']]);
	}
}
