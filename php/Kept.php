<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Revisions;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Bytes that a sync replaced or deleted, kept for a while in our data folder.
 *
 * A row whose `source` is not empty announces a move from there (a partial file's name) to `path`, which may not have happened yet.
 */
final class Kept
{
	/** Crops that can be made again from nothing else. */
	private const CROPS = [4, 7];
	private const COPY_BYTES = 67108864;

	/**
	 * Keeps the bytes of a file that is about to be deleted, beside its metadata.
	 *
	 * @param string $by The host of the clone that asks.
	 */
	public static function keepDeleted(array $channel, array $row, string $by = ''): void
	{
		if (! (int) $row['os_storage']) {
			self::keepFromDatabase($row, 'deleted');
			$row['content'] = '';
		}
		$photos = Table::select('photo', ['uid' => (int) $row['uid'], 'resource_id' => $row['hash'], 'os_storage' => 1], 'imgscale');
		self::keepFile($row, 0, Store::pathOf($channel, $row), self::describe($channel, $row, $by));
		foreach ($photos as $photo) {
			if (in_array((int) $photo['imgscale'], self::CROPS, true) && preg_match('#^store/(?!.*\.\.)#', $photo['content'])) {
				self::keepFile($row, (int) $photo['imgscale'], $photo['content'], '');
			}
		}
	}

	/** Keeps the bytes of a file that its owner is about to replace by earlier ones. */
	public static function keepReplaced(array $channel, array $row): void
	{
		$path = Store::pathOf($channel, $row);
		if ($path !== null && is_file($path)) {
			self::keepFile($row, 0, $path, self::describe($channel, $row, ''), 'replaced');
		}
	}

	/** Returns, as JSON, what is known of a file that will be replaced or deleted: its rows, categories, revisions, and which clone does it. */
	public static function describe(array $channel, array $row, string $by): string
	{
		$photos = Table::select('photo', ['uid' => (int) $row['uid'], 'resource_id' => $row['hash']], 'imgscale', 0,
			'imgscale, filename, mimetype, height, width, filesize, photo_usage, title, description, album, edited, created');
		$file = Revisions::find((int) $row['uid'], $row['hash']);

		return json_encode(['attach' => array_diff_key($row, ['content' => 1]), 'term' => Revisions::terms($row), 'photo' => $photos, 'by' => $by,
			'bytes' => $file ? array_diff_key($file['bytes'], ['past' => 1]) : null, 'item' => Items::linked($channel, $row['hash']),
			'folders' => array_map(fn ($folder) => array_diff_key($folder, ['content' => 1]), Store::chain((int) $row['uid'], (string) $row['folder']) ?? [])], JSON_INVALID_UTF8_SUBSTITUTE) ?: '';
	}

	/** Keeps the bytes that a very old row holds itself. */
	public static function keepFromDatabase(array $row, string $why): void
	{
		if ($row['content'] === '') {
			return;
		}
		$id = hash('sha256', implode("\n", [$row['uid'], $row['hash'], $row['content']]));
		$kept = Store::dataRoot((int) $row['uid'], true) . '/kept/' . $id;
		if (@file_put_contents($kept . '.new', $row['content']) !== strlen($row['content']) || ! @rename($kept . '.new', $kept)) {
			throw new Postponed('the bytes in the database cannot be kept', true);
		}
		$entry = json_encode(['attach' => ['content' => ''] + $row], JSON_INVALID_UTF8_SUBSTITUTE) ?: '';
		self::remember($id, $row, 0, strlen($row['content']), $why, $entry);
	}

	/** Returns a row for bytes that stand under a partial name and are to be kept. Insert it with the rows that replace them. */
	public static function announce(array $transfer, string $source, int $sizeBytes, string $why, string $entry): array
	{
		$id = Config::token();

		return ['id' => $id, 'uid' => (int) $transfer['uid'], 'hash' => $transfer['hash'], 'scale' => (int) $transfer['scale'],
			'path' => 'kept/' . $id, 'source' => $source, 'size_bytes' => $sizeBytes, 'why' => $why, 'entry' => $entry, 'created' => Config::now()];
	}

	/** Makes the moves that were announced and not made, of one channel. */
	public static function settle(int $channelId): void
	{
		$root = Store::dataRoot($channelId, true);
		foreach (Table::select('filesync_kept', ['uid' => $channelId, 'source <>' => ''], '', 0, 'id, path, source') as $row) {
			clearstatcache();
			if (is_file("$root/{$row['source']}") && ! is_file("$root/{$row['path']}")) {
				@rename("$root/{$row['source']}", "$root/{$row['path']}");
			}
			clearstatcache();
			if (is_file("$root/{$row['path']}")) {
				Table::update('filesync_kept', ['source' => ''], ['id' => $row['id']]);
			} elseif (! is_file("$root/{$row['source']}")) {
				Table::delete('filesync_kept', ['id' => $row['id']]);
			}
		}
	}

	/** Makes the moves that a killed process announced. */
	public static function settleAll(): void
	{
		foreach (Table::select('filesync_kept', ['source <>' => ''], '', 0, 'DISTINCT uid') as $channel) {
			self::settle((int) $channel['uid']);
		}
	}

	/** Removes what is too old, and the oldest beyond the bounds of bytes of each channel and of the hub. */
	public static function prune(): void
	{
		self::settleAll();
		$hubBytes = 0;
		$channelBytes = [];
		foreach (Table::select('filesync_kept', [], 'created DESC, id', 0, 'id, uid, path, size_bytes, created') as $row) {
			$size = (int) $row['size_bytes'];
			$channelBytes[$row['uid']] ??= 0;
			$isOver = $channelBytes[$row['uid']] + $size > Config::number('kept_max_bytes') || $hubBytes + $size > Config::number('kept_hub_max_bytes');
			if ($isOver || (int) $row['created'] < Config::now() - 86400 * Config::number('kept_days')) {
				@unlink(Store::dataRoot((int) $row['uid']) . '/' . $row['path']);
				Table::delete('filesync_kept', ['id' => $row['id']]);
			} else {
				$channelBytes[$row['uid']] += $size;
				$hubBytes += $size;
			}
		}
	}

	private static function keepFile(array $row, int $scale, ?string $path, string $entry, string $why = 'deleted'): void
	{
		$facts = Store::facts($path);
		if (! $facts) {
			return;
		}
		Store::refuseLinks($path);
		$id = hash('sha256', implode("\n", [$row['uid'], $row['hash'], $scale, ...array_values($facts)]));
		$kept = Store::dataRoot((int) $row['uid'], true) . '/kept/' . $id;
		if (! is_file($kept) && ! @link($path, $kept)) {
			if ($facts['size_bytes'] > self::COPY_BYTES && PHP_SAPI !== 'cli') {
				throw new Postponed('the file must be copied to be kept', true);
			}
			if (! @copy($path, $kept . '.new') || ! @rename($kept . '.new', $kept)) {
				throw new Postponed('the file to delete cannot be kept', true);
			}
		}
		self::remember($id, $row, $scale, $facts['size_bytes'], $why, $entry);
	}

	private static function remember(string $id, array $row, int $scale, int $sizeBytes, string $why, string $entry): void
	{
		if (! Table::first('filesync_kept', ['id' => $id], '', 'id')) {
			Table::insert('filesync_kept', ['id' => $id, 'uid' => (int) $row['uid'], 'hash' => $row['hash'], 'scale' => $scale,
				'path' => 'kept/' . $id, 'source' => '', 'size_bytes' => $sizeBytes, 'why' => $why, 'entry' => $entry, 'created' => Config::now()]);
		}
	}
}
