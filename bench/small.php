<?php

declare(strict_types=1);

require_once __DIR__ . '/ServedHub.php';

/**
 * Receive 1,000 files of 20 KiB from a hub with filesync and from a stock one, on loopback and with 50 ms round trip.
 * Ours: each file proven and synced to disk. Peer: one curl that reads a list over one connection, one after the
 * other; it neither checks nor syncs. Both hubs are test hubs behind nginx and PHP-FPM. SMALL_FILES makes it smaller.
 */
function small(Bench $bench): void
{
	$files = (int) (getenv('SMALL_FILES') ?: 1000);
	$bytes = 20 << 10;
	$folder = "$bench->folder/small";
	mkdir($folder);
	$addon = ['--addon', dirname(__DIR__) . '/php', '--extension', $bench->extension];
	$goals = ['filesync' => [3.0, 20.0], 'stock' => [1.0, 5.0]];
	foreach (['0 ms' => 0, '50 ms' => 25] as $label => $ms) {
		foreach (['filesync' => $addon, 'stock' => []] as $kind => $options) {
			// A hub takes requests that are for its own URL.
			$hub = new ServedHub($bench, "$folder/$kind-$ms", $options, $ms);
			$kind === 'stock' || $hub->command('util/addons', 'install', 'filesync');
			$hub->fill($files, $bytes);
			$url = $hub->url;
			$target = "$folder/target";
			file_put_contents("$folder/files.json", json_encode(filesOf($hub)));
			file_put_contents("$folder/key.pem", $hub->in('echo $channel["channel_prvkey"];'));
			file_put_contents(
				"$folder/list",
				implode('', array_map(
					fn ($file) => (
						"url = \"$url/dav/alice/"
						. implode('/', array_map(rawurlencode(...), $file['path']))
						. "\"\noutput = \"$target/{$file['hash']}\"\n"
					),
					filesOf($hub),
				)),
			);
			$results = $bench->interleave([
				'ours' => $bench->php(
					'worker/small.php',
					$target,
					$url,
					"$url/channel/alice",
					$hub->in('echo $channel["channel_hash"];'),
					"$folder/files.json",
					"$folder/key.pem",
					$kind,
				),
				'curl' => ['curl', '-sSf', '-u', 'alice:' . ServedHub::PASSWORD, '-K', "$folder/list"],
			], function () use ($target): void {
				exec("rm -rf $target && mkdir $target && sync");
			});
			$facts = json_decode($results['ours']['output'], true);
			$bench->row(
				'small',
				"$files × 20 KiB, $kind, $label",
				$files / $results['ours']['seconds'],
				$files / $results['curl']['seconds'],
				'curl -K, /dav, no digest, no sync',
				'files/s',
				$goals[$kind][$ms === 0 ? 0 : 1],
				$facts['native_mib'],
			);
		}
	}
}

/**
 * Returns the files of a hub, each with the names of its folders and its own.
 *
 * @return list<array{hash: string, size: int, edited: string, path: list<string>}>
 */
function filesOf(ServedHub $hub): array
{
	$rows = $hub->rows('SELECT hash, filesize, edited, display_path FROM attach WHERE is_dir = 0 ORDER BY id');

	return array_map(fn ($row) => [
		'hash' => $row['hash'],
		'size' => (int) $row['filesize'],
		'edited' => $row['edited'],
		'path' => explode('/', $row['display_path']),
	], $rows);
}
