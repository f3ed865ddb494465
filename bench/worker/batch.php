<?php

/** Receives many files with tickets as the addon's worker does, puts each in place, and prints the memory it took. */

declare(strict_types=1);

[, $folder, $url, $count, $bytes, $key, $certificate] = $argv;

function status(string $name): float
{
	preg_match("/^$name:\\s+(\\d+)/m", file_get_contents('/proc/self/status'), $found);
	return $found[1] / 1024;
}

mkdir("$folder/data");
$batch = new FileSync\TransferBatch([
	'root' => "$folder/data",
	'channel_hash' => 'channelhash',
	'key_id' => 'https://b.example/channel/alice',
	'private_key' => file_get_contents($key),
	'ca_file' => $certificate,
	'allow_private_addresses' => true,
]);
$idle = status('VmRSS');
for ($number = 0; $number < (int) $count; $number++) {
	$hash = '5f1d2c3b-0000-4000-8000-00000000000' . $number;
	$batch->add([
		'name' => "f$number",
		'hash' => $hash,
		'scale' => 0,
		'size_bytes' => (int) $bytes,
		'edited' => '2024-05-03 09:00:00',
		'origins' => [['url' => $url, 'nick' => 'alice', 'path' => ["file-$number.bin"], 'filesync' => true]],
	]);
}
$data = new FileSync\Store("$folder/data");
$store = new FileSync\Store($folder);
while ($batch->pending()) {
	$reports = $batch->step(500);
	foreach ($reports as $report) {
		if ($report['state'] !== 'complete' || $report['rung'] !== 'filesync') {
			fwrite(STDERR, json_encode($report) . "\n");
			exit(1);
		}
		$data->place("{$report['name']}.partial", $store, $report['name']) || exit(1);
	}
	$store->syncNames(array_column($reports, 'name'));
}
echo json_encode(['native_mib' => status('VmHWM') - $idle]), "\n";
