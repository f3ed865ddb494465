<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/** The names of the groups and people that access lists name by hashes, as far as this hub knows them. */
final class AccessNames
{
	private const SOME = 200;
	/** A set is read whole by those who open it, so there is an end. */
	private const MOST = 10000;
	/** Bytes of hashes and names together. */
	private const MOST_BYTES = 1 << 20;

	/** @var array<string, ?string> By the entry; null while nobody has looked it up. */
	private array $names = [];

	public function __construct(private readonly Channel $channel) {}

	/** Notes entries of access lists. */
	public function add(string ...$entries): void
	{
		foreach ($entries as $entry) {
			if (count($this->names) < self::MOST && ! str_starts_with($entry, 'token:')) {
				$this->names[$entry] ??= null;
			}
		}
	}

	/** @return array<string, string> The names by `<hash>`. */
	public function all(): array
	{
		$names = [];
		foreach (array_chunk(array_map(strval(...), array_keys($this->names)), self::SOME) as $hashes) {
			foreach (Table::rows(
				'xchan',
				['xchan_hash' => $hashes],
				'xchan_hash',
				0,
				'xchan_hash, xchan_name',
			) as $row) {
				$names["<{$row['xchan_hash']}>"] = (string) $row['xchan_name'];
			}
			foreach (Table::rows(
				'pgrp',
				['uid' => $this->channel->id, 'hash' => $hashes],
				'hash',
				0,
				'hash, gname',
			) as $row) {
				$names["<{$row['hash']}>"] = (string) $row['gname'];
			}
		}
		ksort($names);
		$bytes = 0;

		return array_filter(
			$names,
			function (string $name, string $hash) use (&$bytes): bool {
				// Quotes and backslashes are written with a backslash.
				$bytes += strlen(addcslashes($name . $hash, '\\"')) + 16;

				return $bytes <= self::MOST_BYTES;
			},
			ARRAY_FILTER_USE_BOTH,
		);
	}
}
