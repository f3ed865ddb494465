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
 */
final class Ticket
{
	public const SECONDS = 600;

	private const KEY_SECONDS = 86400;
	private const LONGEST = 4096;

	/**
	 * Returns a ticket for `$claims`: c channel hash, h file hash, s scale, e validator, r requester, u root URL of
	 * this hub.
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

	/** Returns the claims of a ticket, or null if it is not ours or has expired. */
	public static function read(string $ticket): ?array
	{
		if (
			strlen($ticket) > self::LONGEST
			|| ! preg_match('/^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/D', $ticket, $part)
		) {
			return null;
		}
		$claims = json_decode((string) self::decode($part[1]), true, 4);
		$types = [
			'c' => 'is_string',
			'h' => 'is_string',
			's' => 'is_int',
			'e' => 'is_string',
			'r' => 'is_string',
			'u' => 'is_string',
			'x' => 'is_int',
			'k' => 'is_string',
		];
		foreach ($types as $name => $isType) {
			if (! is_array($claims) || ! isset($claims[$name]) || ! $isType($claims[$name])) {
				return null;
			}
		}
		$key = Table::first('filesync_key', [
			'id' => $claims['k'],
			'created >' => Clock::now() - self::KEY_SECONDS - self::SECONDS,
		]);
		$isOurs = hash_equals(self::mac($part[1], $key['secret'] ?? ''), (string) self::decode($part[2])) && $key;

		return $isOurs && $claims['x'] >= Clock::now() ? $claims : null;
	}

	/** Removes keys that no valid ticket can still use. */
	public static function prune(): void
	{
		Table::delete('filesync_key', ['created <=' => Clock::now() - self::KEY_SECONDS - self::SECONDS]);
	}

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
