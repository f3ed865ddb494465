<?php

// Adds a post of the channel's own with a body of so many MiB to an export, and prints its id. Needs no hub. Arguments:
// the export, the one to write, MiB.
[, $from, $to, $size] = $argv;
$export = json_decode(file_get_contents($from), true);
$like = array_values(array_filter(
	$export['item'],
	fn ($item) => $item['message_id'] === $item['message_top'] && str_starts_with($item['body'], 'post '),
))[0];
$uuid = preg_replace('/^(.{8})(.{4})(.{4})(.{4})(.{12})$/', '$1-$2-$3-$4-$5', bin2hex(random_bytes(16)));
$post = array_map(
	fn ($value) => is_string($value)
		? preg_replace('/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/', $uuid, $value)
		: $value,
	['signature' => '', 'body' => ''] + $like,
);
$length = (int) ($size * 1048576);
// Hubs take spaces at the end away.
$post['body'] = substr(str_repeat("$size MiB of words that mean nothing. ", intdiv($length, 30)), 0, $length - 1) . '.';
openssl_sign($post['body'], $signature, $export['channel']['channel_prvkey'], 'sha256');
$post['signature'] = 'sha256.' . rtrim(strtr(base64_encode($signature), '+/', '-_'), '=');
$export['item'][] = $post;
file_put_contents($to, json_encode($export));
echo $post['message_id'];
