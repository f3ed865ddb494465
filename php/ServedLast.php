<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Whose turn it is, where one process serves several channels: that of the channel whose last turn is longest ago. Table filesync_served.
 *
 * A turn is noted when it begins, so that one which ends the process is over as well. Places are counted, not timed: clocks jump.
 */
final class ServedLast
{
	/** How long a turn lasts where other channels wait. */
	public const TURN_SECONDS = 20;

	/**
	 * Returns channels in the order of their turns.
	 *
	 * @param string    $job What they are served with, as `work`: each job has turns of its own.
	 * @param list<int> $channelIds
	 *
	 * @return list<int>
	 */
	public static function order(string $job, array $channelIds): array
	{
		if (count($channelIds) < 2) {
			return array_values($channelIds);
		}
		$places = array_column(Table::select('filesync_served', ['job' => $job], '', 0, 'uid, place'), 'place', 'uid');
		usort($channelIds, fn ($one, $other) => ($places[$one] ?? 0) <=> ($places[$other] ?? 0) ?: $one <=> $other);

		return $channelIds;
	}

	/** Notes that a channel's turn begins. */
	public static function note(string $job, int $channelId): void
	{
		$id = hash('sha256', "$job\n$channelId");
		$row = ['place' => 1 + (int) (Table::first('filesync_served', ['job' => $job], 'place DESC', 'place')['place'] ?? 0)];
		Table::update('filesync_served', $row, ['id' => $id]);
		if (! Table::first('filesync_served', ['id' => $id], '', 'id')) {
			Table::tryInsert('filesync_served', $row + ['id' => $id, 'job' => $job, 'uid' => $channelId]);
		}
	}
}
