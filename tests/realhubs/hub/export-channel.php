<?php

// Writes the channel's own export, as a person would download it. Arguments: file, `items` to put its posts of the last
// month in, or `all`: those and all else that an export can have.
require __DIR__ . '/boot.php';
require_once 'include/channel.php';

file_put_contents(
	$argv[1],
	json_encode(identity_basic_export(
		the_channel()['channel_id'],
		match ($argv[2] ?? '') {
			'items' => [...get_default_export_sections(), 'items'],
			'all' => [...get_default_export_sections(), 'chatrooms', 'events', 'webpages', 'wikis', 'items'],
			default => null,
		},
	)),
);
answer(['bytes' => filesize($argv[1])]);
