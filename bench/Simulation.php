<?php

declare(strict_types=1);

/** Adds up the work of a busy hour, and compares it with what there is of each thing. */
final class Simulation
{
	/** What one knows or guesses of an operator: name, default, unit, what it is. */
	private const INPUTS = [
		'channels' => [10000, '', 'channels on this hub'],
		'front_ends' => [8, '', 'machines that run the web server and the workers'],
		'cores' => [4, '', 'processor cores of each front end'],
		'database_cores' => [16, '', 'processor cores of the database server'],
		'workers' => [32, '', 'setting `workers`: background workers at once, on all front ends together'],
		'requests_at_once' => [20, '', 'PHP-FPM workers of each front end'],
		'disk' => [400, 'MiB/s', 'what the shared store writes and reads'],
		'network' => [1000, 'Mbit/s', 'what each front end sends, and as much receives'],
		'files' => [30, '/day', 'files that a channel receives from its clones'],
		'sent' => [10, '/day', 'files that its owner changes here, and each clone fetches'],
		'clones' => [1, '', 'other hubs where a channel lives'],
		'photos' => [0.5, '', 'share of files that are photos of 12 MP, whose scales are made here'],
		'mean_size' => [2, 'MiB', 'mean size of a file'],
		'peak' => [5, '', 'how many times the mean of a day the busiest hour is'],
		'page_views' => [10, '/day', 'views of the page of an owner, refreshes included'],
		'comparisons' => [4, '/day', 'comparisons of a channel with a clone'],
		'files_in_channel' => [1000, '', 'files of a channel'],
		'scrape' => [15, 's', 'how often Prometheus asks for the numbers'],
		'cron' => [600, 's', 'how often the cron of the hub runs'],
		'database_share' => [0.7, '', 'share of the time of our statements that the database server computes'],
		'load' => [0.7, '', 'how much of a thing may be used in a busy hour before it gives'],
	];

	/** The rows of bench that are read: row, beginning of its peer, part of its input. */
	private const ROWS = [
		'accept' => ['scale', 'accept, median', ''],
		'owner' => ['scale', "owner's page, few files, median", ''],
		'metrics' => ['scale', 'metrics, median', ''],
		'cron_run' => ['scale', 'cron, median', ''],
		'list' => ['scale', 'list for a comparison', ''],
		'bulk' => ['bulk', 'until the last is shown', ', 0 ms'],
		'photo' => ['photos', 'vipsthumbnail', '12 MP'],
		'receive' => ['receive', 'curl && sync', '1 GiB TLS'],
		'serve' => ['worker', 'loop of', 'send_file'],
	];
	/** On how many channels and files the rows of `scale` are measured. */
	private const MEASURED_CHANNELS = 1000;
	private const LISTED_FILES = 100_000;

	/** @param array<string, float> $in @param array<string, float> $bench */
	public function __construct(private readonly array $in, private readonly array $bench) {}

	/** @param list<string> $arguments */
	public static function main(array $arguments): int
	{
		$in = array_map(fn ($one) => (float) $one[0], self::INPUTS);
		[$file, $isJson] = [dirname(__DIR__) . '/docs/performance.md', false];
		foreach ($arguments as $argument) {
			[$name, $value] = [...explode('=', substr($argument, 2), 2), null];
			if ($argument === '--help') {
				return self::help();
			}
			if ($name === 'bench' && $value !== null) {
				$file = $value;
			} elseif ($argument === '--json') {
				$isJson = true;
			} elseif (! isset($in[$name]) || ! is_numeric($value) || (float) $value <= 0) {
				fwrite(STDERR, "no such input, or no number above 0: $argument; --help lists them\n");
				return 2;
			} else {
				$in[$name] = (float) $value;
			}
		}
		try {
			$simulation = new self($in, self::rows($file));
		} catch (RuntimeException $e) {
			fwrite(STDERR, $e->getMessage() . "\n");
			return 2;
		}
		$uses = $simulation->uses();
		$isJson ? (print json_encode($uses) . "\n") : $simulation->print($uses);

		return $uses[array_key_first($uses)]['share'] > $in['load'] ? 1 : 0;
	}

	/**
	 * Returns how much of each thing a busy hour uses, the fullest first, and with how many channels it would give.
	 *
	 * @return array<string, array{share: float, uses: float, has: float, unit: string, channels: int}>
	 */
	public function uses(): array
	{
		['channels' => $channels, 'front_ends' => $fronts] = $this->in;
		$aSecond = fn (float $aDay) => ($channels * $aDay * $this->in['peak']) / 86400;
		$received = $aSecond($this->in['files']);
		$served = $aSecond($this->in['sent'] * $this->in['clones']);
		$views = $aSecond($this->in['page_views']);
		$compared = $aSecond($this->in['comparisons']) / $this->in['peak'];
		$mib = $this->in['mean_size'];
		// Seconds of each.
		$publish = (1 / $this->bench['bulk']) + ($mib / $this->bench['receive']);
		$scales = ($this->in['photos'] * $this->bench['photo']) / 1000;
		$accept = $this->bench['accept'] / 1000;
		$view = $this->bench['owner'] / 1000;
		$serve = $accept + (($this->bench['serve'] * $mib) / 1024);
		$metrics = ($this->bench['metrics'] / 1000) / $this->in['scrape'];
		// It asks about each channel in turn.
		$cron = (($this->bench['cron_run'] / 1000) * ($channels / self::MEASURED_CHANNELS)) / $this->in['cron'];
		$list = ($this->bench['list'] / 1000) * ($this->in['files_in_channel'] / self::LISTED_FILES);
		$sql =
			($received * ($accept + (1 / $this->bench['bulk'])))
			+ ($served * $accept)
			+ ($views * $view)
			+ ($compared * $list)
			+ $metrics
			+ $cron;
		$work = ($received * ($publish + $scales)) + ($compared * $list);
		$requests = ($received * $accept) + ($served * $serve) + ($views * $view) + $metrics;
		$of = fn (float $uses, float $has, string $unit) => [
			'share' => $uses / $has,
			'uses' => $uses,
			'has' => $has,
			'unit' => $unit,
		];
		$things = [
			'database CPU' => $of($sql * $this->in['database_share'], $this->in['database_cores'], 'cores'),
			'worker processes' => $of($work, $this->in['workers'], 'workers'),
			"front ends' CPU" => $of($work + $requests + $cron, $fronts * $this->in['cores'], 'cores'),
			"front ends' requests" => $of($requests, $fronts * $this->in['requests_at_once'], 'requests at once'),
			// Received bytes are written, and read once more for scales and digests.
			'disk' => $of((($received * 2) + $served) * $mib, $this->in['disk'], 'MiB/s'),
			'network' => $of(max($received, $served) * $mib * 8 * 1.048576, $fronts * $this->in['network'], 'Mbit/s'),
			'a cron run' => $of($cron * $this->in['cron'], $this->in['cron'], 's'),
		];
		uasort($things, fn ($one, $other) => $other['share'] <=> $one['share']);

		return array_map(
			fn ($one) => $one + ['channels' => (int) floor(($channels * $this->in['load']) / $one['share'])],
			$things,
		);
	}

	/** @param array<string, array{share: float, uses: float, has: float, unit: string, channels: int}> $uses */
	private function print(array $uses): void
	{
		printf(
			"%-22s  %9s  %10s  %10s  %-17s  %s\n",
			'in a busy hour',
			'used',
			'of',
			'',
			'',
			'gives at so many channels',
		);
		foreach ($uses as $thing => $one) {
			printf(
				"%-22s  %7.1f %%  %10.2f  %10.1f  %-17s  %s\n",
				$thing,
				100 * $one['share'],
				$one['uses'],
				$one['has'],
				$one['unit'],
				number_format($one['channels']),
			);
		}
		$first = (string) array_key_first($uses);
		printf(
			"first: %s, at %s channels; %s\n",
			$first,
			number_format($uses[$first]['channels']),
			$uses[$first]['share'] > $this->in['load'] ? 'it gives' : 'nothing gives yet',
		);
	}

	/**
	 * Reads the rows of a bench: JSON, one a line, or a table of Markdown.
	 *
	 * @return array<string, float>
	 */
	private static function rows(string $file): array
	{
		$found = [];
		foreach (@file($file, FILE_IGNORE_NEW_LINES) ?: throw new RuntimeException("cannot read $file") as $line) {
			$cells = array_map(trim(...), explode('|', trim($line, '| ')));
			$row =
				json_decode($line, true)
					?? (
						count($cells) > 4
							? ['row' => $cells[0], 'input' => $cells[1], 'ours' => $cells[2], 'peer' => $cells[4]]
							: null
					);
			foreach ($row ? self::ROWS : [] as $name => [$kind, $peer, $input]) {
				if (
					($row['row'] ?? '') === $kind
					&& str_starts_with((string) ($row['peer'] ?? ''), $peer)
					&& str_contains((string) ($row['input'] ?? ''), $input)
					&& (float) ($row['ours'] ?? 0) > 0
				) {
					$found[$name] ??= (float) $row['ours'];
				}
			}
		}
		$missing = array_diff_key(self::ROWS, $found);
		if ($missing !== []) {
			throw new RuntimeException(
				"$file lacks the rows: "
					. implode(', ', array_map(
						fn ($one) => trim("$one[0] ($one[1]) $one[2]"),
						$missing,
					)),
			);
		}

		return $found;
	}

	private static function help(): int
	{
		echo "bench/simulate [--bench=FILE] [--json] [--INPUT=NUMBER …]\n";
		foreach (self::INPUTS as $name => [$default, $unit, $what]) {
			printf("  --%-18s %8s %-7s %s\n", $name, $default, $unit, $what);
		}

		return 0;
	}
}
