<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Rows of a table, each with what belongs to it, as a part of core's export: `{"chatroom": [{…}]}`.
 *
 * @import-type AnyRow from \FileSync\Addon\Hub\Rows
 */
final class TableRows implements RowKind
{
	/** What the rest of a row has at most, as a guess. */
	private const REST_BYTES = 2000;

	/**
	 * @param array<string, mixed> $where Those of the channel.
	 * @param \Closure(AnyRow): array<string, list<array<string, mixed>>> $sections Makes the part of the export.
	 * @param string $size What counts the bytes of its largest column; empty: all are small.
	 */
	public function __construct(
		private readonly string $table,
		private readonly string $id,
		private readonly array $where,
		private readonly \Closure $sections,
		private readonly string $size = '',
	) {}

	public function count(): int
	{
		return Table::count($this->table, $this->where);
	}

	public function sizes(int $after, int $count): array
	{
		return $this->sized(["$this->id >" => $after], $count);
	}

	public function sizesOf(array $ids): array
	{
		return $this->sized([$this->id => $ids]);
	}

	/**
	 * @param array<string, mixed> $which
	 *
	 * @return array<int, int>
	 */
	private function sized(array $which, int $count = 0): array
	{
		$columns = "$this->id as id" . ($this->size === '' ? '' : ", $this->size as size");
		$sizes = [];
		foreach (Table::rows($this->table, $this->where + $which, $this->id, $count, $columns) as $row) {
			$sizes[(int) $row['id']] = (int) ($row['size'] ?? 0) + self::REST_BYTES;
		}

		return $sizes;
	}

	public function prints(array $ids): \Generator
	{
		foreach ($this->rows($ids) as $id => $text) {
			yield $id => ['file' => '', 'print' => RowText::print($text)];
		}
	}

	public function texts(array $ids): \Generator
	{
		yield from $this->rows($ids);
	}

	/**
	 * @param list<int> $ids
	 *
	 * @return \Generator<int, string>
	 */
	private function rows(array $ids): \Generator
	{
		foreach (Table::rows($this->table, $this->where + [$this->id => $ids], $this->id) as $row) {
			yield (int) $row[$this->id] => RowText::of(($this->sections)($row));
		}
	}
}
