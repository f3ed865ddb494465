<?php

namespace FileSync\Addon\Repair;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Storage\AttachRow;
use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Finds faults in a channel's rows of files and folders.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Place from \FileSync\Addon\Hub\Store
 */
final class FileRows
{
	private const PAGE = 200;
	private const COLUMNS =
		'id, aid, uid, hash, creator, filename, filetype, filesize, revision, folder, flags, is_dir, is_photo, os_storage, os_path, display_path,'
			. ' created, edited, allow_cid, allow_gid, deny_cid, deny_gid';

	/** How many rows the last step read. */
	public int $passed = 0;
	private readonly int $uid;
	/** @var array<string, Place> The path in front of a name, by folder. */
	private array $places = [];

	/** @param int $after The id after which it begins; later the last one that it reached. */
	public function __construct(private readonly Channel $channel, public int $after = 0)
	{
		$this->uid = $channel->id;
	}

	/** Counts the rows. */
	public static function count(Channel $channel): int
	{
		return Table::count('attach', ['uid' => $channel->id]);
	}

	/**
	 * Moves on to the next rows, and returns their faults. Rows mended meanwhile are read as they are then.
	 *
	 * @return ?\Generator<Fault> Null once there are no more rows.
	 */
	public function next(): ?\Generator
	{
		$rows = Table::select('attach', ['uid' => $this->uid, 'id >' => $this->after], 'id', self::PAGE, self::COLUMNS);
		$this->after = (int) (end($rows)['id'] ?? $this->after);
		$this->passed = count($rows);

		return $rows ? $this->faults($rows) : null;
	}

	/**
	 * @param list<AttachRow> $rows
	 *
	 * @return \Generator<int, Fault>
	 */
	private function faults(array $rows): \Generator
	{
		$twins = $this->groups(['hash' => array_column($rows, 'hash')], fn ($row) => $row['hash']);
		$namesakes = $this->groups(
			['folder' => array_column($rows, 'folder'), 'filename' => array_column($rows, 'filename')],
			fn ($row) => $row['folder'] . "\n" . $row['filename'],
		);
		foreach ($this->withContent($rows) as $row) {
			$same = $twins[$row['hash']];
			if (count($same) > 1) {
				if ((int) $same[0]['id'] === (int) $row['id']) {
					yield $this->twins($row, count($same));
				}
				continue;
			}
			$named = array_values(array_unique(array_column(
				$namesakes[$row['folder'] . "\n" . $row['filename']],
				'hash',
			)));
			if (count($named) > 1 && $named[0] !== $row['hash']) {
				yield $this->namesake($row);
				$row = $this->row((int) $row['id']);
			}
			yield from $row ? $this->of($row) : [];
		}
	}

	/**
	 * @param AttachRow $row
	 *
	 * @return \Generator<int, Fault>
	 */
	private function of(array $row): \Generator
	{
		$id = (int) $row['id'];
		if ($this->placeOf($row) === null && ($fault = $this->lostFolder($row))) {
			yield $fault;
			$row = $this->row($id);
		}
		$place = $row ? $this->placeOf($row) : null;
		if ($place && ($row['os_path'] === '' || $row['display_path'] !== $place['display_path'])) {
			yield $this->fault(
				'place',
				$row,
				$row['display_path'] === '' ? 'the row has no path' : "the row has the old path {$row['display_path']}",
				function (Journal $journal) use ($row, $place) {
					$set = ($row['os_path'] === '' ? ['os_path' => $place['os_path']] : [])
					+ ['display_path' => $place['display_path']];
					$journal->update('attach', $row, $set);
					foreach (Table::select(
						'photo',
						['uid' => $this->uid, 'resource_id' => $row['hash']],
						'id',
						0,
						'id, os_path, display_path',
					) as $photo) {
						$journal->update('photo', $photo, $set);
					}

					return true;
				},
			);
			$row = $this->row($id);
		}
		if (! $row || (int) $row['is_dir']) {
			return;
		}
		if (! (int) $row['os_storage']) {
			yield $this->inDatabase($row, $place);
			$row = $this->row($id);
			if (! $row || ! (int) $row['os_storage']) {
				return;
			}
		}
		$path = Store::pathOf($this->channel, $row);
		if ($path !== null && $row['content'] !== $path) {
			yield $this->fault(
				'prefix',
				$row,
				"its path is {$row['content']}, without the channel's folder",
				function (Journal $journal) use ($row, $path) {
					$journal->update('attach', $row, ['content' => $path]);

					return true;
				},
			);
		}
		if ((Store::facts($path)['size_bytes'] ?? null) !== (int) $row['filesize']) {
			yield from $this->bytes($row);
		}
	}

	/**
	 * @param AttachRow $row
	 * @param ?Place    $place
	 */
	private function inDatabase(array $row, ?array $place): Fault
	{
		return $this->fault(
			'database',
			$row,
			'its bytes are in the database',
			$place === null
				? null
				: function (Journal $journal) use ($row, $place) {
					$journal->bringOut('attach', $row, $place['content'], ['os_path' => $place['os_path']]);
					$photo = Table::first(
						'photo',
						['uid' => $this->uid, 'resource_id' => $row['hash'], 'imgscale' => 0, 'os_storage' => 0],
						'id',
						'id, os_storage, filesize',
					);
					if ($photo) {
						$journal->bringOut('photo', $photo, $place['content'], []);
					}

					return true;
				},
		);
	}

	/**
	 * Verifying mends a row whose bytes are missing or of the wrong number: another clone may have them.
	 *
	 * @param AttachRow $row
	 *
	 * @return \Generator<int, Fault>
	 */
	private function bytes(array $row): \Generator
	{
		$facts = Facts::of($this->channel, $row['hash'], 0);
		if (in_array($facts->state, ['absent', 'partial'], true) && ! $facts->isArriving) {
			$what = $facts->state === 'absent'
				? 'its bytes are not on disk'
				: "{$facts->sizeBytes} bytes are on disk, the row says {$row['filesize']}";
			yield $this->fault(
				'bytes',
				$row,
				$what,
				fn () => (
					(new FileCheck($this->channel))->look(Store::attach($this->uid, $row['hash']))['verdict']
					=== 'damaged'
				),
				true,
			);
		}
	}

	/**
	 * A folder without a row. Its contents keep their place: this creates the row, visible to the owner only, until a
	 * clone tells its name.
	 *
	 * @param AttachRow $row
	 */
	private function lostFolder(array $row): ?Fault
	{
		$missing = $row['folder'];
		for (
			$passed = [];
			$missing !== '' && ! isset($passed[$missing]) && ($folder = Store::attach($this->uid, $missing));
			$missing = $folder['folder']
		) {
			if (! (int) $folder['is_dir']) {
				return $this->fault('folder', $row, "its folder $missing is a file", null);
			}
			$passed[$missing] = true;
		}
		if (isset($passed[$missing])) {
			return $this->fault('folder', $row, 'its folders are inside each other', null);
		}
		if (! preg_match(Bounds::HASH, $missing)) {
			return $this->fault('folder', $row, 'its folder has an impossible name', null);
		}

		return $this->fault('folder', $row, "its folder $missing has no row", function (Journal $journal) use (
			$row,
			$missing,
		) {
			$name = Store::freeName($this->uid, '', $missing, 'recovered-' . substr($missing, 0, 8));
			$place = [
				'os_path' => $missing,
				'display_path' => $name,
				'content' => Store::root($this->channel) . '/' . $missing,
			];
			$folder =
				[
					'hash' => $missing,
					'creator' => $row['creator'],
					'folder' => '',
					'flags' => 0,
					'created' => $row['created'],
				] + self::ownersOnly($this->channel);
			$journal->insert(
				'attach',
				AttachRow::columns($this->channel, $folder, $place, $name) + AttachRow::folder($row['created']),
				['uid' => $this->uid, 'hash' => $missing],
			);
			$this->places = [];

			return true;
		});
	}

	/** @param AttachRow $row */
	private function twins(array $row, int $count): Fault
	{
		$rows = $this->withContent(Table::select(
			'attach',
			['uid' => $this->uid, 'hash' => $row['hash']],
			'id',
			0,
			self::COLUMNS,
		));
		$isWhole = fn ($one) => (
			(Store::facts(Store::pathOf($this->channel, $one))['size_bytes'] ?? -1) === (int) $one['filesize']
		);
		usort(
			$rows,
			fn ($a, $b) => (
				[$isWhole($b), (int) $b['revision'], (int) $a['id']] <=> [
					$isWhole($a),
					(int) $a['revision'],
					(int) $b['id'],
				]
			),
		);
		// Bytes in the database must be written out first; other files may be inside the twin of a folder.
		$canGo =
			! array_filter($rows, fn ($one) => ! (int) $one['os_storage'])
			&& count(array_unique(array_column($rows, 'is_dir'))) === 1;

		return $this->fault(
			'twice',
			$row,
			"it has $count rows",
			! $canGo
				? null
				: function (Journal $journal) use ($rows) {
					$kept = array_shift($rows);
					$terms = ['uid' => $this->uid, 'otype' => Core::TERM_OF_FILE];
					foreach ($rows as $gone) {
						$moves = ! Table::count('term', $terms + ['oid' => (int) $kept['id']]);
						foreach ($moves
							? Table::select('term', $terms + ['oid' => (int) $gone['id']], 'tid', 0, 'tid, oid')
							: [] as $term) {
							$journal->update('term', $term, ['oid' => (int) $kept['id']]);
						}
						$journal->delete('attach', $gone);
					}

					return true;
				},
		);
	}

	/** @param AttachRow $row */
	private function namesake(array $row): Fault
	{
		return $this->fault(
			'name',
			$row,
			'another one in its folder has the same name',
			(int) $row['is_dir']
				? null
				: function (Journal $journal) use ($row) {
					$name = Store::freeName($this->uid, $row['folder'], $row['hash'], $row['filename']);
					$place = Store::place($this->channel, $row['folder'], $row['hash'], $name);
					if (! $place) {
						return false;
					}
					$set = ['filename' => $name, 'display_path' => $place['display_path']];
					$journal->update('attach', $row, $set);
					foreach (Table::select(
						'photo',
						['uid' => $this->uid, 'resource_id' => $row['hash']],
						'id',
						0,
						'id, filename, display_path',
					) as $photo) {
						$journal->update('photo', $photo, $set);
					}

					return true;
				},
		);
	}

	/**
	 * Returns access for the channel alone.
	 *
	 * @return array{allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string}
	 */
	public static function ownersOnly(Channel $channel): array
	{
		return [
			'allow_cid' => '<' . $channel->hash . '>',
			'allow_gid' => '',
			'deny_cid' => '',
			'deny_gid' => '',
		];
	}

	/**
	 * @param AttachRow                 $row
	 * @param ?\Closure(Journal): bool $mend
	 */
	private function fault(
		string $shape,
		array $row,
		string $what,
		?\Closure $mend,
		bool $isTransfer = false,
	): Fault {
		return new Fault(
			$shape,
			$row['hash'],
			$row['display_path'] !== '' ? $row['display_path'] : $row['filename'],
			$what,
			$mend,
			$isTransfer,
		);
	}

	/** @return ?AttachRow */
	private function row(int $id): ?array
	{
		return $this->withContent(Table::select('attach', ['id' => $id], '', 1, self::COLUMNS))[0] ?? null;
	}

	/**
	 * Adds the paths of rows that have one.
	 *
	 * @param list<AttachRow> $rows
	 *
	 * @return list<AttachRow>
	 */
	private function withContent(array $rows): array
	{
		$paths = array_column(
			Table::select(
				'attach',
				['id' => array_map('intval', array_column($rows, 'id')), 'os_storage' => 1],
				'',
				0,
				'id, content',
			),
			'content',
			'id',
		);

		return array_map(fn ($row) => $row + ['content' => $paths[$row['id']] ?? ''], $rows);
	}

	/**
	 * Like Store::place, with the folder's part cached.
	 *
	 * @param array{folder: string, hash: string, filename: string, ...} $row
	 *
	 * @return ?array{os_path: string, display_path: string, content: string}
	 */
	private function placeOf(array $row): ?array
	{
		$folder = $this->places[$row['folder']] ?? Store::place($this->channel, $row['folder'], 'hash', 'name');
		if ($folder === null) {
			return null;
		}
		$this->places[$row['folder']] = $folder;
		$end = fn (string $path, string $old, string $new) => substr($path, 0, -strlen($old)) . $new;

		return [
			'os_path' => $end($folder['os_path'], 'hash', $row['hash']),
			'display_path' => $end($folder['display_path'], 'name', $row['filename']),
			'content' => $end($folder['content'], 'hash', $row['hash']),
		];
	}

	/**
	 * Returns the channel's matching rows, grouped by an exact key.
	 *
	 * @param array<string, list<string>>  $where
	 * @param \Closure(AttachRow): string $key
	 *
	 * @return array<string, non-empty-list<AttachRow>>
	 */
	private function groups(array $where, \Closure $key): array
	{
		$groups = [];
		foreach (Table::select(
			'attach',
			['uid' => $this->uid] + array_map(fn ($values) => array_values(array_unique($values)), $where),
			'id',
			0,
			'id, hash, folder, filename',
		) as $row) {
			$groups[$key($row)][] = $row;
		}

		return $groups;
	}
}
