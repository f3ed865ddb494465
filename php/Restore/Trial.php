<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A restore that is only tried: some files of a channel's set go to a scratch channel. They get hashes of their own,
 * since a hub finds pictures by their hash alone, and what the set says of the channel holds for the scratch channel.
 * Posts are not restored: they would be posts of somebody else.
 */
final class Trial
{
	private const DIGITS = 24;

	public function __construct(
		/** The channel whose set it is. */
		public readonly Channel $of,
		/** @var ?array<string, true> The files and folders that are tried, by their hashes in the set; null: all. */
		private readonly ?array $hashes,
	) {}

	/** Tells whether a file or folder is tried. */
	public function covers(string $hash): bool
	{
		return $this->hashes === null || isset($this->hashes[$hash]);
	}

	/**
	 * Returns the hash that a file or folder has on the scratch channel. It begins with the channel's name, so that all
	 * that names it can be found; no number is at its end behind a hyphen.
	 */
	public static function hashOn(Channel $scratch, string $hash): string
	{
		return $hash === '' ? '' : "{$scratch->nick}x" . substr(hash('sha256', $hash), 0, self::DIGITS);
	}

	/**
	 * Returns a row of a file, folder or photo with the scratch channel in the place of the one whose set it is.
	 *
	 * @template T of array{allow_cid: string, deny_cid: string, ...}
	 *
	 * @param T      $row
	 * @param string $origin The hash of the set's channel.
	 *
	 * @return T
	 */
	public static function moved(array $row, Channel $scratch, string $origin): array
	{
		$move = fn (string $list): string => str_replace("<$origin>", "<$scratch->hash>", $list);

		return ['allow_cid' => $move($row['allow_cid']), 'deny_cid' => $move($row['deny_cid'])] + $row;
	}
}
