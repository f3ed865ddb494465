<?php

// Makes very many small files at once, as rows like those that uploads make, each with its bytes in the store.
// Arguments: how many, what the folder's and the files' names begin with. Or one file with a hole of so many bytes:
// `sparse`, name, bytes. Prints the hash of the folder, or of the file.
require __DIR__ . '/boot.php';
require_once 'include/attach.php';
require_once 'include/photos.php';

[, $count, $name] = $argv;
$channel = the_channel();
log_in($channel);
$uid = (int) $channel['channel_id'];
$columns = fn (array $row) => implode(', ', array_map(fn ($value) => "'" . dbesc((string) $value) . "'", $row));
$like = function (array $row, array $changes): array {
	unset($row['id']);
	return array_intersect_key($changes, $row) + $row;
};
// Without an end at which the addon would announce each file to the clones: that is not looked at here.
$done = function (string $hash): never {
	echo json_encode(['hash' => $hash]), "\n";
	pcntl_exec('/bin/true');
	exit(1);
};
if ($count === 'sparse') {
	$first = store_upload($channel, 'for its row', $name, 'application/octet-stream', ['nosync' => true]);
	$row = q("select * from attach where uid = %d and hash = '%s'", $uid, dbesc($first['hash']))[0];
	$file = fopen(dbunescbin($row['content']), 'c');
	ftruncate($file, (int) $argv[3]);
	fclose($file);
	q('update attach set filesize = %s where id = %d', $argv[3], (int) $row['id']);
	$done($first['hash']);
}
$first = store_upload($channel, 'for its row', "$name.txt", 'text/plain', ['directory' => $name, 'nosync' => true]);
$row = q("select * from attach where uid = %d and hash = '%s'", $uid, dbesc($first['hash']))[0];
$place = dirname(dbunescbin($row['content']));
$values = [];
for ($n = 1; $n < (int) $count; $n++) {
	$hash = random_string();
	$bytes = str_repeat("$name $n ", 20);
	file_put_contents("$place/$hash", $bytes);
	touch("$place/$hash", time() - 1000);
	$new = $like($row, [
		'hash' => $hash,
		'filename' => "$name-$n.txt",
		'filesize' => strlen($bytes),
		'os_path' => dirname($row['os_path']) . "/$hash",
		'display_path' => dirname($row['display_path']) . "/$name-$n.txt",
	]);
	unset($new['content']);
	$values[] = '(' . $columns($new) . ", '" . dbescbin("$place/$hash") . "')";
	if (count($values) === 500 || $n === ((int) $count - 1)) {
		dbq('insert into attach (' . implode(', ', array_keys($new)) . ', content) values ' . implode(', ', $values))
			|| answer(['ok' => false], 1);
		$values = [];
	}
}
$done($row['folder']);
