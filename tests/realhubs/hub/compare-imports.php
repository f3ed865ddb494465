<?php

// Compares what two imports of one export made, by the lines of imported-rows.php: core's own and ours. Prints how many
// differences of each kind there are that docs/import.md names, and ends with 1 at any other. Members of groups are
// compared with the export, because core's import may put them into other groups. Arguments: lines of core's, lines of
// ours, root URL of the hub that the export is from, the export.

[, $stockLines, $ourLines, $from, $export] = $argv;
$exported = json_decode(file_get_contents($export), true);
$places = array_flip(array_column($exported['item'], 'message_id'));
$isEarly = fn (array $item) => ($places[$item['mid']] ?? INF) < ($places[$item['parent_mid']] ?? 0);
// Rows by table and key, and members as they come: core may have one twice.
$read = function (string $path, string $whose): array {
	$rows = [];
	$members = [];
	foreach (file($path, FILE_IGNORE_NEW_LINES) as $line) {
		[$table, $json] = explode(' ', $line, 2);
		$row = json_decode($json, true);
		if ($table === 'member') {
			$members[] = $row;
			continue;
		}
		$key = match ($table) {
			'item' => $row['mid'],
			'app' => $row['app_id'],
			'obj' => $row['obj_obj'],
			default => $json,
		};
		if (isset($rows[$table][$key])) {
			echo "$whose has $table twice: ", substr($json, 0, 300), "\n";
			exit(1);
		}
		$rows[$table][$key] = $row;
	}
	return [$rows, $members];
};
[$stock, $stockMembers] = $read($stockLines, 'core');
[$ours, $ourMembers] = $read($ourLines, 'our import');
$counts = [];
$wrong = [];
$is = function (string $what) use (&$counts): void {
	$counts[$what] = ($counts[$what] ?? 0) + 1;
};
$moved = fn (string $text) => str_replace($from, 'ROOT', $text);
$pictures = ['app' => 'app_photo', 'obj' => 'obj_imgurl'];
foreach (array_keys($stock + $ours) as $table) {
	foreach (array_diff_key($stock[$table] ?? [], $ours[$table] ?? []) as $key => $row) {
		$wrong[] = "only core has $table " . substr(json_encode($row), 0, 400);
	}
	foreach (array_diff_key($ours[$table] ?? [], $stock[$table] ?? []) as $key => $row) {
		match (true) {
			$table === 'atoken' => $is('access tokens'),
			$table === 'xchan' && $row['xchan_network'] === 'token' => $is('guests of access tokens'),
			$table === 'menu' => $is('menus'),
			$table === 'menu_item' => $is('entries of menus'),
			$table === 'item' && $isEarly($row) => $is('answers that are in the file before their posts'),
			$table === 'item' && str_contains($key, 'gone.invalid') => $is('posts by people whose hub is gone'),
			default => $wrong[] = "only we have $table " . substr(json_encode($row), 0, 400),
		};
	}
	foreach (array_intersect_key($stock[$table] ?? [], $ours[$table] ?? []) as $key => $theirs) {
		$mine = $ours[$table][$key];
		foreach ($theirs as $column => $value) {
			$own = $mine[$column] ?? null;
			if ($own === $value) {
				continue;
			}
			match (true) {
				$column === ($pictures[$table] ?? '') => $is('pictures of things that come later'),
				$table === 'item' && $column === 'lang' && $own === '' => $is('languages that are not guessed'),
				$table === 'item' && $column === 'body' && $own === $moved($value) => $is(
					'own comments with this hub\'s addresses',
				),
				$table === 'item' && $column === 'body' && $moved($own) === $value => $is(
					'posts in which core moved other text than addresses of the channel',
				),
				$table === 'item' && $column === 'plink' && $own === $moved($value) => $is(
					'own comments with links to this hub',
				),
				default => $wrong[] =
					"$table $key: $column is " . substr($own ?? 'null', 0, 200) . ', core: ' . substr($value, 0, 200),
			};
		}
	}
}
// Each as often as it is there.
$often = fn (array $members): array => array_count_values(array_map(
	fn ($member) => "$member[xchan] in $member[hash]",
	$members,
));
$people = function (array $members): array {
	$people = array_column($members, 'xchan');
	sort($people);
	return $people;
};
$groups = array_column($exported['group'], 'hash', 'id');
$members = array_map(
	fn ($row) => ['hash' => $groups[$row['gid']], 'xchan' => $row['xchan']],
	$exported['group_member'],
);
$wanted = $often($members);
$found = $often($ourMembers);
foreach ($wanted + $found as $member => $number) {
	$here = $found[$member] ?? 0;
	$here === ($wanted[$member] ?? 0) || ($wrong[] =
		"we have $here, the export " . ($wanted[$member] ?? 0) . ": $member");
}
// Whom core puts into another group, it still puts into one.
if ($people($stockMembers) !== $people($members)) {
	$wrong[] = 'core has ' . count($stockMembers) . ' members of groups, the export ' . count($members) . ', or others';
}
foreach ($often($stockMembers) as $member => $number) {
	for ($more = $number - ($wanted[$member] ?? 0); $more > 0; $more--) {
		$is('members that core put into other groups');
	}
}
$members || ($wrong[] = 'no members of groups');
foreach (['access tokens', 'menus', 'entries of menus'] as $what) {
	isset($counts[$what]) || ($wrong[] = "no $what");
}
foreach ($ours['menu_item'] ?? [] as $row) {
	preg_match(
		'/^\[|gone|' . preg_quote($from, '/') . '/',
		$row['mitem_link'],
	) && ($wrong[] = "a menu leads to $row[mitem_link]");
}
foreach ($ours['item'] ?? [] as $mid => $row) {
	str_starts_with($mid, $from) && $row['sig'] !== 'fits: 1' && ($wrong[] = "the signature of $mid does not fit");
}
if ($wrong) {
	echo count($wrong), " differences that are not wanted:\n", implode("\n", array_slice($wrong, 0, 10)), "\n";
	exit(1);
}
ksort($counts);
echo
	count($ourMembers) + array_sum(array_map(count(...), $ours)),
	' rows as core has them, but for ',
	implode(', ', array_map(fn ($what, $count) => "$count $what", array_keys($counts), $counts)),
	"\n"
;
