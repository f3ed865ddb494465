<?php

namespace FileSync\Addon\Box;

use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Restore\Intake;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A file or folder of the drop box, as its client named it: table filesync_box_name. A name is a label and no path;
 * the bytes are beneath the session, by their digest.
 *
 * @import-type BoxNameRow from \FileSync\Addon\Hub\Rows
 */
final class Name
{
	/** The folder of all. */
	public const ROOT = 'root';
	private const PAGE = 1000;

	private function __construct(
		public readonly string $id,
		/** Which folder it is in. */
		public readonly string $folder,
		/** Of a folder: names it for what is in it. */
		public readonly string $node,
		public readonly string $name,
		public readonly Kind $kind,
		public readonly string $sha256,
		public readonly int $sizeBytes,
		/** As of `Content`. */
		public readonly string $says,
		public readonly string $since,
		public readonly int $modified,
	) {}

	/** Returns one of a folder, or null. */
	public static function find(Session $session, string $folder, string $name): ?self
	{
		$row = Table::first('filesync_box_name', ['id' => self::id($session, $folder, $name)]);

		return $row ? self::read($row) : null;
	}

	/** @return \Generator<int, self> All of a folder. */
	public static function in(Session $session, string $folder): \Generator
	{
		foreach (Table::each(
			'filesync_box_name',
			['folder' => self::folder($session, $folder)],
			self::PAGE,
		) as $row) {
			yield self::read($row);
		}
	}

	/** @return list<self> Those of a kind, the latest first. */
	public static function latest(Session $session, Kind $kind, int $limit): array
	{
		return array_map(self::read(...), Table::select(
			'filesync_box_name',
			['session' => $session->id, 'kind' => $kind->value],
			'created DESC, id',
			$limit,
		));
	}

	/** @return \Generator<int, self> All of some kinds. */
	public static function ofKind(Session $session, Kind ...$kinds): \Generator
	{
		$values = array_map(fn (Kind $kind) => $kind->value, $kinds);
		foreach (Table::each(
			'filesync_box_name',
			['session' => $session->id, 'kind' => $values],
			self::PAGE,
		) as $row) {
			yield self::read($row);
		}
	}

	/** Returns how many there are of a kind, or of all. */
	public static function count(Session $session, ?Kind $kind = null): int
	{
		return Table::count(
			'filesync_box_name',
			['session' => $session->id] + ($kind ? ['kind' => $kind->value] : []),
		);
	}

	/** Returns how many different files there are of a kind. */
	public static function countFiles(Session $session, Kind $kind): int
	{
		return Table::countDistinct(
			'filesync_box_name',
			'sha256',
			['session' => $session->id, 'kind' => $kind->value],
		);
	}

	/** Returns how many are in a folder. */
	public static function countIn(Session $session, string $folder): int
	{
		return Table::count('filesync_box_name', ['folder' => self::folder($session, $folder)]);
	}

	/** Tells whether any has these bytes. */
	public static function has(Session $session, string $sha256): bool
	{
		return Table::first(
			'filesync_box_name',
			['session' => $session->id, 'sha256' => $sha256],
			'',
			'id',
		) !== null;
	}

	/** Puts one into a folder, in place of what has the name. */
	public static function put(
		Session $session,
		string $folder,
		string $name,
		Content $content,
		string $sha256,
		int $sizeBytes,
		int $modified,
	): void {
		Table::upsert(
			'filesync_box_name',
			['id' => self::id($session, $folder, $name)],
			[
				'kind' => $content->kind->value,
				'sha256' => $sha256,
				'size_bytes' => $sizeBytes,
				'says' => $content->says,
				'since' => $content->since,
				'modified' => $modified,
				'created' => Clock::now(),
			],
			[
				'session' => $session->id,
				'folder' => self::folder($session, $folder),
				'node' => '',
				'name' => $name,
			],
		);
	}

	/** Makes a folder; false if something has the name. */
	public static function makeFolder(Session $session, string $folder, string $name): bool
	{
		return Table::tryInsert('filesync_box_name', [
			'id' => self::id($session, $folder, $name),
			'session' => $session->id,
			'folder' => self::folder($session, $folder),
			'node' => Token::make(),
			'name' => $name,
			'kind' => Kind::Folder->value,
			'sha256' => '',
			'size_bytes' => 0,
			'says' => '',
			'since' => '',
			'modified' => Clock::now(),
			'created' => Clock::now(),
		]);
	}

	/** Removes bytes, and all names that have them. */
	public static function drop(Session $session, string $sha256): void
	{
		Table::delete('filesync_box_name', ['session' => $session->id, 'sha256' => $sha256]);
		@unlink(Intake::folder($session->channelId, $session->id) . '/' . Intake::place($sha256));
		Entry::find($session, $sha256)?->remove();
	}

	/** Gives it another folder or name. */
	public function move(Session $session, string $folder, string $name): void
	{
		Table::update(
			'filesync_box_name',
			[
				'id' => self::id($session, $folder, $name),
				'folder' => self::folder($session, $folder),
				'name' => $name,
			],
			['id' => $this->id],
		);
	}

	/** Notes when its owner changed it. */
	public function date(int $modified): void
	{
		Table::update('filesync_box_name', ['modified' => $modified], ['id' => $this->id]);
	}

	/** Forgets it. */
	public function remove(): void
	{
		Table::delete('filesync_box_name', ['id' => $this->id]);
	}

	private static function id(Session $session, string $folder, string $name): string
	{
		return hash('sha256', "$session->id\n$folder\n$name");
	}

	/** Folders of other sessions have other names; the one of all has not. */
	private static function folder(Session $session, string $folder): string
	{
		return $folder === self::ROOT ? $session->id : $folder;
	}

	/** @param BoxNameRow $row */
	private static function read(array $row): self
	{
		return new self(
			id: $row['id'],
			folder: $row['folder'] === $row['session'] ? self::ROOT : $row['folder'],
			node: $row['node'],
			name: $row['name'],
			kind: Kind::from($row['kind']),
			sha256: $row['sha256'],
			sizeBytes: (int) $row['size_bytes'],
			says: $row['says'],
			since: $row['since'],
			modified: (int) $row['modified'],
		);
	}
}
