<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What is remembered of a channel's nightly set.
 *
 * @type Night = array{
 *     planned: int, due: int, next_at: int, success: int, run: string, files: int, bytes: int, missing: int,
 *     problem: string, part: int, to_read: int, verified: int, cycle: int, since: int, damaged: int,
 *     folder: string, drilled: int, drill_at: int, drill_problem: string, drill_put_off: int
 * }
 */
final class Nights
{
	/** So long without a run that ended well is worth somebody's attention. */
	private const LATE_SECONDS = 2 * 86400;
	/** So often a restore from a set is tried. */
	public const DRILLED_EVERY_SECONDS = 30 * 86400;
	private const NONE = [
		'planned' => 0,
		'due' => 0,
		'next_at' => 0,
		'success' => 0,
		'run' => '',
		'files' => 0,
		'bytes' => 0,
		'missing' => 0,
		'problem' => '',
		'part' => 0,
		'to_read' => 0,
		'verified' => 0,
		'cycle' => 0,
		'since' => 0,
		'damaged' => 0,
		'folder' => '',
		'drilled' => 0,
		'drill_at' => 0,
		'drill_problem' => '',
		'drill_put_off' => 0,
	];

	/**
	 * Returns it.
	 *
	 * @return Night `planned`: since when there should be one. `due`: since when a run is to be made or goes on, 0 if
	 *     none is; `next_at`: not before. `success`: when the last run ended well. `missing`: what of the channel is
	 *     not in it and needs attention. `part`: which part is read back next; `to_read`: how many still are now;
	 *     `verified`: when the last one was; `cycle`: when part 0 was; `since`: since when all were, 0 if never.
	 *     `damaged`: what was found then. `folder`: where the set is. `drilled`: when a restore from it was last tried;
	 *     `drill_at`: not before; `drill_problem`: why it could not be; `drill_put_off`: since when it has given way to
	 *     something else, 0 if it has not.
	 */
	public static function of(int $channelId): array
	{
		return self::read(Config::get('nightly', self::scope($channelId)));
	}

	/**
	 * Returns it for each of some channels.
	 *
	 * @param list<int> $channelIds
	 *
	 * @return array<int, Night>
	 */
	public static function each(array $channelIds): array
	{
		$all = Config::byScope('nightly');
		$nights = [];
		foreach ($channelIds as $id) {
			$nights[$id] = self::read($all[self::scope($id)] ?? '');
		}

		return $nights;
	}

	/** @return Night */
	private static function read(string $text): array
	{
		/** @var array<string, int|string> */
		$known = json_decode($text, true) ?? [];

		/** @var Night */
		return array_intersect_key($known, self::NONE) + self::NONE;
	}

	/**
	 * Changes some of it.
	 *
	 * @param array<string, int|string> $changes
	 */
	public static function note(int $channelId, array $changes): void
	{
		Config::set(
			'nightly',
			json_encode($changes + self::of($channelId), JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR),
			self::scope($channelId),
		);
	}

	/** Forgets a channel. */
	public static function forget(int $channelId): void
	{
		Config::clear('nightly', self::scope($channelId));
	}

	/** Tells whether there are nightly sets. */
	public static function areOn(): bool
	{
		return Config::get('backup_folder') !== '';
	}

	/** Returns where the nightly set of a channel is. */
	public static function folder(Channel $channel): string
	{
		return rtrim(Config::get('backup_folder'), '/') . '/' . Place::nameFor($channel);
	}

	/** Tells whether no run has ended well for so long that somebody should look. */
	public static function isLate(int $channelId): bool
	{
		$night = self::of($channelId);
		$since = $night['success'] ?: $night['planned'];

		return $since > 0 && $since < (Clock::now() - self::LATE_SECONDS);
	}

	/** Tells whether drills gave way to something else for so long that somebody should look. */
	public static function isDrillLate(int $channelId): bool
	{
		$since = self::of($channelId)['drill_put_off'];

		return $since > 0 && $since < (Clock::now() - self::DRILLED_EVERY_SECONDS);
	}

	private static function scope(int $channelId): string
	{
		return "backup:$channelId";
	}
}
