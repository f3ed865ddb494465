<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Asks another hub for its description of a channel. */
final class Neighbour
{
	private const SECONDS = 20;
	private const MOST_BYTES = 2097152;

	/**
	 * @return array{info: ?array, clock: ?int, private: bool, error: string} `clock`: seconds by which the other
	 *     clock is ahead of ours.
	 */
	public static function ask(string $channelUrl): array
	{
		$before = microtime(true);
		try {
			$answer = Client::ask(
				'GET',
				$channelUrl,
				['Accept: application/x-zot+json'],
				'',
				self::MOST_BYTES,
				self::SECONDS,
			);
			$info = $answer['status'] >= 200 && $answer['status'] < 300 ? Json::read($answer['body']) : null;
		} catch (Forbidden|\LengthException $e) {
			$answer = ['status' => 0, 'headers' => [], 'error' => $e->getMessage()];
			$info = null;
		}
		$time = strtotime($answer['headers']['date'] ?? '');

		return [
			'info' => is_array($info) && isset($info['site']) ? $info : null,
			'clock' => $time ? (int) round($time - (($before + microtime(true)) / 2)) : null,
			'private' => Addresses::arePrivate((string) parse_url($channelUrl, PHP_URL_HOST)),
			'error' => $answer['status']
				? "status {$answer['status']}"
				: 'no answer' . ($answer['error'] === '' ? '' : ": {$answer['error']}"),
		];
	}
}
