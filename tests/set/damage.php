<?php

/**
 * Damages a set in one place at a time, and looks whether exactly that is found: by the check in this process, and each
 * fourteenth time also by the command and by reader.py. A restore gives each file whose bytes are whole, as of the last
 * run and as of the first, and names the others.
 *
 *     php damage.php <hub folder> <set> <seed>
 *
 * The last line says how many were found, and how many things that are whole were blamed.
 */

[, $hub, $set, $seed] = $argv;
mt_srand((int) $seed);

/** Returns what is in a folder, contents by path. */
$read = function (string $folder): array {
	$found = [];
	foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator(
		$folder,
		FilesystemIterator::SKIP_DOTS,
	)) as $at) {
		$path = substr((string) $at, strlen($folder) + 1);
		$path === '.lock' || ($found[$path] = file_get_contents((string) $at));
	}
	ksort($found, SORT_STRING);
	return $found;
};
$whole = $read($set);
$payload = array_values(array_filter(array_keys($whole), fn ($path) => str_starts_with($path, 'data/')));
// What the signature rests on, and what says what is in it.
$lists = array_values(array_diff(array_keys($whole), $payload, ['README.txt', 'bagit.txt', 'bag-info.txt']));
$one = fn (array $paths): string => $paths[mt_rand(0, count($paths) - 1)];
$full = function (array $paths) use ($one, $whole): string {
	do {
		$path = $one($paths);
	} while ($whole[$path] === '');
	return $path;
};
/** Returns what the check finds: codes by path. */
$check = function () use ($set): array {
	$check = new FileSync\SetCheck($set);
	$found = [];
	while (! $check->isDone()) {
		array_push($found, ...$check->step(1000));
	}
	return array_column($found, 'code', 'path');
};
/** Returns what the command finds. */
$command = function () use ($hub, $set): array {
	exec(
		implode(' ', array_map(escapeshellarg(...), [
			__DIR__ . '/../testhub/bin/in-hub',
			$hub,
			PHP_BINARY,
			'addon/filesync/cli.php',
			'verify-set',
			$set,
			'--json',
		])),
		$lines,
		$status,
	);
	$said = array_map(fn ($line) => json_decode($line, true), $lines);
	$verdict = array_pop($said);
	$found = array_column($said, 'code', 'path');
	$isHarmless = ! array_diff($found, ['file_extra', 'file_moved']);
	return (
		$status === ($isHarmless ? 0 : 1) && ($verdict['verdict'] ?? '') === ($isHarmless ? 'whole' : 'set_damaged')
			? $found
			: ["exit code $status" => $verdict['verdict'] ?? 'no verdict']
	);
};
/** Returns the paths that the reader names. */
$reader = function () use ($set): array {
	exec('python3 ' . escapeshellarg(__DIR__ . '/reader.py') . ' ' . escapeshellarg($set), $lines, $status);
	$said = json_decode(implode("\n", $lines), true) ?? [];
	$notes = array_filter($said['notes'] ?? [], fn ($note) => $note['code'] === 'not_listed');
	return (
		$status === ($said['findings'] ?? [] ? 1 : 0)
			? array_unique(array_column([...($said['findings'] ?? []), ...$notes], 'path'))
			: ["exit code $status"]
	);
};
$key = json_decode($whole['set.json'], true)['channel']['key'];
$runs = array_values(preg_grep('~^runs/~', array_keys($whole)));
// As of the last run, and as of the first.
$times = [null, preg_replace('~.*T(..)(..)(..)Z.json$~', 'T$1:$2:$3Z', $runs[0])];
$times[1] = substr(basename($runs[0]), 0, 10) . $times[1];
$staging = "$set-staged";
mkdir($staging);
/**
 * Restores the set into a folder.
 *
 * @return array<string, array{proof: string, parts: array<int, string>}> What is given of each file: how its metadata
 *     is proven, and digests by scale.
 */
$restore = function (?string $at) use ($set, $staging, $key): array {
	$restore = new FileSync\SetRestore($set, ['public_key' => $key] + ($at === null ? [] : ['at' => $at]));
	$refused = $restore->facts()['refused'];
	$refused === null || throw new RuntimeException(json_encode($refused));
	$store = new FileSync\Store($staging);
	$given = [];
	while ($some = $restore->next(100)) {
		foreach ($some as $entry) {
			if ($entry['proof'] === 'extra') {
				continue;
			}
			$parts = [];
			foreach ($entry['parts'] as $part) {
				try {
					$staged = $restore->stage($entry['hash'], $part['scale'], $store, 'staged');
					while ($staged === null) {
						$staged = $restore->step(1000);
					}
					$parts[$part['scale']] = hash_file('sha256', "$staging/staged");
					unlink("$staging/staged");
				} catch (FileSync\Exception\CorruptException|FileSync\Exception\NotFoundException) {
				}
			}
			$given[$entry['hash']] = ['proof' => $entry['proof'], 'parts' => $parts];
		}
	}
	ksort($given);

	return $given;
};
$given = array_map($restore, $times);
min(array_map(count(...), $given)) > 40 || exit("a restore gives hardly anything\n");
// Digests of what makes a file: its metadata, and the bytes that are in files of their own.
$needs = [];
foreach ($whole as $path => $contents) {
	if (preg_match('~/metadata/../([^/]+)\.json$~', $path, $m)) {
		foreach (json_decode($contents, true)['parts'] as $part) {
			$needs[$m[1]][hash('sha256', $contents)][] = isset($part['path']) ? $part['sha256'] : null;
		}
	}
}
/**
 * Says what a restore of the damaged set gives otherwise than it should.
 *
 * @param array<string, string|null> $damage
 *
 * @return list<string>
 */
$misses = function (array $damage) use ($restore, $times, $given, $needs, $whole): array {
	$present = [];
	foreach (array_filter($damage + $whole, fn ($contents) => $contents !== null) as $path => $contents) {
		str_starts_with($path, 'data/') && ($present[hash('sha256', $contents)] = true);
	}
	$wrong = [];
	foreach ($times as $n => $at) {
		$now = $restore($at);
		foreach ($given[$n] as $hash => $expected) {
			$got = $now[$hash] ?? null;
			// A file's own metadata is there if every version of it is.
			$isWhole = ! array_diff_key($needs[$hash] ?? [], $present);
			foreach ($expected['parts'] as $scale => $sha256) {
				$isInline = ! in_array($sha256, array_merge(...array_values($needs[$hash])), true);
				$isThere = $isWhole && ($isInline || isset($present[$sha256]));
				$is = $got['parts'][$scale] ?? null;
				if ($is !== $sha256 && ($isThere || $is !== null)) {
					$wrong[] = "$hash-$scale is " . ($is ?? 'left out') . ", and was $sha256" . ($at ? ", $at" : '');
				}
			}
			// What is not given is named: by its hash, or by a part that is not.
			$got !== null || ! $isWhole || ($wrong[] = "$hash is not named" . ($at ? ", $at" : ''));
			if ($at === null && $got === null) {
				$wrong[] = "$hash is not named";
			}
		}
		// Where the list of files is damaged, a name in it may be wrong: it gives nothing.
		$strangers = array_filter(array_diff_key($now, $given[$n], $needs), fn ($one) => $one['parts'] !== []);
		array_push($wrong, ...array_map(fn ($hash) => "$hash was never there", array_keys($strangers)));
	}

	return $wrong;
};
$done = $right = $blamed = $missed = 0;
$isRed = false;
/**
 * Damages some files, looks, and makes them whole again.
 *
 * @param array<string, string|null> $damage Contents by path; null removes.
 * @param string $codes What may be said of each, a pattern.
 */
$try = function (array $damage, string $codes) use (
	&$done,
	&$right,
	&$blamed,
	&$isRed,
	&$missed,
	$set,
	$whole,
	$check,
	$misses,
	$command,
	$reader,
): void {
	foreach ($damage as $path => $contents) {
		$contents === null ? unlink("$set/$path") : file_put_contents("$set/$path", $contents);
	}
	$paths = array_keys($damage);
	sort($paths);
	$answers = ['check' => $check()] + ($done % 14 ? [] : ['command' => $command()]);
	$isFound = true;
	foreach ($answers as $who => $found) {
		ksort($found, SORT_STRING);
		$blamed += count(array_diff_key($found, $damage));
		if (array_keys($found) !== $paths || preg_grep("/^($codes)$/", $found, PREG_GREP_INVERT)) {
			$isFound = false;
			echo implode(' and ', $paths), ": the $who finds ", json_encode($found, JSON_UNESCAPED_SLASHES), "\n";
		}
	}
	// A damaged list says wrong things of others, and the reader names those and the signature.
	$isOfPayload = ! array_filter($paths, fn ($path) => ! str_starts_with($path, 'data/'));
	$named = $done % 14 ? $paths : $reader();
	$isNamed = ! array_diff($paths, $named) || ($paths === ['tagmanifest-sha256.txt'] && $named);
	// An older version has the bytes that its file still has: the reader names both.
	$lost = array_map(fn ($path) => hash('sha256', $whole[$path] ?? ''), $paths);
	$others = array_filter(
		array_diff($named, $paths),
		fn ($path) => (
			! preg_match('~^data/older/[^/]+/metadata/~', $path)
			|| ! array_filter($lost, fn ($sha256) => str_contains($whole[$path], $sha256))
		),
	);
	if (! $isNamed || ($isOfPayload && $others)) {
		$isRed = true;
		echo implode(' and ', $paths), ': the reader names ', json_encode($named, JSON_UNESCAPED_SLASHES), "\n";
	}
	foreach ($misses($damage) as $wrong) {
		$missed++;
		echo implode(' and ', $paths), ": a restore: $wrong\n";
	}
	$done++;
	$right += (int) $isFound;
	foreach ($paths as $path) {
		isset($whole[$path]) ? file_put_contents("$set/$path", $whole[$path]) : unlink("$set/$path");
	}
};

$check() === [] || exit("the set is damaged before anything was done to it\n");
for ($n = 0; $n < 200; $n++) {
	$path = $full($n % 4 ? $payload : $lists);
	$contents = $whole[$path];
	$at = mt_rand(0, strlen($contents) - 1);
	$contents[$at] = chr(ord($contents[$at]) ^ (1 << mt_rand(0, 7)));
	$try([$path => $contents], 'file_damaged|list_damaged|signature_wrong');
}
for ($n = 0; $n < 20; $n++) {
	$try([$one($n % 4 ? $payload : $lists) => null], 'file_missing');
}
for ($n = 0; $n < 20; $n++) {
	$path = $full($n % 4 ? $payload : $lists);
	$length = mt_rand(0, strlen($whole[$path]) - 1);
	$try([$path => substr($whole[$path], 0, $length)], 'file_damaged|list_damaged|signature_wrong');
}
for ($n = 0; $n < 20; $n++) {
	do {
		[$first, $second] = [$one($payload), $one($payload)];
	} while ($whole[$first] === $whole[$second]);
	$try([$first => $whole[$second], $second => $whole[$first]], 'file_moved');
}
for ($n = 0; $n < 20; $n++) {
	$name = "added $n";
	$at = [dirname($one($payload)) . "/$name", "data/files/$name", "$name.txt", "runs/$name.json"][$n % 4];
	$try([$at => $n % 3 ? "added $n" : ''], 'file_extra');
}
$check() === [] && $read($set) === $whole || ($isRed = true) && (print "the set is not what it was\n");
rmdir($staging);
printf("%d of %d, %d false, %d restored otherwise\n", $right, $done, $blamed, $missed);
exit($right === $done && $blamed === 0 && $missed === 0 && ! $isRed ? 0 : 1);
