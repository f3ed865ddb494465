<?php

namespace FileSync\Addon\Work;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Restore\Contents;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\NightlySet;
use FileSync\Addon\Restore\Run;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Status\Words;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Does the restores that owners asked for on the page, in slices, while no transfer is due; counting what would be done
 * waits for none. Several channels take turns.
 */
final class Restores
{
	private const LEASE_SECONDS = 180;
	private const SUMMON_SECONDS = 60;
	private const BEAT_SECONDS = 10;
	private const LOOK_SECONDS = 1;

	private int $beatAt = 0;
	private int $lookedAt = 0;
	private bool $mustStop = false;

	private function __construct(
		private readonly Job $job,
		private readonly string $token,
		private readonly int $deadline,
	) {}

	/** Starts the background job if there is something to do, and no transfer is due before. */
	public static function summon(): void
	{
		if (
			(self::due() !== []
			|| Contents::wanted() !== [])
			&& ! Lease::isHeld('restore')
			&& Lease::take('summon-restore', Token::make(), self::SUMMON_SECONDS)
		) {
			Daemon::summon('restore');
		}
	}

	/** Works until a deadline. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-restore');
		$token = Token::make();
		if (
			(self::due() === []
			&& Contents::wanted() === [])
			|| ! Lease::take('restore', $token, self::LEASE_SECONDS)
		) {
			return;
		}
		try {
			foreach (Contents::wanted() as $channelId => $at) {
				self::list($channelId, $at, $token);
			}
			$due = self::due();
			foreach (ServedLast::order('restore', array_keys($due)) as $channelId) {
				if (Clock::now() >= $deadline) {
					break;
				}
				ServedLast::note('restore', $channelId);
				$end = count($due) > 1 ? min($deadline, Clock::now() + ServedLast::TURN_SECONDS) : $deadline;
				(new self($due[$channelId], $token, $end))->serve();
			}
		} finally {
			Lease::giveBack('restore', $token);
		}
		self::summon();
	}

	/** @return array<int, Job> By channel, those with which something can be done now. */
	private static function due(): array
	{
		if (! Parts::has(Parts::SETS) || Runtime::extensionProblem() !== null) {
			return [];
		}
		$jobs = array_filter(
			Job::in(JobState::LIVE),
			fn ($job) => $job->isForWorkers() && $job->isLet() && $job->nextAt <= Clock::now() && ! $job->isExpired(),
		);
		if ($jobs !== [] && Doorbell::dueChannels() !== []) {
			$jobs = array_filter($jobs, fn ($job) => $job->state === JobState::Planning);
		}

		return array_column($jobs, null, 'channelId');
	}

	/** Reads a set for its owner. It is read to its end: half of it is of no use. */
	private static function list(int $channelId, ?string $at, string $token): void
	{
		Contents::forget($channelId);
		$channel = Clones::channel($channelId);
		if (! $channel) {
			return;
		}
		try {
			Contents::of(
				$channelId,
				NightlySet::of($channel),
				$at,
				fn () => ! Lease::extend('restore', $token, self::LEASE_SECONDS),
			);
		} catch (\Throwable $e) {
			Log::failure("listing the nightly set of channel $channelId", $e);
		}
	}

	private function serve(): void
	{
		$channel = Clones::channel($this->job->channelId);
		if (! $channel) {
			Underway::forget($this->job->channelId);
			return;
		}
		try {
			$run = new Run(
				$channel,
				$this->job->folder,
				$this->job->choice,
				$this->mustStop(...),
				fn () => $this->beat(),
			);
			$run->goOn(Words::size(...));
		} catch (\Throwable $e) {
			Log::failure("the restore of channel {$this->job->channelId}", $e);
		}
	}

	private function beat(): void
	{
		if (Clock::now() >= ($this->beatAt + self::BEAT_SECONDS)) {
			$this->beatAt = Clock::now();
			Lease::extend('restore', $this->token, self::LEASE_SECONDS);
		}
	}

	/** Transfers come first; only what writes nothing need not wait. */
	private function mustStop(): bool
	{
		if (! $this->mustStop && Clock::now() >= ($this->lookedAt + self::LOOK_SECONDS)) {
			$this->lookedAt = Clock::now();
			$this->beat();
			$this->mustStop =
				Clock::now() >= $this->deadline
				|| ($this->job->state !== JobState::Planning && Doorbell::dueChannels() !== []);
		}

		return $this->mustStop;
	}
}
