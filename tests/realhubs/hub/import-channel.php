<?php

// Imports a channel as a clone with another nickname. Arguments: account id, an export file or the channel's address at
// the other hub, nickname, `posts` to import its posts (and its files, if an address is given).
require __DIR__ . '/boot.php';

// The form's handler reads the request and the logged-in account.
$_REQUEST = ['make_primary' => 0, 'import_posts' => (int) (($argv[4] ?? '') === 'posts'), 'newname' => $argv[3]];
if (is_file($argv[2])) {
	$copy = tempnam(sys_get_temp_dir(), 'clone');
	copy($argv[2], $copy);
	$_FILES['filename'] = [
		'tmp_name' => $copy,
		'name' => 'export.json',
		'size' => filesize($copy),
		'type' => 'application/json',
	];
} else {
	$_REQUEST += [
		'old_address' => $argv[2],
		'email' => 'admin@' . substr(strrchr($argv[2], '@'), 1),
		'password' => 'realhubs',
	];
}
$account = q('select * from account where account_id = %d', intval($argv[1]));
App::$account = $account[0];
$_SESSION['account_id'] = (int) $argv[1];
$_SESSION['authenticated'] = 1;
// It ends with a redirect, that is, with the process.
(new Zotlabs\Module\Import())->import_account((int) $argv[1]);
