<?php

namespace FileSync\Addon\Work;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Door\DrillSession;
use FileSync\Addon\Door\Trying;
use FileSync\Addon\Drill\Drill;
use FileSync\Addon\Drill\Needed;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Status\Words;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Does the drills of sets that owners send: chooses a sample before its bytes come, then tries to restore it, and keeps
 * what was restored until the owner has read it, or nobody reads any more. One at a time, since a hub has one scratch
 * channel.
 */
final class SentDrills
{
	private const LEASE_SECONDS = 180;
	private const SUMMON_SECONDS = 60;
	private const BEAT_SECONDS = 10;
	private const LOOK_SECONDS = 1;
	/** Longer than whoever reads is silent. */
	private const SILENT_SECONDS = 300;
	/** Whoever reads has so long, and a second for so many restored bytes: connections are not slower than this. */
	private const READ_SECONDS = 900;
	private const READ_BYTES_A_SECOND = 262144;
	/** It ends then; and READ_SECONDS after others have begun to wait. */
	private const MOST_READ_SECONDS = 7200;
	/** Restoring gives way when others have waited for so long. */
	private const SHARE_SECONDS = 3600;
	/** A drill whose process ends so often without a word is given up. */
	private const MOST_ATTEMPTS = 3;

	private int $beatAt = 0;
	private int $lookedAt = 0;
	private bool $mustStop = false;
	private int $doneBytes = 0;
	/** Since when others wait for the scratch channel; 0: none do. */
	private int $sharedSince = 0;

	private function __construct(
		private readonly DrillSession $session,
		private readonly string $token,
		private Trying $drill,
	) {}

	/** Starts the background job if there is something to do. */
	public static function summon(): void
	{
		if (
			self::due() !== []
			&& ! Lease::isHeld(DrillSession::DRILL_LEASE)
			&& Lease::take('summon-drill', Token::make(), self::SUMMON_SECONDS)
		) {
			Daemon::summon('drill');
		}
	}

	/** Works until a deadline; a drill that has begun goes on to its end. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-drill');
		$token = Token::make();
		if (self::due() === [] || ! Lease::take(DrillSession::DRILL_LEASE, $token, self::LEASE_SECONDS)) {
			return;
		}
		try {
			foreach (self::due() as $due) {
				if (Clock::now() >= $deadline) {
					break;
				}
				// The one before may have taken long.
				$session = DrillSession::find($due->id);
				if ($session && in_array($session->state, DrillSession::DRILLED, true) && self::mayBegin($session)) {
					(new self($session, $token, $session->drill()))->serve();
				}
			}
		} finally {
			Lease::giveBack(DrillSession::DRILL_LEASE, $token);
		}
		self::summon();
	}

	/** @return list<DrillSession> */
	private static function due(): array
	{
		if (! Parts::has(Parts::SETS) || Runtime::extensionProblem() !== null) {
			return [];
		}

		return array_values(array_filter(
			DrillSession::due(),
			fn ($session) => Job::isDoorOpen($session->channelId) && self::mayBegin($session),
		));
	}

	/** Tells whether nobody who comes first waits for what it needs. */
	private static function mayBegin(DrillSession $session): bool
	{
		return $session->state !== DrillSession::DRILLING || ! Scratch::isWanted();
	}

	private function serve(): void
	{
		$channel = Clones::channel($this->session->channelId);
		if (! $channel) {
			DrillSession::forget($this->session->channelId);
			return;
		}
		if ($this->session->state === DrillSession::ENDING) {
			$this->session->giveUp('ended', 'It was ended before its end.');
			return;
		}
		if ($this->drill->attempts >= self::MOST_ATTEMPTS) {
			$this->session->giveUp(
				'failed',
				sprintf("Its process ended %d times without a word. The hub's log may say why.", self::MOST_ATTEMPTS),
			);
			return;
		}
		$this->session->show('');
		$this->note($this->drill->begun($this->token));
		if (DrillSession::find($this->session->id)?->state !== $this->session->state) {
			// Whoever ended it saw no process at it.
			$this->session->leave($this->drill->left());
			return;
		}
		$set = Intake::set($channel->id, $this->session->id);
		try {
			$this->session->state === DrillSession::CHOOSING
				? $this->choose($channel, $set)
				: $this->try($channel, $set);
		} catch (FileSyncException|Problem $e) {
			$problem = Problem::of($e, 'what was sent');
			$this->fail($problem->kind === 'stopped' && $this->isOverShare() ? self::givingWay() : $problem);
		} catch (\Throwable $e) {
			Log::failure("the drill of what was sent to channel $channel->id", $e);
			$this->fail(new Problem('failed', "That did not work; the hub's log says why.", true, previous: $e));
		}
	}

	private function choose(Channel $channel, string $set): void
	{
		$needed = new Needed(Intake::folder($channel->id, $this->session->id));
		$sample = $needed->choose($channel, $set, $this->drill->wish(), Words::size(...), function (): void {
			if ($this->mustStop()) {
				throw new Problem('stopped', 'It was stopped.', true);
			}
		});
		$this->session->leave($this->drill->chosen($sample));
	}

	private function try(Channel $channel, string $set): void
	{
		$certificate = Drill::fromOutside(
			$channel,
			$set,
			$this->drill->wish(),
			Words::size(...),
			function (int $bytes): void {
				$this->doneBytes = $bytes;
				$this->look();
			},
			$this->mustStop(...),
			$this->waitUntilRead(...),
		);
		$this->session->certify($certificate);
	}

	/**
	 * Keeps the scratch channel until its files were read.
	 *
	 * @param \Closure(): void $beat
	 *
	 * @throws Problem Nobody reads them.
	 */
	private function waitUntilRead(Channel $scratch, bool $hasAccess, int $restoredBytes, \Closure $beat): void
	{
		$seconds = min(
			self::MOST_READ_SECONDS,
			self::READ_SECONDS + intdiv($restoredBytes, self::READ_BYTES_A_SECOND),
		);
		$this->sharedSince = 0;
		$this->note($this->drill->at($this->doneBytes, $hasAccess, Clock::now() + $seconds));
		$this->session->show($scratch->nick);
		try {
			while (true) {
				$now = DrillSession::find($this->session->id);
				if ($now === null || $now->state !== DrillSession::DRILLING) {
					throw new Problem('stopped', 'It was stopped; nothing of it is left.', true);
				}
				if ($now->readNick() === $scratch->nick) {
					return;
				}
				$until = $now->drill()->readUntil;
				if ($now->asked < (Clock::now() - self::SILENT_SECONDS)) {
					throw self::notRead(sprintf(
						'Nobody read what was restored for %d minutes',
						intdiv(self::SILENT_SECONDS, 60),
					));
				}
				if (Clock::now() >= $until) {
					throw $this->notReadInTime($seconds);
				}
				if ($this->noteOthers() && $until > ($this->sharedSince + self::READ_SECONDS)) {
					$until = $this->sharedSince + self::READ_SECONDS;
					$this->note($this->drill->at($this->doneBytes, $hasAccess, $until));
				}
				$beat();
				Clock::wait(self::LOOK_SECONDS);
			}
		} finally {
			$this->session->show('');
			$this->sharedSince = 0;
		}
	}

	private function notReadInTime(int $seconds): Problem
	{
		return self::notRead(
			$this->sharedSince > 0
				? sprintf(
					'What was restored was not read to its end within the %d minutes that were left when others began to'
					. " wait for the hub's one hidden channel",
					intdiv(self::READ_SECONDS, 60),
				)
				: sprintf(
					'What was restored was not read to its end within %d minutes',
					intdiv($seconds, 60),
				),
			sprintf(
				', with a smaller --sample: a hub waits %d minutes and a second for each %d KiB that it restored, %d'
				. ' minutes at most.',
				intdiv(self::READ_SECONDS, 60),
				self::READ_BYTES_A_SECOND >> 10,
				intdiv(self::MOST_READ_SECONDS, 60),
			),
		);
	}

	private static function notRead(string $why, string $remedy = '.'): Problem
	{
		return new Problem(
			'not_read',
			"$why: the hidden channel was removed, and what was sent with it. Make another key and begin again$remedy",
		);
	}

	/** Notes whether others wait for the scratch channel, and returns it. */
	private function noteOthers(): bool
	{
		$others = array_filter(
			self::due(),
			fn ($session) => $session->id !== $this->session->id && $session->state !== DrillSession::ENDING,
		);
		$this->sharedSince = $others === [] && ! Scratch::isWanted() ? 0 : ($this->sharedSince ?: Clock::now());

		return $this->sharedSince > 0;
	}

	/** Tells whether others have waited so long for what is being restored that it gives way. */
	private function isOverShare(): bool
	{
		return $this->sharedSince > 0 && $this->sharedSince < (Clock::now() - self::SHARE_SECONDS);
	}

	private static function givingWay(): Problem
	{
		return new Problem(
			'drill_later',
			sprintf(
				"Others have waited %d minutes for the hub's one hidden channel while this was under way, and it gave"
				. ' way. Try again later, or with a smaller --sample.',
				intdiv(self::SHARE_SECONDS, 60),
			),
			true,
		);
	}

	private function fail(Problem $problem): void
	{
		// What nobody waits for is not kept.
		$problem->kind === 'not_read'
			? $this->session->giveUp($problem->kind, $problem->getMessage())
			: $this->session->leave($this->drill->left(), $problem->kind, $problem->getMessage());
	}

	private function note(Trying $drill): void
	{
		$this->drill = $drill;
		$this->session->note($drill);
	}

	private function mustStop(): bool
	{
		$this->look();

		return $this->mustStop;
	}

	/** Keeps the lease, notes how far it is, and looks whether it was ended. */
	private function look(): void
	{
		if (Clock::now() < ($this->lookedAt + self::LOOK_SECONDS)) {
			return;
		}
		$this->lookedAt = Clock::now();
		if (Clock::now() >= ($this->beatAt + self::BEAT_SECONDS)) {
			$this->beatAt = Clock::now();
			Lease::extend(DrillSession::DRILL_LEASE, $this->token, self::LEASE_SECONDS);
			$this->noteOthers();
		}
		$this->mustStop =
			DrillSession::find($this->session->id)?->state !== $this->session->state || $this->isOverShare();
		if (! $this->mustStop && $this->doneBytes > $this->drill->doneBytes) {
			$this->note($this->drill->at($this->doneBytes, $this->drill->hasAccess));
		}
	}
}
