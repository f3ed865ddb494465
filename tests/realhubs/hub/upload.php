<?php

// Uploads a file as the channel's owner; the hub sends its sync packet. Arguments: file, name, folder path ('' = root),
// `notify` to share it with a post.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $file, $name, $folder, $notify] = $argv + [3 => '', 4 => ''];
$channel = the_channel();
log_in($channel);
// The hub takes the file away when it has stored it.
$copy = tempnam(sys_get_temp_dir(), 'upload');
copy($file, $copy);
$_FILES['userfile'] = ['tmp_name' => $copy, 'name' => $name, 'size' => filesize($copy), 'type' => ''];
$r = attach_store($channel, $channel['channel_hash'], '', [
	'directory' => $folder,
	'source' => 'file_upload',
	'notify' => $notify === 'notify',
]);
answer(
	['ok' => $r['success'], 'message' => $r['message'] ?? '', 'hash' => $r['data']['hash'] ?? null],
	$r['success'] ? 0 : 1,
);
