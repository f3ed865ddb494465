<?php

namespace FileSync\Addon\Hub;

use FileSync\Exception\FileSyncException;
use FileSync\ProofSigner;
use FileSync\Signer;

if (! class_exists('App', false)) {
	exit;
}

/** The keys of our channels, parsed once in a process. */
final class Keys
{
	/** @var array<string, Signer> By public key: a number may be given to another channel later. */
	private static array $signers = [];

	/** @var array<string, ?\OpenSSLAsymmetricKey> By their text, which takes five times as long to read as a check. */
	private static array $publicKeys = [];

	/** Returns what signs posts for a channel. */
	public static function signer(Channel $channel): Signer
	{
		return self::$signers[$channel->publicKey] ??= new Signer($channel->privateKey());
	}

	/**
	 * Tells whether a text has a signature of the channel as hubs sign posts, also in the older form without prefix. It
	 * needs no extension.
	 */
	public static function verifies(Channel $channel, string $text, string $signature): bool
	{
		$encoded = str_starts_with($signature, 'sha256.') ? substr($signature, 7) : $signature;
		$bytes = base64_decode(strtr($encoded, '-_', '+/'), true);

		$key = self::publicKey($channel);

		return $bytes !== false && $key && openssl_verify($text, $bytes, $key, OPENSSL_ALGO_SHA256) === 1;
	}

	private static function publicKey(Channel $channel): ?\OpenSSLAsymmetricKey
	{
		return self::$publicKeys[$channel->publicKey] ??= openssl_pkey_get_public($channel->publicKey) ?: null;
	}

	/**
	 * Signs a backup set for a channel: RSASSA-PKCS1-v1_5 with SHA-512.
	 *
	 * @throws \RuntimeException The message could be a post, or the key cannot sign.
	 */
	public static function signSet(Channel $channel, string $message): string
	{
		if (! str_starts_with($message, "\xFFfilesync-set-1\n")) {
			throw new \RuntimeException('this is not the message of a backup set');
		}
		$signature = '';
		if (! openssl_sign($message, $signature, $channel->privateKey(), OPENSSL_ALGO_SHA512)) {
			throw new \RuntimeException("the key of channel $channel->nick cannot sign");
		}

		return $signature;
	}

	/** Returns what signs documents for a channel, or null if it has no key for that: hubs make one from 8.9 on. */
	public static function proofSigner(Channel $channel): ?ProofSigner
	{
		try {
			return $channel->proofKey() === '' ? null : new ProofSigner($channel->proofKey());
		} catch (FileSyncException $e) {
			Log::failure("the Ed25519 key of channel $channel->id", $e);

			return null;
		}
	}
}
