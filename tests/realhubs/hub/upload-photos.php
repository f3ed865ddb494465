<?php

// Uploads small photos as the channel's owner, in one process: how many, and the folder. Where core itself sends, one
// packet carries fifty of them.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $count, $folder] = $argv;
$channel = the_channel();
log_in($channel);
$hashes = [];
for ($n = 1; $n <= $count; $n++) {
	$copy = tempnam(sys_get_temp_dir(), 'upload');
	file_put_contents($copy, small_photo("photo $n in $folder"));
	$_FILES['userfile'] = ['tmp_name' => $copy, 'name' => "$n.png", 'size' => filesize($copy), 'type' => 'image/png'];
	$r = attach_store($channel, $channel['channel_hash'], '', [
		'directory' => $folder,
		'source' => 'file_upload',
		'nosync' => true,
	]);
	if (! $r['success']) {
		answer(['ok' => false, 'message' => $r['message'] ?? ''], 1);
	}
	$hashes[] = $r['data']['hash'];
}
class_exists('FileSync\Addon\Send\Outgoing') || send_files($channel, $hashes);
answer(['ok' => true, 'uploaded' => count($hashes)]);
