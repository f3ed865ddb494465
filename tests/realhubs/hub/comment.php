<?php

// Comments as the channel's owner on each post of a file, oldest first, and syncs the comments to the clones.
// Arguments: hash. Prints posts and comments.
require __DIR__ . '/boot.php';
require_once 'include/items.php';

$channel = the_channel();
log_in($channel);
$mids = [];
foreach (q(
	"select * from item where uid = %d and resource_id = '%s' and item_deleted = 0 order by id",
	intval($channel['channel_id']),
	dbesc($argv[1]),
) as $post) {
	$comment = send_post($channel, post_activity_item([
		'body' => 'seen at ' . z_root() . '/photos/' . $channel['channel_address'] . '/image/' . $argv[1],
		'item_wall' => 1,
		'owner_xchan' => $channel['channel_hash'],
		'parent_mid' => $post['mid'],
		'thr_parent' => $post['mid'],
		'allow_cid' => '',
		'allow_gid' => '',
		'deny_cid' => '',
		'deny_gid' => '',
	]));
	array_push($mids, $post['mid'], $comment['mid']);
}
answer($mids);
