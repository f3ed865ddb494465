<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Decides whose turn it is where one process serves several channels: the channel whose last turn was longest ago.
 * Table filesync_served.
 *
 * A turn is recorded when it begins, so that a turn that kills the process counts too. Turns are numbered, not timed:
 * clocks jump.
 */
final class ServedLast
{
	/** The length of a turn if other channels wait. */
	public const TURN_SECONDS = 20;

	/**
	 * Returns channels in the order of their turns.
	 *
	 * @param string    $job The job, such as `work`: each job has turns of its own.
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

	/** Records that a channel's turn begins. */
	public static function note(string $job, int $channelId): void
	{
		$row = [
			'place' =>
				1 + (int) (Table::first('filesync_served', ['job' => $job], 'place DESC', 'place')['place'] ?? 0),
		];
		Table::tryUpsert('filesync_served', ['id' => hash('sha256', "$job\n$channelId")], $row, [
			'job' => $job,
			'uid' => $channelId,
		]);
	}
}
