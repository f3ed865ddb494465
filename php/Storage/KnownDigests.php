<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Sizes;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The recorded digests of some files, read at once. Each counts for bytes with the facts that it was recorded with.
 *
 * @import-type Stat from Facts
 */
final class KnownDigests
{
	/**
	 * @var array<string, array{Facts, Stat, string, int}> What get() found, empty if nothing, and when it looked at the
	 *     file; not recorded yet.
	 */
	private array $computed = [];
	/** @var array<string, string> The facts of bytes whose digest could not be computed just now. */
	private array $failed = [];
	/** @var list<string> The keys of the records that were there. */
	private readonly array $recorded;

	/** @param array<string, array{facts: string, sha256: string}> $rows By the key of the record. */
	private function __construct(private array $rows)
	{
		$this->recorded = array_map(strval(...), array_keys($rows));
	}

	/**
	 * Reads those of some files of a channel.
	 *
	 * @param array<array{hash: string, scale: int, ...}> $files
	 */
	public static function of(int $channelId, array $files): self
	{
		$ids = array_values(array_map(
			fn (array $file): string => Sizes::id($channelId, $file['hash'], $file['scale']),
			$files,
		));
		$rows = $ids ? Table::select('filesync_digest', ['id' => $ids], '', 0, 'id, facts, sha256') : [];

		$known = [];
		foreach ($rows as $row) {
			$known[$row['id']] = ['facts' => $row['facts'], 'sha256' => $row['sha256']];
		}

		return new self($known);
	}

	/**
	 * Returns the digest of a file's bytes with some facts, or null if it is unknown.
	 *
	 * @param Stat $stat
	 */
	public function find(Facts $file, array $stat): ?string
	{
		$row = $this->rows[self::id($file)] ?? null;

		return $row && $row['sha256'] !== '' && $row['facts'] === Facts::key($stat) ? $row['sha256'] : null;
	}

	/** Returns the digest of a file, which is computed as by Digests::of() if it is unknown; save() records it. */
	public function get(Facts $file, float $untilMs): ?string
	{
		$at = Clock::now();
		$stat = $file->content === null ? $file->stat() : null;
		if (! $stat || $stat['size_bytes'] > Digests::LARGE_BYTES) {
			return Digests::of($file, $untilMs);
		}
		$known = $this->find($file, $stat);
		[$id, $key] = [self::id($file), Facts::key($stat)];
		if ($known !== null || ($this->failed[$id] ?? '') === $key) {
			return $known;
		}
		$sha256 = Digests::computed($file, $stat, $untilMs);
		$this->computed[$id] = [$file, $stat, $sha256 ?? '', $at];
		if ($sha256 === null) {
			$this->failed[$id] = $key;
		} else {
			$this->rows[$id] = ['facts' => $key, 'sha256' => $sha256];
		}

		return $sha256;
	}

	/**
	 * Records what get() computed since, and that others are to be computed, all together. If that fails, they are
	 * computed again.
	 */
	public function save(): void
	{
		[$computed, $this->computed] = [$this->computed, []];
		try {
			if ($computed !== []) {
				Digests::rememberAll(array_values($computed), $this->recorded);
			}
		} catch (\Throwable $e) {
			Log::failure('recording ' . count($computed) . ' digests', $e);
		}
	}

	/** Returns the digest of a small file at this moment, as Digests::momentary() does. */
	public function momentary(Facts $file): ?string
	{
		$stat = $file->stat();

		return ($stat ? $this->find($file, $stat) : null) ?? Digests::momentary($file, true);
	}

	private static function id(Facts $file): string
	{
		return Sizes::id($file->channelId(), $file->hash, $file->scale);
	}
}
