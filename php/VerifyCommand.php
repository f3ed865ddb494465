<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Reconcile\Run;

if (! class_exists('App', false)) {
	exit;
}

/** `verify`: reads every file again, compares it with what was recorded, and has what is damaged fetched from another clone. */
final class VerifyCommand
{
	private const MOST_ORPHANS = 1000;

	private bool $isJson;
	private array $counts = [];
	private float $shownAt = 0.0;

	public function __construct(array $options)
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
		foreach (Table::select('channel', ['channel_removed' => 0], 'channel_id', 0, 'channel_id') as $row) {
			$channel = Config::serves((int) $row['channel_id']) ? Clones::channel((int) $row['channel_id']) : null;
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

	/** Names files among the channel's that no row knows. They are left alone: only a person can say what they are. */
	private function showOrphans(array $channel): void
	{
		$root = Store::root($channel);
		if (! is_dir($root)) {
			return;
		}
		$found = 0;
		$files = new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator($root, \FilesystemIterator::SKIP_DOTS));
		foreach ($files as $path => $file) {
			// Thumbnails and previews go by the name of their file.
			if ($file->isFile() && preg_match('/^([A-Za-z0-9-]+?)(-\d{1,3})?(\.[a-z]+)?$/D', $file->getFilename(), $part) && ! $this->isKnown($channel, $part) && $found++ < self::MOST_ORPHANS) {
				$this->show(['hash' => $part[1], 'name' => substr($path, strlen($root) + 1), 'verdict' => 'orphan', 'reason' => 'no row knows it']);
			}
		}
	}

	private function isKnown(array $channel, array $part): bool
	{
		return Table::first('attach', ['uid' => (int) $channel['channel_id'], 'hash' => array_unique([$part[1], $part[1] . ($part[2] ?? '')])], '', 'id') !== null;
	}

	private function summary(): string
	{
		ksort($this->counts);

		return $this->counts ? implode(', ', array_map(fn ($verdict, $count) => number_format($count) . " $verdict", array_keys($this->counts), $this->counts)) : 'no files';
	}
}
