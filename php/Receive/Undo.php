<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Photos;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Intentions;
use FileSync\Addon\Send\Watch;
use FileSync\Addon\Storage\AttachRow;
use FileSync\Addon\Storage\PhotoRepair;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Restores bytes that a sync replaced or deleted, as a change made here, so that every clone gets it.
 *
 * The bytes that it replaces are kept too. A present file keeps its access; a deleted one gets the access that it had
 * then, or its access from before the deleting clone widened it.
 *
 * @import-type KeptRow from \FileSync\Addon\Hub\Rows
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 */
final class Undo
{
	/**
	 * Restores kept bytes to their file, with its crops if it is a photo.
	 *
	 * @param KeptRow $kept
	 *
	 * @return string The file's display path.
	 *
	 * @throws Refused They cannot be restored.
	 */
	public static function apply(array $kept): string
	{
		$channel = Clones::channel((int) $kept['uid']) ?? throw new Refused(sprintf(
				t('the channel %d is not on this hub any more'),
				$kept['uid'],
			));
		$channelId = (int) $kept['uid'];
		Kept::settle($channelId);
		$entry = json_decode($kept['entry'], true);
		$source = Store::dataRoot($channelId) . '/' . $kept['path'];
		if ((int) $kept['scale'] === 0 && ! empty($entry['lone'])) {
			return self::bringLonePhotoBack($kept);
		}
		if ((int) $kept['scale'] > 0 && ! empty($entry['crop'])) {
			return self::bringCropBack($channel, $kept, $entry['crop'], $source);
		}
		if ((int) $kept['scale'] > 0 || empty($entry['attach'])) {
			throw new Refused(t('this is a crop of a photo: restore the photo itself, and its crops come with it'));
		}
		if (! is_file($source) || filesize($source) !== (int) $kept['size_bytes']) {
			throw new Refused(t('the kept bytes on disk are incomplete'));
		}
		if (Queue::isLive($channelId, $kept['hash'])) {
			throw new Refused(t('newer bytes of the file are arriving: try again when they are here'));
		}
		Intentions::begin($channelId);
		Turn::take($channelId, fn () => self::bringBack($channel, $kept, $entry, $source));
		$own = Store::attach($channelId, $kept['hash']);
		self::bringCropsBack($channel, $kept, $own, $entry);
		Watch::mark($channelId, $kept['hash']);
		Outbox::add($channelId, 'preview', $kept['hash']);
		Log::write(
			"undo: restored {$kept['hash']} of channel $channelId as it was on "
				. gmdate('Y-m-d H:i:s', (int) $kept['created']),
		);

		return $own['display_path'];
	}

	/** @param KeptRow $kept */
	private static function bringBack(Channel $channel, array $kept, array $entry, string $source): void
	{
		$channelId = (int) $kept['uid'];
		$own = Store::attach($channelId, $kept['hash']);
		Revisions::notice($channel, $kept['hash']);
		if (! $own) {
			FolderChange::createMissing($channel, array_map(
				fn ($folder) => $folder + ['term' => []],
				$entry['folders'] ?? [],
			));
		}
		$folder =
			$own['folder']
				?? (Store::chain($channelId, $entry['attach']['folder']) === null ? '' : $entry['attach']['folder']);
		$name = $own['filename'] ?? Store::freeName($channelId, $folder, $kept['hash'], $entry['attach']['filename']);
		$place = Store::place($channel, $folder, $kept['hash'], $name);
		$path = $own ? Store::pathOf($channel, $own) ?? $place['content'] : $place['content'];
		if ($own) {
			Kept::keepReplaced($channel, $own);
		}
		if (! is_dir(dirname($path))) {
			Core::makeFolder(dirname($path));
		}
		try {
			Store::copy($source, $path);
		} catch (\Throwable $e) {
			if ($own) {
				Kept::release($channel, $own);
			}
			throw $e;
		}
		$now = gmdate('Y-m-d H:i:s', Clock::now());
		$facts = AttachRow::contents(
			(string) $entry['attach']['filetype'],
			(int) $kept['size_bytes'],
			$now,
			(bool) (int) $entry['attach']['is_photo'],
		);
		if ($own) {
			Table::update('attach', $facts, ['id' => (int) $own['id']]);
		} else {
			// Without the wider access that the deleting clone gave it before.
			$access = isset($entry['before'])
				? Access::narrower($entry['attach'], $entry['before'], $channel->hash)
				: [];
			$row = $access + ['folder' => $folder, 'flags' => (int) $entry['attach']['flags']] + $entry['attach'];
			Table::insert('attach', AttachRow::columns($channel, $row, $place, $name) + $facts);
			$own = Store::attach($channelId, $kept['hash']);
			Store::setTerms($channelId, (int) $own['id'], $entry['term'] ?? []);
		}
		$own = Store::attach($channelId, $kept['hash']);
		if ((int) $own['is_photo']) {
			Items::forgetDropped($channelId, $entry['item'] ?? []);
			Photos::remake($channel, $own, $entry['item'] ?? [], $entry['photo'][0] ?? []);
		}
	}

	/**
	 * Restores the rows and scales of a photo that never had a file, on this hub alone: no packet can announce it to
	 * the others.
	 *
	 * @param KeptRow $kept
	 */
	private static function bringLonePhotoBack(array $kept): string
	{
		$channelId = (int) $kept['uid'];
		$name = Turn::take($channelId, function () use ($kept, $channelId) {
			$name = '';
			foreach (Table::select(
				'filesync_kept',
				['uid' => $channelId, 'hash' => $kept['hash'], 'source' => ''],
				'scale, created DESC',
			) as $one) {
				$photo = json_decode($one['entry'], true)['lone'] ?? null;
				if (
					! $photo
					|| ! PhotoType::isKnown($photo['mimetype'])
					|| abs((int) $one['created'] - (int) $kept['created']) > 600
					|| Table::first(
						'photo',
						['uid' => $channelId, 'resource_id' => $kept['hash'], 'imgscale' => (int) $photo['imgscale']],
						'',
						'id',
					)
				) {
					continue;
				}
				$source = Store::dataRoot($channelId) . '/' . $one['path'];
				if ((int) $photo['os_storage']) {
					if (! is_dir(dirname($photo['content']))) {
						Core::makeFolder(dirname($photo['content']));
					}
					if (! is_file($photo['content'])) {
						Store::copy($source, $photo['content']);
					}
				} else {
					$photo['content'] = (string) file_get_contents($source);
				}
				$texts = array_map(PhotoType::text(...), array_intersect_key($photo, [
					'title' => 1,
					'description' => 1,
					'album' => 1,
					'filename' => 1,
				]));
				Table::insert('photo', $texts + ['uid' => $channelId] + $photo);
				$name = (string) $photo['filename'];
			}

			return $name;
		});
		if ($name === '') {
			throw new Refused(t('the file is here again'));
		}
		Log::write("undo: restored the photo {$kept['hash']} of channel $channelId");

		return $name;
	}

	/**
	 * Restores a crop that was replaced, and makes the scales derived from it again.
	 *
	 * @param KeptRow $kept
	 */
	private static function bringCropBack(Channel $channel, array $kept, array $photo, string $source): string
	{
		[$channelId, $hash, $scale] = [(int) $kept['uid'], $kept['hash'], (int) $kept['scale']];
		$own = Store::attach($channelId, $hash);
		if (! $own || ! (int) $own['is_photo']) {
			throw new Refused(t('the photo of this crop is no longer here'));
		}
		if (! is_file($source) || filesize($source) !== (int) $kept['size_bytes']) {
			throw new Refused(t('the kept bytes on disk are incomplete'));
		}
		if (in_array(Queue::find($channelId, $hash, $scale)?->state, Queue::LIVE, true)) {
			throw new Refused(t('newer bytes of the file are arriving: try again when they are here'));
		}
		Intentions::begin($channelId);
		Turn::take($channelId, function () use ($channel, $channelId, $hash, $scale, $own, $photo, $source) {
			$file = Revisions::notice($channel, $hash);
			$present = Store::photo($channelId, $hash, $scale);
			Kept::keepCrop($channel, $hash, $scale, Kept::describeCrop($channelId, $hash, $scale, '', ''));
			// No clone accepts a crop dated before its own.
			$now = ['edited' => Brake::after(...array_column(array_filter([$present]), 'edited'))];
			Photos::putCrop($channel, $now + $own, $photo, $source);
			Table::update('attach', $now, ['id' => (int) $own['id']]);
			Table::update('photo', $now, ['uid' => $channelId, 'resource_id' => $hash]);
			Revisions::stand($channel, $file);
		});
		$own = Store::attach($channelId, $hash);
		$made = array_map('intval', array_column(
			Table::select('photo', ['uid' => $channelId, 'resource_id' => $hash], 'imgscale', 0, 'imgscale'),
			'imgscale',
		));
		(new PhotoRepair($channel, $own))->mend(array_filter(
			$made,
			fn ($one) => ScaleTable::isMade($one) && ScaleTable::sourceOf($one) === $scale,
		));
		Watch::mark($channelId, $hash);
		Log::write(
			"undo: restored scale $scale of $hash of channel $channelId as it was on "
				. gmdate('Y-m-d H:i:s', (int) $kept['created']),
		);

		return $own['display_path'];
	}

	/**
	 * Profile and cover crops cannot be made again: those that were deleted with the file return as they were cut.
	 *
	 * @param KeptRow $kept
	 */
	private static function bringCropsBack(Channel $channel, array $kept, array $own, array $entry): void
	{
		$crops = Table::select(
			'filesync_kept',
			['uid' => (int) $kept['uid'], 'hash' => $kept['hash'], 'scale >' => 0, 'source' => ''],
			'created DESC',
			0,
			'scale, path, created',
		);
		foreach (array_column($entry['photo'] ?? [], null, 'imgscale') as $scale => $photo) {
			foreach ($crops as $crop) {
				if (
					(int) $crop['scale'] === (int) $scale
					&& abs((int) $crop['created'] - (int) $kept['created']) < 600
				) {
					Photos::putCrop($channel, $own, $photo, Store::dataRoot((int) $kept['uid']) . '/' . $crop['path']);
					break;
				}
			}
		}
	}
}
