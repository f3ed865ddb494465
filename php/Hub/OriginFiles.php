<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Lists the files of a channel on another clone that does not speak filesync. */
final class OriginFiles
{
	private const ROWS_A_PAGE = 500;
	/** Rows of the previous page that each page must repeat: if it does not, rows were added or removed in between. */
	private const ROWS_REPEATED = 20;
	private const MOST_STEPS_BACK = 50;
	private const MOST_ROWS = 1000000;

	/** The start of the list. */
	public const BEGIN = ['start' => 0, 'last' => [], 'back' => 0];

	/**
	 * Returns attach rows, even while they change: if a page does not join the previous one, it goes back. Some rows
	 * may come twice.
	 *
	 * @param array $cursor BEGIN, or the cursor of the last call.
	 *
	 * @return array{list<array>, ?array} Rows, and the next cursor; null at the end.
	 */
	public static function next(Channel $channel, string $root, array $cursor): array
	{
		['start' => $start, 'last' => $last, 'back' => $stepsBack] = $cursor;
		$rows = self::page($channel, $root, $start);
		$hashes = array_column($rows, 'hash');
		if (
			$last
			&& ! array_intersect($last, array_slice($hashes, 0, self::ROWS_REPEATED))
			&& $stepsBack < self::MOST_STEPS_BACK
		) {
			return [[], ['start' => max(0, $start - self::ROWS_A_PAGE), 'last' => [], 'back' => $stepsBack + 1]];
		}
		$start += self::ROWS_A_PAGE - self::ROWS_REPEATED;
		$isAll = count($rows) < self::ROWS_A_PAGE || $start >= self::MOST_ROWS;

		return [
			$rows,
			$isAll
				? null
				: ['start' => $start, 'last' => array_slice($hashes, -self::ROWS_REPEATED), 'back' => $stepsBack],
		];
	}

	/** Returns a file's state on that hub, in the form of a sync packet's entry, null if it does not exist there. */
	public static function export(Channel $channel, string $root, string $hash): ?array
	{
		$entry = OriginApi::get($channel, $root, '/api/z/1.0/file/export?f=&file_id=' . rawurlencode($hash));

		return ! empty($entry['attach']) ? $entry : null;
	}

	/** Tells whether a file exists there. */
	public static function has(Channel $channel, string $root, string $hash): bool
	{
		return (
			(
				OriginApi::get(
					$channel,
					$root,
					'/api/z/1.0/filemeta?f=&file_id=' . rawurlencode($hash),
				)['attach']['hash'] ?? ''
			)
			=== $hash
		);
	}

	private static function page(Channel $channel, string $root, int $start): array
	{
		$said = OriginApi::get(
			$channel,
			$root,
			'/api/z/1.0/files?f=&start=' . $start . '&records=' . self::ROWS_A_PAGE,
		);

		return array_values(array_filter(
			(array) ($said['results'] ?? []),
			fn ($row) => is_array($row) && is_string($row['hash'] ?? null),
		));
	}
}
