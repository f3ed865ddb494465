<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** Something that a channel has and its set does not, with the reason in words. */
final class Lack
{
	/** Reasons that stay as they are each time: a message about them each night would hide others. */
	private const KNOWN = ['excluded', 'no_file', 'too_many'];

	public function __construct(
		/** `file`, `folder`, `crop`, `photo` or `posts`. */
		public readonly string $what,
		/** In one word, for programs. */
		public readonly string $why,
		/** For the owner, in English: the set may be read anywhere. */
		public readonly string $words,
		/** The file that it is about; empty if it is about none. */
		public readonly string $hash = '',
	) {}

	/**
	 * Returns that a file could not be read.
	 *
	 * @param bool $isKept Whether the set has an earlier version.
	 */
	public static function ofFile(Entry $entry, string $why, bool $isKept): self
	{
		$name = implode('/', $entry->names);
		$words = match ($why) {
			'no_bytes' => "$name has no bytes on the hub",
			'size_differs' => "$name has another number of bytes on the hub than its row says"
				. ($isKept ? '' : ', and is in the set as it is'),
			'unreadable' => "$name cannot be read on the hub",
			'too_large' => "$name: what the hub knows of it is too much for a set",
			default => "$name is being changed",
		};

		return new self('file', $why, $words . ($isKept ? '; its last version is in the set.' : '.'), $entry->hash);
	}

	/** Returns that a crop of a photo could not be read. */
	public static function ofCrop(Entry $entry, int $scale, string $why): self
	{
		$name = implode('/', $entry->names);

		return new self(
			'crop',
			$why,
			($scale === 4 ? "The profile picture cut from $name " : "The cover photo cut from $name ")
			. ($why === 'no_bytes' ? 'has no bytes on the hub.' : 'is larger than 16 MiB.'),
			$entry->hash,
		);
	}

	/** Tells whether somebody can do something about it: then it decides about exit codes and colours. */
	public function needsAttention(): bool
	{
		return ! in_array($this->why, self::KNOWN, true);
	}

	/** @return array{what: string, why: string, words: string, hash?: string} As `set.json` lists it. */
	public function listed(): array
	{
		return (
			['what' => $this->what]
			+ ($this->hash === '' ? [] : ['hash' => $this->hash])
			+ ['why' => $this->why, 'words' => $this->words]
		);
	}
}
