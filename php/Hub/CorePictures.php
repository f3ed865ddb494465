<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Fetches pictures of people and things with core's own function, which waits for a host that is slow. */
final class CorePictures
{
	private const MOST_SECONDS = 10;

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
		[$large, $medium, $small, $type, $isFailure] = self::fetched($url, $hash, false);
		if (! $isFailure) {
			Table::update(
				'xchan',
				[
					'xchan_photo_l' => $large,
					'xchan_photo_m' => $medium,
					'xchan_photo_s' => $small,
					'xchan_photo_mimetype' => $type,
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
		[$large, , , , $isFailure] = self::fetched($url, $channel->hash, true);
		if (! $isFailure) {
			Table::update($table, [$column => $large], $where);
		}
	}

	/** @return array{string, string, string, string, bool} */
	private static function fetched(string $url, string $hash, bool $isThing): array
	{
		Core::load('include/photo/photo_driver.php');
		HubSettings::override('curl_timeout', (string) self::MOST_SECONDS);
		$got = \import_xchan_photo($url, $hash, $isThing);
		$text = fn (int $n): string => is_string($got[$n] ?? null) ? $got[$n] : '';

		return [$text(0), $text(1), $text(2), $text(3), ($got[4] ?? true) !== false || $text(0) === ''];
	}
}
