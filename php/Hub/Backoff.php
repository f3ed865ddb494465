<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** How long to wait before the next try: ever longer, up to a bound. */
final class Backoff
{
	private function __construct(
		private readonly int $first,
		private readonly ?int $doublings,
		private readonly int $most,
	) {}

	/** Waits the first seconds, then twice as long each time, up to a number of doublings and of seconds. */
	public static function doubling(int $first, int $doublings, int $most = PHP_INT_MAX): self
	{
		return new self($first, $doublings, $most);
	}

	/** Waits the first seconds longer each time. */
	public static function rising(int $first): self
	{
		return new self($first, null, PHP_INT_MAX);
	}

	/** Returns the seconds to wait; `$step` counts doublings from 0, or for a rising wait the attempts from 1. */
	public function seconds(int $step): int
	{
		return (int) min(
			$this->most,
			$this->first * ($this->doublings === null ? $step : 2 ** min($step, $this->doublings)),
		);
	}

	/**
	 * Returns the same with up to a quarter more, by chance, so that what failed together does not come back together.
	 */
	public function spread(int $step): int
	{
		$seconds = $this->seconds($step);

		return $seconds + random_int(0, intdiv($seconds, 4));
	}
}
