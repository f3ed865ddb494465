<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Exclusion;

if (! class_exists('App', false)) {
	exit;
}

/** What a restore was asked for. */
final class Choice
{
	private readonly ?Exclusion $only;

	public function __construct(
		/** Whether files that differ here get the set's bytes. */
		public readonly bool $mayReplace = false,
		/** Whether what was deleted since comes back. */
		public readonly bool $mayRevive = false,
		/** Whether everything becomes new files of this channel, for its owner alone. */
		public readonly bool $asCopy = false,
		/** Whether what is not proven by the channel's signature is believed. */
		public readonly bool $isTrusted = false,
		/** The only folder or file; null: all. */
		?string $only = null,
		/** @var list<string> Clones that are not asked what was deleted there: host names or URLs. */
		public readonly array $without = [],
	) {
		$this->only = $only === null ? null : new Exclusion([$only]);
	}

	/**
	 * Tells whether something is asked for.
	 *
	 * @param list<string> $names Its folders from the root down, and its own name.
	 */
	public function covers(array $names): bool
	{
		return $this->only === null || $this->only->covers($names);
	}
}
