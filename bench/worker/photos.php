<?php

/** Makes scales 1 to 3 of a photo with the extension, and notes the memory that it took above idle, in MiB. */

declare(strict_types=1);

[, $photo, $folder] = $argv;

function status(string $name): float
{
	preg_match("/^$name:\\s+(\\d+)/m", file_get_contents('/proc/self/status'), $found);
	return $found[1] / 1024;
}

$store = new FileSync\Store($folder);
array_map($store->remove(...), ['1.jpg', '2.jpg', '3.jpg']);
$idle = status('VmRSS');
FileSync\Photo::scale(new FileSync\Store(dirname($photo)), basename($photo), $store, [
	1 => '1.jpg',
	2 => '2.jpg',
	3 => '3.jpg',
]);
file_put_contents("$folder/native_mib", (string) (status('VmHWM') - $idle));
