<?php

// Uploads small files as the channel's owner, in one process: how many, and what their names begin with.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $count, $name] = $argv;
$channel = the_channel();
log_in($channel);
for ($n = 1; $n <= $count; $n++) {
	$copy = tempnam(sys_get_temp_dir(), 'upload');
	file_put_contents($copy, str_repeat("$name $n ", 50));
	$_FILES['userfile'] = [
		'tmp_name' => $copy,
		'name' => "$name-$n.txt",
		'size' => filesize($copy),
		'type' => 'text/plain',
	];
	$r = attach_store($channel, $channel['channel_hash'], '', ['directory' => '', 'source' => 'file_upload']);
	if (! $r['success']) {
		answer(['ok' => false, 'message' => $r['message'] ?? ''], 1);
	}
}
answer(['ok' => true, 'uploaded' => (int) $count]);
