<?php

declare(strict_types=1);

/**
 * Runs pieces of work in turn, as many times as told after one warm-up, and prints the median rate of each.
 *
 * @param array<string, callable> $work
 */
function turns(int $runs, int $items, array $work): void
{
	$seconds = [];
	for ($run = 0; $run <= $runs; $run++) {
		foreach ($work as $name => $piece) {
			$start = hrtime(true);
			$piece();
			if ($run > 0) {
				$seconds[$name][] = (hrtime(true) - $start) / 1e9;
			}
		}
	}
	$rates = [];
	foreach ($seconds as $name => $taken) {
		sort($taken);
		$rates[$name] = $items / $taken[intdiv(count($taken), 2)];
	}
	preg_match('/^VmHWM:\s+(\d+)/m', file_get_contents('/proc/self/status'), $found);
	echo json_encode($rates + ['memory_mib' => $found[1] / 1024]), "\n";
}
