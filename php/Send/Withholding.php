<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** Keeps back a file's state while newer bytes are arriving: ours would be older than the origin's. */
final class Withholding
{
	/** After so many attempts, newer bytes may never come. */
	private const LONG_ATTEMPTS = 5;

	/**
	 * Tells whether a file must not be sent now; it is then sent once its bytes are here, or once it is clear that ours
	 * stay.
	 */
	public static function withhold(int $channelId, string $hash): bool
	{
		if (! self::isWithheld($channelId, $hash)) {
			return false;
		}
		self::announceOnceHere($channelId, $hash);
		// It may have been published meanwhile, without noticing our request.
		self::releaseIfHere($channelId, $hash);

		return true;
	}

	/**
	 * Does what withhold() does for some files, and returns those that may be sent now.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string>
	 */
	public static function sift(int $channelId, array $hashes): array
	{
		$withheld = array_filter(
			Queue::withheld($channelId, $hashes),
			fn (string $hash): bool => self::withhold($channelId, $hash),
		);

		return array_values(array_diff($hashes, $withheld));
	}

	/**
	 * Requests sending a file's state once its bytes are here. Add this before requesting them, so that their arrival
	 * cannot be missed.
	 */
	public static function announceOnceHere(int $channelId, string $hash): void
	{
		Outbox::add($channelId, 'announce', $hash, '', true);
	}

	/** Releases requests that wait for a file's bytes if none are arriving. */
	public static function releaseIfHere(int $channelId, string $hash): void
	{
		if (! self::isWithheld($channelId, $hash)) {
			Outbox::release($channelId, $hash);
		}
	}

	/** Does so for all files: a process may have been killed between the arrival of the bytes and its record. */
	public static function releaseAllHere(int $ageSeconds): void
	{
		$held = [
			'o.kind' => 'announce',
			'o.state' => 'held',
			'o.created <' => Clock::now() - $ageSeconds,
			't.id is' => null,
		];
		foreach (Table::rows(
			Queue::withholding('filesync_outbox o', 'o.uid', 'o.name'),
			$held,
			'o.created',
			100,
			'o.uid, o.name',
		) as $row) {
			self::releaseIfHere((int) $row['uid'], (string) $row['name']);
		}
	}

	/** Tells whether a file has been kept back for so long that its newer bytes may never come. */
	public static function isForLong(int $channelId, string $hash): bool
	{
		$transfer = Queue::find($channelId, $hash, 0);

		return (
			$transfer !== null
			&& ($transfer->state === TransferState::PARKED || $transfer->attempts >= self::LONG_ATTEMPTS)
		);
	}

	private static function isWithheld(int $channelId, string $hash): bool
	{
		return Queue::withheld($channelId, [$hash]) !== [];
	}
}
