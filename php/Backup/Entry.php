<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/**
 * One file or folder of a channel as its rows were at one moment: its metadata, complete in itself, and where its bytes
 * are.
 */
final class Entry
{
	public function __construct(
		public readonly string $hash,
		public readonly bool $isFolder,
		/** @var non-empty-list<string> Its folders from the root down, and its own name. */
		public readonly array $names,
		/** The metadata as JSON, without what depends on the set. */
		public readonly string $metadata,
		/** Hub-relative path of its bytes; null if they are in the database, or nowhere that we read. */
		public readonly ?string $path,
		/** The number of its row, if that holds the bytes itself. */
		public readonly ?int $rowWithBytes,
		/** The date of its bytes, as its row has it. */
		public readonly string $edited,
		/** What its row claims. */
		public readonly int $sizeBytes,
		/** @var list<Crop> */
		public readonly array $crops,
		/** How many posts it has. */
		public readonly int $posts,
		/** @var list<Lack> */
		public readonly array $lacks,
	) {}
}
