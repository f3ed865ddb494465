<?php

/** Hands sync packets to the addon as core does and prints the median time of one. */

declare(strict_types=1);

require __DIR__ . '/../../tests/testhub/in-process.php';

use TestHub\InProcess;
use TestHub\Maker;

const ORIGIN = 'http://127.0.0.1:9001';

[, $packets, $scales] = $argv;
$channel = InProcess::start();
register_shutdown_function([InProcess::class, 'stop']);
Maker::hubloc(InProcess::$identity, ORIGIN, 'alice');
symlink(dirname(__DIR__, 2) . '/php', 'addon/filesync');
install_plugin('filesync');
load_hooks();
call_hooks('init_1');

$acl = ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];
$common = $acl
+ ['aid' => 1, 'uid' => 1, 'os_storage' => 1, 'created' => '2024-05-03 09:00:00', 'edited' => '2024-05-03 09:00:00'];
$folder = $common
+ [
	'id' => 1,
	'hash' => 'f0a1f0a1-0000-4000-8000-000000000001',
	'creator' => $channel['channel_hash'],
	'filename' => '2024-05',
	'filetype' => 'multipart/mixed',
	'filesize' => 0,
	'revision' => 0,
	'folder' => '',
	'flags' => 0,
	'is_dir' => 1,
	'is_photo' => 0,
	'os_path' => 'f',
	'display_path' => '2024-05',
	'content' => 'store/alice/f',
];
$times = [];
for ($number = 0; $number < (int) $packets; $number++) {
	$hash = sprintf('77bb77bb-0000-4000-8000-%012d', $number);
	$name = "photo-$number.jpg";
	$file =
		[
			'id' => 2,
			'hash' => $hash,
			'filename' => $name,
			'filetype' => 'image/jpeg',
			'filesize' => 3300000,
			'folder' => $folder['hash'],
			'is_dir' => 0,
			'is_photo' => $scales ? 1 : 0,
			'os_path' => "f/$hash",
			'display_path' => "2024-05/$name",
			'content' => "store/alice/f/$hash",
			'term' => [],
		] + $folder;
	$photos = [];
	for ($scale = 0; $scales && $scale <= (int) $scales; $scale++) {
		$photos[] = $common
		+ [
			'id' => 3,
			'xchan' => '',
			'resource_id' => $hash,
			'expires' => '2024-05-04 09:00:00',
			'title' => '',
			'description' => '',
			'album' => '2024-05',
			'filename' => $name,
			'mimetype' => 'image/jpeg',
			'height' => 3000,
			'width' => 4000,
			'filesize' => 3300000 >> $scale,
			'content' => base64_encode("store/alice/f/$hash"),
			'imgscale' => $scale,
			'photo_usage' => 0,
			'profile' => 0,
			'is_nsfw' => 0,
			'os_path' => "f/$hash",
			'display_path' => "2024-05/$name",
			'photo_flags' => 0,
		];
	}
	$entry =
		['fetch_url' => ORIGIN . '/getfile', 'original_channel' => 'alice', 'attach' => [$folder, $file]]
		+ ($photos ? ['photo' => $photos] : []);
	$start = hrtime(true);
	Zotlabs\Lib\sync_files($channel, [$entry]);
	$times[] = (hrtime(true) - $start) / 1e6;
}
$staged = (int) q('select count(*) as total from filesync_transfer')[0]['total'];
if ($staged !== ((int) $packets * ((int) $scales + 1))) {
	fwrite(STDERR, "only $staged transfers were staged\n");
	exit(1);
}
sort($times);
echo
	json_encode(['median_ms' => $times[intdiv(count($times), 2)], 'php_mib' => memory_get_peak_usage() / (1 << 20)]),
	"\n"
;
