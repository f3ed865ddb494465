<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\PhotoLibrary;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\ScaleEntry;
use FileSync\Addon\Transfer\Wanted;
use FileSync\Exception\FileSyncException;
use FileSync\Exception\UnsupportedException;
use FileSync\Photo;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Finds faulty scales of a photo that is whole here, and has them made again.
 *
 * A person cut the crops 4 and 7: their faults are reported, and never mended by scaling another image.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type PhotoRow from \FileSync\Addon\Hub\Rows
 * @import-type Photo from \FileSync\Addon\Protocol\Packet
 *
 * @type Size = array{width: int, height: int, ...}
 */
final class PhotoRepair
{
	/** @param AttachRow $attach A photo's attach row. */
	public function __construct(private readonly Channel $channel, private readonly array $attach) {}

	/**
	 * Returns the faults by scale.
	 *
	 * @return array<int, string> Also empty if the original is incomplete here or cannot be decoded: then nothing
	 *     is known.
	 */
	public function faults(): array
	{
		$rows = $this->rows('id, imgscale, width, height, filesize, os_storage');
		$faults = [];
		foreach ([0 => [1, 2, 3], 4 => [5, 6], 7 => [8, 9]] as $source => $scales) {
			$header = $source === 0 || isset($rows[$source]) ? $this->header($source) : null;
			if ($source > 0 && isset($rows[$source]) && ! $header) {
				$faults[$source] = 'a crop without its bytes: only the hub where it was cut, or a clone, still has it';
			}
			$sizes = $header ? Photo::sizes($header['width'], $header['height'], $scales, $this->options()) : [];
			foreach ($sizes as $scale => $size) {
				$fault = isset($rows[$scale]) ? $this->fault($rows[$scale], $scale, $size) : 'no row';
				$faults += $fault === null ? [] : [$scale => $fault];
			}
		}
		ksort($faults);

		return $faults;
	}

	/**
	 * Has scales made again; returns how many.
	 *
	 * @param array<int> $scales
	 */
	public function mend(array $scales): int
	{
		$rows = $this->rows();
		$made = Parts::has(Parts::PHOTOS) ? array_filter($scales, fn ($scale) => ScaleTable::isMade($scale)) : [];
		foreach ($made as $scale) {
			$photo = self::photo($rows[$scale] ?? $rows[ScaleTable::sourceOf($scale)], $scale);
			Queue::stage(new Wanted(
				channelId: (int) $this->attach['uid'],
				hash: $this->attach['hash'],
				scale: $scale,
				sizeBytes: $photo['filesize'],
				edited: $photo['edited'],
				mimetype: $photo['mimetype'],
				folder: $this->attach['folder'],
				origin: '',
				nick: '',
				names: explode('/', $this->attach['display_path']),
				entry: ScaleEntry::of($this->attach, $photo, false),
				isToMake: true,
			));
		}

		return count($made);
	}

	/**
	 * Returns the row of a scale as a packet would have it.
	 *
	 * @param PhotoRow $row Its row here, or that of its source.
	 *
	 * @return Photo
	 */
	private static function photo(array $row, int $scale): array
	{
		return [
			'imgscale' => $scale,
			'photo_usage' => (int) $row['photo_usage'],
			'height' => (int) $row['height'],
			'width' => (int) $row['width'],
			'filesize' => (int) $row['filesize'],
			'profile' => (int) $row['profile'],
			'is_nsfw' => (int) $row['is_nsfw'],
			'photo_flags' => (int) $row['photo_flags'],
			'os_storage' => (int) $row['os_storage'],
			'resource_id' => $row['resource_id'],
			'mimetype' => $row['mimetype'],
			'created' => $row['created'],
			'edited' => substr($row['edited'], 0, 19),
			'expires' => $row['expires'],
			'xchan' => $row['xchan'],
			'title' => $row['title'],
			'description' => $row['description'],
			'album' => $row['album'],
			'filename' => $row['filename'],
			'display_path' => $row['display_path'],
			'allow_cid' => $row['allow_cid'],
			'allow_gid' => $row['allow_gid'],
			'deny_cid' => $row['deny_cid'],
			'deny_gid' => $row['deny_gid'],
		];
	}

	/**
	 * Returns the photo rows by scale.
	 *
	 * @return array<int, PhotoRow>
	 */
	private function rows(string $columns = '*'): array
	{
		$rows = [];
		foreach (Table::select('photo', $this->where(), 'imgscale', 0, $columns) as $row) {
			$rows[(int) $row['imgscale']] = $row;
		}

		return $rows;
	}

	/**
	 * @param PhotoRow $row
	 * @param Size     $size
	 */
	private function fault(array $row, int $scale, array $size): ?string
	{
		if (! (int) $row['os_storage']) {
			return Store::keepsThumbnailsAsFiles() ? 'kept in the database, as on old hubs' : null;
		}
		$facts = Facts::of($this->channel, $this->attach['hash'], $scale);
		if ($facts->state === 'absent') {
			return 'no file';
		}
		if ($facts->state !== 'whole') {
			return "{$facts->sizeBytes} bytes, the row says {$row['filesize']}";
		}
		$header = $this->header($scale);
		if (! $header || [$header['width'], $header['height']] !== [$size['width'], $size['height']]) {
			return (
				($header ? "{$header['width']} x {$header['height']}" : 'not a picture')
				. ", should be {$size['width']} x {$size['height']}"
			);
		}

		return [(int) $row['width'], (int) $row['height']] === [$size['width'], $size['height']]
			? null
			: "the row says {$row['width']} x {$row['height']}";
	}

	/**
	 * Returns the header of a scale's file, null if it is missing or unreadable.
	 *
	 * @return ?Size
	 */
	private function header(int $scale): ?array
	{
		$facts = Facts::of($this->channel, $this->attach['hash'], $scale);
		if ($facts->state !== 'whole' || $facts->path === null) {
			return null;
		}
		try {
			[$root, $path] = $facts->rootAndPath();

			return Photo::facts(new \FileSync\Store($root), $path);
		} catch (UnsupportedException) {
			return PhotoLibrary::size($facts->path);
		} catch (FileSyncException) {
			return null;
		}
	}

	/** @return array{max_thumbnail?: int} */
	private function options(): array
	{
		$most = Photos::scaleOptions()['max_thumbnail'] ?? null;

		return $most === null ? [] : ['max_thumbnail' => $most];
	}

	/** @return array<string, int|string> */
	private function where(): array
	{
		return ['uid' => (int) $this->attach['uid'], 'resource_id' => $this->attach['hash']];
	}
}
