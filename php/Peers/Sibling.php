<?php

namespace FileSync\Addon\Peers;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;

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
	public static function add(Channel $channel, mixed $entry, bool $isDelete, array $beneath = []): mixed
	{
		$introduction = is_array($entry) && ! empty($entry['attach']) && is_array($entry['attach'])
			? Peers::introduction()
			: null;
		if ($introduction) {
			$last = end($entry['attach']);
			$hash = (string) ($last['hash'] ?? '');
			$entry['filesync'] =
				$introduction
				+ ($isDelete || ! empty($last['is_dir']) ? [] : self::facts($channel, $hash))
				+ self::order($channel, $hash, $isDelete, $beneath);
		}

		return $entry;
	}

	private static function order(Channel $channel, string $hash, bool $isDelete, array $beneath): array
	{
		$file = Revisions::find($channel->id, $hash);
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

	private static function facts(Channel $channel, string $hash): array
	{
		$facts = Facts::of($channel, $hash, 0);
		if ($facts->state !== 'whole') {
			return [];
		}
		$stat = $facts->stat();
		$sha256 = $stat && $stat['size_bytes'] === $facts->sizeBytes
			? Digests::known($facts->channelId(), $hash, 0, $stat)
			: null;

		return ['size_bytes' => $facts->sizeBytes] + ($sha256 === null ? [] : ['sha256' => $sha256]);
	}
}
