<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Config;

if (! class_exists('App', false)) {
	exit;
}

/** The files that a check found damaged in a set: the next run reads them again, and replaces what is not whole. */
final class Damage
{
	/** How many are remembered of a set. */
	public const MOST = 1000;

	/**
	 * Remembers some.
	 *
	 * @param list<string> $hashes
	 */
	public static function found(int $channelId, string $folder, array $hashes): void
	{
		if ($hashes !== []) {
			$known = self::all($channelId);
			$known[$folder] = array_slice(
				array_values(array_unique([...($known[$folder] ?? []), ...$hashes])),
				0,
				self::MOST,
			);
			self::save($channelId, $known);
		}
	}

	/**
	 * Returns those of a set.
	 *
	 * @return array<string, true> By hash.
	 */
	public static function of(int $channelId, string $folder): array
	{
		return array_fill_keys(self::all($channelId)[$folder] ?? [], true);
	}

	/** Forgets those of a set: a run has replaced them. */
	public static function mended(int $channelId, string $folder): void
	{
		$known = self::all($channelId);
		if (isset($known[$folder])) {
			unset($known[$folder]);
			self::save($channelId, $known);
		}
	}

	/** @return array<string, list<string>> */
	private static function all(int $channelId): array
	{
		/** @var array<string, list<string>> */
		return json_decode(Config::get('damaged', "backup:$channelId"), true) ?? [];
	}

	/** @param array<string, list<string>> $known */
	private static function save(int $channelId, array $known): void
	{
		$known === []
			? Config::clear('damaged', "backup:$channelId")
			: Config::set('damaged', json_encode($known, JSON_THROW_ON_ERROR), "backup:$channelId");
	}
}
