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
	$row = store_upload($channel, small_photo("photo $n in $folder"), "$n.png", 'image/png', [
		'directory' => $folder,
		'nosync' => true,
	]);
	$hashes[] = $row['hash'];
}
class_exists('FileSync\Addon\Send\Intentions') || send_files($channel, $hashes);
answer(['ok' => true, 'uploaded' => count($hashes)]);
