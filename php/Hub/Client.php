<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Sends requests to other hubs, within the same bounds as the engine that fetches their files: only to addresses that
 * the policy allows, each resolved once; no redirects, no encoded bodies, no more bytes and no more time than the
 * caller grants.
 */
final class Client
{
	private const CONNECT_SECONDS = 10;
	private const MOST_HEADER_BYTES = 65536;
	/** A reply slower than this for this long counts as none. */
	private const LEAST_BYTES_A_SECOND = 256;
	private const SLOW_SECONDS = 30;

	/**
	 * @var ?\Closure Stands in for the network: method, URL, headers, body; returns status, headers, body, error,
	 *     or some of them.
	 */
	public static ?\Closure $wire = null;

	/**
	 * Makes one request.
	 *
	 * @param list<string> $headers
	 *
	 * @return array{status: int, headers: array<string, string>, body: string, error: string} Header names in lower
	 *     case, several cookies in lines; status 0 and an error if no whole answer came within the bounds.
	 *
	 * @throws Forbidden
	 */
	public static function ask(
		string $method,
		string $url,
		array $headers,
		string $body,
		int $mostBytes,
		int $seconds,
	): array {
		$answer = ['status' => 0, 'headers' => [], 'body' => '', 'error' => ''];
		if (self::$wire) {
			return (self::$wire)($method, $url, $headers, $body) + $answer;
		}
		$until = microtime(true) + $seconds;
		foreach (Addresses::of($url) as $address) {
			$left = (int) ceil(1000 * ($until - microtime(true)));
			$answer = $left > 0 ? self::askAt($address, $method, $url, $headers, $body, $mostBytes, $left) : $answer;
			if (! $answer['isUnreached']) {
				break;
			}
		}
		unset($answer['isUnreached']);

		return $answer;
	}

	private static function askAt(
		string $address,
		string $method,
		string $url,
		array $headers,
		string $body,
		int $mostBytes,
		int $milliseconds,
	): array {
		$answer = ['status' => 0, 'headers' => [], 'body' => '', 'error' => ''];
		$headerBytes = 0;
		$fault = '';
		$bundle = realpath('library/cacert.pem');
		$curl = curl_init($url);
		curl_setopt_array($curl, [
			CURLOPT_CUSTOMREQUEST => $method,
			CURLOPT_HTTPHEADER => [...$headers, 'Accept-Encoding: identity', 'Expect:'],
			CURLOPT_USERAGENT => 'filesync/' . Runtime::version(),
			// Even if the name resolves differently by now.
			CURLOPT_CONNECT_TO => ['::' . (str_contains($address, ':') ? "[$address]" : $address) . ':'],
			CURLOPT_PROXY => '',
			CURLOPT_PROTOCOLS => Clones::isPlain() ? CURLPROTO_HTTP | CURLPROTO_HTTPS : CURLPROTO_HTTPS,
			CURLOPT_FOLLOWLOCATION => false,
			CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
			CURLOPT_NOSIGNAL => true,
			CURLOPT_CONNECTTIMEOUT => self::CONNECT_SECONDS,
			CURLOPT_TIMEOUT_MS => $milliseconds,
			CURLOPT_LOW_SPEED_LIMIT => self::LEAST_BYTES_A_SECOND,
			CURLOPT_LOW_SPEED_TIME => self::SLOW_SECONDS,
			CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$answer, &$headerBytes, &$fault) {
				$headerBytes += strlen($line);
				[$name, $value] = explode(':', $line, 2) + [1 => null];
				$name = strtolower(trim($name));
				if ($value !== null) {
					// Each cookie has a header line of its own, and there may be several.
					$answer['headers'][$name] =
						(
							$name === 'set-cookie' && isset($answer['headers'][$name])
								? $answer['headers'][$name] . "\n"
								: ''
						) . trim($value);
				}
				$fault = $headerBytes > self::MOST_HEADER_BYTES
					? 'more headers than ' . self::MOST_HEADER_BYTES . ' bytes'
					: $fault;

				return $fault === '' ? strlen($line) : 0;
			},
			CURLOPT_WRITEFUNCTION => function ($curl, $bytes) use (&$answer, &$fault, $mostBytes) {
				$encoding = strtolower($answer['headers']['content-encoding'] ?? 'identity');
				$fault = match (true) {
					$encoding !== 'identity' => 'an encoded body that was not requested',
					(strlen($answer['body']) + strlen($bytes)) > $mostBytes => "a body of more than $mostBytes bytes",
					default => '',
				};
				$answer['body'] .= $fault === '' ? $bytes : '';

				return $fault === '' ? strlen($bytes) : 0;
			},
		]
		+ ($method === 'GET' ? [] : [CURLOPT_POSTFIELDS => $body])
		+ ($bundle ? [CURLOPT_CAINFO => $bundle] : []));
		$isWhole = curl_exec($curl);
		$status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
		$error = $fault !== '' ? $fault : curl_error($curl);
		$isUnreached =
			! $isWhole
			&& $status === 0
			&& in_array(curl_errno($curl), [CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT], true)
			&& curl_getinfo($curl, CURLINFO_CONNECT_TIME) == 0;

		return [
			'status' => $isWhole ? $status : 0,
			'error' => $isWhole ? '' : $error,
			'body' => $isWhole ? $answer['body'] : '',
			'isUnreached' => $isUnreached,
		] + $answer;
	}
}
