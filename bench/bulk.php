<?php

declare(strict_types=1);

require_once __DIR__ . '/ServedHub.php';

/**
 * A clone was away while 2,000 files of 20 KiB changed: from its return to the last one that it shows. Ours: one
 * signed request for hundreds of files. Peers: a packet of the hub for each, as clones with an older filesync get, and
 * one curl that reads a list over one connection, neither checks nor syncs, and shows nothing. Two test hubs with
 * filesync, each behind nginx and PHP-FPM, on loopback and with 50 ms round trip. BULK_FILES and BULK_BYTES make it
 * smaller.
 */
function bulk(Bench $bench): void
{
	$files = (int) (getenv('BULK_FILES') ?: 2000);
	$bytes = (int) (getenv('BULK_BYTES') ?: 20480);
	foreach (['0 ms' => 0, '50 ms' => 25] as $label => $ms) {
		$hubs = hubAndClone($bench, "bulk-$ms", $files, $bytes, $ms);
		$ours = secondsToShow($bench, $hubs, "'ticket', 'range', 'inventory', 'bulk'", $files);
		$target = "$bench->folder/bulk-curl";
		$curl = $bench->interleave(
			['curl' => $hubs['a']->readByCurl($target)],
			function () use ($target): void {
				exec("rm -rf $target && mkdir $target && sync");
			},
			$ms === 0 ? null : 1,
		)['curl']['seconds'];
		$input = sprintf('%d files, %d KiB, %s', $files, intdiv($bytes, 1024), $label);
		$row = fn (?float $theirs, string $peer, ?float $goal) => $bench->row(
			'bulk',
			$input,
			$files / $ours,
			$theirs === null ? null : $files / $theirs,
			$peer,
			'files/s',
			$goal,
		);
		$row(null, 'until the last is shown', $ms === 0 ? 100.0 : null);
		$row($curl, 'curl -K, /dav, no digest, no sync', $ms === 0 ? 1.5 : 8.0);
		if ($ms === 0) {
			$hubs = hubAndClone($bench, 'bulk-packets', $files, $bytes, $ms);
			$row(secondsToShow($bench, $hubs, "'ticket', 'range', 'inventory'", $files), 'a packet for each', null);
		}
	}
}

/**
 * Lays out a hub with files, and one whose clone has none of them.
 *
 * @return array{a: ServedHub, b: ServedHub}
 */
function hubAndClone(Bench $bench, string $name, int $files, int $bytes, int $ms): array
{
	$folder = "$bench->folder/$name";
	mkdir($folder);
	$addon = ['--addon', dirname(__DIR__) . '/php', '--extension', $bench->extension];
	$hubs = ['a' => new ServedHub($bench, "$folder/a", $addon, $ms)];
	$hubs['b'] = new ServedHub($bench, "$folder/b", [...$addon, '--clone-of', "$folder/a"], $ms);
	foreach ($hubs as $hub) {
		$hub->command('util/addons', 'install', 'filesync');
		$hub->command('addon/filesync/cli.php', 'config', 'set', 'allow_private_addresses', '1');
	}
	$hubs['a']->fill($files, $bytes);

	return $hubs;
}

/**
 * Returns the seconds from the clone's return until it shows all files.
 *
 * @param array{a: ServedHub, b: ServedHub} $hubs
 * @param string                            $features What the clone says that it can do.
 */
function secondsToShow(Bench $bench, array $hubs, string $features, int $files): float
{
	$hubs['a']->in(
		"set_config('testhub', 'without_workers', 1);"
		. "FileSync\\Addon\\Peers\\Peers::answered('{$hubs['b']->url}', ['features' => [$features]]);"
		. '$names = array_column(q("SELECT hash FROM attach WHERE is_dir = 0 ORDER BY id"), "hash");'
		. 'FileSync\Addon\Outbox\Outbox::addAll(1, "announce", $names);'
		. 'while (q("SELECT id FROM filesync_outbox WHERE kind = \'announce\' LIMIT 1"))'
		. ' FileSync\Addon\Outbox\Outbox::run(1, ["announce"]);'
		. "del_config('testhub', 'without_workers');",
	);
	// Else it depends on luck whether one of its own has the files, while those below find nothing to do.
	$hubs['b']->in("set_config('testhub', 'without_workers', 1);");
	$begun = hrtime(true);
	$hubs['a']->start('addon/filesync/cli.php', 'work');
	$hubs['a']->start('Zotlabs/Daemon/Master.php', 'Queue');
	while ((int) $hubs['b']->rows('SELECT COUNT(*) AS n FROM attach WHERE is_dir = 0')[0]['n'] < $files) {
		// Nobody else starts workers on this hub.
		$hubs['b']->run('addon/filesync/cli.php', 'work');
		if ((hrtime(true) - $begun) > ((float) (getenv('BULK_SECONDS') ?: 3600) * 1e9)) {
			throw new RuntimeException('not every file came');
		}
	}

	return (hrtime(true) - $begun) / 1e9;
}
