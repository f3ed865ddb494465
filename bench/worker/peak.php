<?php

/** Runs a command and prints the most memory that it or one of its children held at once, in MiB. */

declare(strict_types=1);

$status = proc_close(proc_open(array_slice($argv, 1), [1 => STDERR], $pipes));
echo getrusage(1)['ru_maxrss'] / 1024, "\n";
exit($status);
