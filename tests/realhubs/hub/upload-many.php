<?php

// Uploads small files as the channel's owner, in one process: how many, what their names begin with, and their bytes.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $count, $name, $bytes] = $argv + [3 => 0];
$channel = the_channel();
log_in($channel);
for ($n = 1; $n <= $count; $n++) {
	$content = $bytes ? substr(str_repeat("$name $n ", (int) $bytes), 0, (int) $bytes) : str_repeat("$name $n ", 50);
	store_upload($channel, $content, "$name-$n.txt", 'text/plain', ['directory' => '']);
}
answer(['ok' => true, 'uploaded' => (int) $count]);
