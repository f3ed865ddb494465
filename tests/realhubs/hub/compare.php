<?php

// Compares what two hubs hold of one file. Arguments: answers of `rows` on hub A and hub B, expected SHA-256 ('' = A's
// own), names of facts that may differ (`made`: the bytes of scales that are made of others, as long as they look
// alike; `crops`: all of the scales 4 and more; `lost`: where hub A's own rows say that its photos lie). Prints the
// differences, one a line; status 0 if there are none.
[, $fileA, $fileB, $expected] = $argv;
$mayDiffer = array_slice($argv, 4);

function differences(mixed $a, mixed $b, string $at, array $mayDiffer): array
{
	if (in_array(preg_replace('/^.*\./', '', $at), $mayDiffer, true)) {
		return [];
	}
	if (is_array($a) && is_array($b)) {
		$found = [];
		foreach (array_unique([...array_keys($a), ...array_keys($b)]) as $key) {
			$found = [...$found, ...differences($a[$key] ?? null, $b[$key] ?? null, "$at.$key", $mayDiffer)];
		}
		return $found;
	}
	return (
		$a === $b
			? []
			: [
				substr($at, 1)
				. ': A '
				. json_encode($a, JSON_UNESCAPED_SLASHES)
				. ', B '
				. json_encode($b, JSON_UNESCAPED_SLASHES),
			]
	);
}

$a = json_decode(file_get_contents($fileA), true);
$b = json_decode(file_get_contents($fileB), true);
// A folder's date is bumped by whatever happens beneath it: no opinion about the folder.
for ($i = 1; $i < max(count($a['chain']), count($b['chain'])); $i++) {
	unset($a['chain'][$i]['edited'], $b['chain'][$i]['edited']);
}
if (in_array('crops', $mayDiffer, true)) {
	[$a['photos'], $b['photos']] = array_map(fn ($rows) => array_values(array_filter(
		$rows['photos'],
		fn ($photo) => $photo['imgscale'] < 4,
	)), [$a, $b]);
}
foreach (in_array('lost', $mayDiffer, true) ? array_keys($a['photos']) : [] as $n) {
	unset($a['photos'][$n]['content'], $b['photos'][$n]['content']);
	$a['photos'][$n]['disk'] ??= $n ? $b['photos'][$n]['disk'] ?? null : $a['chain'][0]['disk'];
	$a['photos'][$n]['pixels'] ??= $b['photos'][$n]['pixels'] ?? null;
}
$found = [];
foreach ($b['photos'] as $n => $photo) {
	foreach (in_array('made', $mayDiffer, true)
		&& in_array($photo['imgscale'], [1, 2, 3, 5, 6, 8, 9])
		&& isset($a['photos'][$n])
			? ['filesize', 'disk']
			: [] as $fact) {
		$a['photos'][$n][$fact] = $photo[$fact];
	}
	if (
		in_array('made', $mayDiffer, true)
		&& $photo['pixels'] !== null
		&& $photo['pixels'] !== "{$photo['width']}x{$photo['height']}"
	) {
		$found[] = "B says {$photo['width']}x{$photo['height']} of scale {$photo['imgscale']}, its picture is {$photo['pixels']}";
	}
	$looks = [$a['photos'][$n]['look'] ?? null, $photo['look']];
	if ($looks[0] && $looks[1] && (array_sum(array_map(fn ($one, $other) => abs($one - $other), ...$looks)) / 64) > 4) {
		$found[] = "scale {$photo['imgscale']} does not look like A's: " . json_encode($looks);
	}
	unset($a['photos'][$n]['look'], $b['photos'][$n]['look']);
}
$found = [...$found, ...differences($a, $b, '', $mayDiffer)];
$here = $b['chain'][0] ?? null;
if (! $here) {
	$found = ['B has no row'];
} else {
	$expected = $expected ?: $a['chain'][0]['disk']['sha256'];
	if (($here['disk']['sha256'] ?? '') !== $expected) {
		$found[] = "B's bytes are not what A was given";
	}
	foreach ([$here, ...$b['photos']] as $row) {
		if ($row['os_storage'] && ($row['disk']['bytes'] ?? null) !== $row['filesize']) {
			$found[] =
				'B claims '
				. $row['filesize']
				. ' bytes of scale '
				. ($row['imgscale'] ?? 0)
				. ', has '
				. json_encode($row['disk']['bytes'] ?? null);
		}
	}
}
echo implode("\n", $found), $found ? "\n" : '';
exit($found ? 1 : 0);
