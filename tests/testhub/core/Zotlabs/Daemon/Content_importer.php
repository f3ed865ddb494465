<?php

namespace Zotlabs\Daemon;

use TestHub\MessageSignature;
use Zotlabs\Web\HTTPSig;

/**
 * One page of the posts of a cloned channel: `Content_importer <page> <since> <until> <nick> <hub, urlencoded>`. A 10
 * signs its request as RFC 9421 has it if config system.send_rfc9421 says so.
 */
class Content_importer {

	public static function run($argc, $argv) {
		cli_startup();
		require_once 'include/import.php';
		list(, $page, $since, $until, $nick, $hub) = $argv;
		$hub = urldecode($hub);
		$channel = channelx_by_nick($nick);
		if (!$channel) {
			logger('channel not found');
			return;
		}
		// A 10 leaves the query `f` out.
		$path = '/api/z/1.0/item/export_page?' . (TESTHUB < 10 ? 'f=&' : '') . 'since=' . urlencode($since) . '&until=' . urlencode($until) . '&page=' . $page;
		$answer = z_fetch_url($hub . $path, false, 0, ['headers' => self::signed($channel, $hub, $path)]);
		$posts = json_decode($answer['body'], true);
		if (!$answer['success'] || !$posts) {
			logger('no posts: ' . $answer['return_code']);
			return;
		}
		import_items($channel, $posts['item'] ?? [], false, $posts['relocate'] ?? null);
	}

	private static function signed(array $channel, string $hub, string $path): array {
		$host = parse_url($hub, PHP_URL_HOST) . (parse_url($hub, PHP_URL_PORT) ? ':' . parse_url($hub, PHP_URL_PORT) : '');
		$headers = ['X-API-Token' => random_string(), 'X-API-Request' => $hub . $path, 'Host' => $host];
		if (TESTHUB >= 10 && get_config('system', 'send_rfc9421')) {
			$now = strtotime(datetime_convert() . ' UTC');
			$headers['Date'] = gmdate('D, d M Y H:i:s', $now) . ' GMT';
			return MessageSignature::sign('GET', $hub . $path, $headers, $channel['channel_prvkey'], channel_url($channel), $now);
		}
		return HTTPSig::create_sig($headers + ['(request-target)' => 'get ' . $path], $channel['channel_prvkey'], channel_url($channel), true, 'sha512');
	}
}
