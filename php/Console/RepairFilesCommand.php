<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Repair\Fault;
use FileSync\Addon\Repair\FileRows;
use FileSync\Addon\Repair\Journal;
use FileSync\Addon\Repair\Orphans;
use FileSync\Addon\Repair\PhotoRows;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `repair files`: finds rows and files in wrong forms that older hubs, or losses, left, and mends them. `undo` reverts
 * its changes.
 */
final class RepairFilesCommand
{
	/** Mending one row may reveal another fault: a folder's row gives the path of everything in it. */
	private const PASSES = 3;

	private int $mended = 0;
	private int $left = 0;
	private readonly float $deadline;
	private readonly ProgressBar $bar;

	public function __construct(private readonly Options $options)
	{
		$this->bar = new ProgressBar($options->has(Option::Json));
		$this->deadline = $options->has(Option::Seconds) ? Clock::exact() + (int) $options->seconds() : INF;
	}

	/** Goes through the files of every channel of this hub. */
	public function run(): int
	{
		foreach (Channels::of($this->options) as $channel) {
			if ($this->isInTime()) {
				$this->channel($channel);
			}
		}
		Doorbell::ring();
		$this->bar->clear();
		if (! $this->options->has(Option::Json)) {
			$isDry = $this->options->has(Option::DryRun);
			echo
				match (true) {
					($this->mended + $this->left) === 0 && $this->isInTime() => 'nothing to mend',
					$isDry => "would mend $this->mended",
					default => "mended $this->mended",
				},
				$this->left ? "; $this->left need attention" : '',
				$this->isInTime() ? '' : '; out of time, run it again for the rest',
				"\n"
			;
		}

		return match (true) {
			! $this->isInTime() => 75,
			$this->left > 0 => 1,
			default => 0,
		};
	}

	private function channel(Channel $channel): void
	{
		$journal = new Journal($channel);
		$isDry = $this->options->has(Option::DryRun);
		$before = $this->mended;
		$passes = $isDry ? 1 : self::PASSES;
		for ($pass = 1, $mended = 1; $pass <= $passes && $mended > 0 && $this->isInTime(); $pass++) {
			[$mended, $left] = $this->pass($channel, $isDry ? null : $journal, $pass === 1);
			$this->mended += $mended;
		}
		// Each pass finds the unmended faults again, so only the last one counts.
		$this->left += $left ?? 0;
		if (! $isDry && $this->mended > $before) {
			Reconcile::request($channel->id);
			echo $this->options->has(Option::Json) ? '' : "undo {$journal->run} reverts this\n";
		}
	}

	/**
	 * Goes through all of a channel once.
	 *
	 * @param ?Journal $journal Null: only lists the faults.
	 *
	 * @return array{int, int} How many faults were mended, and how many need attention.
	 */
	private function pass(Channel $channel, ?Journal $journal, bool $isFirst): array
	{
		$mended = $left = 0;
		foreach ($this->faults($channel) as $fault) {
			if (! $this->isInTime()) {
				break;
			}
			$isDone = $fault->mend && (! $journal || $this->mend($journal, $fault));
			$isDone ? $mended++ : $left++;
			if ($isFirst || $isDone) {
				$this->show($channel, $fault, $isDone);
			}
		}

		return [$mended, $left];
	}

	/** @return \Generator<Fault> */
	private function faults(Channel $channel): \Generator
	{
		$looked = 0;
		$all = FileRows::count($channel) + PhotoRows::count($channel);
		foreach ([new FileRows($channel), new PhotoRows($channel)] as $rows) {
			while ($faults = $rows->next()) {
				yield from $faults;
				$looked += $rows->passed;
				if ($this->bar->isDue()) {
					$this->bar->show($looked, $all, number_format($looked) . ' of ' . number_format($all) . ' rows');
				}
			}
		}
		yield from (new Orphans($channel))->faults();
	}

	private function mend(Journal $journal, Fault $fault): bool
	{
		try {
			return $journal->mend($fault);
		} catch (\Throwable $e) {
			$this->bar->clear();
			Log::failure("mending $fault->hash ($fault->shape)", $e);
			fwrite(STDERR, Log::oneLine("filesync: $fault->hash: {$e->getMessage()}") . "\n");

			return false;
		}
	}

	private function isInTime(): bool
	{
		return Clock::exact() < $this->deadline;
	}

	private function show(Channel $channel, Fault $fault, bool $isDone): void
	{
		$this->bar->clear();
		$id = $channel->id;
		if ($this->options->has(Option::Json)) {
			echo
				json_encode([
					'channel' => $id,
					'shape' => $fault->shape,
					'hash' => $fault->hash,
					'name' => $fault->name,
					'what' => $fault->what,
					'mend' => $isDone,
				], JSON_INVALID_UTF8_SUBSTITUTE),
				"\n"
			;
		} else {
			echo
				Log::oneLine(sprintf(
					'%-9s %s of channel %d: %s: %s%s',
					$fault->shape,
					$fault->hash,
					$id,
					$fault->name,
					$fault->what,
					$isDone ? '' : ' (needs attention)',
				)),
				"\n"
			;
		}
	}
}
