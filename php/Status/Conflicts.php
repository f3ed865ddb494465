<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The conflict copies of a channel, or of all: files whose names say that they lost, and where.
 *
 * No index finds such a name, so each file is looked at once: only those that came since the last time, and of very
 * many only as many as there is time for; the next time goes on there.
 */
final class Conflicts
{
	private const NAME = '% (conflict % ____-__-__ __.__.__)%';
	private const SECONDS = 0.05;
	private const SECONDS_OF_ALL = 1.0;
	private const WINDOW_IDS = 10000;
	/** A row with a lower number may be committed after one with a higher. */
	private const LATE_IDS = 1000;
	private const REMEMBERED = 200;

	/**
	 * Returns the newest ones.
	 *
	 * @return list<array{uid: int|string, hash: string, display_path: string, ...}>
	 */
	public static function newest(?int $channelId, int $most): array
	{
		$where = $channelId === null ? [] : ['uid' => $channelId];
		$scope = $channelId === null ? 'state' : "overview:$channelId";
		/** @var ?array{after: int, ids: list<int>} $known */
		$known = json_decode(Config::get('conflicts', $scope), true);
		$known ??= ['after' => 0, 'ids' => []];
		$end = (int) (Table::rows('attach', [], '', 0, 'max(id) as id')[0]['id'] ?? 0);
		[$after, $ids] = [min($known['after'], $end), $known['ids']];
		$until = Clock::exact() + ($channelId === null ? self::SECONDS_OF_ALL : self::SECONDS);
		while ($after < $end && Clock::exact() < $until) {
			$to = min($end, $after + self::WINDOW_IDS);
			$from = max(0, $after - self::LATE_IDS);
			$range = ['id >' => $from, 'id <=' => $to, 'filename like' => self::NAME];
			$ids = [...$ids, ...array_column(Table::select('attach', $where + $range, 'id', 0, 'id'), 'id')];
			$after = $to;
		}
		$ids = array_slice(array_unique(array_map('intval', $ids)), -self::REMEMBERED);
		$columns = 'id, uid, hash, display_path';
		// Some were renamed or deleted meanwhile.
		$rows = $ids
			? Table::select('attach', $where + ['id' => $ids, 'filename like' => self::NAME], 'id DESC', 0, $columns)
			: [];
		$still = array_reverse(array_map(fn ($row) => (int) $row['id'], $rows));
		$now = ['after' => $after, 'ids' => $still];
		if ($now !== $known) {
			Config::set('conflicts', json_encode($now, JSON_THROW_ON_ERROR), $scope);
		}

		return array_slice($rows, 0, $most);
	}
}
