<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What a channel is, in the form of core's own export.
 *
 * @import-type AnyRow from Rows
 */
final class Export
{
	/** Sections of core's export that can hold secrets, and are small. */
	private const SECTIONS = ['channel', 'config'];

	/**
	 * Returns the sections that can hold secrets: the channel with its private key, profiles, settings, guests' tokens,
	 * and what addons add.
	 *
	 * @return array<string, mixed>
	 */
	public static function identity(Channel $channel): array
	{
		Core::load('include/channel.php');
		$sections = \identity_basic_export($channel->id, self::SECTIONS);
		$tokens = Table::missing(['atoken']) ? [] : Table::rows('atoken', ['atoken_uid' => $channel->id], 'atoken_id');

		return $sections + ($tokens ? ['atoken' => $tokens] : []);
	}

	/**
	 * Returns what each import of a part of an export needs to know: the kind of hub that it is from, and its address.
	 *
	 * @return array<string, mixed>
	 */
	public static function origin(Channel $channel): array
	{
		Core::load('include/channel.php');

		return array_intersect_key(
			// No section: core gives these two in any case.
			\identity_basic_export($channel->id, ['none']),
			['compatibility' => 1, 'relocate' => 1],
		);
	}

	/**
	 * Returns the row of a connection with its permissions in the words of all hubs.
	 *
	 * @param AnyRow       $row
	 * @param list<AnyRow> $config
	 *
	 * @return array<string, mixed>
	 */
	public static function connection(array $row, array $config): array
	{
		$row += $config ? ['abconfig' => $config] : [];
		Core::load('include/perm_upgrade.php');
		if (function_exists('translate_abook_perms_outbound')) {
			\translate_abook_perms_outbound($row);
		}

		return $row;
	}

	/**
	 * Returns a menu as core exports it.
	 *
	 * @param AnyRow $row
	 *
	 * @return array<string, mixed>
	 */
	public static function menu(Channel $channel, array $row): array
	{
		Core::load('include/menu.php');
		$entries = Table::rows(
			'menu_item',
			['mitem_menu_id' => (int) $row['menu_id'], 'mitem_channel_id' => $channel->id],
			'mitem_order, mitem_desc',
		);

		return \menu_element($channel->row(), ['menu' => $row, 'items' => $entries]);
	}

	/** @return list<AnyRow> The categories of an app. */
	public static function termsOfApp(int $id): array
	{
		return defined('TERM_OBJ_APP') ? Table::rows('term', ['otype' => TERM_OBJ_APP, 'oid' => $id], 'tid') : [];
	}

	/** Returns bytes that a database may keep in a form of its own. */
	public static function bytes(mixed $value): string
	{
		return dbunescbin($value);
	}
}
