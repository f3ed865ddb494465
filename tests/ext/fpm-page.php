<?php

/** One request to a PHP-FPM worker: receives a file of its own and says which process did it. */

require __DIR__ . '/support.php';

// Until another worker has a request too: whichever is free takes the next one.
touch(__DIR__ . '/workers/' . getmypid());
for ($end = time() + 120; count(scandir(__DIR__ . '/workers')) < 4 && time() < $end;) {
	usleep(10000);
}
$number = (int) $_GET['number'];
$folder = newFolder();
$batch = newBatch($folder);
$batch->add(transfer($_GET['hub'], "fpm$number"));
$report = finish($batch)["fpm$number-0.1"];
$whole = $report['state'] === 'complete' && $report['sha256'] === hash('sha256', bytesOf("fpm$number"));
header('Content-Type: text/plain');
unset($batch);
preg_match('/^Threads:\s+(\d+)/m', file_get_contents('/proc/self/status'), $threads);
echo
	$whole ? 'whole' : 'wrong: ' . json_encode($report['error']),
	' ',
	getmypid(),
	' ',
	residentKilobytes(),
	' ',
	$threads[1],
	' ',
	count(scandir('/proc/self/fd')),
	"\n"
;
