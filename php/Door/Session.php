<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Underway;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A set that is being sent to a channel: table filesync_door, its files in filesync_door_entry. One at a time for each
 * channel. When nothing comes for long, it ends and frees its bytes. `BoxSession` and `DrillSession` are views of it:
 * they have what only a drop box or a drill has.
 *
 * @import-type DoorRow from \FileSync\Addon\Hub\Rows
 */
class Session
{
	/** The address of the door, beneath the hub's root. */
	public const PATH = '/filesync/v1';
	/** Files arrive. */
	public const OPEN = 'open';
	/** Workers count what a restore would do. */
	public const PLANNING = 'planning';
	/** All of it is here, and workers restore it. */
	public const RESTORING = 'restoring';
	/** Workers choose the sample of a drill. */
	public const CHOOSING = 'choosing';
	/** Workers try to restore the sample. */
	public const DRILLING = 'drilling';
	/** It was told to end; the file under way is finished first. */
	public const ENDING = 'ending';
	public const DONE = 'done';
	public const ENDED = 'ended';
	/** Through which door it is sent: to programs, or the drop box; or what is sent is only tried. */
	public const UPLOAD = 'upload';
	public const BOX = 'box';
	public const DRILL = 'drill';
	/** States in which it is under way. */
	public const LIVE = [
		self::OPEN,
		self::PLANNING,
		self::RESTORING,
		self::CHOOSING,
		self::DRILLING,
		self::ENDING,
	];
	/** Those in which a process is to be at a drill of it. */
	public const DRILLED = [self::CHOOSING, self::DRILLING, self::ENDING];
	/** Held by the process that is at drills of what was sent. */
	public const DRILL_LEASE = 'sent-drill';
	private const TOUCH_SECONDS = 60;
	/** One that is over can be asked about for so long. */
	private const KEPT_SECONDS = 30 * 86400;
	/** Tables with rows of sessions, which go with them. */
	private const TABLES = ['filesync_door_entry', 'filesync_box_name', 'filesync_box_part'];

	public readonly string $id;
	public readonly int $channelId;
	public readonly string $state;
	/** @var array<string, string> Digests of the list of lists and of its signature, by name. */
	public readonly array $lists;
	/** Why it ended, or its last restore did: in one word, and in a sentence. */
	public readonly string $code;
	public readonly string $reason;
	public readonly int $created;
	/** When bytes came last. */
	public readonly int $touched;
	/** `self::UPLOAD`, `self::BOX` or `self::DRILL`. */
	public readonly string $door;
	/** When anybody last asked for something in the drop box, or of what a drill restored. */
	public readonly int $asked;

	/** @param DoorRow $row What `changed`, `restored`, `is_all` and `result` mean depends on the door. */
	final protected function __construct(
		protected readonly array $row,
	) {
		$this->id = $row['id'];
		$this->channelId = (int) $row['uid'];
		$this->state = $row['state'];
		/** @var array<string, string> $lists */
		$lists = json_decode($row['lists'], true) ?? [];
		$this->lists = $lists;
		$this->code = $row['code'];
		$this->reason = $row['reason'];
		$this->created = (int) $row['created'];
		$this->touched = (int) $row['touched'];
		$this->door = $row['door'];
		$this->asked = (int) $row['asked'];
	}

	/** Returns one as the view of its door. */
	public static function from(self $session): static
	{
		return new static($session->row);
	}

	/**
	 * Begins one.
	 *
	 * @param array<string, string> $lists
	 *
	 * @throws Refusal Too many are under way.
	 */
	public static function begin(Channel $channel, array $lists, string $door = self::UPLOAD): static
	{
		[$id, $now] = [Token::make(), Clock::now()];
		Table::insert('filesync_door', [
			'id' => $id,
			'uid' => $channel->id,
			'aid' => $channel->accountId,
			'state' => self::OPEN,
			'lists' => json_encode($lists, JSON_THROW_ON_ERROR),
			'code' => '',
			'reason' => '',
			'result' => '',
			'created' => $now,
			'touched' => $now,
			'ended' => 0,
			'door' => $door,
			'asked' => $now,
			'changed' => '',
			'restored' => '',
			'is_all' => 0,
		]);
		// Of two that begin at the same moment, both may be refused; never are both let in.
		$others = fn (array $of): int => Table::count(
			'filesync_door',
			['state' => self::LIVE, 'id <>' => $id] + $of,
		);
		$most = Config::number('upload_sessions');
		$refusal = match (true) {
			$others(['uid' => $channel->id]) > 0 => self::second(),
			$others(['aid' => $channel->accountId]) >= $most => new Refusal(
				409,
				'too_many_sessions',
				"$most sets are being sent to channels of this account, as many as may be at once. Finish one first.",
				['limit' => $most],
			),
			default => null,
		};
		if ($refusal) {
			Table::delete('filesync_door', ['id' => $id]);
			throw $refusal;
		}
		Intake::make($channel->id, $id);

		return static::find($id) ?? throw new \RuntimeException('a session vanished');
	}

	/** Says that another one of the channel is under way. */
	private static function second(): Refusal
	{
		return new Refusal(
			409,
			'restore_running',
			'Another set is being sent to this channel. Finish it, or end it: by DELETE, by revoking its key, or on the page /filesync/restore.',
		);
	}

	/** Returns one, or null. */
	public static function find(string $id): ?static
	{
		$row = Table::first('filesync_door', ['id' => $id]);

		return $row ? new static($row) : null;
	}

	/**
	 * Makes sure that none is under way for a channel. A drill that only waits for a process ends: nobody waits for it
	 * with a restore.
	 *
	 * @param string $door Of the one that is to begin.
	 *
	 * @throws Refusal
	 */
	public static function refuseSecond(int $channelId, string $door): void
	{
		$session = self::of($channelId)?->settled();
		if ($session && $door !== self::DRILL && $session->isWaitingDrill()) {
			$session->end('ended', 'A restore of the channel was begun.');
			$session = $session->settled();
		}
		if ($session?->isLive()) {
			throw self::second();
		}
	}

	/** Returns the one that is under way for a channel, or null. */
	public static function of(int $channelId): ?static
	{
		$row = Table::first('filesync_door', ['uid' => $channelId, 'state' => self::LIVE], 'created, id');

		return $row ? new static($row) : null;
	}

	/** @return list<static> All that are under way. */
	public static function live(): array
	{
		return self::where(['state' => self::LIVE], 'created, id');
	}

	/**
	 * @param array<string, mixed> $of
	 *
	 * @return list<static>
	 */
	protected static function where(array $of, string $order): array
	{
		return array_map(fn (array $row) => new static($row), Table::select('filesync_door', $of, $order));
	}

	/** Tells whether it is under way. */
	public function isLive(): bool
	{
		return in_array($this->state, self::LIVE, true);
	}

	/** @throws Refusal Nothing is taken now. */
	public function needOpen(): void
	{
		if ($this->state === self::CHOOSING || $this->state === self::DRILLING) {
			throw new Refusal(409, 'drilling', 'What was sent is being tried. Nothing more is taken meanwhile.');
		}
		if ($this->state === self::PLANNING) {
			throw new Refusal(409, 'planning', 'What a restore would do is being counted. Nothing is taken meanwhile.');
		}
		if ($this->state === self::RESTORING || $this->state === self::ENDING) {
			throw new Refusal(409, 'restoring', 'What was sent is being restored. Nothing more is taken meanwhile.');
		}
		if ($this->state !== self::OPEN) {
			throw new Refusal(
				410,
				$this->code ?: 'over',
				$this->reason ?: 'This restore is over.',
			);
		}
	}

	/** Returns its address. */
	public function url(): string
	{
		return Web::root() . self::PATH . "/restore/$this->id";
	}

	/** Returns when it ends if nothing more comes. */
	public function expires(): int
	{
		return min(
			$this->touched + (3600 * Config::number('upload_idle_hours')),
			$this->created + (86400 * Config::number('upload_days')),
		);
	}

	/** Notes that somebody asks for something in the drop box, or reads what a drill restored. */
	public function ask(): void
	{
		if ($this->asked <= (Clock::now() - self::TOUCH_SECONDS)) {
			Table::update('filesync_door', ['asked' => Clock::now()], ['id' => $this->id]);
		}
	}

	/** Notes that bytes came. */
	public function touch(): void
	{
		if ($this->touched <= (Clock::now() - self::TOUCH_SECONDS)) {
			Table::update('filesync_door', ['touched' => Clock::now()], ['id' => $this->id]);
		}
	}

	/**
	 * Returns it as it is now: ended if its time is over, done if it was restored, open again if that failed, or if
	 * there is a plan.
	 */
	public function settled(): static
	{
		if ($this->state === self::OPEN && $this->expires() <= Clock::now()) {
			$this->end('session_expired', $this->words());
		} elseif ($this->state !== self::OPEN && $this->isLive()) {
			$this->door === self::DRILL ? $this->followDrill() : $this->follow();
		}

		return static::find($this->id) ?? $this;
	}

	private function words(): string
	{
		return sprintf(
			'Nothing came for %d hours, or it took more than %d days: it was put away. Make another key and begin again.',
			Config::number('upload_idle_hours'),
			Config::number('upload_days'),
		);
	}

	/** Does what the end of its restore asks for. */
	private function follow(): void
	{
		$job = $this->job();
		if ($job && ! $job->state->isOver() && $job->state !== JobState::Planned) {
			return;
		}
		if ($job && $job->state === JobState::Done) {
			$result = json_encode($job->done()->facts(), JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR);
			// What is in a drop box stays until nobody looks at it any more.
			$this->door === self::BOX && $this->state === self::RESTORING
				? $this->reopen('', '', $result)
				: $this->close(self::DONE, '', '', $result);
		} elseif ($this->state === self::ENDING) {
			$this->close(self::ENDED, 'ended', 'It was ended before its end.');
		} else {
			$this->reopen($job->code ?? $this->code, $job->reason ?? $this->reason);
		}
	}

	/** Tells whether it is a drill that a process is to be at, and none is yet. */
	public function isWaitingDrill(): bool
	{
		return (
			$this->door === self::DRILL
			&& in_array($this->state, self::DRILLED, true)
			&& ! Lease::isHeldBy(self::DRILL_LEASE, Trying::read($this->row['result'])->by)
		);
	}

	/** Ends a drill that was told to end, or whose time is over, where no process is at it. */
	private function followDrill(): void
	{
		if (! $this->isWaitingDrill()) {
			return;
		}
		if ($this->state === self::ENDING) {
			$this->close(self::ENDED, 'ended', 'It was ended before its end.');
		} elseif ($this->expires() <= Clock::now()) {
			$this->close(self::ENDED, 'session_expired', $this->words());
		}
	}

	/** Takes bytes again. */
	protected function reopen(string $code, string $reason, string $result = ''): void
	{
		Table::update(
			'filesync_door',
			[
				'state' => self::OPEN,
				'touched' => Clock::now(),
				'code' => $code,
				'reason' => $reason,
				'result' => $result,
			],
			['id' => $this->id, 'state' => [self::PLANNING, self::RESTORING, self::CHOOSING, self::DRILLING]],
		);
	}

	/** Returns the restore of what was sent, as long as the hub knows it. */
	public function job(): ?Job
	{
		$job = Job::of($this->channelId);

		return $job && $job->door === Job::UPLOAD && $job->folder === Intake::set($this->channelId, $this->id)
			? $job
			: null;
	}

	/** Tells whether other options may begin again what workers do: they count, or wait for what they name. */
	public function isWaiting(): bool
	{
		return $this->state === self::PLANNING || $this->state === self::RESTORING && ($this->job()->code ?? '') !== '';
	}

	/** @return array<string, mixed> What a restore of it would do; empty if that was not counted. */
	public function plan(): array
	{
		$job = $this->job();

		return $job && $job->state === JobState::Planned ? $job->plan : [];
	}

	/** @return array<string, mixed> What its restore did, after its end. */
	public function result(): array
	{
		/** @var array<string, mixed> */
		return json_decode($this->row['result'], true) ?? [];
	}

	/**
	 * Notes that workers restore it, or count what that would do.
	 *
	 * @param self::RESTORING|self::PLANNING|self::CHOOSING|self::DRILLING $state
	 */
	public function enter(string $state = self::RESTORING): void
	{
		Table::update(
			'filesync_door',
			['state' => $state, 'code' => '', 'reason' => '', 'touched' => Clock::now()],
			['id' => $this->id, 'state' => self::OPEN],
		);
	}

	/** Ends it: its bytes go, what was restored stays. A restore of it stops after the file under way. */
	public function end(string $code, string $reason): void
	{
		if (in_array($this->state, [self::CHOOSING, self::DRILLING], true)) {
			Table::update('filesync_door', ['state' => self::ENDING], ['id' => $this->id]);
			self::find($this->id)?->followDrill();
		} elseif (in_array($this->state, [self::PLANNING, self::RESTORING], true) && $this->job()) {
			Table::update('filesync_door', ['state' => self::ENDING], ['id' => $this->id]);
			Underway::cancel($this->channelId);
			self::find($this->id)?->follow();
		} elseif ($this->isLive()) {
			$this->close(self::ENDED, $code, $reason);
		}
	}

	/** Ends it, and forgets its bytes. */
	protected function close(string $state, string $code, string $reason, string $result = ''): void
	{
		if ($this->plan() !== []) {
			Underway::cancel($this->channelId);
		}
		Table::update(
			'filesync_door',
			['state' => $state, 'code' => $code, 'reason' => $reason, 'result' => $result, 'ended' => Clock::now()],
			['id' => $this->id],
		);
		self::clear($this->id);
		Spool::sweep(Intake::folder($this->channelId, $this->id), 0);
		Intake::remove($this->channelId, $this->id);
	}

	private static function clear(string $id): void
	{
		foreach (self::TABLES as $table) {
			Table::delete($table, ['session' => $id]);
		}
	}

	/** Ends those whose time is over, and frees the bytes of all that are over. Every cron run. */
	public static function sweep(): void
	{
		$live = [];
		foreach (Table::select('filesync_door', ['state' => self::LIVE], 'created, id') as $row) {
			try {
				$session = (new self($row))->settled();
				if ($session->isLive()) {
					$live[$session->channelId][] = $session->id;
					Spool::sweep(Intake::folder($session->channelId, $session->id));
				}
			} catch (\Throwable $e) {
				$live[(int) $row['uid']][] = $row['id'];
				Log::failure("what is sent to channel {$row['uid']}", $e);
			}
		}
		foreach (Table::select('filesync_door', [], '', 0, 'DISTINCT uid') as $row) {
			Intake::sweep((int) $row['uid'], $live[(int) $row['uid']] ?? []);
		}
		Table::delete('filesync_door', [
			'state' => [self::DONE, self::ENDED],
			'ended <' => Clock::now() - self::KEPT_SECONDS,
		]);
	}

	/** Forgets all of a channel that leaves the hub. */
	public static function forget(int $channelId): void
	{
		foreach (Table::select('filesync_door', ['uid' => $channelId], '', 0, 'id') as $row) {
			self::clear($row['id']);
		}
		Table::delete('filesync_door', ['uid' => $channelId]);
		Table::delete('filesync_door_key', ['uid' => $channelId]);
		Intake::sweep($channelId, []);
	}
}
