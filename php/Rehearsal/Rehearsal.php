<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Loopback;
use FileSync\Addon\Hub\Overrides;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Transfer\Queue;

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
	/** @var array<string, list<string>> The steps that are still to come, the one being played first: their parts. */
	private array $ahead = [];

	/**
	 * @param \Closure(Step): void    $told Called after each step.
	 * @param \Closure(Outcome): void $done Called at the end.
	 */
	private function __construct(
		private readonly \Closure $told,
		private readonly \Closure $done,
		private readonly Scratch $scratch,
		private readonly int $begun,
	) {}

	/**
	 * Rehearses; the outcome is remembered, and what was left is removed, whatever happens: if the hub ends the
	 * process, that is what was seen.
	 *
	 * @param \Closure(Step): void     $told Called after each step.
	 * @param \Closure(string): void   $warn Called with what earlier rehearsals left and must not be removed.
	 * @param ?\Closure(Outcome): void $done Called at the end, even if the hub ends the process.
	 * @param ?\Closure(string, string, list<string>, string): array{
	 *     status: int, headers: array<string, string>, body: string, error: string
	 * } $ask Asks this hub's web server, as Loopback does.
	 *
	 * @throws Postponed It cannot be done now, or took too much; there is no outcome then.
	 */
	public static function run(
		\Closure $told,
		\Closure $warn,
		?\Closure $done = null,
		?\Closure $ask = null,
	): Outcome {
		$begun = Clock::now();
		if (Queue::pausedUntil() > $begun) {
			throw new Postponed('transfers pause, because the disk failed or is full', true);
		}
		Overrides::define(Look::failedFunctions());
		$scratch = Scratch::make();
		$rehearsal = new self($told, $done ?? static function (): void {}, $scratch, $begun);
		Rehearsing::ifEnded($rehearsal->ended(...));
		array_map($warn, $scratch->found);
		try {
			$rehearsal->play($ask ?? Loopback::ask(...));
		} finally {
			$rehearsal->ahead = [];
			$left = $scratch->end();
		}

		return $rehearsal->finish($left);
	}

	/** Notes what became of the channel, and remembers the outcome. */
	private function finish(?string $left): Outcome
	{
		$this->note('remove the scratch channel', [], $left === null, (string) $left);
		$outcome = Outcome::here($this->begun, Clock::now() - $this->begun, $this->steps);
		Outcomes::remember($outcome);
		($this->done)($outcome);

		return $outcome;
	}

	/** Ends a rehearsal whose process is being ended within a step. True if it was. */
	private function ended(?string $error): bool
	{
		$ahead = $this->ahead;
		$name = array_key_first($ahead);
		if ($name === null) {
			return false;
		}
		$this->ahead = [];
		$this->note($name, $ahead[$name], false, 'the hub ended the process' . ($error === null ? '' : ": $error"));
		unset($ahead[$name]);
		$parts = array_values(array_unique(array_merge([], ...array_values($ahead))));
		if ($ahead !== []) {
			$this->note('go on after that', $parts, false, count($ahead) . ' steps were not reached');
		}
		$this->finish($this->scratch->end());

		return true;
	}

	/**
	 * @param \Closure(string, string, list<string>, string): array{
	 *     status: int, headers: array<string, string>, body: string, error: string
	 * } $ask
	 */
	private function play(\Closure $ask): void
	{
		$scene = new Scene($this->scratch);
		$posting = new Posting($scene);
		$receiving = new Receiving($scene, $posting);
		$steps = [
			...$receiving->steps(),
			...(new Sending($scene))->steps(),
			...$posting->steps(),
			...(new Showing($scene, $receiving))->steps(),
			...(new Serving($scene, $ask))->steps(),
		];
		$this->ahead = array_map(fn ($step) => $step[0], $steps);
		foreach ($steps as $name => [$parts, $step]) {
			$this->scratch->goOn();
			// What the hub prints meanwhile is for nobody.
			ob_start();
			try {
				$step = $this->try($name, $parts, fn () => $scene->watch($step));
				$scene->clear();
			} finally {
				ob_end_clean();
			}
			unset($this->ahead[$name]);
			$this->add($step);
		}
		$attempt = $this->scratch->attempt();
		$this->note('send nothing for the scratch channel', [Parts::SENDER], $attempt === null, (string) $attempt);
	}

	/**
	 * @param list<string>     $parts
	 * @param \Closure(): void $step
	 *
	 * @return Step
	 */
	private function try(string $name, array $parts, \Closure $step): array
	{
		$seen = null;
		try {
			$step();
		} catch (Seen $e) {
			$seen = $e->getMessage();
			$parts = $e->parts ?: $parts;
		} catch (Untried $e) {
			return self::step($name, $parts, true, "not tried: {$e->getMessage()}");
		} catch (\Throwable $e) {
			Log::failure("rehearsing: $name", $e);
			$seen = get_class($e) . ": {$e->getMessage()} (" . basename($e->getFile()) . ":{$e->getLine()})";
		}

		return self::step($name, $parts, $seen === null, (string) $seen);
	}

	/** @param list<string> $parts */
	private function note(string $name, array $parts, bool $isOk, string $seen): void
	{
		$this->add(self::step($name, $parts, $isOk, $seen));
	}

	/** @param Step $step */
	private function add(array $step): void
	{
		$this->steps[] = $step;
		($this->told)($step);
	}

	/**
	 * @param list<string> $parts
	 *
	 * @return Step
	 */
	private static function step(string $name, array $parts, bool $isOk, string $seen): array
	{
		return ['name' => $name, 'ok' => $isOk, 'seen' => mb_scrub($seen), 'parts' => $parts];
	}
}
