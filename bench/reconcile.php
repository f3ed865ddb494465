<?php

declare(strict_types=1);

/**
 * Compare 1,000 … 1,000,000 files with 0, 10 and 1,000 differences: time with listing both sides, bytes of all
 * messages, rounds. Peer: the whole list as JSON, compared in PHP, where its memory suffices. Memory is native, of one
 * side; PHP's heap stands with the rounds.
 */
function reconcile(Bench $bench): void
{
	// At 100,000 files, by differences: seconds, kB, rounds.
	$goals = [0 => [2.0, 4.0, null], 1000 => [5.0, 1200.0, 20.0]];
	foreach ([1000, 10000, 100000, 1000000] as $count) {
		foreach (array_filter([0, 10, 1000], fn ($differences) => ($differences * 3) <= $count) as $differences) {
			$ours = $theirs = [];
			for ($run = 0; $run < ($count > 100000 ? 1 : $bench->runs); $run++) {
				$ours[] = compare($bench, $count, $differences, 'inventory');
				$theirs[] = $count > 100000 ? null : compare($bench, $count, $differences, 'listing');
			}
			[$seconds, $kilobytes, $rounds] = $count === 100000
				? $goals[$differences] ?? [null, null, null]
				: [null, null, null];
			$input = number_format($count) . ' / ' . number_format($differences);
			$middle = fn (array $of, string $key) => Bench::median(array_column($of, $key));
			$known = array_filter($theirs);
			$bench->row(
				'reconcile',
				$input,
				1000 * $middle($ours, 'seconds'),
				null,
				'time',
				'ms',
				$seconds === null ? null : 1000 * $seconds,
				$middle($ours, 'memory_mib'),
			);
			$bench->row(
				'reconcile',
				$input,
				$middle($ours, 'bytes') / 1000,
				null,
				'bytes on the wire',
				'kB',
				$kilobytes,
			);
			$bench->row('reconcile', $input, $middle($ours, 'rounds'), null, 'rounds', '', $rounds);
			$bench->row('reconcile', $input, $middle($ours, 'heap_mib'), null, "PHP's heap", 'MiB', 4.0);
			if ($known) {
				$bench->row(
					'reconcile',
					$input,
					1000 * $middle($ours, 'seconds'),
					1000 * $middle($known, 'seconds'),
					'the whole list as JSON',
					'ms',
					null,
				);
				$bench->row(
					'reconcile',
					$input,
					$middle($ours, 'bytes') / 1000,
					$middle($known, 'bytes') / 1000,
					'the whole list as JSON',
					'kB',
					null,
				);
			}
		}
	}
}

/** Runs one comparison in a process of its own. */
function compare(Bench $bench, int $count, int $differences, string $how): ?array
{
	$command = $bench->php('worker/reconcile.php', (string) $count, (string) $differences, $how);
	if ($how === 'listing') {
		$command = array_map(fn ($word) => $word === 'memory_limit=128M' ? 'memory_limit=2G' : $word, $command);
	}
	exec(implode(' ', array_map(escapeshellarg(...), $command)), $lines, $status);
	$said = json_decode($lines[0] ?? '', true);
	if ($status !== 0 || ! $said) {
		fwrite(STDERR, implode("\n", $lines) . "\n");
		exit(1);
	}

	return $said;
}
