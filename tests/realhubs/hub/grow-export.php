<?php

// Makes a large export of a small one, in little memory: the connections and the conversations of it again and again,
// with names, bodies and signatures of their own. Needs no hub. Arguments: the small export, the large one, how many
// connections and how many conversations (of two posts each) to add, characters of each post.

[, $from, $to] = $argv;
[$connections, $conversations, $length] = array_map(intval(...), array_slice($argv, 3));
$small = json_decode(file_get_contents($from), true);
$base64url = fn (string $bytes) => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
$channel = $small['channel'];
$root = $small['relocate']['url'];
$nick = $small['relocate']['channel_address'];
$own = openssl_pkey_get_private($channel['channel_prvkey']);
$theirs = openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
$public = openssl_pkey_get_details($theirs)['key'];
$sign = function (string $text, $key) use ($base64url): string {
	openssl_sign($text, $signature, $key, 'sha256');
	return 'sha256.' . $base64url($signature);
};
$uuid = fn () => preg_replace('/^(.{8})(.{4})(.{4})(.{4})(.{12})$/', '$1-$2-$3-$4-$5', bin2hex(random_bytes(16)));
$isOther = fn (string $column) => fn (array $row) => str_contains($row[$column], 'gone.invalid');
$like = [
	'xchan' => array_values(array_filter($small['xchan'], $isOther('xchan_addr')))[0],
	'hubloc' => array_values(array_filter($small['hubloc'], $isOther('hubloc_addr')))[0],
];
$like['abook'] = array_values(array_filter(
	$small['abook'],
	fn ($row) => $row['abook_xchan'] === $like['xchan']['xchan_hash'],
))[0];
$tops = array_values(array_filter($small['item'], fn ($item) => $item['message_id'] === $item['message_top']));
$top = array_values(array_filter($tops, fn ($item) => str_starts_with($item['body'], 'post ')))[0];
$answers = array_values(array_filter($small['item'], fn ($item) => str_starts_with($item['body'], 'comment ')));

$people = [];
for ($n = 0; $n < $connections; $n++) {
	$guid = "$nick-grown-$n-" . bin2hex(random_bytes(8));
	$hash = $base64url(hash('whirlpool', $guid . $public, true));
	$signature = $sign($guid, $theirs);
	$url = "https://gone.invalid/channel/grown$n";
	$address = "grown$n@gone.invalid";
	$small['xchan'][] =
		[
			'xchan_hash' => $hash,
			'xchan_guid' => $guid,
			'xchan_guid_sig' => $signature,
			'xchan_pubkey' => $public,
			'xchan_addr' => $address,
			'xchan_url' => $url,
			'xchan_name' => "Grown $n",
		] + $like['xchan'];
	$small['hubloc'][] =
		[
			'hubloc_guid' => $guid,
			'hubloc_guid_sig' => $signature,
			'hubloc_hash' => $hash,
			'hubloc_addr' => $address,
			'hubloc_id_url' => $url,
			'hubloc_url_sig' => $sign($like['hubloc']['hubloc_url'], $theirs),
		] + $like['hubloc'];
	$abook = ['abook_xchan' => $hash] + $like['abook'];
	foreach ($abook['abconfig'] ?? [] as $k => $row) {
		$abook['abconfig'][$k]['xchan'] = $hash;
	}
	$small['abook'][] = $abook;
	$people[] = [
		'name' => "Grown $n",
		'address' => $address,
		'url' => $url,
		'network' => 'zot6',
		'id' => $guid,
		'id_sig' => $signature,
		'key' => $public,
	];
}

$json = fn ($value) => json_encode($value, JSON_THROW_ON_ERROR);
$file = fopen($to, 'w');
foreach (array_diff_key($small, ['item' => 1]) as $section => $value) {
	fwrite($file, (ftell($file) ? ',' : '{') . $json($section) . ':' . $json($value));
}
fwrite($file, ',"item":[' . substr($json($small['item']), 1, -1));
$words = fn (string $of) => trim(substr(
	str_repeat("$of, with words that mean nothing. ", 1 + intdiv($length, 40)),
	0,
	$length,
));
$stranger = array_values(array_filter(
	$answers,
	fn ($item) => ($item['author']['id'] ?? '') !== $top['author']['id'],
))[0];
$mine = array_values(array_filter($answers, fn ($item) => ($item['author']['id'] ?? '') === $top['author']['id']))[0];
for ($n = 0; $n < $conversations; $n++) {
	$id = $uuid();
	$mid = "$root/item/$id";
	$at = gmdate('Y-m-d H:i:s', time() - 86400 - (10 * ($conversations - $n)));
	$body = $words("grown $n [zrl=$root/channel/$nick]me[/zrl] [url]$root/cloud/$nick/x[/url]");
	$times = ['created' => $at, 'edited' => $at, 'commented' => $at];
	$post =
		[
			'uuid' => $id,
			'message_id' => $mid,
			'message_top' => $mid,
			'message_parent' => $mid,
			'permalink' => $mid,
			'body' => $body,
			'signature' => $sign($body, $own),
		]
		+ $times
		+ $top;
	$id = $uuid();
	$isOwn = ($n % 4) === 0 || $people === [];
	$answer = ($isOwn ? $root : 'https://gone.invalid') . "/item/$id";
	$body = $words("comment $n [zrl=$root/channel/$nick]seen[/zrl]");
	$comment =
		[
			'uuid' => $id,
			'message_id' => $answer,
			'message_top' => $mid,
			'message_parent' => $mid,
			'permalink' => $answer,
			'body' => $body,
			'signature' => $sign($body, $isOwn ? $own : $theirs),
		]
		+ $times
		+ ($isOwn ? $mine : ['author' => $people[$n % count($people)]] + $stranger);
	// An export is in the order of their times, which are equal: now and then the answer comes first.
	$both = [$json($post), $json($comment)];
	fwrite($file, ',' . implode(',', ($n % 7) === 0 ? array_reverse($both) : $both));
}
fwrite($file, ']}');
fclose($file);
echo json_encode(['bytes' => filesize($to)]), "\n";
