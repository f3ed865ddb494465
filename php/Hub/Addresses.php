<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Decides at which addresses other hubs may be asked. The engine applies the same policy to the bytes that it fetches.
 */
final class Addresses
{
	private const MOST = 4;

	/**
	 * Returns the permitted addresses of a URL's host, resolved once: the later request can go nowhere else.
	 *
	 * @return list<string> At least one.
	 *
	 * @throws Forbidden None is permitted (code 403), or the name cannot be resolved now (code 0).
	 */
	public static function of(string $url): array
	{
		$parts = parse_url($url);
		$scheme = strtolower($parts['scheme'] ?? '');
		$host = strtolower($parts['host'] ?? '');
		if (isset($parts['user']) || isset($parts['pass']) || ! in_array($scheme, ['http', 'https'], true)) {
			throw new Forbidden('this is not the address of a hub', 403);
		}
		if ($scheme === 'http' && ! Clones::isPlain()) {
			throw new Forbidden("$host is not https; plain http is used only by hubs that are http themselves", 403);
		}
		$found = self::resolve($host);
		if (! $found) {
			throw new Forbidden("the name $host cannot be resolved");
		}
		$allowed = Config::get('allow_private_addresses') === '1'
			? $found
			: array_values(array_filter($found, self::isPublic(...)));

		return (
			array_slice($allowed, 0, self::MOST)
			?: throw new Forbidden(
				"$host has only private or special addresses; an administrator can set allow_private_addresses",
				403,
			)
		);
	}

	/** Tells whether a host has private or special addresses only. */
	public static function arePrivate(string $host): bool
	{
		$found = self::resolve(strtolower($host));

		return $found && ! array_filter($found, self::isPublic(...));
	}

	/** Tells whether an address belongs to the public internet (IANA's special-purpose registries). */
	public static function isPublic(string $address): bool
	{
		$bytes = @inet_pton($address);
		if ($bytes === false) {
			return false;
		}
		if (strlen($bytes) === 4) {
			return self::isPublic4(...array_values(unpack('C4', $bytes)));
		}
		$segments = array_values(unpack('n8', $bytes));
		[$first, $second] = $segments;
		$embedded = match (true) {
			// An IPv4 address embedded in IPv6, NAT64 or 6to4.
			str_starts_with($bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff"),
			str_starts_with($bytes, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0"),
				=> substr($bytes, 12),
			$first === 0x2002 => substr($bytes, 2, 4),
			default => null,
		};
		if ($embedded !== null) {
			return self::isPublic4(...array_values(unpack('C4', $embedded)));
		}

		return (
			$first >= 0x2000
			&& $first < 0x4000
			&& ! ($first === 0x2001 && ($second < 0x200 || $second === 0xdb8))
			&& ! ($first === 0x3fff && $second < 0x1000)
		);
	}

	private static function isPublic4(int $a, int $b, int $c, int $d): bool
	{
		return ! (
			in_array($a, [0, 10, 127], true)
			|| $a >= 224
			|| ($a === 100 && $b >= 64 && $b < 128)
			|| ($a === 169 && $b === 254)
			|| ($a === 172 && $b >= 16 && $b < 32)
			|| ($a === 192 && $b === 168)
			|| ($a === 192 && $b === 0 && in_array($c, [0, 2], true))
			|| ($a === 192 && $b === 88 && $c === 99)
			|| ($a === 198 && in_array($b, [18, 19], true))
			|| ($a === 198 && $b === 51 && $c === 100)
			|| ($a === 203 && $b === 0 && $c === 113)
		);
	}

	/** @return list<string> */
	private static function resolve(string $host): array
	{
		$literal = trim($host, '[]');
		if (filter_var($literal, FILTER_VALIDATE_IP)) {
			return [$literal];
		}
		if (preg_match('/[^\x00-\x7f]/', $host)) {
			$host = function_exists('idn_to_ascii') ? (string) idn_to_ascii($host) : '';
		}
		// A name that ends in a number is an address in a notation that programs read differently.
		if (
			! preg_match('/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/D', $host)
			|| preg_match('/(^|\.)(\d+|0x[0-9a-f]*)$/D', $host)
		) {
			return [];
		}
		if (function_exists('socket_addrinfo_lookup')) {
			$found = array_map('socket_addrinfo_explain', @socket_addrinfo_lookup($host, null, [
				'ai_socktype' => SOCK_STREAM,
			]) ?: []);

			return array_values(array_unique(array_filter(array_map(
				fn ($one) => $one['ai_addr']['sin_addr'] ?? $one['ai_addr']['sin6_addr'] ?? '',
				$found,
			))));
		}

		return [...(gethostbynamel($host) ?: []), ...array_column(@dns_get_record($host, DNS_AAAA) ?: [], 'ipv6')];
	}
}
