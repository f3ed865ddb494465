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
		return self::byHeader($channel) || self::byForm($request, $channel);
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
