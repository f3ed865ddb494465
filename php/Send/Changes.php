<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Hub\Widths;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Wraps core's calls that change files for their owner, to record the changes: core forgets to send some, and sends
 * others twice.
 */
final class Changes
{
	/** Replaces core's attach_move. */
	public static function move(mixed $channelId, mixed $hash, mixed $folder, mixed ...$rest): mixed
	{
		$name = is_string($rest[0] ?? null) ? $rest[0] : '';
		if (self::note(fn () => Config::serves((int) $channelId) && mb_strlen($name) > Widths::longestName())) {
			// Core would refuse it once the bytes are elsewhere.
			return [
				'success' => false,
				'message' => sprintf(
					t('a name may have at most %d characters here'),
					Widths::longestName(),
				),
			];
		}
		/** @var ?array<string, string> $before */
		$before = self::note(fn () => self::beforeMove((int) $channelId, (string) $hash, (string) $folder, $name));
		$apart = $before ? self::note(fn () => Photos::apart((int) $channelId)) ?? [] : [];
		try {
			$result = Core::move($channelId, $hash, $folder, ...$rest);
		} catch (\TypeError $e) {
			// On PostgreSQL its last step, the thumbnails of a photo, fails (7.8 to 8.9.3).
			$after = $before && (int) $before['is_photo']
				? self::note(fn () => Store::attach((int) $channelId, (string) $hash))
				: null;
			if (! $after || $after['folder'] !== (string) $folder || ! is_file($after['content'])) {
				throw $e;
			}
			$result = ['success' => true, 'resource_id' => $hash];
		}
		if (is_array($result) && empty($result['success'])) {
			self::note(fn () => self::putBack((int) $channelId, $before, (string) $folder));
		}
		self::note(fn () => $before && Photos::follow($before, $apart));

		return $result;
	}

	/** Returns the row of what is to be moved, and records the move; null if there is none. */
	private static function beforeMove(int $channelId, string $hash, string $folder, string $name): ?array
	{
		/** @var ?array<string, string> $before */
		$before = Store::attach($channelId, $hash);
		// WebDAV moves what is in a folder that it renames to where it is.
		if ($before && ($before['folder'] !== $folder || ! in_array($name, ['', $before['filename']], true))) {
			Watch::mark($channelId, $hash);
		}

		return $before;
	}

	/**
	 * Puts the bytes of a file or folder back that core moved before it refused the move.
	 *
	 * @param ?array<string, string> $before
	 */
	private static function putBack(int $channelId, ?array $before, string $folder): void
	{
		$channel = $before && Config::serves($channelId) ? Clones::channel($channelId) : null;
		if (! $before || ! $channel) {
			return;
		}
		/** @var ?array<string, string> $now */
		$now = Store::attach($channelId, $before['hash']);
		[$old, $new] = [
			$before['content'],
			Store::place($channel, $folder, $before['hash'], $before['filename'])['content'] ?? $before['content'],
		];
		if (
			$now
			&& $now['content'] === $old
			&& $new !== $old
			&& ! file_exists($old)
			&& file_exists($new)
			&& ! is_link($new)
			&& @rename($new, $old)
		) {
			Log::write("the hub refused to move {$before['hash']} of channel $channelId: its bytes are back");
		}
	}

	/**
	 * Replaces core's attach_change_permissions. Core would send a packet for each file beneath; we send one after it.
	 */
	public static function access(
		mixed $channelId,
		mixed $hash,
		mixed $allowCid,
		mixed $allowGid,
		mixed $denyCid,
		mixed $denyGid,
		mixed $recurse = false,
		mixed $sync = false,
		mixed ...$rest,
	): mixed {
		$isOurs = self::note(function () use ($channelId, $hash, $recurse) {
			$recurse
				? Watch::markBeneath((int) $channelId, (string) $hash)
				: Watch::mark((int) $channelId, (string) $hash);

			return Config::serves((int) $channelId, Parts::SENDER);
		});

		return Core::changePermissions(
			$channelId,
			$hash,
			$allowCid,
			$allowGid,
			$denyCid,
			$denyGid,
			$recurse,
			$isOurs ? false : $sync,
			...$rest,
		);
	}

	/** Replaces core's fix_attached_permissions. */
	public static function accessOfPost(mixed $channelId, mixed $body, mixed ...$rest): mixed
	{
		self::note(function () use ($channelId, $body) {
			foreach (Items::filesIn((string) $body) as $hash) {
				Watch::mark((int) $channelId, $hash);
			}
		});

		return Core::fixAttachedPermissions($channelId, $body, ...$rest);
	}

	/**
	 * Updates what core leaves of the old name when a file or folder is renamed by WebDAV.
	 *
	 * Core changes the row's name, but fails to update the display path, the names of photo rows, and the paths of
	 * everything beneath a folder (7.8 to 8.9.3).
	 */
	public static function renamed(mixed $given, mixed $hash): void
	{
		self::note(function () use ($given, $hash) {
			$channel = is_string($hash) ? Clones::given($given, Parts::SENDER) : null;
			$own = $channel && is_string($hash) ? Store::attach($channel->id, $hash) : null;
			$place = $channel && $own ? Store::place($channel, $own['folder'], $hash, $own['filename']) : null;
			if (! $channel || ! $own || ! $place) {
				return;
			}
			if ((int) $own['is_dir']) {
				$beneath = Table::select(
					'attach',
					['uid' => $channel->id, 'folder' => $hash],
					'id',
					0,
					'filename, display_path',
				);
				$stale = array_filter(
					$beneath,
					fn ($row) => $row['display_path'] !== $place['display_path'] . '/' . $row['filename'],
				);
				if ($stale || $own['display_path'] !== $place['display_path']) {
					Turn::take($channel->id, fn () => FolderMove::finish(
						$channel,
						$hash,
						$own['folder'],
						$own['filename'],
					));
				}
				return;
			}
			$names = ['filename' => PhotoType::text($own['filename']), 'display_path' => $place['display_path']];
			if ($own['display_path'] !== $place['display_path']) {
				Table::update('attach', ['display_path' => $place['display_path']], ['id' => (int) $own['id']]);
			}
			foreach ((int) $own['is_photo']
				? Table::select(
					'photo',
					['uid' => $channel->id, 'resource_id' => $hash],
					'id',
					0,
					'id, filename, display_path',
				)
				: [] as $photo) {
				if (array_diff_assoc($names, $photo)) {
					Table::update('photo', $names, ['id' => (int) $photo['id']]);
				}
			}
		});
	}

	private static function note(callable $work): mixed
	{
		try {
			return $work();
		} catch (\Throwable $e) {
			Log::failure('a change about to be sent', $e);

			return null;
		}
	}
}
