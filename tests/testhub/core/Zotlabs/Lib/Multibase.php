<?php

namespace Zotlabs\Lib;

use TestHub\Base58;

/** Ed25519 public keys as the world writes them: `z`, and the key behind a mark of its kind in base58. */
class Multibase {

	const ED25519 = "\xed\x01";

	/** Returns the multibase text of a key as the channel's row has it. */
	public static function publicKey($key) {
		return 'z' . Base58::encode(self::ED25519 . sodium_base642bin($key, SODIUM_BASE64_VARIANT_ORIGINAL_NO_PADDING));
	}

	/** Returns the 32 bytes of a key, '' if the text is none. */
	public static function decode($text) {
		$bytes = strncmp($text, 'z', 1) === 0 ? Base58::decode(substr($text, 1)) : '';
		return strncmp($bytes, self::ED25519, 2) === 0 && strlen($bytes) === 34 ? substr($bytes, 2) : '';
	}
}
