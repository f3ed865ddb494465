<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\FileLock;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The process that is at the restore of a channel: one at a time. The kernel holds its lock, so that it ends with its
 * process; the job in the database says that the clones are to be told until they are, whatever becomes of the process.
 */
final class Underway
{
	private const LOOK_SECONDS = 1;
	private const RETRY_SECONDS = 60;
	private const RETRY_MOST_SECONDS = 3600;
	/** After so many the wait no longer grows. */
	private const RETRIES = 7;

	private int $lookedAt = 0;
	private int $notedAt = 0;
	private int $toldAt = 0;
	private int $bytes = 0;
	private bool $mustStop = false;

	private function __construct(
		private readonly int $channelId,
		private readonly string $token,
		private readonly FileLock $lock,
	) {}

	/**
	 * Begins one, in place of what was asked for before.
	 *
	 * @throws Problem Another one is under way.
	 */
	public static function begin(
		Channel $channel,
		string $token,
		string $folder = '',
		Choice $choice = new Choice(),
		?Plan $plan = null,
	): self {
		$lock = self::lock($channel->id);
		$before = Job::of($channel->id);
		if ($lock === null || self::isWorkers($before)) {
			$lock?->release();
			throw self::running($channel, $before);
		}
		self::takeOver($channel->id, $before);
		Job::begin(
			$channel->id,
			Job::COMMAND,
			$folder,
			$choice,
			JobState::Running,
			['token' => $token, 'is_untold' => 1, 'begun' => Clock::now()] + self::planned($plan),
		);

		return new self($channel->id, $token, $lock);
	}

	/** Goes on with what workers do; null if another process is at it, or it is not to be done any more. */
	public static function goOn(int $channelId, string $token): ?self
	{
		$lock = self::lock($channelId);
		$job = $lock ? Job::of($channelId) : null;
		if (! $lock || ! $job || ! $job->isForWorkers() || ! $job->state->isLive()) {
			$lock?->release();

			return null;
		}
		self::takeOver($channelId, $job);
		// A process that is killed at the same place again and again is counted here.
		Job::change(
			$channelId,
			['token' => $token, 'attempts' => $job->attempts + 1, 'code' => '', 'reason' => '']
			+ ['updated' => $job->updated],
		);

		return new self($channelId, $token, $lock);
	}

	/**
	 * Asks workers for a plan, in place of what was asked for before.
	 *
	 * @param Job::PAGE|Job::UPLOAD $door
	 *
	 * @throws Problem Another restore is under way.
	 */
	public static function ask(Channel $channel, string $folder, Choice $choice, string $door = Job::PAGE): void
	{
		self::leaveToWorkers($channel, $door, $folder, $choice, JobState::Planning);
	}

	/**
	 * Has workers restore what its owner sent, in place of what was asked for before.
	 *
	 * @throws Problem Another restore is under way.
	 */
	public static function take(Channel $channel, string $folder, Choice $choice): void
	{
		self::leaveToWorkers($channel, Job::UPLOAD, $folder, $choice, JobState::Waiting);
	}

	/** @throws Problem */
	private static function leaveToWorkers(
		Channel $channel,
		string $door,
		string $folder,
		Choice $choice,
		JobState $state,
	): void {
		self::recover();
		$lock = self::lock($channel->id);
		$before = Job::of($channel->id);
		if ($lock === null || self::isWorkers($before)) {
			$lock?->release();
			throw self::running($channel, $before);
		}
		Job::begin($channel->id, $door, $folder, $choice, $state);
		$lock->release();
	}

	/** Has workers do what was planned; false if there is no plan any more. */
	public static function start(int $channelId): bool
	{
		Job::change($channelId, ['state' => JobState::Waiting->value, 'next_at' => 0], [JobState::Planned]);

		return (bool) Job::of($channelId)?->state->isUnderWay();
	}

	/** Tells whether a process is at the restore of any channel. */
	public static function isAny(): bool
	{
		foreach (Job::in(JobState::LIVE) as $job) {
			$lock = is_file(self::path($job->channelId)) ? FileLock::open(self::path($job->channelId)) : null;
			if ($lock && ! $lock->take()) {
				return true;
			}
			$lock?->release();
		}

		return false;
	}

	/** Fails if another restore is under way, before anything is counted. */
	public static function refuseSecond(Channel $channel): void
	{
		// Nothing is written before it is known that something will be.
		$lock = is_file(self::path($channel->id)) ? self::lock($channel->id) : null;
		$isLocked = $lock === null && is_file(self::path($channel->id));
		$lock?->release();
		$before = Job::of($channel->id);
		if ($isLocked || self::isWorkers($before)) {
			throw self::running($channel, $before);
		}
	}

	/** Tells whether it was cancelled. */
	public function isCancelled(): bool
	{
		if (! $this->mustStop && Clock::now() >= ($this->lookedAt + self::LOOK_SECONDS)) {
			$this->lookedAt = Clock::now();
			$job = Job::of($this->channelId);
			$this->mustStop = ! $job || $job->token !== $this->token || $job->state === JobState::Stopping;
		}

		return $this->mustStop;
	}

	/** Notes what would be done; what was counted for it is done from now on. */
	public function plan(Plan $plan, JobState $state): void
	{
		Job::change(
			$this->channelId,
			['state' => $state->value, 'progress' => (new Progress(Progress::FOLDERS))->text()] + self::planned($plan),
			[JobState::Planning, JobState::Waiting, JobState::Running],
		);
	}

	/** Notes that restoring begins. */
	public function enter(): void
	{
		$job = Job::of($this->channelId);
		[$isFirst, $updated] = [($job->begun ?? 0) === 0, $job->updated ?? 0];
		Job::change(
			$this->channelId,
			['state' => JobState::Running->value, 'is_untold' => 1]
			+ ($isFirst ? ['begun' => Clock::now()] : ['updated' => $updated]),
			[JobState::Waiting, JobState::Running],
		);
	}

	/** Notes how many bytes are copied, now and then, also where they are not published yet. */
	public function noteBytes(int $bytes): void
	{
		if ($bytes > $this->bytes && Clock::now() >= ($this->toldAt + self::LOOK_SECONDS)) {
			[$this->toldAt, $this->bytes] = [Clock::now(), $bytes];
			Job::change($this->channelId, ['done_bytes' => $bytes]);
		}
	}

	/** Notes how far it is, now and then or at once. */
	public function note(Progress $progress, bool $isNow = false): void
	{
		if (! $isNow && Clock::now() < ($this->notedAt + self::LOOK_SECONDS)) {
			return;
		}
		$this->notedAt = Clock::now();
		$counts = $progress->pass === Progress::PLAN
			? []
			: [
				'done_files' => $progress->tally->files(...Decision::WORK),
				'done_bytes' => $progress->tally->bytes(...Decision::WORK),
			];
		$job = Job::of($this->channelId);
		$text = $progress->text();
		[$isFurther, $updated] = [$job?->progress()->text() !== $text, $job->updated ?? 0];
		Job::change(
			$this->channelId,
			['progress' => $text, 'attempts' => 0, 'code' => '', 'reason' => '']
			+ $counts
			// A slice that did nothing, because transfers came first, does not keep it alive.
			+ ($isFurther ? [] : ['updated' => $updated]),
		);
	}

	/** Lets another process go on, unless it was cancelled meanwhile. */
	public function pause(): void
	{
		$job = Job::of($this->channelId);
		if ($job?->state === JobState::Stopping) {
			self::close($this->channelId, JobState::Stopped, '', '');
		} else {
			Job::change($this->channelId, ['next_at' => 0, 'updated' => $job->updated ?? 0]);
		}
		$this->lock->release();
	}

	/** Lets another process try again later; a set that was changed is planned again first. */
	public function postpone(Problem $why): void
	{
		$job = Job::of($this->channelId);
		// However often: only processes that ended without a word make it fail.
		$attempts = min(self::RETRIES, max(1, $job->attempts ?? 0));
		Job::change(
			$this->channelId,
			[
				'next_at' => Clock::now() + min(self::RETRY_MOST_SECONDS, self::RETRY_SECONDS << ($attempts - 1)),
				'attempts' => $attempts,
				'code' => $why->kind,
				'reason' => $why->getMessage(),
				// Nothing was done.
				'updated' => $job->updated ?? 0,
			] + ($why->kind === 'set_changed' ? ['progress' => ''] : []),
		);
		$this->lock->release();
	}

	/** Ends it: the other clones are told what they lack. */
	public function end(JobState $state = JobState::Stopped, ?Problem $why = null): void
	{
		self::close($this->channelId, $state, $why?->kind ?? '', $why?->getMessage() ?? '');
		$this->lock->release();
	}

	/**
	 * Has one stopped: by the process that is at it, after the file under way, or else at once.
	 *
	 * @return ?JobState What it is now; null if there was none to stop.
	 */
	public static function cancel(int $channelId): ?JobState
	{
		$job = Job::of($channelId);
		if (! $job || $job->state->isOver()) {
			return null;
		}
		Job::change(
			$channelId,
			['state' => JobState::Stopping->value],
			[JobState::Planning, JobState::Planned, JobState::Waiting, JobState::Running],
		);
		$lock = self::lock($channelId);
		if ($lock !== null) {
			self::close($channelId, JobState::Stopped, '', '');
			$lock->release();
		}

		return Job::of($channelId)?->state;
	}

	/** Ends what nobody goes on with, and has the clones compared where a process that restored ended early. */
	public static function recover(): void
	{
		$jobs = [...Job::untold(), ...Job::in([JobState::Planned, ...JobState::LIVE])];
		foreach (array_column($jobs, null, 'channelId') as $job) {
			$lock = self::mustEnd($job) ? self::lock($job->channelId) : null;
			// What ended meanwhile is told by whoever ended it.
			$now = $lock ? Job::of($job->channelId) : null;
			if ($now && self::mustEnd($now)) {
				Placing::clear($now->channelId);
				$now->isExpired()
					? self::close($now->channelId, JobState::Stopped, 'session_expired', self::expired($now))
					: self::close(
						$now->channelId,
						$now->state->isOver() ? $now->state : JobState::Stopped,
						$now->code,
						$now->reason,
					);
			}
			$lock?->release();
		}
	}

	/** Forgets one, with what it staged: the channel leaves the hub. */
	public static function forget(int $channelId): void
	{
		Job::forget($channelId);
		Contents::forget($channelId);
		Placing::clear($channelId);
		@rmdir(Placing::folderOf($channelId));
	}

	/** Tells whether a job is over, though no process may have said so. */
	private static function mustEnd(Job $job): bool
	{
		return $job->state->isOver()
			? $job->isUntold
			: $job->isExpired()
			|| $job->state === JobState::Stopping
			|| ($job->door === Job::COMMAND && $job->state->isLive());
	}

	private static function expired(Job $job): string
	{
		$again = $job->door === Job::COMMAND ? 'The same command starts it again' : 'It can be started again';

		return "This restore waited for 14 days and was put away. $again; what was restored stays.";
	}

	/** Tells whether workers are at it, or about to be, whether a process is just now or not. */
	private static function isWorkers(?Job $job): bool
	{
		return $job !== null && $job->isForWorkers() && $job->state->isUnderWay() && ! $job->isExpired();
	}

	private static function running(Channel $channel, ?Job $job): Problem
	{
		$since = $job && $job->state->isUnderWay()
			? sprintf(
				'A restore of %s is under way (%d %%).',
				gmdate('Y-m-d H:i', $job->begun ?: $job->created),
				$job->percent(),
			)
			: "A restore of $channel->nick is under way.";

		return new Problem(
			'restore_running',
			"$since `restore $channel->nick --status` shows it, `restore $channel->nick --cancel` stops it.",
			true,
		);
	}

	/** What a killed process was about to publish is ours now. */
	private static function takeOver(int $channelId, ?Job $before): void
	{
		if ($before && $before->token !== '') {
			Table::update(
				'filesync_transfer',
				['lease_until' => 0],
				[
					'uid' => $channelId,
					'token' => $before->token,
					'state' => [TransferState::VERIFIED, TransferState::PUBLISHING, TransferState::LEASED],
				],
			);
		}
	}

	private static function close(int $channelId, JobState $state, string $code, string $reason): void
	{
		// Told first: killed in between, they are told once more.
		if (Job::of($channelId)?->isUntold) {
			Reconcile::request($channelId);
		}
		Job::change(
			$channelId,
			['state' => $state->value, 'code' => $code, 'reason' => $reason, 'token' => '', 'is_untold' => 0],
		);
	}

	/** @return array<string, int|string> */
	private static function planned(?Plan $plan): array
	{
		return (
			$plan === null
				? []
				: [
					'plan' => $plan->text(),
					'list_sha256' => $plan->list,
					'plan_files' => $plan->files(),
					'plan_bytes' => $plan->bytes(),
				]
		);
	}

	private static function lock(int $channelId): ?FileLock
	{
		Store::dataRoot($channelId, true);
		$lock = FileLock::open(self::path($channelId));

		return $lock?->take() ? $lock : null;
	}

	private static function path(int $channelId): string
	{
		return Store::dataRoot($channelId) . '/restore.lock';
	}
}
