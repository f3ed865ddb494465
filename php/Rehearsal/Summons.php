<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
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
	 * Rehearses if somebody waits for it; false if nobody does, or another process rehearses.
	 *
	 * @param ?\Closure(): mixed $rehearse What is done in place of a rehearsal; it remembers its outcome.
	 */
	public static function answer(?\Closure $rehearse = null): bool
	{
		if (
			! Migrations::ready()
			|| Config::get('enabled') === '0'
			// What it would see without the extension, the hub has not done.
			|| Runtime::extensionProblem() !== null
		) {
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
			self::attempt($rehearse ?? fn () => Rehearsal::run(fn () => null, Log::write(...)));
		} finally {
			Lease::giveBack(self::LEASE, $token);
		}

		return true;
	}

	/** @param \Closure(): mixed $rehearse */
	private static function attempt(\Closure $rehearse): void
	{
		$begun = Clock::now();
		[$attempts, $seen] = self::attempts();
		if ($attempts >= self::MOST_ATTEMPTS) {
			self::failed($begun, $seen);
			return;
		}
		self::count($attempts + 1, sprintf(t('its process ended before it did, %d times'), $attempts + 1));
		try {
			$rehearse();
			self::count(0, '');
		} catch (Postponed $e) {
			Log::failure('the rehearsal', $e);
			self::postponed($attempts + 1, $e->getMessage());
		} catch (\Throwable $e) {
			Log::failure('the rehearsal', $e);
			self::failed($begun, get_class($e) . ': ' . $e->getMessage());
		}
	}

	/** Notes that it cannot be done now; in the end, what an earlier one with these versions saw stays as it is. */
	private static function postponed(int $attempts, string $seen): void
	{
		$earlier = Outcomes::current();
		if (
			$attempts < self::MOST_ATTEMPTS
			|| $earlier === null
			|| in_array(Parts::RECEIVER, $earlier->failedParts(), true)
		) {
			self::count($attempts, $seen);
			return;
		}
		self::count(0, '');
		Activation::rehearsed();
	}

	/** Remembers that it failed as a whole. */
	private static function failed(int $begun, string $seen): void
	{
		Outcomes::remember(Outcome::here($begun, Clock::now() - $begun, [[
			'name' => t('the rehearsal as a whole'),
			'ok' => false,
			'seen' => $seen,
			'parts' => Parts::ALL,
		]]));
		self::count(0, '');
	}

	/** @return array{int, string} How often these versions began without an outcome, and what was seen last. */
	private static function attempts(): array
	{
		/** @var ?array{versions: string, attempts: int, seen: string} $said */
		$said = json_decode(Config::get('rehearsal_attempts', 'state'), true);

		return (
			$said !== null && $said['versions'] === self::versions()
				? [$said['attempts'], $said['seen']]
				: [0, '']
		);
	}

	private static function count(int $attempts, string $seen): void
	{
		$attempts === 0
			? Config::clear('rehearsal_attempts', 'state')
			: Config::set(
				'rehearsal_attempts',
				(string) json_encode(
					['versions' => self::versions(), 'attempts' => $attempts, 'seen' => $seen],
					JSON_INVALID_UTF8_SUBSTITUTE,
				),
				'state',
			);
	}

	private static function versions(): string
	{
		return Runtime::hubVersion() . ' ' . Runtime::phpVersion() . ' ' . Runtime::version();
	}
}
