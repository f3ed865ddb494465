<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Backoff;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\PeerFailure;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Repair\Legacy;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Compares the files of each clone of a channel, so that files arrive even if their packets did not: soon after
 * installing, once a clone or this hub is back after an absence (for a clone at most once a day), and weekly.
 */
final class Reconcile
{
	/** States of a comparison that has not changed anything yet. */
	private const BEFORE_CHANGES = ['idle', 'listing', 'sealed', 'comparing', 'reading'];
	private const UNREACHED_SECONDS = 3600;
	private const ABSENT_SECONDS = 21600;
	private const MOST_WAIT_SECONDS = 21600;
	private const LEASE_SECONDS = 300;
	/** Longest wait between two requests to a hub that keeps asking for a later retry. */
	private const BUSY_SECONDS = 60;
	private const LOOK_SECONDS = 1;
	private const SOON_SECONDS = 5;

	/** Notices which clones are away and which are back, and starts due runs. Every cron run. */
	public static function plan(): void
	{
		if (Runtime::extensionProblem() !== null || ! Parts::has(Parts::COMPARISON)) {
			return;
		}
		self::noticeAbsence();
		$unreached = Clones::unreached(self::UNREACHED_SECONDS);
		foreach (Clones::pairs() as $pair) {
			if (! Config::serves($pair['uid'])) {
				continue;
			}
			$run = Run::ask($pair['uid'], $pair['url']);
			$isAway =
				isset($unreached[$pair['uid'] . ' ' . Clones::normalise($pair['url'])])
				|| Peers::isFailing($pair['url']);
			if ($isAway !== (bool) $run->was_away) {
				$run->save(['was_away' => (int) $isAway]);
				if (! $isAway) {
					$run->hurry();
				}
			}
		}
		Run::summon();
	}

	/** Requests a comparison of a channel with all its other clones now, in the background. */
	public static function request(int $channelId): void
	{
		$channel = Clones::channel($channelId);
		foreach ($channel ? Clones::others($channel) : [] as $clone) {
			Run::ask($channelId, $clone['url'])->save(['next_at' => Clock::now()]);
		}
		Run::summon();
	}

	/**
	 * Returns the results of a channel's last comparisons, by normalised root URL.
	 *
	 * @return array<string, array{at: int, missing_there: int, missing_here: int}>
	 */
	public static function last(Channel $channel): array
	{
		$last = [];
		foreach (Run::all('ask', $channel->id) as $run) {
			if ($run->finished) {
				$counts = array_map(fn ($what) => (int) ($run->stats[$what] ?? 0), [
					'there' => 'missing_there',
					'here' => 'missing_here',
					'other' => 'different',
				]);
				$last[Clones::normalise($run->peer) ?? $run->peer] = [
					'at' => $run->finished,
					'missing_there' => $counts['there'] + $counts['other'],
					'missing_here' => $counts['here'],
				];
			}
		}

		return $last;
	}

	/** Continues due runs until a deadline: the channels take turns, each with one of its clones at a time. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-reconcile');
		if (Runtime::extensionProblem() !== null || ! Parts::has(Parts::COMPARISON)) {
			return;
		}
		$linger = Config::number('linger_seconds');
		$busy = [];
		for ($movedAt = Clock::now(); Clock::now() < $deadline;) {
			if ($run = Run::next($busy)) {
				ServedLast::note('reconcile', $run->uid);
				$outcome = self::goOn($run->id, min($deadline, Clock::now() + ServedLast::TURN_SECONDS));
				$outcome === Outcome::Busy && ($busy[] = $run->id);
				$after = Run::find($run->id);
				$isMoving =
					$outcome !== Outcome::Busy
					&& (
						! $after
						|| $after->next_at <= Clock::now()
						|| ($after->stats['told'] ?? 0) > ($run->stats['told'] ?? 0)
					);
				$movedAt = $isMoving ? Clock::now() : $movedAt;
				continue;
			}
			// A run that waits for another hub continues within seconds; cron comes within minutes.
			if (! Run::isDueWithin(self::SOON_SECONDS, $busy) || Clock::now() >= ($movedAt + $linger)) {
				break;
			}
			sleep(self::LOOK_SECONDS);
		}
		Doorbell::ring();
		Run::summon(self::SOON_SECONDS);
	}

	/**
	 * Continues one run until a deadline.
	 *
	 * @param bool      $isDry    Whether to stop once all differences are known.
	 * @param ?\Closure $progress Called with the run after each step.
	 */
	public static function goOn(string $id, int $deadline, bool $isDry = false, ?\Closure $progress = null): Outcome
	{
		$token = Token::make();
		if (! Lease::take("reconcile-$id", $token, max(0, $deadline - Clock::now()) + self::LEASE_SECONDS)) {
			return Outcome::Busy;
		}
		$run = Run::find($id);
		$attempts = $run?->attempts ?? 0;
		try {
			$channel = $run ? Clones::channel($run->uid) : null;
			$isHome = $channel && in_array($run->peer, array_column(Clones::others($channel), 'url'), true);
			if (! $isHome) {
				$run?->end();
				return Outcome::Over;
			}
			// Counted before the try: a run that kills the process must not come first again.
			$again = Clock::now() + self::backoff()->seconds($attempts + 1);
			$run->save(['attempts' => $attempts + 1, 'next_at' => $again]);
			$began = (int) ($run->stats['began'] ?? 0);
			$isOver = self::compare($channel, $run, $deadline, $isDry, $progress);
			if ($isOver && $run->role === 'ask' && ! $isDry) {
				DroppedPackets::forget($run->uid, $run->peer, (int) ($run->stats['began'] ?? $began));
			}
			unset($run->stats['busy']);
			$run->save(
				($run->attempts === ($attempts + 1) ? ['attempts' => $attempts] : [])
				+ ['stats' => $run->stats]
				+ ($run->next_at === $again ? ['next_at' => Clock::now()] : []),
			);

			return $isOver ? Outcome::Over : Outcome::On;
		} catch (\Throwable $e) {
			if ($e instanceof PeerFailure && $e->retryAfter !== null) {
				// The hub asked for a short wait, which does not count as a failure.
				$busy = min(10, (int) ($run->stats['busy'] ?? 0));
				$wait = max($e->retryAfter, Backoff::doubling(1, 10, self::BUSY_SECONDS)->seconds($busy));
				$run->save([
					'attempts' => $attempts,
					'stats' => ['busy' => $busy + 1] + $run->stats,
					'next_at' => Clock::now() + $wait,
				]);

				return Outcome::On;
			}
			if (! $e instanceof PeerFailure) {
				Log::failure('comparing with ' . $run->peer, $e);
			}
			$run->save([
				'attempts' => $attempts + 1,
				'reason' => $e->getMessage(),
				'next_at' => Clock::now() + self::backoff()->spread($attempts + 1),
			]);

			return Outcome::Failed;
		} finally {
			Lease::giveBack("reconcile-$id", $token);
		}
	}

	private static function backoff(): Backoff
	{
		return Backoff::doubling(60, 10, self::MOST_WAIT_SECONDS);
	}

	/**
	 * Where changes made here are not noticed, a comparison only lists what differs: a file that is missing here may
	 * have been deleted here.
	 */
	private static function compare(Channel $channel, Run $run, int $deadline, bool $isDry, ?\Closure $progress): bool
	{
		if (! Parts::has(Parts::SENDER)) {
			if ($run->role === 'pull') {
				$run->save(['body' => [], 'state' => 'idle', 'next_at' => 0]);
				return true;
			}
			if (! in_array($run->state, self::BEFORE_CHANGES, true)) {
				$run->save(['state' => 'idle']);
			}
			$isOver = self::compareFiles($channel, $run, $deadline, true, $progress);
			if ($isOver && ! $isDry) {
				$run->postpone();
			}

			return $isOver;
		}

		return self::compareFiles($channel, $run, $deadline, $isDry, $progress);
	}

	private static function compareFiles(
		Channel $channel,
		Run $run,
		int $deadline,
		bool $isDry,
		?\Closure $progress,
	): bool {
		$comparison = new Comparison($channel, $run, $isDry);
		if ($run->role === 'pull') {
			return $comparison->pull($deadline);
		}
		if (! $isDry && ! Legacy::prepare($channel, $deadline)) {
			return false;
		}
		if (
			! in_array($run->state, StockComparison::STATES, true)
			&& Peers::offers($run->peer, 'inventory') !== false
		) {
			try {
				return $comparison->work($deadline, $progress);
			} catch (PeerFailure $e) {
				if (! $e->isStock) {
					throw $e;
				}
				$run->save(['state' => 'idle']);
			}
		}

		return (new StockComparison($channel, $run, $isDry))->work($deadline, $progress);
	}

	/** If this hub itself was away, other hubs may have given up on packets: everything is compared at once. */
	private static function noticeAbsence(): void
	{
		$before = Config::number('planned_at', 'state');
		Config::set('planned_at', (string) Clock::now(), 'state');
		if ($before && $before < (Clock::now() - self::ABSENT_SECONDS)) {
			Table::update(
				'filesync_reconcile',
				['next_at' => Clock::now()],
				['role' => 'ask', 'next_at >' => Clock::now()],
			);
		}
	}
}
