<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\FileLock;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The import of one file into one account, as table filesync_import keeps it: which elements are imported. A process
 * that imported some says so itself, so that nobody else's death loses that.
 */
final class Job
{
	public const FIRST = 'first';
	/** All elements were given to the hub once; posts that it did not take are given to it again. */
	public const AGAIN = 'again';
	/** The owner wants no more of it: only the end is left. */
	public const END = 'end';
	public const DONE = 'done';

	/** Who goes on with it: whoever began it by the command. */
	public const COMMAND = '';
	/** The hub's workers. */
	public const WORKERS = 'workers';
	/** Its owner, who stopped it or whom it needs. */
	public const OWNER = 'owner';

	/** So often in a row it may fail before its owner decides. */
	private const MOST_ATTEMPTS = 5;
	private const AGAIN_SECONDS = 30;
	/** Of which nothing is here by then, nobody goes on with it. */
	private const BEGUN_SECONDS = 3600;
	/** Those that come from outside, a slice at a time: they say which channel it is. */
	private const DELIVERED = ['left_to' => self::COMMAND, 'choice like' => '%"guid":%'];

	private const ONE_STATEMENT = 200;
	public const FOLDER = 'store/[data]/filesync';

	/** @param array{nick: string, primary: bool, guid?: string} $choice */
	private function __construct(
		public readonly string $id,
		public readonly int $accountId,
		public readonly int $channelId,
		public readonly array $choice,
		public readonly string $state,
		/** The part that is being imported, and where in it. */
		public readonly int $part,
		public readonly string $place,
		/** Which of its elements comes next. */
		public readonly int $element,
		/** Elements that were imported, and those other than posts that the hub did not take. */
		public readonly int $elements,
		public readonly int $bytes,
		public readonly int $refused,
		/** Who goes on with it, when, and why not yet. */
		public readonly string $leftTo,
		public readonly int $nextAt,
		public readonly string $reason,
		/** What workers are to import, in all. */
		public readonly int $allBytes,
		private readonly int $attempts,
	) {}

	/**
	 * Returns the import of a file, or begins it.
	 *
	 * @param string                             $file   What tells it from other files.
	 * @param int                                $channelId The channel, 0 if the file brings it.
	 * @param array{nick: string, primary: bool, guid?: string} $choice How a channel is made that is not here yet.
	 */
	public static function of(string $file, int $accountId, int $channelId, array $choice): self
	{
		$id = self::idOf($file, $accountId);
		$row = ['id' => $id, 'aid' => $accountId, 'uid' => $channelId, 'is_new' => (int) ($channelId === 0)];
		$row += ['choice' => (string) json_encode($choice)];
		$new = ['state' => self::FIRST, 'part' => 0, 'place' => '', 'element' => 0, 'elements' => 0];
		$new += ['size_bytes' => 0, 'refused' => 0, 'created' => Clock::now(), 'updated' => Clock::now()];
		if (Table::first('filesync_import', ['id' => $id], '', 'id') === null) {
			Table::tryInsert('filesync_import', $row + $new);
		}
		Table::update('filesync_import', ['choice' => $row['choice']], ['id' => $id, 'uid' => 0]);

		return self::load($id);
	}

	private static function idOf(string $file, int $accountId): string
	{
		return hash('sha256', "$accountId\n$file");
	}

	/** Returns an import as it is now. */
	public static function load(string $id): self
	{
		return self::find($id) ?? throw new \RuntimeException('the import is gone');
	}

	/** Returns an import as it is now, null if there is none. */
	public static function find(string $id): ?self
	{
		$row = Table::first('filesync_import', ['id' => $id]);
		// Some databases find it by other spellings, and its locks have its own.
		if ($row === null || $row['id'] !== $id) {
			return null;
		}
		/** @var array{nick: string, primary: bool, guid?: string} */
		$choice = json_decode($row['choice'], true);

		return new self(
			id: $id,
			accountId: (int) $row['aid'],
			channelId: (int) $row['uid'],
			choice: $choice,
			state: $row['state'],
			part: (int) $row['part'],
			place: $row['place'],
			element: (int) $row['element'],
			elements: (int) $row['elements'],
			bytes: (int) $row['size_bytes'],
			refused: (int) $row['refused'],
			leftTo: $row['left_to'],
			nextAt: (int) $row['next_at'],
			reason: $row['reason'],
			allBytes: (int) $row['all_bytes'],
			attempts: (int) $row['attempts'],
		);
	}

	/** Leaves the rest to workers: so many bytes in all. */
	public function leave(int $bytes): void
	{
		$this->change(['left_to' => self::WORKERS, 'all_bytes' => $bytes]);
		$this->goOn();
	}

	/** Has workers go on now. */
	public function goOn(): void
	{
		$this->change(['left_to' => self::WORKERS, 'next_at' => 0, 'attempts' => 0, 'reason' => '']);
	}

	/** Has workers stop, until the owner says more. */
	public function stop(): void
	{
		$this->change(['left_to' => self::OWNER]);
	}

	/** Has workers leave out all that is not here yet. */
	public function finish(): void
	{
		self::enter($this->id, self::END);
		$this->goOn();
	}

	/** Notes why workers could not go on. What fails again and again at one place waits for its owner. */
	public function failed(string $reason, string $since): void
	{
		$attempts = $this->position() === $since ? $this->attempts + 1 : 1;
		$this->change([
			'reason' => $reason,
			'attempts' => $attempts,
			'next_at' => Clock::now() + (self::AGAIN_SECONDS * (2 ** $attempts)),
			'left_to' => $attempts < self::MOST_ATTEMPTS ? $this->leftTo : self::OWNER,
		]);
	}

	private function change(array $set): void
	{
		Table::update(
			'filesync_import',
			$set + ['updated' => Clock::now()],
			['id' => $this->id, 'state <>' => self::DONE],
		);
	}

	/**
	 * Returns the imports with which workers can go on now.
	 *
	 * @return array<int, self> By channel.
	 */
	public static function due(): array
	{
		$where = ['left_to' => self::WORKERS, 'state <>' => self::DONE, 'uid >' => 0, 'next_at <=' => Clock::now()];
		$due = array_map(
			fn ($row) => self::load($row['id']),
			Table::select('filesync_import', $where, 'created DESC', 0, 'id'),
		);

		return array_column($due, null, 'channelId');
	}

	/** Returns the import of a channel that is or was left to workers: the last one. */
	public static function ofChannel(int $channelId): ?self
	{
		$where = ['uid' => $channelId, 'left_to <>' => self::COMMAND];
		$row = Table::first('filesync_import', $where, 'created DESC', 'id');

		return $row === null ? null : self::find($row['id']);
	}

	/** Returns the import of an account's file that workers have not ended. */
	public static function ofAccount(int $accountId): ?self
	{
		$where = ['aid' => $accountId, 'left_to <>' => self::COMMAND, 'state <>' => self::DONE, 'uid >' => 0];
		$row = Table::first('filesync_import', $where, '', 'id');

		return $row === null ? null : self::find($row['id']);
	}

	/**
	 * Returns the imports from outside that an account has beside one of a file. One by which a channel came that was
	 * not here stays, until it is done, or other hubs would hear of the channel before.
	 *
	 * @return list<string> Their ids, the last one with which anybody went on first.
	 */
	public static function deliveredBeside(string $file, int $accountId, bool $areDone): array
	{
		$where = self::DELIVERED + ['aid' => $accountId, $areDone ? 'state' : 'state <>' => self::DONE];
		$rows = array_filter(
			Table::select('filesync_import', $where, 'updated DESC, id', 0, 'id, uid, is_new'),
			fn ($row) => $areDone || (int) $row['is_new'] === 0 || (int) $row['uid'] === 0,
		);

		return array_values(array_diff(array_column($rows, 'id'), [self::idOf($file, $accountId)]));
	}

	/** Tells whether a process is at it. */
	public function isUnderway(): bool
	{
		$lock = $this->lock();
		$isFree = $lock->take();
		$lock->release();

		return ! $isFree;
	}

	/** Returns how much of it is here, of 100. */
	public function percent(): int
	{
		return match (true) {
			$this->state === self::DONE => 100,
			$this->allBytes < 1 => 0,
			default => min(99, intdiv(100 * $this->bytes, $this->allBytes)),
		};
	}

	/**
	 * Notes that elements are imported. Within a transaction with their rows, if they are written by us.
	 *
	 * @param array<int, string> $missing The posts among them that the hub did not take: the ids, by their numbers.
	 * @param int                $refused Others that it did not take.
	 */
	public static function mark(Slice $slice, int $channelId, array $missing = [], int $refused = 0): void
	{
		Table::transaction(function () use ($slice, $channelId, $missing, $refused): void {
			$job = self::load($slice->job);
			$taken = array_diff($slice->numbers(), array_keys($missing));
			foreach ($slice->isAgain ? array_chunk($taken, self::ONE_STATEMENT) : [] as $some) {
				Table::delete('filesync_import_post', [
					'job' => $slice->job,
					'part' => $slice->part,
					'number' => $some,
				]);
			}
			foreach ($slice->isAgain ? [] : $missing as $number => $mid) {
				Table::upsert(
					'filesync_import_post',
					['id' => hash('sha256', "$slice->job\n$slice->part\n$number")],
					['job' => $slice->job, 'part' => $slice->part, 'number' => $number, 'mid' => $mid],
				);
			}
			Table::update(
				'filesync_import',
				[
					'uid' => $channelId,
					'part' => $slice->part,
					'place' => $slice->next,
					'element' => $slice->end(),
					'elements' => $job->elements + $slice->count,
					'size_bytes' => $job->bytes + $slice->bytes,
					'refused' => $job->refused + $refused,
					'updated' => Clock::now(),
				],
				['id' => $slice->job],
			);
		});
	}

	/** Returns how far it is, to compare. */
	public function position(): string
	{
		return "$this->state $this->part $this->element";
	}

	/** Returns the lock of this import for who goes on with it. */
	public function lock(): FileLock
	{
		return self::lockFile($this->id, 'run');
	}

	/**
	 * Returns a lock of all imports into an account: `door` for the request that brings rows, `slice` for the process
	 * that imports some.
	 */
	public static function lockOfAccount(int $accountId, string $name): FileLock
	{
		return self::lockFile("account-$accountId", $name);
	}

	private static function lockFile(string $of, string $name): FileLock
	{
		Core::makeFolder(self::FOLDER);

		return (
			FileLock::open(self::pathOf($of, $name)) ?? throw new Problem(
				'disk_failed',
				'No file can be made in ' . self::FOLDER . '.',
				true,
			)
		);
	}

	/** Removes the files of an import: its locks, and what it is imported from if that is a copy of ours. */
	public static function removeFiles(string $id): void
	{
		foreach (['run', 'slice', 'export', 'new'] as $name) {
			@unlink(self::pathOf($id, $name));
		}
	}

	/** Returns the path of a file of an import, beneath the hub's root. */
	public static function pathOf(string $id, string $name): string
	{
		return self::FOLDER . "/import-$id.$name";
	}

	/** Begins the next state. */
	public static function enter(string $id, string $state): void
	{
		Table::update(
			'filesync_import',
			['state' => $state, 'part' => 0, 'place' => '', 'element' => 0, 'updated' => Clock::now()],
			['id' => $id],
		);
	}

	/**
	 * Returns posts of one part that the hub did not take, from an element on, or those of the next part that has some.
	 *
	 * @return list<array{part: int, number: int}>
	 */
	public function missing(int $part, int $number, int $most): array
	{
		$mine = ['job' => $this->id];
		$here = Table::select(
			'filesync_import_post',
			$mine + ['part' => $part, 'number >=' => $number],
			'number',
			$most,
		);
		$next = $here === [] ? Table::first('filesync_import_post', $mine + ['part >' => $part], 'part, number') : null;
		$rows = $next === null
			? $here
			: Table::select('filesync_import_post', $mine + ['part' => (int) $next['part']], 'number', $most);

		return array_map(fn ($row) => ['part' => (int) $row['part'], 'number' => (int) $row['number']], $rows);
	}

	/**
	 * Returns the ids of posts that the hub did not take.
	 *
	 * @return list<string>
	 */
	public function refusedPosts(int $most): array
	{
		return array_column(
			Table::select('filesync_import_post', ['job' => $this->id], 'part, number', $most, 'mid'),
			'mid',
		);
	}

	/** Forgets the imports of a channel that leaves this hub. */
	public static function forget(int $channelId): void
	{
		self::remove(['uid' => $channelId]);
	}

	/** Forgets imports with which nobody went on since a time: such a file is then imported from its beginning. */
	public static function prune(int $since): void
	{
		self::remove(['updated <' => $since]);
	}

	/** Forgets an import. */
	public static function drop(string $id): void
	{
		self::remove(['id' => $id]);
	}

	/** Forgets imports that are left to workers or to their owners. */
	public static function dropAll(): void
	{
		self::remove(['left_to <>' => self::COMMAND]);
	}

	/**
	 * Forgets imports with which nobody goes on: those of which nothing is here, and those from outside into a channel
	 * that was here before. Who comes back begins again, which changes nothing of what is here.
	 */
	public static function sweep(): void
	{
		$begun = ['updated <' => Clock::now() - self::BEGUN_SECONDS];
		self::remove(['uid' => 0] + $begun);
		self::remove(['state' => self::FIRST, 'elements' => 0] + $begun + self::DELIVERED);
		self::remove([
			'is_new' => 0,
			'state <>' => self::DONE,
			'updated <' => Clock::now() - (3600 * Config::number('upload_idle_hours')),
		] + self::DELIVERED);
	}

	private static function remove(array $where): void
	{
		foreach (Table::select('filesync_import', $where, '', 0, 'id') as $row) {
			Table::delete('filesync_import_post', ['job' => $row['id']]);
			Table::delete('filesync_import', ['id' => $row['id']]);
			self::removeFiles($row['id']);
		}
	}

	/** Returns how many posts the hub did not take. */
	public function countMissing(): int
	{
		return Table::count('filesync_import_post', ['job' => $this->id]);
	}
}
