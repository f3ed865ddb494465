<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Reconcile\Run;
use FileSync\Addon\Repair\Orphans;

if (! class_exists('App', false)) {
	exit;
}

/** `verify`: reads every file again, compares it with what was recorded, and has what is damaged fetched from another clone. */
final class VerifyCommand
{
	private bool $isJson;
	private array $counts = [];
	private float $shownAt = 0.0;

	public function __construct(private readonly array $options)
	{
		$this->isJson = isset($options['json']);
	}

	/** Looks at all channels. */
	public function run(): int
	{
		if ($problem = Config::extensionProblem()) {
			fwrite(STDERR, "filesync: $problem\n");
			return 75;
		}
		foreach (Command::channels($this->options) as $channel) {
			$channel = Config::serves((int) $channel['channel_id']) ? $channel : null;
			if ($channel) {
				$run = Run::ask($channel, '', 'verify');
				$run->save(['position' => []]);
				(new Verify($channel, $this->show(...)))->goOn($run, PHP_INT_MAX);
				$this->showOrphans($channel);
			}
		}
		Worker::summon();
		echo $this->isJson ? json_encode(['counts' => (object) $this->counts]) : $this->summary(), "\n";

		return ! empty($this->counts['lost']) ? 1 : (! empty($this->counts['damaged']) ? 75 : 0);
	}

	private function show(array $file): void
	{
		$this->counts[$file['verdict']] = ($this->counts[$file['verdict']] ?? 0) + 1;
		if ($file['reason'] !== '') {
			echo $this->isJson ? json_encode($file) : Config::oneLine("{$file['verdict']}: {$file['hash']} {$file['name']}: {$file['reason']}"), "\n";
		} elseif (! $this->isJson && stream_isatty(STDERR) && microtime(true) > $this->shownAt + 0.5) {
			$this->shownAt = microtime(true);
			fprintf(STDERR, "%s files, %s\n", number_format(array_sum($this->counts)), Config::oneLine($file['name']));
		}
	}

	/** Names files among the channel's that no row knows. They are left alone: `repair files` takes them in. */
	private function showOrphans(array $channel): void
	{
		foreach ((new Orphans($channel))->faults() as $fault) {
			$this->show(['hash' => $fault->hash, 'name' => $fault->name, 'verdict' => 'orphan', 'reason' => $fault->what]);
		}
	}

	private function summary(): string
	{
		ksort($this->counts);

		return $this->counts ? implode(', ', array_map(fn ($verdict, $count) => number_format($count) . " $verdict", array_keys($this->counts), $this->counts)) : 'no files';
	}
}
