<?php

/**
 * Collects the arguments and the environment of processes until its standard input ends, and prints each that it saw
 * once. Of the machine's processes it looks at no others than those that run a program, or work beneath a folder:
 *
 *     php processes.php <program> <folder>
 */

[, $program, $folder] = $argv;
$seen = [];
stream_set_blocking(STDIN, false);
while (! feof(STDIN)) {
	foreach (glob('/proc/[0-9]*', GLOB_NOSORT) ?: [] as $process) {
		if (
			@readlink("$process/exe") !== realpath($program)
			&& ! str_starts_with((string) @readlink("$process/cwd"), "$folder/")
		) {
			continue;
		}
		foreach (['cmdline', 'environ'] as $name) {
			$text = (string) @file_get_contents("$process/$name");
			$seen[md5($text)] = strtr($text, "\0", ' ');
		}
	}
	fread(STDIN, 1);
	usleep(1000);
}
echo implode("\n", $seen);
