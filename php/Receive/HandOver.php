<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Gives packets that filesync held to core's own receiver, in the order in which they came, because they are for it now
 * (see Config::isForCore()). Until the last one of a channel is there, further ones are held behind them.
 */
final class HandOver
{
	private const LEASE = HeldPackets::HAND_OVER;
	private const LEASE_SECONDS = 600;
	private const MOST_ATTEMPTS = 3;

	/** Hands over until a moment; the rest is another job's. */
	public static function work(int $until): void
	{
		$token = Token::make();
		if (! self::isDue() || ! Lease::take(self::LEASE, $token, self::LEASE_SECONDS)) {
			return;
		}
		$mayGoOn = false;
		try {
			$mayGoOn = self::giveAll($until, $token);
		} finally {
			Lease::giveBack(self::LEASE, $token);
			// Where nothing can be done now, the next job begins after a while, not at once and over and over.
			if ($mayGoOn) {
				Activation::answered('hand-over');
			}
			Activation::again();
		}
	}

	/** Hands over until a moment; false if nothing more can be handed over now. */
	private static function giveAll(int $until, string $token): bool
	{
		if (! Family::hasExpectedReceiver()) {
			Log::write("the hub's own receiver takes other arguments than filesync knows: the packets stay held");

			return false;
		}
		$leases = [];
		try {
			while (
				Clock::now() < $until
				&& Lease::extend(self::LEASE, $token, self::LEASE_SECONDS)
				// Looked at each time: an admin may have changed it since.
				&& ($channels = self::channels()) !== []
				&& ($row = Table::first(
					'filesync_packet',
					['uid' => $channels, 'state' => Activation::QUEUED],
					'created, id',
					HeldPackets::COLUMNS,
				))
			) {
				$lease = HeldPackets::leaseOf((int) $row['uid']);
				// A worker that began before the admin chose this may be applying that very packet.
				if (! Lease::take($lease, $token, self::LEASE_SECONDS)) {
					return false;
				}
				$leases[$lease] = true;
				self::give($row);
			}
		} finally {
			foreach (array_keys($leases) as $lease) {
				Lease::giveBack($lease, $token);
			}
		}

		return true;
	}

	/** Tells whether there is anything to hand over. */
	public static function isDue(): bool
	{
		return self::channels() !== [];
	}

	/** @return list<int> The channels of which something is held that is for the hub's own receiver now. */
	private static function channels(): array
	{
		return array_values(array_filter(HeldPackets::queuedChannels(), Config::isForCore(...)));
	}

	private static function give(array $row): void
	{
		// Counted before: a packet that kills the process must not be tried for ever.
		$attempts = (int) $row['attempts'] + 1;
		$isOver = $attempts > self::MOST_ATTEMPTS;
		Table::update(
			'filesync_packet',
			['attempts' => $attempts]
			+ ($isOver ? ['state' => 'parked', 'reason' => "the hub's own receiver could not take it"] : []),
			['id' => $row['id']],
		);
		if ($isOver) {
			return;
		}
		try {
			$channel = Clones::channel((int) $row['uid']);
			if ($channel) {
				Family::handOver($channel, HeldPackets::entry($row));
			}
			Table::delete('filesync_packet', ['id' => $row['id']]);
		} catch (\Throwable $e) {
			Log::failure("handing a packet to the hub's own receiver", $e);
		}
	}
}
