<?php

namespace Zotlabs\Daemon;

use Zotlabs\Lib\Libsync;

/** Stores a file of the hub's own disk for a channel: `Importfile <channel id> <path> [folder]`. */
class Importfile {

	public static function run($argc, $argv) {
		cli_startup();
		$channel = channelx_by_n($argv[1]);
		$_FILES['userfile'] = ['tmp_name' => $argv[2], 'name' => basename($argv[2])];
		$stored = $channel ? attach_store($channel, $channel['channel_hash'], '', ['folder' => $argv[3] ?? '']) : [];
		if (!empty($stored['success'])) {
			$sync = attach_export_data($channel, $stored['data']['hash']);
			if ($sync) {
				Libsync::build_sync_packet($channel['channel_id'], ['file' => [$sync]]);
			}
		}
	}
}
