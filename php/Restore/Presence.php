<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Sizes;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/** Whether a file or folder of a set is on the hub, as far as its rows say; only a plan reads bytes. */
enum Presence: string
{
	case Here = 'here';
	case Differs = 'differs';
	case Deleted = 'deleted';
	case Missing = 'missing';

	private const COLUMN_BYTES = 2147483647;

	/**
	 * Returns it for some.
	 *
	 * @param list<array{hash: string, is_folder: bool, size_bytes: int, edited: string, sha256: string, ...}> $rows
	 *
	 * @return array<string, self> By hash.
	 */
	public static function of(Channel $channel, array $rows): array
	{
		$channelId = $channel->id;
		$hashes = array_column($rows, 'hash');
		$here = $hashes === []
			? []
			: array_column(
				Table::select(
					'attach',
					['uid' => $channelId, 'hash' => $hashes],
					'',
					0,
					'hash, filesize, edited, is_dir',
				),
				null,
				'hash',
			);
		$known = Revisions::some($channelId, array_values(array_diff($hashes, array_keys($here))));
		$presence = [];
		foreach ($rows as $row) {
			$own = $here[$row['hash']] ?? null;
			$isGone = in_array($known[$row['hash']]['state'] ?? '', ['gone', 'going'], true);
			$presence[$row['hash']] = match (true) {
				$own === null && $isGone => self::Deleted,
				$own === null => self::Missing,
				(bool) (int) $own['is_dir'] || $row['is_folder'] => self::Here,
				default => self::ofFile($channel, $row, (int) $own['filesize'], substr($own['edited'], 0, 19)),
			};
		}

		return $presence;
	}

	/** @param array{hash: string, edited: string, size_bytes: int, sha256: string, ...} $row */
	private static function ofFile(Channel $channel, array $row, int $sizeBytes, string $edited): self
	{
		// A hub's column may end at 4 GiB.
		$sizeBytes = $sizeBytes >= self::COLUMN_BYTES
			? Sizes::sizeOf($channel->id, $row['hash'])['size_bytes'] ?? $sizeBytes
			: $sizeBytes;
		$isSame = $sizeBytes === $row['size_bytes'];
		if ($isSame) {
			$digest = Digests::recorded($channel->id, $row['hash'], $sizeBytes, $edited);
			$isDated = $edited === substr($row['edited'], 0, 19);
			$digest ??= $isDated ? null : self::digest($channel, $row['hash']);
			$isSame = $digest === null ? $isDated : $digest === $row['sha256'];
		}

		return $isSame ? self::Here : self::Differs;
	}

	private static function digest(Channel $channel, string $hash): ?string
	{
		$stat = Facts::of($channel, $hash, 0)->stat();

		return $stat ? Digests::known($channel->id, $hash, 0, $stat) : null;
	}
}
