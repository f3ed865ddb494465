<?php

// Gives the channel what a set of everything must hold beside files: posts of its own and of others over some months,
// comments, a direct message, a deleted post, a page, a part of a wiki; connections, a group, an app, an event, a menu,
// a chat room, a calendar and an address book. Arguments: a word that begins what is made, how many posts and how many
// connections. Prints what was made.
require __DIR__ . '/boot.php';
require_once 'include/items.php';
require_once 'include/menu.php';

use Zotlabs\Lib\Libzot;

[, $top, $posts, $connections] = $argv + [3 => 5];
$channel = the_channel();
log_in($channel);
$uid = (int) $channel['channel_id'];
$account = (int) $channel['channel_account_id'];
$root = z_root();
$acl = array_fill_keys(['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'], '');

/** Adds a row; columns that are not given and have no default in some database are empty or 0. */
$insert = function (string $table, array $row): void {
	$bare = q(
		"select column_name as name, data_type as type from information_schema.columns where table_name = '%s'"
		. " and is_nullable = 'NO' and column_default is null and ordinal_position > 1",
		dbesc($table),
	);
	foreach ($bare as ['name' => $name, 'type' => $type]) {
		$row += [$name => preg_match('/text|char/', $type) ? '' : 0];
	}
	create_table_from_array($table, $row) || answer(['ok' => false, 'message' => $table], 1);
};

$people = [];
for ($n = 0; $n < $connections; $n++) {
	$guid = Libzot::new_uid("$top$n");
	$hash = Libzot::make_xchan_hash($guid, $channel['channel_pubkey']);
	$host = "hub$n.invalid";
	$insert('xchan', [
		'xchan_hash' => $hash,
		'xchan_guid' => $guid,
		'xchan_guid_sig' => "signature $n",
		'xchan_pubkey' => $channel['channel_pubkey'],
		'xchan_addr' => "person$n@$host",
		'xchan_url' => "https://$host/channel/person$n",
		'xchan_name' => "Person $n & others",
		'xchan_network' => 'zot6',
	]);
	foreach ([$host, "other$host"] as $m => $place) {
		$insert('hubloc', [
			'hubloc_guid' => $guid,
			'hubloc_hash' => $hash,
			'hubloc_id_url' => "https://$place/channel/person$n",
			'hubloc_addr' => "person$n@$place",
			'hubloc_network' => 'zot6',
			'hubloc_url' => "https://$place",
			'hubloc_url_sig' => Libzot::sign("https://$place", $channel['channel_prvkey']),
			'hubloc_host' => $place,
			'hubloc_callback' => "https://$place/zot",
			'hubloc_primary' => (int) ($m === 0),
		]);
	}
	$insert('abook', [
		'abook_account' => $account,
		'abook_channel' => $uid,
		'abook_xchan' => $hash,
		'abook_closeness' => 10 + ($n % 80),
		'abook_created' => '2024-01-01 10:00:00',
	]);
	set_abconfig($uid, $hash, 'my_perms', 'view_stream', 1);
	set_abconfig($uid, $hash, 'their_perms', 'send_stream', 1);
	$people[] = $hash;
}

$store = function (array $post) use ($account, $uid, $root, $acl, $channel): array {
	$uuid = item_message_id();
	$stored = item_store(
		$post
		+ $acl
		+ [
			'aid' => $account,
			'uid' => $uid,
			'uuid' => $uuid,
			'mid' => "$root/item/$uuid",
			'parent_mid' => "$root/item/$uuid",
			'owner_xchan' => $channel['channel_hash'],
			'author_xchan' => $channel['channel_hash'],
			'mimetype' => 'text/bbcode',
			'verb' => 'Create',
			'obj_type' => 'Note',
			'item_thread_top' => 1,
			'item_wall' => 1,
			'item_origin' => 1,
			'plink' => "$root/channel/{$channel['channel_address']}?mid=$uuid",
		],
		false,
		false,
	);

	return $stored['success'] ? $stored : answer(['ok' => false, 'message' => $stored['message'] ?? 'item_store'], 1);
};
$first = null;
for ($n = 0; $n < $posts; $n++) {
	$author = ($n % 3) === 2 && $people ? $people[$n % count($people)] : $channel['channel_hash'];
	$time = sprintf('2024-%02d-%02d 10:%02d:00', ($n % 7) + 1, ($n % 27) + 1, $n % 60);
	$post = $store([
		'created' => $time,
		'edited' => $time,
		'author_xchan' => $author,
		'owner_xchan' => $author,
		'item_wall' => (int) ($author === $channel['channel_hash']),
		'title' => $n % 10 ? '' : "Title $n “quoted”",
		'body' => "post $n of $top\nwith [b]bold[/b] & <angle> \u{1f408}",
		'item_private' => $n === 4 ? 2 : 0,
		'allow_cid' => $n === 4 && $people ? "<$people[0]>" : '',
	]);
	$first ??= $post;
}
$parent = q('select * from item where id = %d', (int) $first['item_id'])[0];
$store([
	'parent_mid' => $parent['mid'],
	'thr_parent' => $parent['mid'],
	'author_xchan' => $people[0] ?? $channel['channel_hash'],
	'item_thread_top' => 0,
	'body' => 'a comment',
	'term' => [[
		'otype' => TERM_OBJ_POST,
		'ttype' => TERM_HASHTAG,
		'term' => $top,
		'url' => "$root/search?tag=$top",
		'uid' => $uid,
	]],
]);
$store(['item_type' => ITEM_TYPE_WEBPAGE, 'title' => 'A page', 'body' => 'the page']);
$store(['resource_type' => 'nwikipage', 'resource_id' => "$top-wiki", 'title' => 'A wiki page', 'body' => 'wiki']);
q(
	"update item set item_deleted = 1, body = '', changed = '%s' where uid = %d and title like 'Title 10%%'",
	dbesc(datetime_convert()),
	$uid,
);

$id = fn (string $table, string $column = 'id'): int => (int) q("select max($column) as id from $table")[0]['id'];
$insert('pgrp', ['hash' => "$top-group", 'uid' => $uid, 'gname' => "$top group"]);
$group = $id('pgrp');
foreach (array_slice($people, 0, 3) as $person) {
	$insert('pgrp_member', ['uid' => $uid, 'gid' => $group, 'xchan' => $person]);
}
$insert('app', [
	'app_id' => "$top-app",
	'app_name' => 'An app',
	'app_channel' => $uid,
	'app_desc' => '',
	'app_plugin' => '',
	'app_requires' => '',
]);
create_table_from_array(
	'event',
	$acl
	+ [
		'aid' => $account,
		'uid' => $uid,
		'event_hash' => "$top-event",
		'event_xchan' => $channel['channel_hash'],
		'created' => '2024-05-01 10:00:00',
		'dtstart' => '2024-06-01 10:00:00',
		'summary' => 'An event',
		'description' => 'with words',
		'location' => '',
		'event_repeat' => '',
		'event_vdata' => '',
	],
);
$insert('menu', ['menu_channel_id' => $uid, 'menu_name' => "$top-menu", 'menu_desc' => 'A menu']);
create_table_from_array(
	'menu_item',
	$acl
	+ [
		'mitem_link' => "$root/page/{$channel['channel_address']}/x",
		'mitem_desc' => 'An entry',
		'mitem_channel_id' => $uid,
		'mitem_menu_id' => $id('menu', 'menu_id'),
	],
);
$insert('chatroom', $acl + ['cr_aid' => $account, 'cr_uid' => $uid, 'cr_name' => "$top room"]);
$principal = 'principals/' . $channel['channel_address'];
q("insert into calendars (synctoken, components) values (1, 'VEVENT,VTODO')");
$calendar = $id('calendars');
q(
	"insert into calendarinstances (calendarid, principaluri, access, displayname, uri) values (%d, '%s', 1, 'Work', '%s')",
	$calendar,
	dbesc($principal),
	dbesc("$top-calendar"),
);
$data =
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//filesync//tests//\r\nBEGIN:VEVENT\r\nUID:$top-event\r\nDTSTAMP:20240501T100000Z\r\n"
	. "DTSTART:20240601T100000Z\r\nSUMMARY:Zahnarzt – übermorgen\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
q(
	"insert into calendarobjects (calendardata, uri, calendarid, lastmodified, etag, size, componenttype) values ('%s', '%s', %d, 1, 'x', %d, 'VEVENT')",
	dbescbin($data),
	dbesc("$top.ics"),
	$calendar,
	strlen($data),
);
q(
	"insert into addressbooks (principaluri, displayname, uri, synctoken) values ('%s', 'People', '%s', 1)",
	dbesc($principal),
	dbesc("$top-book"),
);
$card = "BEGIN:VCARD\r\nFN:Çiğdem\r\nEND:VCARD\r\n";
q(
	"insert into cards (addressbookid, carddata, uri, lastmodified, etag, size) values (%d, '%s', '%s', 1, 'x', %d)",
	$id('addressbooks'),
	dbescbin($card),
	dbesc("$top.vcf"),
	strlen($card),
);
set_pconfig($uid, $top, 'setting', 'a setting');
answer(['ok' => true, 'posts' => (int) q('select count(*) as n from item where uid = %d', $uid)[0]['n']]);
