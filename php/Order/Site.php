<?php

namespace FileSync\Addon\Order;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The component under which this hub counts a channel's changes in version vectors.
 *
 * The hub's is drawn at installation. A channel gets another when one of its clones has seen more changes of ours than we know: then we
 * were restored from a backup, and counting on would give two changes one name. What a clone of one channel tells changes no other's.
 */
final class Site
{
	private const ID = 'component';
	/** A restore is noticed once. Who tells of ever more changes of ours makes them up. */
	private const REDRAW_SECONDS = 3600;

	/** Returns the component that our changes of a channel count under. */
	public static function component(int $channelId): string
	{
		return self::drawn($channelId)['value'] ?? self::ofHub();
	}

	/** Begins to count a channel's changes under a new component if another hub knows more of ours than we do. */
	public static function notice(int $channelId, array $theirs, array $ours): void
	{
		$component = self::component($channelId);
		if (($theirs[$component] ?? 0) <= ($ours[$component] ?? 0)) {
			return;
		}
		$drawn = self::drawn($channelId);
		$now = Config::now();
		if ($drawn && (int) $drawn['name'] > $now - self::REDRAW_SECONDS && (int) $drawn['name'] <= $now) {
			return;
		}
		Config::log("another hub knows changes of channel $channelId made here that are not known here: this hub was restored from a backup and counts anew");
		self::forget($channelId);
		Table::tryInsert('filesync_setting', ['id' => self::id($channelId), 'scope' => 'component', 'name' => (string) $now, 'value' => bin2hex(random_bytes(8))]);
	}

	/** Forgets the component of a channel. */
	public static function forget(int $channelId): void
	{
		Table::delete('filesync_setting', ['id' => self::id($channelId)]);
	}

	private static function ofHub(): string
	{
		if (! $row = Table::first('filesync_setting', ['id' => self::ID])) {
			Table::tryInsert('filesync_setting', ['id' => self::ID, 'scope' => 'site', 'name' => self::ID, 'value' => bin2hex(random_bytes(8))]);
			$row = Table::first('filesync_setting', ['id' => self::ID]);
		}

		return $row['value'];
	}

	/** Returns the channel's own component, with the moment when it was drawn as its name, or null. */
	private static function drawn(int $channelId): ?array
	{
		return Table::first('filesync_setting', ['id' => self::id($channelId)], '', 'name, value');
	}

	private static function id(int $channelId): string
	{
		return self::ID . '-' . $channelId;
	}
}
