<?php

/** Reads an export file as hubs do, whole, and prints the memory it took above idle, in MiB. */

declare(strict_types=1);

require __DIR__ . '/../../tests/ext/support.php';

file_put_contents('/proc/self/clear_refs', '5');
$idle = residentKilobytes();
$decoded = json_decode(file_get_contents($argv[1]), true);
preg_match('/^VmHWM:\s+(\d+)/m', file_get_contents('/proc/self/status'), $peak);
echo json_encode(['elements' => count($decoded['item']), 'memory_mib' => ((int) $peak[1] - $idle) / 1024]);
