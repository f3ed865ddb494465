<?php

namespace FileSync\Addon\Transfer;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Outbox\Outbox;

if (! class_exists('App', false)) {
	exit;
}

/** Starts a background worker if there is something to do. Code that creates work rings. */
final class Doorbell
{
	private const SUMMON_SECONDS = 60;

	/** Starts a background worker if there is work and no worker for it. */
	public static function ring(): void
	{
		// Asked first: while many are due, looking for them takes long.
		if (
			! Lease::isHeld('summon')
			&& Activation::isActive()
			&& self::hasWork()
			&& Lease::take('summon', Token::make(), self::SUMMON_SECONDS)
		) {
			Daemon::summon();
		}
	}

	/** Starts a worker if there is work, even if one was started just now: it found filesync inactive. */
	public static function again(): void
	{
		self::answered();
		self::ring();
	}

	/** Notes that a worker looks for work from now on, so that later work rings again. */
	public static function answered(): void
	{
		Lease::end('summon');
	}

	private static function hasWork(): bool
	{
		return (
			Parts::has(Parts::RECEIVER)
			&& Table::first(
				'filesync_packet',
				[
					'state' => ['staged', Activation::QUEUED],
					'next_at <=' => Clock::now(),
				],
				'',
				'id',
			) !== null
			|| self::unserved(self::dueChannels()) !== []
		);
	}

	/**
	 * Returns those of some channels that no worker serves now.
	 *
	 * @param list<int> $channelIds
	 *
	 * @return list<int>
	 */
	public static function unserved(array $channelIds): array
	{
		$names = array_combine($channelIds, array_map(fn ($id) => "channel-$id", $channelIds));

		return array_keys(array_diff($names, Lease::held(array_values($names))));
	}

	/**
	 * Returns the channels with something to fetch, publish or call now.
	 *
	 * @return list<int>
	 */
	public static function dueChannels(): array
	{
		return array_values(array_unique([...self::toFetch(), ...Outbox::dueChannels()]));
	}

	/**
	 * Returns the channels with something to fetch or publish now.
	 *
	 * @return list<int>
	 */
	public static function toFetch(): array
	{
		return Fetching::canFetch() ? Fetching::among(Queue::dueChannels()) : [];
	}
}
