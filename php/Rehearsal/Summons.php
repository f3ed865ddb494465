<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Schema\Migrations;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Answers the summons to a rehearsal, as a job of the hub: one process at a time, never in a web request. A rehearsal
 * that ends its process is begun again by the next summons, a few times; then that is its outcome.
 */
final class Summons
{
	private const LEASE = 'rehearse';
	/** Longer than a rehearsal: it ends one that was killed. */
	private const LEASE_SECONDS = 180;
	private const MOST_ATTEMPTS = 3;

	/**
	 * Rehearses if somebody waits for it, and remembers the outcome; false if nobody does, or another process
	 * rehearses.
	 *
	 * @param \Closure(): Outcome $rehearse
	 */
	public static function answer(\Closure $rehearse): bool
	{
		if (! Migrations::ready() || Config::get('enabled') === '0') {
			return false;
		}
		$token = Token::make();
		if (! Activation::isRehearsalDue() || ! Lease::take(self::LEASE, $token, self::LEASE_SECONDS)) {
			return false;
		}
		try {
			// Another process may have ended one since.
			if (! Activation::isRehearsalDue()) {
				return false;
			}
			Look::renewIfDue();
			Outcomes::remember(self::outcome($rehearse));
			self::count(0);
		} finally {
			Lease::giveBack(self::LEASE, $token);
		}

		return true;
	}

	/** @param \Closure(): Outcome $rehearse */
	private static function outcome(\Closure $rehearse): Outcome
	{
		$begun = Clock::now();
		$attempts = self::attempts() + 1;
		if ($attempts > self::MOST_ATTEMPTS) {
			return self::failed(
				$begun,
				sprintf(t('its process ended before it did, %d times'), self::MOST_ATTEMPTS),
			);
		}
		self::count($attempts);
		try {
			return $rehearse();
		} catch (\Throwable $e) {
			Log::failure('the rehearsal', $e);
			return self::failed($begun, get_class($e) . ': ' . $e->getMessage());
		}
	}

	private static function failed(int $begun, string $seen): Outcome
	{
		return Outcome::here($begun, Clock::now() - $begun, [[
			'name' => t('the rehearsal as a whole'),
			'ok' => false,
			'seen' => $seen,
			'parts' => Parts::ALL,
		]]);
	}

	private static function attempts(): int
	{
		[$versions, $attempts] = explode("\n", Config::get('rehearsal_attempts', 'state')) + ['', '0'];

		return $versions === self::versions() ? (int) $attempts : 0;
	}

	private static function count(int $attempts): void
	{
		$attempts === 0
			? Config::clear('rehearsal_attempts', 'state')
			: Config::set('rehearsal_attempts', self::versions() . "\n$attempts", 'state');
	}

	private static function versions(): string
	{
		return Runtime::hubVersion() . ' ' . Runtime::phpVersion() . ' ' . Runtime::version();
	}
}
