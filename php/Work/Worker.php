<?php

namespace FileSync\Addon\Work;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Settings;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Import\Background;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Posts\Previews;
use FileSync\Addon\Publish\Batch;
use FileSync\Addon\Publish\NewFiles;
use FileSync\Addon\Publish\Publish;
use FileSync\Addon\Publish\Scales;
use FileSync\Addon\Publish\Slice;
use FileSync\Addon\Receive\HandOver;
use FileSync\Addon\Receive\HeldPackets;
use FileSync\Addon\Receive\Replay;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Reconcile\Verify;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Send\Bulk;
use FileSync\Addon\Send\BulkQueue;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Fetching;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Does the work of one slice: recover, fetch, publish, call core. A few run at once on a hub, each on one channel.
 *
 * Holds leases of its own: the hub starts a job again while the first still runs.
 */
final class Worker implements Slice
{
	private const LOOK_SECONDS = 2;

	private readonly string $token;
	private ?string $slot = null;
	private int $beatAt = 0;
	private int $channelId = 0;
	private int $turnEnds = 0;
	private int $lookedAt = 0;
	private bool $doOthersWait = false;
	/** Whether another worker took our channel because we slept past our lease. */
	private bool $isReplaced = false;

	/** @param ?\Closure $progress Called now and then with the running batch, or null. */
	public function __construct(private readonly int $deadline, private readonly ?\Closure $progress = null)
	{
		$this->token = Token::make();
	}

	/**
	 * Runs one slice as a job of the hub: `work`, `digest`, `previews`, `reconcile`, `verify`, `backup`, `restore`,
	 * `drill`, `import`, `hand-over` or `look`. Where filesync is not active, only the last two do anything.
	 */
	public static function daemon(string $work): void
	{
		if (! Migrations::ready()) {
			return;
		}
		Look::renewIfDue();
		if ($work === 'hand-over') {
			$until = Clock::now() + Config::number('slice_seconds');
			HandOver::work($until);
			Bulk::giveToHub(BulkQueue::leftChannels(), $until);
			return;
		}
		if ($work === 'look' || Config::get('enabled') === '0' || ! Activation::isActive()) {
			return;
		}
		$jobs = [
			'digest' => Digests::work(...),
			'previews' => Previews::work(...),
			'reconcile' => Reconcile::work(...),
			'verify' => Verify::work(...),
			'backup' => NightlySets::work(...),
			'restore' => Restores::work(...),
			'drill' => SentDrills::work(...),
			'import' => Background::work(...),
		];
		if (isset($jobs[$work])) {
			$jobs[$work](Clock::now() + Config::number('slice_seconds'));
			return;
		}
		// Before looking for work, so that files staged from now on summon a worker again.
		Doorbell::answered();
		$worker = new self(Clock::now() + Config::number('slice_seconds'));
		$worker->run(Config::number('linger_seconds'));
		Doorbell::ring();
		// They wait for transfers.
		Restores::summon();
	}

	/** Works until the deadline, or until nothing is due within the given seconds. False if all slots are taken. */
	public function run(int $lingerSeconds): bool
	{
		if (! $this->takeSlot()) {
			return false;
		}
		try {
			do {
				Queue::recoverLeases();
				$served = $this->serveNext();
				// After the transfers: a packet that kills the process then costs one turn of one channel.
				$served = Replay::due() || $served;
			} while (! $this->isOver() && ($served || $this->linger($lingerSeconds)));
		} finally {
			Lease::giveBack($this->slot, $this->token);
			Previews::summon();
		}

		return true;
	}

	/** Renews the worker's leases; must be called every few seconds, acts every ten. */
	public function beat(int $channelId): void
	{
		if (Clock::now() >= ($this->beatAt + 10)) {
			$this->beatAt = Clock::now();
			Lease::extend($this->slot, $this->token, Queue::LEASE_SECONDS);
			$this->isReplaced = ! Lease::extend('channel-' . $channelId, $this->token, Queue::LEASE_SECONDS);
			Queue::heartbeat($this->token);
		}
	}

	/** Tells whether the slice is over. */
	public function isOver(): bool
	{
		return $this->isReplaced || Clock::now() >= $this->deadline;
	}

	/**
	 * Tells whether the served channel's turn is over: the slice is over, or the channel had its share and another one
	 * waits.
	 */
	public function isTurnOver(): bool
	{
		return $this->isOver() || (Clock::now() >= $this->turnEnds && $this->doOthersWait());
	}

	/** Tells whether an unserved channel waits, or did a moment ago. */
	public function doOthersWait(): bool
	{
		if (Clock::now() >= ($this->lookedAt + self::LOOK_SECONDS)) {
			$this->lookedAt = Clock::now();
			$due = array_unique([...Doorbell::dueChannels(), ...HeldPackets::dueChannels()]);
			$this->doOthersWait = Doorbell::unserved(array_values(array_diff($due, [$this->channelId]))) !== [];
		}

		return $this->doOthersWait;
	}

	/** Returns how many workers may run at once. */
	private static function slots(): int
	{
		return max(1, min(Settings::MOST_WORKERS, Config::number('workers')));
	}

	private function takeSlot(): bool
	{
		for ($i = 1; $i <= self::slots(); $i++) {
			if (Lease::take('worker-' . $i, $this->token, Queue::LEASE_SECONDS)) {
				$this->slot = 'worker-' . $i;
				return true;
			}
		}

		return false;
	}

	/** Gives the next due channel its turn; false if none can be served now. */
	private function serveNext(): bool
	{
		foreach (ServedLast::order('work', Doorbell::dueChannels()) as $channelId) {
			if ($this->serve($channelId)) {
				return true;
			}
		}

		return false;
	}

	/** Serves one channel if no other worker does. */
	private function serve(int $channelId): bool
	{
		if ($this->isOver() || ! Lease::take('channel-' . $channelId, $this->token, Queue::LEASE_SECONDS)) {
			return false;
		}
		try {
			ServedLast::note('work', $channelId);
			[$this->channelId, $this->turnEnds, $this->lookedAt] = [
				$channelId,
				Clock::now() + ServedLast::TURN_SECONDS,
				0,
			];
			$channel = Clones::channel($channelId);
			if (! $channel) {
				Housekeeping::forgetChannel($channelId);
				return false;
			}
			Lease::extend($this->slot, $this->token, Queue::LEASE_SECONDS);
			Kept::settle($channelId);
			if (Fetching::mayFetch($channelId)) {
				$beat = fn () => $this->beat($channelId);
				$publish = new Publish($channel, $this->token, $beat);
				$new = new NewFiles($channel, $this->token, $publish, $beat);
				$publish->recover();
				$publish->publishVerified(null, $this->isTurnOver(...));
				// Here too, because a batch may take the whole turn.
				while (Outbox::runTogether($channel, 'announce', Announcement::sendAll(...)) && ! $this->isTurnOver());
				Outbox::run($channelId, [...Outbox::QUICK, BulkQueue::KIND], $this->isTurnOver(...));
				(new Batch($channel, $this->token, $publish, $new, $this, $this->progress))->run();
				(new Scales($channel, $this->token, $publish, $this))->run();
			}
			Outbox::run($channelId, [], $this->isTurnOver(...));
		} catch (\FileSync\Exception\StorageException $e) {
			Queue::pause($e->getMessage());
		} catch (\Throwable $e) {
			// A failure in one channel must not stop the others.
			Log::failure('serving channel ' . $channelId, $e);
			return false;
		} finally {
			Queue::release($this->token);
			Lease::giveBack('channel-' . $channelId, $this->token);
		}

		return true;
	}

	/** Waits for a retry that is nearly due; false if there is none, or the slice would end first. */
	private function linger(int $seconds): bool
	{
		$next = Queue::nextDue();
		if (
			$next === null
			|| $next <= Clock::now()
			|| $next > min(Clock::now() + $seconds, $this->deadline)
			|| ! Fetching::canFetch()
		) {
			return false;
		}
		sleep(max(1, min(2, $next - Clock::now())));
		Lease::extend($this->slot, $this->token, Queue::LEASE_SECONDS);
		if ($this->progress) {
			($this->progress)(null);
		}

		return true;
	}
}
