<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Meter;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** What is arriving for a channel, how fast, and how long it will take, from its worker's last notes (Meter). */
final class Progress
{
	private const SHOWN = 10;
	/** A speed noted longer ago than this says nothing about now. */
	private const STALE_SECONDS = 30;

	/**
	 * Returns the files in transit, the most complete first, and sums over everything still to arrive, thumbnails too.
	 *
	 * @return array{rows: list<array>, files: int, thumbnails: int, arrived_bytes: int, todo_bytes: int,
	 *     bytes_per_second: ?int, seconds: ?int} A row: id, name, state, scale, size_bytes, arrived_bytes,
	 *     bytes_per_second, seconds. Null: unknown. `arrived_bytes`: of whole files, without thumbnails.
	 */
	public static function of(int $channelId): array
	{
		$noted = json_decode(Config::get('progress', "overview:$channelId"), true)
		?: ['at' => 0, 'rate' => null, 'rows' => []];
		$isFresh = $noted['at'] > (Clock::now() - self::STALE_SECONDS);
		$columns = 'id, generation, scale, names, size_bytes, state';
		$rows = array_map(
			fn ($row) => self::withProgress(
				$row,
				$noted['rows'][Meter::key($row['id'], (int) $row['generation'])] ?? [0, null],
				$isFresh,
			),
			Table::select(
				'filesync_transfer',
				[
					'uid' => $channelId,
					'state' => [TransferState::LEASED, TransferState::VERIFIED, TransferState::PUBLISHING],
				],
				'scale, updated',
				200,
				$columns,
			),
		);
		$files = array_values(array_filter($rows, fn ($row) => $row['scale'] === 0));
		usort(
			$files,
			fn ($a, $b) => (
				($b['arrived_bytes'] / max(1, $b['size_bytes'])) <=> ($a['arrived_bytes'] / max(1, $a['size_bytes']))
			),
		);
		$underWay = array_sum(array_map(fn ($row) => $row['state'] === TransferState::LEASED
			? $row['arrived_bytes']
			: 0, $rows));
		$todo = max(0, Table::sum('filesync_transfer', 'size_bytes', [
			'uid' => $channelId,
			'state' => [TransferState::STAGED, TransferState::LEASED],
		]) - $underWay);
		$coming = [
			'uid' => $channelId,
			'state' => [
				TransferState::STAGED,
				TransferState::TO_MAKE,
				TransferState::LEASED,
				TransferState::VERIFIED,
				TransferState::PUBLISHING,
			],
		];
		// The received bytes of transfers whose turn is over for now count too.
		$ids = array_map(fn ($key) => strstr($key, '.', true), array_keys($noted['rows']));
		$rested = ['staged' => 0, 'waiting' => 0];
		foreach (Table::select(
			'filesync_transfer',
			['uid' => $channelId, 'scale' => 0, 'state' => array_keys($rested), 'id' => $ids],
			'',
			0,
			$columns,
		) as $row) {
			$rested[$row['state']] += min(
				(int) $row['size_bytes'],
				(int) ($noted['rows'][Meter::key($row['id'], (int) $row['generation'])][0] ?? 0),
			);
		}
		$todo = max(0, $todo - $rested['staged']);
		$rate = $isFresh && $rows ? $noted['rate'] : null;

		return [
			'rows' => array_slice($files, 0, self::SHOWN),
			'files' => Table::count('filesync_transfer', $coming + ['scale' => 0]),
			'thumbnails' => Table::count('filesync_transfer', $coming + ['scale >' => 0]),
			'todo_bytes' => $todo,
			'arrived_bytes' => array_sum($rested) + array_sum(array_column($files, 'arrived_bytes')),
			'bytes_per_second' => $rate,
			'seconds' => $rate ? intdiv($todo, $rate) : null,
		];
	}

	private static function withProgress(array $row, array $noted, bool $isFresh): array
	{
		$size = (int) $row['size_bytes'];
		$isLeased = $row['state'] === TransferState::LEASED;
		$arrived = $isLeased ? min($size, (int) $noted[0]) : $size;
		$rate = $isLeased && $isFresh && $noted[1] ? (int) $noted[1] : null;

		return [
			'id' => $row['id'],
			'name' => implode('/', json_decode($row['names'], true) ?: []),
			'state' => $row['state'],
			'scale' => (int) $row['scale'],
			'size_bytes' => $size,
			'arrived_bytes' => $arrived,
			'bytes_per_second' => $rate,
			'seconds' => $rate ? intdiv($size - $arrived, $rate) : null,
		];
	}
}
