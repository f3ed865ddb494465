<?php

namespace FileSync\Addon\Door;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A file of a session, named by its digest: table filesync_door_entry. How much of it is here, only the disk says.
 *
 * @import-type DoorEntryRow from \FileSync\Addon\Hub\Rows
 */
final class Entry
{
	private const MOST_TOGETHER = 1000;

	private function __construct(
		private readonly string $session,
		public readonly string $sha256,
		public readonly int $sizeBytes,
		public readonly bool $isWhole,
		/** The header Upload-Metadata as it came. */
		public readonly string $metadata,
	) {}

	/** Returns one, or null. */
	public static function find(Session $session, string $sha256): ?self
	{
		$row = Table::first('filesync_door_entry', ['id' => self::id($session->id, $sha256)]);

		return $row ? self::read($row) : null;
	}

	/**
	 * Returns those of some digests.
	 *
	 * @param list<string> $digests
	 *
	 * @return list<self>
	 */
	public static function among(Session $session, array $digests): array
	{
		$entries = [];
		foreach (array_chunk($digests, self::MOST_TOGETHER) as $some) {
			$ids = array_map(fn ($sha256) => self::id($session->id, $sha256), $some);
			array_push($entries, ...array_map(self::read(...), Table::select('filesync_door_entry', ['id' => $ids])));
		}

		return $entries;
	}

	/** Adds one; false if it is there already. */
	public static function add(Session $session, string $sha256, int $sizeBytes, string $metadata): bool
	{
		return Table::tryInsert('filesync_door_entry', self::row($session, $sha256, $sizeBytes, $metadata));
	}

	/** @return array<string, int|string> */
	private static function row(Session $session, string $sha256, int $sizeBytes, string $metadata): array
	{
		return [
			'id' => self::id($session->id, $sha256),
			'session' => $session->id,
			'sha256' => $sha256,
			'size_bytes' => $sizeBytes,
			'is_whole' => 0,
			'metadata' => $metadata,
			'created' => Clock::now(),
		];
	}

	/**
	 * Adds several, or those of them that another request did not add meanwhile.
	 *
	 * @param list<array{sha256: string, size_bytes: int}> $files
	 */
	public static function addAll(Session $session, array $files): void
	{
		$rows = array_map(
			fn (array $file): array => self::row($session, $file['sha256'], $file['size_bytes'], ''),
			$files,
		);
		if (! Table::transaction(fn () => Table::tryInsertAll('filesync_door_entry', $rows), fn ($isGood) => $isGood)) {
			foreach ($rows as $row) {
				Table::tryInsert('filesync_door_entry', $row);
			}
		}
	}

	/**
	 * Notes that all of several is here.
	 *
	 * @param list<string> $digests
	 */
	public static function completeAll(Session $session, array $digests): void
	{
		foreach (array_chunk($digests, self::MOST_TOGETHER) as $some) {
			$ids = array_map(fn ($sha256) => self::id($session->id, $sha256), $some);
			Table::update('filesync_door_entry', ['is_whole' => 1], ['id' => $ids]);
		}
	}

	/** Notes that it will have another size than was stated. */
	public function resize(int $sizeBytes): void
	{
		Table::update(
			'filesync_door_entry',
			['size_bytes' => $sizeBytes],
			['id' => self::id($this->session, $this->sha256)],
		);
	}

	/** Notes that all of it is here. */
	public function complete(): void
	{
		Table::update('filesync_door_entry', ['is_whole' => 1], ['id' => self::id($this->session, $this->sha256)]);
	}

	/** Forgets it. */
	public function remove(): void
	{
		Table::delete('filesync_door_entry', ['id' => self::id($this->session, $this->sha256)]);
	}

	/** @return array{size_bytes: int, sha256: string} For the extension. */
	public function spec(): array
	{
		return ['size_bytes' => $this->sizeBytes, 'sha256' => $this->sha256];
	}

	/** @return list<self> Those that are not whole, have this as their metadata, and are older than so many seconds. */
	public static function abandoned(Session $session, string $metadata, int $seconds): array
	{
		return array_map(self::read(...), Table::select('filesync_door_entry', [
			'session' => $session->id,
			'is_whole' => 0,
			'metadata' => $metadata,
			'created <' => Clock::now() - $seconds,
		]));
	}

	/** Returns how many files of a session have begun to arrive and are not whole. */
	public static function open(Session $session): int
	{
		return Table::count('filesync_door_entry', ['session' => $session->id, 'is_whole' => 0]);
	}

	/** @return array{files: int, bytes: int} Those of a session, or of all; or the whole ones. */
	public static function count(?Session $session, bool $onlyWhole): array
	{
		$of = ($session ? ['session' => $session->id] : []) + ($onlyWhole ? ['is_whole' => 1] : []);

		return [
			'files' => Table::count('filesync_door_entry', $of),
			'bytes' => Table::sum('filesync_door_entry', 'size_bytes', $of),
		];
	}

	private static function id(string $session, string $sha256): string
	{
		return hash('sha256', "$session\n$sha256");
	}

	/** @param DoorEntryRow $row */
	private static function read(array $row): self
	{
		return new self(
			$row['session'],
			$row['sha256'],
			(int) $row['size_bytes'],
			(bool) (int) $row['is_whole'],
			$row['metadata'],
		);
	}
}
