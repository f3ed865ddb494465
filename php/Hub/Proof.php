<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Web\HTTPSig;

if (! class_exists('App', false)) {
	exit;
}

/** Checks the proofs that stock clones send with a getfile request, by the same rules as core. */
final class Proof
{
	private const SLOP_MINUTES = 3;

	/** Tells whether the request comes from a clone of the channel. */
	public static function holds(Request $request, Channel $channel): bool
	{
		return self::byHeader($channel) || self::byMessageSignature($channel) || self::byForm($request, $channel);
	}

	/** The signature of the headers; some set-ups pass `Authorization` on under another name. */
	private static function byHeader(Channel $channel): bool
	{
		$header = trim((string) ($_SERVER['HTTP_AUTHORIZATION'] ?? $_SERVER['REDIRECT_REMOTE_USER'] ?? ''));
		if (! str_starts_with($header, 'Signature')) {
			return false;
		}
		$keyId = str_replace('acct:', '', (string) (HTTPSig::parse_sigheader($header)['keyId'] ?? ''));
		if ($keyId === '' || ! Clones::requested($channel->hash, $keyId)) {
			return false;
		}
		$_SERVER['HTTP_AUTHORIZATION'] ??= $header;
		$found = HTTPSig::verify('', $channel->publicKey);

		return is_array($found) && ! empty($found['header_signed']) && ! empty($found['header_valid']);
	}

	/**
	 * A signature as RFC 9421 has it, if core can verify one. Its key is the channel's RSA key: another algorithm would
	 * take what everybody knows for a secret.
	 */
	private static function byMessageSignature(Channel $channel): bool
	{
		$input = $_SERVER['HTTP_SIGNATURE_INPUT'] ?? '';
		$signer = self::parameter($input, 'keyid');
		$keyId = str_replace('acct:', '', $signer);
		if (
			$keyId === ''
			|| ! str_starts_with(self::parameter($input, 'alg'), 'rsa-')
			|| ! Clones::requested($channel->hash, $keyId)
		) {
			return false;
		}
		/** @var array{header_signed?: bool, header_valid?: bool, signer?: string}|bool|null $found */
		$found = HTTPSig::verify('', $channel->publicKey);

		// A hub that knows no such signature reads another one of the request.
		return (
			is_array($found)
			&& ! empty($found['header_signed'])
			&& ! empty($found['header_valid'])
			&& ($found['signer'] ?? '') === $signer
		);
	}

	/** Returns a parameter of a signature, empty if there is none, or more than one of that name. */
	private static function parameter(string $input, string $name): string
	{
		$parts = explode($name . '="', $input);

		return count($parts) === 2 ? (string) strstr($parts[1], '"', true) : '';
	}

	/** The field `signature` over channel and time, within some minutes. */
	private static function byForm(Request $request, Channel $channel): bool
	{
		[$time, $signature] = [$request->form['time'] ?? '', $request->form['signature'] ?? ''];
		if (! is_string($time) || ! is_string($signature) || $signature === '') {
			return false;
		}
		$slop = 60 * max(1, (int) get_pconfig($channel->id, 'system', 'getfile_time_slop', self::SLOP_MINUTES));
		if (
			$time > gmdate('Y-m-d H:i:s', Clock::now() + $slop)
			|| $time < gmdate('Y-m-d H:i:s', Clock::now() - $slop)
		) {
			return false;
		}

		return (
			openssl_verify(
				$channel->hash . '.' . $time,
				base64url_decode($signature),
				$channel->publicKey,
				OPENSSL_ALGO_SHA256,
			) === 1
		);
	}
}
