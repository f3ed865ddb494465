<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Backup\Prune;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Status\Words;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/** `prune`: removes from a backup set what runs replaced or removed long ago, or one file from everything. */
final class PruneCommand implements Task
{
	public function __construct(private readonly Options $options) {}

	/** Prunes the set, and signs it again. */
	public function run(array $words): int
	{
		$isJson = $this->options->has(Option::Json);
		$age = $this->options->text(Option::OlderThan);
		$hash = $this->options->text(Option::Forget);
		if ($age === null && $hash === null) {
			throw new WrongUsage('say what goes: --older-than AGE or --forget HASH');
		}
		try {
			$folder = Place::existing($words[0]);
			$result = Prune::do(
				$folder,
				$age === null ? null : self::time($age),
				$hash,
				$this->options->has(Option::DryRun),
			);
		} catch (FileSyncException|Problem $e) {
			return Failure::tell(Problem::of($e, $words[0]), $isJson, ['folder' => $words[0]]);
		}
		if ($isJson) {
			echo json_encode(['folder' => $folder] + $result, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES), "\n";
			return 0;
		}
		printf(
			"%s %s, %s, of %s runs; %s older files stay, %s\n",
			$this->options->has(Option::DryRun) ? 'would remove' : 'removed',
			Words::files($result['removed_files']),
			Words::size($result['removed_bytes']),
			number_format($result['removed_runs']),
			number_format($result['older_files']),
			Words::size($result['older_bytes']),
		);

		return 0;
	}

	private static function time(string $age): string
	{
		return str_ends_with($age, 'd')
			? gmdate('Y-m-d\TH:i:s\Z', Clock::now() - (86400 * (int) $age))
			: "{$age}T00:00:00Z";
	}
}
