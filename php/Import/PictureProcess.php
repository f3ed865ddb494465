<?php

namespace FileSync\Addon\Import;

if (! class_exists('App', false)) {
	exit;
}

/** Starts processes that fetch pictures, each within bounds of its own. */
final class PictureProcess
{
	/** What the process says before each picture. */
	public const BEGUN = "begun\n";

	private const MEMORY = '128M';
	/** So long may it take until it begins, and for each. */
	private const START_SECONDS = 30;
	private const MOST_SECONDS = 15;
	/** SIGKILL, which PHP may not name. */
	private const KILL = 9;
	private const LOOK_US = 100000;

	/** Has some fetched; returns how many the process began. With one that takes too long it is ended. */
	public static function run(string $pictures, int $mostSeconds = self::MOST_SECONDS): int
	{
		$pipes = [];
		$nowhere = ['file', '/dev/null', 'w'];
		$process = proc_open(
			[
				...Process::php(),
				...Process::OPTIONS,
				'-d',
				'memory_limit=' . self::MEMORY,
				dirname(__DIR__) . '/import-slice.php',
				'pictures',
			],
			[['pipe', 'r'], ['pipe', 'w'], $nowhere],
			$pipes,
		);
		if (! $process || ! isset($pipes[0], $pipes[1])) {
			return 0;
		}
		// One that dies early takes no more.
		@fwrite($pipes[0], $pictures);
		fclose($pipes[0]);
		stream_set_blocking($pipes[1], false);
		$until = microtime(true) + self::START_SECONDS;
		$said = '';
		do {
			$isRunning = proc_get_status($process)['running'];
			[$read, $none, $never] = [[$pipes[1]], null, null];
			if (stream_select($read, $none, $never, 0, $isRunning ? self::LOOK_US : 0)) {
				$more = (string) fread($pipes[1], 8192);
				$until = $more === '' ? $until : microtime(true) + $mostSeconds;
				$said .= $more;
			}
			if ($isRunning && feof($pipes[1])) {
				usleep(self::LOOK_US);
			}
			if ($isRunning && microtime(true) > $until) {
				proc_terminate($process, self::KILL);
			}
		} while ($isRunning);
		fclose($pipes[1]);
		proc_close($process);

		return substr_count($said, self::BEGUN);
	}
}
