<?php

namespace Zotlabs\Daemon;

use Zotlabs\Lib\Libzot;
use Zotlabs\Lib\Libzotdir;

/**
 * Tells the directory (config directory_server) about a channel, and then its readers; a hub with config directory_mode
 * is a directory itself.
 */
class Directory {

	public static function run($argc, $argv) {
		$channel = channelx_by_n($argv[1]);
		if ($channel && get_config('system', 'directory_mode')) {
			Libzotdir::local_dir_update($channel['channel_id'], false);
			return;
		}
		$server = get_config('system', 'directory_server');
		if (!$channel || !$server) {
			return;
		}
		Libzot::zot($server . '/zot', json_encode(['type' => 'refresh', 'sender' => $channel['channel_hash']]), $channel);
		Master::Summon(['Notifier', 'refresh_all', $channel['channel_id']]);
	}
}
