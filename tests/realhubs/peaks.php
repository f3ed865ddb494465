<?php

// Sums up what the processes of a hub needed, from the log that hub/prepend.php writes: one line for each kind.
$kinds = [];
foreach (file($argv[1]) as $line) {
	$process = json_decode($line, true);
	$kind = match (true) {
		(bool) preg_match('#(^| )(Queueworker|Addon filesync)( |$)#', $process['what'] ?? '') => 'background worker',
		str_starts_with($process['what'] ?? '', 'POST ') && str_ends_with($process['what'], '/zot') => 'POST /zot',
		default => null,
	};
	if ($kind) {
		$kinds[$kind][] = $process;
	}
}
foreach ($kinds as $kind => $processes) {
	$seconds = array_column($processes, 'seconds');
	sort($seconds);
	printf(
		"hub B, %-17s %4d times, median %.3f s, longest %.3f s, PHP peak %.1f MiB, VmHWM %.1f MiB\n",
		$kind . ':',
		count($processes),
		$seconds[intdiv(count($seconds), 2)],
		end($seconds),
		max(array_column($processes, 'php_peak_bytes')) / 1048576,
		max(array_column($processes, 'vmhwm_kib')) / 1024,
	);
}
