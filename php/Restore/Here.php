<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Revision\Ended;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What is here and known of some files and folders of a set, read at once.
 *
 * @import-type Known from \FileSync\Addon\Order\Judge
 */
final class Here
{
	/**
	 * @param array<string, true>   $read
	 * @param ?array<string, array{is_dir: int|numeric-string, ...}> $rows Null: each must be read separately.
	 * @param array<string, string> $states
	 * @param array<string, Known>  $files
	 * @param array<string, string> $days
	 */
	private function __construct(
		private readonly Channel $channel,
		private readonly array $read,
		private readonly ?array $rows,
		private readonly array $states,
		private readonly array $files,
		private readonly array $days,
	) {}

	/** @param list<Saved> $some */
	public static function of(Channel $channel, array $some): self
	{
		$hashes = array_column($some, 'hash');
		$above = array_merge(...array_map(fn (Saved $saved) => array_column($saved->folders, 'hash'), $some), ...[[]]);

		return new self(
			$channel,
			array_fill_keys($hashes, true),
			Store::attachSome($channel->id, array_values(array_unique([...$hashes, ...$above])), 'hash, is_dir'),
			Queue::states($channel->id, $hashes),
			Revisions::some($channel->id, $hashes),
			Ended::days($channel->id, $hashes),
		);
	}

	/** Tells whether it was read about a file or folder. */
	public function covers(Saved $saved): bool
	{
		return isset($this->read[$saved->hash]);
	}

	/**
	 * Tells whether a file or folder, or a folder above one, is here: as a folder, or as a file. Null if it is not.
	 *
	 * @throws \FileSync\Addon\Hub\Refused
	 */
	public function isFolder(string $hash): ?bool
	{
		$row = $this->rows === null ? Store::attach($this->channel->id, $hash) : $this->rows[$hash] ?? null;

		return $row === null ? null : (bool) (int) $row['is_dir'];
	}

	/** Tells whether bytes of a file are arriving. */
	public function isArriving(Saved $saved): bool
	{
		return in_array($this->states[$saved->hash] ?? null, Queue::LIVE, true);
	}

	/**
	 * Returns what is known of it.
	 *
	 * @return ?Known
	 */
	public function file(Saved $saved): ?array
	{
		return $this->files[$saved->hash] ?? null;
	}

	/** Returns on which day it was deleted, if that is so long ago that nothing else is known of it; otherwise null. */
	public function goneOn(Saved $saved): ?string
	{
		$file = $this->file($saved);

		return $file === null || $file['state'] === 'unknown' ? $this->days[$saved->hash] ?? null : null;
	}

	/** Tells whether nothing of it is here or was ever known. */
	public function isNew(Saved $saved): bool
	{
		return (
			$this->rows !== null
			&& ! isset($this->rows[$saved->hash])
			&& ! isset($this->states[$saved->hash])
			&& ! isset($this->files[$saved->hash])
		);
	}
}
