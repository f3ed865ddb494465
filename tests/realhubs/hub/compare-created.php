<?php

// Compares the rows of a channel on the hub whose set was made with those on the hub to which it came, by the lines of
// imported-rows.php. Prints how many differences of each kind there are that docs/import.md names, and ends with 1 at
// any other. Arguments: lines of the first, lines of the second.

[, $first, $second] = $argv;
$read = function (string $path): array {
	$rows = [];
	foreach (file($path, FILE_IGNORE_NEW_LINES) as $line) {
		[$table, $json] = explode(' ', $line, 2);
		$row = json_decode($json, true);
		$key = match ($table) {
			'channel' => $row['channel_hash'],
			'profile' => $row['profile_guid'],
			'item' => $row['mid'],
			'app' => $row['app_id'] . $row['app_plugin'],
			'obj' => $row['obj_obj'],
			'xchan' => $row['xchan_hash'],
			'hubloc' => $row['hubloc_hash'] . $row['hubloc_url'],
			'abook' => $row['abook_xchan'],
			'pconfig' => "$row[cat].$row[k]",
			'menu' => $row['menu_name'],
			'event' => $row['event_hash'],
			default => $json,
		};
		$rows[$table][$key] = $row;
	}
	return $rows;
};
$there = $read($first);
$here = $read($second);
$counts = $wrong = [];
$equal = 0;
foreach (array_keys($there + $here) as $table) {
	foreach (array_diff_key($there[$table] ?? [], $here[$table] ?? []) as $row) {
		$wrong[] = "missing $table " . substr(json_encode($row), 0, 400);
	}
	foreach (array_diff_key($here[$table] ?? [], $there[$table] ?? []) as $row) {
		$wrong[] = "new $table " . substr(json_encode($row), 0, 400);
	}
	foreach (array_intersect_key($there[$table] ?? [], $here[$table] ?? []) as $key => $row) {
		foreach ($row as $column => $value) {
			if (($here[$table][$key][$column] ?? null) !== $value) {
				$wrong[] =
					"$table $key: $column is "
					. substr((string) ($here[$table][$key][$column] ?? 'null'), 0, 300)
					. ', was '
					. substr($value, 0, 300);
			} else {
				$equal++;
			}
		}
	}
}
if ($wrong) {
	echo
		count($wrong),
		" differences that are not wanted:\n",
		implode("\n", array_slice($wrong, 0, (int) ($argv[3] ?? 15))),
		"\n"
	;
	exit(1);
}
echo array_sum(array_map(count(...), $here)), " rows, $equal values equal\n";
