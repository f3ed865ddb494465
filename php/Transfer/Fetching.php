<?php

namespace FileSync\Addon\Transfer;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;

if (! class_exists('App', false)) {
	exit;
}

/** Whether files may be fetched now. */
final class Fetching
{
	/**
	 * Tells whether files may be fetched for a channel now: nothing prevents it, and neither the admin nor the owner
	 * paused it.
	 */
	public static function mayFetch(int $channelId): bool
	{
		return self::isPossible() && ! Config::isSet('paused', '1', ['site', "channel:$channelId"]);
	}

	/**
	 * Returns those of some channels for which files may be fetched now.
	 *
	 * @param list<int> $channelIds
	 *
	 * @return list<int>
	 */
	public static function among(array $channelIds): array
	{
		if ($channelIds === [] || ! self::canFetch()) {
			return [];
		}
		$paused = array_flip(Config::scopesWhere('paused', '1'));

		return array_values(array_filter($channelIds, fn ($id) => ! isset($paused["channel:$id"])));
	}

	/**
	 * Tells whether any may be fetched: the extension is loaded, the disk has room, the admin did not pause it, the hub
	 * is one on which files can be received.
	 */
	public static function canFetch(): bool
	{
		return self::isPossible() && ! Config::isSet('paused', '1', ['site']);
	}

	private static function isPossible(): bool
	{
		return Runtime::extensionProblem() === null && ! Queue::pausedUntil() && Parts::has(Parts::RECEIVER);
	}
}
