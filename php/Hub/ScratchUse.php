<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** What a scratch channel is made for, and how much it may take. */
final class ScratchUse
{
	private const MOST_SECONDS = 60;
	private const MOST_BYTES = 67108864;

	private function __construct(
		/** In a word, for people. */
		public readonly string $word,
		public readonly int $mostBytes,
		public readonly int $mostSeconds,
		/** Whether packets come from another hub, to which it would send some. */
		public readonly bool $hasOrigin,
		/** Whether strangers may look into its folders, as far as the access of each file lets them. */
		public readonly bool $isShown,
		/** Whether a drill of a set that somebody sent gives way to it. */
		public readonly bool $isUrgent,
	) {}

	/** Returns the rehearsal of the product on this hub. */
	public static function rehearsal(): self
	{
		return new self('rehearsal', self::MOST_BYTES, self::MOST_SECONDS, true, false, true);
	}

	/** Returns a restore that is only tried. */
	public static function drill(int $mostBytes, int $mostSeconds): self
	{
		return new self('drill', $mostBytes, $mostSeconds, false, true, false);
	}
}
