<?php

// Logs what each PHP process of a hub needed: one line a request or command, without query strings, which may hold
// secrets.
if ($log = getenv('FILESYNC_REALHUBS_LOG')) {
	$cpu = function () {
		$used = getrusage();

		return (
			$used['ru_utime.tv_sec']
			+ $used['ru_stime.tv_sec']
			+ (($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) / 1e6)
		);
	};
	$cpuBefore = PHP_SAPI === 'cli' ? 0 : $cpu();
	register_shutdown_function(function () use ($log, $cpu, $cpuBefore) {
		$what = PHP_SAPI === 'cli'
			? implode(' ', array_slice($GLOBALS['argv'] ?? [], 0, 3))
			: $_SERVER['REQUEST_METHOD'] . ' ' . strtok($_SERVER['REQUEST_URI'], '?');
		preg_match('/VmHWM:\s*(\d+)/', (string) @file_get_contents('/proc/self/status'), $rss);
		@file_put_contents(
			$log,
			json_encode([
				'at' => gmdate('H:i:s'),
				'pid' => getmypid(),
				'sapi' => PHP_SAPI,
				'what' => $what,
				'seconds' => round(microtime(true) - $_SERVER['REQUEST_TIME_FLOAT'], 3),
				'cpu_seconds' => round($cpu() - $cpuBefore, 3),
				'php_peak_bytes' => memory_get_peak_usage(true),
				'vmhwm_kib' => (int) ($rss[1] ?? 0),
			], JSON_UNESCAPED_SLASHES)
				. "\n",
			FILE_APPEND | LOCK_EX,
		);
	});
	unset($cpu, $cpuBefore);
}

// Kills a process that is about to send what it changed: once, where a test has put the marker down.
if (is_file(dirname(__DIR__) . '/kill-before-send')) {
	require __DIR__ . '/kill-before-send.php';
}
