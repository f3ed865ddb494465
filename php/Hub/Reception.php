<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The packet that this process is taking in: for which channel, and whether a comparison found it. */
final class Reception
{
	/** The channel whose packet is being taken in, 0 for none; meanwhile nothing is sent. */
	private static int $channelId = 0;
	/**
	 * @var ?array<string, true> While entries found by a comparison are applied: hashes that the other clone should
	 *     be told about; null otherwise.
	 */
	private static ?array $late = null;
	/** Above 0 while core imports what a clone sent. */
	private static int $imports = 0;

	/** Returns the channel whose packet this process is taking in, 0 if there is none. */
	public static function channelId(): int
	{
		return self::$channelId;
	}

	/** Tells whether this process is applying another hub's data. */
	public static function isTakingIn(): bool
	{
		return self::$channelId > 0 || (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST' && Core::module() === 'zot');
	}

	/** Runs core calls that store what another clone sent a channel; nothing is sent while they run. */
	public static function quietly(int $channelId, callable $work): mixed
	{
		$before = self::$channelId;
		self::$channelId = $channelId;
		try {
			return $work();
		} finally {
			self::$channelId = $before;
		}
	}

	/**
	 * Takes in what a comparison of clones found; no packet is sent in answer.
	 *
	 * @return list<string> Hashes of files and folders that the other clone should be told about.
	 */
	public static function late(callable $work): array
	{
		self::$late = [];
		try {
			$work();

			return array_map('strval', array_keys(self::$late));
		} finally {
			self::$late = null;
		}
	}

	/** Tells whether what is taken in was found by a comparison of clones. */
	public static function isLate(): bool
	{
		return self::$late !== null;
	}

	/** Notes that the other clone should be told about a file. */
	public static function answerLate(string $hash): void
	{
		self::$late[$hash] = true;
	}

	/** Runs core's own import of posts that a clone sent. */
	public static function importing(callable $import): mixed
	{
		self::$imports++;
		try {
			return $import();
		} finally {
			self::$imports--;
		}
	}

	/** Tells whether core imports what a clone sent. */
	public static function isImporting(): bool
	{
		return self::$imports > 0;
	}
}
