<?php

/**
 * Gives the channel of a test hub files of random bytes in folders of 500, or changes some of them:
 *
 *     php set-fill.php <hub folder> fill <files> <bytes a file>
 *     php set-fill.php <hub folder> change <files> <seconds that their times lie back>
 */

declare(strict_types=1);

[, $hub, $what, $count, $number] = $argv;
chdir($hub);
require_once 'include/cli_startup.php';
cli_startup();
$channel = q('SELECT * FROM channel ORDER BY channel_id LIMIT 1')[0];
$store = 'store/' . $channel['channel_address'];
if ($what === 'change') {
	foreach (q('SELECT hash, content FROM attach WHERE is_dir = 0 ORDER BY hash LIMIT %d', (int) $count) as $row) {
		$file = fopen($row['content'], 'r+');
		fwrite($file, random_bytes(64));
		fclose($file);
		touch($row['content'], time() - (int) $number);
		q("UPDATE attach SET edited = '%s' WHERE hash = '%s'", gmdate('Y-m-d H:i:s'), $row['hash']);
	}
	exit(0);
}
$common = [
	'aid' => $channel['channel_account_id'],
	'uid' => $channel['channel_id'],
	'creator' => $channel['channel_hash'],
	'os_storage' => 1,
	'revision' => 1,
	'created' => '2024-05-03 09:00:00',
	'edited' => '2024-05-03 09:00:00',
	'allow_cid' => '',
	'allow_gid' => '',
	'deny_cid' => '',
	'deny_gid' => '',
];
$folder = '';
\DBA::$dba->db->beginTransaction();
for ($n = 0; $n < (int) $count; $n++) {
	$hash = sprintf('77bb77bb-0000-4000-8000-%012d', $n);
	if (($n % 500) === 0) {
		$folder = sprintf('f0a1f0a1-0000-4000-8000-%012d', $n);
		mkdir("$store/$folder", 0755, true);
		create_table_from_array(
			'attach',
			$common
			+ [
				'hash' => $folder,
				'filename' => "folder $n",
				'filetype' => 'multipart/mixed',
				'filesize' => 0,
				'folder' => '',
				'is_dir' => 1,
				'is_photo' => 0,
				'os_path' => $folder,
				'display_path' => "folder $n",
				'content' => "$store/$folder",
			],
		);
	}
	file_put_contents("$store/$folder/$hash", random_bytes((int) $number));
	touch("$store/$folder/$hash", 1714726800);
	create_table_from_array(
		'attach',
		$common
		+ [
			'hash' => $hash,
			'filename' => "file $n.bin",
			'filetype' => 'application/octet-stream',
			'filesize' => (int) $number,
			'folder' => $folder,
			'is_dir' => 0,
			'is_photo' => 0,
			'os_path' => "$folder/$hash",
			'display_path' => 'folder ' . ($n - ($n % 500)) . "/file $n.bin",
			'content' => "$store/$folder/$hash",
		],
	);
}
\DBA::$dba->db->commit();
