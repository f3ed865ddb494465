<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Hub\HubSettings;

if (! class_exists('App', false)) {
	exit;
}

/** Starts processes of Child, each by the PHP of this one with its options, or by the hub's. */
final class Process
{
	/** Said in place of an exit code: the process took too long and was killed. */
	public const TOO_SLOW = -1;
	/** No slice takes so long, unless something is wrong with the hub or its database. */
	private const MOST_SECONDS = 3600;
	/** Warnings of core would end up in the output, and arguments of functions, keys among them, in a trace. */
	public const OPTIONS = ['-d', 'display_errors=0', '-d', 'zend.exception_ignore_args=1'];
	private const MOST_WORDS = 2000;
	private const LOOK_US = 20000;
	private const PAUSE_US = 5000;
	private const PIECE_BYTES = 65536;
	private const SECOND_NS = 1000000000;
	private const KILLED = 128;
	/** Web servers' PHP has no name for it. */
	private const SIGKILL = 9;

	/**
	 * Has a slice imported.
	 *
	 * @param int $mostSeconds After so long the process is killed: whoever gives the slice again loses nothing by that.
	 *
	 * @return array{int, string} The exit code or self::TOO_SLOW, and what the process said about it.
	 */
	public static function give(Slice $slice, string $elements, int $mostSeconds = self::MOST_SECONDS): array
	{
		$pipes = [];
		// Its own alarm ends it where this process is killed first.
		$process = proc_open(
			[...self::php(), ...self::OPTIONS, dirname(__DIR__) . '/import-slice.php', (string) ($mostSeconds + 1)],
			[['pipe', 'r'], ['file', '/dev/null', 'w'], ['pipe', 'w']],
			$pipes,
		);
		if (! $process || ! isset($pipes[0], $pipes[2])) {
			return [Child::FAILED, 'PHP cannot start a process'];
		}
		$deadline = (int) hrtime(true) + ($mostSeconds * self::SECOND_NS);
		self::write($pipes[0], [$slice->line(strlen($elements)), $elements], $deadline);
		fclose($pipes[0]);
		stream_set_blocking($pipes[2], false);
		$words = '';
		do {
			$status = proc_get_status($process);
			$isLate = $status['running'] && hrtime(true) >= $deadline;
			if ($isLate) {
				proc_terminate($process, self::SIGKILL);
				break;
			}
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

		return match (true) {
			$isLate => [self::TOO_SLOW, "it took longer than $mostSeconds seconds, and its process was ended"],
			$status['signaled'] => [self::KILLED, trim($words)],
			default => [$status['exitcode'], trim($words)],
		};
	}

	/**
	 * Writes to a process as fast as it reads, until a time; one that has died takes no more.
	 *
	 * @param resource     $pipe
	 * @param list<string> $texts
	 */
	private static function write($pipe, array $texts, int $deadline): void
	{
		stream_set_blocking($pipe, false);
		foreach ($texts as $text) {
			for ($at = 0; $at < strlen($text) && hrtime(true) < $deadline; $at += $count) {
				[$none, $write, $never] = [null, [$pipe], null];
				stream_select($none, $write, $never, 0, self::LOOK_US);
				$count = @fwrite($pipe, substr($text, $at, self::PIECE_BYTES));
				if ($count === false) {
					return;
				}
			}
		}
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
