<?php

// Writes the channel's own export, as a person would download it. Arguments: file, `items` to put its posts in.
require __DIR__ . '/boot.php';
require_once 'include/channel.php';

file_put_contents(
	$argv[1],
	json_encode(identity_basic_export(
		the_channel()['channel_id'],
		($argv[2] ?? '') === 'items' ? [...get_default_export_sections(), 'items'] : null,
	)),
);
answer(['bytes' => filesize($argv[1])]);
