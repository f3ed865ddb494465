<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Hub\HubSettings;

if (! class_exists('App', false)) {
	exit;
}

/** Starts processes of Child, each by the PHP of this one with its options, or by the hub's. */
final class Process
{
	/** Warnings of core would end up in the output, and arguments of functions, keys among them, in a trace. */
	public const OPTIONS = ['-d', 'display_errors=0', '-d', 'zend.exception_ignore_args=1'];
	private const MOST_WORDS = 2000;
	private const LOOK_US = 20000;
	private const PAUSE_US = 5000;
	private const KILLED = 128;

	/**
	 * Has a slice imported.
	 *
	 * @return array{int, string} The exit code, and what the process said about it.
	 */
	public static function give(Slice $slice, string $elements): array
	{
		$pipes = [];
		$process = proc_open(
			[...self::php(), ...self::OPTIONS, dirname(__DIR__) . '/import-slice.php'],
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
		stream_set_blocking($pipes[2], false);
		$words = '';
		do {
			$status = proc_get_status($process);
			// Jobs that the hub began meanwhile keep the pipe open: its end is not waited for.
			[$read, $none, $never] = [[$pipes[2]], null, null];
			$isThere = (bool) stream_select($read, $none, $never, 0, $status['running'] ? self::LOOK_US : 0);
			$said = $isThere ? (string) fread($pipes[2], 8192) : '';
			$words = substr($words . $said, -self::MOST_WORDS);
			if ($isThere && $said === '' && $status['running']) {
				usleep(self::PAUSE_US);
			}
		} while ($status['running'] || $said !== '');
		fclose($pipes[2]);
		proc_close($process);

		return [$status['signaled'] ? self::KILLED : $status['exitcode'], trim($words)];
	}

	/**
	 * Returns the PHP of a command line: this one, or in a web server the hub's, with the memory of that server's.
	 *
	 * @return non-empty-list<string>
	 */
	public static function php(): array
	{
		return (
			PHP_SAPI === 'cli'
				? [PHP_BINARY, ...self::options()]
				: [HubSettings::php(), '-d', 'memory_limit=' . (string) ini_get('memory_limit')]
		);
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
