<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/** What a run would copy, without beginning one. */
final class Outlook
{
	private const SOME = 200;
	/** Of a hub whose speed no run has measured. */
	private const BYTES_PER_SECOND = 50 << 20;
	/** A run that copies less says nothing about the speed. */
	private const TELLING_BYTES = 64 << 20;

	private function __construct(
		public readonly int $files,
		public readonly int $bytes,
		/** Those that the set does not have as they are now. */
		public readonly int $newFiles,
		public readonly int $newBytes,
		public readonly int $seconds,
	) {}

	/**
	 * Compares a channel with its set, if there is one.
	 *
	 * @param array{headroom_bytes?: int, bytes_per_second?: int} $limits
	 *
	 * @throws Problem
	 */
	public static function of(Channel $channel, string $folder, array $limits, Exclusion $exclusion): self
	{
		$files = $bytes = 0;
		foreach ((new Entries($channel))->pages() as $entries) {
			foreach ($entries as $entry) {
				if (! $entry->isFolder && ! $exclusion->covers($entry->names)) {
					$files++;
					$bytes += $entry->sizeBytes;
				}
			}
		}
		try {
			[$sameFiles, $sameBytes] = is_file("$folder/set.json") ? self::same($channel, $folder, $exclusion) : [0, 0];
		} catch (FileSyncException $e) {
			throw Problem::of($e, $folder);
		}
		$rate = $limits['bytes_per_second'] ?? PHP_INT_MAX;
		$rate = min($rate, Config::number('backup_speed', 'state') ?: self::BYTES_PER_SECOND);
		$newBytes = max(0, $bytes - $sameBytes);

		return new self($files, $bytes, max(0, $files - $sameFiles), $newBytes, (int) ceil($newBytes / $rate));
	}

	/**
	 * Returns the limits that an admin sets for runs.
	 *
	 * @return array{headroom_bytes: int, bytes_per_second?: int} As the extension takes them.
	 */
	public static function limits(): array
	{
		$rate = Config::number('bytes_per_second');

		return ['headroom_bytes' => Config::number('headroom_bytes')] + ($rate ? ['bytes_per_second' => $rate] : []);
	}

	/** Notes how fast a run was, for later outlooks. */
	public static function learn(Result $result): void
	{
		if ($result->counts['copied_bytes'] >= self::TELLING_BYTES && $result->seconds > 0) {
			Config::set('backup_speed', (string) (int) ($result->counts['copied_bytes'] / $result->seconds), 'state');
		}
	}

	/** @return array{int, int} The files that the set has as they are, and their bytes. */
	private static function same(Channel $channel, string $folder, Exclusion $exclusion): array
	{
		$files = $bytes = 0;
		$list = new \FileSync\SetList($folder);
		while ($rows = $list->next(self::SOME)) {
			$known = [];
			foreach ($rows as $row) {
				if ($row['kind'] === 'file' && ! $exclusion->covers($row['names'])) {
					$known[$row['hash']] = "{$row['size_bytes']} {$row['edited']}";
				}
			}
			$where = ['uid' => $channel->id, 'hash' => array_map(strval(...), array_keys($known)), 'is_dir' => 0];
			foreach ($known === [] ? [] : Table::select('attach', $where, '', 0, 'hash, filesize, edited') as $row) {
				if (($known[$row['hash']] ?? '') === (int) $row['filesize'] . ' ' . substr($row['edited'], 0, 19)) {
					$files++;
					$bytes += (int) $row['filesize'];
				}
			}
		}

		return [$files, $bytes];
	}
}
