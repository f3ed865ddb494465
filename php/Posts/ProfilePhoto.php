<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Keeps the crops of a profile photo that arrived as a file: core would overwrite the present one with the avatar that
 * it fetches.
 */
final class ProfilePhoto
{
	/** Replaces core's import_channel_photo. Returns the photo's hash, or false if nothing was stored. */
	public static function import(
		mixed $photo,
		mixed $type,
		mixed $accountId,
		mixed $channelId,
		mixed ...$rest,
	): mixed {
		try {
			if (Config::serves((int) $channelId, Parts::RECEIVER) && self::comesAsFile((int) $channelId)) {
				return false;
			}
		} catch (\Throwable $e) {
			Log::failure('an avatar about to be stored', $e);
			return false;
		}

		return Core::importChannelPhoto($photo, $type, $accountId, $channelId, ...$rest);
	}

	/** Tells whether the profile photo is a file of the channel, or one is arriving. */
	private static function comesAsFile(int $channelId): bool
	{
		$now = Table::first('photo', ['uid' => $channelId, 'photo_usage' => Core::PHOTO_PROFILE], '', 'resource_id');
		if ($now && Table::first('attach', ['uid' => $channelId, 'hash' => $now['resource_id']], '', 'id')) {
			return true;
		}
		$live = ['uid' => $channelId, 'scale' => 4, 'state' => Queue::LIVE];
		foreach (Table::each('filesync_transfer', $live, 20, 'id, entry') as $row) {
			if ((json_decode($row['entry'], true)['photo']['photo_usage'] ?? null) === Core::PHOTO_PROFILE) {
				return true;
			}
		}

		return false;
	}
}
