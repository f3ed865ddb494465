<?php

// Posts as the channel's owner a post whose attachments fill a packet, and syncs it to the clones: with its JSON as
// text in which slashes are escaped, as older hubs store it. Others are not told: core has not the memory for it.
// Arguments: bytes of the packet, links, hashes of the files that the links lead to. Prints its mid and the bytes.
require __DIR__ . '/boot.php';
require_once 'include/items.php';

[, $bytes, $count] = $argv;
$hashes = array_slice($argv, 3);
$channel = the_channel();
log_in($channel);
$root = z_root();
// As long in the packet as asked for, where its quotes and backslashes are escaped once more. All links are in one
// text.
$attach = function (int $padding) use ($root, $count, $hashes): string {
	for ($n = 0, $text = ''; $n < (int) $count; $n++) {
		$text .= "$root/attach/{$hashes[$n % count($hashes)]} " . str_pad("file $n", $padding, 'x') . ' ';
	}

	return json_encode([['type' => 'text/plain', 'href' => $root . '/attach/' . $hashes[0], 'content' => $text]]);
};
$padding = intdiv((int) $bytes - strlen(json_encode($attach(0))), (int) $count);
$text = $attach($padding + 10);
$post = post_activity_item(
	['body' => 'many files', 'allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''],
	false,
	false,
);
$post['success'] || answer(['ok' => false, 'message' => $post['message'] ?? 'item_store'], 1);
$rows = q('select * from item where id = %d', intval($post['item_id']));
xchan_query($rows);
$item = ['attach' => $text] + encode_item(fetch_post_tags($rows)[0], true);
q("update item set attach = '%s' where id = %d", dbesc($text), intval($post['item_id']));
Zotlabs\Lib\Libsync::build_sync_packet($channel['channel_id'], ['item' => [$item]]);
answer(['ok' => true, 'mid' => $rows[0]['mid'], 'bytes' => strlen(json_encode($item))]);
