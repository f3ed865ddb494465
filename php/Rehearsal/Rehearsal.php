<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Loopback;
use FileSync\Addon\Hub\Overrides;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Scratch;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Plays the product through on a scratch channel of this hub, and says for each step whether the hub did as we need.
 *
 * A step prepares what it needs itself, so that one that fails does not fail the others.
 *
 * @import-type Step from Outcome
 */
final class Rehearsal
{
	/** @var list<Step> */
	private array $steps = [];

	/** @param \Closure(Step): void $told Called after each step. */
	private function __construct(private readonly \Closure $told) {}

	/**
	 * Rehearses; the outcome is remembered, and what was left is removed, whatever happens.
	 *
	 * @param \Closure(Step): void   $told Called after each step.
	 * @param \Closure(string): void $warn Called with what earlier rehearsals left and must not be removed.
	 * @param ?\Closure(string, string, list<string>, string): array{
	 *     status: int, headers: array<string, string>, body: string, error: string
	 * } $ask Asks this hub's web server, as Loopback does.
	 *
	 * @throws \FileSync\Addon\Hub\Postponed It cannot be done now, or took too much; there is no outcome then.
	 */
	public static function run(\Closure $told, \Closure $warn, ?\Closure $ask = null): Outcome
	{
		$begun = Clock::now();
		$rehearsal = new self($told);
		Overrides::define(Look::failedFunctions());
		$scratch = Scratch::make();
		array_map($warn, $scratch->found);
		try {
			$rehearsal->play($scratch, $ask ?? Loopback::ask(...));
		} finally {
			$left = $scratch->end();
		}
		$rehearsal->note('remove the scratch channel', [], $left === null, (string) $left);
		$outcome = Outcome::here($begun, Clock::now() - $begun, $rehearsal->steps);
		Outcomes::remember($outcome);

		return $outcome;
	}

	/**
	 * @param \Closure(string, string, list<string>, string): array{
	 *     status: int, headers: array<string, string>, body: string, error: string
	 * } $ask
	 */
	private function play(Scratch $scratch, \Closure $ask): void
	{
		$scene = new Scene($scratch);
		$posting = new Posting($scene);
		$receiving = new Receiving($scene, $posting);
		foreach ([
			$receiving->steps(),
			(new Sending($scene))->steps(),
			$posting->steps(),
			(new Showing($scene, $receiving))->steps(),
			(new Serving($scene, $ask))->steps(),
		] as $steps) {
			foreach ($steps as $name => [$parts, $step]) {
				$scratch->goOn();
				$this->try($name, $parts, $step);
				Rehearsing::caught();
			}
		}
		$attempt = $scratch->attempt();
		$this->note('send nothing for the scratch channel', [Parts::SENDER], $attempt === null, (string) $attempt);
	}

	/** @param list<string> $parts */
	private function try(string $name, array $parts, \Closure $step): void
	{
		try {
			$step();
			$this->note($name, $parts, true, '');
		} catch (Seen $e) {
			$this->note($name, $parts, false, $e->getMessage());
		} catch (Untried $e) {
			$this->note($name, $parts, true, "not tried: {$e->getMessage()}");
		} catch (\Throwable $e) {
			Log::failure("rehearsing: $name", $e);
			$place = basename($e->getFile()) . ':' . $e->getLine();
			$this->note($name, $parts, false, get_class($e) . ": {$e->getMessage()} ($place)");
		}
	}

	/** @param list<string> $parts */
	private function note(string $name, array $parts, bool $isOk, string $seen): void
	{
		$step = ['name' => $name, 'ok' => $isOk, 'seen' => mb_scrub($seen), 'parts' => $parts];
		$this->steps[] = $step;
		($this->told)($step);
	}
}
