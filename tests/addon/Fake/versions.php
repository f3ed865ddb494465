<?php

/** The versions of the hub and of PHP, and the kind of process, as far as the addon asks: a test can claim others. */

namespace Fake {
	final class Versions
	{
		public static ?string $hub = null;
		public static ?string $php = null;
		public static ?string $process = null;

		/** The true ones again. */
		public static function reset(): void
		{
			self::$hub = self::$php = self::$process = null;
		}
	}
}

namespace FileSync\Addon\Hub {
	function strval(mixed $value): string
	{
		return $value === \STD_VERSION ? \Fake\Versions::$hub ?? \STD_VERSION : \strval($value);
	}

	function phpversion(?string $extension = null): string|false
	{
		return $extension === null ? \Fake\Versions::$php ?? \PHP_VERSION : \phpversion($extension);
	}

	function php_sapi_name(): string
	{
		return \Fake\Versions::$process ?? \PHP_SAPI;
	}
}
