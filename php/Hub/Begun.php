<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The changes that this process began, by channel, until they are handled at its end. */
final class Begun
{
	/** @var array<int, array<string, mixed>> By channel: the intention's name, and what was there before. */
	private static array $channels = [];
	/** @var array<int, array<string, array<string, true>>> By channel and kind of mark, the hashes that are marked. */
	private static array $marks = [];
	private static bool $isRegistered = false;

	/** Tells whether something was begun for a channel. */
	public static function has(int $channelId): bool
	{
		return isset(self::$channels[$channelId]);
	}

	/** Notes what was begun for a channel. */
	public static function add(int $channelId, array $begun): void
	{
		self::$channels[$channelId] = $begun;
	}

	/** Marks a file of what was begun. */
	public static function mark(int $channelId, string $hash, string $as = 'marked'): void
	{
		self::$marks[$channelId][$as][$hash] = true;
	}

	/** Takes a mark back. */
	public static function unmark(int $channelId, string $hash): void
	{
		unset(self::$marks[$channelId]['marked'][$hash]);
	}

	/** Returns all that was begun, and forgets it. */
	public static function take(): array
	{
		$begun = [];
		foreach (self::$channels as $channelId => $one) {
			$begun[$channelId] = (self::$marks[$channelId] ?? []) + $one;
		}
		self::$channels = self::$marks = [];

		return $begun;
	}

	/** Runs something at the end of the process: once, however often it is requested. */
	public static function atEnd(\Closure $work): void
	{
		if (! self::$isRegistered) {
			self::$isRegistered = true;
			register_shutdown_function($work);
		}
	}
}
