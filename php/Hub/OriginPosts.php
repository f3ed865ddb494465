<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Web\HTTPSig;

if (! class_exists('App', false)) {
	exit;
}

/** Asks another clone for the posts that it has of a time, by the API that the hub's own import of clones uses. */
final class OriginPosts
{
	private const ITEMS_A_PAGE = 50;
	private const MOST_PAGES = 20;
	private const SECONDS = 20;
	/** As many as core follows, so that it follows none: what we sign is for one hub only. */
	private const REDIRECTS_SEEN = 8;

	/**
	 * Returns the posts and comments made since a time, oldest first; never the posts of photos.
	 *
	 * @param string $root The root URL of a known clone of the channel.
	 *
	 * @return \Generator<list<array>> Pages of items as they travel.
	 */
	public static function since(array $channel, string $root, int $since): \Generator
	{
		for ($page = 0; $page < self::MOST_PAGES; $page++) {
			$answer = self::ask($channel, $root, '/api/z/1.0/item/export_page?f=&since=' . urlencode(gmdate('Y-m-d\TH:i:s\Z', $since))
				. '&until=' . urlencode(gmdate('Y-m-d\TH:i:s\Z', Config::now() + 86400)) . '&records=' . self::ITEMS_A_PAGE . '&page=' . $page);
			$items = array_values(array_filter((array) ($answer['item'] ?? []), 'is_array'));
			yield $items;
			if (count($items) < self::ITEMS_A_PAGE) {
				return;
			}
		}
	}

	private static function ask(array $channel, string $root, string $call): array
	{
		$headers = HTTPSig::create_sig(['X-API-Token' => Config::token(), 'X-API-Request' => $root . $call, 'Host' => self::host($root),
			'(request-target)' => 'get ' . parse_url($root, PHP_URL_PATH) . $call], $channel['channel_prvkey'], Clones::ownUrl($channel), true, 'sha512');
		$answer = z_fetch_url($root . $call, false, self::REDIRECTS_SEEN, ['headers' => $headers, 'timeout' => self::SECONDS]);
		if (in_array((int) ($answer['return_code'] ?? 0), [401, 403, 404], true)) {
			Config::log('the posts at ' . $root . ' cannot be read: status ' . (int) $answer['return_code']);
			return [];
		}
		if (empty($answer['success']) || ! is_array($items = json_decode($answer['body'], true))) {
			throw new \RuntimeException('the other clone does not tell its posts: status ' . (int) ($answer['return_code'] ?? 0));
		}
		// A signed request is a login there.
		if (preg_match('/^set-cookie:\s*([^;\s]+)/mi', (string) $answer['header'], $cookie)) {
			z_fetch_url($root . '/logout', false, self::REDIRECTS_SEEN, ['headers' => ['Cookie: ' . $cookie[1]], 'timeout' => self::SECONDS]);
		}

		return $items;
	}

	private static function host(string $root): string
	{
		$port = parse_url($root, PHP_URL_PORT);

		return parse_url($root, PHP_URL_HOST) . ($port ? ':' . $port : '');
	}
}
