<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Keys;
use FileSync\Addon\Hub\Log;
use FileSync\Exception\FileSyncException;
use FileSync\ProofSigner;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Documents inside posts that are signed as a whole, and collections that they name.
 *
 * A hub from 10 on adds every post to a conversation container by an item `Add`, which holds the whole post as the hub
 * sends it, with a proof by the channel's Ed25519 key. A changed document is worth nothing without a new proof, so
 * only the channel's own are changed, and only where its key is.
 */
final class SealedDocument
{
	private const SEALS = ['proof', 'signature'];
	private const COLLECTIONS = ['Collection', 'OrderedCollection'];

	/**
	 * Tells whether a field of a post holds anything that is signed as a whole.
	 *
	 * @param mixed $field JSON, or what it says.
	 */
	public static function isIn(mixed $field): bool
	{
		$values = self::read($field) ?? [];
		$seals = array_intersect_key($values, array_flip(self::SEALS));

		return (
			array_filter($seals, fn ($seal) => ! in_array($seal, ['', null], true)) !== []
			|| array_filter(array_filter($values, 'is_array'), self::isIn(...)) !== []
		);
	}

	/**
	 * Returns the channel's own document as it is here, with a new proof; unchanged if nothing in it changes. Null if
	 * it has to stay as it came: it is somebody else's, does not verify, or the channel has no key to sign it with.
	 *
	 * An older `signature` beside the proof would be void, and is left out.
	 *
	 * @param mixed $came  The document: JSON, or what it says.
	 * @param mixed $moved The same with this hub's URLs.
	 */
	public static function renew(Channel $channel, mixed $came, mixed $moved): array|string|null
	{
		$signer = Keys::proofSigner($channel);
		$document = self::read($came);
		$unsigned = self::withoutSeals(self::read($moved) ?? []);
		if (! $signer || ! $document || ! self::isOwn($signer, $document)) {
			return null;
		}
		if ($unsigned === self::withoutSeals($document)) {
			return is_string($came) ? $came : $document;
		}
		$url = Clones::ownUrl($channel);
		if (self::actor($unsigned) !== $url) {
			return null;
		}
		try {
			$signed = $signer->sign(
				self::text($unsigned),
				$url . '#' . $signer->publicKey(),
				gmdate('Y-m-d\TH:i:s\Z', Clock::now()),
				isset($document['proof']['@context']),
			);
		} catch (FileSyncException $e) {
			Log::failure('a new proof of a document', $e);

			return null;
		}

		return is_string($came) ? self::text(self::read($signed)) : self::read($signed);
	}

	/**
	 * Returns a field with this hub's URLs, but with the collections in it as they came: their ids name the hub where
	 * the conversation began, on every clone, and `attributedTo` has to name the same.
	 */
	public static function withCollectionsOf(mixed $came, mixed $moved): mixed
	{
		$after = self::read($moved);
		$kept = $after === null ? null : self::kept(self::read($came) ?? [], $after);
		if ($kept === $after) {
			return $moved;
		}

		return is_string($moved) ? self::text($kept) : $kept;
	}

	private static function kept(array $before, array $after): array
	{
		$types = is_array($before['type'] ?? null) ? $before['type'] : [$before['type'] ?? null];
		if (array_intersect(array_filter($types, 'is_string'), self::COLLECTIONS) !== []) {
			return $before;
		}
		foreach (array_keys($after) as $key) {
			if (is_array($before[$key] ?? null) && is_array($after[$key])) {
				$after[$key] = self::kept($before[$key], $after[$key]);
			}
		}

		return $after;
	}

	/** Tells whether a document is the channel's own: the proof is by its key and names it as the actor. */
	private static function isOwn(ProofSigner $signer, array $document): bool
	{
		$key = $signer->publicKey();
		if (
			($document['proof']['verificationMethod'] ?? '') !== self::actor($document) . '#' . $key
			|| self::isIn(self::withoutSeals($document))
		) {
			return false;
		}
		// A hub tells 100.0 from 100 while it signs, but not when it sends or stores what it signed.
		foreach ([0, JSON_PRESERVE_ZERO_FRACTION] as $flags) {
			try {
				ProofSigner::verify(self::text($document, $flags), $key);

				return true;
			} catch (FileSyncException) {
				continue;
			}
		}

		return false;
	}

	private static function actor(array $document): string
	{
		$actors = [$document['actor'] ?? null, $document['actor']['id'] ?? null, $document['attributedTo'] ?? null];

		return array_values(array_filter($actors, 'is_string'))[0] ?? '';
	}

	private static function withoutSeals(array $document): array
	{
		return array_diff_key($document, array_flip(self::SEALS));
	}

	/** Returns what JSON says; null if that is neither an object nor a list. What is decoded already stays so. */
	private static function read(mixed $field): ?array
	{
		/** @var mixed */
		$value = is_string($field) ? json_decode($field, true) : $field;

		return is_array($value) ? $value : null;
	}

	/** Returns JSON as the hub stores it, empty if there is none. */
	private static function text(?array $value, int $flags = 0): string
	{
		return (string) json_encode($value, $flags);
	}
}
