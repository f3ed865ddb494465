<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a set would have of one file or folder, as the hub has it at one moment.
 *
 * @type Part = array{role: string, scale?: int, mimetype?: string, size: int, sha256: string}
 */
final class Offered
{
	/**
	 * @param list<Part> $parts
	 * @param list<Lack> $lacks
	 */
	private function __construct(
		public readonly Entry $entry,
		/** Size and digest of its bytes and of its crops. */
		public readonly array $parts,
		/** What a set that has these parts lacks of it. */
		public readonly array $lacks,
		/** Why an earlier version in the set is better than these bytes, in one word; empty: these are right. */
		public readonly string $fault,
		/** Why it must be read again, in one word; empty: it is certain. */
		public readonly string $again,
	) {}

	/**
	 * It is here, row and bytes.
	 *
	 * @param list<Part> $parts
	 * @param list<Lack> $lacks
	 */
	public static function whole(Entry $entry, array $parts, array $lacks): self
	{
		return new self($entry, $parts, $lacks, '', '');
	}

	/**
	 * The hub has no bytes of it, or others than its row says.
	 *
	 * @param list<Part> $parts
	 * @param list<Lack> $lacks
	 */
	public static function faulty(Entry $entry, string $fault, array $parts, array $lacks): self
	{
		return new self($entry, $parts, $lacks, $fault, '');
	}

	/** It changes, or its digest is being computed: it can be read in a moment. */
	public static function later(Entry $entry, string $why): self
	{
		return new self($entry, [], [], '', $why);
	}
}
