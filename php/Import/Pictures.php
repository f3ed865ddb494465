<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\CorePictures;
use FileSync\Addon\Hub\Log;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Fetches the pictures of people and things that an import left for later, some at a time, in a process of its own.
 * What a host answers, and what is in a picture, costs that process memory and time, and not the worker of all
 * channels.
 */
final class Pictures
{
	/** So many go to a process, which begins none after so long. */
	private const AT_ONCE = 20;
	private const BUDGET_SECONDS = 5;

	/**
	 * Fetches the first of some pictures; returns the rest, null if there is none. One that takes too much is passed
	 * over: then the default picture stays.
	 *
	 * @param string $list As JSON: table, key and address of each.
	 */
	public static function fetch(int $channelId, string $list): ?string
	{
		$pictures = self::read($list);
		if ($pictures === []) {
			return null;
		}
		$begun = PictureProcess::run((string) json_encode([$channelId, array_slice($pictures, 0, self::AT_ONCE)]));
		if ($begun < 1) {
			throw new \RuntimeException('the process that fetches pictures did not begin');
		}
		$rest = array_slice($pictures, $begun);

		return $rest === [] ? null : (string) json_encode($rest);
	}

	/**
	 * Is that process: fetches pictures that come on a stream until its time is over.
	 *
	 * @param resource $from
	 * @param resource $to
	 */
	public static function inProcess($from, $to): int
	{
		/** @var mixed */
		$said = json_decode((string) stream_get_contents($from), true);
		if (! is_array($said) || ! is_int($said[0] ?? null)) {
			return 1;
		}
		$until = Clock::now() + self::BUDGET_SECONDS;
		foreach (self::read((string) json_encode($said[1] ?? [])) as [$table, $key, $url]) {
			if (Clock::now() > $until) {
				break;
			}
			fwrite($to, PictureProcess::BEGUN);
			try {
				CorePictures::fetch($said[0], $table, $key, $url);
			} catch (\Throwable $e) {
				Log::failure('picture', $e);
			}
		}

		return 0;
	}

	/** @return list<array{string, string, string}> */
	private static function read(string $list): array
	{
		/** @var mixed */
		$pictures = json_decode($list, true);
		/** @var list<array{string, string, string}> */
		$read = is_array($pictures) ? array_values($pictures) : [];

		return $read;
	}
}
