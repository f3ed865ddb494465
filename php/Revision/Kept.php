<?php

namespace FileSync\Addon\Revision;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Bytes that a sync replaced or deleted, kept for a while in our data folder.
 *
 * A row whose `source` is not empty announces a move from there (a partial file's name) to `path`, which may not have
 * happened yet; `is_moving` says so to those who look for them.
 *
 * @import-type KeptRow from \FileSync\Addon\Hub\Rows
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type PhotoRow from \FileSync\Addon\Hub\Rows
 */
final class Kept
{
	/** The maximum size of a crop made by a hub. */
	public const MOST_CROP_BYTES = 67108864;
	private const COPY_BYTES = 67108864;
	/** Why bytes are kept that a restore displaced: they stay for their days, however many they are. */
	public const BY_RESTORE = 'restored';

	/**
	 * Keeps the bytes of a file that is about to be deleted, beside its metadata.
	 *
	 * @param string $by  The host of the deleting clone.
	 * @param string $hub The hub that it counts against (Brake::hub); empty: none.
	 * @param array  $more Further facts for undo.
	 * @param AttachRow $row
	 */
	public static function keepDeleted(
		Channel $channel,
		array $row,
		string $by = '',
		string $hub = '',
		array $more = [],
	): void {
		if (! (int) $row['os_storage']) {
			self::keepFromDatabase($row, 'deleted', $hub);
			$row['content'] = '';
		}
		$photos = Table::select(
			'photo',
			['uid' => (int) $row['uid'], 'resource_id' => $row['hash'], 'imgscale' => ScaleTable::CROPS],
			'imgscale',
		);
		self::keepFile(
			$row,
			0,
			Store::pathOf($channel, $row),
			self::describe($channel, $row, $by, $more),
			'deleted',
			$hub,
		);
		foreach ($photos as $photo) {
			if (! (int) $photo['os_storage']) {
				if ($photo['content'] !== '') {
					self::keepBytes($row, (int) $photo['imgscale'], $photo['content'], 'deleted', '', $hub);
				}
			} elseif (preg_match('#^store/(?!.*\.\.)#', $photo['content'])) {
				self::keepFile($row, (int) $photo['imgscale'], $photo['content'], '', 'deleted', $hub);
			}
		}
	}

	/**
	 * Returns a photo with rows of scales but without a file, such as from old hubs and of avatars: one row for it, or
	 * null.
	 *
	 * @return ?array{uid: int, hash: string, size_bytes: int, photos: list<array>}
	 *
	 * @return ?PhotoRow
	 */
	public static function lonePhoto(int $channelId, string $hash): ?array
	{
		$photos = array_values(array_filter(
			Table::select('photo', ['uid' => $channelId, 'resource_id' => $hash], 'imgscale, id'),
			fn ($photo) => $photo['resource_id'] === $hash,
		));

		return (
			$photos
				? [
					'uid' => $channelId,
					'hash' => $hash,
					'size_bytes' => (int) array_sum(array_column($photos, 'filesize')),
					'photos' => $photos,
				] : null
		);
	}

	/**
	 * Keeps the rows and bytes of a photo without a file that is about to be deleted: the largest scale as the photo
	 * itself, the others as its crops.
	 */
	public static function keepLonePhoto(array $lone, string $by, string $hub): void
	{
		foreach ($lone['photos'] as $n => $photo) {
			$isFile = (int) $photo['os_storage'] === 1;
			$entry = json_encode([
				'lone' => ($isFile ? [] : ['content' => '']) + array_diff_key($photo, ['id' => 1]),
				'by' => $by,
			], JSON_INVALID_UTF8_SUBSTITUTE) ?: '';
			if (! $isFile) {
				self::keepBytes($lone, $n, $photo['content'], 'deleted', $entry, $hub);
			} elseif (preg_match('#^store/(?!.*\.\.)#', $photo['content'])) {
				self::keepFile($lone, $n, $photo['content'], $entry, 'deleted', $hub);
			}
		}
	}

	/**
	 * Keeps the bytes of a file that its owner is about to replace by older ones.
	 *
	 * @param AttachRow $row
	 */
	public static function keepReplaced(Channel $channel, array $row): void
	{
		$path = Store::pathOf($channel, $row);
		if ($path !== null && is_file($path)) {
			self::keepFile($row, 0, $path, self::describe($channel, $row, ''), 'replaced');
		}
	}

	/**
	 * Returns, as JSON, the facts of a file before it is replaced or deleted: its rows, categories, revisions, which
	 * clone does it, and more.
	 *
	 * @param AttachRow $row
	 */
	public static function describe(Channel $channel, array $row, string $by, array $more = []): string
	{
		$photos = Table::select(
			'photo',
			['uid' => (int) $row['uid'], 'resource_id' => $row['hash']],
			'imgscale',
			0,
			'imgscale, filename, mimetype, height, width, filesize, photo_usage, title, description, album, edited, created',
		);
		$file = Revisions::find((int) $row['uid'], $row['hash']);

		return (
			json_encode(
				$more
				+ [
					'attach' => array_diff_key($row, ['content' => 1]),
					'term' => Revisions::terms($row),
					'photo' => $photos,
					'by' => $by,
					'bytes' => $file ? array_diff_key($file['bytes'], ['past' => 1]) : null,
					'item' => Items::linked($channel, $row['hash']),
					'folders' => array_map(
						fn ($folder) => array_diff_key($folder, ['content' => 1]),
						Store::chain((int) $row['uid'], (string) $row['folder']) ?? [],
					),
				],
				JSON_INVALID_UTF8_SUBSTITUTE,
			) ?: ''
		);
	}

	/**
	 * Keeps bytes that a very old row itself contains.
	 *
	 * @param AttachRow $row
	 */
	public static function keepFromDatabase(array $row, string $why, string $hub = ''): void
	{
		if ($row['content'] !== '') {
			self::keepBytes(
				$row,
				0,
				$row['content'],
				$why,
				json_encode(['attach' => ['content' => ''] + $row], JSON_INVALID_UTF8_SUBSTITUTE) ?: '',
				$hub,
			);
		}
	}

	/** Keeps a copy of a crop that is about to be replaced, if it is not beside its photo or will stay where it is. */
	public static function keepCrop(Channel $channel, string $hash, int $scale, string $entry, string $hub = ''): void
	{
		$crop = Facts::of($channel, $hash, $scale);
		$row = ['uid' => $channel->id, 'hash' => $hash];
		if ((string) $crop->content !== '') {
			self::keepBytes($row, $scale, $crop->content, 'replaced', $entry, $hub);
		} elseif ($facts = Store::facts($crop->path)) {
			$id = self::idOf($row, $scale, $facts);
			$kept = Store::dataRoot($row['uid'], true) . '/kept/' . $id;
			if (! is_file($kept)) {
				Store::copy($crop->path, $kept);
			}
			self::remember($id, $row, $scale, $facts['size_bytes'], 'replaced', $entry, $hub);
		}
	}

	/**
	 * Returns, as JSON, the facts of a crop before it is replaced: its row, which clone does it, and the new version.
	 */
	public static function describeCrop(int $channelId, string $hash, int $scale, string $by, string $next): string
	{
		$columns = 'imgscale, filename, mimetype, height, width, filesize, photo_usage, title, description, album, edited, created';
		$photo = Table::first(
			'photo',
			['uid' => $channelId, 'resource_id' => $hash, 'imgscale' => $scale],
			'id',
			$columns,
		);

		return json_encode(['crop' => $photo, 'by' => $by, 'next' => $next], JSON_INVALID_UTF8_SUBSTITUTE) ?: '';
	}

	private static function keepBytes(
		array $row,
		int $scale,
		string $bytes,
		string $why,
		string $entry,
		string $hub,
	): void {
		$id = hash('sha256', implode("\n", [$row['uid'], $row['hash'], $scale, $bytes]));
		$kept = Store::dataRoot((int) $row['uid'], true) . '/kept/' . $id;
		if (@file_put_contents($kept . '.new', $bytes) !== strlen($bytes) || ! @rename($kept . '.new', $kept)) {
			throw new Postponed('the bytes in the database cannot be kept', true);
		}
		self::remember($id, $row, $scale, strlen($bytes), $why, $entry, $hub);
	}

	/**
	 * Returns a row for bytes with a partial name that will be kept. Insert it with the rows that replace them.
	 *
	 * @return KeptRow
	 */
	public static function announce(
		Transfer $transfer,
		string $source,
		int $sizeBytes,
		string $why,
		string $entry,
		string $hub = '',
	): array {
		$id = Token::make();

		return [
			'id' => $id,
			'uid' => $transfer->channelId,
			'hash' => $transfer->hash,
			'scale' => $transfer->scale,
			'path' => 'kept/' . $id,
			'source' => $source,
			'is_moving' => 1,
			'size_bytes' => $sizeBytes,
			'why' => $why,
			'entry' => $entry,
			'hub' => $hub,
			'created' => Clock::now(),
		];
	}

	/** Makes the announced but unfinished moves of one channel. */
	public static function settle(int $channelId): void
	{
		$moving = ['uid' => $channelId, 'is_moving' => 1];
		foreach (Table::select('filesync_kept', $moving, '', 0, 'id, uid, path, source') as $row) {
			self::move($row);
		}
	}

	/** @param array{id: string, uid: int|string, path: string, source: string, ...} $row */
	private static function move(array $row): void
	{
		$root = Store::dataRoot((int) $row['uid'], true);
		clearstatcache();
		if (is_file("$root/{$row['source']}") && ! is_file("$root/{$row['path']}")) {
			@rename("$root/{$row['source']}", "$root/{$row['path']}");
		}
		clearstatcache();
		if (is_file("$root/{$row['path']}")) {
			Table::update('filesync_kept', ['source' => '', 'is_moving' => 0], ['id' => $row['id']]);
		} elseif (! is_file("$root/{$row['source']}")) {
			Table::delete('filesync_kept', ['id' => $row['id']]);
		}
	}

	/** Makes moves that a killed process announced. */
	public static function settleAll(): void
	{
		foreach (Table::select('filesync_kept', ['is_moving' => 1], '', 0, 'DISTINCT uid') as $row) {
			self::settle((int) $row['uid']);
		}
	}

	/**
	 * Removes files that are too old, and the oldest beyond the limits of bytes of each channel and of the hub; never
	 * removes recent ones because of their size.
	 */
	public static function prune(): void
	{
		self::settleAll();
		$hubBytes = 0;
		$channelBytes = [];
		$recent = Clock::now() - (86400 * Config::number('displaced_days'));
		$old = Clock::now() - (86400 * Config::number('kept_days'));
		$most = Config::number('kept_max_bytes');
		$mostOfHub = Config::number('kept_hub_max_bytes');
		foreach (KeptList::newestFirst([], 'id, uid, scale, why, path, source, size_bytes, created') as $row) {
			if ($row['source'] !== '') {
				// Announced by an older version of filesync while the tables were changed.
				self::move($row);
				continue;
			}
			$size = (int) $row['size_bytes'];
			$channelBytes[$row['uid']] ??= 0;
			$isRecent =
				$row['why'] === self::BY_RESTORE
				|| (int) $row['created'] > $recent
				&& ($row['why'] === 'deleted' || in_array((int) $row['scale'], [0, ...ScaleTable::CROPS], true));
			$isOver = ! $isRecent && (($channelBytes[$row['uid']] + $size) > $most || ($hubBytes + $size) > $mostOfHub);
			if ($isOver || (int) $row['created'] < $old) {
				@unlink(Store::dataRoot((int) $row['uid']) . '/' . $row['path']);
				Table::delete('filesync_kept', ['id' => $row['id']]);
			} else {
				$channelBytes[$row['uid']] += $size;
				$hubBytes += $size;
			}
		}
	}

	private static function keepFile(
		array $row,
		int $scale,
		?string $path,
		string $entry,
		string $why = 'deleted',
		string $hub = '',
	): void {
		$facts = Store::facts($path);
		if (! $facts) {
			return;
		}
		Store::refuseLinks($path);
		$id = self::idOf($row, $scale, $facts);
		$kept = Store::dataRoot((int) $row['uid'], true) . '/kept/' . $id;
		if (! is_file($kept) && ! @link($path, $kept)) {
			if ($facts['size_bytes'] > self::COPY_BYTES && PHP_SAPI !== 'cli') {
				throw new Postponed('the file must be copied to be kept', true);
			}
			if (! @copy($path, $kept . '.new') || ! @rename($kept . '.new', $kept)) {
				throw new Postponed('the file to delete cannot be kept', true);
			}
		}
		self::remember($id, $row, $scale, $facts['size_bytes'], $why, $entry, $hub);
	}

	/**
	 * Forgets kept copies of a file that still exists: both may share one inode, and core writes in place.
	 *
	 * @param AttachRow $row
	 */
	public static function release(Channel $channel, array $row): void
	{
		$paths = [0 => Store::pathOf($channel, $row)];
		foreach (Table::select(
			'photo',
			[
				'uid' => (int) $row['uid'],
				'resource_id' => $row['hash'],
				'os_storage' => 1,
				'imgscale' => ScaleTable::CROPS,
			],
			'',
			0,
			'imgscale, content',
		) as $photo) {
			$paths[(int) $photo['imgscale']] = $photo['content'];
		}
		foreach ($paths as $scale => $path) {
			$facts = Store::facts($path);
			if ($facts) {
				$id = self::idOf($row, $scale, $facts);
				$kept = Store::dataRoot((int) $row['uid']) . '/kept/' . $id;
				if (is_file($kept)) {
					@unlink($kept);
				}
				Table::delete('filesync_kept', ['id' => $id]);
			}
		}
	}

	private static function idOf(array $row, int $scale, array $facts): string
	{
		return hash('sha256', implode("\n", [$row['uid'], $row['hash'], $scale, ...array_values($facts)]));
	}

	private static function remember(
		string $id,
		array $row,
		int $scale,
		int $sizeBytes,
		string $why,
		string $entry,
		string $hub,
	): void {
		// The same bytes may be displaced again, by another clone, long after the first time.
		$last = ['why' => $why, 'entry' => $entry, 'hub' => $hub, 'created' => Clock::now()];
		Table::update('filesync_kept', $last, ['id' => $id]);
		if (! Table::first('filesync_kept', ['id' => $id], '', 'id')) {
			Table::insert(
				'filesync_kept',
				$last
				+ [
					'id' => $id,
					'uid' => (int) $row['uid'],
					'hash' => $row['hash'],
					'scale' => $scale,
					'path' => 'kept/' . $id,
					'source' => '',
					'size_bytes' => $sizeBytes,
				],
			);
		}
	}
}
