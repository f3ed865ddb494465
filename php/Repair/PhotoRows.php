<?php

namespace FileSync\Addon\Repair;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Storage\AttachRow;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Finds faults in a channel's rows of photos: no file's row, bytes in the database, or an old path.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type PhotoRow from \FileSync\Addon\Hub\Rows
 */
final class PhotoRows
{
	private const PAGE = 200;
	private const COLUMNS = 'id, resource_id, imgscale, filename, display_path, os_storage, filesize';
	/** The uses of a channel's own photos; others are avatars of other people, things and caches. */
	private const USAGES = [Core::PHOTO_NORMAL, Core::PHOTO_PROFILE, Core::PHOTO_COVER];

	/** How many rows the last step read. */
	public int $passed = 0;
	private readonly int $uid;

	/** @param int $after As for FileRows. */
	public function __construct(private readonly Channel $channel, public int $after = 0)
	{
		$this->uid = $channel->id;
	}

	/** Counts the rows. */
	public static function count(Channel $channel): int
	{
		return Table::count('photo', ['uid' => $channel->id, 'photo_usage' => self::USAGES]);
	}

	/**
	 * Moves on to the next rows, and returns their faults.
	 *
	 * @return ?\Generator<Fault> Null once there are no more rows.
	 */
	public function next(): ?\Generator
	{
		$where = ['uid' => $this->uid, 'photo_usage' => self::USAGES, 'id >' => $this->after];
		$rows = Table::select('photo', $where, 'id', self::PAGE, self::COLUMNS);
		$this->after = (int) (end($rows)['id'] ?? $this->after);
		$this->passed = count($rows);

		return $rows ? $this->faults($rows) : null;
	}

	/**
	 * @param list<PhotoRow> $rows
	 *
	 * @return \Generator<int, Fault>
	 */
	private function faults(array $rows): \Generator
	{
		$hashes = array_values(array_unique(array_column($rows, 'resource_id')));
		$files = array_column(
			Table::select('attach', ['uid' => $this->uid, 'hash' => $hashes], 'id', 0, 'id, hash'),
			null,
			'hash',
		);
		foreach ($rows as $row) {
			$file = $files[$row['resource_id']] ?? null;
			if ($file) {
				yield from $this->beside($row, $file);
			} elseif (! (int) $row['imgscale']) {
				yield $this->alone((int) $row['id']);
			}
		}
	}

	/**
	 * A photo row whose file has a row.
	 *
	 * @param PhotoRow  $row
	 * @param AttachRow $file
	 *
	 * @return \Generator<int, Fault>
	 */
	private function beside(array $row, array $file): \Generator
	{
		$row = Table::first('photo', ['id' => (int) $row['id']], '', self::COLUMNS);
		$content = $row && (int) $row['os_storage']
			? (string) Table::first('photo', ['id' => (int) $row['id']], '', 'content')['content']
			: '';
		if ($content !== '' && ! str_contains($content, 'store')) {
			$path = Store::root($this->channel) . '/' . $content;
			yield $this->fault(
				'prefix',
				$row,
				"the path of scale {$row['imgscale']} is $content, without the channel's folder",
				function (Journal $journal) use ($row, $content, $path) {
					$journal->update('photo', ['content' => $content] + $row, ['content' => $path]);

					return true;
				},
			);
		} elseif ($row && ! (int) $row['os_storage'] && (int) $row['imgscale'] && Store::keepsThumbnailsAsFiles()) {
			yield $this->fault(
				'thumbnail',
				$row,
				"scale {$row['imgscale']} is in the database",
				function (Journal $journal) use ($row, $file) {
					$now = Table::first('attach', ['id' => (int) $file['id'], 'os_storage' => 1], '', 'hash, content');
					$path = $now ? Store::pathOf($this->channel, ['os_storage' => 1] + $now) : null;
					if ($path) {
						$journal->bringOut('photo', $row, "$path-{$row['imgscale']}", []);
					}
					if ($path) {
						$journal->update('photo', $row, ['filesize' => filesize("$path-{$row['imgscale']}")]);
					}

					return $path !== null;
				},
			);
		}
	}

	/** A photo without a file's row, from before photos were files: it is never sent to clones. */
	private function alone(int $id): Fault
	{
		$photo = Table::first('photo', ['id' => $id]) ?? throw new Refused("the row $id of table photo is gone");
		$hash = $photo['resource_id'];
		$isHere = (int) $photo['os_storage']
			? Store::facts(Store::pathOf($this->channel, $photo)) !== null
			: $photo['content'] !== '';
		if (! preg_match(Bounds::HASH, $hash) || ! $isHere) {
			return $this->fault(
				'photo',
				$photo,
				$isHere
					? 'its file has no row, and its hash cannot be used for one'
					: 'its file has no row, and its bytes are missing',
				null,
			);
		}
		unset($photo['content']);

		return $this->fault('photo', $photo, 'its file has no row', function (Journal $journal) use ($photo, $hash) {
			$folder = (string) (
				Table::first(
					'attach',
					['uid' => $this->uid, 'is_dir' => 1, 'display_path' => $photo['album']],
					'id',
					'hash',
				)['hash'] ?? ''
			);
			$folder = $photo['album'] === '' || Store::chain($this->uid, $folder) === null ? '' : $folder;
			$name = Store::freeName(
				$this->uid,
				$folder,
				$hash,
				$photo['filename'] !== '' ? $photo['filename'] : $hash . PhotoType::extension($photo['mimetype']),
			);
			$place = Store::place($this->channel, $folder, $hash, $name);
			if ((int) $photo['os_storage']) {
				$place['content'] = Store::pathOf(
					$this->channel,
					Table::first('photo', ['id' => (int) $photo['id']], '', 'os_storage, content'),
				);
			} else {
				$journal->bringOut('photo', $photo, $place['content'], []);
			}
			$columns =
				[
					'hash' => $hash,
					'creator' => $photo['xchan'] !== '' ? $photo['xchan'] : $this->channel->hash,
					'folder' => $folder,
					'flags' => 0,
					'created' => $photo['created'],
				] + array_intersect_key($photo, array_flip(Access::LISTS));
			$journal->insert(
				'attach',
				AttachRow::columns($this->channel, $columns, $place, $name)
				+ AttachRow::contents(
					$photo['mimetype'],
					(int) filesize($place['content']),
					$photo['edited'],
					true,
				),
				['uid' => $this->uid, 'hash' => $hash],
			);
			$set = [
				'filename' => $name,
				'os_path' => $place['os_path'],
				'display_path' => $place['display_path'],
				'album' => $place['album'],
			];
			foreach (Table::select(
				'photo',
				['uid' => $this->uid, 'resource_id' => $hash],
				'id',
				0,
				'id, filename, os_path, display_path, album',
			) as $one) {
				$journal->update('photo', $one, $set);
			}

			return true;
		});
	}

	/**
	 * @param PhotoRow                  $row
	 * @param ?\Closure(Journal): bool $mend
	 */
	private function fault(string $shape, array $row, string $what, ?\Closure $mend): Fault
	{
		return new Fault(
			$shape,
			$row['resource_id'],
			$row['display_path'] !== '' ? $row['display_path'] : $row['filename'],
			$what,
			$mend,
		);
	}
}
