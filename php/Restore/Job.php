<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The last restore that was asked for a channel: what, how far it came, how it ended. Table filesync_restore has one
 * row a channel.
 *
 * @import-type RestoreRow from \FileSync\Addon\Hub\Rows
 */
final class Job
{
	/** Asked for by the command, which does it itself. */
	public const COMMAND = 'command';
	/** Asked for by its owner on the page; workers do it. */
	public const PAGE = 'page';
	/** Sent by its owner through the upload door; workers do it. */
	public const UPLOAD = 'upload';
	/** One that nothing happens to for so long is put away. */
	public const LONGEST_SECONDS = 14 * 86400;

	private function __construct(
		public readonly int $channelId,
		/** Who asked for it. */
		public readonly string $door,
		/** The folder of the set. */
		public readonly string $folder,
		public readonly Choice $choice,
		public readonly JobState $state,
		/** Names the list of files of the plan. */
		public readonly string $list,
		/** The process that was last at it. */
		public readonly string $token,
		/** Whether the other clones are to be told yet. */
		public readonly bool $isUntold,
		/** @var array<string, mixed> What `Plan::facts` says; empty before there is a plan. */
		public readonly array $plan,
		private readonly string $progress,
		public readonly int $planFiles,
		public readonly int $planBytes,
		public readonly int $doneFiles,
		public readonly int $doneBytes,
		/** Why it failed or was stopped: in one word, and in a sentence. */
		public readonly string $code,
		public readonly string $reason,
		/** How often it was tried in vain since something was done. */
		public readonly int $attempts,
		public readonly int $nextAt,
		public readonly int $created,
		/** When it began to restore; 0 before. */
		public readonly int $begun,
		public readonly int $updated,
	) {}

	/** Tells whether owners may bring files back on their own. */
	public static function areOwnersLet(): bool
	{
		return Config::get('owner_restore') !== '0';
	}

	/** Returns the one of a channel, or null. */
	public static function of(int $channelId): ?self
	{
		$row = Table::first('filesync_restore', ['id' => self::id($channelId)]);

		return $row ? self::read($row) : null;
	}

	/**
	 * Returns those in some states.
	 *
	 * @param list<JobState> $states
	 *
	 * @return list<self>
	 */
	public static function in(array $states): array
	{
		$values = array_map(fn ($state) => $state->value, $states);

		return array_map(self::read(...), Table::select('filesync_restore', ['state' => $values], 'created, id'));
	}

	/** @return list<self> Those of which the other clones are to be told yet. */
	public static function untold(): array
	{
		return array_map(self::read(...), Table::select('filesync_restore', ['is_untold' => 1], 'created, id'));
	}

	/**
	 * Writes one in place of the channel's last.
	 *
	 * @param array<string, int|string> $columns
	 */
	public static function begin(
		int $channelId,
		string $door,
		string $folder,
		Choice $choice,
		JobState $state,
		array $columns = [],
	): void {
		$now = Clock::now();
		Table::upsert(
			'filesync_restore',
			['id' => self::id($channelId)],
			$columns
			+ [
				'uid' => $channelId,
				'door' => $door,
				'folder' => $folder,
				'choice' => $choice->text(),
				'state' => $state->value,
				'list_sha256' => '',
				'token' => '',
				'plan' => '',
				'progress' => '',
				'plan_files' => 0,
				'plan_bytes' => 0,
				'done_files' => 0,
				'done_bytes' => 0,
				'code' => '',
				'reason' => '',
				'attempts' => 0,
				'next_at' => $now,
				'created' => $now,
				'begun' => 0,
				'updated' => $now,
				// A former one that was killed may have told nobody yet.
				'is_untold' => (int) (self::of($channelId)?->isUntold ?? false),
			],
		);
	}

	/**
	 * Changes some of it.
	 *
	 * @param array<string, int|string> $columns
	 * @param list<JobState>            $from    Only if it is in one of these states; empty: in any.
	 */
	public static function change(int $channelId, array $columns, array $from = []): void
	{
		$states = $from === [] ? [] : ['state' => array_map(fn ($state) => $state->value, $from)];
		Table::update(
			'filesync_restore',
			$columns + ['updated' => Clock::now()],
			['id' => self::id($channelId)] + $states,
		);
	}

	/** Forgets the one of a channel. */
	public static function forget(int $channelId): void
	{
		Table::delete('filesync_restore', ['id' => self::id($channelId)]);
	}

	/** Returns how far it came. */
	public function progress(): Progress
	{
		return Progress::read($this->progress);
	}

	/** Returns what was done, for programs. */
	public function done(): Tally
	{
		$progress = $this->progress();

		return $progress->pass === Progress::PLAN ? new Tally() : $progress->tally;
	}

	/** Returns how much of it is done; less than 100 until it is over. */
	public function percent(): int
	{
		[$done, $all] = $this->planBytes > 0
			? [$this->doneBytes, $this->planBytes]
			: [$this->doneFiles, $this->planFiles];
		if ($this->state === JobState::Done) {
			return 100;
		}

		return $all > 0 ? min(99, intdiv(100 * $done, $all)) : 0;
	}

	/** Tells whether workers do it. */
	public function isForWorkers(): bool
	{
		return $this->door === self::PAGE || $this->door === self::UPLOAD;
	}

	/** Tells whether its owner may have it done now. */
	public function isLet(): bool
	{
		return $this->door === self::UPLOAD ? self::isDoorOpen($this->channelId) : self::areOwnersLet();
	}

	/** Tells whether the owner of a channel may send a set. */
	public static function isDoorOpen(int $channelId): bool
	{
		return Config::get('restore_door') !== '0' && Config::get('restore_door', "channel:$channelId") !== '0';
	}

	/** Tells whether nothing happened to it for so long that it is put away. */
	public function isExpired(): bool
	{
		return ! $this->state->isOver() && $this->updated < (Clock::now() - self::LONGEST_SECONDS);
	}

	private static function id(int $channelId): string
	{
		return hash('sha256', "restore\n$channelId");
	}

	/** @param RestoreRow $row */
	private static function read(array $row): self
	{
		/** @var array<string, mixed> $plan */
		$plan = json_decode($row['plan'], true) ?? [];

		return new self(
			channelId: (int) $row['uid'],
			door: $row['door'],
			folder: $row['folder'],
			choice: Choice::read($row['choice']),
			state: JobState::tryFrom($row['state']) ?? JobState::Failed,
			list: $row['list_sha256'],
			token: $row['token'],
			isUntold: (bool) (int) $row['is_untold'],
			plan: $plan,
			progress: $row['progress'],
			planFiles: (int) $row['plan_files'],
			planBytes: (int) $row['plan_bytes'],
			doneFiles: (int) $row['done_files'],
			doneBytes: (int) $row['done_bytes'],
			code: $row['code'],
			reason: $row['reason'],
			attempts: (int) $row['attempts'],
			nextAt: (int) $row['next_at'],
			created: (int) $row['created'],
			begun: (int) $row['begun'],
			updated: (int) $row['updated'],
		);
	}
}
