<?php

// Renames, overwrites, moves and deletes files of the channel, as its owner does by WebDAV and the file manager, and
// writes down every state that a file ever was in: hash, path, digest.
// Arguments: how many, seed, file for the states, fewest files that stay. Prints `ready`, and `done` in the end.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $count, $seed, $log] = $argv;
$fewest = (int) ($argv[4] ?? 40);
$channel = the_channel();
log_in($channel);
$uid = (int) $channel['channel_id'];
mt_srand((int) $seed);
$states = fopen($log, 'a');
$auth = new Zotlabs\Storage\BasicAuth();
$auth->owner_id = $auth->channel_id = $uid;
$auth->owner_nick = $channel['channel_address'];
$auth->observer = $auth->channel_hash = $channel['channel_hash'];

$row = fn (string $hash): ?array => (
	q(
		"select * from attach where uid = %d and hash = '%s' order by id limit 1",
		$uid,
		dbesc($hash),
	)[0] ?? null
);
// The true path, by the folders.
$path = function (array $of) use ($row): string {
	$names = [$of['filename']];
	while ($of && $of['folder'] !== '') {
		$of = $row($of['folder']);
		$of && array_unshift($names, $of['filename']);
	}
	return implode('/', $names);
};
// Where a row's bytes are: very old ones lack the beginning.
$place = function (string $content) use ($channel): string {
	$content = dbunescbin($content);
	return (str_contains($content, 'store/') ? '' : "store/{$channel['channel_address']}/") . $content;
};
// What is true now of a file, or of all files beneath a folder.
$note = function (string $hash) use (&$note, $uid, $row, $path, $place, $states): void {
	$of = $row($hash);
	if ($of && (int) $of['is_dir']) {
		foreach (q("select distinct hash from attach where uid = %d and folder = '%s'", $uid, dbesc($hash)) as $below) {
			$note($below['hash']);
		}
	} elseif ($of) {
		$bytes = $place($of['content']);
		fwrite($states, json_encode(
			[$hash, $path($of), is_file($bytes) ? hash_file('sha256', $bytes) : ''],
			JSON_INVALID_UTF8_SUBSTITUTE,
		)
			. "\n");
	}
};

foreach (q('select distinct hash from attach where uid = %d and is_dir = 0 and os_storage = 1', $uid) as $file) {
	$note($file['hash']);
}
echo "ready\n";
$done = [];
for ($n = 0; $n < (int) $count; $n++) {
	$rows = q('select hash, is_dir, is_photo, content from attach where uid = %d and os_storage = 1 order by id', $uid);
	$rows = array_filter($rows, fn ($one) => (int) $one['is_dir'] || is_file($place($one['content'])));
	$files = array_column(array_filter($rows, fn ($one) => ! (int) $one['is_dir']), 'hash');
	$folders = array_column(array_filter($rows, fn ($one) => (int) $one['is_dir']), 'hash');
	$hash = $files[mt_rand(0, count($files) - 1)];
	$of = $row($hash);
	$isPhoto = (bool) (int) $of['is_photo'];
	$file = new Zotlabs\Storage\File($of['filename'], $of, $auth);
	$kind = mt_rand(0, 99);
	if ($kind < 35) {
		$what = 'renamed';
		$file->setName("renamed $n-$seed.bin");
	} elseif ($kind < 70 && ! $isPhoto) {
		$what = 'overwritten';
		$source = fopen('php://temp', 'w+');
		fwrite($source, str_repeat("version $n of $hash $seed\n", mt_rand(1, 3000)));
		rewind($source);
		$file->put($source);
	} elseif ($kind < 80 && ! $isPhoto && $folders) {
		$what = 'moved';
		attach_move($uid, $hash, $folders[mt_rand(0, count($folders) - 1)]);
	} elseif ($kind < 92 && count($files) > $fewest && ! $isPhoto) {
		$what = 'deleted';
		$file->delete();
	} else {
		$what = 'added';
		$hash = store_upload($channel, str_repeat("new $n\n", mt_rand(1, 3000)), "new $n-$seed.bin", '', [])['hash'];
	}
	$done[$what] = ($done[$what] ?? 0) + 1;
	$note($hash);
}
echo 'done ', json_encode($done), "\n";
