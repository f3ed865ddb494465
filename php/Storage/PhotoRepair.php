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
 */
final class PhotoRepair
{
	private const NUMBERS = [
		'imgscale',
		'height',
		'width',
		'filesize',
		'photo_usage',
		'profile',
		'is_nsfw',
		'photo_flags',
		'os_storage',
	];

	/** @param array $attach A photo's attach row. */
	public function __construct(private readonly Channel $channel, private readonly array $attach) {}

	/**
	 * Returns the faults by scale.
	 *
	 * @return array<int, string> Also empty if the original is incomplete here or cannot be decoded: then nothing
	 *     is known.
	 */
	public function faults(): array
	{
		$rows = array_column(
			Table::select('photo', $this->where(), 'imgscale', 0, 'id, imgscale, width, height, filesize, os_storage'),
			null,
			'imgscale',
		);
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

	/** Has scales made again; returns how many. */
	public function mend(array $scales): int
	{
		$rows = array_column(Table::select('photo', $this->where(), 'imgscale'), null, 'imgscale');
		$made = Parts::has(Parts::PHOTOS) ? array_filter($scales, fn ($scale) => ScaleTable::isMade($scale)) : [];
		foreach ($made as $scale) {
			$photo =
				[
					'imgscale' => $scale,
					'photo_usage' => $rows[$scale]['photo_usage'] ?? $rows[ScaleTable::sourceOf($scale)]['photo_usage'],
				] + array_diff_key($rows[$scale] ?? $rows[ScaleTable::sourceOf($scale)], ['content' => 1, 'id' => 1]);
			$photo = array_map('intval', array_intersect_key($photo, array_flip(self::NUMBERS))) + $photo;
			$photo['edited'] = substr($photo['edited'], 0, 19);
			Queue::stage(new Wanted(
				channelId: (int) $this->attach['uid'],
				hash: (string) $this->attach['hash'],
				scale: (int) $scale,
				sizeBytes: (int) $photo['filesize'],
				edited: $photo['edited'],
				mimetype: (string) $photo['mimetype'],
				folder: (string) $this->attach['folder'],
				origin: '',
				nick: '',
				names: explode('/', (string) $this->attach['display_path']),
				entry: ScaleEntry::of($this->attach, $photo, false),
				isToMake: true,
			));
		}

		return count($made);
	}

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

	/** Returns the header of a scale's file, null if it is missing or unreadable. */
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

	private function options(): array
	{
		return array_intersect_key(Photos::scaleOptions(), ['max_thumbnail' => 1]);
	}

	private function where(): array
	{
		return ['uid' => (int) $this->attach['uid'], 'resource_id' => $this->attach['hash']];
	}
}
