<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** What became of one file or folder that was added to a run. */
final class Added
{
	/**
	 * @param list<Lack> $lacks What the set will lack of it.
	 */
	private function __construct(
		/** Whether it is in the run. */
		public readonly bool $isIn,
		/** Whether it was in the set before, so that nothing more needs to be proven. */
		public readonly bool $isCertain,
		/** If it is not in the run: why, in one word. */
		public readonly string $why = '',
		/** If it is not in the run: whether that may be otherwise in a moment. */
		public readonly bool $isPassing = false,
		public readonly array $lacks = [],
	) {}

	/** @param list<Lack> $lacks */
	public static function in(bool $isCertain, array $lacks): self
	{
		return new self(true, $isCertain, lacks: $lacks);
	}

	/** It changes: it can be read in a moment. */
	public static function later(string $why): self
	{
		return new self(false, false, $why, true);
	}

	/** It cannot be read as long as the hub has it so. */
	public static function not(string $why): self
	{
		return new self(false, false, $why);
	}
}
