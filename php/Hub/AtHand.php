<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Lib\Config as HubConfig;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Texts that every process needs when it begins: how filesync stands, and what it knows of the hub.
 *
 * They are kept among those settings of the hub that core has read by then. Among those of filesync, where an older one
 * kept them, they would cost each request of the hub a query.
 */
final class AtHand
{
	private const FAMILY = 'system';
	private const PREFIX = 'filesync_';
	private const FORMER = 'filesync';

	/** Returns a text, empty if there is none. */
	public static function get(string $name): string
	{
		$text = (string) HubConfig::Get(self::FAMILY, self::PREFIX . $name, '');

		return $text !== '' ? $text : (string) HubConfig::Get(self::FORMER, $name, '');
	}

	/** Returns a text from the database itself: what core cannot read is to core what is not there. */
	public static function fromTable(string $name): string
	{
		$row = Table::first('config', ['cat' => self::FAMILY, 'k' => self::PREFIX . $name], '', 'v') ?? Table::first(
				'config',
				['cat' => self::FORMER, 'k' => $name],
				'',
				'v',
			);

		return (string) ($row['v'] ?? '');
	}

	/** Keeps a text. */
	public static function keep(string $name, string $text): void
	{
		HubConfig::Set(self::FAMILY, self::PREFIX . $name, $text);
		self::forgetFormer($name);
	}

	/** Removes a text. */
	public static function forget(string $name): void
	{
		HubConfig::Delete(self::FAMILY, self::PREFIX . $name);
		self::forgetFormer($name);
	}

	/** Moves a text from where an older filesync kept it. */
	public static function move(string $name): void
	{
		$text = self::get($name);
		if ($text !== '') {
			self::keep($name, $text);
		}
	}

	private static function forgetFormer(string $name): void
	{
		if (HubConfig::Get(self::FORMER, $name, '') !== '') {
			HubConfig::Delete(self::FORMER, $name);
		}
	}
}
