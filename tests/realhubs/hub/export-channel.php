<?php
// Writes the channel's own export, as a person would download it. Arguments: file.
require __DIR__ . '/boot.php';
require_once 'include/channel.php';

file_put_contents($argv[1], json_encode(identity_basic_export(the_channel()['channel_id'])));
answer(['bytes' => filesize($argv[1])]);
