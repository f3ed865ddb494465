--TEST--
FileDigest: bounded steps to the digest that hash_file gives
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$store = new FileSync\Store($folder);
file_put_contents("$folder/f", str_repeat(random_bytes(1 << 20), 64));
file_put_contents("$folder/empty", '');
$digest = new FileSync\FileDigest($store, 'f');
show(fn () => $digest->sha256());
show(fn () => $digest->step(0));
$steps = 1;
while (!$digest->step(1)) {
	$steps++;
}
var_dump($steps > 1, $digest->sizeBytes(), $digest->sha256() === hash_file('sha256', "$folder/f"));
$empty = new FileSync\FileDigest($store, 'empty');
var_dump($empty->step(1000), $empty->sha256());
show(fn () => new FileSync\FileDigest($store, 'none'));
show(fn () => new FileSync\FileDigest($store, '../f'));
mkdir("$folder/d");
show(fn () => new FileSync\FileDigest($store, 'd'));
?>
--EXPECTF--
InvalidInputException: invalid input while asking for a digest {fault: step() has not returned true yet}
InvalidInputException: invalid input while reading a parameter {parameter: budget_ms, value: 0, expected: 1 to 60000}
bool(true)
int(67108864)
bool(true)
bool(true)
string(64) "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NotFoundException: not found while opening a file {path: none}: %s
InvalidInputException: invalid input while checking a path {path: ../f, fault: it climbs}
InvalidInputException: invalid input while reading a file's facts {fault: not a regular file, path: d}
