<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Reconcile\Verify;
use FileSync\Addon\Repair\Orphans;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `verify`: reads every file again, compares it with the recorded digest, and has damaged files fetched from another
 * clone.
 */
final class VerifyCommand implements Task
{
	private bool $isJson;
	private array $counts = [];
	private readonly ProgressBar $bar;
	private int $all = 0;

	public function __construct(private readonly Options $options)
	{
		$this->isJson = $options->has(Option::Json);
		$this->bar = new ProgressBar($this->isJson);
	}

	/** Verifies all channels. */
	public function run(array $words): int
	{
		foreach (Channels::served($this->options) as $channel) {
			$this->all += Table::count('attach', ['uid' => $channel->id, 'is_dir' => 0, 'os_storage' => 1]);
			$run = Run::ask($channel->id, '', 'verify');
			$run->save(['position' => []]);
			(new Verify($channel, $this->show(...)))->goOn($run, PHP_INT_MAX);
			$this->showOrphans($channel);
		}
		Doorbell::ring();
		$this->bar->clear();
		echo $this->isJson ? json_encode(['counts' => (object) $this->counts]) : $this->summary(), "\n";

		return ! empty($this->counts['lost']) ? 1 : (! empty($this->counts['damaged']) ? 75 : 0);
	}

	private function show(array $file): void
	{
		$this->counts[$file['verdict']] = ($this->counts[$file['verdict']] ?? 0) + 1;
		if ($file['reason'] !== '') {
			$this->bar->clear();
			echo
				$this->isJson
					? json_encode($file)
					: Log::oneLine("{$file['verdict']}: {$file['hash']} {$file['name']}: {$file['reason']}"),
				"\n"
			;
		} elseif ($this->bar->isDue()) {
			$count = array_sum($this->counts);
			$this->bar->show($count, $this->all, number_format($count) . ' of ' . number_format($this->all) . ' files');
		}
	}

	/**
	 * Lists files in the channel's folder without a database row. It leaves them alone: `repair files` creates the
	 * rows.
	 */
	private function showOrphans(Channel $channel): void
	{
		foreach ((new Orphans($channel))->faults() as $fault) {
			$this->show([
				'hash' => $fault->hash,
				'name' => $fault->name,
				'verdict' => 'orphan',
				'reason' => $fault->what,
			]);
		}
	}

	private function summary(): string
	{
		ksort($this->counts);

		return $this->counts
			? implode(', ', array_map(
				fn ($verdict, $count) => number_format($count) . " $verdict",
				array_keys($this->counts),
				$this->counts,
			))
			: 'no files';
	}
}
