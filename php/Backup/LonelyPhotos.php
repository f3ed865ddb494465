<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/** Finds photos of a channel that are not files, as older hubs and imports of avatars made them. A set has files. */
final class LonelyPhotos
{
	private const PAGE = 200;
	/** Others are avatars of other people, things and caches. */
	private const USAGES = [Core::PHOTO_NORMAL, Core::PHOTO_PROFILE, Core::PHOTO_COVER];

	/** @return \Generator<int, Lack> */
	public static function of(Channel $channel): \Generator
	{
		$where = ['uid' => $channel->id, 'photo_usage' => self::USAGES, 'imgscale' => Entries::SCALES];
		foreach (Table::pages('photo', $where, self::PAGE, 'DISTINCT resource_id', 'resource_id') as $rows) {
			$hashes = array_column($rows, 'resource_id');
			$files = array_column(
				Table::select('attach', ['uid' => $channel->id, 'hash' => $hashes], '', 0, 'hash'),
				'hash',
			);
			foreach (array_diff($hashes, $files) as $hash) {
				yield new Lack(
					'photo',
					'no_file',
					"The photo $hash is not one of the channel's files; `repair files` on the hub makes it one.",
					$hash,
				);
			}
		}
	}
}
