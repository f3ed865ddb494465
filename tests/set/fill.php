<?php

/**
 * Gives a channel of a test hub what a backup set must be able to hold: names that few systems take, photos with crops,
 * posts with what others said, categories, all kinds of access, empty folders, files of older hubs.
 *
 *     php fill.php <hub folder>
 *
 * Prints what it made as JSON: files, folders, crops, posts.
 */

chdir($argv[1]);
require_once 'include/cli_startup.php';
cli_startup();

$channel = q('SELECT * FROM channel ORDER BY channel_id LIMIT 1')[0];
App::set_channel($channel);
App::set_observer($channel);
set_config('testhub', 'without_workers', 1);
$made = ['files' => 0, 'folders' => 0, 'crops' => 0, 'posts' => 0];
mt_srand(7);

$uuid = fn () => sprintf(
	'%08x-%04x-4%03x-8%03x-%012x',
	mt_rand(0, 0xffffffff),
	mt_rand(0, 0xffff),
	mt_rand(0, 0xfff),
	mt_rand(0, 0xfff),
	mt_rand(0, 0xffffffffffff),
);
$bytes = function (int $size): string {
	$text = '';
	while (strlen($text) < $size) {
		$text .= pack('N', mt_rand(0, 0xffffffff));
	}
	return substr($text, 0, $size);
};
$access = ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];
$store = function (string $name, ?string $contents, string $in = '', array $columns = []) use (
	&$made,
	$channel,
	$uuid,
	$access,
): string {
	$parent = $in === '' ? null : attach_row($channel['channel_id'], $in);
	$hash = $columns['hash'] ?? $uuid();
	$path = ($parent ? $parent['os_path'] . '/' : '') . $hash;
	$isFolder = $contents === null;
	create_table_from_array(
		'attach',
		$columns
		+ $access
		+ [
			'aid' => $channel['channel_account_id'],
			'uid' => $channel['channel_id'],
			'hash' => $hash,
			'creator' => $channel['channel_hash'],
			'filename' => $name,
			'filetype' => $isFolder ? 'multipart/mixed' : 'application/octet-stream',
			'filesize' => strlen((string) $contents),
			'folder' => $in,
			'is_dir' => (int) $isFolder,
			'os_storage' => 1,
			'os_path' => $path,
			'display_path' => ($parent ? $parent['display_path'] . '/' : '') . $name,
			'content' => 'store/' . $channel['channel_address'] . '/' . $path,
			'created' => '2024-05-01 10:00:00',
			'edited' => '2024-05-0' . mt_rand(1, 9) . ' 10:00:00',
		],
	);
	$place = 'store/' . $channel['channel_address'] . '/' . $path;
	if ($isFolder) {
		os_mkdir($place, STORAGE_DEFAULT_PERMISSIONS, true);
	} elseif (($columns['os_storage'] ?? 1) === 1) {
		os_mkdir(dirname($place), STORAGE_DEFAULT_PERMISSIONS, true);
		file_put_contents($place, $contents);
		touch($place, time() - mt_rand(100, 100000));
	}
	$made[$isFolder ? 'folders' : 'files']++;
	return $hash;
};

foreach (['friends' => 'Friends', 'family' => 'Family & others'] as $hash => $name) {
	create_table_from_array('pgrp', ['uid' => $channel['channel_id'], 'hash' => "group-$hash", 'gname' => $name]);
}
$people = [];
foreach (['Bob', 'Çiğdem', 'fred'] as $name) {
	// Whose guid, signature and key prove each other.
	$pair = openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
	$key = openssl_pkey_get_details($pair)['key'];
	openssl_sign("guid-of-$name", $signature, $pair, OPENSSL_ALGO_SHA256);
	$people[$name] = base64url_encode(hash('whirlpool', "guid-of-$name$key", true));
	create_table_from_array('xchan', [
		'xchan_hash' => $people[$name],
		'xchan_guid' => "guid-of-$name",
		'xchan_guid_sig' => 'sha256.' . base64url_encode($signature),
		'xchan_pubkey' => $key,
		'xchan_addr' => strtolower($name) . '@elsewhere.test',
		'xchan_url' => 'https://elsewhere.test/channel/' . rawurlencode($name),
		'xchan_name' => $name,
		'xchan_network' => 'zot6',
	]);
}

// Names.
$zoo = $store('zoo', null);
foreach ([
	...require __DIR__ . '/../shared/odd-names.php',
	' ',
	str_repeat("\u{1f408}", 47) . '.jpg',
	str_repeat('long name ', 18) . '.txt',
] as $n => $name) {
	$store($name, $bytes(50 + (37 * $n)), $zoo);
}

// Folders.
$deep = '';
foreach (range(1, 12) as $n) {
	$deep = $store("Ebene $n mit einem langen Namen", null, $deep);
}
$store('at the bottom.txt', 'deep', $deep);
$empty = $store('empty', null);
$store('empty too', null, $empty);
$twin = $store('Empty', null);
$store('not empty.txt', 'x', $twin);
$store('con', null);
$store('folder like a file (9c0d1e)', null);

// Access and categories.
foreach ([
	['allow_cid' => "<{$people['Bob']}>"],
	['allow_gid' => '<group-friends>'],
	['allow_gid' => '<group-friends><group-family>', 'deny_cid' => "<{$people['fred']}>"],
	['deny_gid' => '<group-family>'],
	['allow_cid' => "<{$channel['channel_hash']}>"],
	['allow_cid' => "<{$people['Bob']}><token:3a4b>"],
	['allow_gid' => '<group-unknown>'],
] as $n => $lists) {
	$hash = $store("access $n.txt", "for some $n", '', $lists);
	$id = attach_row($channel['channel_id'], $hash)['id'];
	foreach (array_slice(['pets', 'Ferien & mehr', 'täglich'], 0, $n % 4) as $category) {
		store_item_tag(
			$channel['channel_id'],
			$id,
			TERM_OBJ_FILE,
			TERM_CATEGORY,
			$category,
			z_root() . '/cloud/' . $channel['channel_address'] . '/?cat=' . rawurlencode($category),
		);
	}
}

// Bytes.
$store('nothing.bin', '');
$store('large.bin', $bytes(3 << 20));
$store('same as others.bin', 'the same bytes');
$store('same as others too.bin', 'the same bytes');
$store('in the database.txt', 'kept in the database', '', ['os_storage' => 0, 'content' => 'kept in the database']);
$lost = $store('bytes are lost.pdf', 'lost');
unlink("store/{$channel['channel_address']}/$lost");

// Photos, with crops and posts.
$post = function (string $hash, array $columns = []) use (&$made, $channel, $uuid, $access): array {
	$id = $uuid();
	$mid = z_root() . "/item/$id";
	$body =
		'a picture: [zrl='
		. z_root()
		. "/photos/{$channel['channel_address']}/image/{$hash}]…[/zrl] “quoted” &lt;b&gt;";
	openssl_sign($columns['body'] ?? $body, $signature, $channel['channel_prvkey'], OPENSSL_ALGO_SHA256);
	create_table_from_array(
		'item',
		$columns
		+ $access
		+ [
			'uuid' => $id,
			'mid' => $mid,
			'parent_mid' => $mid,
			'thr_parent' => $mid,
			'aid' => $channel['channel_account_id'],
			'uid' => $channel['channel_id'],
			'owner_xchan' => $channel['channel_hash'],
			'author_xchan' => $channel['channel_hash'],
			'mimetype' => 'text/bbcode',
			'title' => '',
			'summary' => '',
			'body' => $body,
			'html' => '',
			'obj' => json_encode(['type' => 'Image', 'id' => z_root() . "/photo/$hash"]),
			'obj_type' => 'Image',
			'target' => '',
			'verb' => 'Create',
			'postopts' => '',
			'route' => '',
			'llink' => '',
			'plink' => $mid,
			'attach' => '',
			'sig' => 'sha256.' . base64url_encode($signature),
			'created' => '2024-05-03 09:00:00',
			'edited' => '2024-05-03 09:00:00',
			'item_wall' => 1,
			'item_origin' => 1,
		],
	);
	$row = q("SELECT * FROM item WHERE mid = '%s'", dbesc($columns['mid'] ?? $mid))[0];
	if (! isset($columns['parent'])) {
		q('UPDATE item SET parent = %d, item_thread_top = 1 WHERE id = %d', intval($row['id']), intval($row['id']));
	}
	$made['posts']++;
	return ['parent' => (int) $row['id']] + $row;
};
$photoRow = function (string $hash, int $scale, string $contents, array $columns) use ($channel, $access): void {
	create_table_from_array(
		'photo',
		$columns
		+ $access
		+ [
			'aid' => $channel['channel_account_id'],
			'uid' => $channel['channel_id'],
			'resource_id' => $hash,
			'imgscale' => $scale,
			'created' => '2024-05-03 09:00:00',
			'edited' => '2024-05-03 09:00:00',
			'title' => '',
			'description' => 'Miezi & “Kätzchen”',
			'album' => '',
			'filename' => 'photo.jpg',
			'mimetype' => 'image/jpeg',
			'width' => 40,
			'height' => 30,
			'filesize' => strlen($contents),
			'photo_usage' => [4 => PHOTO_PROFILE, 7 => PHOTO_COVER][$scale] ?? PHOTO_NORMAL,
			'os_path' => '',
			'display_path' => '',
		],
	);
};
foreach (range(1, 6) as $n) {
	$picture = imagecreatetruecolor(40 * $n, 30 * $n);
	imagefilledrectangle($picture, 0, 0, 20, 20, 0x112233 * $n);
	ob_start();
	imagejpeg($picture);
	$original = ob_get_clean();
	$hash = $store("photo $n.jpg", $original, '', ['is_photo' => 1, 'filetype' => 'image/jpeg']);
	$path = attach_row($channel['channel_id'], $hash)['content'];
	foreach ([0, 1, 2, 3, ...([1 => [4, 5, 6], 2 => [7, 8, 9], 3 => [4, 7]][$n] ?? [])] as $scale) {
		$contents = $original . ($scale ? $bytes($n === 3 && $scale === 7 ? 3000000 : 500 * $scale) : '');
		$isApart = $n === 1 && $scale === 4;
		$place = $isApart ? "store/[data]/[xchan]/{$hash[0]}/{$hash[1]}/$hash-4" : $path . ($scale ? "-$scale" : '');
		os_mkdir(dirname($place), STORAGE_DEFAULT_PERMISSIONS, true);
		file_put_contents($place, $contents);
		touch($place, time() - 1000);
		$photoRow($hash, $scale, $contents, ['os_storage' => 1, 'content' => $place]);
		$made['crops'] += (int) in_array($scale, [4, 7], true);
	}
	$about = ['resource_id' => $hash, 'resource_type' => 'photo', 'item_hidden' => 1];
	$first = $post($hash, $about);
	if ($n <= 3) {
		foreach (array_keys($people) as $who => $name) {
			$post($hash, [
				'parent' => $first['parent'],
				'parent_mid' => $first['mid'],
				'thr_parent' => $first['mid'],
				'author_xchan' => $people[$name],
				'body' => "a comment by $name",
				'sig' => '',
				'created' => "2024-05-04 09:0$who:00",
			]);
		}
	}
	if ($n === 2) {
		$post($hash, $about);
		$tagged = $post($hash, ['resource_type' => 'attach', 'body' => 'shared a file'] + $about);
		store_item_tag(
			$channel['channel_id'],
			$tagged['id'],
			TERM_OBJ_POST,
			TERM_HASHTAG,
			'cats',
			z_root() . '/search?tag=cats',
		);
		create_table_from_array('iconfig', [
			'iid' => $tagged['id'],
			'cat' => 'system',
			'k' => 'noted',
			'v' => 'ja',
			'sharing' => 0,
		]);
	}
}
$photoRow('0-lonely-avatar', 4, 'avatar', ['os_storage' => 0, 'content' => 'avatar']);
// The author of one comment left no trace here.
q("DELETE FROM xchan WHERE xchan_hash = '%s'", dbesc($people['fred']));
echo json_encode($made), "\n";
