<?php

namespace Cli;

use PHPUnit\Framework\Assert;

/**
 * An owner at home, who runs the command. Environment COMMAND names it; with BREAK=exit every run ends with 0.
 */
trait AtHome
{
	/** The owner's home folder. */
	private static string $home;

	/**
	 * Runs it as programs do.
	 *
	 * @return array{int, array<string, mixed>, string} Exit code, the last object, all that was said.
	 */
	private static function command(string ...$words): array
	{
		[$code, $text] = self::read(...$words, ...['--json']);
		$lines = explode("\n", trim($text));

		return [$code, json_decode((string) end($lines), true) ?? ['said' => $text], $text];
	}

	/** Runs it, and wants it to end with 0. */
	private static function succeed(string ...$words): void
	{
		[$code, , $text] = self::command(...$words);
		Assert::assertSame(0, $code, $text);
	}

	/** @return array{int, string} Exit code, and what a person reads. */
	private static function read(string ...$words): array
	{
		$process = self::open([], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes, ...$words);
		$text = (string) stream_get_contents($pipes[1]);

		return [proc_close($process), $text];
	}

	/**
	 * Starts it; what it says is added to a file.
	 *
	 * @return resource
	 */
	private static function start(string $log, string ...$words)
	{
		$said = ['file', $log, 'a'];

		return self::open([], [['file', '/dev/null', 'r'], $said, $said], $pipes, ...$words, ...['--json']);
	}

	/**
	 * Kills it once something is so, and at the latest after so many seconds; tells whether it was still running.
	 *
	 * @param resource $process
	 */
	private static function killOnce(\Closure $isSo, $process, int $seconds = 60): bool
	{
		$end = microtime(true) + $seconds;
		do {
			usleep(2000);
			$isRunning = proc_get_status($process)['running'];
		} while ($isRunning && ! $isSo() && microtime(true) < $end);
		proc_terminate($process, SIGKILL);
		proc_close($process);

		return $isRunning;
	}

	/** Writes a file into the home folder; returns its path. */
	private static function file(string $name, string $bytes): string
	{
		file_put_contents(self::$home . "/$name", $bytes);

		return self::$home . "/$name";
	}

	private static function program(): string
	{
		return getenv('COMMAND') ?: dirname(__DIR__, 2) . '/target/quick/filesync';
	}

	/**
	 * @param list<string>              $by      A command that starts it.
	 * @param list<array<int, mixed>>   $streams
	 * @param array<int, resource>|null $pipes
	 *
	 * @return resource
	 */
	private static function open(array $by, array $streams, ?array &$pipes, string ...$words)
	{
		$command = [...$by, self::program(), ...$words];
		if (getenv('BREAK') === 'exit') {
			$command = ['sh', '-c', '"$@"; exit 0', 'sh', ...$command];
		}

		return proc_open($command, $streams, $pipes, null, [
			'HOME' => self::$home,
			'PATH' => (string) getenv('PATH'),
			'TMPDIR' => sys_get_temp_dir(),
		]);
	}
}
