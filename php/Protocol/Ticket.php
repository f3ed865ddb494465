<?php

namespace FileSync\Addon\Protocol;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A ticket lets one requester read one file, in its present version, from this hub, for ten minutes.
 *
 * Its keys are in one of our tables, so that all front ends of the hub share them; they are in no export and no packet.
 *
 * @type Claims = array{c: string, h: string, s: int, e: string, r: string, u: string, x: int, k: string, ...}
 */
final class Ticket
{
	public const SECONDS = 600;

	private const KEY_SECONDS = 86400;
	private const LONGEST = 4096;

	/**
	 * Returns a ticket for `$claims`: c channel hash, h file hash, s scale, e validator, r requester, u root URL of
	 * this hub.
	 *
	 * @param array{c: string, h: string, s: int, e: string, r: string, u: string} $claims
	 */
	public static function issue(array $claims): string
	{
		$key = self::currentKey();
		$payload = self::encode(json_encode(
			$claims + ['x' => Clock::now() + self::SECONDS, 'k' => $key['id']],
			JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR,
		));

		return $payload . '.' . self::encode(self::mac($payload, $key['secret']));
	}

	/**
	 * Returns the claims of a ticket, or null if it is not ours or has expired.
	 *
	 * @return ?Claims
	 */
	public static function read(string $ticket): ?array
	{
		$part = [];
		if (
			strlen($ticket) > self::LONGEST
			|| ! preg_match('/^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/D', $ticket, $part)
		) {
			return null;
		}

		return self::check($part[1], $part[2], json_decode((string) self::decode($part[1]), true, 4));
	}

	/** @return ?Claims */
	private static function check(string $payload, string $mac, mixed $claims): ?array
	{
		if (! self::areClaims($claims)) {
			return null;
		}
		$key = Table::first('filesync_key', [
			'id' => $claims['k'],
			'created >' => Clock::now() - self::KEY_SECONDS - self::SECONDS,
		]);
		$isOurs = hash_equals(self::mac($payload, $key['secret'] ?? ''), (string) self::decode($mac)) && $key !== null;

		return $isOurs && $claims['x'] >= Clock::now() ? $claims : null;
	}

	/** @assert-if-true Claims $claims */
	private static function areClaims(mixed $claims): bool
	{
		return (
			is_array($claims)
			&& is_string($claims['c'] ?? null)
			&& is_string($claims['h'] ?? null)
			&& is_int($claims['s'] ?? null)
			&& is_string($claims['e'] ?? null)
			&& is_string($claims['r'] ?? null)
			&& is_string($claims['u'] ?? null)
			&& is_int($claims['x'] ?? null)
			&& is_string($claims['k'] ?? null)
		);
	}

	/** Removes keys that no valid ticket can still use. */
	public static function prune(): void
	{
		Table::delete('filesync_key', ['created <=' => Clock::now() - self::KEY_SECONDS - self::SECONDS]);
	}

	/** @return array{id: string, secret: string, ...} */
	private static function currentKey(): array
	{
		$key = Table::first('filesync_key', ['created >' => Clock::now() - self::KEY_SECONDS], 'created DESC, id');
		if (! $key) {
			$key = ['id' => Token::make(), 'secret' => bin2hex(random_bytes(32)), 'created' => Clock::now()];
			Table::insert('filesync_key', $key);
		}

		return $key;
	}

	private static function mac(string $payload, string $secret): string
	{
		return hash_hmac('sha256', "filesync ticket 1\n" . $payload, (string) hex2bin($secret), true);
	}

	private static function encode(string $bytes): string
	{
		return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
	}

	private static function decode(string $text): string|false
	{
		return base64_decode(strtr($text, '-_', '+/'), true);
	}
}
