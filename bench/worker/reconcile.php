<?php

/**
 * Compares two inventories that differ in some files, message by message; prints what it took. One process holds both
 * sides.
 */

declare(strict_types=1);

[, $count, $differences, $how] = $argv;
[$count, $differences] = [(int) $count, (int) $differences];

/** Gives rows as a database cursor does; on the other side every n-th file is another, missing, or new. */
function rows(int $count, int $differences, bool $isOther): Generator
{
	$every = $differences ? intdiv($count, $differences) : PHP_INT_MAX;
	for ($n = 0, $made = 0; $n < $count; $n++) {
		$hash = sprintf('%08x-0000-4000-8000-%012x', $n, $n);
		$kind = $isOther && ($n % $every) === ($every - 1) && $made++ < $differences ? $made % 3 : -1;
		if ($kind !== 0) {
			yield [
				$hash,
				"$n:2024-05-01 10:00:00" . ($kind === 1 ? 'x' : ''),
				"folder\nfile $n.txt" . ($kind === 2 ? 'x' : ''),
			];
		}
	}
}

function filled(int $count, int $differences, bool $isOther): FileSync\Inventory
{
	$inventory = new FileSync\Inventory();
	foreach (rows($count, $differences, $isOther) as [$hash, $content, $metadata]) {
		$inventory->add($hash, $content, $metadata);
	}
	$inventory->seal();

	return $inventory;
}

function resident(string $what): float
{
	preg_match("/^$what:\s+(\d+) kB/m", file_get_contents('/proc/self/status'), $found);

	return (int) $found[1] / 1024;
}

$start = hrtime(true);
if ($how === 'listing') {
	// What one would otherwise do: send the whole list, as the API of a hub does, and compare it in PHP.
	$there = [];
	foreach (rows($count, $differences, true) as [$hash, $content, $metadata]) {
		$there[] = ['hash' => $hash, 'content' => $content, 'metadata' => $metadata];
	}
	$said = json_encode($there);
	unset($there);
	$known = [];
	foreach (rows($count, $differences, false) as [$hash, $content, $metadata]) {
		$known[$hash] = $content . $metadata;
	}
	$found = 0;
	foreach (json_decode($said, true) as $row) {
		$found += (int) (($known[$row['hash']] ?? null) !== $row['content'] . $row['metadata']);
		unset($known[$row['hash']]);
	}
	$found += count($known);
	$result = ['bytes' => strlen($said), 'rounds' => 1];
} else {
	$idle = resident('VmRSS');
	$heap = memory_get_usage();
	$here = filled($count, $differences, false);
	$one = resident('VmRSS') - $idle;
	$there = filled($count, $differences, true);
	$bytes = 0;
	for ($message = $here->begin(); $message !== null;) {
		$answer = $there->answer($message);
		// They travel as base64.
		$bytes += 4 * (intdiv(strlen($message) + 2, 3) + intdiv(strlen($answer) + 2, 3));
		$message = $here->advance($answer);
	}
	for ($offset = $found = 0; $some = $here->differences($offset, 500); $offset += 500) {
		$found += count($some);
	}
	$result = [
		'bytes' => $bytes,
		'rounds' => $here->rounds(),
		'memory_mib' => $one,
		'heap_mib' => (memory_get_peak_usage() - $heap) / 1048576,
	];
}
if ($found !== $differences) {
	fwrite(STDERR, "$found differences found of $differences\n");
	exit(1);
}
echo json_encode($result + ['seconds' => (hrtime(true) - $start) / 1e9]), "\n";
