<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Inventory\Listing;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\CloneCall;
use FileSync\Addon\Peers\PeerFailure;
use FileSync\Addon\Transfer\Queue;
use FileSync\Exception\PermanentException;
use FileSync\Exception\TemporaryException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Compares a channel's files with those of another clone that speaks filesync, and makes both equal: it applies the
 * other clone's differing entries like packets, then tells the clone which of ours to fetch.
 *
 * It proceeds in bounded steps; the run's row and snapshot hold the state, so any process can continue.
 */
final class Comparison
{
	private const PAGE = 50;
	/** The maximum of waiting transfers before more are requested, and the seconds until the next check. */
	private const MOST_WAITING = 500;
	private const FULL_SECONDS = 60;
	/** How long the other clone may list its files. */
	private const LISTING_SECONDS = 600;

	private readonly CloneCall $clone;

	/** @param bool $isDry Whether to stop once all differences are known. */
	public function __construct(
		private readonly Channel $channel,
		private readonly Run $run,
		private readonly bool $isDry = false,
	) {
		$this->clone = new CloneCall($channel, $run->peer, 'inventory');
	}

	/**
	 * Works until a deadline, or until the run has to wait; true once it is over.
	 *
	 * @throws PeerFailure
	 */
	public function work(float $until, ?\Closure $progress = null): bool
	{
		try {
			do {
				$step = $this->step($until);
				if ($progress) {
					$progress($this->run);
				}
			} while ($step === Step::GoesOn && Clock::exact() < $until);

			return $step === Step::Over;
		} catch (PermanentException|TemporaryException $e) {
			// The snapshot is gone or damaged, or the peer's message is invalid: start over later.
			$this->run->save(['state' => 'idle']);
			throw new PeerFailure($e->getMessage());
		} catch (PeerFailure $e) {
			if ($e->error === 'session') {
				$this->run->save(['state' => 'idle']);
			}
			throw $e;
		} finally {
			$this->saveCounts();
		}
	}

	/** Does one step. */
	private function step(float $until): Step
	{
		switch ($this->run->state) {
			default:
				$this->run->save([
					'state' => 'idle',
					'stats' => $this->run->firstStats(),
					'session' => '',
					'body' => [],
				]);
			// no break
			case 'listing':
				if ($this->run->list($this->channel, $until)) {
					$this->run->stats['entries'] = $this->run->inventory()->count();
				}
				return Step::GoesOn;
			case 'sealed':
				$message = base64_encode($this->run->inventory()->begin());
				$this->run->keep();
				$this->run->save(['state' => 'comparing', 'body' => ['message' => $message]]);
				return Step::GoesOn;
			case 'comparing':
				return $this->exchange();
			case 'fetching':
				return Queue::countWaiting($this->run->uid) > self::MOST_WAITING
					? $this->waits(self::FULL_SECONDS)
					: $this->fetch();
			case 'deleting':
				$this->tellOf(Intake::takeDeletes($this->channel, $this->run->peer, $this->run->body['deletes']));
				$this->tellOfDifferent(array_column($this->run->body['versions'] ?? [], 0, 1));
				$this->run->save(['state' => 'telling', 'body' => ['tell' => $this->run->body['tell']]]);
				return Step::GoesOn;
			case 'telling':
				return $this->tell();
		}
	}

	/** Waits, to give other runs a turn. */
	private function waits(int $seconds): Step
	{
		$this->run->save(['next_at' => Clock::now() + $seconds]);

		return Step::Waits;
	}

	private function exchange(): Step
	{
		$said = $this->clone->ask(['do' => 'round', 'message' => $this->run->body['message']]
		+ ($this->run->session === '' ? [] : ['session' => $this->run->session]));
		$session = is_string($said['session'] ?? null) ? $said['session'] : '';
		if ($this->run->session === '') {
			$this->run->save(['session' => $session]);
		}
		if (($said['state'] ?? '') === 'listing') {
			$since = $this->run->position['listing_since'] ?? Clock::now();
			if (Clock::now() >= ($since + self::LISTING_SECONDS)) {
				$this->run->save(['state' => 'idle']);
				throw new PeerFailure(
					$this->run->peer
					. ' has listed its files for '
					. intdiv(Clock::now() - $since, 60)
					. ' minutes and is not done',
				);
			}
			$this->run->save(['position' => ['listing_since' => $since]]);

			return $this->waits(
				is_int($said['retry_after'] ?? null) ? max(1, min(self::FULL_SECONDS, $said['retry_after'])) : 1,
			);
		}
		$next = $this->run->inventory()->advance((string) base64_decode((string) ($said['message'] ?? ''), true));
		$this->run->keep();
		$this->run->stats['rounds'] = $this->run->inventory()->rounds();
		if ($next !== null) {
			$this->run->save(['body' => ['message' => base64_encode($next)]]);
			return Step::GoesOn;
		}
		$this->countVerdicts();
		$this->run->save([
			'state' => 'fetching',
			'position' => ['offset' => 0],
			'body' => ['tell' => [], 'deletes' => [], 'versions' => []],
		]);

		return $this->isDry ? Step::Over : Step::GoesOn;
	}

	/** Counts the verdicts. */
	private function countVerdicts(): void
	{
		$counts = ['missing_here' => 0, 'missing_there' => 0, 'different' => 0, 'conflict' => 0];
		foreach ($this->run->differences() as $one) {
			$counts[self::verdict($one)]++;
		}
		$known = $this->run->inventory()->count();
		$this->run->stats =
			$counts + ['present' => $known - $counts['missing_there'] - $counts['different']] + $this->run->stats;
	}

	/** Returns how a file differs. */
	public static function verdict(array $difference): string
	{
		return (
			$difference['here'] === null
				? 'missing_here'
				: ($difference['there'] === null ? 'missing_there' : 'different')
		);
	}

	/** Applies some of the other clone's differing files, and notes those that it lacks. */
	private function fetch(): Step
	{
		$offset = $this->run->position['offset'];
		$some = $this->run->inventory()->differences($offset, self::PAGE);
		if (! $some) {
			$this->run->save(['state' => 'deleting']);
			return Step::GoesOn;
		}
		$done = $this->run->position['done'] ?? [];
		$there = array_column(
			array_filter($some, fn ($one) => $one['there'] !== null && ! in_array((string) $one['key'], $done, true)),
			null,
			'key',
		);
		$answered = $there
			? $this->entriesOf([
				'keys' => array_map('strval', array_keys($there)),
				'session' => $this->run->session,
				'posts' => true,
			]) : [];
		$versions = [];
		foreach ($answered as [$key, $entry]) {
			$hash = $entry ? Intake::hashOf($entry) : '';
			if (! isset($there[$key]) || $hash === '') {
				continue;
			}
			if ($there[$key]['content'] && Intake::isConflict($this->channel, $entry)) {
				$this->count('conflict', 1);
			}
			$tell = Intake::take($this->channel, $this->run->peer, $entry);
			if ($tell === null) {
				$this->run->body['deletes'][] = $entry;
				$this->run->body['versions'][] = [$there[$key]['there'], $hash];
			} else {
				$versions[$hash] = $there[$key]['there'];
				$this->tellOf($tell);
			}
		}
		$this->tellOfDifferent($versions);
		$done = [...$done, ...array_intersect(array_map('strval', array_keys($there)), array_column($answered, 0))];
		if (count(array_intersect(array_keys($there), $done)) < count($there)) {
			$this->run->save(['body' => $this->run->body, 'position' => ['offset' => $offset, 'done' => $done]]);

			return Step::GoesOn;
		}
		$this->tellOf(array_column(array_filter($some, fn ($one) => $one['there'] === null), 'hash'));
		$this->run->save(['body' => $this->run->body, 'position' => ['offset' => $offset + self::PAGE]]);

		return Step::GoesOn;
	}

	/** Notes the files whose present version here differs from the other clone's. */
	private function tellOfDifferent(array $versions): void
	{
		foreach ($versions as $hash => $there) {
			if (Listing::version($this->channel, (string) $hash) !== $there) {
				$this->tellOf([(string) $hash]);
			}
		}
	}

	/** Notes files that the other clone should be told about. If there are very many, it finds them by asking us. */
	private function tellOf(array $hashes): void
	{
		$this->run->body['tell'] = array_slice(
			[...($this->run->body['tell'] ?? []), ...$hashes],
			0,
			2 * InventoryRequest::MOST_HASHES,
		);
	}

	/** Requests the other clone's entries for files. Returns name and entry of those answered now; at least one. */
	private function entriesOf(array $asked): array
	{
		$said = $this->clone->ask(['do' => 'entries'] + $asked);
		$answered = [];
		foreach (is_array($said['entries'] ?? null) ? $said['entries'] : [] as $one) {
			$name = is_array($one) && is_string($one['for'] ?? null) ? $one['for'] : '';
			$answered[] = [$name, is_array($one['entry'] ?? null) ? $one['entry'] : null];
		}
		if (! array_intersect($asked['keys'] ?? $asked['hashes'], array_column($answered, 0))) {
			throw new PeerFailure($this->run->peer . ' returned none of the requested files');
		}

		return $answered;
	}

	/** Tells the other clone what to fetch. */
	private function tell(): Step
	{
		$tell = array_values(array_unique($this->run->body['tell']));
		$isMuch = count($tell) > InventoryRequest::MOST_HASHES;
		$this->run->stats['told'] = count($tell);
		$this->clone->ask(['do' => 'finish', 'hashes' => $isMuch ? [] : $tell, 'session' => $this->run->session]
		+ ($isMuch ? ['again' => true] : ['last' => true]));
		$this->run->postpone();

		return Step::Over;
	}

	/** Runs a `pull`: fetches the files that a clone named, and tells it results that it does not know yet. */
	public function pull(float $until): bool
	{
		try {
			while (($hashes = $this->run->body['hashes'] ?? []) && Clock::exact() < $until) {
				if (Queue::countWaiting($this->run->uid) > self::MOST_WAITING) {
					$this->waits(self::FULL_SECONDS);
					return false;
				}
				$some = $this->pullSome(array_slice($hashes, 0, self::PAGE));
				// The clone may have named more files meanwhile.
				$now = Run::find($this->run->id)?->body ?? [];
				$this->run->save([
					'body' =>
						['hashes' => array_values(array_diff($now['hashes'] ?? [], $some)), 'hop' => $now['hop'] ?? 0]
							+ $this->run->body,
				]);
			}
			if (! empty($this->run->body['hashes'])) {
				return false;
			}
			$this->tellOf(Intake::takeDeletes($this->channel, $this->run->peer, $this->run->body['deletes'] ?? []));
			$this->tellBack();
			$now = Run::find($this->run->id)?->body ?? [];
			if (! empty($now['hashes'])) {
				// It named more files while we told it.
				$this->run->save(['body' => ['hashes' => $now['hashes'], 'hop' => $now['hop'] ?? 0]]);
				return false;
			}
			$this->run->save([
				'body' => [],
				'next_at' => 0,
				'attempts' => 0,
				'state' => 'idle',
				'finished' => Clock::now(),
				'reason' => '',
			]);

			return true;
		} finally {
			$this->saveCounts();
		}
	}

	/** Applies the other clone's entries for some files. Returns those that were answered. */
	private function pullSome(array $hashes): array
	{
		$answered = $this->entriesOf(['hashes' => $hashes, 'posts' => true]);
		foreach ($answered as [$hash, $entry]) {
			if (! $entry || ! in_array($hash, $hashes, true) || Intake::hashOf($entry) !== $hash) {
				continue;
			}
			$tell = Intake::take($this->channel, $this->run->peer, $entry);
			if ($tell === null) {
				$this->run->body['deletes'][] = $entry;
			} else {
				$this->tellOf([...$tell, ...(Intake::hasSeenMore($this->channel, $entry) ? [$hash] : [])]);
			}
		}

		return array_values(array_intersect($hashes, array_column($answered, 0)));
	}

	private function tellBack(): void
	{
		$hop = ($this->run->body['hop'] ?? 0) + 1;
		$tell = array_slice(
			array_values(array_unique($this->run->body['tell'] ?? [])),
			0,
			InventoryRequest::MOST_HASHES,
		);
		if ($tell && $hop < InventoryRequest::MOST_HOPS) {
			$this->clone->ask(['do' => 'finish', 'hashes' => $tell, 'hop' => $hop]);
		}
	}

	private function saveCounts(): void
	{
		$this->count('bytes', $this->clone->bytes);
		$this->count('requests', $this->clone->count);
		$this->clone->bytes = $this->clone->count = 0;
		$this->run->save(['stats' => $this->run->stats]);
	}

	private function count(string $what, int $more): void
	{
		$this->run->stats[$what] = ($this->run->stats[$what] ?? 0) + $more;
	}
}
