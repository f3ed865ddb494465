<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The changes that this process began, by channel, until they are handled at its end. */
final class Begun
{
	/**
	 * @var array<int, array{name: string, since: string, above: int, marked: array<array-key, true>}> By channel: the
	 *     intention's name, and what was there before.
	 */
	private static array $channels = [];
	/** @var array<int, array<string, array<string, true>>> By channel and kind of mark, the hashes that are marked. */
	private static array $marks = [];
	/** @var array<int, true> The channels that leave this hub. */
	private static array $leaving = [];
	/** Above 0 while such a delete is running. */
	private static int $deletes = 0;
	private static bool $isRegistered = false;

	/** Tells whether something was begun for a channel. */
	public static function has(int $channelId): bool
	{
		return isset(self::$channels[$channelId]);
	}

	/**
	 * Notes what was begun for a channel.
	 *
	 * @param array{name: string, since: string, above: int, marked: array<array-key, true>} $begun
	 */
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

	/** Runs a delete of core's. Its caller tells the clones, or nobody does. */
	public static function deleting(callable $delete): mixed
	{
		self::$deletes++;
		try {
			return $delete();
		} finally {
			self::$deletes--;
		}
	}

	/** Tells whether such a delete is running. */
	public static function isDeleting(): bool
	{
		return self::$deletes > 0;
	}

	/** Notes that a channel leaves this hub, until this process has handled what it began. */
	public static function leave(int $channelId): void
	{
		unset(self::$channels[$channelId], self::$marks[$channelId]);
		self::$leaving[$channelId] = true;
	}

	/** Tells whether a channel leaves this hub: its files stay with it elsewhere. */
	public static function isLeaving(int $channelId): bool
	{
		return isset(self::$leaving[$channelId]);
	}

	/**
	 * Returns all that was begun, and forgets it.
	 *
	 * @return array<int, array{name: string, since: string, above: int, marked: array<array-key, true>, deleting:
	 *     array<array-key, true>}>
	 */
	public static function take(): array
	{
		$begun = [];
		foreach (self::$channels as $channelId => $one) {
			$marks = self::$marks[$channelId] ?? [];
			$one['marked'] = $marks['marked'] ?? $one['marked'];
			$begun[$channelId] = $one + ['deleting' => $marks['deleting'] ?? []];
		}
		self::$channels = self::$marks = self::$leaving = [];

		return $begun;
	}

	/**
	 * Runs something at the end of the request: once, however often it is asked for. A process may serve another
	 * request after that.
	 */
	public static function atEnd(\Closure $work): void
	{
		if (! self::$isRegistered) {
			self::$isRegistered = true;
			register_shutdown_function(function () use ($work): void {
				self::$isRegistered = false;
				$work();
			});
		}
	}
}
