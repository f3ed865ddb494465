<?php

// Writes down what this hub's tables and store say of the channel, for compare-restored on another hub.
// Arguments: the file to write, the channel's nick.
require __DIR__ . '/boot.php';
foreach (['Databases', 'Rows', 'Recorded'] as $file) {
	require_once __DIR__ . "/$file.php";
}

Set\Recorded::write($argv[1], new Set\Rows(DBA::$dba->db, getcwd(), $argv[2]), z_root());
answer(['bytes' => filesize($argv[1])]);
