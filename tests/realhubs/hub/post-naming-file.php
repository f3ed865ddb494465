<?php

// Posts as the channel's owner an item whose stored body names a file in [attachment], and syncs it to the clones. The
// post editor takes that tag out of a body; items made through other doors and older ones still hold it. Arguments:
// hash.
require __DIR__ . '/boot.php';
require_once 'include/items.php';

$channel = the_channel();
log_in($channel);
$post = post_activity_item([
	'body' => "Have a look\n\n[attachment]" . $argv[1] . ',0[/attachment]',
	'allow_cid' => '<' . $channel['channel_hash'] . '>',
	'allow_gid' => '',
	'deny_cid' => '',
	'deny_gid' => '',
	'item_wall' => 1,
	'item_private' => 1,
]);
$row = send_post($channel, $post);
answer(['ok' => true, 'mid' => $row['mid'], 'body' => $row['body']]);
