<?php

namespace Set;

/** What `reader.py` says of a backup set: it was written from docs/backup-set.md and has no code of filesync. */
final class Reading
{
	private function __construct(
		/** @var array<string, array> Files and folders by hash. */
		public readonly array $entries,
		/** @var array<string, mixed> What `set.json` says. */
		public readonly array $about,
		public readonly bool $isCutOff,
		/** @var list<string> What is wrong. */
		public readonly array $faults,
	) {}

	/** Reads a set, signed by its channel, or at home by its owner: only minisign can check that. */
	public static function of(string $folder, bool $isOfHub = true): self
	{
		exec('python3 ' . escapeshellarg(__DIR__ . '/reader.py') . ' ' . escapeshellarg($folder), $said, $status);
		$read = json_decode(implode("\n", $said), true);
		if (! is_array($read) || ! in_array($status, [0, 1, 3], true)) {
			throw new \RuntimeException("reader.py ended with $status");
		}
		$faults = array_map(
			fn ($finding) => "the reader: {$finding['code']} {$finding['path']} {$finding['words']}",
			$read['findings'],
		);
		foreach ($read['notes'] as $note) {
			$note['code'] === 'not_listed' && ($faults[] = "the reader: {$note['path']} is in no list");
		}
		if (isset($read['refused'])) {
			$faults[] = "the reader refuses it: {$read['refused']}";
		} elseif (
			$read['signer'] !== ($isOfHub ? 'channel' : 'owner')
			|| ! in_array($read['signature'], $isOfHub ? ['verifies'] : ['verifies', 'unknown'], true)
		) {
			$faults[] = "the reader: the signature of the {$read['signer']}: {$read['signature']}";
		}

		return new self(
			array_column($read['entries'] ?? [], null, 'hash'),
			$read['set'] ?? [],
			$read['cut_off'] ?? false,
			$faults,
		);
	}
}
