<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Reconcile\Comparison;
use FileSync\Addon\Reconcile\PeerFailure;
use FileSync\Addon\Reconcile\Run;
use FileSync\Addon\Reconcile\StockComparison;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Compares what each clone of a channel has, so that what packets did not bring comes all the same: soon after installing, once a
 * clone or this hub is back after it was away, and weekly.
 */
final class Reconcile
{
	private const UNREACHED_SECONDS = 3600;
	private const ABSENT_SECONDS = 21600;
	private const MOST_WAIT_SECONDS = 21600;
	private const LEASE_SECONDS = 300;
	private const LOOK_SECONDS = 2;

	/** Notices which clones are away and which are back, and starts what is due. Every cron run. */
	public static function plan(): void
	{
		if (Config::extensionProblem() !== null) {
			return;
		}
		self::noticeAbsence();
		$unreached = Clones::unreached(self::UNREACHED_SECONDS);
		foreach (Clones::pairs() as $pair) {
			if (! Config::serves($pair['uid'])) {
				continue;
			}
			$run = Run::ask(['channel_id' => $pair['uid']], $pair['url']);
			$isAway = isset($unreached[$pair['uid'] . ' ' . Clones::normalise($pair['url'])]) || Peers::isFailing($pair['url']);
			if ($isAway !== (bool) $run->was_away) {
				$run->save(['was_away' => (int) $isAway] + ($isAway ? [] : ['next_at' => min($run->next_at, Config::now())]));
			}
		}
		Run::summon();
	}

	/** Wants a channel compared with all its other clones now, in the background. */
	public static function request(int $channelId): void
	{
		$channel = Clones::channel($channelId);
		foreach ($channel ? Clones::others($channel) : [] as $clone) {
			Run::ask($channel, $clone['url'])->save(['next_at' => Config::now()]);
		}
		Run::summon();
	}

	/**
	 * Returns what the last comparison of a channel found, by root URL in one spelling.
	 *
	 * @return array<string, array{at: int, missing_there: int, missing_here: int}>
	 */
	public static function last(array $channel): array
	{
		$last = [];
		foreach (Run::all('ask') as $run) {
			if ($run->finished && $run->uid === (int) $channel['channel_id']) {
				$counts = array_map(fn ($what) => (int) ($run->stats[$what] ?? 0), ['there' => 'missing_there', 'here' => 'missing_here', 'other' => 'different']);
				$last[Clones::normalise($run->peer) ?? $run->peer] = ['at' => $run->finished, 'missing_there' => $counts['there'] + $counts['other'], 'missing_here' => $counts['here']];
			}
		}

		return $last;
	}

	/** Goes on with what is due, until a deadline. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-reconcile');
		if (Config::extensionProblem() !== null) {
			return;
		}
		$linger = Config::number('linger_seconds');
		for ($waited = $told = 0; $waited <= $linger && Config::now() < $deadline; $waited += self::LOOK_SECONDS) {
			foreach (Run::due() as $run) {
				if (Config::now() < $deadline) {
					self::goOn($run->id, $deadline);
				}
			}
			// A clone without filesync is sent a few at a time. They are with it in seconds; cron comes in minutes.
			if (! $sending = Run::sending()) {
				break;
			}
			$before = $told;
			$told = array_sum(array_map(fn ($run) => (int) ($run->stats['told'] ?? 0), $sending));
			$waited = $told > $before ? 0 : $waited;
			sleep(self::LOOK_SECONDS);
		}
		Worker::summon();
		Run::summon();
	}

	/**
	 * Goes on with one run until a deadline.
	 *
	 * @param bool      $isDry    Whether to stop once all differences are known.
	 * @param ?\Closure $progress Called with the run after each step.
	 *
	 * @return 'over'|'on'|'busy'|'failed' `on`: not done yet. `busy`: another process is at it.
	 */
	public static function goOn(string $id, int $deadline, bool $isDry = false, ?\Closure $progress = null): string
	{
		$token = Config::token();
		if (! Lease::take("reconcile-$id", $token, max(0, $deadline - Config::now()) + self::LEASE_SECONDS)) {
			return 'busy';
		}
		$run = Run::find($id);
		try {
			$channel = $run ? Clones::channel($run->uid) : null;
			$isHome = $channel && in_array($run->peer, array_column(Clones::others($channel), 'url'), true);
			if (! $isHome) {
				$run?->end();
				return 'over';
			}

			return self::compare($channel, $run, $deadline, $isDry, $progress) ? 'over' : 'on';
		} catch (\Throwable $e) {
			$e instanceof PeerFailure || Config::logFailure('comparing with ' . $run->peer, $e);
			$attempts = $run->attempts + 1;
			$wait = ($e instanceof PeerFailure ? $e->retryAfter : null) ?? min(self::MOST_WAIT_SECONDS, 60 * 2 ** min($attempts, 10));
			$run->save(['attempts' => $attempts, 'reason' => mb_substr($e->getMessage(), 0, 500), 'next_at' => Config::now() + $wait + random_int(0, intdiv($wait, 4))]);

			return 'failed';
		} finally {
			Lease::giveBack("reconcile-$id", $token);
		}
	}

	private static function compare(array $channel, Run $run, int $deadline, bool $isDry, ?\Closure $progress): bool
	{
		$comparison = new Comparison($channel, $run, $isDry);
		if ($run->role === 'pull') {
			return $comparison->pull($deadline);
		}
		if (! $isDry && ! Repair\Legacy::prepare($channel, $deadline)) {
			return false;
		}
		if (! in_array($run->state, StockComparison::STATES, true) && Peers::offers($run->peer, 'inventory') !== false) {
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

	/** Where this hub itself was away, packets may have been given up: all is compared at once. */
	private static function noticeAbsence(): void
	{
		$before = Config::number('planned_at', 'state');
		Config::set('planned_at', (string) Config::now(), 'state');
		if ($before && $before < Config::now() - self::ABSENT_SECONDS) {
			Table::update('filesync_reconcile', ['next_at' => Config::now()], ['role' => 'ask', 'next_at >' => Config::now()]);
		}
	}
}
