<?php

/** One request to a PHP-FPM worker: receives a file of its own and says which process did it. */

require __DIR__ . '/support.php';

$number = (int) $_GET['number'];
$folder = newFolder();
$batch = newBatch($folder);
$batch->add(transfer($_GET['hub'], "fpm$number"));
$report = finish($batch)["fpm$number-0.1"];
$whole = $report['state'] === 'complete' && $report['sha256'] === hash('sha256', bytesOf("fpm$number"));
header('Content-Type: text/plain');
echo $whole ? 'whole' : 'wrong: ' . json_encode($report['error']), ' ', getmypid(), "\n";
