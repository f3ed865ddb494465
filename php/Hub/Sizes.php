<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The true sizes of files: hubs' own columns may end at 4 GiB. Table filesync_digest. */
final class Sizes
{
	/**
	 * Returns the recorded size of a file and the time of the record, or null.
	 *
	 * @return ?array{size_bytes: int, updated: int}
	 */
	public static function sizeOf(int $channelId, string $hash): ?array
	{
		$row = Table::first('filesync_digest', ['id' => self::id($channelId, $hash, 0)], '', 'size_bytes, updated');

		return $row ? ['size_bytes' => (int) $row['size_bytes'], 'updated' => (int) $row['updated']] : null;
	}

	/** Returns the id of a row. */
	public static function id(int $channelId, string $hash, int $scale): string
	{
		return hash('sha256', "$channelId\n$hash\n$scale");
	}
}
