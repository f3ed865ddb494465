<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Asks another hub, with the hub's own client, what it says of a channel. */
final class Neighbour
{
	private const SECONDS = 20;

	/** @return array{info: ?array, clock: ?int, private: bool, error: string} `clock`: seconds by which the other clock is ahead of ours. */
	public static function ask(string $channelUrl): array
	{
		$before = microtime(true);
		$answer = z_fetch_url($channelUrl, false, 8, ['headers' => ['Accept: application/x-zot+json'], 'timeout' => self::SECONDS, 'connecttimeout' => 10]);
		$time = preg_match('/^date:\s*(.+?)\s*$/mi', (string) ($answer['header'] ?? ''), $found) ? strtotime($found[1]) : false;
		$info = ($answer['success'] ?? false) ? json_decode((string) $answer['body'], true) : null;
		$status = (int) ($answer['return_code'] ?? 0);

		return [
			'info' => is_array($info) && isset($info['site']) ? $info : null,
			'clock' => $time ? (int) round($time - ($before + microtime(true)) / 2) : null,
			'private' => self::isPrivate((string) parse_url($channelUrl, PHP_URL_HOST)),
			'error' => $status ? "status $status" : 'no answer' . (empty($answer['error']) ? '' : ": {$answer['error']}"),
		];
	}

	/** Tells whether a host has private addresses only. */
	private static function isPrivate(string $host): bool
	{
		$addresses = gethostbynamel($host) ?: [];
		$isPublic = fn ($address) => (bool) filter_var($address, FILTER_VALIDATE_IP, FILTER_FLAG_NO_PRIV_RANGE | FILTER_FLAG_NO_RES_RANGE);

		return $addresses && ! array_filter($addresses, $isPublic) && ! @dns_get_record($host, DNS_AAAA);
	}
}
