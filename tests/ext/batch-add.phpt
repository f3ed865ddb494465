--TEST--
TransferBatch::add: every wrong key is named, nothing starts
--FILE--
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
show(fn () => $batch->add(transfer($url, 'h', ['size_bytes' => 8, 'most_bytes' => 7])));
show(fn () => $batch->add(transfer($url, 'h', ['most_bytes' => -1])));
var_dump($batch->pending(), $batch->step(10), $batch->add(transfer($url, 'h')));
show(fn () => $batch->add(transfer($url, 'h')));
show(fn () => $batch->step(0));
show(fn () => $batch->step(60001));
var_dump($batch->cancel(7), $batch->cancel(1), count($batch->progress()), $batch->step(10)[0]['state'], $batch->pending());
?>
--EXPECT--
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: name, expected: a string, UTF-8}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: name, expected: 1 to 128 of A-Z a-z 0-9 . _ -, no leading dot}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: name, expected: 1 to 128 of A-Z a-z 0-9 . _ -, no leading dot}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: hash, expected: 1 to 64 of A-Z a-z 0-9 -}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: scale, expected: an integer, 0 to 9}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: scale, expected: an integer, 0 to 9}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: size_bytes, expected: an integer, 0 to 9223372036854775807}
InvalidInputException: invalid input while reading a digest {expected: 64 hex digits, length: 2}
InvalidInputException: invalid input while reading a digest {expected: 64 hex digits, length: 2}
InvalidInputException: invalid input while checking a path {path: ../x, fault: it climbs}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, unknown_key: sice, known_keys: name hash scale size_bytes most_bytes edited sha256 mimetype have_sha256 copies origins}
UnsupportedException: unsupported while reading a hub's URL {url: ftp://a.example, fault: neither https nor http}
InvalidInputException: invalid input while reading a hub's URL {fault: a user name or password in it}
InvalidInputException: invalid input while adding a transfer {name: h-0.1, fault: no origin hub}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: origins, expected: a list of arrays}
LimitException: limit exceeded while adding a transfer {name: h-0.1, size_bytes: 9223372036854775807, limit_bytes: 1099511627776}
LimitException: limit exceeded while adding a transfer {name: h-0.1, size_bytes: 8, limit_bytes: 7}
InvalidInputException: invalid input while reading a parameter {parameter: transfer, key: most_bytes, expected: an integer, 0 to 9223372036854775807}
int(0)
array(0) {
}
int(1)
InvalidInputException: invalid input while adding a transfer {name: h-0.1, fault: already in this batch}
InvalidInputException: invalid input while reading a parameter {parameter: budget_ms, value: 0, expected: 1 to 60000}
InvalidInputException: invalid input while reading a parameter {parameter: budget_ms, value: 60001, expected: 1 to 60000}
bool(false)
bool(true)
int(1)
string(9) "cancelled"
int(0)
