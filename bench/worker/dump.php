<?php

/** Reads an export file whole, and prints its plain bytes and the memory that took above idle, in MiB. */

declare(strict_types=1);

require __DIR__ . '/../../tests/ext/support.php';

[, $folder, $name] = $argv;
$store = new FileSync\Store($folder);
file_put_contents('/proc/self/clear_refs', '5');
$idle = residentKilobytes();
$dump = new FileSync\Dump($store, $name);
while ($slice = $dump->next()) {
	unset($slice);
}
preg_match('/^VmHWM:\s+(\d+)/m', file_get_contents('/proc/self/status'), $peak);
echo
	json_encode([
		'bytes' => array_sum(array_column($dump->sections(), 'bytes')),
		'elements' => array_sum(array_column($dump->sections(), 'elements')),
		'memory_mib' => ((int) $peak[1] - $idle) / 1024,
	])
;
