<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Reason;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Gives the packets that filesync held to core's own receiver, in the order in which they came, because an admin chose
 * it. Until the last one is there, further ones are held behind them.
 */
final class HandOver
{
	private const LEASE = 'hand-over';
	private const LEASE_SECONDS = 600;
	private const MOST_ATTEMPTS = 3;

	/** Hands over until a moment; the rest is another job's. */
	public static function work(int $until): void
	{
		$token = Token::make();
		if (
			Activation::reason() !== Reason::HandingOver
			|| ! Lease::take(self::LEASE, $token, self::LEASE_SECONDS)
		) {
			return;
		}
		try {
			if (! Family::hasExpectedReceiver()) {
				Log::write("the hub's own receiver takes other arguments than filesync knows: the packets stay held");
				return;
			}
			while (
				Clock::now() < $until
				&& Lease::extend(self::LEASE, $token, self::LEASE_SECONDS)
				&& ($row = Table::first(
					'filesync_packet',
					['state' => Activation::QUEUED],
					'created, id',
					HeldPackets::COLUMNS,
				))
			) {
				self::give($row);
			}
		} finally {
			Lease::giveBack(self::LEASE, $token);
			Activation::answered('hand-over');
			Activation::again();
		}
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
