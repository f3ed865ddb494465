<?php

/** A stand-in for another clone's API: what it answers is told by the test, and what it was asked is kept. */

namespace Fake {
	final class Api
	{
		/** @var list<array> The items that it exports. */
		public static array $items = [];
		public static int $status = 200;
		/** @var list<string> URLs. */
		public static array $asked = [];

		/** Answers in place of the network (Hub\Client). */
		public static function answer(string $method, string $url): array
		{
			self::$asked[] = $url;
			parse_str(parse_url($url, PHP_URL_QUERY) ?? '', $query);
			$page = array_slice(
				self::$items,
				(int) ($query['page'] ?? 0) * (int) ($query['records'] ?? 0),
				(int) ($query['records'] ?? 0),
			);

			return [
				'status' => self::$status,
				'headers' => ['set-cookie' => 'PHPSESSID=abc; path=/'],
				'body' => json_encode(['item' => $page]),
			];
		}
	}
}
