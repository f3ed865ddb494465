<?php
// Imports an export file as a clone with another nickname. Arguments: account id, file, nickname.
require __DIR__ . '/boot.php';

// The form's handler reads the request and the logged-in account.
$copy = tempnam(sys_get_temp_dir(), 'clone');
copy($argv[2], $copy);
$_FILES['filename'] = ['tmp_name' => $copy, 'name' => 'export.json', 'size' => filesize($copy), 'type' => 'application/json'];
$_REQUEST = ['make_primary' => 0, 'import_posts' => 0, 'newname' => $argv[3]];
$account = q('select * from account where account_id = %d', intval($argv[1]));
App::$account = $account[0];
$_SESSION['account_id'] = (int) $argv[1];
$_SESSION['authenticated'] = 1;
// It ends with a redirect, that is, with the process.
(new Zotlabs\Module\Import)->import_account((int) $argv[1]);
