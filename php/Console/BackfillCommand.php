<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Reconcile\Comparison;
use FileSync\Addon\Reconcile\Outcome;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Reconcile\StockComparison;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `backfill`: compares the files of every channel with those of each clone now, and transfers missing files in both
 * directions.
 */
final class BackfillCommand implements Task
{
	private const SLICE_SECONDS = 30;
	/** Seconds that it waits for another hub or process; the rest is done in the background. */
	private const MOST_WAITS = 120;
	private const VERDICTS = ['present', 'missing_here', 'missing_there', 'different', 'conflict'];

	private bool $isDry;
	private bool $isJson;
	private readonly ProgressBar $bar;

	public function __construct(private readonly Options $options)
	{
		$this->isDry = $options->has(Option::DryRun);
		$this->isJson = $options->has(Option::Json);
		$this->bar = new ProgressBar($this->isJson);
	}

	/** Compares with one clone after another. */
	public function run(array $words): int
	{
		$code = 0;
		foreach (Channels::served($this->options) as $channel) {
			foreach (Clones::others($channel) as $clone) {
				$code = max($code, $this->compare($channel, $clone['url']));
			}
		}
		Doorbell::ring();

		return $code ?: ExitCode::of(Report::status()['states']);
	}

	private function compare(Channel $channel, string $url): int
	{
		$run = Run::ask($channel->id, $url);
		$before = $run->next_at;
		if ($this->isDry) {
			$run->save(['state' => 'idle']);
		}
		for ($waits = 0; $waits < self::MOST_WAITS;) {
			$outcome = Reconcile::goOn(
				$run->id,
				Clock::now() + self::SLICE_SECONDS,
				$this->isDry,
				$this->showProgress(...),
			);
			$run = Run::find($run->id) ?? $run;
			if (! in_array($outcome, [Outcome::On, Outcome::Busy], true)) {
				break;
			}
			$isWaiting = $outcome === Outcome::Busy || $run->next_at > Clock::now();
			$waits = $isWaiting ? $waits + 1 : 0;
			if ($isWaiting) {
				Doorbell::ring();
				sleep(1);
			}
		}
		$this->show($run, $outcome);
		if ($this->isDry && $outcome === Outcome::Over) {
			$this->showDifferences($run);
			$run->abandon($before);
		}

		return $outcome === Outcome::Over ? 0 : 75;
	}

	private function show(Run $run, Outcome $outcome): void
	{
		$this->bar->clear();
		$stats = array_intersect_key($run->stats, array_flip([
			...self::VERDICTS,
			'entries',
			'rounds',
			'requests',
			'bytes',
			'told',
		]));
		if ($this->isJson) {
			echo
				json_encode([
					'channel' => $run->uid,
					'clone' => $run->peer,
					'outcome' => $outcome->value,
					'reason' => $outcome === Outcome::Failed ? $run->reason : '',
					'dry_run' => $this->isDry,
				] + $stats, JSON_UNESCAPED_SLASHES),
				"\n"
			;
			return;
		}
		$parts = array_map(
			fn ($verdict) => strtr($verdict, '_', ' ') . ' ' . number_format($stats[$verdict] ?? 0),
			self::VERDICTS,
		);
		echo
			Log::oneLine(
				"channel $run->uid, $run->peer: "
				. (
					$outcome === Outcome::Failed
						? "failed: $run->reason"
						: implode(', ', $parts)
						. sprintf(' (%d rounds, %.1f kB)', $stats['rounds'] ?? 0, ($stats['bytes'] ?? 0) / 1000)
				),
			),
			"\n"
		;
	}

	private function showDifferences(Run $run): void
	{
		if (in_array($run->state, StockComparison::STATES, true)) {
			foreach (StockComparison::differences($run) as $line) {
				$this->showDifference($line);
			}
			return;
		}
		foreach ($run->differences() as $one) {
			$this->showDifference(['verdict' => Comparison::verdict($one)]
			+ array_intersect_key($one, array_flip(['hash', 'key', 'content', 'metadata'])));
		}
	}

	private function showDifference(array $line): void
	{
		$of = implode(' and ', array_keys(array_filter(array_intersect_key($line, ['content' => 1, 'metadata' => 1]))));
		$what = $line['hash'] ?? "a file that this hub does not know yet ($line[key])";
		echo
			$this->isJson
				? json_encode($line)
				: strtr($line['verdict'], '_', ' ') . ($of === '' ? '' : " ($of)") . ": $what",
			"\n"
		;
	}

	private function showProgress(Run $run): void
	{
		if ($this->bar->isDue()) {
			$differ =
				($run->stats['missing_here'] ?? 0)
				+ ($run->stats['missing_there'] ?? 0)
				+ ($run->stats['different'] ?? 0);
			$offset = (int) ($run->position['offset'] ?? 0);
			$this->bar->show(
				$offset,
				$differ,
				Log::oneLine(sprintf(
					'%s: %s files compared, %s differences examined',
					$run->peer,
					number_format($run->stats['entries'] ?? 0),
					number_format($offset),
				)),
			);
		}
	}
}
