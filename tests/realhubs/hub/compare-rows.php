<?php

// Compares what a set of everything has beside files with the hub's tables, by other code than that which wrote it.
// Arguments: the set's folder; a file with the opened identity, or nothing; `stock` if a hub without filesync gave it,
// which gives no deleted or hidden posts, calendars or address books. Prints what differs, at last how many are equal.
require __DIR__ . '/boot.php';

[, $set, $opened, $way] = $argv + [2 => '', 3 => ''];
$given = $way === 'stock' ? 'and item_deleted = 0 and item_hidden = 0' : '';
$channel = the_channel();
$uid = (int) $channel['channel_id'];
$principal = dbesc('principals/' . $channel['channel_address']);
$wrong = [];
$equal = 0;

$lines = function (string $pattern) use ($set): Generator {
	foreach (glob("$set/$pattern") ?: [] as $file) {
		foreach (new SplFileObject($file) as $line) {
			if (trim((string) $line) !== '') {
				yield basename($file, '.jsonl') => json_decode($line, true, 512, JSON_THROW_ON_ERROR);
			}
		}
	}
};
$compare = function (string $what, array $expected, array $found) use (&$wrong, &$equal): void {
	ksort($expected);
	ksort($found);
	foreach ($expected + $found as $key => $_) {
		if (($expected[$key] ?? null) != ($found[$key] ?? null)) {
			$wrong[] =
				"$what $key: " . json_encode($expected[$key] ?? null) . ' is ' . json_encode($found[$key] ?? null);
		} else {
			$equal++;
		}
	}
};

// Posts.
$guid = array_column(q('select xchan_hash, xchan_guid from xchan'), 'xchan_guid', 'xchan_hash');
$tags = array_column(
	q('select oid, count(*) as n from term where otype = %d and ttype <> 0 group by oid', TERM_OBJ_POST),
	'n',
	'oid',
);
$expected = $found = [];
for (
	$after = 0;
	$rows = q("select * from item where uid = %d $given and id > %d order by id limit 500", $uid, $after);
) {
	foreach ($rows as $row) {
		$after = (int) $row['id'];
		$expected[$row['mid']] = [
			substr($row['created'], 0, 7),
			$row['created'],
			$row['edited'],
			$row['title'],
			md5($row['body']),
			(int) $row['item_deleted'],
			(int) $row['item_type'],
			$row['parent_mid'],
			$row['allow_cid'],
			$row['resource_type'],
			$guid[$row['author_xchan']] ?? '',
			$row['sig'],
			(int) ($tags[$row['id']] ?? 0),
		];
	}
}
foreach ($lines('data/posts/*.jsonl') as $month => $post) {
	if (isset($found[$post['message_id']])) {
		$wrong[] = "post {$post['message_id']} is there twice";
	}
	$found[$post['message_id']] = [
		$month,
		$post['created'],
		$post['edited'],
		$post['title'],
		md5($post['body']),
		(int) $post['item_deleted'],
		(int) $post['item_type'],
		$post['message_top'],
		$post['allow_cid'],
		$post['resource_type'],
		$post['author']['id'] ?? '',
		$post['signature'],
		count($post['tags'] ?? []),
	];
}
$posts = count($found);
$compare('post', $expected, $found);

// Connections.
$expected = $found = [];
foreach (q('select * from abook where abook_channel = %d', $uid) as $row) {
	$hash = $row['abook_xchan'];
	$xchan = q("select xchan_name, xchan_pubkey from xchan where xchan_hash = '%s'", dbesc($hash));
	$expected[$hash] = [
		(int) $row['abook_closeness'],
		$xchan[0] ?? [],
		(int) q("select count(*) as n from hubloc where hubloc_hash = '%s'", dbesc($hash))[0]['n'],
		(int) q("select count(*) as n from abconfig where chan = %d and xchan = '%s'", $uid, dbesc($hash))[0]['n'],
	];
}
foreach ($lines('data/channel/connections.jsonl') as $row) {
	$found[$row['abook'][0]['abook_xchan']] = [
		(int) $row['abook'][0]['abook_closeness'],
		array_intersect_key($row['xchan'][0] ?? [], ['xchan_name' => 1, 'xchan_pubkey' => 1]),
		count($row['hubloc']),
		count($row['abook'][0]['abconfig'] ?? []),
	];
}
$connections = count($found);
$compare('connection', $expected, $found);

// The rest: a row of the table by its own name, and what tells it.
foreach ([
	['groups', 'group', 'hash', "select hash, gname from pgrp where uid = $uid", ['gname']],
	['chatrooms', 'chatroom', 'cr_name', "select cr_name, cr_uid from chatroom where cr_uid = $uid", ['cr_uid']],
	[
		'events',
		'event',
		'event_hash',
		"select event_hash, summary, description from event where uid = $uid",
		['summary', 'description'],
	],
	[
		'menus',
		'menu',
		'pagetitle',
		"select menu_name as pagetitle, menu_desc as \"desc\" from menu where menu_channel_id = $uid",
		['desc'],
	],
	[
		'calendars',
		'calendar',
		'uri',
		"select uri, displayname from calendarinstances where principaluri = '$principal' and access = 1",
		['displayname'],
	],
	[
		'addressbooks',
		'addressbook',
		'uri',
		"select uri, displayname from addressbooks where principaluri = '$principal'",
		['displayname'],
	],
] as [$kind, $section, $key, $sql, $columns]) {
	if ($way === 'stock' && in_array($kind, ['calendars', 'addressbooks'], true)) {
		continue;
	}
	$expected = $found = [];
	foreach (dbq(ACTIVE_DBTYPE == DBTYPE_POSTGRES ? $sql : str_replace('"', '`', $sql)) as $row) {
		$expected[$row[$key]] = array_map(fn ($column) => $row[$column], $columns);
	}
	foreach ($lines("data/channel/$kind.jsonl") as $row) {
		$found[$row[$section][0][$key]] = array_map(fn ($column) => $row[$section][0][$column], $columns);
	}
	$compare($kind, $expected, $found);
}
$count = fn (string $pattern): int => iterator_count((fn () => yield from $lines($pattern))());
$compare(
	'count',
	[
		'apps' => (int) q('select count(*) as n from app where app_channel = %d', $uid)[0]['n'],
		'members' => (int) q('select count(*) as n from pgrp_member where uid = %d', $uid)[0]['n'],
		'entries' => (int) q('select count(*) as n from menu_item where mitem_channel_id = %d', $uid)[0]['n'],
	],
	[
		'apps' => $count('data/channel/apps.jsonl'),
		'members' => array_sum(array_map(
			fn ($row) => count($row['group_member']),
			iterator_to_array($lines('data/channel/groups.jsonl'), false),
		)),
		'entries' => array_sum(array_map(
			fn ($row) => count($row['menu'][0]['items'] ?? []),
			iterator_to_array($lines('data/channel/menus.jsonl'), false),
		)),
	],
);
foreach ([
	[
		'calendarobjects',
		'calendarobject',
		'calendardata',
		"select o.uri, o.calendardata as data, i.uri as holder from calendarobjects o join calendarinstances i on i.calendarid = o.calendarid where i.principaluri = '$principal' and i.access = 1",
	],
	[
		'cards',
		'card',
		'carddata',
		"select c.uri, c.carddata as data, b.uri as holder from cards c join addressbooks b on b.id = c.addressbookid where b.principaluri = '$principal'",
	],
] as [$kind, $section, $data, $sql]) {
	if ($way === 'stock') {
		continue;
	}
	$expected = $found = [];
	foreach (dbq($sql) as $row) {
		$expected[$row['uri']] = [dbunescbin($row['data']), $row['holder']];
	}
	foreach ($lines("data/channel/$kind.jsonl") as $row) {
		$found[$row[$section][0]['uri']] = [$row[$section][0][$data], $row[$section][0]['of']];
	}
	$compare($kind, $expected, $found);
}

// What the channel is.
if ($opened !== '') {
	$identity = json_decode((string) file_get_contents($opened), true);
	$compare(
		'identity',
		[
			'key' => $channel['channel_prvkey'],
			'profiles' => (int) q('select count(*) as n from profile where uid = %d', $uid)[0]['n'],
			'settings' => true,
			'password' => false,
		],
		[
			'key' => $identity['channel']['channel_prvkey'] ?? '',
			'profiles' => count($identity['profile'] ?? []),
			// Some of them change with the log-in itself.
			'settings' => in_array('a setting', array_column($identity['config'] ?? [], 'v'), true),
			'password' => isset($identity['channel']['channel_password']),
		],
	);
}

echo implode("\n", array_slice($wrong, 0, 20)), $wrong ? "\n" : '';
echo "$posts posts, $connections connections, $equal facts: ", $wrong ? count($wrong) . ' wrong' : 'all equal', "\n";
exit($wrong ? 1 : 0);
