<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Incoming;
use FileSync\Addon\Order\Revisions;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Sibling;

if (! class_exists('App', false)) {
	exit;
}

/** Takes in how files stand on another clone. Which of two states stands is decided as for any packet. */
final class Intake
{
	/**
	 * Takes an entry in, unless it is a delete: those come after all that exists, as a folder goes once it is empty.
	 *
	 * @return ?list<string> Hashes of which the clone should hear; null: it is a delete.
	 */
	public static function take(array $channel, string $root, array $entry): ?array
	{
		if (self::isDelete($entry)) {
			return null;
		}

		return self::isFrom($root, $entry) ? Incoming::takeLate($channel, $entry) : [];
	}

	/**
	 * Takes deletes in: files, then folders, the deepest first.
	 *
	 * @return list<string> Hashes of which the clone should hear.
	 */
	public static function takeDeletes(array $channel, string $root, array $entries): array
	{
		$tell = [];
		$depths = [];
		foreach ($entries as $n => $entry) {
			$own = Store::attach((int) $channel['channel_id'], self::hashOf($entry));
			$depths[$n] = $own && (int) $own['is_dir'] ? substr_count($own['display_path'], '/') : PHP_INT_MAX;
		}
		arsort($depths);
		foreach (array_keys($depths) as $n) {
			$tell = [...$tell, ...self::isFrom($root, $entries[$n]) ? Incoming::takeLate($channel, $entries[$n]) : []];
		}

		return $tell;
	}

	/** Returns the hash of the file that an entry is about, empty if it is about none. */
	public static function hashOf(array $entry): string
	{
		$rows = is_array($entry['attach'] ?? null) ? $entry['attach'] : [];
		$hash = end($rows)['hash'] ?? '';

		return is_string($hash) ? $hash : '';
	}

	/** Tells whether both sides changed a file's bytes without knowing of each other. */
	public static function isConflict(array $channel, array $entry): bool
	{
		$told = Sibling::readOrder($entry['filesync'] ?? null)['revision']['bytes']['vector'] ?? null;
		$file = $told === null ? null : Revisions::find((int) $channel['channel_id'], self::hashOf($entry));

		return $file && Vector::compare($file['bytes']['vector'], $told) === 'concurrent';
	}

	/** Tells whether what is known here now has seen more than what an entry told. */
	public static function hasSeenMore(array $channel, array $entry): bool
	{
		$told = Sibling::readOrder($entry['filesync'] ?? null)['revision'];
		$file = $told ? Revisions::find((int) $channel['channel_id'], self::hashOf($entry)) : null;
		foreach ($file ? Revisions::GROUPS : [] as $group) {
			$ours = $group === 'bytes' && $file['wanted'] ? $file['wanted'] : $file[$group];
			if (! ($group === 'bytes' && $file['is_dir']) && Vector::compare($ours['vector'], $told[$group]['vector']) !== 'equal') {
				return true;
			}
		}

		return false;
	}

	private static function isDelete(array $entry): bool
	{
		return (bool) array_filter(is_array($entry['attach'] ?? null) ? $entry['attach'] : [], fn ($row) => ! empty($row['deleted']));
	}

	/** A clone speaks for itself only. */
	private static function isFrom(string $root, array $entry): bool
	{
		return is_string($entry['fetch_url'] ?? null) && Clones::normalise(dirname($entry['fetch_url'])) === Clones::normalise($root);
	}
}
