<?php

/**
 * Uploads files to a hub as its channel's owner does, one packet each. Run by in-hub, or with the folder first.
 *
 *     php upload.php <hub folder> <nick> <folder path in the cloud, '' for the root> <file> …
 *
 * With NOTIFY in the environment each is shared with a post. `<uuid>=<file>` gives the file that hash, for who must
 * know it beforehand. Prints a JSON line per file: file, hash, display_path.
 */

list(, $hub, $nick, $directory) = $argv;
$uploads = array_map(
	function ($argument) {
		preg_match('/^(?:([0-9a-f-]{36})=)?(.*)$/s', $argument, $m);
		return [realpath($m[2]), $m[1]];
	},
	array_slice($argv, 4),
);
chdir($hub);
require_once 'include/cli_startup.php';
cli_startup();

$channel = channelx_by_nick($nick);
App::set_channel($channel);
App::set_observer($channel);
foreach ($uploads as list($file, $hash)) {
	$_FILES['userfile'] = ['tmp_name' => $file, 'name' => basename($file), 'size' => filesize($file)];
	$stored = attach_store($channel, $channel['channel_hash'], '', [
		'directory' => $directory,
		'notify' => (bool) getenv('NOTIFY'),
	] + ($hash === '' ? [] : ['hash' => $hash]));
	if (! $stored['success']) {
		fwrite(STDERR, basename($file) . ': ' . $stored['message'] . "\n");
		exit(1);
	}
	echo
		json_encode([
			'file' => $file,
			'hash' => $stored['data']['hash'],
			'display_path' => $stored['data']['display_path'],
		], JSON_UNESCAPED_SLASHES),
		"\n"
	;
}
