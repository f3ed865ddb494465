<?php

/** Receives many small files as the addon's worker does, puts each in place, and prints the memory it took. */

declare(strict_types=1);

[, $folder, $url, $channel, $hash, $list, $key, $kind] = $argv;

function status(string $name): float
{
	preg_match("/^$name:\\s+(\\d+)/m", file_get_contents('/proc/self/status'), $found);
	return $found[1] / 1024;
}

mkdir("$folder/data");
$batch = new FileSync\TransferBatch([
	'root' => "$folder/data",
	'channel_hash' => $hash,
	'key_id' => $channel,
	'private_key' => file_get_contents($key),
	'allow_private_addresses' => true,
	'allow_http' => true,
]);
$idle = status('VmRSS');
$files = json_decode(file_get_contents($list), true);
foreach ($files as $number => $file) {
	$batch->add([
		'name' => "f$number",
		'hash' => $file['hash'],
		'scale' => 0,
		'size_bytes' => $file['size'],
		'edited' => $file['edited'],
		'origins' => [['url' => $url, 'nick' => 'alice', 'path' => $file['path'], 'filesync' => $kind === 'filesync']],
	]);
}
$data = new FileSync\Store("$folder/data");
$store = new FileSync\Store($folder);
$done = 0;
while ($batch->pending()) {
	$reports = $batch->step(500);
	foreach ($reports as $report) {
		if ($report['state'] !== 'complete' || ($report['rung'] === 'filesync') !== ($kind === 'filesync')) {
			fwrite(STDERR, json_encode($report) . "\n");
			exit(1);
		}
		$data->place("{$report['name']}.partial", $store, $report['name']) || exit(1);
		$done++;
	}
	$store->syncNames(array_column($reports, 'name'));
}
if ($done !== count($files)) {
	fwrite(STDERR, "$done of " . count($files) . " files came\n");
	exit(1);
}
echo json_encode(['native_mib' => status('VmHWM') - $idle]), "\n";
