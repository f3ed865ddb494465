<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Export;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The connections of a channel, each with its settings, the person, and where that lives: `{"abook": [{…}], "xchan":
 * [{…}], "hubloc": [{…}]}`, parts of core's export.
 *
 * @import-type AnyRow from \FileSync\Addon\Hub\Rows
 */
final class ConnectionRows implements RowKind
{
	/** A person with keys and a few places. */
	private const BYTES = 20000;
	/** Columns that say when this hub last heard of somebody: with them, all would change every day. */
	private const PASSING = '/_(connected|updated|error|orphancheck)$/D';

	public function __construct(private readonly Channel $channel) {}

	public function count(): int
	{
		return Table::count('abook', ['abook_channel' => $this->channel->id]);
	}

	public function sizes(int $after, int $count): array
	{
		return $this->sized(['abook_id >' => $after], $count);
	}

	public function sizesOf(array $ids): array
	{
		return $this->sized(['abook_id' => $ids]);
	}

	/**
	 * @param array<string, mixed> $which
	 *
	 * @return array<int, int>
	 */
	private function sized(array $which, int $count = 0): array
	{
		$where = ['abook_channel' => $this->channel->id] + $which;

		return array_fill_keys(
			array_map(
				fn (array $row): int => (int) $row['abook_id'],
				Table::rows('abook', $where, 'abook_id', $count, 'abook_id'),
			),
			self::BYTES,
		);
	}

	public function prints(array $ids): \Generator
	{
		foreach ($this->sections($ids) as $id => $sections) {
			$lasting = array_map(fn (array $rows): array => array_map(self::lasting(...), $rows), $sections);
			yield $id => ['file' => '', 'print' => RowText::print(RowText::of($lasting))];
		}
	}

	public function texts(array $ids): \Generator
	{
		foreach ($this->sections($ids) as $id => $sections) {
			yield $id => RowText::of($sections);
		}
	}

	/**
	 * @param array<string, mixed> $row
	 *
	 * @return array<string, mixed>
	 */
	private static function lasting(array $row): array
	{
		return array_filter($row, fn ($column) => ! preg_match(self::PASSING, $column), ARRAY_FILTER_USE_KEY);
	}

	/**
	 * @param list<int> $ids
	 *
	 * @return \Generator<int, array<string, list<array<string, mixed>>>>
	 */
	private function sections(array $ids): \Generator
	{
		$where = ['abook_channel' => $this->channel->id, 'abook_id' => $ids];
		$rows = Table::rows('abook', $where, 'abook_id');
		$people = array_values(array_unique(array_map(strval(...), array_column($rows, 'abook_xchan'))));
		$of = fn (string $table, string $column, array $besides = [], string $order = ''): array => self::grouped(
			$people ? Table::rows($table, [$column => $people] + $besides, $order) : [],
			$column,
		);
		$config = $of('abconfig', 'xchan', ['chan' => $this->channel->id], 'id');
		$persons = $of('xchan', 'xchan_hash');
		$places = $of('hubloc', 'hubloc_hash', [], 'hubloc_id');
		foreach ($rows as $row) {
			$hash = (string) $row['abook_xchan'];
			yield (int) $row['abook_id'] => [
				'abook' => [Export::connection($row, $config[$hash] ?? [])],
				'xchan' => $persons[$hash] ?? [],
				'hubloc' => $places[$hash] ?? [],
			];
		}
	}

	/**
	 * @param list<AnyRow> $rows
	 *
	 * @return array<string, list<AnyRow>>
	 */
	private static function grouped(array $rows, string $column): array
	{
		$groups = [];
		foreach ($rows as $row) {
			$groups[(string) $row[$column]][] = $row;
		}

		return $groups;
	}
}
