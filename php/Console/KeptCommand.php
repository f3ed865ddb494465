<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Receive\Undo;
use FileSync\Addon\Repair\Journal;
use FileSync\Addon\Revision\KeptList;
use FileSync\Addon\Send\Outgoing;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/** `kept` and `undo`: list the files that a sync replaced or deleted, and restore them. */
final class KeptCommand
{
	private const SHORTEST_ID = 8;

	/** Lists the kept files, newest first. */
	public static function list(array $options): int
	{
		$json = isset($options['json']);
		$of = isset($options['channel']) ? Channels::of($options)[0]->id : null;
		$isEmpty = true;
		foreach (KeptList::each($of === null ? [] : ['uid' => $of]) as $row) {
			$isEmpty = false;
			$one = [
				'id' => $row['id'],
				'channel' => (int) $row['uid'],
				'hash' => $row['hash'],
				'name' => $row['name'],
				'size_bytes' => (int) $row['size_bytes'],
				'why' => $row['why'],
				'by' => $row['by'],
				'when' => gmdate('Y-m-d H:i:s', (int) $row['created']),
				'until' => gmdate('Y-m-d', (int) $row['created'] + (86400 * Config::number('kept_days'))),
			];
			echo
				$json
					? json_encode($one) . "\n"
					: Log::oneLine(sprintf(
						'%s  %s UTC  %-8s %-24s %15s bytes  channel %d: %s',
						substr($one['id'], 0, 12),
						$one['when'],
						$one['why'],
						$one['by'] === '' ? '' : 'by ' . $one['by'],
						number_format($one['size_bytes']),
						$one['channel'],
						$one['name'] ?: $one['hash'],
					)) . "\n"
			;
		}
		foreach ($repairs = array_filter(Journal::runs(), fn ($one) => in_array(
			$of,
			[null, $one['channel']],
			true,
		)) as $one) {
			echo
				$json
					? json_encode($one) . "\n"
					: sprintf(
						"%s  %s UTC  repair   of %d rows of channel %d\n",
						substr($one['run'], 0, 12),
						$one['when'],
						$one['changes'],
						$one['channel'],
					)
			;
		}
		if ($isEmpty && ! $repairs && ! $json) {
			echo "nothing is kept\n";
		}

		return 0;
	}

	/** Restores one by its id or a prefix of it; or reverts a repair. */
	public static function undo(string $id): int
	{
		$isId = strlen($id) >= self::SHORTEST_ID && preg_match('/^[0-9a-f-]+$/D', $id);
		$rows = $isId ? KeptList::begun($id) : [];
		$repairs = $isId
			? array_values(array_filter(Journal::runs(), fn ($row) => str_starts_with($row['run'], $id)))
			: [];
		if ((count($rows) + count($repairs)) !== 1) {
			fwrite(
				STDERR,
				$rows || $repairs
					? 'filesync: '
					. (count($rows) + count($repairs))
					. " ids begin with \"$id\"; give more characters\n"
					: "filesync: nothing is kept under \"$id\": give at least "
					. self::SHORTEST_ID
					. " characters of an id that `kept` lists\n",
			);
			return 1;
		}
		if ($repairs) {
			return self::undoRepair($repairs[0]['run']);
		}
		$kept = Table::first('filesync_kept', ['id' => $rows[0]]) ?? throw new Refused(
				"nothing is kept under \"$id\" any more",
			);
		$path = Undo::apply($kept);
		Outgoing::flush();
		Doorbell::ring();
		echo
			Log::oneLine(
				"restored $path, " . number_format((int) $kept['size_bytes']) . ' bytes; the other clones will be told',
			),
			"\n"
		;

		return 0;
	}

	private static function undoRepair(string $run): int
	{
		[$count, $stays] = Journal::takeBack($run);
		foreach ($stays as $one) {
			echo Log::oneLine("not reverted: $one"), "\n";
		}
		Doorbell::ring();
		echo "reverted $count changes of the repair\n";

		return $stays ? 1 : 0;
	}
}
