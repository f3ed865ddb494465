<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Rehearsal\Outcome;
use FileSync\Addon\Rehearsal\Rehearsal;

if (! class_exists('App', false)) {
	exit;
}

/**
 * `rehearse`: plays the product through on a channel made for that, and says for each step what this hub did.
 *
 * @import-type Step from Outcome
 */
final class RehearseCommand implements Task
{
	public function __construct(private readonly Options $options) {}

	/** Rehearses. 0: all went well; 1: a step did not; 75: it cannot be done now. */
	public function run(array $words): int
	{
		$isJson = $this->options->has(Option::Json);
		if (! $isJson) {
			printf(
				"filesync %s rehearses on Hubzilla %s, PHP %s, with a hidden channel that it removes afterwards\n",
				Runtime::version(),
				Runtime::hubVersion(),
				PHP_VERSION,
			);
		}
		try {
			$outcome = Rehearsal::run(
				$isJson ? static function (): void {} : self::show(...),
				fn (string $left) => fwrite(STDERR, "filesync: $left\n"),
				static function (Outcome $outcome) use ($isJson): void {
					echo $isJson ? self::json($outcome) : self::summary($outcome);
				},
			);
		} catch (Postponed $e) {
			fwrite(STDERR, "filesync: {$e->getMessage()}\n");

			return 75;
		}

		return $outcome->hasPassed() ? 0 : 1;
	}

	/** @param Step $step */
	private static function show(array $step): void
	{
		$seen = $step['seen'] === '' ? '' : ": {$step['seen']}";
		$parts = $step['ok'] || $step['parts'] === []
			? ''
			: "\n       needed for " . implode(', ', array_map(Parts::name(...), $step['parts']));
		echo $step['ok'] ? 'ok    ' : 'WRONG ', " {$step['name']}$seen$parts\n";
	}

	private static function summary(Outcome $outcome): string
	{
		$wrong = count($outcome->failed());
		$parts = implode(', ', array_map(Parts::name(...), $outcome->failedParts()));

		return sprintf(
			"%d steps in %d s: %s\n",
			count($outcome->steps),
			$outcome->seconds,
			$wrong === 0
				? 'this hub does all that filesync needs'
				: "$wrong wrong" . ($parts === '' ? '' : "; filesync cannot rely on $parts here"),
		);
	}

	private static function json(Outcome $outcome): string
	{
		return json_encode(
			[
				'hub' => $outcome->hub,
				'php' => $outcome->php,
				'filesync' => $outcome->filesync,
				'passed' => $outcome->hasPassed(),
				'seconds' => $outcome->seconds,
				'failed_parts' => $outcome->failedParts(),
				'steps' => $outcome->steps,
			],
			JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR,
		) . "\n";
	}
}
