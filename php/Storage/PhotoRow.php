<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Writes photo rows: one per scale of a photo, all with the name and folder of the attach row.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Photo from \FileSync\Addon\Protocol\Packet
 */
final class PhotoRow
{
	private const SMALLINT = 32767;

	/**
	 * Writes the row of one scale.
	 *
	 * @param AttachRow $attach Our attach row of the photo.
	 * @param Photo   $photo   The row from a checked packet.
	 * @param int     $sizeBytes The size of the bytes that we have.
	 * @param ?string $content New bytes' path, or the bytes themselves if `$inDatabase`; null if the bytes did not
	 *     change.
	 */
	public static function write(
		Channel $channel,
		array $attach,
		array $photo,
		int $sizeBytes,
		?string $content,
		bool $inDatabase = false,
	): void {
		if (! PhotoType::isKnown($photo['mimetype'])) {
			return;
		}
		$key = ['uid' => (int) $attach['uid'], 'resource_id' => $attach['hash'], 'imgscale' => $photo['imgscale']];
		$own = Table::first('photo', $key, 'id', 'id, edited');
		if ($own && $content === null && Clock::isOldNews($photo['edited'], $own['edited'])) {
			return;
		}
		self::claimUsage($channel, $photo);
		if ($own) {
			$row = self::columns($attach, $photo);
			$row += $content === null ? [] : self::bytes($photo, $sizeBytes, $content, $inDatabase);
			Table::update('photo', $row, ['id' => (int) $own['id']]);
			return;
		}
		Table::insert('photo', self::fresh(
			$channel,
			$attach,
			$photo,
			$sizeBytes,
			$content ?? $attach['content'],
			$inDatabase,
		));
	}

	/**
	 * Returns all columns of a new row, as write() takes them.
	 *
	 * @param AttachRow $attach
	 * @param Photo     $photo
	 *
	 * @return array<string, int|string>
	 */
	public static function fresh(
		Channel $channel,
		array $attach,
		array $photo,
		int $sizeBytes,
		string $content,
		bool $inDatabase = false,
	): array {
		return (
			['uid' => (int) $attach['uid'], 'resource_id' => $attach['hash'], 'imgscale' => $photo['imgscale']]
			+ self::columns($attach, $photo)
			+ self::bytes($photo, $sizeBytes, $content, $inDatabase)
			+ [
				'aid' => $channel->accountId,
				'xchan' => $photo['xchan'],
				'created' => $photo['created'],
				'expires' => $photo['expires'],
				'photo_flags' => $photo['photo_flags'] & 0x7fffffff,
				'allow_cid' => $photo['allow_cid'],
				'allow_gid' => $photo['allow_gid'],
				'deny_cid' => $photo['deny_cid'],
				'deny_gid' => $photo['deny_gid'],
			]
		);
	}

	/**
	 * Returns which scales of some photos have a row, by the photos' hashes.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, list<int>>
	 */
	public static function here(int $channelId, array $hashes): array
	{
		$scales = [];
		foreach (Table::select(
			'photo',
			['uid' => $channelId, 'resource_id' => $hashes],
			'',
			0,
			'resource_id, imgscale',
		) as $row) {
			$scales[$row['resource_id']][] = (int) $row['imgscale'];
		}

		return $scales;
	}

	/**
	 * Tells whether a row leaves all others as they are: of photos of the profile and the cover, a channel has one.
	 *
	 * @param Photo $photo
	 */
	public static function isPlain(array $photo): bool
	{
		return ! in_array($photo['photo_usage'], [Core::PHOTO_PROFILE, Core::PHOTO_COVER], true);
	}

	/**
	 * @param AttachRow $attach
	 * @param Photo     $photo
	 *
	 * @return array<string, int|string>
	 */
	private static function columns(array $attach, array $photo): array
	{
		// Entries accepted by an older version still wait in their original form.
		return [
			'title' => mb_substr(PhotoType::text($photo['title']), 0, 191),
			'description' => PhotoType::text($photo['description']),
			'album' => mb_substr(PhotoType::text($photo['album']), 0, 191),
			'filename' => PhotoType::text($attach['filename']),
			'os_path' => $attach['os_path'],
			'display_path' => $attach['display_path'],
			'photo_usage' => min($photo['photo_usage'], self::SMALLINT),
			'profile' => min($photo['profile'], 1),
			'is_nsfw' => min($photo['is_nsfw'], 1),
		];
	}

	/**
	 * @param Photo $photo
	 *
	 * @return array<string, int|string>
	 */
	private static function bytes(array $photo, int $sizeBytes, string $content, bool $inDatabase): array
	{
		return [
			'edited' => $photo['edited'],
			'mimetype' => mb_substr($photo['mimetype'], 0, 128),
			'height' => min($photo['height'], self::SMALLINT),
			'width' => min($photo['width'], self::SMALLINT),
			'filesize' => Family::sizeColumn($sizeBytes),
			'os_storage' => $inDatabase ? 0 : 1,
			'content' => $content,
		];
	}

	/**
	 * A channel has one profile photo and one cover photo: the former holder loses the flag.
	 *
	 * @param Photo $photo
	 */
	private static function claimUsage(Channel $channel, array $photo): void
	{
		if (self::isPlain($photo)) {
			return;
		}
		Table::update(
			'photo',
			['photo_usage' => Core::PHOTO_NORMAL],
			[
				'uid' => $channel->id,
				'photo_usage' => $photo['photo_usage'],
				'resource_id <>' => $photo['resource_id'],
			],
		);
		if ($photo['photo_usage'] === Core::PHOTO_PROFILE) {
			// This keeps the profile packet of the same change from fetching the avatar from the origin again.
			Table::update(
				'xchan',
				['xchan_photo_date' => $photo['edited']],
				['xchan_hash' => $channel->hash],
			);
		}
	}
}
