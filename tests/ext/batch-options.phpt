--TEST--
TransferBatch: every wrong option is named
--FILE--
<?php
require 'support.php';
$folder = newFolder();
show(fn () => new FileSync\TransferBatch([]));
show(fn () => newBatch($folder, ['paralel' => 2]));
show(fn () => newBatch($folder, ['parallel' => 17]));
show(fn () => newBatch($folder, ['parallel' => '2']));
show(fn () => newBatch($folder, ['ranges' => 9]));
show(fn () => newBatch($folder, ['bytes_per_second' => 1024]));
show(fn () => newBatch($folder, ['store_root' => 'relative']));
show(fn () => newBatch($folder, ['allow_http' => 1]));
show(fn () => newBatch($folder, ['private_key' => 'secret text']));
show(fn () => newBatch($folder, ['key_id' => "a\"b"]));
show(fn () => newBatch($folder, ['ca_file' => __FILE__]));
show(fn () => newBatch('relative'));
show(fn () => newBatch('/nowhere/at/all'));
try {
	new FileSync\TransferBatch('text');
} catch (TypeError $e) {
	echo get_class($e), "\n";
}
try {
	clone newBatch($folder);
} catch (Error $e) {
	echo $e->getMessage(), "\n";
}
?>
--EXPECTF--
InvalidInputException: invalid input while reading a parameter {parameter: options, key: private_key, expected: a string, UTF-8}
InvalidInputException: invalid input while reading a parameter {parameter: options, unknown_key: paralel, known_keys: %s}
InvalidInputException: invalid input while reading a parameter {parameter: options, key: parallel, expected: an integer, 1 to 16}
InvalidInputException: invalid input while reading a parameter {parameter: options, key: parallel, expected: an integer, 1 to 16}
InvalidInputException: invalid input while reading a parameter {parameter: options, key: ranges, expected: an integer, 1 to 8}
InvalidInputException: invalid input while reading a parameter {parameter: options, key: bytes_per_second, expected: an integer, 65536 to 9223372036854775807}
InvalidInputException: invalid input while opening a store root {path: relative, fault: not an absolute path}
InvalidInputException: invalid input while reading a parameter {parameter: options, key: allow_http, expected: true or false}
InvalidInputException: invalid input while reading the channel's private key {fault: not a PEM private key, expected: an RSA private key of 2048 to 8192 bits, PEM}
InvalidInputException: invalid input while checking who signs {option: key_id, expected: 1 to 512 printable ASCII characters without spaces and quotes}
InvalidInputException: invalid input while reading trusted certificates {option: ca_file, fault: it contains no usable certificate}
InvalidInputException: invalid input while opening a store root {path: relative, fault: not an absolute path}
StorageException: storage failure while opening a store root {path: /nowhere/at/all}: No such file or directory (os error 2)
TypeError
Trying to clone an uncloneable object of class FileSync\TransferBatch
