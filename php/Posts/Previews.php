<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Clock;
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
 */
final class Previews
{
	private const LEASE_SECONDS = 300;
	private const SUMMON_SECONDS = 60;

	/** Starts the job if previews are wanted and no process makes them. */
	public static function summon(): void
	{
		if (
			Outbox::next(['preview'])
			&& ! Lease::isHeld('previews')
			&& Lease::take('summon-previews', Token::make(), self::SUMMON_SECONDS)
		) {
			Daemon::summon('previews');
		}
	}

	/** Makes previews; starts none after the deadline. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-previews');
		$token = Token::make();
		if (! Lease::take('previews', $token, self::LEASE_SECONDS)) {
			return;
		}
		try {
			while (Clock::now() < $deadline && ($row = Outbox::next(['preview']))) {
				ServedLast::note('preview', (int) $row['uid']);
				Outbox::attempt($row);
				Lease::extend('previews', $token, self::LEASE_SECONDS);
			}
		} finally {
			Lease::giveBack('previews', $token);
		}
		self::summon();
	}
}
