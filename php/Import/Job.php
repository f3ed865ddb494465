<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Clock;
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
	public const DONE = 'done';

	private const ONE_STATEMENT = 200;
	private const FOLDER = 'store/[data]/filesync';

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
		$id = hash('sha256', "$accountId\n$file");
		$row = ['id' => $id, 'aid' => $accountId, 'uid' => $channelId, 'choice' => (string) json_encode($choice)];
		$new = ['state' => self::FIRST, 'part' => 0, 'place' => '', 'element' => 0, 'elements' => 0];
		$new += ['size_bytes' => 0, 'refused' => 0, 'created' => Clock::now(), 'updated' => Clock::now()];
		if (Table::first('filesync_import', ['id' => $id], '', 'id') === null) {
			Table::tryInsert('filesync_import', $row + $new);
		}
		Table::update('filesync_import', ['choice' => $row['choice']], ['id' => $id, 'uid' => 0]);

		return self::load($id);
	}

	/** Returns an import as it is now, or null: there is none of this name. */
	public static function find(string $id): ?self
	{
		return Table::first('filesync_import', ['id' => $id], '', 'id') === null ? null : self::load($id);
	}

	/** Returns an import as it is now. */
	public static function load(string $id): self
	{
		$row = Table::first('filesync_import', ['id' => $id]) ?? throw new \RuntimeException('the import is gone');
		/** @var array{nick: string, primary: bool, guid?: string} */
		$choice = json_decode($row['choice'], true);

		return new self(
			$id,
			(int) $row['aid'],
			(int) $row['uid'],
			$choice,
			$row['state'],
			(int) $row['part'],
			$row['place'],
			(int) $row['element'],
			(int) $row['elements'],
			(int) $row['size_bytes'],
			(int) $row['refused'],
		);
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

	/** Returns a lock of this import: `run` for who goes on with it, `slice` for who imports one. */
	public function lock(string $name): FileLock
	{
		Core::makeFolder(self::FOLDER);

		return (
			FileLock::open(self::pathOf($this->id, $name)) ?? throw new Problem(
				'disk_failed',
				'No file can be made in ' . self::FOLDER . '.',
				true,
			)
		);
	}

	/** Removes the files of an import's locks. */
	public static function removeLocks(string $id): void
	{
		foreach (['run', 'slice'] as $name) {
			@unlink(self::pathOf($id, $name));
		}
	}

	private static function pathOf(string $id, string $name): string
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

	private static function remove(array $where): void
	{
		foreach (Table::select('filesync_import', $where, '', 0, 'id') as $row) {
			Table::delete('filesync_import_post', ['job' => $row['id']]);
			Table::delete('filesync_import', ['id' => $row['id']]);
			self::removeLocks($row['id']);
		}
	}

	/** Returns how many posts the hub did not take. */
	public function countMissing(): int
	{
		return Table::count('filesync_import_post', ['job' => $this->id]);
	}
}
