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

namespace FileSync\Addon\Hub {
	function time() {
		return \Converge\Clock::now();
	}
}
