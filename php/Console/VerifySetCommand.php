<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Check;
use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Status\Words;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/** `verify-set`: reads a backup set again and compares it with its lists and its signature. */
final class VerifySetCommand implements Task
{
	private const STEP_MS = 500;

	private readonly bool $isJson;
	private readonly ProgressBar $bar;

	public function __construct(private readonly Options $options)
	{
		$this->isJson = $options->has(Option::Json);
		$this->bar = new ProgressBar($this->isJson);
	}

	/** Checks the set. */
	public function run(array $words): int
	{
		try {
			$folder = Place::existing($words[0]);
			if ($this->options->has(Option::Finish)) {
				$this->finish($folder);
			}

			return $this->check($folder);
		} catch (FileSyncException|Problem $e) {
			$this->bar->clear();

			return Failure::tell(Problem::of($e, $words[0]), $this->isJson, ['folder' => $words[0]]);
		}
	}

	private function finish(string $folder): void
	{
		if (\FileSync\Set::look($folder)['state'] === 'cut_off') {
			$set = new \FileSync\Set($folder);
			$isDone = $set->complete();
			$set->close();
			if ($isDone && ! $this->isJson) {
				echo "the last run is in place now\n";
			}
		}
	}

	private function check(string $folder): int
	{
		$percent = (int) rtrim($this->options->text(Option::Sample) ?? '100', '%');
		$check = new Check($folder, intdiv(100, max(1, $percent)));
		while (! $check->isDone()) {
			foreach ($check->step(self::STEP_MS) as $finding) {
				$this->bar->clear();
				echo $this->isJson ? self::json($finding) : Log::oneLine(Check::words($finding)), "\n";
			}
			$progress = $check->progress();
			if ($this->bar->isDue()) {
				$this->bar->show(
					$progress['bytes'],
					max(1, $progress['bytes_total']),
					Words::size($progress['bytes']) . ' of ' . Words::size($progress['bytes_total']) . '   '
						. Log::oneLine($progress['path'] ?? ''),
				);
			}
		}
		$this->bar->clear();
		$check->remember($folder);
		$verdict = $check->verdict();
		$progress = $check->progress();
		if ($this->isJson) {
			echo
				self::json(
					['folder' => $folder, 'verdict' => $verdict->kind]
					+ ['read_files' => $progress['read_files'], 'files' => $progress['files_total']]
					+ ['read_bytes' => $progress['read_bytes'], 'bytes' => $progress['bytes_total']]
					+ ['counts' => (object) $check->counts()],
				),
				"\n"
			;
		} else {
			printf(
				"%s of %s read, %s of %s\n%s\n",
				number_format($progress['read_files']),
				Words::files($progress['files_total']),
				Words::size($progress['read_bytes']),
				Words::size($progress['bytes_total']),
				Log::oneLine($verdict->getMessage()),
			);
		}

		return $verdict->isTemporary ? 75 : ($verdict->kind === 'whole' ? 0 : 1);
	}

	/** @param array<string, mixed> $facts */
	private static function json(array $facts): string
	{
		return json_encode(
			$facts,
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}
}
