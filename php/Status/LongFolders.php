<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\Peers;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Folders that some of a channel's other hubs cannot make: those without filesync refuse long names from 10.4 on. We
 * make them, and shorten no name.
 */
final class LongFolders
{
	/** The most characters that those hubs take. */
	private const MOST = 64;
	private const SINCE = '10.4';

	/** Returns which folders are on no such hub, in words; null if there are none. */
	public static function problem(Channel $channel): ?string
	{
		$hubs = self::hubs($channel);
		$where = ['uid' => $channel->id, 'is_dir' => 1, 'filename like' => str_repeat('_', self::MOST + 1) . '%'];
		$paths = [];
		foreach ($hubs ? Table::select('attach', $where, 'display_path', 0, 'filename, display_path') : [] as $row) {
			// A database may take bytes for characters.
			if (mb_strlen($row['filename']) > self::MOST) {
				$paths[] = $row['display_path'];
			}
		}

		return $paths
			? sprintf(
				t(
					'Folders whose names have more than %1$d characters (%2$d here; the first: %3$s) cannot be on %4$s, nor what they contain: hubs without filesync refuse them from version %5$s on. Shorten the names, or have filesync installed there.',
				),
				self::MOST,
				count($paths),
				Log::oneLine($paths[0]),
				implode(', ', $hubs),
				self::SINCE,
			)
			: null;
	}

	/** @return list<string> The hosts of the channel's other hubs that refuse long names, as far as we know. */
	private static function hubs(Channel $channel): array
	{
		$hubs = [];
		foreach (Clones::others($channel) as $clone) {
			if (! Peers::speaks($clone['url']) && version_compare(Clones::version($clone['url']), self::SINCE, '>=')) {
				$hubs[] = Words::host($clone['url']);
			}
		}

		return $hubs;
	}
}
