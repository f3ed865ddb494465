<?php

declare(strict_types=1);

/**
 * A backup set of one channel: the first, one of an unchanged channel, one after 1 % of the files changed. Peers of the
 * first: rsync, sync and a dump of the same rows, which neither hash nor prove anything; of the others restic and borg
 * over the same files, without encryption where they let one choose. Reflinks are measured apart, on XFS.
 *
 * SET_FILES and SET_BYTES make it smaller: 10,000 files of 2 GiB together.
 */
function set(Bench $bench): void
{
	$files = (int) (getenv('SET_FILES') ?: 10000);
	$bytes = intdiv((int) (getenv('SET_BYTES') ?: 2 << 30), $files);
	$input = sprintf('%d files, %d MiB', $files, intdiv($files * $bytes, 1 << 20));
	$folder = "$bench->folder/set";
	mkdir($folder);
	$hub = setHub($bench, "$folder/hub", $files, $bytes);
	$backup = fn (string $hub, string $to) => inHub($hub, 'php', 'addon/filesync/cli.php', 'backup', 'alice', $to);

	$results = $bench->interleave(
		['ours' => $backup($hub, "$folder/bag"), 'rsync' => copied($hub, "$folder/copy")],
		fn () => exec("rm -rf $folder/bag $folder/copy; mkdir -p $folder/copy; sync"),
	);
	$bench->row(
		'set',
		"first, $input",
		$results['ours']['seconds'],
		$results['rsync']['seconds'],
		'rsync -a && sync -f && rows',
		's',
		0.8,
	);

	exec('rm -rf ' . escapeshellarg("$folder/copy"));
	$commands = ['ours' => $backup($hub, "$folder/bag")] + stores($bench, "$hub/store/alice", $folder);
	foreach ($commands as $name => $command) {
		$bench->once($name, $command);
	}
	$results = $bench->interleave($commands, fn () => null);
	foreach (array_diff(array_keys($results), ['ours']) as $name) {
		$bench->row(
			'set',
			"unchanged, $input",
			$results['ours']['seconds'],
			$results[$name]['seconds'],
			$name,
			's',
			1.0,
		);
	}
	$bench->row('set', "unchanged, $input", $results['ours']['seconds'], null, 'at most', 's', 2.0);

	$back = 1000;
	$results = $bench->interleave($commands, function () use ($bench, $hub, $files, &$back) {
		$back -= 10;
		$bench->once('set-fill', [
			PHP_BINARY,
			__DIR__ . '/worker/set-fill.php',
			$hub,
			'change',
			(string) intdiv($files, 100),
			(string) $back,
		]);
	});
	$bench->row('set', "1 % changed, $input", $results['ours']['seconds'], null, 'at most', 's', 3.0);
	foreach (array_diff(array_keys($results), ['ours']) as $name) {
		$bench->row(
			'set',
			"1 % changed, $input",
			$results['ours']['seconds'],
			$results[$name]['seconds'],
			$name,
			's',
			null,
		);
	}
	exec('rm -rf ' . escapeshellarg("$folder/bag"));
	shared($bench, $folder, $hub, $input, $backup);
}

/** Makes a test hub with files. */
function setHub(Bench $bench, string $hub, int $files, int $bytes): string
{
	$tests = dirname(__DIR__) . '/tests/testhub/bin';
	$bench->once('make-hub', [
		PHP_BINARY,
		"$tests/make-hub.php",
		$hub,
		'--url',
		'http://127.0.0.1:9',
		'--nick',
		'alice',
		'--addon',
		dirname(__DIR__) . '/php',
		'--extension',
		$bench->extension,
	]);
	$bench->once(
		'set-fill',
		[PHP_BINARY, __DIR__ . '/worker/set-fill.php', $hub, 'fill', (string) $files, (string) $bytes],
	);
	$bench->once('install', inHub($hub, 'php', 'util/addons', 'install', 'filesync'));

	return $hub;
}

/** @return list<string> */
function inHub(string $hub, string ...$command): array
{
	return [dirname(__DIR__) . '/tests/testhub/bin/in-hub', $hub, ...$command];
}

/** @return list<string> The files, and the rows that describe them. */
function copied(string $hub, string $to): array
{
	return [
		'sh',
		'-c',
		'rsync -a "$1"/store/alice/ "$2"/files && sqlite3 "$1"/hub.sqlite ".dump attach" ".dump photo" ".dump item" >"$2"/rows.sql && sync -f "$2"',
		'sh',
		$hub,
		$to,
	];
}

/** @return array<string, list<string>> Backups by others into repositories of their own. */
function stores(Bench $bench, string $files, string $folder): array
{
	$commands = [];
	if (exec('command -v restic') !== '') {
		putenv('RESTIC_PASSWORD=bench');
		exec("restic init -q -r $folder/restic");
		$commands['restic backup'] = ['restic', 'backup', '-q', '--no-cache', '-r', "$folder/restic", $files];
	} else {
		$bench->missing('set', 'restic backup', 'it is not installed');
	}
	if (exec('command -v borg') !== '') {
		putenv('BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes');
		exec("borg init -e none $folder/borg");
		$commands['borg create'] = ['sh', '-c', 'borg create "$1::$(date +%s%N)" "$2"', 'sh', "$folder/borg", $files];
	} else {
		$bench->missing('set', 'borg create', 'it is not installed');
	}

	return $commands;
}

/** The first set again, on a file system where it can share its blocks with the store. */
function shared(Bench $bench, string $folder, string $hub, string $input, Closure $backup): void
{
	exec(
		"mkdir $folder/xfs && truncate -s 8G $folder/xfs.img && mkfs.xfs -q -m reflink=1 $folder/xfs.img 2>&1 && mount -o loop $folder/xfs.img $folder/xfs 2>&1",
		$said,
		$status,
	);
	if ($status !== 0) {
		$bench->missing('set', 'reflinks', 'no XFS can be mounted: ' . ($said[0] ?? ''));
		return;
	}
	register_shutdown_function(fn () => exec("umount -l $folder/xfs 2>&1"));
	exec("cp -a $hub $folder/xfs/hub");
	$results = $bench->interleave(
		[
			'ours' => $backup("$folder/xfs/hub", "$folder/xfs/bag"),
			'rsync' => copied("$folder/xfs/hub", "$folder/xfs/copy"),
		],
		fn () => exec("rm -rf $folder/xfs/bag $folder/xfs/copy; mkdir -p $folder/xfs/copy; sync"),
	);
	$bench->row(
		'set',
		"reflinks, $input",
		$results['ours']['seconds'],
		$results['rsync']['seconds'],
		'rsync -a && sync -f && rows, XFS',
		's',
		null,
	);
	exec("umount -l $folder/xfs 2>&1");
}
