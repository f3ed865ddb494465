<?php

/** The addon's own looks at the clock, which a test can let run ahead, or stop. */

namespace Fake {
	final class Clock
	{
		public static int $ahead = 0;
		public static ?float $stoppedAt = null;

		public static function now(): float
		{
			return (self::$stoppedAt ?? \microtime(true)) + self::$ahead;
		}
	}
}

namespace FileSync\Addon\Hub {
	function time(): int
	{
		return (int) \Fake\Clock::now();
	}

	/** Waiting takes no time of the tests. */
	function sleep(int $seconds): int
	{
		\Fake\Clock::$ahead += $seconds;

		return 0;
	}

	function microtime(bool $isFloat): float
	{
		return \Fake\Clock::now();
	}
}
