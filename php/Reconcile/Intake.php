<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Protocol\SiblingReader;
use FileSync\Addon\Receive\Incoming;
use FileSync\Addon\Revision\Revisions;

if (! class_exists('App', false)) {
	exit;
}

/** Applies another clone's entries. Conflicts are decided as for any packet. */
final class Intake
{
	/**
	 * Applies an entry unless it is a delete: deletes come last, because a folder can be removed only once it is empty.
	 *
	 * @return ?list<string> Hashes that the clone should be told about; null for a delete.
	 */
	public static function take(Channel $channel, string $root, array $entry): ?array
	{
		if (self::isDelete($entry)) {
			return null;
		}

		return self::isFrom($root, $entry) ? Incoming::takeLate($channel, $entry) : [];
	}

	/**
	 * Applies deletes: files, then folders, the deepest first.
	 *
	 * @return list<string> Hashes that the clone should be told about.
	 */
	public static function takeDeletes(Channel $channel, string $root, array $entries): array
	{
		$tell = [];
		$depths = [];
		foreach ($entries as $n => $entry) {
			$own = Store::attach($channel->id, self::hashOf($entry));
			$depths[$n] = $own && (int) $own['is_dir'] ? substr_count($own['display_path'], '/') : PHP_INT_MAX;
		}
		arsort($depths);
		foreach (array_keys($depths) as $n) {
			$tell = [
				...$tell,
				...(self::isFrom($root, $entries[$n]) ? Incoming::takeLate($channel, $entries[$n]) : []),
			];
		}

		return $tell;
	}

	/** Returns the hash of the file in an entry, empty if there is none. */
	public static function hashOf(array $entry): string
	{
		$rows = is_array($entry['attach'] ?? null) ? $entry['attach'] : [];
		$hash = end($rows)['hash'] ?? '';

		return is_string($hash) ? $hash : '';
	}

	/** Tells whether both clones changed a file's bytes without knowing about the other's change. */
	public static function isConflict(Channel $channel, array $entry): bool
	{
		$told = SiblingReader::readOrder($entry['filesync'] ?? null)['revision']['bytes']['vector'] ?? null;
		$file = $told === null ? null : Revisions::find($channel->id, self::hashOf($entry));

		return $file && Vector::compare($file['bytes']['vector'], $told) === 'concurrent';
	}

	/** Tells whether our record has seen more than an entry. */
	public static function hasSeenMore(Channel $channel, array $entry): bool
	{
		$told = SiblingReader::readOrder($entry['filesync'] ?? null)['revision'];
		$file = $told ? Revisions::find($channel->id, self::hashOf($entry)) : null;
		foreach ($file ? Judge::GROUPS : [] as $group) {
			$ours = $group === 'bytes' && $file['wanted'] ? $file['wanted'] : $file[$group];
			if (
				! ($group === 'bytes'
				&& $file['is_dir'])
				&& Vector::compare($ours['vector'], $told[$group]['vector']) !== 'equal'
			) {
				return true;
			}
		}

		return false;
	}

	private static function isDelete(array $entry): bool
	{
		return (bool) array_filter(
			is_array($entry['attach'] ?? null) ? $entry['attach'] : [],
			fn ($row) => ! empty($row['deleted']),
		);
	}

	/** Tells whether an entry is what a clone says of itself: of others it may not. */
	public static function isFrom(string $root, array $entry): bool
	{
		return (
			is_string($entry['fetch_url'] ?? null)
			&& Clones::normalise(dirname($entry['fetch_url'])) === Clones::normalise($root)
		);
	}
}
