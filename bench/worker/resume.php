<?php

/** Receives one file, or goes on with it, at a rate (0: as fast as it goes); fails unless it is whole in the end. */

declare(strict_types=1);

[, $folder, $url, $bytes, $key, $filesync, $rate] = $argv;
$batch = new FileSync\TransferBatch([
	'root' => $folder,
	'channel_hash' => 'channelhash',
	'key_id' => 'https://b.example/channel/alice',
	'private_key' => file_get_contents($key),
	'allow_http' => true,
	'allow_private_addresses' => true,
] + ($rate ? ['bytes_per_second' => (int) $rate] : []));
$batch->add([
	'name' => 'f',
	'hash' => '5f1d2c3b-0000-4000-8000-000000000000',
	'scale' => 0,
	'size_bytes' => (int) $bytes,
	'edited' => '2024-05-03 09:00:00',
	'origins' => [['url' => $url, 'nick' => 'alice', 'path' => ['file-0.bin'], 'filesync' => (bool) $filesync]],
]);
while ($batch->pending()) {
	foreach ($batch->step(500) as $report) {
		if ($report['state'] !== 'complete') {
			fwrite(STDERR, json_encode($report) . "\n");
			exit(1);
		}
	}
}
