--TEST--
Store::exchange between two devices copies, checks and gives the displaced file back
--SKIPIF--
<?php
if (!is_writable('/dev/shm') || stat('/dev/shm')['dev'] === stat(sys_get_temp_dir())['dev']) {
	exit('skip /dev/shm is not a second device here');
}
?>
--FILE--
<?php
require 'support.php';
$here = newFolder();
$there = '/dev/shm/filesync-' . bin2hex(random_bytes(6));
mkdir($there);
register_shutdown_function(fn () => exec('rm -rf ' . escapeshellarg($there)));
[$from, $to] = [new FileSync\Store($here), new FileSync\Store($there)];
file_put_contents("$here/new", 'new');
file_put_contents("$there/live", 'older');
show(fn () => $from->exchange('new', $to, 'live', hash('sha256', 'other')));
var_dump(file_get_contents("$there/live"), file_get_contents("$here/new"));
var_dump($from->exchange('new', $to, 'live', hash('sha256', 'new'))['size_bytes']);
var_dump(file_get_contents("$there/live"), file_get_contents("$here/new"), array_diff(scandir($there), ['.', '..', 'live']));
?>
--EXPECTF--
CorruptException: wrong bytes while copying a file to another device {expected: %s, computed: %s, path: live}
string(5) "older"
string(3) "new"
int(5)
string(3) "new"
string(5) "older"
array(0) {
}
