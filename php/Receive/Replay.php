<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Backoff;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Protocol\Packet;

if (! class_exists('App', false)) {
	exit;
}

/** Applies what was held: again once it is due, or because a person agrees. */
final class Replay
{
	private const MOST_ATTEMPTS = 5;
	private const LEASE_SECONDS = 120;
	/** How long an entry waits that cannot be applied on the hub as it is. */
	private const HUB_SECONDS = 3600;

	/**
	 * Tries due entries again, of the channel whose turn was longest ago, for a share of time. True if there were any.
	 */
	public static function due(): bool
	{
		if (! Parts::has(Parts::RECEIVER)) {
			return false;
		}
		$channelId = ServedLast::order('packets', HeldPackets::dueChannels())[0] ?? null;
		if ($channelId === null) {
			return false;
		}
		ServedLast::note('packets', $channelId);
		$until = Clock::now() + ServedLast::TURN_SECONDS;
		if (Activation::isQueued($channelId)) {
			return self::letIn($channelId, $until);
		}
		$due = ['uid' => $channelId, 'state' => 'staged', 'next_at <=' => Clock::now()];
		foreach (array_column(Table::select('filesync_packet', $due, 'created', 20, 'id'), 'id') as $id) {
			if (
				Clock::now() < $until
				&& ($row = Table::first(
					'filesync_packet',
					['id' => $id] + $due,
					'',
					HeldPackets::COLUMNS,
				))
			) {
				self::replay($row);
			}
		}

		return true;
	}

	/**
	 * Applies queued entries of a channel in the order in which they came; false if another process does, or they are
	 * for the hub's own receiver now. Further ones are queued behind them.
	 */
	private static function letIn(int $channelId, int $until): bool
	{
		$token = Token::make();
		$lease = HeldPackets::leaseOf($channelId);
		if (Config::isForCore($channelId) || ! Lease::take($lease, $token, self::LEASE_SECONDS)) {
			return false;
		}
		try {
			while (
				Clock::now() < $until
				&& Parts::has(Parts::RECEIVER)
				&& ! Config::isForCore($channelId)
				&& Lease::extend($lease, $token, self::LEASE_SECONDS)
				&& ($row = Table::first(
					'filesync_packet',
					['uid' => $channelId, 'state' => Activation::QUEUED],
					'created, id',
					HeldPackets::COLUMNS,
				))
			) {
				self::replay($row);
			}
		} finally {
			Lease::giveBack($lease, $token);
		}

		return true;
	}

	private static function replay(array $row): void
	{
		// Counted before the body is read: an entry that kills the process must not be tried for ever.
		$attempts = (int) $row['attempts'] + 1;
		Table::update(
			'filesync_packet',
			['attempts' => $attempts, 'next_at' => Clock::now() + Backoff::doubling(60, 8)->seconds($attempts)]
			+ (
				$attempts > self::MOST_ATTEMPTS
					? ['state' => 'parked', 'reason' => 'every attempt killed the process']
					: []
			),
			['id' => $row['id']],
		);
		if ($attempts > self::MOST_ATTEMPTS) {
			return;
		}
		try {
			if ($channel = Clones::channel((int) $row['uid'])) {
				Incoming::replay($channel, HeldPackets::entry($row), (int) $row['created']);
			}
			Table::delete('filesync_packet', ['id' => $row['id']]);
		} catch (Refused $e) {
			Log::write('refused a held packet for channel ' . $row['uid'] . ': ' . $e->getMessage());
			Table::delete('filesync_packet', ['id' => $row['id']]);
		} catch (\Throwable $e) {
			$isForHub = $e instanceof Postponed && $e->isForHub;
			$wait = $isForHub || $attempts < self::MOST_ATTEMPTS && ! ($e instanceof Postponed && ! $e->retry);
			Table::update(
				'filesync_packet',
				['state' => $wait ? 'staged' : 'parked', 'reason' => $e->getMessage()]
				+ ($isForHub ? ['attempts' => 0, 'next_at' => Clock::now() + self::HUB_SECONDS] : []),
				['id' => $row['id']],
			);
		}
	}

	/**
	 * Applies a parked entry after approval.
	 *
	 * @throws \Throwable It cannot be applied for another reason, and still waits.
	 */
	public static function accept(array $row): void
	{
		$channel = Clones::channel((int) $row['uid']);
		if ($channel) {
			Incoming::replay($channel, HeldPackets::entry($row), (int) $row['created'], true);
		}
		Table::delete('filesync_packet', ['id' => $row['id']]);
	}

	/**
	 * Forgets a parked entry after a refusal. Files that it would have deleted return to the clones that deleted them.
	 */
	public static function dismiss(array $row): void
	{
		$channel = Clones::channel((int) $row['uid']);
		$packet = Packet::read(HeldPackets::entry($row));
		if ($channel) {
			Turn::take((int) $row['uid'], fn () => Deletion::refuse($channel, $packet));
		}
		Table::delete('filesync_packet', ['id' => $row['id']]);
	}
}
