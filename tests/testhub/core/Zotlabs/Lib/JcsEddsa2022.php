<?php

namespace Zotlabs\Lib;

use TestHub\Base58;
use TestHub\Jcs;

/**
 * Proofs `eddsa-jcs-2022`: over the digest of the proof's options and that of the document, each in canonical form and
 * without what signs it.
 */
class JcsEddsa2022 {

	/** Returns the proof of a document by the channel's key. */
	public function sign($data, $channel): array {
		$options = [
			'type' => 'DataIntegrityProof',
			'cryptosuite' => 'eddsa-jcs-2022',
			'created' => datetime_convert('UTC', 'UTC', 'now', ATOM_TIME),
			'verificationMethod' => channel_url($channel) . '#' . Multibase::publicKey($channel['channel_epubkey']),
			'proofPurpose' => 'assertionMethod',
		];
		$key = sodium_base642bin($channel['channel_eprvkey'], SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING);
		return $options + ['proofValue' => 'z' . Base58::encode(sodium_crypto_sign_detached(self::digests($data, $options), $key))];
	}

	/** Checks a document that holds its proof, by a key in multibase. */
	public function verify($data, $publicKey) {
		$value = (string) ($data['proof']['proofValue'] ?? '');
		$signature = strncmp($value, 'z', 1) === 0 ? Base58::decode(substr($value, 1)) : '';
		$key = Multibase::decode((string) $publicKey);
		return strlen($signature) === SODIUM_CRYPTO_SIGN_BYTES && $key !== ''
			&& sodium_crypto_sign_verify_detached($signature, self::digests($data, $data['proof']), $key);
	}

	private static function digests(array $data, array $options): string {
		unset($data['proof'], $data['signature'], $options['proofValue']);
		return hash('sha256', Jcs::text($options), true) . hash('sha256', Jcs::text($data), true);
	}
}
