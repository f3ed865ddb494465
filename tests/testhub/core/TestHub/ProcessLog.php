<?php

namespace TestHub;

/**
 * Writes what each process of a hub needed, one JSON line in processes.log: who, seconds, peak PHP memory, VmHWM.
 */
final class ProcessLog {

	private static $started = 0.0;

	/** Arranges for the line at the end of the process; once per process, however often it boots. */
	public static function start(): void {
		if (self::$started) {
			return;
		}
		self::$started = microtime(true);
		$file = getcwd() . '/processes.log';
		register_shutdown_function(function () use ($file) {
			if (!is_dir(dirname($file))) {
				return;
			}
			$what = PHP_SAPI === 'cli' ? implode(' ', array_slice($_SERVER['argv'] ?? [], 0, 4)) : ($_SERVER['REQUEST_METHOD'] ?? '') . ' /' . (\App::$argv[0] ?? '');
			@file_put_contents($file, json_encode([
				'pid' => getmypid(),
				'sapi' => PHP_SAPI,
				'what' => $what,
				'jobs' => \Zotlabs\Lib\QueueWorker::$done,
				'seconds' => round(microtime(true) - self::$started, 3),
				'php_peak_bytes' => memory_get_peak_usage(true),
				'rss_peak_bytes' => self::rssPeak(),
			], JSON_UNESCAPED_SLASHES) . "\n", FILE_APPEND);
		});
	}

	/** Returns VmHWM of this process in bytes, or 0 where there is no /proc. */
	private static function rssPeak(): int {
		return preg_match('/^VmHWM:\s+(\d+) kB/m', (string) @file_get_contents('/proc/self/status'), $m) ? $m[1] * 1024 : 0;
	}
}
