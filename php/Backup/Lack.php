<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** Something that a channel has and its set does not, with the reason in words. */
final class Lack
{
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
