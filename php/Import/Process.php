<?php

namespace FileSync\Addon\Import;

if (! class_exists('App', false)) {
	exit;
}

/** Starts processes of Child, each with PHP's own options as this one was started with. */
final class Process
{
	/** Warnings of core would end up in the output, and arguments of functions, keys among them, in a trace. */
	private const OPTIONS = ['-d', 'display_errors=0', '-d', 'zend.exception_ignore_args=1'];
	private const MOST_WORDS = 2000;

	/**
	 * Has a slice imported.
	 *
	 * @return array{int, string} The exit code, and what the process said about it.
	 */
	public static function give(Slice $slice, string $elements): array
	{
		$pipes = [];
		$process = proc_open(
			[PHP_BINARY, ...self::options(), ...self::OPTIONS, dirname(__DIR__) . '/import-slice.php'],
			[['pipe', 'r'], ['file', '/dev/null', 'w'], ['pipe', 'w']],
			$pipes,
		);
		if (! $process || ! isset($pipes[0], $pipes[2])) {
			return [Child::FAILED, 'PHP cannot start a process'];
		}
		// One that dies early takes no more.
		@fwrite($pipes[0], $slice->line(strlen($elements)));
		@fwrite($pipes[0], $elements);
		fclose($pipes[0]);
		$words = '';
		while (! feof($pipes[2])) {
			$words = substr($words . (string) fread($pipes[2], 8192), -self::MOST_WORDS);
		}
		fclose($pipes[2]);

		return [proc_close($process), trim($words)];
	}

	/**
	 * Returns PHP's own options: all before the script.
	 *
	 * @return list<string>
	 */
	private static function options(): array
	{
		$line = explode("\0", substr((string) @file_get_contents('/proc/self/cmdline'), 0, -1));
		$arguments = $_SERVER['argv'] ?? [];
		$before = array_slice($line, 1, max(0, count($line) - count($arguments) - 1));

		return array_slice($line, 1 + count($before)) === $arguments ? $before : [];
	}
}
