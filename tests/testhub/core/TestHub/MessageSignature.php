<?php

namespace TestHub;

/** Signatures of requests after RFC 9421, as hubs of 10.x make and check them: one a request, `rsa-v1_5-sha256`. */
final class MessageSignature {

	const ALGORITHM = 'rsa-v1_5-sha256';

	/**
	 * Returns header lines: those given, and the signature over method, URL and them.
	 *
	 * @param array<string, string> $headers
	 */
	public static function sign(string $method, string $url, array $headers, string $key, string $key_id, int $now): array {
		$values = ['@method' => strtoupper($method), '@target-uri' => $url] + array_change_key_case($headers);
		$parameters = sprintf('(%s);created=%d;expires=%d;keyid="%s";alg="%s"',
			implode(' ', array_map(function ($name) {
				return '"' . $name . '"';
			}, array_keys($values))), $now, $now + 3600, $key_id, self::ALGORITHM);
		openssl_sign(self::base($values, $parameters), $signature, $key, 'sha256');
		$lines = [];
		foreach ($headers as $name => $value) {
			$lines[] = $name . ': ' . $value;
		}
		return array_merge($lines, ['Signature-Input: sig1=' . $parameters, 'Signature: sig1=:' . base64_encode($signature) . ':']);
	}

	/** Returns whose key is said to have signed, '' if nobody's. */
	public static function signer(string $input): string {
		return preg_match('/;keyid="([^"]*)"/', $input, $m) ? $m[1] : '';
	}

	/**
	 * Checks the signature of a request. Every part that it covers must be there, and its time must not be over.
	 *
	 * @param array<string, string> $sent headers by their lower-case names
	 */
	public static function verify(string $method, string $url, array $sent, string $key, int $now): bool {
		if (!preg_match('/^([A-Za-z0-9_-]+)=(\(((?:"[^"]+" ?)*)\)(.*))$/D', trim($sent['signature-input'] ?? ''), $input)
			|| !preg_match('/^' . preg_quote($input[1], '/') . '=:([A-Za-z0-9+\/=]+):$/D', trim($sent['signature'] ?? ''), $signature)) {
			return false;
		}
		$number = function ($name) use ($input) {
			return preg_match('/;' . $name . '=(\d+)/', $input[4], $m) ? intval($m[1]) : null;
		};
		$is_current = ($number('created') ?? $now) <= $now + 60 && ($number('expires') ?? $now) >= $now;
		if (!$is_current || strpos($input[4], ';alg="' . self::ALGORITHM . '"') === false) {
			return false;
		}
		$all = ['@method' => strtoupper($method), '@target-uri' => $url] + $sent;
		$values = [];
		preg_match_all('/"([^"]+)"/', $input[3], $names);
		foreach ($names[1] as $name) {
			if (!isset($all[$name])) {
				return false;
			}
			$values[$name] = trim($all[$name]);
		}
		return openssl_verify(self::base($values, $input[2]), base64_decode($signature[1]), $key, 'sha256') === 1;
	}

	private static function base(array $values, string $parameters): string {
		$lines = '';
		foreach ($values as $name => $value) {
			$lines .= '"' . $name . '": ' . $value . "\n";
		}
		return $lines . '"@signature-params": ' . $parameters;
	}
}
