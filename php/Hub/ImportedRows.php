<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Rows of an export beside people and posts. Where core would store a row again that it gets again, or its own import
 * forgets or breaks some, they are looked up and put right here; each can come again at any time.
 */
final class ImportedRows
{
	/** Tables whose rows core stores as often as they come: the columns that say which row it is, and whose. */
	private const ONCE = [
		'obj' => ['obj', 'obj_obj', 'obj_channel'],
		'app' => ['app', 'app_id', 'app_channel'],
		'chatroom' => ['chatroom', 'cr_name', 'cr_uid'],
		'event' => ['event', 'event_hash', 'uid'],
		'atoken' => ['atoken', 'atoken_guid', 'atoken_uid'],
	];

	/** Their pictures, which core would fetch. */
	private const PICTURES = ['obj' => 'obj_imgurl', 'app' => 'app_photo'];

	/**
	 * Stores rows of a section.
	 *
	 * @param list<array>           $rows
	 * @param string                $formerNick The channel's name where they were.
	 * @param array<string, string> $groups     Of a section of members: the hashes of their groups, by number there.
	 *
	 * @return int How many of them are not here after that.
	 */
	public static function store(
		Channel $channel,
		string $section,
		array $rows,
		bool $isPrimary,
		string $formerNick,
		array $groups,
	): int {
		$row = $channel->row();
		match ($section) {
			'config' => \import_config($row, $rows),
			'likes' => \import_likes($row, array_map(
				fn ($like) => self::completed('likes', $like + ['deleted' => 0]),
				$rows,
			)),
			'sysapp' => \import_sysapps($row, $rows),
			'menu' => self::menus($channel, $rows, $formerNick),
			default => null,
		};

		return match ($section) {
			'hubloc' => ImportedLocations::store($channel, $rows, $isPrimary),
			'group' => self::groups($channel, $rows),
			'group_member' => self::members($channel, $rows, $groups),
			'obj', 'app', 'chatroom', 'event', 'atoken' => self::once($channel, $section, $rows),
			'calendar', 'calendarobject', 'addressbook', 'card' => ImportedCalendars::store($channel, $section, $rows),
			default => 0,
		};
	}

	/** @param list<array> $rows */
	private static function once(Channel $channel, string $section, array $rows): int
	{
		[$table, $key, $owner] = self::ONCE[$section];
		$missing = 0;
		foreach ($rows as $row) {
			$where = [$owner => $channel->id, $key => self::text($row, $key)];
			if ($where[$key] === '') {
				$missing++;
				continue;
			}
			if (Table::first($table, $where, '', $key) === null) {
				self::one($channel, $section, $row, $where);
			}
			$isHere = Table::first($table, $where, '', $key) !== null;
			$missing += $isHere || ! empty($row['app_system']) ? 0 : 1;
		}

		return $missing;
	}

	private static function one(Channel $channel, string $section, array $row, array $where): void
	{
		$picture = self::PICTURES[$section] ?? '';
		$url = self::text($row, $picture);
		$rows = [self::completed(self::ONCE[$section][0], ($picture === '' ? [] : [$picture => '']) + $row)];
		match ($section) {
			'obj' => \import_objs($channel->row(), $rows),
			'app' => \import_apps($channel->row(), $rows),
			'chatroom' => \import_chatrooms($channel->row(), $rows),
			'event' => \import_events($channel->row(), $rows),
			'atoken' => self::token($channel, $row),
			default => null,
		};
		if ($url !== '') {
			[$table, $key] = self::ONCE[$section];
			Table::update($table, [$picture => $url], $where);
			ListedPictures::later($table, (string) $where[$key], $url);
		}
	}

	/** Stores an access token, and who comes with it: of core's import nothing reads them. */
	private static function token(Channel $channel, array $row): void
	{
		\import_atoken($channel->row(), [$row]);
		$stored = Table::first('atoken', [
			'atoken_uid' => $channel->id,
			'atoken_guid' => self::text($row, 'atoken_guid'),
		]);
		$guest = $stored ? \atoken_xchan($stored) : null;
		if (is_array($guest)) {
			\atoken_create_xchan($guest);
			Table::update(
				'xchan',
				array_intersect_key($guest, ['xchan_addr' => 1, 'xchan_url' => 1, 'xchan_name' => 1]),
				['xchan_hash' => (string) $guest['xchan_hash'], 'xchan_network' => 'token'],
			);
		}
	}

	/** @param list<array> $rows */
	private static function groups(Channel $channel, array $rows): int
	{
		$missing = 0;
		foreach ($rows as $row) {
			$hash = self::text($row, 'hash');
			if (isset($row['name'])) {
				$row['gname'] ??= $row['name'];
			}
			if ($hash === '') {
				$missing++;
			} elseif (Table::first('pgrp', ['uid' => $channel->id, 'hash' => $hash], '', 'id') === null) {
				self::insert('pgrp', ['uid' => $channel->id] + $row);
			}
		}

		return $missing;
	}

	/**
	 * @param list<array>           $rows
	 * @param array<string, string> $groups
	 */
	private static function members(Channel $channel, array $rows, array $groups): int
	{
		$missing = 0;
		foreach ($rows as $row) {
			$hash = $groups[self::text($row, 'gid')] ?? '';
			$group = $hash === '' ? null : Table::first('pgrp', ['uid' => $channel->id, 'hash' => $hash], '', 'id');
			$member = [
				'uid' => $channel->id,
				'gid' => (int) ($group['id'] ?? 0),
				'xchan' => self::text($row, 'xchan'),
			];
			if ($group === null || $member['xchan'] === '') {
				$missing++;
			} elseif (Table::first('pgrp_member', $member, '', 'id') === null) {
				self::insert('pgrp_member', $member + $row);
			}
		}

		return $missing;
	}

	/**
	 * Returns a row with an empty text in each column of text that it lacks: hubs of an older version have fewer, and a
	 * strict MariaDB refuses a row without them.
	 */
	public static function completed(string $table, array $row): array
	{
		static $texts = [];
		$texts[$table] ??= array_fill_keys(array_keys(array_filter(Columns::of($table), is_int(...))), '');

		return $row + $texts[$table];
	}

	/** Adds a row with those columns that the table has. */
	private static function insert(string $table, array $row): void
	{
		unset($row['id']);
		$row = self::completed($table, $row);
		$row = array_filter($row, fn ($value) => is_scalar($value));
		Table::insert($table, array_diff_key($row, Table::lacking($table, $row)));
	}

	/** @param list<array> $menus */
	private static function menus(Channel $channel, array $menus, string $formerNick): void
	{
		foreach ($menus as $menu) {
			self::menu($channel, $menu, $formerNick);
		}
	}

	/**
	 * Stores a menu with its entries. Core's import puts this hub's address in them and leaves the channel's former
	 * name, and it dates the menu to today.
	 */
	private static function menu(Channel $channel, array $menu, string $formerNick): void
	{
		$entries = is_array($menu['items'] ?? null) ? $menu['items'] : [];
		unset($menu['items']);
		$menu += ['desc' => '', 'created' => '', 'edited' => '', 'flags' => []];
		\import_menus($channel->row(), [$menu]);
		$where = ['menu_channel_id' => $channel->id, 'menu_name' => trim(escape_tags(self::text($menu, 'pagetitle')))];
		$stored = Table::first('menu', $where, '', 'menu_id');
		if ($stored === null) {
			return;
		}
		$id = (int) $stored['menu_id'];
		foreach (array_filter($entries, is_array(...)) as $entry) {
			$new = self::entry($channel, $entry, $formerNick);
			$here = [
				'mitem_menu_id' => $id,
				'mitem_link' => escape_tags($new['mitem_link']),
				'mitem_desc' => escape_tags($new['mitem_desc']),
			];
			if (Table::first('menu_item', $here, '', 'mitem_id') === null) {
				\menu_add_item($id, $channel->id, $new);
			}
		}
		$edited = self::text($menu, 'edited');
		if (preg_match('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/D', $edited) === 1) {
			Table::update('menu', ['menu_edited' => $edited], ['menu_id' => $id]);
		}
	}

	/** @return array{mitem_link: string, mitem_desc: string, mitem_order: int, mitem_flags: int} */
	private static function entry(Channel $channel, array $entry, string $formerNick): array
	{
		$flags = is_array($entry['flags'] ?? null) ? $entry['flags'] : [];
		$own = '#^\[baseurl\]/(channel|page|cloud)/' . preg_quote($formerNick, '#') . '(?=$|[/?\#])#D';
		$bits = ['zid' => MENU_ITEM_ZID, 'new-window' => MENU_ITEM_NEWWIN, 'chatroom' => MENU_ITEM_CHATROOM];

		return [
			'mitem_link' => strtr((string) preg_replace($own, '[$1url]', self::text($entry, 'link')), [
				'[channelurl]' => z_root() . "/channel/$channel->nick",
				'[pageurl]' => z_root() . "/page/$channel->nick",
				'[cloudurl]' => z_root() . "/cloud/$channel->nick",
				'[baseurl]' => z_root(),
			]),
			'mitem_desc' => escape_tags(self::text($entry, 'desc')),
			'mitem_order' => (int) self::text($entry, 'order'),
			'mitem_flags' => array_sum(array_intersect_key($bits, array_flip(array_filter($flags, is_string(...))))),
		];
	}

	private static function text(array $row, string $key): string
	{
		return is_scalar($row[$key] ?? null) ? (string) $row[$key] : '';
	}
}
