<?php

namespace FileSync\Addon\Peers;

use FileSync\Addon\Order\Judge;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The key `filesync` beside `attach` in a packet's file entries: the sender, and facts that no column can hold.
 *
 * @import-type Known from Judge
 */
final class Sibling
{
	/** Returns an entry with our sibling key; without it if this process cannot keep its promises. */
	public static function add(FilesHere $here, mixed $entry, bool $isDelete, array $beneath = []): mixed
	{
		$introduction = is_array($entry) && ! empty($entry['attach']) && is_array($entry['attach'])
			? $here->introduction()
			: null;
		if ($introduction) {
			$last = end($entry['attach']);
			$hash = (string) ($last['hash'] ?? '');
			$entry['filesync'] =
				$introduction
				+ ($isDelete || ! empty($last['is_dir']) ? [] : self::facts($here, $hash))
				+ self::order($here, $hash, $isDelete, $beneath);
		}

		return $entry;
	}

	private static function order(FilesHere $here, string $hash, bool $isDelete, array $beneath): array
	{
		$file = $here->record($hash);
		if (! $file || $isDelete !== ($file['state'] === 'gone')) {
			return [];
		}
		if ($isDelete) {
			return (
				['gone' => (object) $file['gone']]
				+ ($beneath ? ['beneath' => array_map(fn ($seen) => (object) $seen, $beneath)] : [])
			);
		}

		return ['revision' => self::revision($file)];
	}

	/**
	 * Returns what the values of a file have seen, as our sibling key says it.
	 *
	 * @param Known $file
	 *
	 * @return array<string, array<string, mixed>>
	 */
	public static function revision(array $file): array
	{
		$revision = [];
		foreach (Judge::GROUPS as $group) {
			$revision[$group] = [
				'seen' => (object) $file[$group]['vector'],
				'by' => $file[$group]['by'],
				'at' => $file[$group]['at'],
			];
		}
		$revision['bytes']['edited'] = $file['bytes']['edited'];
		$revision['place']['name'] = substr(strstr($file['place']['print'], "\n") ?: "\n", 1);

		return $revision;
	}

	private static function facts(FilesHere $here, string $hash): array
	{
		$facts = $here->facts($hash);
		if ($facts->state !== 'whole') {
			return [];
		}
		$stat = $facts->stat();
		$sha256 = $stat && $stat['size_bytes'] === $facts->sizeBytes
			? $here->digests()->find($facts, $stat)
			: null;

		return ['size_bytes' => $facts->sizeBytes] + ($sha256 === null ? [] : ['sha256' => $sha256]);
	}
}
