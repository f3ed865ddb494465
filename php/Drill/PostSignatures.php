<?php

namespace FileSync\Addon\Drill;

use FileSync\Addon\Hub\Channel;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Checks the signatures of a set's posts by the key of the set's channel. Posts of others are counted: the set has no
 * key that would prove them. Hubs have posts of the channel without a good signature, such as very old ones; a restore
 * marks them, and this names them.
 */
final class PostSignatures
{
	/** Posts of other people. */
	public int $ofOthers = 0;
	/** Posts of the channel without a signature that fits: a hub signs none of them. */
	public int $unsigned = 0;
	/** @var list<string> The files of the first of them. */
	public array $unsignedOf = [];

	public function __construct(private readonly Channel $channel, private readonly Ledger $ledger) {}

	/** Checks the posts of a file. */
	public function check(Recorded $entry): void
	{
		foreach (Recorded::rows($entry->items) as $item) {
			$author = Recorded::list($item, 'author');
			if (! $this->isOwn($author)) {
				$this->ofOthers++;
			} elseif ($this->fits(Recorded::text($item, 'body'), Recorded::text($item, 'signature'))) {
				$this->ledger->add(Proof::Posts, 1);
			} else {
				$this->unsigned++;
				$name = Ledger::short($entry->name());
				if (count($this->unsignedOf) < Ledger::NAMED && ! in_array($name, $this->unsignedOf, true)) {
					$this->unsignedOf[] = $name;
				}
			}
		}
	}

	/** @param array<array-key, mixed> $author */
	private function isOwn(array $author): bool
	{
		$key = Recorded::text($author, 'key');

		return (
			Recorded::text($author, 'id') === $this->channel->guid
			|| $key !== ''
			&& preg_replace('/\s+/', '', $key) === preg_replace('/\s+/', '', $this->channel->publicKey)
		);
	}

	private function fits(string $body, string $signature): bool
	{
		$encoded = str_starts_with($signature, 'sha256.') ? substr($signature, 7) : $signature;
		$bytes = base64_decode(strtr($encoded, '-_', '+/'), true);

		return (
			$bytes !== false
			&& $bytes !== ''
			&& openssl_verify($body, $bytes, $this->channel->publicKey, OPENSSL_ALGO_SHA256) === 1
		);
	}
}
