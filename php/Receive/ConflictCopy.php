<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\AttachRow;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Keeps the losing bytes when two hubs changed a file without knowing about each other's change: as a file of its own
 * beside the winner, named with hub and time. Hash, name and revision derive from the losing bytes, so that every clone
 * makes the same file.
 */
final class ConflictCopy
{
	/** Makes a file from bytes that were kept as a conflict. Repeating it changes nothing. */
	public static function make(Channel $channel, string $keptId): void
	{
		$channelId = $channel->id;
		Kept::settle($channelId);
		$kept = Table::first('filesync_kept', ['id' => $keptId, 'uid' => $channelId]);
		$entry = $kept ? json_decode($kept['entry'], true) : null;
		if (! $kept || empty($entry['attach']) || empty($entry['bytes'])) {
			return;
		}
		$source = Store::dataRoot($channelId) . '/' . $kept['path'];
		$hash = self::hash($entry['attach']['hash'], $entry['bytes']);
		Turn::take($channelId, function () use ($channel, $kept, $entry, $source, $hash) {
			if (! Store::attach((int) $kept['uid'], $hash) && is_file($source)) {
				self::insert($channel, $entry, $source, $hash);
			}
			Table::update('filesync_kept', ['why' => 'replaced'], ['id' => $kept['id']]);
		});
		Outbox::add($channelId, 'announce', $hash);
		Outbox::add($channelId, 'preview', $hash);
		Log::write(
			"a conflict about {$entry['attach']['hash']} of channel $channelId: the other version is now $hash",
		);
	}

	/** Returns the name-based UUID (version 5) of the losing bytes, in the file's own namespace. */
	public static function hash(string $hash, array $value): string
	{
		$digest = substr(hash('sha1', $hash . "\n" . $value['print'] . "\n" . $value['by']), 0, 32);
		$digest[12] = '5';
		$digest[16] = dechex((hexdec($digest[16]) & 3) | 8);

		return implode('-', [
			substr($digest, 0, 8),
			substr($digest, 8, 4),
			substr($digest, 12, 4),
			substr($digest, 16, 4),
			substr($digest, 20),
		]);
	}

	/** Returns the file's name with the hub and the time of the losing change. */
	public static function name(string $name, array $value): string
	{
		$dot = strrpos($name, '.') ?: strlen($name);
		$mark =
			' (conflict '
			. ($value['at'] ?: 'unknown')
			. ' '
			. strtr($value['edited'], [':' => '.'])
			. ')'
			. substr($name, $dot);

		return mb_substr(substr($name, 0, $dot), 0, max(1, 191 - mb_strlen($mark))) . mb_substr($mark, 0, 190);
	}

	private static function insert(Channel $channel, array $entry, string $source, string $hash): void
	{
		$own = Store::attach($channel->id, $entry['attach']['hash']) ?? $entry['attach'];
		$name = self::name($entry['attach']['filename'], $entry['bytes']);
		$folder = Store::chain($channel->id, $own['folder']) === null ? '' : $own['folder'];
		$place = Store::place($channel, $folder, $hash, $name);
		if (! is_dir(dirname($place['content']))) {
			Core::makeFolder(dirname($place['content']));
		}
		Store::copy($source, $place['content']);
		// Only people who may see the winner now, whoever could see the loser.
		$row =
			array_intersect_key($own, array_flip(Access::LISTS))
			+ [
				'hash' => $hash,
				'folder' => $folder,
				'creator' => $entry['attach']['creator'],
				'flags' => 0,
				'created' => $entry['bytes']['edited'],
			]
			+ $entry['attach'];
		Table::transaction(function () use ($channel, $row, $place, $name, $entry, $hash) {
			Table::insert(
				'attach',
				AttachRow::columns(
					$channel,
					$row,
					$place,
					Store::freeName($channel->id, $row['folder'], $hash, $name),
				)
				+ AttachRow::contents(
					(string) $entry['attach']['filetype'],
					(int) $entry['attach']['filesize'],
					(string) $entry['bytes']['edited'],
				),
			);
			$file = Revisions::unknown($channel->id, $hash);
			$print = Revisions::prints(['filename' => $name, 'is_dir' => 0, 'edited' => $entry['bytes']['edited']]
			+ $row, []);
			foreach (Judge::GROUPS as $group) {
				$file[$group] =
					[
						'print' => $print[$group],
						'vector' => ['~' . substr(str_replace('-', '', $hash), 0, 16) => 1],
						'by' => '',
						'at' => $entry['bytes']['at'],
						'edited' => $entry['bytes']['edited'],
					] + Judge::none();
			}
			Revisions::settle($channel, $file);
		});
	}
}
