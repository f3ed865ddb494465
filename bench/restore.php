<?php

declare(strict_types=1);

require_once __DIR__ . '/set.php';

/**
 * A backup set comes back to a channel that has nothing. Peer: rsync of the same files, sync, and the hub's rows about
 * them by statements of 500 rows each, which neither hash nor prove anything, and are not journalled.
 *
 * RESTORE_FILES and RESTORE_BYTES make it smaller: 10,000 files of 2 GiB together.
 */
function restore(Bench $bench): void
{
	$files = (int) (getenv('RESTORE_FILES') ?: 10000);
	$bytes = intdiv((int) (getenv('RESTORE_BYTES') ?: 2 << 30), $files);
	$input = sprintf('%d files, %d MiB', $files, intdiv($files * $bytes, 1 << 20));
	$folder = "$bench->folder/restore";
	mkdir($folder);
	$first = setHub($bench, "$folder/first", $files, $bytes);
	$bench->once('backup', inHub($first, 'php', 'addon/filesync/cli.php', 'backup', 'alice', "$folder/bag"));
	$rows = insertsOf($first, "$folder/rows.sql");
	exec('rm -rf ' . escapeshellarg("$first/store"));
	$empty = emptyHub($bench, "$folder/empty", $first);
	$ours = inHub("$folder/hub", 'php', 'addon/filesync/cli.php', 'restore', 'alice', "$folder/bag");
	$results = $bench->interleave(
		['rsync' => copiedBack("$folder/bag", $rows, "$folder/copy"), 'ours' => $ours],
		function () use ($folder, $empty): void {
			exec("rm -rf $folder/hub $folder/copy && cp -a $empty $folder/hub && mkdir $folder/copy && sync");
			// Its database is named by its whole path.
			file_put_contents("$folder/hub/hub.json", strtr(file_get_contents("$empty/hub.json"), [
				$empty => "$folder/hub",
			]));
			exec("sqlite3 $folder/hub/hub.sqlite '.schema attach' | sqlite3 $folder/copy/hub.sqlite");
		},
	);
	$back = (new PDO("sqlite:$folder/hub/hub.sqlite"))->query('SELECT content FROM attach WHERE is_dir = 0');
	$whole = array_filter(
		$back->fetchAll(PDO::FETCH_COLUMN),
		fn ($path) => filesize("$folder/hub/$path") === $bytes,
	);
	if (count($whole) !== $files) {
		throw new RuntimeException('not everything came back');
	}
	$bench->row(
		'restore',
		$input,
		$results['ours']['seconds'],
		$results['rsync']['seconds'],
		'rsync -a && sync -f && rows',
		's',
		0.5,
	);
}

/** Makes a test hub with the same channel as another one, and nothing in it. */
function emptyHub(Bench $bench, string $hub, string $first): string
{
	$bench->once('make-hub', [
		PHP_BINARY,
		dirname(__DIR__) . '/tests/testhub/bin/make-hub.php',
		$hub,
		'--url',
		'http://127.0.0.1:9',
		'--nick',
		'alice',
		'--identity',
		"$first/identity.json",
		'--addon',
		dirname(__DIR__) . '/php',
		'--extension',
		$bench->extension,
	]);
	$bench->once('install', inHub($hub, 'php', 'util/addons', 'install', 'filesync'));

	return $hub;
}

/** Writes the rows about files of a hub as statements of 500 rows each, one transaction; returns the path. */
function insertsOf(string $hub, string $to): string
{
	$database = new PDO("sqlite:$hub/hub.sqlite");
	$rows = $database->query('SELECT * FROM attach')->fetchAll(PDO::FETCH_ASSOC);
	$values = array_map(
		fn ($row) => '(' . implode(', ', array_map(fn ($value) => $database->quote((string) $value), $row)) . ')',
		$rows,
	);
	$sql = "BEGIN;\n";
	foreach (array_chunk($values, 500) as $some) {
		$sql .= 'INSERT INTO attach VALUES ' . implode(",\n", $some) . ";\n";
	}
	file_put_contents($to, "{$sql}COMMIT;\n");

	return $to;
}

/** @return list<string> The files of a set, and the rows that describe them. */
function copiedBack(string $bag, string $rows, string $to): array
{
	return [
		'sh',
		'-c',
		'rsync -a "$1"/data/files/ "$3"/files && sqlite3 "$3"/hub.sqlite <"$2" && sync -f "$3"',
		'sh',
		$bag,
		$rows,
		$to,
	];
}
