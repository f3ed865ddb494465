<?php

// Prints name and SHA-256 of what stands on the disk for each file of a folder, one a line, by name. Argument: the
// folder.
require __DIR__ . '/boot.php';

$channel = the_channel();
$rows = q(
	"select filename, content from attach where uid = %d and is_dir = 0 and display_path like '%s'",
	intval($channel['channel_id']),
	dbesc($argv[1] . '/%'),
);
$digests = array_column(
	array_map(fn ($row) => [$row['filename'], hash_file('sha256', dbunescbin($row['content']))], $rows),
	1,
	0,
);
ksort($digests);
foreach ($digests as $name => $sha256) {
	echo "$name $sha256\n";
}
