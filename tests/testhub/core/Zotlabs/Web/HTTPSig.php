<?php

namespace Zotlabs\Web;

use TestHub\MessageSignature;

/**
 * HTTP Signatures (cavage draft) as hubs make and check them: RSA, and no time limit unless `date` is signed. A 10
 * checks those of RFC 9421 too.
 */
class HTTPSig {

	/**
	 * Takes `keyId="…",algorithm="…",headers="…",signature="…"` apart.
	 *
	 * @return array<string, mixed>
	 */
	public static function parse_sigheader($header) {
		$parts = [];
		foreach (['keyId', 'algorithm', 'headers', 'signature'] as $name) {
			if (preg_match('/' . $name . '="(.*?)"/is', $header, $m)) {
				$parts[$name] = $m[1];
			}
		}
		$parts['headers'] = explode(' ', $parts['headers'] ?? 'date');
		$parts['signature'] = base64_decode($parts['signature'] ?? '');
		return $parts;
	}

	/**
	 * Checks the present request's signature with a public key. A signed header that was not sent is left out of the
	 * text.
	 */
	public static function verify($data, $key = '') {
		$result = ['signer' => '', 'header_signed' => false, 'header_valid' => false];
		$sent = ['(request-target)' => strtolower($_SERVER['REQUEST_METHOD']) . ' ' . $_SERVER['REQUEST_URI']];
		$sent['content-type'] = $_SERVER['CONTENT_TYPE'] ?? '';
		$sent['content-length'] = $_SERVER['CONTENT_LENGTH'] ?? '';
		foreach ($_SERVER as $name => $value) {
			if (strncmp($name, 'HTTP_', 5) === 0) {
				$sent[str_replace('_', '-', strtolower(substr($name, 5)))] = $value;
			}
		}
		if (TESTHUB >= 10 && isset($sent['signature-input'], $sent['signature'])) {
			$result['signer'] = MessageSignature::signer($sent['signature-input']);
			$result['header_signed'] = $result['signer'] !== '';
			$url = z_root() . $_SERVER['REQUEST_URI'];
			$result['header_valid'] = $key && MessageSignature::verify($_SERVER['REQUEST_METHOD'], $url, $sent, $key, strtotime(datetime_convert() . ' UTC'));
			return $result;
		}
		$header = $sent['signature'] ?? $sent['authorization'] ?? '';
		if ($header === '') {
			return $result;
		}
		$block = self::parse_sigheader($header);
		$lines = [];
		foreach ($block['headers'] as $name) {
			if (isset($sent[$name])) {
				$lines[] = $name . ': ' . $sent[$name];
			}
		}
		$algorithm = ['rsa-sha256' => 'sha256', 'rsa-sha512' => 'sha512'][$block['algorithm'] ?? ''] ?? null;
		$result['header_signed'] = true;
		$result['signer'] = $block['keyId'] ?? '';
		$result['header_valid'] = $algorithm && $key && openssl_verify(implode("\n", $lines), $block['signature'], $key, $algorithm) === 1;
		return $result;
	}

	/**
	 * Returns header lines: those given, and the signature over them.
	 *
	 * @return list<string>
	 */
	public static function create_sig($head, $prvkey, $keyid = '', $auth = false, $alg = 'sha256') {
		$lines = $headers = [];
		foreach ($head as $name => $value) {
			$lines[] = strtolower($name) . ': ' . trim($value);
			if ($name !== '(request-target)') {
				$headers[] = $name . ': ' . $value;
			}
		}
		openssl_sign(implode("\n", $lines), $signature, $prvkey, $alg);
		$headers[] = ($auth ? 'Authorization: Signature ' : 'Signature: ') . sprintf('keyId="%s",algorithm="rsa-%s",headers="%s",signature="%s"',
			$keyid, $alg, strtolower(implode(' ', array_keys($head))), base64_encode($signature));
		return $headers;
	}
}
