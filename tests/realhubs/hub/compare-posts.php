<?php

// Compares the posts of a channel on two hubs. Arguments: answers of `scan-posts` on hub A and hub B, their root URLs,
// mids that B must have (with ONLY=1 in the environment no others are compared). Prints what is wrong, one a line,
// status 1; else one line that says how many posts there are and what of hub A they still name, and why.
[, $fileA, $fileB, $rootA, $rootB] = $argv;
[$a, $b] = array_map(fn ($file) => json_decode(file_get_contents($file), true), [$fileA, $fileB]);
if (getenv('ONLY')) {
	[$a, $b] = array_map(fn ($posts) => array_intersect_key($posts, array_flip(array_slice($argv, 5))), [$a, $b]);
}
$wrong = $reasons = [];
foreach (array_slice($argv, 5) as $mid) {
	isset($b[$mid]) || ($wrong[] = "B lacks $mid");
}
$links = array_flip(['uuid', 'parent_mid', 'thr_parent', 'under', 'verb', 'resource_type', 'resource_id']);
$texts = array_flip(['sig', 'body', 'plink', 'obj', 'target', 'attach']);
foreach ($b as $mid => $post) {
	$from = $a[$mid] ?? null;
	if (! $from) {
		str_starts_with($mid, $rootA . '/') && ($wrong[] = "$mid is not a post of A");
		continue;
	}
	if ($differs = array_diff_assoc(array_intersect_key($post, $links), $from)) {
		$wrong[] = "$mid differs: " . json_encode($differs, JSON_UNESCAPED_SLASHES);
	}
	if (! $post['own'] && array_diff_assoc(array_intersect_key($post, $texts), $from)) {
		$wrong[] = "$mid is another author's and was changed";
	}
	if ($post['own'] && ! $post['valid']) {
		$wrong[] = "$mid has no valid signature";
	}
	foreach ($post['left'] as [$why, $column, $path]) {
		// In a post that is made here core itself names the channel by the address of its first hub.
		$isByCore = str_starts_with($mid, $rootB . '/') && str_starts_with($path, '/channel/');
		$why === 'own' && ! $isByCore && ($wrong[] = "$mid: $column names A$path");
		$reasons[$why . ($why === 'meta' ? " ($column)" : '')] =
			($reasons[$why . ($why === 'meta' ? " ($column)" : '')] ?? 0) + 1;
	}
}
foreach (array_diff_key($a, $b) as $mid => $post) {
	$kind = $post['resource_type'] ?: 'post';
	$missing[$kind] = ($missing[$kind] ?? 0) + 1;
}
$list = fn (array $counts) => (
	implode(', ', array_map(fn ($name, $count) => "$count $name", array_keys($counts), $counts)) ?: 'none'
);
$own = count(array_filter($b, fn ($post) => $post['own']));
echo
	$wrong
		? implode("\n", $wrong) . "\n"
		: "$own own posts signed, "
			. (count($b) - $own)
			. ' of others untouched; names of A left: '
			. $list($reasons)
			. (empty($missing) ? '' : '; only on A: ' . $list($missing))
			. "\n"
;
exit($wrong ? 1 : 0);
