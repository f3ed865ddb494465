<?php

namespace FileSync\Addon\Protocol;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A request from another clone that is signed with the channel's key.
 *
 * The signature covers method, path, host and body; the body contains a time and a nonce: it is valid once, here, and
 * for nothing else.
 *
 * @type Asked = array{channel: string, key_id: string, time: int, nonce: string, ...<array-key, mixed>}
 */
final class SignedRequest
{
	private const PREFIX = 'sha512.';
	private const CLOCK_SECONDS = 300;
	private const NONCE_SECONDS = 600;
	/** A longer body is decoded only once its signature is proven. */
	private const MOST_UNPROVEN_BYTES = 1 << 19;
	private const DEEPEST = 8;
	/** How a longer one begins. */
	private const BEGINNING = '/^{"filesync":(\d{1,4}),"channel":"([^"\\\\]{1,191})","key_id":"([^"\\\\]{1,255})","time":(\d{1,12}),"nonce":"([0-9a-f]{32})",/';

	private function __construct(
		public readonly Channel $channel,
		/** @var Asked The decoded body. */
		public readonly array $asked,
	) {}

	/**
	 * Checks a request. What nobody signed costs no more than a short body does, and no memory for a long one.
	 *
	 * @param string                $kind         The last part of its path: `ticket`, `inventory`.
	 * @param \Closure(array): bool $isWellFormed Checks the keys of the body that belong to this kind.
	 *
	 * @return self|Response The refusal.
	 */
	public static function read(Request $request, string $kind, \Closure $isWellFormed): self|Response
	{
		if ($request->header('filesync-signature') === null) {
			return Response::error(401, 'signature');
		}
		$body = (string) $request->body;
		$isLong = strlen($body) > self::MOST_UNPROVEN_BYTES;
		/** @var mixed $said */
		$said = $isLong ? self::beginning($body) : json_decode($body, true, self::DEEPEST);
		if (is_array($said) && is_int($said['filesync'] ?? null) && $said['filesync'] !== Version::REQUEST) {
			return Response::json(200, ['filesync' => Version::REQUEST, 'error' => 'version', 'time' => Clock::now()]);
		}
		if (! self::isAddressed($said)) {
			return Response::error(400, 'malformed');
		}
		$channel = Clones::requested($said['channel'], $said['key_id']);
		if (! $channel) {
			return self::refuse(403, 'unknown_requester');
		}
		if (! self::isSigned($request, $kind, $channel)) {
			return self::refuse(401, 'signature');
		}
		if (abs($said['time'] - Clock::now()) > self::CLOCK_SECONDS) {
			return Response::error(401, 'clock');
		}
		$recent = Table::count('filesync_nonce', [
			'uid' => $channel->id,
			'created >' => Clock::now() - 60,
		]);
		if ($recent >= Config::number('ticket_requests_per_minute')) {
			return Response::error(429, 'busy', 10);
		}

		try {
			/** @var mixed $asked */
			$asked = $isLong ? Json::read($body, self::DEEPEST) : $said;
		} catch (\LengthException) {
			return Response::error(413, 'too_long');
		}
		if (! is_array($asked) || array_intersect_key($asked, $said) != $said || ! $isWellFormed($asked)) {
			return Response::error(400, 'malformed');
		}
		/** @var Asked $asked */
		return self::useNonce($channel, $asked) ? new self($channel, $asked) : self::refuse(401, 'nonce');
	}

	/** Returns who sends a long body and when, which it begins with; null if it does not. */
	private static function beginning(string $body): ?array
	{
		$found = [];
		if (! preg_match(self::BEGINNING, substr($body, 0, 1024), $found)) {
			return null;
		}
		[, $version, $channel, $keyId, $time, $nonce] = $found;

		return [
			'filesync' => (int) $version,
			'channel' => $channel,
			'key_id' => $keyId,
			'time' => (int) $time,
			'nonce' => $nonce,
		];
	}

	/** Returns the header value that signs a request with the channel's key. */
	public static function sign(Channel $channel, string $kind, string $path, string $host, string $body): string
	{
		$signature = '';
		if (! openssl_sign(
			self::text($kind, $path, $host, $body),
			$signature,
			$channel->privateKey(),
			OPENSSL_ALGO_SHA512,
		)) {
			throw new \RuntimeException("the key of channel {$channel->id} cannot sign");
		}

		return self::PREFIX . rtrim(strtr(base64_encode($signature), '+/', '-_'), '=');
	}

	/**
	 * Returns the text to sign. It cannot be confused with anything else that the channel's key signs: its first byte
	 * is invalid in UTF-8, and the signatures of posts use another digest.
	 */
	private static function text(string $kind, string $path, string $host, string $body): string
	{
		return "\xFFfilesync " . Version::REQUEST . " $kind\nPOST\n$path\n$host\n" . hash('sha256', $body);
	}

	private static function refuse(int $status, string $error): Response
	{
		Refusals::count('signature');

		return Response::error($status, $error);
	}

	/** @assert-if-true Asked $asked */
	private static function isAddressed(mixed $asked): bool
	{
		return (
			is_array($asked)
			&& ($asked['filesync'] ?? null) === Version::REQUEST
			&& is_int($asked['time'] ?? null)
			&& self::isText($asked['channel'] ?? null, 191)
			&& self::isText($asked['key_id'] ?? null, 255)
			&& is_string($asked['nonce'] ?? null)
			&& preg_match('/^[0-9a-f]{32}$/D', $asked['nonce'])
		);
	}

	/** @assert-if-true string $value */
	private static function isText(mixed $value, int $most): bool
	{
		return is_string($value) && $value !== '' && strlen($value) <= $most && preg_match('/^[\x21-\x7e]+$/D', $value);
	}

	/**
	 * The host comes from the hub's settings, whatever a proxy did to the header: a request that was signed for another
	 * hub does not verify here.
	 */
	private static function isSigned(Request $request, string $kind, Channel $channel): bool
	{
		$part = [];
		if (! preg_match(
			'/^' . preg_quote(self::PREFIX, '/') . '([A-Za-z0-9_-]+)$/D',
			(string) $request->header('filesync-signature'),
			$part,
		)) {
			return false;
		}
		$signature = (string) base64_decode(strtr($part[1], '-_', '+/'), true);

		return (
			openssl_verify(
				self::text($kind, Web::path("/getfile/$kind"), Web::host(), (string) $request->body),
				$signature,
				$channel->publicKey,
				OPENSSL_ALGO_SHA512,
			) === 1
		);
	}

	/**
	 * Records a nonce; false if the channel already used it. Kept until the time window of its request is over.
	 *
	 * @param Asked $asked
	 */
	private static function useNonce(Channel $channel, array $asked): bool
	{
		$id = hash('sha256', $channel->hash . "\n" . $asked['nonce']);
		$token = Token::make();
		if (Table::first('filesync_nonce', ['id' => $id], '', 'id')) {
			return false;
		}
		Table::tryInsert('filesync_nonce', [
			'id' => $id,
			'uid' => $channel->id,
			'token' => $token,
			'created' => Clock::now(),
			'expires' => $asked['time'] + self::NONCE_SECONDS,
		]);

		return (
			((
				Table::first('filesync_nonce', ['id' => $id]) ?? throw new \RuntimeException('a nonce cannot be stored')
			))['token'] === $token
		);
	}
}
