<?php

declare(strict_types=1);

/** Runs commands in turn, takes medians, prints rows. */
final class Bench
{
	public readonly string $folder;

	private const FORMATS = ['text', 'json', 'markdown'];

	private string $format;

	public function __construct(public readonly string $extension, public readonly int $runs)
	{
		if (! is_file($extension)) {
			fwrite(STDERR, "there is no extension at $extension: run `make build`, or set EXTENSION\n");
			exit(2);
		}
		$this->folder = (getenv('BENCH_FOLDER') ?: sys_get_temp_dir()) . '/filesync-bench-' . getmypid();
		mkdir($this->folder, 0755);
		register_shutdown_function(fn () => exec('rm -rf ' . escapeshellarg($this->folder)));
		pcntl_async_signals(true);
		foreach ([SIGINT, SIGTERM] as $signal) {
			pcntl_signal($signal, fn () => exit(1));
		}
		$this->format = getenv('FORMAT') ?: 'text';
		if (! in_array($this->format, self::FORMATS, true)) {
			fwrite(STDERR, "no such format: $this->format; there are: " . implode(', ', self::FORMATS) . "\n");
			exit(2);
		}
		$titles = ['row', 'input', 'ours', 'theirs', 'peer', 'ratio', 'goal', 'met', 'memory'];
		if ($this->format === 'text') {
			$this->line($titles);
		} elseif ($this->format === 'markdown') {
			echo self::machine(), "\n\n";
			$this->line($titles);
			$this->line(array_fill(0, count($titles), '---'));
		}
	}

	/** Says on what it ran, and when. */
	private static function machine(): string
	{
		preg_match('/^model name\s*:\s*(.*)$/m', (string) @file_get_contents('/proc/cpuinfo'), $model);
		preg_match('/^MemTotal:\s*(\d+)/m', (string) @file_get_contents('/proc/meminfo'), $memory);
		return sprintf(
			'%s, %d cores of %s, %.0f GiB, Linux %s, PHP %s',
			gmdate('Y-m-d'),
			(int) shell_exec('nproc'),
			trim($model[1] ?? php_uname('m')),
			($memory[1] ?? 0) / (1 << 20),
			preg_replace('/-.*/', '', php_uname('r')),
			PHP_VERSION,
		);
	}

	private function line(array $cells): void
	{
		if ($this->format === 'markdown') {
			echo '| ', implode(' | ', $cells), " |\n";
		} else {
			vprintf("%-8s  %-18s  %11s  %11s  %-34s  %6s  %6s  %-4s  %s\n", $cells);
		}
	}

	/** Returns the argument list that runs a PHP script with only the extension loaded. */
	public function php(string $script, string ...$arguments): array
	{
		return [
			PHP_BINARY,
			'-n',
			'-d',
			"extension=$this->extension",
			'-d',
			'memory_limit=128M',
			__DIR__ . "/$script",
			...$arguments,
		];
	}

	/**
	 * Runs each command in turn, `runs` times after one warm-up; returns the median seconds of each and what each
	 * printed last. Where a run takes minutes, `$runs` says how often, and all count.
	 *
	 * @param array<string, list<string>> $commands
	 * @return array<string, array{seconds: float, output: string}>
	 */
	public function interleave(array $commands, callable $before, ?int $runs = null): array
	{
		$seconds = $outputs = [];
		for ($run = $runs === null ? 0 : 1; $run <= ($runs ?? $this->runs); $run++) {
			foreach ($commands as $name => $command) {
				$before();
				$start = hrtime(true);
				$outputs[$name] = $this->once($name, $command);
				$taken = (hrtime(true) - $start) / 1e9;
				if ($run > 0) {
					$seconds[$name][] = $taken;
				}
			}
		}
		return array_map(
			fn ($name) => ['seconds' => self::median($seconds[$name]), 'output' => $outputs[$name]],
			array_combine(array_keys($commands), array_keys($commands)),
		);
	}

	/**
	 * Runs a command and returns what it printed.
	 *
	 * @param list<string> $command
	 */
	public function once(string $name, array $command): string
	{
		$process = proc_open($command, [1 => ['pipe', 'w']], $pipes);
		$output = stream_get_contents($pipes[1]);
		$status = proc_close($process);
		if ($status !== 0) {
			fwrite(STDERR, "$name ended with status $status\n$output");
			exit(1);
		}
		return $output;
	}

	public static function median(array $values): float
	{
		sort($values);
		$middle = intdiv(count($values), 2);
		return count($values) % 2 ? $values[$middle] : ($values[$middle - 1] + $values[$middle]) / 2;
	}

	/** Prints a row that compares; bigger `ours` is better when `$unit` is a rate, or dB. */
	public function row(
		string $row,
		string $input,
		float $ours,
		?float $theirs,
		string $peer,
		string $unit,
		?float $goal,
		?float $memory = null,
	): void {
		$more = str_ends_with($unit, '/s') || $unit === 'dB';
		$ratio = $theirs === null ? null : ($more ? $ours / $theirs : $theirs / $ours);
		$met = $goal === null ? null : ($ratio === null ? ($more ? $ours >= $goal : $ours <= $goal) : $ratio >= $goal);
		if ($this->format === 'json') {
			echo
				json_encode([
					'row' => $row,
					'input' => $input,
					'ours' => round($ours, 3),
					'theirs' => $theirs === null ? null : round($theirs, 3),
					'peer' => $peer,
					'unit' => $unit,
					'ratio' => $ratio === null ? null : round($ratio, 2),
					'goal' => $goal,
					'met' => $met,
					'rss_mib' => $memory === null ? null : round($memory, 1),
				]),
				"\n"
			;
			return;
		}
		$figure = fn (?float $value) => $value === null ? '–' : sprintf('%.1f %s', $value, $unit);
		$this->line([
			$row,
			$input,
			$figure($ours),
			$figure($theirs),
			$peer,
			$ratio === null ? '–' : ($ratio > 999 ? '> 999' : sprintf('%.2f', $ratio)),
			$goal === null ? '–' : ($ratio === null && ! $more ? "≤ $goal" : "≥ $goal"),
			$met === null ? '–' : ($met ? 'yes' : 'no'),
			$memory === null ? '' : sprintf('%.1f MiB', $memory),
		]);
	}

	/** Names a peer that cannot be had. */
	public function missing(string $row, string $peer, string $why): void
	{
		if ($this->format === 'json') {
			echo json_encode(['row' => $row, 'peer' => $peer, 'missing' => $why]), "\n";
		} else {
			fwrite($this->format === 'text' ? STDOUT : STDERR, "$row: no $peer: $why\n");
		}
	}

	public function end(): int
	{
		return 0;
	}
}
