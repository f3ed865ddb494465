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
			file_put_contents("$folder/files.json", json_encode($hub->files()));
			file_put_contents("$folder/key.pem", $hub->in('echo $channel["channel_prvkey"];'));
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
				'curl' => $hub->readByCurl($target),
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
