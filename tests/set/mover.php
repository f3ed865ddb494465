<?php

/**
 * Renames, overwrites, moves and deletes files of a test hub, as its owner does by WebDAV, and writes down every state
 * that a file ever was in: hash, path, digest.
 *
 *     php mover.php <hub folder> <how many> <seed> <file for the states>
 */

[, $hub, $count, $seed, $log] = $argv;
chdir($hub);
require_once 'include/cli_startup.php';
cli_startup();
mt_srand((int) $seed);

$channel = q('SELECT * FROM channel ORDER BY channel_id LIMIT 1')[0];
App::set_channel($channel);
App::set_observer($channel);
$uid = (int) $channel['channel_id'];
$states = fopen($log, 'a');

/** Returns the true path of a row, by its folders. */
$path = function (array $row) use ($uid): string {
	$names = [$row['filename']];
	while ($row['folder'] !== '') {
		$row = attach_row($uid, $row['folder']);
		array_unshift($names, $row['filename']);
	}
	return implode('/', $names);
};
/** Writes down what is true now of a file, or of all files beneath a folder. */
$note = function (string $hash) use (&$note, $uid, $path, $states): void {
	$row = attach_row($uid, $hash);
	foreach (! $row
		? []
		: (
			(int) $row['is_dir']
				? q("SELECT hash FROM attach WHERE uid = %d AND folder = '%s'", $uid, dbesc($hash))
				: []
		) as $below) {
		$note($below['hash']);
	}
	if ($row && ! (int) $row['is_dir']) {
		$sha256 = is_file($row['content']) ? hash_file('sha256', $row['content']) : '';
		fwrite($states, json_encode([$hash, $path($row), $sha256]) . '
');
	}
};

foreach (q('SELECT hash FROM attach WHERE uid = %d AND is_dir = 0 AND os_storage = 1', $uid) as $row) {
	$note($row['hash']);
}
echo "ready\n";
for ($n = 0; $n < $count; $n++) {
	$rows = q('SELECT hash, is_dir, is_photo FROM attach WHERE uid = %d AND os_storage = 1', $uid);
	$files = array_column(array_filter($rows, fn ($row) => ! (int) $row['is_dir']), 'hash');
	$folders = array_column(array_filter($rows, fn ($row) => (int) $row['is_dir']), 'hash');
	$hash = $files[mt_rand(0, count($files) - 1)];
	$isPhoto = (bool) (int) attach_row($uid, $hash)['is_photo'];
	$file = new Zotlabs\Storage\File($channel, attach_row($uid, $hash));
	$kind = mt_rand(0, 99);
	if ($kind < 40) {
		$file->setName("renamed $n.bin");
	} elseif ($kind < 70 && ! $isPhoto) {
		$contents = str_repeat("version $n of $hash\n", mt_rand(1, 3000));
		$source = fopen('php://temp', 'w+');
		fwrite($source, $contents);
		rewind($source);
		$file->put($source);
	} elseif ($kind < 80 && $folders) {
		$hash = $folders[mt_rand(0, count($folders) - 1)];
		(new Zotlabs\Storage\Directory($channel, attach_row($uid, $hash)))->setName("folder $n");
	} elseif ($kind < 90 && $folders) {
		attach_move($uid, $hash, $folders[mt_rand(0, count($folders) - 1)]);
	} elseif (count($files) > 45 && ! $isPhoto) {
		$file->delete();
	} else {
		$new = tempnam(sys_get_temp_dir(), 'new');
		file_put_contents($new, str_repeat("new $n\n", mt_rand(1, 3000)));
		$_FILES['userfile'] = ['tmp_name' => $new, 'name' => "new $n.bin", 'size' => filesize($new)];
		$hash = attach_store($channel, $channel['channel_hash'], '', [])['data']['hash'];
		@unlink($new);
	}
	$note($hash);
}
echo "done\n";
