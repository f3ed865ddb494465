<?php

namespace FileSync\Addon\Revision;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The component under which this hub counts a channel's changes in version vectors.
 *
 * The hub's is drawn at installation. A channel gets a new one when one of its clones has seen more of our changes than
 * we know: then we were restored from a backup, and counting on would give two changes one name. A clone of one channel
 * affects no other channel's component.
 *
 * @import-type Seen from \FileSync\Addon\Order\Vector
 * @import-type SettingRow from \FileSync\Addon\Hub\Rows
 */
final class Site
{
	private const ID = 'component';
	/** A restore happens once. A hub that reports ever more changes of ours makes them up. */
	private const REDRAW_SECONDS = 3600;

	/** Returns the component for our changes of a channel. */
	public static function component(int $channelId): string
	{
		$drawn = array_column(
			Table::select('filesync_setting', ['id' => [self::id($channelId), self::ID]], '', 0, 'id, value'),
			'value',
			'id',
		);

		return $drawn[self::id($channelId)] ?? $drawn[self::ID] ?? self::ofHub();
	}

	/**
	 * Draws a new component for a channel if another hub knows more of our changes than we do.
	 *
	 * @param Seen $theirs
	 * @param Seen $ours
	 */
	public static function notice(int $channelId, array $theirs, array $ours): void
	{
		self::noticeEach($channelId, [[$theirs, $ours]]);
	}

	/**
	 * Does what notice() does for several vectors, each beside ours, and returns the component from then on.
	 *
	 * @param list<array{Seen, Seen}> $pairs
	 */
	public static function noticeEach(int $channelId, array $pairs): string
	{
		$component = self::component($channelId);
		foreach ($pairs as [$theirs, $ours]) {
			if (($theirs[$component] ?? 0) > ($ours[$component] ?? 0)) {
				self::redraw($channelId);

				return self::component($channelId);
			}
		}

		return $component;
	}

	private static function redraw(int $channelId): void
	{
		$drawn = self::drawn($channelId);
		$now = Clock::now();
		if ($drawn && (int) $drawn['name'] > ($now - self::REDRAW_SECONDS) && (int) $drawn['name'] <= $now) {
			return;
		}
		Log::write(
			"another hub knows changes of channel $channelId that were made here and are unknown here: this hub was restored from a backup and starts a new count",
		);
		self::forget($channelId);
		Table::tryInsert('filesync_setting', [
			'id' => self::id($channelId),
			'scope' => 'component',
			'name' => (string) $now,
			'value' => bin2hex(random_bytes(8)),
		]);
	}

	/** Forgets the component of a channel. */
	public static function forget(int $channelId): void
	{
		Table::delete('filesync_setting', ['id' => self::id($channelId)]);
	}

	private static function ofHub(): string
	{
		if (! ($row = Table::first('filesync_setting', ['id' => self::ID]))) {
			Table::tryInsert('filesync_setting', [
				'id' => self::ID,
				'scope' => 'site',
				'name' => self::ID,
				'value' => bin2hex(random_bytes(8)),
			]);
			$row = Table::first('filesync_setting', ['id' => self::ID]) ?? throw new \RuntimeException(
					'the component of this hub cannot be stored',
				);
		}

		return $row['value'];
	}

	/**
	 * Returns the channel's own component, named by the time when it was drawn, or null.
	 *
	 * @return ?SettingRow
	 */
	private static function drawn(int $channelId): ?array
	{
		return Table::first('filesync_setting', ['id' => self::id($channelId)], '', 'name, value');
	}

	private static function id(int $channelId): string
	{
		return self::ID . '-' . $channelId;
	}
}
