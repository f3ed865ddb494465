<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Columns;
use FileSync\Addon\Hub\Conversations;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * All items of a channel, also those that were deleted, of others, or no posts at all (pages, wikis), as core encodes
 * them.
 */
final class PostRows implements RowKind
{
	/** What core's columns for people, signatures and flags add to a post. */
	private const REST_BYTES = 8000;
	private const LARGE = ['body', 'obj', 'target', 'attach', 'summary', 'sig'];
	/**
	 * Columns that do not tell whether a post changed: numbers of this hub, what changes when its owner reads it or
	 * somebody answers it, and large ones, whose changes core dates.
	 */
	private const SILENT = [
		'id',
		'aid',
		'uid',
		'parent',
		'item_unseen',
		'commented',
		'received',
		'html',
		'title',
		'postopts',
		'route',
		'llink',
	];

	public function __construct(private readonly Channel $channel) {}

	public function count(): int
	{
		return Table::count('item', ['uid' => $this->channel->id]);
	}

	public function sizes(int $after, int $count): array
	{
		return $this->sized(['id >' => $after], $count);
	}

	public function sizesOf(array $ids): array
	{
		return $this->sized(['id' => $ids]);
	}

	/**
	 * @param array<string, mixed> $which
	 *
	 * @return array<int, int>
	 */
	private function sized(array $which, int $count = 0): array
	{
		$size = implode(' + ', array_map(fn ($column) => "length($column)", self::LARGE));
		$sizes = [];
		$where = ['uid' => $this->channel->id] + $which;
		foreach (Table::rows('item', $where, 'id', $count, "id, $size as size") as $row) {
			$sizes[(int) $row['id']] = (int) $row['size'] + self::REST_BYTES;
		}

		return $sizes;
	}

	public function prints(array $ids): \Generator
	{
		$telling = array_keys(array_diff_key(Columns::of('item'), array_flip([...self::LARGE, ...self::SILENT])));
		sort($telling);
		$columns = implode(', ', ['id', ...$telling]);
		$rows = Table::rows('item', ['uid' => $this->channel->id, 'id' => $ids], 'id', 0, $columns);
		$terms = [];
		foreach (Table::rows('term', ['oid' => $ids, 'otype' => Core::TERM_OF_POST], 'tid', 0, 'oid, tid') as $term) {
			$terms[(int) $term['oid']] = ($terms[(int) $term['oid']] ?? '') . " {$term['tid']}";
		}
		foreach ($rows as $row) {
			$id = (int) $row['id'];
			$told = array_map(strval(...), array_diff_key($row, ['id' => 1]));
			$month = substr((string) $row['created'], 0, 7);
			yield $id => [
				'file' => preg_match('/^\d{4}-\d\d$/D', $month) ? $month : '0000-00',
				'print' => RowText::print(implode("\0", $told) . "\0" . ($terms[$id] ?? '')),
			];
		}
	}

	public function texts(array $ids): \Generator
	{
		return Conversations::posts($ids);
	}
}
