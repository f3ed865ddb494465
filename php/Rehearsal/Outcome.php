<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What came of a rehearsal that ended: for which versions, when, and step by step whether the hub did as we need. One
 * without steps shows nothing, so no part passed it.
 *
 * @type Step = array{name: string, ok: bool, seen: string, parts: list<string>}
 */
final class Outcome
{
	/**
	 * @param string     $hub      The version of the hub.
	 * @param string     $php      The version of the PHP that rehearsed.
	 * @param string     $filesync The version of filesync.
	 * @param int        $begun    Unix seconds.
	 * @param int        $seconds  How long it took.
	 * @param list<Step> $steps    `seen`: what happened instead if it is not `ok`. `parts`: those that depend on it.
	 */
	public function __construct(
		public readonly string $hub,
		public readonly string $php,
		public readonly string $filesync,
		public readonly int $begun,
		public readonly int $seconds,
		public readonly array $steps,
	) {}

	/**
	 * Returns one for the versions at hand.
	 *
	 * @param list<Step> $steps
	 */
	public static function here(int $begun, int $seconds, array $steps): self
	{
		return new self(Runtime::hubVersion(), Runtime::phpVersion(), Runtime::version(), $begun, $seconds, $steps);
	}

	/** Tells whether every step went well. */
	public function hasPassed(): bool
	{
		return $this->steps !== [] && $this->failed() === [];
	}

	/**
	 * Returns the steps that did not go well.
	 *
	 * @return list<Step>
	 */
	public function failed(): array
	{
		return array_values(array_filter($this->steps, fn ($step) => ! $step['ok']));
	}

	/**
	 * Returns the parts that depend on a step that did not go well, in the order of Parts::ALL.
	 *
	 * @return list<string>
	 */
	public function failedParts(): array
	{
		$failed = $this->steps === [] ? Parts::ALL : array_merge(...array_column($this->failed(), 'parts'));

		return array_values(array_intersect(Parts::ALL, $failed));
	}
}
