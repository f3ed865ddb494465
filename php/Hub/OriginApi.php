<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Web\HTTPSig;

if (! class_exists('App', false)) {
	exit;
}

/** Queries another clone through the API that the hub's own import of clones uses, signed as the channel. */
final class OriginApi
{
	private const SECONDS = 20;
	private const MOST_BYTES = 16777216;
	private const DEEPEST = 64;

	/**
	 * Tells whether a hub may be asked: the request is a login there, which an admin may forbid.
	 *
	 * @param string $root The root URL of a known clone of the channel, here and below.
	 */
	public static function isAllowed(string $root): bool
	{
		return ! Config::isSet('dav_allowed', '0', ['site', 'peer:' . $root]);
	}

	/**
	 * Returns the answer to a call, an empty array if the answer is empty.
	 *
	 * @param string $call Path and query, such as `/api/z/1.0/files?start=0`.
	 *
	 * @throws \RuntimeException The hub does not answer now, or refuses or may not be asked (code 401, 403 or 404).
	 */
	public static function get(Channel $channel, string $root, string $call): array
	{
		$answer = self::ask($root . $call, self::signed($channel, $root, $call));
		if (in_array($answer['status'], [401, 403], true) && MessageSigner::exists()) {
			// Hubs may have dropped the older form of signatures.
			$answer = self::ask(
				$root . $call,
				MessageSigner::sign($channel, 'GET', $root . $call, self::told($root, $call)),
			);
		}
		$status = $answer['status'];
		if (in_array($status, [401, 403, 404], true)) {
			throw new \RuntimeException("$root does not let its API be read: status $status", $status);
		}
		$isGood = $status >= 200 && $status < 300;
		try {
			$said = ! $isGood ? null : ($answer['body'] === '' ? [] : Json::read($answer['body'], self::DEEPEST));
		} catch (\LengthException $e) {
			throw new \RuntimeException("the answer of $root is unreadable: " . $e->getMessage());
		}
		// A signed request is a login there, whatever the answer.
		if (preg_match_all('/^([^;\s]+)/m', $answer['headers']['set-cookie'] ?? '', $cookies)) {
			self::ask($root . '/logout', ['Cookie: ' . implode('; ', $cookies[1])]);
		}
		if (! is_array($said)) {
			throw new \RuntimeException(
				"$root does not answer at its API: " . ($status ? "status $status" : $answer['error']),
			);
		}

		return $said;
	}

	/**
	 * @param list<string> $headers
	 *
	 * @return array{status: int, headers: array<string, string>, body: string, error: string}
	 */
	private static function ask(string $url, array $headers): array
	{
		return Client::ask('GET', $url, $headers, '', self::MOST_BYTES, self::SECONDS);
	}

	/** @return array<string, string> The headers that are signed in either form. */
	private static function told(string $root, string $call): array
	{
		return ['X-API-Token' => Token::make(), 'X-API-Request' => $root . $call, 'Host' => self::host($root)];
	}

	/** @return list<string> The headers of a call, with the signature that hubs of every version read. */
	public static function signed(Channel $channel, string $root, string $call): array
	{
		return HTTPSig::create_sig(
			self::told($root, $call) + ['(request-target)' => 'get ' . parse_url($root, PHP_URL_PATH) . $call],
			$channel->privateKey(),
			Clones::ownUrl($channel),
			true,
			'sha512',
		);
	}

	private static function host(string $root): string
	{
		$port = parse_url($root, PHP_URL_PORT);

		return parse_url($root, PHP_URL_HOST) . ($port ? ':' . $port : '');
	}
}
