<?php

namespace Converge {
	/** The time of the test, which passes as operations are done; in a hub's process what that hub's clock shows. */
	final class Clock
	{
		private static int $now = 1780000000;

		public static function now(): int
		{
			return self::$now;
		}

		public static function set(int $now): void
		{
			self::$now = \App::$clock = $now;
		}

		public static function pass(int $seconds): void
		{
			self::$now += $seconds;
		}
	}
}

/*
 * The addon's own looks at the clock and throws of the dice, so that a seed gives the same run again.
 */

namespace FileSync\Addon {
	function microtime(bool $isFloat) {
		static $count = 0;

		return \Converge\Clock::now() + ++$count % 1000000 / 1000000;
	}

	function random_int(int $least, int $most) {
		return mt_rand($least, $most);
	}

	function random_bytes(int $count) {
		return implode('', array_map(fn () => chr(mt_rand(0, 255)), range(1, $count)));
	}
}

namespace FileSync\Addon\Hub {
	function time() {
		return \Converge\Clock::now();
	}

	function random_bytes(int $count) {
		return \FileSync\Addon\random_bytes($count);
	}
}

namespace FileSync\Addon\Order {
	function random_bytes(int $count) {
		return \FileSync\Addon\random_bytes($count);
	}
}
