<?php

namespace Zotlabs\Lib;

/** The directory of a hub that is one: table updates tells other directories what is new. */
class Libzotdir {

	public static function local_dir_update($uid, $force) {
		$channel = channelx_by_n($uid);
		$listing = ['channel_id' => $uid, 'hash' => $channel['channel_hash'], 'profile' => ['encoding' => 'zot']];
		call_hooks('local_dir_update', $listing);
		create_table_from_array('updates', ['ud_hash' => $channel['channel_hash'], 'ud_addr' => $channel['channel_address']]);
	}
}
