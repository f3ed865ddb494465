<?php

/**
 * Compares two backup sets that were made of the same channel from the same earlier set: what the tree holds must be
 * equal but for the times and names of the runs that came since, and for the number of the set itself.
 *
 *     php same.php <set> <set> <last run that both have>
 *
 * Prints what differs; the exit code says whether anything does.
 */

/** @return array<string, string> Digests by path. */
function facts(string $set, string $last): array
{
	$facts = [];
	foreach (new RecursiveIteratorIterator(
		new RecursiveDirectoryIterator($set, FilesystemIterator::SKIP_DOTS),
		RecursiveIteratorIterator::SELF_FIRST,
	) as $path => $file) {
		$path = substr($path, strlen($set) + 1);
		if ($path === '.lock') {
			continue;
		}
		$name = preg_replace_callback(
			'#^(data/older|runs)/([^/.]+)#',
			fn ($found) => "$found[1]/" . (strcmp($found[2], $last) > 0 ? 'NEW' : $found[2]),
			$path,
		);
		if ($file->isDir()) {
			$facts["$name/"] = 'folder';
		} elseif (preg_match('#^data/(older/[^/]+/)?metadata/#', $path)) {
			$entry = json_decode(file_get_contents($file), true, 64, JSON_THROW_ON_ERROR);
			// The run's time, if it is a new version.
			$entry['seen'] = strtr(substr($entry['seen'], 0, 19), [':' => '']) . 'Z' > $last ? 'NEW' : $entry['seen'];
			$facts[$name] = json_encode($entry);
		} elseif ($path === 'set.json') {
			$about = json_decode(file_get_contents($file), true, 64, JSON_THROW_ON_ERROR);
			$facts[$name] = json_encode(array_diff_key($about, ['updated' => 1, 'run' => 1, 'id' => 1]));
		} elseif (! preg_match('#^(runs/|bag-info|tagmanifest|manifest|channel-signature)#', $path)) {
			// The others say what the rest is; `sha256sum` and `openssl` check them.
			$facts[$name] = hash_file('sha256', $file);
		}
	}

	return $facts;
}

[, $one, $other, $last] = $argv;
$one = facts(rtrim($one, '/'), $last);
$other = facts(rtrim($other, '/'), $last);
$wrong = [];
foreach ($one + $other as $path => $is) {
	if (($one[$path] ?? null) !== ($other[$path] ?? null)) {
		[$left, $right] = [$one[$path] ?? 'missing', $other[$path] ?? 'missing'];
		$from = max(0, strspn($left ^ $right, "\0") - 40);
		$wrong[] = "$path: " . substr($left, $from, 200) . ' | ' . substr($right, $from, 200);
	}
}
foreach (array_slice($wrong, 0, 10) as $fault) {
	echo "$fault\n";
}
printf("%d files and folders, %d differ\n", count($one), count($wrong));
exit($wrong ? 1 : 0);
