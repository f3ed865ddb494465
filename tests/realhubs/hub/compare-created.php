<?php

// Compares the rows of a channel on the hub whose set was made with those on the hub to which it came, by the lines of
// imported-rows.php. Prints how many differences of each kind there are that docs/command.md and docs/import.md name,
// and ends with 1 at any other. Arguments: lines of the first, lines of the second, root URL of the first, how many
// differences to print.

[, $first, $second, $from] = $argv;
// What names a row keeps the address of the hub where it was made.
$host = parse_url($from, PHP_URL_HOST);
$asThere = fn (string $text): string => strtr($text, [
	$from => 'ROOT',
	str_replace('/', '\/', $from) => 'ROOT',
	$host => 'HOST',
]);
$read = function (string $path) use ($asThere, $from): array {
	$rows = [];
	foreach (file($path, FILE_IGNORE_NEW_LINES) as $line) {
		[$table, $json] = explode(' ', $line, 2);
		$row = json_decode($json, true);
		$key = match ($table) {
			'channel' => $row['channel_hash'],
			'profile' => $row['profile_guid'],
			'item' => $row['mid'],
			'app' => "$row[app_id] $row[app_plugin]",
			'xchan' => $row['xchan_hash'],
			'hubloc' => "$row[hubloc_hash] " . strtr($row['hubloc_url'], [$from => 'GONE']),
			'abook' => $row['abook_xchan'],
			'pconfig' => "$row[cat].$row[k]",
			'menu' => $row['menu_name'],
			'event' => $row['event_hash'],
			'iconfig' => "$row[mid] $row[cat].$row[k]",
			'term' => "$row[mid] $row[otype] $row[ttype] $row[term]",
			default => $json,
		};
		$rows[$table][$asThere($key)] = $row;
	}
	return $rows;
};
$there = $read($first);
$here = $read($second);
// Those of files; compare-restored.php looks at them.
unset($there['photo'], $here['photo']);
foreach ([&$there, &$here] as &$rows) {
	$rows['term'] = array_filter($rows['term'] ?? [], fn ($row) => $row['mid'] !== '');
}
unset($rows);

$counts = $wrong = [];
$equal = 0;
$is = function (string $what) use (&$counts): void {
	$counts[$what] = ($counts[$what] ?? 0) + 1;
};
$own = array_key_first($there['channel']);
// Of each conversation, when its newest part was written.
$latest = [];
foreach ($here['item'] ?? [] as $row) {
	$latest[$row['parent_mid']] = max($latest[$row['parent_mid']] ?? '', $row['created']);
}
$isOwn = fn (array $item): bool => $item['author_xchan'] === $own;
$isConnected = fn (string $hash): bool => isset($there['abook'][$hash]);
foreach (array_keys($there + $here) as $table) {
	foreach (array_diff_key($there[$table] ?? [], $here[$table] ?? []) as $key => $row) {
		match (true) {
			$table === 'hubloc' && ! $isConnected($row['hubloc_hash']) => $is(
				'places of people outside the connections',
			),
			$table === 'item' && str_starts_with($row['author_xchan'], 'untraced-') => $is(
				'comments by people whom nobody knows',
			),
			$table === 'pconfig' && $row['k'] === 'import_system_apps' => $is('dates of system apps'),
			default => $wrong[] = "missing $table $key " . substr(json_encode($row), 0, 400),
		};
	}
	foreach (array_diff_key($here[$table] ?? [], $there[$table] ?? []) as $key => $row) {
		$table === 'hubloc' && str_ends_with($key, ' GONE')
			? $is('place at the hub that is gone')
			: ($wrong[] = "new $table $key " . substr(json_encode($row), 0, 400));
	}
	foreach (array_intersect_key($there[$table] ?? [], $here[$table] ?? []) as $key => $row) {
		foreach ($row as $column => $was) {
			$now = $here[$table][$key][$column] ?? null;
			match (true) {
				$now === $was => $equal++,
				preg_match('/^(mid|parent_mid|thr_parent|parent)$/D', $column) && $asThere($now) === $was => $is('ids'),
				$table === 'item'
					&& in_array($column, ['body', 'plink'], true)
					&& ! $isOwn($row)
					&& $asThere($now) === $was
					=> $is(
					'links in what others wrote',
				),
				$table === 'term' && $column === 'url' && $asThere($now) === $was => $is('links of tags'),
				$table === 'item' && $column === 'item_verified' && $row['sig'] === 'fits: 0' && $now === '0' => $is(
					'posts that came without a valid signature',
				),
				$table === 'item' && $column === 'commented' && $now === $latest[$here[$table][$key]['parent_mid']]
					=> $is(
					'times of the last comment, as core counts them',
				),
				$table === 'item' && $column === 'item_unseen' => $is('posts that count as read'),
				$table === 'item' && $column === 'lang' && $now === '' => $is('languages that are not guessed'),
				$table === 'xchan' && str_starts_with($column, 'xchan_photo') => $is('pictures that come later'),
				$table === 'xchan' && ! $isConnected($key) => $is('facts of people outside the connections'),
				default => $wrong[] =
					"$table $key: $column is " . substr((string) $now, 0, 300) . ', was ' . substr($was, 0, 300),
			};
		}
	}
}
if ($wrong) {
	echo count($wrong), " differences that are not wanted:\n";
	echo implode("\n", array_slice($wrong, 0, (int) ($argv[4] ?? 10))), "\n";
	exit(1);
}
ksort($counts);
echo array_sum(array_map(count(...), $here)), " rows, $equal values equal, but for ";
echo implode(', ', array_map(fn ($what, $count) => "$count $what", array_keys($counts), $counts)), "\n";
