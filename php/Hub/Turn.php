<?php

namespace FileSync\Addon\Hub;

use FileSync\Addon\Postponed;

if (! class_exists('App', false)) {
	exit;
}

/** Lets one process at a time take packets of a channel in: two that name the same new folder would make it twice. */
final class Turn
{
	private const PATIENCE_SECONDS = 10;

	/**
	 * Runs work alone. The lock is the kernel's, so it ends with the process that holds it.
	 *
	 * @throws Postponed Others were at it for too long, or the lock cannot be had.
	 */
	public static function take(int $channelId, callable $work): void
	{
		$lock = @fopen(Store::dataRoot($channelId, true) . '/accept.lock', 'c') ?: throw new Postponed('the lock of this channel cannot be opened', true);
		for ($deadline = microtime(true) + self::PATIENCE_SECONDS; ! flock($lock, LOCK_EX | LOCK_NB); usleep(random_int(2000, 20000))) {
			if (microtime(true) > $deadline) {
				throw new Postponed('other packets of this channel are being taken in', true);
			}
		}
		try {
			$work();
		} finally {
			fclose($lock);
		}
	}
}
