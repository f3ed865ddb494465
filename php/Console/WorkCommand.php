<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Posts\Previews;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Addon\Work\Worker;

if (! class_exists('App', false)) {
	exit;
}

/** `work`: fetches and publishes in the foreground, and shows its progress. */
final class WorkCommand implements Task
{
	private readonly bool $isShown;
	private readonly ProgressBar $bar;
	private readonly float $startedAt;
	private int $seenBytes = 0;
	private int $baseline = 0;

	public function __construct(private readonly Options $options)
	{
		$this->isShown =
			$options->has(Option::Progress) || (! $options->has(Option::Json) && ProgressBar::isTerminal());
		$this->bar = new ProgressBar($options->has(Option::Json), $options->has(Option::Progress));
		$this->startedAt = Clock::exact();
	}

	/**
	 * Works until nothing is due, previews included; with `--until-idle`, until nothing is in transit; at most for
	 * `--seconds`.
	 */
	public function run(array $words): int
	{
		$this->baseline = $this->arrived();
		$end = Clock::now() + ($this->options->seconds() ?? (10 * 365 * 86400));
		do {
			$this->transfer($end);

			// Files that came meanwhile go first.
		} while (Previews::work($end, fn (): bool => Doorbell::unserved(Doorbell::toFetch()) !== []));
		$this->showEnd();

		return ExitCode::of(Report::status()['states']);
	}

	/** Fetches and publishes until nothing is due. */
	private function transfer(int $end): void
	{
		$untilIdle = $this->options->has(Option::UntilIdle);
		do {
			$worker = new Worker($end, fn ($batch) => $this->show($batch));
			$isRun = $worker->run($untilIdle ? PHP_INT_MAX >> 1 : 0);
			$live = Table::count('filesync_transfer', ['state' => Queue::LIVE]);
			$goOn = $untilIdle && $live > 0 && $this->canGoOn() && Clock::now() < $end;
			if ($goOn) {
				sleep(1);
				$this->show(null);
			}
		} while ($goOn || (! $isRun && Clock::now() < $end && $this->waitForSlot()));
	}

	/** Tells whether live transfers can still progress: scales of a parked photo cannot. */
	private function canGoOn(): bool
	{
		return (
			Table::count('filesync_transfer', ['state' => [
				TransferState::STAGED,
				TransferState::WAITING,
				TransferState::LEASED,
				TransferState::PUBLISHING,
			]]) > 0
			|| Queue::channelsToPublish(PHP_INT_MAX) !== []
			|| Queue::channelsToMake(PHP_INT_MAX) !== []
		);
	}

	private function waitForSlot(): bool
	{
		sleep(1);

		return true;
	}

	private function show(?\FileSync\TransferBatch $batch): void
	{
		if (! $this->bar->isDue()) {
			return;
		}
		$rate = 0;
		$bytes = $this->arrived();
		foreach ($batch?->progress() ?? [] as $one) {
			$rate += $one['bytes_per_second'];
			$bytes += $one['offset_bytes'];
		}
		$this->seenBytes = max($this->seenBytes, $bytes);
		$files = Table::count('filesync_transfer', ['state' => TransferState::PUBLISHED]);
		$all = $files + Table::count('filesync_transfer', ['state' => [...Queue::LIVE, TransferState::PARKED]]);
		$toCome = Table::sum('filesync_transfer', 'size_bytes', ['state' => array_diff(Queue::LIVE, [
			TransferState::VERIFIED,
			TransferState::PUBLISHING,
		])]);
		$this->bar->show(
			$this->seenBytes,
			$this->arrived() + $toCome,
			sprintf('%d of %d files, %.1f MiB, %.1f MiB/s', $files, $all, $this->seenBytes / 1048576, $rate / 1048576),
		);
	}

	private function showEnd(): void
	{
		$this->bar->clear();
		$seconds = Clock::exact() - $this->startedAt;
		$summary = [
			'seconds' => round($seconds, 3),
			'bytes' => $this->arrived(),
			'states' => Report::status()['states'],
			'php_peak_bytes' => memory_get_peak_usage(true),
			'resident_peak_bytes' => self::residentPeakBytes(),
		];
		if ($this->options->has(Option::Json)) {
			echo json_encode($summary), "\n";
		} elseif ($this->isShown) {
			fprintf(
				STDERR,
				"done after %.1f s, %.1f MiB; peak memory: PHP %.1f MiB, process %.1f MiB\n",
				$seconds,
				$summary['bytes'] / 1048576,
				$summary['php_peak_bytes'] / 1048576,
				$summary['resident_peak_bytes'] / 1048576,
			);
		}
	}

	/** Returns the bytes of files that were completed since this command began. */
	private function arrived(): int
	{
		return Table::sum('filesync_transfer', 'size_bytes', ['state' => [
			TransferState::VERIFIED,
			TransferState::PUBLISHING,
			TransferState::PUBLISHED,
		]]) - $this->baseline;
	}

	private static function residentPeakBytes(): int
	{
		preg_match('/^VmHWM:\s+(\d+) kB/m', (string) @file_get_contents('/proc/self/status'), $found);

		return 1024 * (int) ($found[1] ?? 0);
	}
}
