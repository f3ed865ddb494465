<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Fetches pictures of people and things and stores them in the sizes and places of core's own function, but within the
 * bounds of our requests: address, length, time, and no more pixels than there is memory for.
 */
final class CorePictures
{
	private const MOST_SECONDS = 10;
	private const MOST_BYTES = 5242880;
	private const MOST_PIXELS = 16777216;
	private const MOST_REDIRECTS = 3;
	private const LONGEST = 191;
	private const SECONDS_OF_CACHE = 86400;

	/** The sizes of such pictures, by the scale that has them. */
	private const SIZES = [4 => 300, 5 => 80, 6 => 48];

	/** Fetches one and shows it, unless there is another by now or none can be had: then what is shown stays. */
	public static function fetch(int $channelId, string $table, string $key, string $url): void
	{
		match ($table) {
			'xchan' => self::ofPerson($key, $url),
			'app' => self::ofThing($channelId, $url, 'app', 'app_photo', [
				'app_id' => $key,
				'app_channel' => $channelId,
			]),
			'obj' => self::ofThing($channelId, $url, 'obj', 'obj_imgurl', [
				'obj_obj' => $key,
				'obj_channel' => $channelId,
			]),
			default => null,
		};
	}

	private static function ofPerson(string $hash, string $url): void
	{
		$row = Table::first('xchan', ['xchan_hash' => $hash], '', 'xchan_hash, xchan_photo_l');
		$default = z_root() . '/' . \get_default_profile_photo(300);
		if ($row === null || $row['xchan_photo_l'] !== $default) {
			return;
		}
		$stored = self::stored($url, $hash, false);
		if ($stored !== null) {
			Table::update(
				'xchan',
				[
					'xchan_photo_l' => "{$stored['url']}-4",
					'xchan_photo_m' => "{$stored['url']}-5",
					'xchan_photo_s' => "{$stored['url']}-6",
					'xchan_photo_mimetype' => $stored['type'],
					'xchan_photo_date' => gmdate('Y-m-d H:i:s', Clock::now()),
				],
				['xchan_hash' => $hash, 'xchan_photo_l' => $default],
			);
		}
	}

	/** @param array<string, int|string> $where */
	private static function ofThing(int $channelId, string $url, string $table, string $column, array $where): void
	{
		$channel = Clones::channel($channelId);
		if ($channel === null || Table::first($table, $where + [$column => $url], '', $column) === null) {
			return;
		}
		$stored = self::stored($url, $channel->hash, true);
		if ($stored !== null) {
			Table::update($table, [$column => "{$stored['url']}-4"], $where);
		}
	}

	/**
	 * Stores a picture in its sizes.
	 *
	 * @return ?array{url: string, type: string} Where it is shown, but for the size; null if it cannot be had.
	 */
	private static function stored(string $url, string $hash, bool $isThing): ?array
	{
		$answer = self::asked($url);
		$type = $answer === null ? null : self::type($answer['body']);
		if ($answer === null || $type === null) {
			return null;
		}
		Core::load('include/photo/photo_driver.php');
		$picture = photo_factory($answer['body'], $type);
		if (! $picture || ! $picture->is_valid()) {
			return null;
		}
		[$width, $height] = [(int) $picture->getWidth(), (int) $picture->getHeight()];
		$most = max(self::SIZES);
		match (true) {
			$width > (1.2 * $height) => $picture->cropImage($most, intdiv($width - $height, 2), 0, $height, $height),
			$height > (1.2 * $width) => $picture->cropImage($most, 0, 0, $width, $width),
			default => $picture->doScaleImage($most, $most),
		};
		$usage = $isThing ? PHOTO_THING : PHOTO_XCHAN;
		$former = $isThing
			? null
			: Table::first('photo', ['xchan' => $hash, 'photo_usage' => $usage, 'imgscale' => 4], '', 'resource_id');
		$resource = $former['resource_id'] ?? \photo_new_resource();
		$changed = strtotime($answer['headers']['last-modified'] ?? '') ?: Clock::now();
		$row = [
			'xchan' => $hash,
			'resource_id' => $resource,
			'filename' => mb_strcut(basename((string) parse_url($url, PHP_URL_PATH)), 0, self::LONGEST),
			'album' => $isThing ? 'Things' : 'Contact Photos',
			'photo_usage' => $usage,
			'edited' => gmdate('Y-m-d H:i:s', $changed),
			'description' => mb_strcut(mb_scrub($answer['headers']['etag'] ?? ''), 0, self::LONGEST),
			'expires' => gmdate('Y-m-d H:i:s', Clock::now() + self::SECONDS_OF_CACHE),
		];
		foreach (self::SIZES as $scale => $size) {
			if ($size !== $most) {
				$picture->doScaleImage($size, $size);
			}
			if (! $picture->storeThumbnail($row, $scale)) {
				return null;
			}
		}

		return ['url' => z_root() . "/photo/$resource", 'type' => $type];
	}

	/**
	 * Asks for a picture, also where it has moved to.
	 *
	 * @return ?array{headers: array<string, string>, body: string, ...}
	 */
	private static function asked(string $url): ?array
	{
		$until = Clock::now() + self::MOST_SECONDS;
		for ($n = 0; $n <= self::MOST_REDIRECTS && Clock::now() < $until; $n++) {
			$seconds = max(1, $until - Clock::now());
			try {
				$answer = Client::ask('GET', $url, ['Accept: image/*'], '', self::MOST_BYTES, $seconds);
			} catch (Forbidden) {
				return null;
			}
			$url = $answer['headers']['location'] ?? '';
			if (! in_array($answer['status'], [301, 302, 303, 307, 308], true) || $url === '') {
				return $answer['status'] === 200 ? $answer : null;
			}
		}

		return null;
	}

	/** Returns the type of a picture that is small enough to be read, or null. */
	private static function type(string $bytes): ?string
	{
		$facts = @getimagesizefromstring($bytes);

		return is_array($facts)
		&& in_array($facts[2], [IMAGETYPE_JPEG, IMAGETYPE_PNG, IMAGETYPE_GIF, IMAGETYPE_WEBP], true)
		&& $facts[0] > 0
		&& $facts[1] > 0
		&& ($facts[0] * $facts[1]) <= self::MOST_PIXELS
			? $facts['mime']
			: null;
	}
}
