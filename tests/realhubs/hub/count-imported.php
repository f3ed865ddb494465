<?php

// Counts what of an export is on this hub, by what each row is known by. Arguments: the export, the channel's nick.
// Prints how many of how many, and ends with 1 if any is missing.
require __DIR__ . '/boot.php';

$export = json_decode(file_get_contents($argv[1]), true);
$channel = channelx_by_nick($argv[2]) ?: answer(['error' => "no channel $argv[2]"], 1);
$uid = (int) $channel['channel_id'];
$all = fn (string $sql) => array_flip(array_column(dbq($sql) ?: [], 'k'));
$here = [
	'xchan' => ['xchan_hash', $all('select xchan_hash as k from xchan')],
	'hubloc' => ['hubloc_hash', $all('select hubloc_hash as k from hubloc')],
	'abook' => ['abook_xchan', $all("select abook_xchan as k from abook where abook_channel = $uid")],
	'group' => ['hash', $all("select hash as k from pgrp where uid = $uid")],
	'config' => ['k', $all("select k from pconfig where uid = $uid")],
	'app' => ['app_id', $all("select app_id as k from app where app_channel = $uid")],
	'obj' => ['obj_obj', $all("select obj_obj as k from obj where obj_channel = $uid")],
	'chatroom' => ['cr_name', $all("select cr_name as k from chatroom where cr_uid = $uid")],
	'event' => ['event_hash', $all("select event_hash as k from event where uid = $uid")],
	'atoken' => ['atoken_guid', $all("select atoken_guid as k from atoken where atoken_uid = $uid")],
	'menu' => ['pagetitle', $all("select menu_name as k from menu where menu_channel_id = $uid")],
];
foreach (['item', 'webpages', 'wiki', 'event_item'] as $section) {
	$here[$section] = ['message_id', $all("select mid as k from item where uid = $uid")];
}
$counts = $missing = [];
foreach ($here as $section => [$key, $known]) {
	foreach ($export[$section] ?? [] as $row) {
		$counts[$section] = ($counts[$section] ?? 0) + 1;
		isset($known[$row[$key]]) || ($missing[] = "$section {$row[$key]}");
	}
}
echo
	$missing
		? count($missing) . ' are missing: ' . implode(', ', array_slice($missing, 0, 5)) . "\n"
		: array_sum($counts) . ' rows of ' . count($counts) . " sections are here\n"
;
exit($missing ? 1 : 0);
