<?php

// Sends the sync packet of a file again, as core does after many an upload. Arguments: hash, how many times, category
// to add ('' = none).
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/items.php';

use Zotlabs\Lib\Libsync;

$channel = the_channel();
log_in($channel);
if ($category = $argv[3] ?? '') {
	$row = q("select id from attach where uid = %d and hash = '%s'", intval($channel['channel_id']), dbesc($argv[1]));
	store_item_tag(
		$channel['channel_id'],
		$row[0]['id'],
		TERM_OBJ_FILE,
		TERM_CATEGORY,
		$category,
		z_root() . '/cloud/' . $channel['channel_address'] . '/?f=&cat=' . urlencode($category),
	);
}
for ($i = 0; $i < (int) $argv[2]; $i++) {
	Libsync::build_sync_packet($channel['channel_id'], ['file' => [attach_export_data($channel, $argv[1])]]);
}
answer(['ok' => true]);
