<?php

// Prints all rows of a channel, one a line as `table JSON`, without what differs between hubs by right: numbers of
// rows, this hub's address and keys, times of the import. Arguments: the channel's nick.
require __DIR__ . '/boot.php';

$channel = channelx_by_nick($argv[1]) ?: answer(['error' => "no channel $argv[1]"], 1);
$uid = (int) $channel['channel_id'];
$hash = $channel['channel_hash'];
$neutral = fn (string $text): string => strtr($text, [
	z_root() => 'ROOT',
	str_replace('/', '\/', z_root()) => 'ROOT',
	App::get_hostname() => 'HOST',
	"photo/profile/l/$uid" => 'photo/profile/l/UID',
	"photo/profile/m/$uid" => 'photo/profile/m/UID',
	"photo/profile/s/$uid" => 'photo/profile/s/UID',
]);
$print = function (string $table, array $rows, array $without) use ($neutral): void {
	$lines = [];
	foreach ($rows ?: [] as $row) {
		ksort($row);
		$row = array_diff_key($row, array_flip($without));
		$lines[] =
			"$table "
			. $neutral(json_encode(
				array_map(fn ($value) => $neutral((string) $value), $row),
				JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE,
			));
	}
	sort($lines);
	echo implode('', array_map(fn ($line) => "$line\n", $lines));
};
$of = fn (string $sql, ...$values) => q($sql, ...$values);

$print('channel', $of('select * from channel where channel_id = %d', $uid), [
	'channel_id',
	'channel_account_id',
	'channel_active',
	'channel_dirdate',
	'channel_default_group',
	'channel_epubkey',
	'channel_eprvkey',
]);
$print('profile', $of('select * from profile where uid = %d', $uid), ['id', 'aid', 'uid']);
$print('photo', $of('select * from photo where uid = %d', $uid), [
	'id',
	'aid',
	'uid',
	'resource_id',
	'filename',
	'created',
	'edited',
	'content',
	'os_path',
	'expires',
	'xchan',
]);
$print(
	'pconfig',
	$of("select * from pconfig where uid = %d and not (cat = 'system' and k = 'default_cloud_sort')", $uid),
	[
		'id',
		'uid',
		'updated',
	],
);
$people =
	"(select abook_xchan from abook where abook_channel = $uid union select author_xchan from item where uid = $uid"
	. " union select concat(substr('"
	. dbesc($hash)
	. "', 1, 16), '.', atoken_guid) from atoken where atoken_uid = $uid)";
$print(
	'xchan',
	dbq("select * from xchan where xchan_hash in $people"),
	[
		'xchan_updated',
		'xchan_photo_date',
		'xchan_name_date',
	],
);
$print('hubloc', dbq("select * from hubloc where hubloc_hash in $people"), [
	'hubloc_id',
	'hubloc_updated',
	'hubloc_connected',
	'hubloc_url_sig',
	'hubloc_site_id',
	'hubloc_sitekey',
]);
$print('abook', $of('select * from abook where abook_channel = %d', $uid), [
	'abook_id',
	'abook_account',
	'abook_channel',
	'abook_updated',
	'abook_connected',
]);
$print('abconfig', $of('select * from abconfig where chan = %d', $uid), ['id', 'chan']);
$print('group', $of('select * from pgrp where uid = %d', $uid), ['id', 'uid']);
$print(
	'member',
	$of('select hash, xchan from pgrp_member left join pgrp on pgrp.id = gid where pgrp_member.uid = %d', $uid),
	[],
);
$print('atoken', $of('select * from atoken where atoken_uid = %d', $uid), ['atoken_id', 'atoken_aid', 'atoken_uid']);
$print('obj', $of('select * from obj where obj_channel = %d', $uid), ['obj_id', 'obj_channel']);
$print('likes', $of('select * from likes where channel_id = %d', $uid), ['id', 'channel_id', 'iid']);
$print('app', $of('select * from app where app_channel = %d', $uid), [
	'id',
	'app_channel',
	'app_created',
	'app_edited',
]);
$print('chatroom', $of('select * from chatroom where cr_uid = %d', $uid), ['cr_id', 'cr_aid', 'cr_uid']);
$print('event', $of('select * from event where uid = %d', $uid), ['id', 'aid', 'uid', 'cal_id']);
$print('menu', $of('select * from menu where menu_channel_id = %d', $uid), ['menu_id', 'menu_channel_id']);
$print(
	'menu_item',
	$of('select * from menu_item where mitem_channel_id = %d', $uid),
	[
		'mitem_id',
		'mitem_menu_id',
		'mitem_channel_id',
	],
);
// Long texts by their digests; whether a signature fits is what counts of it.
$items = (function () use ($uid, $channel) {
	for ($last = 0; $rows = q('select * from item where uid = %d and id > %d order by id limit 500', $uid, $last);) {
		foreach ($rows as $row) {
			$last = (int) $row['id'];
			$isOwn = $row['author_xchan'] === $channel['channel_hash'];
			$row['sig'] = $isOwn
				? 'fits: '
				. (int) (bool) Zotlabs\Lib\Libzot::verify($row['body'], $row['sig'], $channel['channel_pubkey'])
				: $row['sig'];
			$row['parent'] = q('select mid from item where id = %d', intval($row['parent']))[0]['mid'] ?? '';
			yield $row;
		}
	}
})();
foreach ($items as $row) {
	$print('item', [$row], ['id', 'uid', 'aid', 'received', 'changed', 'html', 'source_xchan']);
}
$print(
	'term',
	$of(
		'select term.*, mid, app_id from term left join item on item.id = oid and otype = 1'
		. ' left join app on app.id = oid and otype = 7 where term.uid = %d',
		$uid,
	),
	[
		'tid',
		'aid',
		'uid',
		'oid',
	],
);
$print('iconfig', dbq("select iconfig.*, mid from iconfig join item on item.id = iid where uid = $uid"), ['id', 'iid']);
$principal = dbesc("principals/$channel[channel_address]");
$print(
	'calendar',
	dbq(
		"select i.*, c.components from calendarinstances i join calendars c on c.id = calendarid where principaluri = '$principal'",
	),
	['id', 'calendarid', 'calendarorder'],
);
$texts = fn (string $sql): array => array_map(
	fn (array $row): array => ['data' => dbunescbin($row['data'])] + $row,
	dbq($sql) ?: [],
);
$print(
	'calendarobject',
	$texts(
		'select o.calendardata as data, o.uri, i.uri as holder from calendarobjects o'
		. " join calendarinstances i on i.calendarid = o.calendarid where i.principaluri = '$principal'",
	),
	[],
);
$print('addressbook', dbq("select * from addressbooks where principaluri = '$principal'"), ['id', 'synctoken']);
$print(
	'card',
	$texts(
		'select c.carddata as data, c.uri, b.uri as holder from cards c'
		. " join addressbooks b on b.id = c.addressbookid where b.principaluri = '$principal'",
	),
	[],
);
