<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Revision\Ended;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a hub has of a file, or when and having seen what it deleted it: all that a clone must know before it restores
 * one. It costs a small part of what an entry does.
 *
 * @import-type Seen from Vector
 */
final class Brief
{
	/**
	 * @param Seen  $seen What its bytes have seen.
	 * @param ?Seen $gone What a delete has seen; null: it was not deleted, or that is known no more.
	 */
	private function __construct(
		/** Whether it is there. */
		public readonly bool $isThere,
		public readonly int $sizeBytes = 0,
		/** The date of its bytes. */
		public readonly string $edited = '',
		/** The digest of its bytes; empty if it is not known. */
		public readonly string $sha256 = '',
		public readonly array $seen = [],
		public readonly ?array $gone = null,
		/** On which day it was deleted, if that is long ago: 2026-08-20; otherwise empty. */
		public readonly string $goneOn = '',
	) {}

	/**
	 * Returns what this hub has or knows of some files; those are missing of which it knows nothing, or whose bytes are
	 * arriving.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, self> By hash.
	 */
	public static function some(Channel $channel, array $hashes): array
	{
		$columns = 'id, uid, hash, filename, folder, filesize, is_dir, edited, allow_cid, allow_gid, deny_cid, deny_gid';
		$rows = Store::attachSome($channel->id, $hashes, "$columns, content");
		$files = Revisions::some($channel->id, $hashes);
		$states = Queue::states($channel->id, $hashes);
		$days = Ended::days($channel->id, $hashes);
		$briefs = [];
		foreach ($rows === null ? [] : $hashes as $hash) {
			$file = $files[$hash] ?? null;
			$row = $rows[$hash] ?? null;
			if (in_array($states[$hash] ?? '', Queue::LIVE, true)) {
				continue;
			}
			if ($row !== null) {
				$row = Store::withTrueSize($row);
				$here = $file['here'] ?? [];
				$isRecorded = ($here['bytes'] ?? '') === Revisions::prints($row, [])['bytes'];
				$briefs[$hash] = new self(
					true,
					(int) $row['filesize'],
					substr($row['edited'], 0, 19),
					$isRecorded && is_string($here['sha256'] ?? null) ? $here['sha256'] : '',
					$file['bytes']['vector'] ?? [],
				);
			} elseif ($file && $file['state'] === 'gone') {
				$briefs[$hash] = new self(false, gone: $file['gone']);
			} elseif (isset($days[$hash])) {
				$briefs[$hash] = new self(false, goneOn: $days[$hash]);
			}
		}

		return $briefs;
	}

	/** Reads what another hub wrote; null if it is not of this form. */
	public static function read(mixed $said): ?self
	{
		if (! is_array($said)) {
			return null;
		}
		$edited = self::text($said['edited'] ?? '', '/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/D');
		if (is_int($said['size_bytes'] ?? null) && $said['size_bytes'] >= 0 && $edited !== '') {
			$sha256 = self::text($said['sha256'] ?? '', Bounds::DIGEST);

			return new self(true, $said['size_bytes'], $edited, $sha256, Vector::read($said['seen'] ?? []) ?? []);
		}
		$gone = Vector::read($said['gone'] ?? null);
		$goneOn = self::text($said['gone_on'] ?? '', '/^\d{4}-\d\d-\d\d$/D');

		return $gone === null && $goneOn === '' ? null : new self(false, gone: $gone, goneOn: $goneOn);
	}

	/** @return array<string, mixed> As `read` reads it. */
	public function facts(): array
	{
		return match (true) {
			$this->isThere => [
				'size_bytes' => $this->sizeBytes,
				'edited' => $this->edited,
				'sha256' => $this->sha256,
				'seen' => (object) $this->seen,
			],
			$this->gone !== null => ['gone' => (object) $this->gone],
			default => ['gone_on' => $this->goneOn],
		};
	}

	private static function text(mixed $said, string $form): string
	{
		return is_string($said) && preg_match($form, $said) ? $said : '';
	}
}
