<?php

namespace FileSync\Addon;

if (! class_exists('App', false)) {
	exit;
}

/** Where the pages meet the comparison with the other clones (Reconcile); without it there is no button and no last check. */
final class Check
{
	/** Tells whether a channel can be compared with its other clones. */
	public static function isPossible(): bool
	{
		return is_callable([Reconcile::class, 'request']);
	}

	/** Wants a channel compared with all its other clones soon, in the background. */
	public static function request(int $channelId): void
	{
		self::isPossible() && Reconcile::request($channelId);
	}

	/**
	 * Returns what the last comparison found, by root URL in one spelling.
	 *
	 * @return array<string, array{at: int, files: int, bytes: int, missing_there: int, missing_here: int}> `files`, `bytes`: alike on both.
	 */
	public static function last(array $channel): array
	{
		return is_callable([Reconcile::class, 'last']) ? Reconcile::last($channel) : [];
	}
}
