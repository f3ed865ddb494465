<?php
// Posts as the channel's owner an item whose stored body names a file in [attachment], and syncs it to the clones.
// The post editor takes that tag out of a body; items made through other doors and older ones still hold it. Arguments: hash.
require __DIR__ . '/boot.php';
require_once 'include/items.php';

use Zotlabs\Lib\Libsync;

$channel = the_channel();
log_in($channel);
$post = post_activity_item([
	'body' => "Have a look\n\n[attachment]" . $argv[1] . ',0[/attachment]',
	'allow_cid' => '<' . $channel['channel_hash'] . '>', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => '',
	'item_wall' => 1, 'item_private' => 1,
]);
if (!$post['success']) {
	answer(['ok' => false, 'message' => $post['message'] ?? 'item_store'], 1);
}
$rows = q('select * from item where id = %d', intval($post['item_id']));
xchan_query($rows);
$rows = fetch_post_tags($rows);
Libsync::build_sync_packet($channel['channel_id'], ['item' => [encode_item($rows[0], true)]]);
answer(['ok' => true, 'mid' => $rows[0]['mid'], 'body' => $rows[0]['body']]);
