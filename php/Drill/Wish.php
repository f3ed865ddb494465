<?php

namespace FileSync\Addon\Drill;

if (! class_exists('App', false)) {
	exit;
}

/** What a drill was asked for. */
final class Wish
{
	public const PERCENT = 5;
	/** What a seed may be. */
	public const SEED = '/^[!-~]{1,64}$/D';
	/** Longer than anybody waits for one. */
	private const MOST_SECONDS = 12 * 3600;
	private const SEED_BYTES = 4;

	public function __construct(
		/** The share of the files that are tried, 1 to 100. */
		public readonly int $percent,
		/** What chance takes them by. */
		public readonly string $seed,
		/** Whether access and categories of a set are believed that the channel did not sign. */
		public readonly bool $isTrusted = false,
		/** As many bytes at most; null: as many as there is room for. */
		public readonly ?int $mostBytes = null,
		/** As many files at most; null: any number. */
		public readonly ?int $mostFiles = null,
		public readonly int $mostSeconds = self::MOST_SECONDS,
	) {}

	/** Returns a seed that nobody chose. */
	public static function seed(): string
	{
		return bin2hex(random_bytes(self::SEED_BYTES));
	}
}
