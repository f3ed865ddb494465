<?php

// Compares a channel of this hub, to which a set was restored, with what record-channel wrote down on the hub where the
// set was made. Prints what does not come back by design, and then the counts, or what differs.
// Arguments: the file of record-channel, the channel's nick, `copy` if it was restored as copies.
require __DIR__ . '/boot.php';
foreach (['Databases', 'Rows', 'Recorded', 'RoundTrip'] as $file) {
	require_once __DIR__ . "/$file.php";
}

use Zotlabs\Lib\Libzot;

$first = Set\Recorded::read($argv[1]);
$here = new Set\Rows(DBA::$dba->db, getcwd(), $argv[2]);
$channel = $here->channel();

if (($argv[3] ?? '') === 'copy') {
	$names = fn (array $entries): array => array_map(
		// Hubs number those of one name.
		fn ($entry) => [preg_replace('/\(\d+\)(?=(\.[^.]*)?$)/D', '', implode("\n", $entry['path'])), $entry['sha256']],
		array_filter($entries, fn ($entry) => $entry['kind'] === 'file' && $entry['sha256'] !== null),
	);
	[$before, $now] = [$names($first->entries()), $names($here->entries())];
	$wrong = array_intersect_key($before, $now) ? ['a copy has the hash of what it is a copy of'] : [];
	sort($before);
	sort($now);
	$before === $now || ($wrong[] = 'not the same names and bytes');
	foreach ($here->entries() as $hash => $entry) {
		$entry['access'] === [
			"<$channel[channel_hash]>",
			'',
			'',
			'',
		] || ($wrong[] = "$hash is not for its owner alone");
		array_diff_key($entry['posts'], array_filter(
			$entry['posts'],
			fn ($post) => $post['verifies'] && str_starts_with($post['conversation'], z_root()),
		)) && ($wrong[] = "$hash has posts of the set");
	}
	echo $wrong ? implode('; ', array_slice($wrong, 0, 10)) : count($now) . ' copies for their owner alone', "\n";
	exit($wrong ? 1 : 0);
}

$trip = Set\RoundTrip::compare($first, $here, $first->url, z_root());
$wrong = $trip->wrong();
// The hub's own judgement of what the channel says.
$signed = 0;
foreach ($here->entries() as $entry) {
	foreach ($entry['posts'] as $mid => $post) {
		if ($here->isOwn($mid) && $post['signature'] !== '') {
			$signed++;
			Libzot::verify(
				$here->body($mid),
				$post['signature'],
				$channel['channel_pubkey'],
			) || ($wrong[] = "the hub does not find its signature on $mid");
		}
	}
}
printf(
	"%d posts that the hub finds signed; names without their last blank %d, without links %d, without bytes on the first hub %d, comments by nobody known %d, with NUL %d\n",
	$signed,
	$trip->withoutBlanks,
	$trip->withoutLinks,
	$trip->withoutBytes,
	$trip->ofNobody,
	$trip->withNul,
);
printf(
	"%d files, %d posts, %d crops: %s\n",
	$trip->files,
	$trip->posts,
	$trip->crops,
	$wrong ? count($wrong) . ' faults; ' . implode('; ', array_slice($wrong, 0, 10)) : 'all equal',
);
exit($wrong ? 1 : 0);
