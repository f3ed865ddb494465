<?php

// Uploads small files as the channel's owner, in one process: how many, and what their names begin with.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $count, $name] = $argv;
$channel = the_channel();
log_in($channel);
for ($n = 1; $n <= $count; $n++) {
	store_upload($channel, str_repeat("$name $n ", 50), "$name-$n.txt", 'text/plain', ['directory' => '']);
}
answer(['ok' => true, 'uploaded' => (int) $count]);
