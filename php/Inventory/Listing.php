<?php

namespace FileSync\Addon\Inventory;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Lists a channel's files for an inventory: every file and folder, arriving ones, and deleted ones.
 *
 * Two clones are equal if they list the same values with the same vectors. A vanished row is simply not listed: like
 * a file that was never here, it comes from the other clone.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type FileRow from \FileSync\Addon\Hub\Rows
 */
final class Listing
{
	/** The start of a listing: first the present rows, then those that are only recorded. */
	public const BEGIN = ['rows' => 'attach', 'after' => 0];

	private const PAGE = 500;
	private const COLUMNS = 'id, uid, hash, filename, folder, filesize, is_dir, edited, allow_cid, allow_gid, deny_cid, deny_gid';

	/**
	 * Adds pages to an inventory until a deadline.
	 *
	 * @param array $cursor BEGIN, or the result of the last call.
	 *
	 * @return ?array The next cursor, null at the end.
	 */
	public static function add(Channel $channel, \FileSync\Inventory $inventory, array $cursor, float $until): ?array
	{
		do {
			[$texts, $cursor] = self::page($channel, $cursor);
			foreach ($texts as $hash => [$content, $metadata]) {
				$inventory->add((string) $hash, $content, $metadata);
			}
		} while ($cursor && Clock::exact() < $until);

		return $cursor;
	}

	/** Returns the inventory's name for a file's present version; null if there is none. */
	public static function version(Channel $channel, string $hash): ?string
	{
		$own = Store::attach($channel->id, $hash);
		$texts = $own
			? self::present($channel, [$own])
			: self::absent(Table::select('filesync_file', Revisions::keys($channel->id, [$hash])));

		return isset($texts[$hash]) ? \FileSync\Inventory::id($hash, ...$texts[$hash]) : null;
	}

	/**
	 * @return array{array<string, array{string, string}>, ?array} Content and metadata by hash, and the next
	 *     cursor.
	 */
	private static function page(Channel $channel, array $cursor): array
	{
		$channelId = $channel->id;
		if ($cursor['rows'] === 'attach') {
			$rows = Table::select(
				'attach',
				['uid' => $channelId, 'id >' => $cursor['after']],
				'id',
				self::PAGE,
				self::COLUMNS,
			);

			return [
				self::present($channel, $rows),
				$rows ? ['after' => (int) end($rows)['id']] + $cursor : ['rows' => 'known', 'after' => ''],
			];
		}
		$rows = Table::select(
			'filesync_file',
			['uid' => $channelId, 'state' => ['gone', Revisions::UNSEEN, 'unknown'], 'id >' => $cursor['after']],
			'id',
			self::PAGE,
		);

		return [self::absent($rows), count($rows) < self::PAGE ? null : ['after' => end($rows)['id']] + $cursor];
	}

	/** @param list<AttachRow> $rows */
	private static function present(Channel $channel, array $rows): array
	{
		$where = ['uid' => $channel->id];
		$hashes = array_column($rows, 'hash');
		if (! $hashes) {
			return [];
		}
		$known = array_column(
			Table::select(
				'filesync_file',
				Revisions::keys($where['uid'], $hashes),
				'',
				0,
				'hash, state, bytes, place, access, wanted, here',
			),
			null,
			'hash',
		);
		$terms = self::grouped(
			Table::select(
				'term',
				$where + ['otype' => Core::TERM_OF_FILE, 'oid' => array_map('intval', array_column($rows, 'id'))],
				'tid',
				0,
				'oid, ttype, term',
			),
			'oid',
		);
		$crops = self::grouped(
			Table::select(
				'photo',
				$where + ['resource_id' => $hashes, 'imgscale' => ScaleTable::CROPS],
				'imgscale, id',
				0,
				'resource_id, imgscale, filesize',
			),
			'resource_id',
		);
		$live = self::live($where['uid'], $hashes);
		$texts = [];
		foreach ($rows as $row) {
			$hash = $row['hash'];
			$prints = Revisions::prints(self::withTrueSize($row), $terms[$row['id']] ?? []);
			$file = isset($known[$hash]) ? self::decoded($known[$hash]) : null;
			if ($file && ($file['state'] !== 'here' || array_diff_assoc($prints, $file['here']))) {
				// It has changed since, without our notice.
				$file = Turn::take($where['uid'], fn () => Revisions::notice($channel, $hash));
			}
			$file ??= array_map(fn ($print) => ['print' => $print] + Judge::none(), $prints) + ['wanted' => []];
			if ($file['wanted'] && isset($live[$hash])) {
				$file['bytes'] = $file['wanted'];
			}
			$texts[$hash] = self::texts($file, (bool) (int) $row['is_dir'], $crops[$hash] ?? []);
		}

		return $texts;
	}

	/** Files that are not here are listed if they were deleted or are arriving. */
	private static function absent(array $rows): array
	{
		$live = $rows ? self::live((int) $rows[0]['uid'], array_column($rows, 'hash')) : [];
		$texts = [];
		foreach ($rows as $row) {
			$file = self::decoded($row);
			if (in_array($file['state'], ['gone', Revisions::UNSEEN], true)) {
				$texts[$row['hash']] = ['gone', ''];
			} elseif ($file['state'] === 'unknown' && $file['wanted'] && isset($live[$row['hash']])) {
				$texts[$row['hash']] = self::texts(['bytes' => $file['wanted']] + $file, false, []);
			}
		}

		return $texts;
	}

	private static function texts(array $file, bool $isFolder, array $crops): array
	{
		// Only one side knows a digest beside the size.
		$bytes = [
			strtok($file['bytes']['print'], '#'),
			$file['bytes']['vector'],
			array_map(fn ($crop) => (int) $crop['imgscale'] . ':' . (int) $crop['filesize'], $crops),
		];
		$metadata = [
			$file['place']['print'],
			$file['place']['vector'],
			$file['access']['print'],
			$file['access']['vector'],
		];

		return [$isFolder ? 'folder' : self::text($bytes), self::text($metadata)];
	}

	private static function text(array $values): string
	{
		return json_encode($values, Json::FLAGS);
	}

	private static function decoded(array $row): array
	{
		foreach (['bytes', 'place', 'access', 'wanted', 'here'] as $part) {
			$row[$part] = json_decode($row[$part], true) ?? [];
		}
		unset($row['here']['sha256']);

		return $row;
	}

	private static function withTrueSize(array $row): array
	{
		$isLarge = (int) $row['filesize'] === Family::largestFileBytes() && ! (int) $row['is_dir'];

		return $isLarge ? Store::attach((int) $row['uid'], $row['hash']) ?? $row : $row;
	}

	private static function live(int $channelId, array $hashes): array
	{
		return array_flip(array_column(
			Table::select(
				'filesync_transfer',
				['uid' => $channelId, 'hash' => $hashes, 'scale' => 0, 'state' => Queue::LIVE],
				'',
				0,
				'hash',
			),
			'hash',
		));
	}

	private static function grouped(array $rows, string $column): array
	{
		$groups = [];
		foreach ($rows as $row) {
			$groups[$row[$column]][] = $row;
		}

		return $groups;
	}
}
