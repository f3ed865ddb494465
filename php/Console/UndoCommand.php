<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Receive\Undo;
use FileSync\Addon\Repair\Journal;
use FileSync\Addon\Revision\KeptList;
use FileSync\Addon\Send\Intentions;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/** `undo`: restores a file that a sync replaced or deleted, or reverts a repair. */
final class UndoCommand implements Task
{
	private const SHORTEST_ID = 8;

	/** Restores one by its id or a prefix of it; or reverts a repair. */
	public function run(array $words): int
	{
		$id = $words[0];
		$isId = strlen($id) >= self::SHORTEST_ID && preg_match('/^[0-9a-f-]+$/D', $id);
		$rows = $isId ? KeptList::begun($id) : [];
		/** @var list<array{run: string}> $repairs */
		$repairs = $isId
			? array_values(array_filter(Journal::runs(), fn (array $row) => str_starts_with((string) $row['run'], $id)))
			: [];
		$found = count($rows) + count($repairs);
		if ($found !== 1) {
			fwrite(
				STDERR,
				$found > 0
					? "filesync: $found ids begin with \"$id\"; give more characters\n"
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
		Intentions::flush();
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
