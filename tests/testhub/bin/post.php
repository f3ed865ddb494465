<?php

/**
 * Stores a post on a hub and sends it to the clones, as an editor of that hub would.
 *
 *     php post.php <hub folder> <columns as JSON> [<name of another author>]
 *
 * Prints the post's mid.
 */

list(, $hub, $json) = $argv;
$stranger = $argv[3] ?? '';
chdir($hub);
require_once 'include/cli_startup.php';
cli_startup();

$channel = q('SELECT * FROM channel LIMIT 1')[0];
App::set_channel($channel);
App::set_observer($channel);
$author = $channel['channel_hash'];
if ($stranger !== '') {
	$author = 'hash-of-' . $stranger;
	if (! q("SELECT xchan_hash FROM xchan WHERE xchan_hash = '%s'", dbesc($author))) {
		create_table_from_array('xchan', [
			'xchan_hash' => $author,
			'xchan_guid' => $stranger,
			'xchan_guid_sig' => '',
			'xchan_pubkey' => '',
			'xchan_name' => $stranger,
			'xchan_network' => 'zot6',
		]);
	}
}
$uuid = sprintf('%08x-0000-4000-8000-%012x', random_int(0, 0xffffffff), random_int(0, 0xffffffffffff));
$mid = z_root() . '/item/' . $uuid;
$item =
	json_decode($json, true)
	+ [
		'uid' => $channel['channel_id'],
		'aid' => $channel['channel_account_id'],
		'uuid' => $uuid,
		'mid' => $mid,
		'parent_mid' => $mid,
		'thr_parent' => $mid,
		'owner_xchan' => $channel['channel_hash'],
		'author_xchan' => $author,
		'mimetype' => 'text/bbcode',
		'item_wall' => 1,
		'item_origin' => 1,
		'item_thread_top' => 1,
		'plink' => z_root() . '/channel/' . $channel['channel_address'] . '/?mid=' . $uuid,
	]
	+ ($stranger === '' ? [] : ['sig' => 'sha256.of-' . $stranger]);
$stored = item_store($item);
if (TESTHUB < 10) {
	// On a 10 item_store itself did it.
	Zotlabs\Lib\Libsync::build_sync_packet($channel['channel_id'], ['item' => [encode_item($stored['item'], true)]]);
}
echo $mid, "\n";
