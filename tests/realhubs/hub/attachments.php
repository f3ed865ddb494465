<?php

// Prints how many times a post's attachments name a hub, with escaped slashes, and the digest of their text once it
// names another hub instead. Arguments: mid, root URL of the hub, root URL of the other.
require __DIR__ . '/boot.php';

[, $mid, $root, $other] = $argv;
$rows = q("select attach from item where uid = %d and mid = '%s'", intval(the_channel()['channel_id']), dbesc($mid));
$escaped = fn (string $url) => trim(json_encode($url . '/'), '"');
$text = $rows[0]['attach'] ?? '';
answer([
	'links' => substr_count($text, $escaped($root)),
	'sha256' => hash('sha256', str_replace($escaped($root), $escaped($other), $text)),
]);
