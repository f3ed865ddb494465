<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The posts about files, each with all that was said beneath it, as core encodes them for clones.
 *
 * Core's own export of a file gives the conversation of one of its posts. This gives those of all, and names authors
 * whose hub is gone.
 *
 * @import-type AnyRow from Rows
 */
final class Conversations
{
	/** The most posts about one file. */
	private const MOST_POSTS = 10000;
	/** Columns that say something only about this hub, or about what its reader did. */
	private const LOCAL = ['id' => 1, 'parent' => 1, 'uid' => 1, 'aid' => 1, 'item_unseen' => 1];
	private const PAGE = 50;
	/** The columns of a person that core encodes. */
	private const PERSON = [
		'xchan_name',
		'xchan_addr',
		'xchan_url',
		'xchan_network',
		'xchan_photo_mimetype',
		'xchan_photo_m',
		'xchan_guid',
		'xchan_guid_sig',
		'xchan_pubkey',
	];

	/**
	 * Returns the posts about some files, as JSON texts, the oldest rows first.
	 *
	 * @param list<string> $hashes
	 * @param int $mostBytes Of a file's posts together; those beyond it, or beyond MOST_POSTS, are counted only.
	 *
	 * @return ?array<string, array{posts: list<string>, left: int}> By hash; `left`: how many did not fit. Null if
	 *     there is more than one file, and together they have more than that: ask for fewer.
	 */
	public static function about(Channel $channel, array $hashes, int $mostBytes): ?array
	{
		Core::load('include/items.php');
		$roots = self::roots($channel->id, $hashes);
		$ids = $roots ? self::ids($channel->id, array_keys($roots)) : [];
		$isMany = count($hashes) > 1;
		if ($isMany && count($ids) > self::MOST_POSTS) {
			return null;
		}
		$found = [];
		$bytes = 0;
		foreach (array_chunk($ids, self::PAGE) as $some) {
			foreach (self::texts($some) as [$parent, $text]) {
				$hash = $roots[$parent];
				$found[$hash] ??= ['posts' => [], 'left' => 0];
				$isOver = ($bytes + strlen($text)) > $mostBytes || count($found[$hash]['posts']) >= self::MOST_POSTS;
				if ($isOver && $isMany) {
					return null;
				}
				$isOver ? $found[$hash]['left']++ : ($found[$hash]['posts'][] = $text);
				$bytes += $isOver ? 0 : strlen($text);
			}
		}

		return $found;
	}

	/**
	 * @param list<string> $hashes
	 *
	 * @return array<int, string> The file of each conversation, by the number that its posts share.
	 */
	private static function roots(int $channelId, array $hashes): array
	{
		$where = [
			'uid' => $channelId,
			'resource_id' => $hashes,
			'resource_type' => ['photo', 'attach'],
			'item_deleted' => 0,
		];
		$roots = [];
		foreach ($hashes ? Table::rows('item', $where, 'id', 0, 'id, parent, resource_id') : [] as $row) {
			// MariaDB ignores case.
			if (in_array($row['resource_id'], $hashes, true)) {
				$roots[(int) $row['parent']] ??= $row['resource_id'];
			}
		}

		return $roots;
	}

	/**
	 * @param list<int> $parents
	 *
	 * @return list<int> The posts of some conversations, the first of each before its comments.
	 */
	private static function ids(int $channelId, array $parents): array
	{
		$where = ['uid' => $channelId, 'parent' => $parents, 'item_deleted' => 0, 'item_pending_remove' => 0];

		return array_map(
			fn (array $row): int => (int) $row['id'],
			Table::rows('item', $where, 'parent, id', 2 * self::MOST_POSTS, 'id, parent'),
		);
	}

	/**
	 * Returns posts of this hub as JSON texts, by their numbers.
	 *
	 * @param list<int> $ids Few: all are in memory.
	 *
	 * @return \Generator<int, string>
	 */
	public static function posts(array $ids): \Generator
	{
		Core::load('include/items.php');
		foreach (self::texts($ids) as $id => [, $text]) {
			yield $id => $text;
		}
	}

	/**
	 * @param list<int> $ids
	 *
	 * @return \Generator<int, array{int, string}> The number of the conversation, and the post; by the post's.
	 */
	private static function texts(array $ids): \Generator
	{
		$items = [];
		foreach (Table::rows('item', ['id' => $ids]) as $row) {
			$items[(int) $row['id']] = $row;
		}
		$people = self::people($items);
		$terms = self::grouped(
			Table::rows('term', ['oid' => $ids, 'otype' => TERM_OBJ_POST], 'tid', 0, 'oid, ttype, term, url'),
			'oid',
		);
		$meta = self::grouped(
			Table::rows('iconfig', ['iid' => $ids], 'id', 0, 'iid, cat, k, v, sharing'),
			'iid',
		);
		foreach ($ids as $id) {
			// One that was dropped meanwhile is not there any more.
			$item = $items[$id] ?? null;
			if ($item) {
				yield $id => [(int) $item['parent'], self::encoded([
						'owner' => self::person((string) $item['owner_xchan'], $people),
						'author' => self::person((string) $item['author_xchan'], $people),
						'term' => $terms[$id] ?? [],
						'iconfig' => $meta[$id] ?? [],
					] + $item)];
			}
		}
	}

	/** @param array<string, mixed> $item With its people, terms and what addons noted. */
	private static function encoded(array $item): string
	{
		/** @var array<string, mixed> */
		$post = \encode_item($item, true);
		foreach (array_keys($post) as $key) {
			// Databases give flags as numbers or as text.
			if ((str_starts_with($key, 'item_') || $key === 'revision') && is_numeric($post[$key])) {
				$post[$key] = (int) $post[$key];
			}
		}

		return json_encode(
			array_diff_key($post, self::LOCAL),
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}

	/**
	 * @param array<int, AnyRow> $items
	 *
	 * @return array<string, AnyRow> Their owners and authors, by identity.
	 */
	private static function people(array $items): array
	{
		$hashes = [];
		foreach ($items as $item) {
			$hashes[(string) $item['owner_xchan']] = $hashes[(string) $item['author_xchan']] = true;
		}
		$people = [];
		foreach ($items
			? Table::rows(
				'xchan',
				['xchan_hash' => array_map(strval(...), array_keys($hashes))],
				'',
				0,
				'xchan_hash, ' . implode(', ', self::PERSON),
			)
			: [] as $row) {
			$people[(string) $row['xchan_hash']] = $row;
		}

		return $people;
	}

	/**
	 * @param array<string, AnyRow> $people
	 *
	 * @return AnyRow Of somebody unknown the columns are empty.
	 */
	private static function person(string $hash, array $people): array
	{
		return $people[$hash] ?? (['xchan_hash' => $hash] + array_fill_keys(self::PERSON, ''));
	}

	/**
	 * @param list<AnyRow> $rows
	 *
	 * @return array<int, list<AnyRow>>
	 */
	private static function grouped(array $rows, string $column): array
	{
		$groups = [];
		foreach ($rows as $row) {
			$groups[(int) $row[$column]][] = $row;
		}

		return $groups;
	}
}
