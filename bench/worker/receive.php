<?php

/** Receives one file as the addon's worker does, puts it in place, and prints the memory it took. */

declare(strict_types=1);

[, $folder, $url, $number, $bytes, $key, $certificate] = $argv;

function status(string $name): float
{
	preg_match("/^$name:\\s+(\\d+)/m", file_get_contents('/proc/self/status'), $found);
	return $found[1] / 1024;
}

mkdir("$folder/data");
$hash = '5f1d2c3b-0000-4000-8000-00000000000' . $number;
$heap = memory_get_usage();
// An idle worker has loaded the extension, read its certificates and key, and made a client.
$batch = new FileSync\TransferBatch([
	'root' => "$folder/data",
	'channel_hash' => 'channelhash',
	'key_id' => 'https://b.example/channel/alice',
	'private_key' => file_get_contents($key),
	'ca_file' => $certificate,
	'allow_http' => true,
	'allow_private_addresses' => true,
]);
file_put_contents('/proc/self/clear_refs', '5');
$idle = status('VmRSS');
$batch->add([
	'name' => "$hash-0.1",
	'hash' => $hash,
	'scale' => 0,
	'size_bytes' => (int) $bytes,
	'edited' => '2024-05-03 09:00:00',
	'origins' => [['url' => $url, 'nick' => 'alice', 'path' => ["file-$number.bin"]]],
]);
while ($batch->pending()) {
	foreach ($batch->step(500) as $report) {
		if ($report['state'] !== 'complete') {
			fwrite(STDERR, json_encode($report) . "\n");
			exit(1);
		}
		$data = new FileSync\Store("$folder/data");
		$data->exchange("$hash-0.1.partial", new FileSync\Store($folder), 'f');
	}
}
$native = status('VmHWM') - $idle;
$php = (memory_get_peak_usage() - $heap) / (1 << 20);
$batch->close();
echo
	json_encode([
		'native_mib' => $native,
		'php_mib' => $php,
		'seconds' => $report['seconds'],
		'proof' => $report['proof'],
		'rung' => $report['rung'],
	]),
	"\n"
;
