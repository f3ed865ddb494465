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
	}
}

namespace FileSync\Addon\Hub {

	use Fake\Api;

	function z_fetch_url($url, $binary = false, $redirects = 0, $opts = []) {
		Api::$asked[] = $url;
		parse_str(parse_url($url, PHP_URL_QUERY) ?? '', $query);
		$page = array_slice(Api::$items, (int) ($query['page'] ?? 0) * (int) ($query['records'] ?? 0), (int) ($query['records'] ?? 0));

		return ['return_code' => Api::$status, 'success' => Api::$status === 200, 'header' => "HTTP/1.1 200 OK\r\nSet-Cookie: PHPSESSID=abc; path=/\r\n\r\n",
			'body' => json_encode(['item' => $page])];
	}
}
