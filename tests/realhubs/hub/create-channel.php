<?php

// Creates a channel. Arguments: account id, nickname, name.
require __DIR__ . '/boot.php';
require_once 'include/channel.php';
require_once 'include/account.php';

$made = create_identity([
	'account_id' => (int) $argv[1],
	'name' => $argv[3],
	'nickname' => $argv[2],
	'permissions_role' => 'personal',
]);
// The first upload through a browser does this; attach_store itself would lose the bytes without a word.
os_mkdir('store/' . $argv[2], STORAGE_DEFAULT_PERMISSIONS, true);
answer(['ok' => $made['success'], 'message' => $made['message'] ?? ''], $made['success'] ? 0 : 1);
