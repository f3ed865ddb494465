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
		$answer = ['status' => 0, 'headers' => [], 'body' => '', 'error' => ''];
		$bundle = realpath('library/cacert.pem');
		$curl = curl_init(Web::root() . $path);
		curl_setopt_array($curl, [
			CURLOPT_CUSTOMREQUEST => $method,
			CURLOPT_NOBODY => $method === 'HEAD',
			// Of later versions no request is without a length.
			CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
			CURLOPT_HTTPHEADER => [...$headers, 'Expect:'],
			CURLOPT_TIMEOUT => self::SECONDS,
			CURLOPT_CONNECTTIMEOUT => self::CONNECT_SECONDS,
			CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
			CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$answer) {
				[$name, $value] = explode(':', $line, 2) + [1 => null];
				if ($value !== null) {
					$answer['headers'][strtolower(trim($name))] = trim($value);
				}

				return strlen($line);
			},
			CURLOPT_WRITEFUNCTION => function ($curl, $bytes) use (&$answer) {
				$answer['body'] .= $bytes;

				return strlen($answer['body']) > self::MOST_BYTES ? 0 : strlen($bytes);
			},
		]
		+ ($method === 'POST' || $method === 'PUT' ? [CURLOPT_POSTFIELDS => $body] : [])
		+ ($bundle ? [CURLOPT_CAINFO => $bundle] : []));
		curl_exec($curl);

		return ['status' => (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE), 'error' => curl_error($curl)] + $answer;
	}
}
