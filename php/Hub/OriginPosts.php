<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Asks another clone for its posts since a time, through the API that the hub's own import of clones uses. */
final class OriginPosts
{
	private const ITEMS_A_PAGE = 50;
	private const MOST_PAGES = 20;

	/**
	 * Returns a page of the posts and comments made since a time, oldest first, in the form sent between clones; never
	 * the posts of photos.
	 *
	 * @param string $root The root URL of a known clone of the channel.
	 *
	 * @return list<array>
	 */
	public static function page(Channel $channel, string $root, int $since, int $page): array
	{
		$answer = self::ask(
			$channel,
			$root,
			'/api/z/1.0/item/export_page?f=&since='
			. urlencode(gmdate('Y-m-d\TH:i:s\Z', $since))
			. '&until='
			. urlencode(gmdate('Y-m-d\TH:i:s\Z', Clock::now() + 86400))
			. '&records='
			. self::ITEMS_A_PAGE
			. '&page='
			. $page,
		);

		return array_values(array_filter((array) ($answer['item'] ?? []), 'is_array'));
	}

	/** Tells whether a page with this many posts is the last one to request. */
	public static function isLast(int $page, int $count): bool
	{
		return $count < self::ITEMS_A_PAGE || ($page + 1) >= self::MOST_PAGES;
	}

	private static function ask(Channel $channel, string $root, string $call): array
	{
		try {
			return OriginApi::get($channel, $root, $call);
		} catch (\RuntimeException $e) {
			if ($e->getCode() === 0) {
				throw $e;
			}
			Log::write($e->getMessage());

			return [];
		}
	}
}
