<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Export;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a channel has beside its files, kind by kind: posts as core encodes them, everything else as parts of core's own
 * export. Never more than a few of them are in memory.
 *
 * @import-type AnyRow from \FileSync\Addon\Hub\Rows
 */
final class ChannelRows
{
	/** A row with more bytes is not given: no set could take it. */
	private const MOST_BYTES = 4 << 20;
	/** Rows that are listed at once, and those of them that are read together. */
	private const MOST_LISTED = 10000;
	private const PAGE = 1000;
	/** Bytes of rows that are in memory together. */
	private const TOGETHER_BYTES = 1 << 20;

	public function __construct(private readonly Channel $channel) {}

	/**
	 * Returns how many rows there are of each kind that this hub has.
	 *
	 * @return array<string, int>
	 */
	public function counts(): array
	{
		$counts = [];
		foreach (array_keys($this->kinds()) as $name) {
			$kind = $this->kind($name);
			if ($kind) {
				$counts[$name] = $kind->count();
			}
		}

		return $counts;
	}

	/** Returns a kind of rows, or null: this hub has none of that name. */
	public function kind(string $name): ?RowKind
	{
		[$tables, $make] = $this->kinds()[$name] ?? [[], null];

		return $make && ! Table::missing($tables) ? $make() : null;
	}

	/**
	 * Returns what each row is told by, a page at a time.
	 *
	 * @return \Generator<int, array{file: string, print: string}, void, ?int> By number. Returns that after which to go
	 *     on, null at the end.
	 */
	public static function listed(RowKind $kind, int $after, int $mostSeconds): \Generator
	{
		$until = Clock::now() + $mostSeconds;
		for ($left = self::MOST_LISTED; $left > 0; $left -= self::PAGE) {
			$sizes = $kind->sizes($after, self::PAGE);
			foreach (self::portions($sizes, $kind instanceof PostRows ? PHP_INT_MAX : self::TOGETHER_BYTES) as $ids) {
				foreach (self::prints($kind, $ids) as $id => $told) {
					yield $id => $told;
				}
				$after = $ids[count($ids) - 1];
				if (Clock::now() >= $until) {
					return $after;
				}
			}
			if (count($sizes) < self::PAGE) {
				return null;
			}
		}

		return $after;
	}

	/**
	 * Returns rows as JSON texts, in the order of their numbers.
	 *
	 * @param list<int> $ids
	 *
	 * @return \Generator<int, array{file: string, print: string, text: ?string}> By number; the text is null if it is
	 *     too large. Those that are gone are missing.
	 */
	public static function texts(RowKind $kind, array $ids): \Generator
	{
		$sizes = $kind->sizesOf($ids);
		foreach (self::portions($sizes, self::TOGETHER_BYTES) as $some) {
			$prints = iterator_to_array(self::prints($kind, $some));
			$large = array_filter($some, fn ($id) => $sizes[$id] > self::MOST_BYTES);
			foreach ($large as $id) {
				yield $id => ($prints[$id] ?? ['file' => '', 'print' => '']) + ['text' => null];
			}
			foreach ($large ? [] : $kind->texts($some) as $id => $text) {
				if (isset($prints[$id])) {
					yield $id => $prints[$id] + ['text' => strlen($text) > self::MOST_BYTES ? null : $text];
				}
			}
		}
	}

	/**
	 * @param list<int> $ids
	 *
	 * @return \Generator<int, array{file: string, print: string}>
	 */
	private static function prints(RowKind $kind, array $ids): \Generator
	{
		return $kind->prints($ids);
	}

	/**
	 * @param array<int, int> $sizes
	 *
	 * @return \Generator<int, non-empty-list<int>> Numbers of rows that have at most so many bytes together; larger
	 *     ones alone.
	 */
	private static function portions(array $sizes, int $mostBytes): \Generator
	{
		[$some, $bytes] = [[], 0];
		foreach ($sizes as $id => $size) {
			if ($some !== [] && ($bytes + $size) > $mostBytes) {
				yield $some;
				[$some, $bytes] = [[], 0];
			}
			$some[] = $id;
			$bytes += $size;
		}
		if ($some !== []) {
			yield $some;
		}
	}

	/**
	 * @return array<string, array{list<string>, \Closure(): RowKind}> By name: the tables that it needs, and it. In the
	 *     order in which an import wants them.
	 */
	private function kinds(): array
	{
		$own = fn (string $table, string $id, string $column, string $section, string $size = ''): array => [
			[$table],
			fn () => new TableRows(
				$table,
				$id,
				[$column => $this->channel->id],
				fn (array $row) => [$section => [$row]],
				$size,
			),
		];

		return [
			'connections' => [['abook', 'abconfig'], fn () => new ConnectionRows($this->channel)],
			'groups' => [['pgrp', 'pgrp_member'], $this->groups(...)],
			'apps' => [['app'], $this->apps(...)],
			'chatrooms' => $own('chatroom', 'cr_id', 'cr_uid', 'chatroom'),
			'events' => $own('event', 'id', 'uid', 'event', 'length(description)'),
			'menus' => [['menu', 'menu_item'], $this->menus(...)],
			'calendars' => [['calendarinstances', 'calendars'], $this->calendars(...)],
			'calendarobjects' => [
				['calendarinstances', 'calendarobjects'],
				fn () => $this->objects(
					'calendarobjects',
					'calendarid',
					'calendardata',
					$this->calendarsById(),
					'calendarobject',
				),
			],
			'addressbooks' => [['addressbooks'], $this->addressBooks(...)],
			'cards' => [
				['addressbooks', 'cards'],
				fn () => $this->objects(
					'cards',
					'addressbookid',
					'carddata',
					$this->addressBooksById(),
					'card',
				),
			],
			'posts' => [['item', 'term', 'iconfig'], fn () => new PostRows($this->channel)],
		];
	}

	private function groups(): RowKind
	{
		return new TableRows(
			'pgrp',
			'id',
			['uid' => $this->channel->id],
			fn (array $row) => [
				'group' => [$row],
				'group_member' => Table::rows(
					'pgrp_member',
					['uid' => $this->channel->id, 'gid' => (int) $row['id']],
					'id',
				),
			],
		);
	}

	private function apps(): RowKind
	{
		return new TableRows('app', 'id', ['app_channel' => $this->channel->id], fn (array $row) => [
			$row['app_system'] ?? 0 ? 'sysapp' : 'app' => [
				['term' => Export::termsOfApp((int) $row['id'])] + $row,
			],
		]);
	}

	private function menus(): RowKind
	{
		return new TableRows('menu', 'menu_id', ['menu_channel_id' => $this->channel->id], fn (array $row) => [
			'menu' => [Export::menu($this->channel, $row)],
		]);
	}

	private function calendars(): RowKind
	{
		return new TableRows(
			'calendarinstances',
			'id',
			['principaluri' => $this->principal(), 'access' => 1],
			fn (array $row) => [
				'calendar' => [
					$row
						+ [
							'components' => (string) (
								Table::first('calendars', ['id' => (int) $row['calendarid']])['components'] ?? ''
							),
						],
				],
			],
		);
	}

	private function addressBooks(): RowKind
	{
		return new TableRows('addressbooks', 'id', ['principaluri' => $this->principal()], fn (array $row) => [
			'addressbook' => [$row],
		]);
	}

	/**
	 * @param array<int, string> $of What holds them: the names of the calendars or address books by number.
	 */
	private function objects(string $table, string $column, string $data, array $of, string $section): RowKind
	{
		return new TableRows(
			$table,
			'id',
			[$column => array_keys($of)],
			fn (array $row) => [
				$section => [
					[$data => Export::bytes($row[$data]), 'of' => $of[(int) $row[$column]] ?? ''] + $row,
				],
			],
			"length($data)",
		);
	}

	/** @return array<int, string> */
	private function calendarsById(): array
	{
		$where = ['principaluri' => $this->principal(), 'access' => 1];

		return self::names(Table::rows('calendarinstances', $where, 'id', 0, 'calendarid as holder, uri'));
	}

	/** @return array<int, string> */
	private function addressBooksById(): array
	{
		$where = ['principaluri' => $this->principal()];

		return self::names(Table::rows('addressbooks', $where, 'id', 0, 'id as holder, uri'));
	}

	/**
	 * @param list<AnyRow> $rows
	 *
	 * @return array<int, string>
	 */
	private static function names(array $rows): array
	{
		$names = [];
		foreach ($rows as $row) {
			$names[(int) $row['holder']] = (string) $row['uri'];
		}

		return $names;
	}

	/** Returns the name by which the hub's own calendars know the channel. */
	private function principal(): string
	{
		return 'principals/' . $this->channel->nick;
	}
}
