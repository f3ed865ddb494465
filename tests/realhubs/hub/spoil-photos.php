<?php

// Puts other bytes in the place of photos, as whoever has the channel's key can, and tells the clones: how many of the
// folder, and the folder.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $count, $folder] = $argv;
$channel = the_channel();
log_in($channel);
$filesync = class_exists('FileSync\Addon\Send\Intentions');
$filesync && FileSync\Addon\Send\Intentions::begin((int) $channel['channel_id']);
$rows = q(
	"select hash, content from attach where uid = %d and is_dir = 0 and display_path like '%s' order by id limit %d",
	intval($channel['channel_id']),
	dbesc("$folder/%"),
	intval($count),
);
foreach ($rows as $n => $row) {
	$bytes = small_photo("rubbish $n in $folder");
	file_put_contents(dbunescbin($row['content']), $bytes);
	q(
		"update attach set filesize = %d, edited = '%s' where uid = %d and hash = '%s'",
		strlen($bytes),
		dbesc(datetime_convert()),
		intval($channel['channel_id']),
		dbesc($row['hash']),
	);
	q(
		"update photo set filesize = %d, edited = '%s' where uid = %d and resource_id = '%s' and imgscale = 0",
		strlen($bytes),
		dbesc(datetime_convert()),
		intval($channel['channel_id']),
		dbesc($row['hash']),
	);
	$filesync && FileSync\Addon\Send\Watch::mark((int) $channel['channel_id'], $row['hash']);
}
$filesync ? FileSync\Addon\Send\Intentions::flush() : send_files($channel, array_column($rows, 'hash'));
answer(['ok' => true, 'spoilt' => count($rows)]);
