--TEST--
Store: exchange, move, remove, and never outside
--FILE--
<?php
require 'support.php';
$folder = newFolder();
$outside = newFolder();
file_put_contents("$outside/secret", 'secret');
symlink($outside, "$folder/link");
$store = new FileSync\Store($folder);
$store->makeFolder('a/b');
$store->makeFolder('a/b');
file_put_contents("$folder/new", 'new bytes');
var_dump($store->stat('none'), $store->stat('none/at/all'), array_keys($store->stat('new')), $store->stat('new')['size_bytes']);
var_dump($store->exchange('new', $store, 'a/b/live'));
file_put_contents("$folder/newer", 'newer bytes!');
var_dump($store->exchange('newer', $store, 'a/b/live', hash('sha256', 'newer bytes!'))['size_bytes']);
var_dump(file_get_contents("$folder/a/b/live"), file_get_contents("$folder/newer"));
$store->move('newer', 'a/kept');
var_dump(file_get_contents("$folder/a/kept"), $store->remove('a/kept'), $store->remove('a/kept'), $store->freeBytes() > 0);
file_put_contents("$folder/placed", 'placed');
var_dump($store->place('placed', $store, 'a/b/live'), $store->place('placed', $store, 'a/b/placed'), file_get_contents("$folder/a/b/placed"));
$store->syncNames([]);
$store->syncNames(['a/b/placed', 'a/b/not-there', 'x']);
show(fn () => $store->syncNames(['a/b/placed', 'nowhere/x']));
show(fn () => $store->syncNames(['link/x']));
show(fn () => $store->syncNames(['../x']));
show(fn () => $store->place('placed', $store, 'x'));
show(fn () => $store->place('a/b/placed', $store, 'link/x'));
show(fn () => $store->place('a/b/placed', $store, '../x'));
foreach (['../x', '/etc/passwd', "a\0b", '', 'a//b', 'link/secret', 'a'] as $bad) {
	show(fn () => $store->stat($bad));
	show(fn () => $store->remove($bad));
}
show(fn () => $store->makeFolder('link/new'));
show(fn () => $store->makeFolder('a/b/live'));
show(fn () => $store->exchange('none', $store, 'x'));
show(fn () => $store->exchange('a/b/live', $store, 'nowhere/x'));
show(fn () => $store->exchange('a/b/live', $store, 'link/x'));
show(fn () => $store->move('none', 'x'));
file_put_contents("$folder/taken", '');
show(fn () => $store->move('a/b/live', 'taken'));
show(fn () => new FileSync\Store("$folder/taken"));
var_dump(file_get_contents("$folder/a/b/live"), scandir($outside));
?>
--EXPECTF--
NULL
NULL
array(5) {
  [0]=>
  string(6) "device"
  [1]=>
  string(5) "inode"
  [2]=>
  string(10) "size_bytes"
  [3]=>
  string(8) "mtime_ns"
  [4]=>
  string(8) "ctime_ns"
}
int(9)
NULL
int(9)
string(12) "newer bytes!"
string(9) "new bytes"
string(9) "new bytes"
bool(true)
bool(false)
bool(true)
bool(false)
bool(true)
string(6) "placed"
NotFoundException: not found while opening a folder {name: nowhere, path: nowhere/x}: %s
InvalidInputException: invalid input while opening a folder {name: link, path: link/x}: %s
InvalidInputException: invalid input while checking a path {path: ../x, fault: it climbs}
NotFoundException: not found while placing a file {path: placed, to: x}: %s
InvalidInputException: invalid input while opening a folder {name: link, path: link/x, path: link/x}: %s
InvalidInputException: invalid input while checking a path {path: ../x, fault: it climbs}
InvalidInputException: invalid input while checking a path {path: ../x, fault: it climbs}
InvalidInputException: invalid input while checking a path {path: ../x, fault: it climbs}
InvalidInputException: invalid input while checking a path {path: /etc/passwd, fault: an empty name, or an absolute path}
InvalidInputException: invalid input while checking a path {path: /etc/passwd, fault: an empty name, or an absolute path}
InvalidInputException: invalid input while checking a path {path: a\0b, fault: a NUL byte}
InvalidInputException: invalid input while checking a path {path: a\0b, fault: a NUL byte}
InvalidInputException: invalid input while checking a path {path: , fault: an empty name, or an absolute path}
InvalidInputException: invalid input while checking a path {path: , fault: an empty name, or an absolute path}
InvalidInputException: invalid input while checking a path {path: a//b, fault: an empty name, or an absolute path}
InvalidInputException: invalid input while checking a path {path: a//b, fault: an empty name, or an absolute path}
InvalidInputException: invalid input while opening a folder {name: link, path: link/secret}: %s
InvalidInputException: invalid input while opening a folder {name: link, path: link/secret}: %s
InvalidInputException: invalid input while reading a file's facts {fault: not a regular file, path: a}
InvalidInputException: invalid input while reading a file's facts {fault: not a regular file, path: a}
InvalidInputException: invalid input while creating a folder {name: link, path: link/new}: %s
InvalidInputException: invalid input while creating a folder {name: live, path: a/b/live}: %s
NotFoundException: not found while publishing a file {path: none}
NotFoundException: not found while opening a folder {name: nowhere, path: nowhere/x, path: nowhere/x}: %s
InvalidInputException: invalid input while opening a folder {name: link, path: link/x, path: link/x}: %s
NotFoundException: not found while moving a file {path: none}
InvalidInputException: invalid input while moving a file {to: taken, path: a/b/live}: %s
StorageException: storage failure while opening a store root {path: %s}: Not a directory (os error 20)
string(12) "newer bytes!"
array(3) {
  [0]=>
  string(1) "."
  [1]=>
  string(2) ".."
  [2]=>
  string(6) "secret"
}
