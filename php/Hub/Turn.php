<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Lets one process at a time apply packets of a channel: two that name the same new folder would create it twice. */
final class Turn
{
	private const PATIENCE_SECONDS = 10;

	/**
	 * Runs work exclusively, and returns what it returns. The kernel holds the lock, so it ends with its process.
	 *
	 * @template T
	 *
	 * @param callable(): T $work
	 *
	 * @return T
	 *
	 * @throws Postponed Others held the lock for too long, or it cannot be opened.
	 */
	public static function take(int $channelId, callable $work): mixed
	{
		$lock = FileLock::open(Store::dataRoot($channelId, true) . '/accept.lock') ?? throw new Postponed(
				'the lock of this channel cannot be opened',
				true,
			);
		for ($deadline = microtime(true) + self::PATIENCE_SECONDS; ! $lock->take(); usleep(random_int(2000, 20000))) {
			if (microtime(true) > $deadline) {
				throw new Postponed('other packets of this channel are being applied', true);
			}
		}
		try {
			return $work();
		} finally {
			$lock->release();
		}
	}
}
