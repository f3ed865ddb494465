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

	/** Returns what signs posts for a channel. */
	public static function signer(Channel $channel): Signer
	{
		return self::$signers[$channel->publicKey] ??= new Signer($channel->privateKey());
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
