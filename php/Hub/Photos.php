<?php

namespace FileSync\Addon\Hub;

use FileSync\Addon\Order\Access;

if (! class_exists('App', false)) {
	exit;
}

/** Photo rows and scales as the hub itself makes them. */
final class Photos
{
	/**
	 * Makes rows and scales of a photo whose bytes are in place, and its post, or stores the given posts.
	 *
	 * @param array $items As attach_export_data once returned them; if empty, the hub makes a new post.
	 * @param array $photo From the former photo row: title and description.
	 */
	public static function remake(Channel $channel, array $attach, array $items, array $photo): void
	{
		Core::load('include/photos.php');
		$size = @getimagesize($attach['content']);
		$third = (new \ReflectionFunction('photo_upload'))->getParameters()[2] ?? null;
		if (! $size || ! $third || $third->getName() !== 'args' || ! Parts::has(Parts::PHOTOS)) {
			return;
		}
		$access = array_intersect_key($attach, array_flip(Access::LISTS));
		$args =
			$access
			+ [
				'source' => '',
				'visible' => 0,
				'deliver' => false,
				'resource_id' => $attach['hash'],
				'album' => dirname('/' . $attach['display_path']) === '/' ? '' : dirname($attach['display_path']),
				'os_syspath' => $attach['content'],
				'os_path' => $attach['os_path'],
				'display_path' => $attach['display_path'],
				'filename' => $attach['filename'],
				'getimagesize' => $size,
				'directory' => null,
				'options' => 'replace',
				'created' => $attach['created'],
				'edited' => $attach['edited'],
				'title' => PhotoType::text($photo['title'] ?? ''),
				'description' => PhotoType::text($photo['description'] ?? ''),
			]
			+ ($items ? ['item' => $items] : []);
		Table::delete('photo', [
			'uid' => (int) $attach['uid'],
			'resource_id' => $attach['hash'],
			'imgscale' => [1, 2, 3],
		]);
		Reception::quietly($channel->id, fn () => photo_upload(
			$channel->row(),
			['xchan_hash' => $channel->hash] + $channel->row(),
			$args,
		));
	}

	/**
	 * Moves the photo rows and scales of a file, or of all files in a folder, to its new place.
	 *
	 * Core's own move should do that. If it does not (8.9.3, and PostgreSQL), the photo would vanish from every page.
	 * Core also assumes that the crops of a profile photo, which the hub stores apart, are beside the photo (7.8,
	 * 8.8.7): the avatar would vanish. And from 10.x on it leaves the names of scales in the database.
	 *
	 * @param array $before The attach row before the move.
	 * @param array<int, string> $apart Where the hub stored scales apart before the move, by the photo row's id.
	 */
	public static function follow(array $before, array $apart = []): void
	{
		$channelId = (int) $before['uid'];
		$level = array_filter([Store::attach($channelId, $before['hash'])]);
		for ($depth = 0; $level && $depth < Bounds::DEEPEST_FOLDER; $depth++) {
			$below = [];
			foreach (array_chunk($level, 200) as $files) {
				$isPhoto = fn ($file) => (int) $file['is_photo'] && ! (int) $file['is_dir'];
				$photos = array_filter($files, $isPhoto);
				self::followFiles($channelId, array_column($photos, 'content', 'hash'), $before, $apart);
				self::rename($channelId, array_column($photos, null, 'hash'));
				$folders = array_column(array_filter($files, fn ($file) => (int) $file['is_dir']), 'hash');
				$below = [
					...$below,
					...(
						$folders
							? Table::select(
								'attach',
								['uid' => $channelId, 'folder' => $folders],
								'id',
								0,
								'hash, is_dir, is_photo, content, filename, os_path, display_path',
							)
							: []
					),
				];
			}
			$level = $below;
		}
	}

	/**
	 * Returns where the hub stores scales of a channel's photos apart from the photos, by the photo row's id. Those of
	 * another channel with that hash are in the same folder.
	 */
	public static function apart(int $channelId): array
	{
		$rows = Table::select(
			'photo',
			['uid' => $channelId, 'os_storage' => 1, 'imgscale >=' => 4],
			'id',
			0,
			'id, content',
		);

		return array_filter(array_column($rows, 'content', 'id'), fn ($path) => preg_match(
			'#^store/\[data\]/\[xchan\]/[A-Za-z0-9]/[A-Za-z0-9]/[A-Za-z0-9-]+$#D',
			$path,
		));
	}

	/** @param array<string, string> $paths Where each photo is now, by its hash. */
	private static function followFiles(int $channelId, array $paths, array $before, array $apart): void
	{
		$where = ['uid' => $channelId, 'resource_id' => array_map(strval(...), array_keys($paths)), 'os_storage' => 1];
		foreach ($paths ? Table::select('photo', $where, 'id', 0, 'id, resource_id, imgscale, content') : [] as $row) {
			$hash = $row['resource_id'];
			$scale = (int) $row['imgscale'] ? '-' . (int) $row['imgscale'] : '';
			$path = ($paths[$hash] ?? '') . $scale;
			// Files with another name were never beside the file.
			if (basename($row['content']) !== $hash . $scale || ! isset($paths[$hash])) {
				continue;
			}
			foreach ([
				$row['content'],
				$hash === $before['hash'] ? $before['content'] . $scale : $path,
				$apart[(int) $row['id']] ?? $path,
			] as $elsewhere) {
				if ($elsewhere !== $path && ! file_exists($path) && is_file($elsewhere)) {
					rename($elsewhere, $path);
				}
			}
			if ($row['content'] !== $path && is_file($path)) {
				Table::update('photo', ['content' => $path], ['id' => (int) $row['id']]);
			}
		}
	}

	/**
	 * Gives scales in the database the names and folders of their files.
	 *
	 * @param array<array<string, scalar|null>> $files The attach rows, by hash.
	 */
	private static function rename(int $channelId, array $files): void
	{
		$where = ['uid' => $channelId, 'resource_id' => array_map(strval(...), array_keys($files)), 'os_storage' => 0];
		$columns = 'id, resource_id, album, filename, os_path, display_path';
		foreach ($files ? Table::select('photo', $where, 'id', 0, $columns) : [] as $row) {
			$file = $files[$row['resource_id']] ?? null;
			$names = $file
				? [
					'album' => ltrim(dirname((string) $file['display_path']), '.'),
					'filename' => PhotoType::text((string) $file['filename']),
					'os_path' => $file['os_path'],
					'display_path' => $file['display_path'],
				]
				: [];
			if (array_diff_assoc($names, $row)) {
				Table::update('photo', $names, ['id' => (int) $row['id']]);
			}
		}
	}

	/**
	 * Returns the hub's own settings for scales, in the extension's form.
	 *
	 * @return array{jpeg_quality?: int, png_quality?: int, webp_quality?: int, max_thumbnail?: int}
	 */
	public static function scaleOptions(): array
	{
		$options = [];
		foreach (['jpeg_quality' => [1, 100], 'png_quality' => [0, 10], 'webp_quality' => [1, 100]] as $name => [
			$least,
			$most,
		]) {
			$value = \Zotlabs\Lib\Config::Get('system', $name);
			if (is_numeric($value) && $value >= $least && $value <= $most) {
				$options[$name] = (int) $value;
			}
		}
		// Newer hubs take a 10 for PNG, whose best is 9.
		if (isset($options['png_quality'])) {
			$options['png_quality'] = min(9, $options['png_quality']);
		}
		// The hub's external program shrinks originals to this before it scales them.
		$most = (int) (\Zotlabs\Lib\Config::Get('system', 'max_thumbnail') ?: 1600);

		return (
			$options + (\Zotlabs\Lib\Config::Get('system', 'imagick_convert_path') ? ['max_thumbnail' => $most] : [])
		);
	}

	/** Puts a kept crop beside the photo, with its row. */
	public static function putCrop(Channel $channel, array $attach, array $photo, string $source): void
	{
		if (! PhotoType::isKnown($photo['mimetype'])) {
			return;
		}
		$where = [
			'uid' => (int) $attach['uid'],
			'resource_id' => $attach['hash'],
			'imgscale' => (int) $photo['imgscale'],
		];
		$path = $attach['content'] . '-' . (int) $photo['imgscale'];
		Store::copy($source, $path);
		$row =
			[
				'filename' => $attach['filename'],
				'os_path' => $attach['os_path'],
				'display_path' => $attach['display_path'],
				'edited' => $attach['edited'],
				'mimetype' => $photo['mimetype'],
				'height' => (int) $photo['height'],
				'width' => (int) $photo['width'],
				'filesize' => filesize($path),
				'os_storage' => 1,
				'content' => $path,
			] + array_intersect_key($attach, array_flip(Access::LISTS));
		// A new row: its owner decides whether it becomes the profile or cover photo again.
		Table::upsert('photo', $where, $row, [
			'aid' => $channel->accountId,
			'xchan' => '',
			'created' => $photo['created'],
			'expires' => $attach['edited'],
			'title' => '',
			'description' => '',
			'album' => PhotoType::text($photo['album']),
			'photo_usage' => PHOTO_NORMAL,
			'profile' => 0,
			'is_nsfw' => 0,
			'photo_flags' => 0,
		]);
	}
}
