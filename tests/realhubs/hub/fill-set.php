<?php

// Gives the channel what a backup set must be able to hold: names that few systems take, folders without files, every
// kind of access, categories, comments by three people, of whom one's hub is gone and one left no trace at all.
// Arguments: a folder's name that begins what is made, hashes of photos that are commented on. Prints what was made.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';
require_once 'include/items.php';

use Zotlabs\Lib\Libzot;

[, $top] = $argv;
$photos = array_slice($argv, 2);
$channel = the_channel();
log_in($channel);
$uid = (int) $channel['channel_id'];
$root = z_root();
$made = ['files' => 0, 'folders' => 0, 'renamed' => 0, 'posts' => 0];

$rename = function (string $hash, string $name) use ($uid, &$made): void {
	q("update attach set filename = '%s' where uid = %d and hash = '%s'", dbesc($name), $uid, dbesc($hash));
	$made['renamed']++;
};
$upload = function (string $name, string $bytes, string $in) use ($channel, &$made, $uid, $rename): array {
	// The page cuts what is before a slash; a row of a clone may have one.
	$row = store_upload($channel, $bytes, strtr($name, '/', '_'), '', ['directory' => $in, 'nosync' => true]);
	$made['files']++;
	$named = q("select filename from attach where uid = %d and hash = '%s'", $uid, dbesc($row['hash']))[0]['filename'];
	$named === $name || $rename($row['hash'], $name);
	return $row;
};
$folder = function (string $name, string $in = '') use ($channel, &$made): string {
	$r = attach_mkdir($channel, $channel['channel_hash'], ['filename' => $name, 'folder' => $in]);
	$made['folders']++;
	return $r['success'] ? $r['data']['hash'] : answer(['ok' => false, 'folder' => $name] + $r, 1);
};

foreach ([
	...require __DIR__ . '/odd-names.php',
	str_repeat("\u{1d518}", 191),
	str_repeat("\u{1f408}", 187) . '.jpg',
	'../../up.txt',
] as $n => $name) {
	$upload($name, random_bytes(50 + (37 * $n)), "$top/zoo");
}
$upload('nothing.bin', '', $top);
$upload('same.bin', 'the same bytes', $top);
$upload('same too.bin', 'the same bytes', $top);

$at = $folder($top . ' deep');
foreach (range(1, 11) as $n) {
	$at = $folder("Ebene $n mit einem langen Namen", $at);
}
$upload('at the bottom.txt', 'deep', implode('/', [
	$top . ' deep',
	...array_map(fn ($n) => "Ebene $n mit einem langen Namen", range(1, 11)),
]));
$empty = $folder($top . ' empty');
foreach (['empty too', 'con', 'like a file (9c0d1e)', "line\nfeed"] as $name) {
	$folder($name, $empty);
}
// Some databases take it for the first.
$rename($folder('twin', $empty), 'Empty Too');

// Three people: one lives here, one's hub is gone, one left no trace.
$bob = channelx_by_nick('bob');
if (! $bob) {
	create_identity([
		'account_id' => $channel['channel_account_id'],
		'name' => 'Bob',
		'nickname' => 'bob',
		'permissions_role' => 'personal',
	]);
	$bob = channelx_by_nick('bob');
}
// Guid, signature and key of somebody prove each other, also when the hub is gone.
$pair = openssl_pkey_new(['private_key_bits' => 4096, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
openssl_pkey_export($pair, $cigdem);
$key = openssl_pkey_get_details($pair)['key'];
$guid = Libzot::new_uid('cigdem');
$gone = Libzot::make_xchan_hash($guid, $key);
xchan_store_lowlevel([
	'xchan_hash' => $gone,
	'xchan_guid' => $guid,
	'xchan_guid_sig' => Libzot::sign($guid, $cigdem),
	'xchan_pubkey' => $key,
	'xchan_addr' => 'cigdem@gone.invalid',
	'xchan_url' => 'https://gone.invalid/channel/cigdem',
	'xchan_name' => 'Çiğdem',
	'xchan_network' => 'zot6',
]) || answer(['ok' => false, 'message' => 'xchan'], 1);
$untraced = 'untraced-' . bin2hex(random_bytes(16));

// Access.
$group = fn (string $name) => [
	$hash = random_string(),
	q(
		"insert into pgrp (hash, uid, visible, deleted, gname) values ('%s', %d, 0, 0, '%s')",
		dbesc($hash),
		$uid,
		dbesc($name),
	),
][0];
$friends = $group("$top Freunde & others");
$family = $group("$top family");
foreach ([
	['allow_cid' => "<{$bob['channel_hash']}>"],
	['allow_gid' => "<$friends>"],
	['allow_gid' => "<$friends><$family>", 'deny_cid' => "<$gone>"],
	['deny_gid' => "<$family>"],
	['allow_cid' => "<{$channel['channel_hash']}>"],
	['allow_cid' => "<{$bob['channel_hash']}><token:3a4b>"],
	['allow_gid' => '<' . random_string() . '>', 'deny_cid' => "<$untraced>"],
] as $n => $lists) {
	$row = $upload("access $n.txt", "for some $n", "$top/access");
	foreach ($lists as $column => $value) {
		q(
			"update attach set $column = '%s' where uid = %d and hash = '%s'",
			dbesc($value),
			$uid,
			dbesc($row['hash']),
		);
	}
	$id = (int) q("select id from attach where uid = %d and hash = '%s'", $uid, dbesc($row['hash']))[0]['id'];
	foreach (array_slice(['pets', 'Ferien & mehr', 'täglich'], 0, $n % 4) as $category) {
		store_item_tag(
			$uid,
			$id,
			TERM_OBJ_FILE,
			TERM_CATEGORY,
			$category,
			$root . '/cloud/' . $channel['channel_address'] . '/?cat=' . rawurlencode($category),
		);
	}
}

// Comments.
foreach ($photos as $hash) {
	$post = q(
		"select * from item where uid = %d and resource_id = '%s' and item_deleted = 0 order by id limit 1",
		$uid,
		dbesc($hash),
	);
	$post || answer(['ok' => false, 'message' => "$hash has no post"], 1);
	foreach ([$bob['channel_hash'], $gone, $untraced] as $n => $author) {
		$uuid = item_message_id();
		$body = "comment $n on [zrl=$root/photos/{$channel['channel_address']}/image/$hash]this[/zrl] “quoted” <b>";
		$stored = item_store([
			'aid' => $channel['channel_account_id'],
			'uid' => $uid,
			'uuid' => $uuid,
			'mid' => "$root/item/$uuid",
			'parent_mid' => $post[0]['mid'],
			'thr_parent' => $post[0]['mid'],
			'owner_xchan' => $channel['channel_hash'],
			'author_xchan' => $author,
			'mimetype' => 'text/bbcode',
			'verb' => 'Create',
			'obj_type' => 'Note',
			'item_wall' => 1,
			'item_origin' => 1,
			'body' => $body,
			'sig' => match ($author) {
				$gone => Libzot::sign($body, $cigdem),
				$untraced => "sha256.of $author",
				default => Libzot::sign($body, $bob['channel_prvkey']),
			},
			'plink' => "$root/item/$uuid",
			'allow_cid' => '',
			'allow_gid' => '',
			'deny_cid' => '',
			'deny_gid' => '',
		]);
		$stored['success'] || answer(['ok' => false, 'message' => $stored['message'] ?? 'item_store'], 1);
		$made['posts']++;
	}
	// As the hub itself does when somebody answers at its front door: the post of a photo is shown from then on.
	q('update item set item_hidden = 0 where id = %d', intval($post[0]['id']));
}
answer(['ok' => true] + $made);
