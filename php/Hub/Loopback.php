<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Queries this hub's own web server, as another hub would. */
final class Loopback
{
	private const SECONDS = 30;
	/** Many networks drop what a machine behind them sends to its own public address. */
	private const CONNECT_SECONDS = 8;
	private const MOST_BYTES = 1048576;

	/**
	 * Requests a path beneath the hub's root. Follows no redirect, and reads only a small answer.
	 *
	 * @param list<string> $headers
	 *
	 * @return array{status: int, headers: array<string, string>, body: string, error: string} Header names in lower
	 *     case; status 0 and an error if nothing answered.
	 */
	public static function ask(string $method, string $path, array $headers, string $body = ''): array
	{
		$answer = '';
		$said = self::send($method, $path, $headers, $body, self::SECONDS, function (string $bytes) use (
			&$answer,
		): bool {
			$answer .= $bytes;

			return strlen($answer) <= self::MOST_BYTES;
		});

		return $said + ['body' => $answer];
	}

	/**
	 * Requests a path beneath the hub's root, and digests the answer while it comes: it may be of any size. One that
	 * has more bytes than it should is not read to its end.
	 *
	 * @param list<string>      $headers
	 * @param \Closure(): void $beat    Called while bytes come.
	 *
	 * @return array{
	 *     status: int, headers: array<string, string>, size_bytes: int, sha256: string, error: string
	 * } As ask() says.
	 */
	public static function digest(
		string $method,
		string $path,
		array $headers,
		string $body,
		int $mostBytes,
		\Closure $beat,
	): array {
		$digest = hash_init('sha256');
		$size = 0;
		$said = self::send($method, $path, $headers, $body, 0, function (string $bytes) use (
			$digest,
			$mostBytes,
			$beat,
			&$size,
		): bool {
			hash_update($digest, $bytes);
			$size += strlen($bytes);
			$beat();

			return $size <= $mostBytes;
		});

		return $said + ['size_bytes' => $size, 'sha256' => hash_final($digest)];
	}

	/**
	 * @param list<string>            $headers
	 * @param int                     $seconds The longest that it may take; 0: as long as bytes come.
	 * @param \Closure(string): bool $take    Takes bytes; false: no more.
	 *
	 * @return array{status: int, headers: array<string, string>, error: string}
	 */
	private static function send(
		string $method,
		string $path,
		array $headers,
		string $body,
		int $seconds,
		\Closure $take,
	): array {
		$found = [];
		$bundle = realpath('library/cacert.pem');
		$curl = curl_init(Web::root() . $path);
		curl_setopt_array($curl, [
			CURLOPT_CUSTOMREQUEST => $method,
			CURLOPT_NOBODY => $method === 'HEAD',
			// Of later versions no request is without a length.
			CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
			CURLOPT_HTTPHEADER => [...$headers, 'Expect:'],
			CURLOPT_TIMEOUT => $seconds,
			CURLOPT_LOW_SPEED_LIMIT => 1,
			CURLOPT_LOW_SPEED_TIME => self::SECONDS,
			CURLOPT_CONNECTTIMEOUT => self::CONNECT_SECONDS,
			CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
			CURLOPT_HEADERFUNCTION => function (\CurlHandle $curl, string $line) use (&$found) {
				[$name, $value] = explode(':', $line, 2) + [1 => null];
				if ($value !== null) {
					$found[strtolower(trim($name))] = trim($value);
				}

				return strlen($line);
			},
			CURLOPT_WRITEFUNCTION => fn (\CurlHandle $curl, string $bytes) => $take($bytes) ? strlen($bytes) : 0,
		]
		+ ($method === 'POST' || $method === 'PUT' ? [CURLOPT_POSTFIELDS => $body] : [])
		+ ($bundle ? [CURLOPT_CAINFO => $bundle] : []));
		curl_exec($curl);

		return [
			'status' => (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
			'headers' => $found,
			'error' => curl_error($curl),
		];
	}
}
