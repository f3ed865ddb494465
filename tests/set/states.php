<?php

/**
 * Says whether what sets say about files was ever true: each name with its digest, for the files that a log of states
 * knows.
 *
 *     php states.php <log of states> <copy of data/metadata>…
 *
 * The log has one JSON list a line: hash, path, digest.
 */

$states = $known = [];
foreach (file($argv[1]) as $line) {
	[$hash, $path, $sha256] = json_decode($line, true);
	$states["$hash $path $sha256"] = true;
	$known[$hash] = true;
}
$looked = $wrong = 0;
foreach (array_slice($argv, 2) as $folder) {
	foreach (glob("$folder/*/*.json") as $file) {
		$entry = json_decode(file_get_contents($file), true, 64, JSON_THROW_ON_ERROR);
		$originals = array_filter($entry['parts'] ?? [], fn ($part) => $part['role'] === 'original');
		$says = implode(' ', [
			$entry['hash'],
			implode('/', array_column($entry['attach'], 'filename')),
			array_column($originals, 'sha256')[0] ?? '',
		]);
		if ($entry['kind'] === 'file' && isset($known[$entry['hash']])) {
			$looked++;
			if (! isset($states[$says]) && ++$wrong < 10) {
				echo basename($folder), ": never was: $says\n";
			}
		}
	}
}
printf(
	"%d names with digests in %d sets, %d states: %s\n",
	$looked,
	$argc - 2,
	count($states),
	$wrong ? "$wrong never were" : 'all were',
);
exit($wrong || ! $looked ? 1 : 0);
