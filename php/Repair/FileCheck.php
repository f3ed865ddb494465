<?php

namespace FileSync\Addon\Repair;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Wanted;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads one file on disk again, and has it fetched where it is damaged.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Stat from \FileSync\Addon\Storage\Facts
 */
final class FileCheck
{
	private const STEP_MS = 2000;

	public function __construct(private readonly Channel $channel) {}

	/**
	 * Checks one file and, if it is damaged, has it fetched.
	 *
	 * @param AttachRow $row
	 *
	 * @return array{hash: string, name: string, verdict: string, reason: string} Verdicts: `present`; `unverified`:
	 *     it had no digest, but has one now; `damaged`: it is being fetched; `lost`: damaged, and no other clone can
	 *     give it; `arriving`, `changing`: not checked now.
	 */
	public function look(array $row, ?\Closure $beat = null): array
	{
		$facts = Facts::of($this->channel, $row['hash'], 0);
		$stat = $facts->stat();
		if ($facts->isArriving) {
			return self::verdict($row, 'arriving');
		}
		$recorded = $this->recorded($row);
		$isSane = $stat && $stat['size_bytes'] === (int) $row['filesize'];
		if (! $stat) {
			return $this->damaged($row, $recorded, 'nothing is on disk');
		}
		$sha256 = Facts::isRecent($stat) ? null : $this->digest($facts, $stat, $beat);
		if ($sha256 === null || $this->isChanged($row)) {
			return self::verdict($row, 'changing');
		}
		if ($sha256 === $recorded || ($recorded === null && $isSane)) {
			Digests::remember($facts->channelId(), $row['hash'], 0, $stat['size_bytes'], $stat, $sha256);

			return self::verdict($row, $recorded === null ? 'unverified' : 'present');
		}

		return $this->damaged(
			$row,
			$recorded,
			$isSane
				? 'its bytes differ from the recorded ones'
				: "{$stat['size_bytes']} bytes are on disk, not {$row['filesize']}",
		);
	}

	/**
	 * Returns the recorded digest of the row's bytes, null if there is none.
	 *
	 * @param AttachRow $row
	 */
	private function recorded(array $row): ?string
	{
		$here = Revisions::find((int) $row['uid'], $row['hash'])['here'] ?? [];
		if (isset($here['sha256']) && ($here['bytes'] ?? '') === Revisions::prints($row, [])['bytes']) {
			return $here['sha256'];
		}

		return Digests::recorded((int) $row['uid'], $row['hash'], (int) $row['filesize'], $row['edited']);
	}

	/** @param AttachRow $row */
	private function isChanged(array $row): bool
	{
		$now = Table::first('attach', ['id' => (int) $row['id']], '', 'filesize, edited');

		return ! $now || $now['edited'] !== $row['edited'] || Queue::isLive((int) $row['uid'], $row['hash']);
	}

	/** @param Stat $stat */
	private function digest(Facts $facts, array $stat, ?\Closure $beat): ?string
	{
		[$root, $path] = $facts->rootAndPath();
		try {
			$digest = new \FileSync\FileDigest(new \FileSync\Store($root), $path);
			while (! $digest->step(self::STEP_MS)) {
				if ($beat) {
					$beat();
				}
			}
		} catch (FileSyncException) {
			return null;
		}

		return $facts->stat() === $stat ? $digest->sha256() : null;
	}

	/**
	 * Has a file fetched in the version of its row.
	 *
	 * @param AttachRow $row
	 */
	private function damaged(array $row, ?string $sha256, string $reason): array
	{
		$clone = Peers::byHealth(Clones::others($this->channel))[0] ?? null;
		Log::write(
			"{$row['hash']} of channel {$row['uid']} is damaged: $reason" . ($clone ? '' : '; there is no other clone'),
		);
		if (! $clone) {
			return self::verdict($row, 'lost', $reason);
		}
		// The bytes on disk must neither count as the recorded ones, nor be given to others as whole.
		Digests::distrust((int) $row['uid'], $row['hash']);
		try {
			$this->fetch($row, $sha256, $clone);
		} catch (Refused|Postponed $e) {
			return self::verdict($row, 'lost', "$reason; it cannot be fetched: " . $e->getMessage());
		}

		return self::verdict($row, 'damaged', $reason);
	}

	/** @param AttachRow $row */
	private function fetch(array $row, ?string $sha256, array $clone): void
	{
		$entry = Core::export($this->channel, $row['hash']);
		$packet = Packet::read(array_diff_key($entry, ['item' => 1]));
		$file = Revisions::find((int) $row['uid'], $row['hash']) ?? Revisions::unknown((int) $row['uid'], $row['hash']);
		$value = $file['bytes']['print'] === ''
			? null
			: array_diff_key($file['bytes'], ['past' => 1]) + ['seen' => $file['bytes']['vector']];
		Queue::stage(new Wanted(
			channelId: (int) $row['uid'],
			hash: (string) $row['hash'],
			scale: 0,
			sizeBytes: (int) $row['filesize'],
			edited: substr((string) $row['edited'], 0, 19),
			mimetype: (string) $row['filetype'],
			folder: (string) $row['folder'],
			origin: (string) $clone['url'],
			nick: (string) $clone['nick'],
			names: array_map(strval(...), [...array_column($packet->folders, 'filename'), $row['filename']]),
			entry: ['folders' => $packet->folders, 'attach' => $packet->last, 'photo' => $packet->photos[0] ?? null]
			+ ($sha256 === null ? [] : ['sha256' => $sha256])
			+ ['revision' => $value],
			base: Store::facts(Store::pathOf($this->channel, $row)),
			isLate: true,
		));
	}

	/** @param AttachRow $row */
	private static function verdict(array $row, string $verdict, string $reason = ''): array
	{
		return ['hash' => $row['hash'], 'name' => $row['display_path'], 'verdict' => $verdict, 'reason' => $reason];
	}
}
