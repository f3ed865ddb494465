<?php

namespace FileSync\Addon\Drill;

if (! class_exists('App', false)) {
	exit;
}

/** A file or folder that a sample may have. */
final class Pick
{
	public readonly string $hash;
	public readonly bool $isFolder;
	/** Of all its parts. */
	public readonly int $bytes;
	/** For people. */
	public readonly string $name;
	/** @var list<string> The hashes of its folders. */
	public readonly array $folders;

	public function __construct(
		Recorded $entry,
		/** Where it is in the order of the seed. */
		public readonly int $rank,
	) {
		$this->hash = $entry->hash;
		$this->isFolder = $entry->isFolder;
		$this->bytes = $entry->allBytes();
		$this->name = $entry->name();
		$this->folders = $entry->folders();
	}
}
