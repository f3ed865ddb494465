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
		return self::issueAll([$claims])[0];
	}

	/**
	 * Returns a ticket for each claim, as issue() does.
	 *
	 * @template K of array-key
	 *
	 * @param array<K, array{c: string, h: string, s: int, e: string, r: string, u: string}> $claims
	 *
	 * @return array<K, string>
	 */
	public static function issueAll(array $claims): array
	{
		$key = $claims === [] ? null : self::currentKey();

		return $key === null ? [] : array_map(fn (array $one): string => self::sign($one, $key), $claims);
	}

	/**
	 * @param array{c: string, h: string, s: int, e: string, r: string, u: string} $claims
	 * @param array{id: string, secret: string, ...} $key
	 */
	private static function sign(array $claims, array $key): string
	{
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
		return self::readAll([$ticket])[0];
	}

	/**
	 * Does what read() does for some tickets.
	 *
	 * @param list<string> $tickets
	 *
	 * @return list<?Claims>
	 */
	public static function readAll(array $tickets): array
	{
		$parts = array_map(self::parts(...), $tickets);
		$ids = array_values(array_unique(array_column(array_column(array_filter($parts), 'claims'), 'k')));
		$where = ['id' => $ids, 'created >' => Clock::now() - self::KEY_SECONDS - self::SECONDS];
		$secrets = $ids === [] ? [] : array_column(Table::select('filesync_key', $where), 'secret', 'id');
		$read = [];
		foreach ($parts as $part) {
			$read[] = $part === null ? null : self::check($part, $secrets[$part['claims']['k']] ?? null);
		}

		return $read;
	}

	/** @return ?array{payload: string, mac: string, claims: Claims} What a ticket says, still to be checked. */
	private static function parts(string $ticket): ?array
	{
		$part = [];
		if (
			strlen($ticket) > self::LONGEST
			|| ! preg_match('/^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/D', $ticket, $part)
		) {
			return null;
		}
		/** @var mixed $claims */
		$claims = json_decode((string) self::decode($part[1]), true, 4);

		return self::areClaims($claims) ? ['payload' => $part[1], 'mac' => $part[2], 'claims' => $claims] : null;
	}

	/**
	 * @param array{payload: string, mac: string, claims: Claims} $part
	 *
	 * @return ?Claims
	 */
	private static function check(array $part, ?string $secret): ?array
	{
		$mac = self::mac($part['payload'], $secret ?? '');
		$isOurs = hash_equals($mac, (string) self::decode($part['mac'])) && $secret !== null;

		return $isOurs && $part['claims']['x'] >= Clock::now() ? $part['claims'] : null;
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
