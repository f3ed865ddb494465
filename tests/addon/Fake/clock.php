<?php

/** The addon's own looks at the clock, which a test can let run ahead. */

namespace Fake {
	final class Clock
	{
		public static int $ahead = 0;
	}
}

namespace FileSync\Addon\Hub {
	function time(): int
	{
		return \time() + \Fake\Clock::$ahead;
	}

	/** Waiting takes no time of the tests. */
	function sleep(int $seconds): int
	{
		\Fake\Clock::$ahead += $seconds;

		return 0;
	}

	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}
