<?php

/**
 * Changes a file or folder on a hub the way its WebDAV does, with a packet to the clones.
 *
 *     php file.php <hub folder> <hash> put <file> | rename <name> | delete | move <folder hash>
 */

list(, $hub, $hash, $verb) = $argv;
$argument = $argv[4] ?? '';
$argument = $verb === 'put' ? realpath($argument) : $argument;
chdir($hub);
require_once 'include/cli_startup.php';
cli_startup();

$rows = q("SELECT uid FROM attach WHERE hash = '%s'", dbesc($hash));
if (! $rows) {
	fwrite(STDERR, "no such file\n");
	exit(1);
}
$channel = channelx_by_n($rows[0]['uid']);
App::set_channel($channel);
App::set_observer($channel);
$row = attach_row($channel['channel_id'], $hash);
$file = $row['is_dir'] ? new Zotlabs\Storage\Directory($channel, $row) : new Zotlabs\Storage\File($channel, $row);
if ($verb === 'put') {
	$file->put(fopen($argument, 'rb'));
} elseif ($verb === 'rename') {
	$file->setName($argument);
} elseif ($verb === 'delete') {
	$file->delete();
} elseif ($verb === 'move') {
	attach_move($channel['channel_id'], $hash, $argument);
} else {
	fwrite(STDERR, "put, rename, delete or move\n");
	exit(2);
}
