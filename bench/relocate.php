<?php

declare(strict_types=1);

/** Relocate 2,000 items of 8 kB with 40 URLs each: body, obj, attach. Peers: replacing text as hubs do, and strtr. */
function relocate(Bench $bench): void
{
	inProcess(
		$bench,
		'relocate',
		'2,000 items, 8 kB',
		'worker/relocate.php',
		[],
		[
			'hub' => ['replacing text as hubs do', 3.0],
			'strtr' => ['strtr, blind', 2.0],
			'at_once' => ['ours, all in one call', null],
		],
	);
}

/** Runs a worker that measures ours and its peers in turn within one process and prints their rates. */
function inProcess(Bench $bench, string $row, string $input, string $script, array $arguments, array $peers): void
{
	$rates = ratesInProcess($bench, $script, $arguments);
	foreach ($peers as $name => [$peer, $goal]) {
		$bench->row($row, $input, $rates['ours'], $rates[$name], $peer, 'items/s', $goal, $rates['memory_mib']);
	}
}

/**
 * Runs a worker that measures several ways in one process.
 *
 * @param list<string> $arguments
 *
 * @return array<string, float> Items a second by way, and `memory_mib`.
 */
function ratesInProcess(Bench $bench, string $script, array $arguments): array
{
	exec(
		implode(' ', array_map(escapeshellarg(...), $bench->php($script, (string) $bench->runs, ...$arguments))),
		$lines,
		$status,
	);
	$rates = json_decode($lines[0] ?? '', true);
	if ($status !== 0 || ! $rates) {
		fwrite(STDERR, implode("\n", $lines) . "\n");
		exit(1);
	}

	return $rates;
}
