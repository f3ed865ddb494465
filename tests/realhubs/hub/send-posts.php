<?php

// Syncs every post of a file with its conversation to the clones, also those that core's own packet leaves out.
// Arguments: hash.
require __DIR__ . '/boot.php';
require_once 'include/items.php';

$channel = the_channel();
log_in($channel);
$posts = q(
	"select * from item where uid = %d and item_deleted = 0 and parent in (select id from (select id from item where resource_id = '%s') tops) order by id",
	intval($channel['channel_id']),
	dbesc($argv[1]),
);
xchan_query($posts);
$posts = fetch_post_tags($posts);
Zotlabs\Lib\Libsync::build_sync_packet($channel['channel_id'], ['item' => array_map(fn ($post) => encode_item(
	$post,
	true,
), $posts)]);
answer(array_column($posts, 'mid'));
