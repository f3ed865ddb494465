<?php
require 'support.php';
$batch = newBatch(newFolder());
$url = 'http://127.0.0.1:9';
show(fn () => $batch->add([]));
show(fn () => $batch->add(transfer($url, 'h', ['name' => '../x'])));
show(fn () => $batch->add(transfer($url, 'h', ['name' => '.hidden'])));
show(fn () => $batch->add(transfer($url, '../h', ['name' => 'x'])));
show(fn () => $batch->add(transfer($url, 'h', ['scale' => 10])));
show(fn () => $batch->add(transfer($url, 'h', ['scale' => '1'])));
show(fn () => $batch->add(transfer($url, 'h', ['size_bytes' => -1])));
show(fn () => $batch->add(transfer($url, 'h', ['sha256' => 'zz'])));
show(fn () => $batch->add(transfer($url, 'h', ['have_sha256' => 'zz'])));
show(fn () => $batch->add(transfer($url, 'h', ['copies' => ['../x']])));
show(fn () => $batch->add(transfer($url, 'h', ['sice' => 1])));
show(fn () => $batch->add(transfer('ftp://a.example', 'h')));
show(fn () => $batch->add(transfer('https://u:secret@a.example', 'h')));
show(fn () => $batch->add(transfer($url, 'h', ['origins' => []])));
show(fn () => $batch->add(transfer($url, 'h', ['origins' => ['a']])));
show(fn () => $batch->add(transfer($url, 'h', ['size_bytes' => PHP_INT_MAX])));
var_dump($batch->pending(), $batch->step(10), $batch->add(transfer($url, 'h')));
show(fn () => $batch->add(transfer($url, 'h')));
show(fn () => $batch->step(0));
show(fn () => $batch->step(60001));
var_dump($batch->cancel(7), $batch->cancel(1), count($batch->progress()), $batch->step(10)[0]['state'], $batch->pending());
?>
