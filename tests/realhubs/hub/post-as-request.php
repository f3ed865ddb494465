<?php

// Posts the text of a request for tickets by every way that posts are made, and shows that no signature which the hub
// gives them serves as that request's. Arguments: root URL of a hub with filesync, hash of a private file there, the
// channel's own nick, the password.
require __DIR__ . '/boot.php';
require __DIR__ . '/ticket-request.php';
require_once 'include/items.php';
require_once 'include/import.php';

[, $root, $hash, $nick, $password] = $argv;
$channel = the_channel();
$folder = sys_get_temp_dir();
$own = z_root();
$body = fn () => ticket_body($channel, [['hash' => $hash, 'scale' => 0]]);
$curl = fn (string $url, array $options) => exchange(
	$url,
	$options
	+ [
		CURLOPT_FOLLOWLOCATION => false,
		CURLOPT_COOKIEFILE => "$folder/post-as-request.cookies",
		CURLOPT_COOKIEJAR => "$folder/post-as-request.cookies",
	],
);
$ask = fn (string $body, array $headers) => $curl("$root/getfile/ticket", [
	CURLOPT_POSTFIELDS => $body,
	CURLOPT_HTTPHEADER => $headers,
])[0];
$newest = fn () => (int) (
	q('select max(id) as id from item where uid = %d', intval($channel['channel_id']))[0]['id'] ?? 0
);
$encode = fn (array $fields) => http_build_query($fields);

$curl("$own/login", []);
$curl("$own/login", [CURLOPT_POSTFIELDS => $encode([
	'auth-params' => 'login',
	'main_login_username' => $nick,
	'main_login_password' => $password,
])]);
$doors = [
	'form' => fn ($text) => $curl("$own/item", [CURLOPT_POSTFIELDS => $encode([
		'type' => 'wall',
		'profile_uid' => $channel['channel_id'],
		'return' => '',
		'body' => $text,
		'title' => '',
		'mimetype' => 'text/bbcode',
		'contact_allow' => $channel['channel_hash'],
	])]),
	'form, plain text' => fn ($text) => $curl("$own/item", [CURLOPT_POSTFIELDS => $encode([
		'type' => 'wall',
		'profile_uid' => $channel['channel_id'],
		'return' => '',
		'body' => $text,
		'mimetype' => 'text/plain',
	])]),
	'API' => fn ($text) => $curl("$own/api/z/1.0/item/update", [
		CURLOPT_USERPWD => "$nick:$password",
		CURLOPT_POSTFIELDS => $encode(['body' => $text]),
	]),
	'WebDAV' => function ($text) use ($curl, $own, $nick, $password) {
		ob_start();
		imagepng(imagecreatetruecolor(8, 8));
		$png = ob_get_clean();
		foreach ([
			'ticket-' . bin2hex(random_bytes(4)) . '.png' => $png,
			'ticket-' . bin2hex(random_bytes(4)) . '.txt' => $text,
		] as $name => $bytes) {
			$curl("$own/dav/$nick/$name", [
				CURLOPT_USERPWD => "$nick:$password",
				CURLOPT_CUSTOMREQUEST => 'PUT',
				CURLOPT_POSTFIELDS => $bytes,
			]);
		}
	},
	// As a post of before, exported, changed by hand and without its signature.
	'import' => function ($text) use ($channel, $own) {
		$rows = q(
			"select * from item where uid = %d and item_thread_top = 1 and resource_type = '' and item_deleted = 0 order by id desc limit 1",
			intval($channel['channel_id']),
		);
		xchan_query($rows);
		$post = encode_item(fetch_post_tags($rows)[0], true);
		$uuid = new_uuid();
		$mid = "$own/item/$uuid";
		import_items($channel, [
			[
				'uuid' => $uuid,
				'message_id' => $mid,
				'message_top' => $mid,
				'message_parent' => $mid,
				'body' => $text,
				'signature' => '',
				'object' => '',
				'permalink' => $mid,
			] + $post,
		]);
	},
];
$wrong = [];
$tried = 0;
foreach ($doors as $door => $post) {
	$made = 0;
	foreach (["\xFF", '', "\0", "\xC3\xBF"] as $first) {
		$request = $body();
		$before = $newest();
		$post($first . ticket_text($root, $request));
		foreach (q(
			'select body, sig from item where uid = %d and id > %d order by id',
			intval($channel['channel_id']),
			$before,
		) ?: [] as $item) {
			$made++;
			str_starts_with($item['body'], "\xFF") && ($wrong[] = "$door: a body begins with a byte that no text has");
			foreach ($item['sig'] === ''
				? []
				: [$item['sig'], 'sha512.' . preg_replace('/^sha256\./', '', $item['sig'])] as $signature) {
				$tried++;
				$status = $ask($request, signed_headers($signature));
				$status === 401 || ($wrong[] = "$door: status $status");
			}
		}
	}
	$made || ($wrong[] = "$door: no post was made");
}
$request = $body();
$status = $ask($request, ticket_headers($channel, $root, $request));
$status === 200 || ($wrong[] = "the right signature: status $status");
@unlink("$folder/post-as-request.cookies");
echo $wrong ? implode("\n", $wrong) : count($doors) . " ways to post, $tried signatures, none serves", "\n";
exit($wrong ? 1 : 0);
