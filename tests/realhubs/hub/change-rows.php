<?php

// Changes what fill-rows made: edits a post, deletes one as the hub does, moves one to the trash of all hubs, renames a
// group, drops a connection. Argument: the word that begins what was made.
require __DIR__ . '/boot.php';
require_once 'include/items.php';

[, $top] = $argv;
$channel = the_channel();
$uid = (int) $channel['channel_id'];
$rows = q("select id from item where uid = %d and body like '%s' order by id limit 3", $uid, dbesc("post % of $top%"));
count($rows) === 3 || answer(['ok' => false, 'message' => 'no posts'], 1);
$now = dbesc(datetime_convert());
q("update item set body = 'edited', edited = '%s', changed = '%s' where id = %d", $now, $now, (int) $rows[0]['id']);
q("update item set item_deleted = 1, body = '', changed = '%s' where id = %d", $now, (int) $rows[1]['id']);
q('delete from item where id = %d', (int) $rows[2]['id']);
q("update pgrp set gname = 'another' where uid = %d and hash = '%s'", $uid, dbesc("$top-group"));
q("delete from abook where abook_channel = %d and abook_xchan = '%s'", $uid, dbesc("$top-person-1"));
answer(['ok' => true]);
