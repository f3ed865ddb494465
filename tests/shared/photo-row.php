<?php

// What a row of a photo has beside what tells it from others: its owner, its file, its times and its bytes.
return [
	'xchan' => '',
	'title' => '',
	'description' => '',
	'album' => '',
	'filename' => '',
	'mimetype' => 'image/jpeg',
	'height' => 10,
	'width' => 20,
	'filesize' => 0,
	'imgscale' => 0,
	'photo_usage' => 0,
	'profile' => 0,
	'is_nsfw' => 0,
	'os_storage' => 0,
	'os_path' => '',
	'display_path' => '',
	'photo_flags' => 0,
	'allow_cid' => '',
	'allow_gid' => '',
	'deny_cid' => '',
	'deny_gid' => '',
];
