<?php

// Says in a few words what a hub holds of a file. Arguments: SHA-256 of the version it should have, of the one that it
// had before, and of one that was in between, if any.
$file = json_decode(stream_get_contents(STDIN), true)['chain'][0] ?? null;
$digest = $file['disk']['sha256'] ?? '';
[$wanted, $had, $between] = array_slice($argv, 1) + [2 => 'none'];
$version = match ($digest) {
	$wanted => 'complete, equal',
	$had => 'the first version',
	$between => 'the version in between',
	default => null,
};
echo
	match (true) {
		! $file => 'nothing',
		$version === null => ($file['disk']['bytes'] ?? 0) . ' bytes of no version, row claims ' . $file['filesize'],
		$file['filesize'] !== $file['disk']['bytes'] => $version
			. ' under a row that claims '
			. $file['filesize']
			. ' bytes',
		default => $version,
	}
;
