<?php

declare(strict_types=1);

require_once __DIR__ . '/ServedHub.php';

/**
 * A clone was away while 2,000 files of 20 KiB changed: from its return to the last one that it shows. Ours: one
 * signed request for hundreds of files. Peer: a packet of the hub for each, as clones with an older filesync get. Two
 * test hubs with filesync, each behind nginx and PHP-FPM. BULK_FILES and BULK_BYTES make it smaller.
 */
function bulk(Bench $bench): void
{
	$files = (int) (getenv('BULK_FILES') ?: 2000);
	$bytes = (int) (getenv('BULK_BYTES') ?: 20480);
	$seconds = [];
	foreach (['bulk', 'packets'] as $way) {
		$folder = "$bench->folder/bulk-$way";
		mkdir($folder);
		$addon = ['--addon', dirname(__DIR__) . '/php', '--extension', $bench->extension];
		$hubs = ['a' => new ServedHub($bench, "$folder/a", $addon)];
		$hubs['b'] = new ServedHub($bench, "$folder/b", [...$addon, '--clone-of', "$folder/a"]);
		foreach ($hubs as $hub) {
			$hub->command('util/addons', 'install', 'filesync');
			$hub->command('addon/filesync/cli.php', 'config', 'set', 'allow_private_addresses', '1');
		}
		$hubs['a']->fill($files, $bytes);
		$features = $way === 'bulk' ? "'ticket', 'range', 'inventory', 'bulk'" : "'ticket', 'range', 'inventory'";
		$hubs['a']->in(
			"set_config('testhub', 'without_workers', 1);"
			. "FileSync\\Addon\\Peers\\Peers::answered('{$hubs['b']->url}', ['features' => [$features]]);"
			. '$names = array_column(q("SELECT hash FROM attach WHERE is_dir = 0 ORDER BY id"), "hash");'
			. 'FileSync\Addon\Outbox\Outbox::addAll(1, "announce", $names);'
			. 'while (q("SELECT id FROM filesync_outbox WHERE kind = \'announce\' LIMIT 1"))'
			. ' FileSync\Addon\Outbox\Outbox::run(1, ["announce"]);'
			. "del_config('testhub', 'without_workers');",
		);
		$begun = hrtime(true);
		$hubs['a']->start('addon/filesync/cli.php', 'work');
		$hubs['a']->start('Zotlabs/Daemon/Master.php', 'Queue');
		while ((int) $hubs['b']->rows('SELECT COUNT(*) AS n FROM attach WHERE is_dir = 0')[0]['n'] < $files) {
			// Nobody else starts workers on this hub.
			$hubs['b']->run('addon/filesync/cli.php', 'work');
			if ((hrtime(true) - $begun) > ((float) (getenv('BULK_SECONDS') ?: 3600) * 1e9)) {
				throw new RuntimeException("not everything came by $way");
			}
		}
		$seconds[$way] = (hrtime(true) - $begun) / 1e9;
	}
	$input = sprintf('%d files, %d KiB, 0 ms', $files, intdiv($bytes, 1024));
	$bench->row('bulk', $input, $files / $seconds['bulk'], null, 'until the last is shown', 'files/s', 100.0);
	$bench->row(
		'bulk',
		$input,
		$files / $seconds['bulk'],
		$files / $seconds['packets'],
		'a packet for each',
		'files/s',
		null,
	);
}
