--TEST--
TransferBatch: reports of files that came and of files that did not
--INI--
filesync.stall_window_seconds=5
--FILE--
<?php
require 'support.php';
$url = startHub();
$folder = newFolder();
$batch = newBatch($folder);
foreach (['good', 'page', 'busy', 'refused', 'stall'] as $hash) {
	$batch->add(transfer($url, $hash));
}
$batch->add(transfer('http://127.0.0.1:9', 'nobody'));
$batch->add(transfer($url, 'short', ['size_bytes' => BYTES + 1]));
$batch->add(transfer($url, 'long', ['size_bytes' => BYTES - 1]));
$progress = $batch->progress();
printf("%d of 8, first: %s %s\n", count($progress), $progress[0]['name'], $progress[0]['state']);
$slow = newBatch($folder);
$slow->add(transfer($url, 'stall', ['name' => 'slow']));
while ($slow->progress()[0]['offset_bytes'] < 100000) {
	$slow->step(10);
}
$progress = $slow->progress()[0];
printf("%s: %s, %d of %d bytes by %s\n", $progress['name'], $progress['state'], $progress['offset_bytes'], $progress['size_bytes'], $progress['rung']);
var_dump($slow->cancel($progress['id']));
$report = $slow->step(10)[0];
printf("%s: %s, %d bytes stay\n", $report['name'], $report['state'], filesize("$folder/slow.partial"));
$slow->close();
foreach (finish($batch) as $name => $r) {
	$error = $r['error'];
	echo $name, ': ', $r['state'], ' ', $error ? "$error[kind] " . ($error['temporary'] ? 'temporary' : 'permanent') . " wait=$error[retry_after_seconds]" : '', "\n";
	if ($r['state'] === 'complete') {
		unset($r['seconds'], $r['origin']);
		var_dump($r['sha256'] === hash('sha256', bytesOf('good')), $r['sha256'] === hash_file('sha256', "$folder/$name.partial"));
		unset($r['sha256']);
		echo json_encode($r), "\n";
	}
}
echo array_column($batch->origins(), 'dav', 'url')[$url], "\n";
$batch->close();
$batch->close();
echo implode(' ', array_map('basename', glob("$folder/good*"))), "\n";
?>
--EXPECT--
8 of 8, first: good-0.1 queued
slow: active, 100000 of 300000 bytes by getfile
bool(true)
slow: cancelled, 100000 bytes stay
busy-0.1: failed PeerBusy temporary wait=9
good-0.1: complete 
bool(true)
bool(true)
{"id":1,"name":"good-0.1","received_bytes":300000,"resumed_at_byte":0,"state":"complete","size_bytes":300000,"edited":"","rung":"getfile","proof":["size","twice"],"error":null}
long-0.1: failed Corrupt temporary wait=
nobody-0.1: failed Network temporary wait=
page-0.1: failed NotFound permanent wait=
refused-0.1: failed Refused permanent wait=
short-0.1: failed Network temporary wait=
stall-0.1: failed Network temporary wait=
refused
good-0.1.index good-0.1.partial
