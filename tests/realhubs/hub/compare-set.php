<?php

// Compares a backup set with this hub's tables and store. Prints the counts of the hub, or what differs.
// Arguments: the set's folder, the channel's nick, `home` if it was made elsewhere and signed there, `outside` if it
// was made so of what a hub without filesync shows.
require __DIR__ . '/boot.php';
foreach (['Databases', 'Reading', 'Rows', 'Comparison'] as $file) {
	require_once __DIR__ . "/$file.php";
}

$isFromOutside = ($argv[3] ?? '') === 'outside';
$rows = new Set\Rows(DBA::$dba->db, getcwd(), $argv[2], $isFromOutside);
$set = Set\Reading::of($argv[1], ($argv[3] ?? '') === '');
$hidden = $isFromOutside ? $rows->withoutHidden($set) : 0;
$wrong = Set\Comparison::wrong($set, $rows);
$entries = $rows->entries();
printf(
	"%d files, %d folders, %d posts%s, %d crops: %s\n",
	count(array_filter($entries, fn ($entry) => $entry['kind'] === 'file')),
	count(array_filter($entries, fn ($entry) => $entry['kind'] === 'folder')),
	array_sum(array_map(fn ($entry) => count($entry['posts']), $entries)),
	$hidden ? " ($hidden that no hub shows)" : '',
	array_sum(array_map(fn ($entry) => count($entry['crops']), $entries)),
	$wrong ? implode('; ', array_slice($wrong, 0, 10)) : 'all equal',
);
exit($wrong ? 1 : 0);
