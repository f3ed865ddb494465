<?php

// Compares what two imports of one export made, by the lines of imported-rows.php: core's own and ours. Prints how many
// differences of each kind there are that docs/import.md names, and ends with 1 at any other. Arguments: lines of
// core's, lines of ours, root URL of the hub that the export is from, the export.

[, $stockLines, $ourLines, $from, $export] = $argv;
$places = array_flip(array_column(json_decode(file_get_contents($export), true)['item'], 'message_id'));
$isEarly = fn (array $item) => ($places[$item['mid']] ?? INF) < ($places[$item['parent_mid']] ?? 0);
$read = function (string $path): array {
	$rows = [];
	foreach (file($path, FILE_IGNORE_NEW_LINES) as $line) {
		[$table, $json] = explode(' ', $line, 2);
		$row = json_decode($json, true);
		$key = match ($table) {
			'item' => $row['mid'],
			'app' => $row['app_id'],
			'obj' => $row['obj_obj'],
			default => $json,
		};
		if (isset($rows[$table][$key])) {
			echo "$table twice: ", substr($json, 0, 300), "\n";
			exit(1);
		}
		$rows[$table][$key] = $row;
	}
	return $rows;
};
$stock = $read($stockLines);
$ours = $read($ourLines);
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
	array_sum(array_map(count(...), $ours)),
	' rows as core has them, but for ',
	implode(', ', array_map(fn ($what, $count) => "$count $what", array_keys($counts), $counts)),
	"\n"
;
