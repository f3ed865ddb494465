<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Tells the time, and compares dates given by hubs with it. */
final class Clock
{
	private const CLOCKS_DIFFER_SECONDS = 86400;

	/** Returns the present time as Unix seconds. */
	public static function now(): int
	{
		return time();
	}

	/** Returns the same with its fraction. */
	public static function exact(): float
	{
		return microtime(true);
	}

	/** Waits. */
	public static function wait(int $seconds): void
	{
		sleep(max(0, $seconds));
	}

	/**
	 * Tells whether a packet's version is dated before the present one.
	 *
	 * It ignores a date of ours in the future, which would shut out every later change.
	 */
	public static function isOldNews(string $theirs, string $ours): bool
	{
		return $theirs < substr($ours, 0, 19) && $ours <= gmdate('Y-m-d H:i:s', time() + self::CLOCKS_DIFFER_SECONDS);
	}
}
