<?php
// Logs what each PHP process of a hub needed: one line a request or command, without query strings, which may hold secrets.
if ($log = getenv('FILESYNC_REALHUBS_LOG')) {
	register_shutdown_function(function () use ($log) {
		$what = PHP_SAPI === 'cli'
			? implode(' ', array_slice($GLOBALS['argv'] ?? [], 0, 3))
			: $_SERVER['REQUEST_METHOD'] . ' ' . strtok($_SERVER['REQUEST_URI'], '?');
		preg_match('/VmHWM:\s*(\d+)/', (string) @file_get_contents('/proc/self/status'), $rss);
		@file_put_contents($log, json_encode([
			'at' => gmdate('H:i:s'), 'pid' => getmypid(), 'sapi' => PHP_SAPI, 'what' => $what,
			'seconds' => round(microtime(true) - $_SERVER['REQUEST_TIME_FLOAT'], 3),
			'php_peak_bytes' => memory_get_peak_usage(true), 'vmhwm_kib' => (int) ($rss[1] ?? 0),
		], JSON_UNESCAPED_SLASHES) . "\n", FILE_APPEND | LOCK_EX);
	});
}

// Kills a process that is about to send what it changed: once, where a test has put the marker down.
if (is_file(dirname(__DIR__) . '/kill-before-send')) {
	require __DIR__ . '/kill-before-send.php';
}
