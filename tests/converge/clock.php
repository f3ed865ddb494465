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
 * The addon's own looks at the clock and throws of the dice, so that a seed gives the same run again: in every
 * namespace that it has.
 */

namespace Converge {
	final class Dice
	{
		private static int $looks = 0;

		public static function microtime(): float
		{
			return Clock::now() + ((++self::$looks % 1000000) / 1000000);
		}

		public static function bytes(int $count): string
		{
			return implode('', array_map(fn () => chr(mt_rand(0, 255)), range(1, $count)));
		}
	}

	$spaces = [];
	foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(
		__DIR__ . '/../../php',
		\FilesystemIterator::SKIP_DOTS,
	)) as $path => $one) {
		if (
			str_ends_with($path, '.php')
			&& preg_match('/^namespace ([A-Za-z\\\\]+);/m', file_get_contents($path), $found)
		) {
			$spaces[$found[1]] = true;
		}
	}
	foreach (array_keys($spaces) as $space) {
		eval("namespace $space;
			function time() { return \\Converge\\Clock::now(); }
			function microtime(bool \$isFloat) { return \\Converge\\Dice::microtime(); }
			function random_int(int \$least, int \$most) { return mt_rand(\$least, \$most); }
			function random_bytes(int \$count) { return \\Converge\\Dice::bytes(\$count); }");
	}
}
