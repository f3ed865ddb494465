<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Outbox\Outbox;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Has core make the previews of published files: one after the other in a job of its own.
 *
 * The hub starts a process for each job, so a thousand files must not become a thousand jobs.
 *
 * @import-type OutboxRow from \FileSync\Addon\Hub\Rows
 */
final class Previews
{
	private const LEASE_SECONDS = 300;
	/** So many are made before others may be next. */
	private const IN_TURN = 20;
	private const SUMMON_SECONDS = 60;

	/** Starts the job if previews are wanted and no process makes them. */
	public static function summon(): void
	{
		if (
			Outbox::next('preview', 1) !== []
			&& ! Lease::isHeld('previews')
			&& Lease::take('summon-previews', Token::make(), self::SUMMON_SECONDS)
		) {
			Daemon::summon('previews');
		}
	}

	/**
	 * Makes previews; starts none after the deadline.
	 *
	 * @param ?\Closure(): bool $givesWay Called after some; true leaves the rest for later.
	 *
	 * @return bool Whether it gave way.
	 */
	public static function work(int $deadline, ?\Closure $givesWay = null): bool
	{
		Lease::end('summon-previews');
		$token = Token::make();
		if (! Lease::take('previews', $token, self::LEASE_SECONDS)) {
			return false;
		}
		$hasGivenWay = false;
		try {
			while (
				! $hasGivenWay
				&& Clock::now() < $deadline
				&& ($rows = Outbox::next('preview', self::IN_TURN)) !== []
			) {
				self::makeSome($rows, min($deadline, Clock::now() + ServedLast::TURN_SECONDS), $token);
				$hasGivenWay = $givesWay !== null && $givesWay();
			}
		} finally {
			Lease::giveBack('previews', $token);
		}
		if (! $hasGivenWay) {
			self::summon();
		}

		return $hasGivenWay;
	}

	/**
	 * Makes previews of a channel, at least one; starts no other after a moment.
	 *
	 * @param non-empty-list<OutboxRow> $rows
	 */
	private static function makeSome(array $rows, int $until, string $token): void
	{
		$channelId = (int) $rows[0]['uid'];
		ServedLast::note('preview', $channelId);
		$channel = Clones::channel($channelId);
		Outbox::attemptEach($channel, $rows, fn (): bool => Clock::now() >= $until);
		Lease::extend('previews', $token, self::LEASE_SECONDS);
	}
}
