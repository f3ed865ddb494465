<?php

/**
 * Says how a channel on one hub differs from the same channel on another hub, to which a set of it was restored; or
 * whether all that a hub shows has its bytes.
 *
 *     php equal.php <first hub> <its address> <second hub> <its address>
 *     php equal.php --whole <hub>
 */

use Set\RoundTrip;
use Set\Rows;
use TestHub\Databases;

require_once __DIR__ . '/../testhub/Pair.php';
require_once __DIR__ . '/RoundTrip.php';
require_once __DIR__ . '/Rows.php';

$rows = fn (string $hub) => new Rows(
	Databases::connect(json_decode(file_get_contents("$hub/hub.json"), true)['database']),
	$hub,
	'alice',
);
if ($argv[1] === '--whole') {
	$lacking = array_filter(
		$rows($argv[2])->entries(),
		fn ($entry) => $entry['kind'] === 'file' && $entry['sha256'] === null,
	);
	$wrong = [
		...array_map(fn ($hash) => "$hash has no bytes", array_keys($lacking)),
		...$rows($argv[2])->withoutBytes(),
	];
} else {
	[, $first, $from, $second, $to] = $argv;
	$wrong = RoundTrip::compare($rows($first), $rows($second), $from, $to)->wrong();
}
foreach (array_slice($wrong, 0, 10) as $fault) {
	echo "$fault\n";
}
exit($wrong ? 1 : 0);
