<?php

// Gives the channel that CHANNEL names all that an export has, in amounts: connections whose hub is gone, groups,
// settings, posts with comments by connections and by the owner, an event, a chat room, an app, a thing, a like, a
// menu, pages, a wiki, an access token. Arguments: connections, conversations (of two posts each), characters of each
// post, `gone` if nobody has heard of the connections for long: then a hub asks theirs, which is not there, about each.
require __DIR__ . '/boot.php';
require_once 'include/items.php';
require_once 'include/xchan.php';
require_once 'include/hubloc.php';
require_once 'include/connections.php';
require_once 'include/event.php';
require_once 'include/menu.php';
require_once 'include/security.php';

use Zotlabs\Lib\IConfig;
use Zotlabs\Lib\Libzot;

// Guessing a text's language takes more memory than a hub's PHP may have here.
get_config('system', 'baseurl');
App::$config['system']['language_detect_min_length'] = PHP_INT_MAX;
[$connections, $conversations, $length] = array_map(intval(...), array_slice($argv, 1, 3));
$channel = the_channel();
log_in($channel);
session_id('fill');
$uid = (int) $channel['channel_id'];
$root = z_root();
$nick = $channel['channel_address'];
$key = openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
openssl_pkey_export($key, $private);
$public = openssl_pkey_get_details($key)['key'];
$own = openssl_pkey_get_private($channel['channel_prvkey']);
$now = datetime_convert();
$day = substr($now, 0, 10);
$acl = ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];

require_once 'include/photo/photo_driver.php';
import_channel_photo(small_photo($nick), 'image/png', (int) $channel['channel_account_id'], $uid);

$people = [];
q('START TRANSACTION');
for ($n = 0; $n < $connections; $n++) {
	$guid = "$nick-person-$n-" . bin2hex(random_bytes(8));
	$people[] = $hash = Libzot::make_xchan_hash($guid, $public);
	$signature = Libzot::sign($guid, $private);
	$address = "p$n@gone.invalid";
	xchan_store_lowlevel([
		'xchan_hash' => $hash,
		'xchan_guid' => $guid,
		'xchan_guid_sig' => $signature,
		'xchan_pubkey' => $public,
		'xchan_photo_mimetype' => 'image/jpeg',
		'xchan_photo_l' => "https://gone.invalid/photo/$n-4",
		'xchan_photo_m' => "https://gone.invalid/photo/$n-5",
		'xchan_photo_s' => "https://gone.invalid/photo/$n-6",
		'xchan_addr' => $address,
		'xchan_url' => "https://gone.invalid/channel/p$n",
		'xchan_name' => "Person $n",
		'xchan_network' => 'zot6',
		'xchan_updated' => $now,
		'xchan_photo_date' => "$day 00:00:00",
		'xchan_name_date' => "$day 00:00:00",
	]);
	hubloc_store_lowlevel([
		'hubloc_guid' => $guid,
		'hubloc_guid_sig' => $signature,
		'hubloc_id_url' => "https://gone.invalid/channel/p$n",
		'hubloc_hash' => $hash,
		'hubloc_addr' => $address,
		'hubloc_network' => 'zot6',
		'hubloc_url' => 'https://gone.invalid',
		'hubloc_url_sig' => Libzot::sign('https://gone.invalid', $private),
		'hubloc_site_id' => Libzot::make_xchan_hash('https://gone.invalid', $public),
		'hubloc_host' => 'gone.invalid',
		'hubloc_callback' => 'https://gone.invalid/zot',
		'hubloc_sitekey' => $public,
		'hubloc_updated' => ($argv[4] ?? '') === 'gone' ? '2020-01-01 00:00:00' : $now,
		'hubloc_primary' => 1,
	]);
	abook_store_lowlevel([
		'abook_account' => $channel['channel_account_id'],
		'abook_channel' => $uid,
		'abook_xchan' => $hash,
		'abook_closeness' => 80,
		'abook_created' => $now,
		'abook_updated' => $now,
		'abook_role' => 'default',
		'abook_incl' => '',
		'abook_excl' => '',
		'abook_instance' => '',
	]);
	foreach (['my_perms' => 'view_stream', 'their_perms' => 'post_comments'] as $cat => $k) {
		set_abconfig($uid, $hash, $cat, $k, '1');
	}
}
// Members' groups are named by numbers that differ between hubs, and overlap.
for ($n = 0; $n < 12; $n++) {
	q(
		"insert into pgrp (hash, uid, visible, deleted, gname) values ('%s', %d, 0, 0, '%s')",
		dbesc("$nick-group-$n"),
		$uid,
		dbesc("group $n & co"),
	);
	$id = q("select id from pgrp where hash = '%s'", dbesc("$nick-group-$n"))[0]['id'];
	foreach (array_slice($people, $n * 3, 5) as $hash) {
		q("insert into pgrp_member (uid, gid, xchan) values (%d, %d, '%s')", $uid, intval($id), dbesc($hash));
	}
}
q('COMMIT');
foreach (range(1, 40) as $n) {
	set_pconfig($uid, 'filltest', "key $n", str_repeat("value $n ", $n));
}

$store = function (array $post, array $author, $key) use ($channel, $uid, $acl): string {
	$signature = '';
	openssl_sign($post['body'], $signature, $key, 'sha256');
	$r = item_store(
		[
			'aid' => $channel['channel_account_id'],
			'uid' => $uid,
			'owner_xchan' => $channel['channel_hash'],
			'mimetype' => 'text/bbcode',
			'verb' => 'Create',
			'obj_type' => 'Note',
			'item_wall' => 1,
			'sig' => 'sha256.' . base64url_encode($signature, true),
			'item_verified' => 1,
			'plink' => $post['mid'],
		]
		+ $author
		+ $post
		+ $acl,
		false,
		false,
	);
	return $r['success'] ? $post['mid'] : answer(['ok' => false, 'post' => $r], 1);
};
$words = fn (string $of) => trim(substr(
	str_repeat("$of, with words that mean nothing. ", 1 + intdiv($length, strlen($of) + 32)),
	0,
	$length,
));
q('START TRANSACTION');
for ($n = 0; $n < $conversations; $n++) {
	$uuid = item_message_id();
	$mid = "$root/item/$uuid";
	$at = datetime_convert('UTC', 'UTC', 'now - ' . (60 * ($conversations - $n)) . ' seconds');
	$body = $words("post $n [zrl=$root/channel/{$nick}]me[/zrl] [url]$root/cloud/$nick/x[/url]");
	$store(
		[
			'uuid' => $uuid,
			'mid' => $mid,
			'parent_mid' => $mid,
			'thr_parent' => $mid,
			'created' => $at,
			'edited' => $at,
			'item_origin' => 1,
			'item_thread_top' => 1,
			'body' => $body,
			'term' => [[
				'uid' => $uid,
				'ttype' => TERM_CATEGORY,
				'otype' => TERM_OBJ_POST,
				'term' => 'summer',
				'url' => "$root/channel/$nick?f=&cat=summer",
			]],
		],
		['author_xchan' => $channel['channel_hash']],
		$own,
	);
	// The owner's comment, and those of connections.
	$isOwn = ($n % 4) === 0;
	$uuid = item_message_id();
	$comment = ($isOwn ? $root : 'https://gone.invalid') . "/item/$uuid";
	$store(
		[
			'uuid' => $uuid,
			'mid' => $comment,
			'parent_mid' => $mid,
			'thr_parent' => $mid,
			'created' => $at,
			'edited' => $at,
			'item_origin' => (int) $isOwn,
			'body' => $words("comment $n [zrl=$root/channel/{$nick}]seen[/zrl]"),
		],
		['author_xchan' => $isOwn || $people === [] ? $channel['channel_hash'] : $people[$n % count($people)]],
		$isOwn || $people === [] ? $own : $key,
	);
	if (($n % 500) === 499) {
		q('COMMIT');
		q('START TRANSACTION');
	}
}
q('COMMIT');

$event =
	[
		'account' => $channel['channel_account_id'],
		'uid' => $uid,
		'event_xchan' => $channel['channel_hash'],
		'event_hash' => new_uuid(),
		'dtstart' => "$day 10:00:00",
		'dtend' => "$day 11:00:00",
		'summary' => 'an event',
		'description' => 'of an hour',
		'location' => '',
		'etype' => 'event',
		'nofinish' => 0,
		'adjust' => 1,
		'event_vdata' => '',
	] + $acl;
$stored = event_store_event($event);
event_store_item($event, $stored);
create_table_from_array('chatroom', [
	'cr_aid' => $channel['channel_account_id'],
	'cr_uid' => $uid,
	'cr_name' => 'room',
	'cr_created' => $now,
	'cr_edited' => $now,
	'cr_expire' => 120,
] + $acl);
create_table_from_array('app', [
	'app_id' => hash('whirlpool', "$nick app"),
	'app_author' => $channel['channel_hash'],
	'app_name' => 'an app',
	'app_desc' => '',
	'app_url' => 'https://app.invalid/',
	'app_photo' => 'https://gone.invalid/app.png',
	'app_channel' => $uid,
	'app_created' => $now,
	'app_edited' => $now,
]);
$app = q("select id from app where app_channel = %d and app_name = 'an app'", $uid)[0]['id'];
store_item_tag($uid, $app, TERM_OBJ_APP, TERM_CATEGORY, 'tools', '');
create_table_from_array('obj', [
	'obj_page' => '',
	'obj_verb' => 'has',
	'obj_type' => 3,
	'obj_obj' => "$nick-thing",
	'obj_channel' => $uid,
	'obj_term' => 'a bicycle',
	'obj_url' => "$root/thing/$nick-thing",
	'obj_imgurl' => 'https://gone.invalid/bicycle.png',
	'obj_created' => $now,
	'obj_edited' => $now,
	'obj_quantity' => 1,
] + $acl);
create_table_from_array('likes', [
	'channel_id' => $uid,
	'liker' => $people[0] ?? $channel['channel_hash'],
	'likee' => $channel['channel_hash'],
	'i_mid' => '',
	'verb' => 'Like',
	'target_type' => 'Profile',
	'target_id' => "$nick-profile",
	'target' => '',
]);
$menu = menu_create(['menu_channel_id' => $uid, 'menu_name' => 'links', 'menu_desc' => 'My links', 'menu_flags' => 0]);
foreach (["$root/channel/$nick", "$root/page/$nick/home", "$root/help", 'https://elsewhere.invalid/'] as $n => $link) {
	menu_add_item($menu, $uid, [
		'mitem_link' => $link,
		'mitem_desc' => "link & $n",
		'mitem_order' => $n,
		'mitem_flags' => 1,
	]);
}
foreach ([[ITEM_TYPE_WEBPAGE, 'WEBPAGE', 'home'], [ITEM_TYPE_BLOCK, 'BUILDBLOCK', 'side']] as [$type, $k, $name]) {
	$uuid = item_message_id();
	$mid = "$root/item/$uuid";
	$page = [
		'uuid' => $uuid,
		'mid' => $mid,
		'parent_mid' => $mid,
		'thr_parent' => $mid,
		'created' => $now,
		'edited' => $now,
		'item_type' => $type,
		'item_origin' => 1,
		'item_thread_top' => 1,
		'title' => $name,
		'body' => "a page of [url]$root/channel/{$nick}[/url]",
	];
	IConfig::Set($page, 'system', $k, $name, true);
	$store($page, ['author_xchan' => $channel['channel_hash']], $own);
}
$uuid = item_message_id();
$mid = "$root/item/$uuid";
$wiki = [
	'uuid' => $uuid,
	'mid' => $mid,
	'parent_mid' => $mid,
	'thr_parent' => $mid,
	'created' => $now,
	'edited' => $now,
	'resource_type' => 'nwiki',
	'resource_id' => new_uuid(),
	'item_origin' => 1,
	'item_thread_top' => 1,
	'title' => 'my wiki',
	'body' => 'a wiki',
];
$store($wiki, ['author_xchan' => $channel['channel_hash']], $own);

create_table_from_array('atoken', [
	'atoken_guid' => new_uuid(),
	'atoken_aid' => $channel['channel_account_id'],
	'atoken_uid' => $uid,
	'atoken_name' => "guest of $nick",
	'atoken_token' => 'let me in',
	'atoken_expires' => '2030-01-01 00:00:00',
]);
atoken_create_xchan(atoken_xchan(q('select * from atoken where atoken_uid = %d', $uid)[0]));
answer([
	'ok' => true,
	'items' => (int) q('select count(*) as n from item where uid = %d', $uid)[0]['n'],
	'people' => count($people),
]);
