<?php

use FileSync\Addon\Hub\Table;

/** The statements that several rooms share. */
final class TableTest extends AddonTestCase
{
	private const KEY = ['id' => 'x'];
	private const FRESH = ['job' => 'test', 'uid' => 1];

	public function test_an_upsert_adds_a_row_once_and_changes_it_afterwards(): void
	{
		Table::upsert('filesync_served', self::KEY, ['place' => 1], self::FRESH);
		Table::upsert('filesync_served', self::KEY, ['place' => 2], ['uid' => 7] + self::FRESH);
		// The same again: a database may then say that it changed nothing.
		Table::upsert('filesync_served', self::KEY, ['place' => 2], self::FRESH);
		$rows = array_map(fn ($row) => array_map('strval', $row), Table::select('filesync_served', ['job' => 'test']));
		$this->assertSame([['id' => 'x', 'job' => 'test', 'uid' => '1', 'place' => '2']], $rows, 'the columns of a new row stay');
	}

	public function test_what_another_process_adds_at_the_same_moment_is_changed(): void
	{
		$sound = DBA::$dba;
		$this->whileFailing(function ($sql) use ($sound) {
			stripos($sql, 'INSERT INTO filesync_served') === 0 && $sound->q("INSERT INTO filesync_served (id, job, uid, place) VALUES ('x', 'test', 1, 5)");

			return false;
		}, fn () => Table::upsert('filesync_served', self::KEY, ['place' => 2], self::FRESH));
		$this->assertSame(2, Table::sum('filesync_served', 'place', ['job' => 'test']));
	}

	public function test_a_row_that_cannot_be_added_is_not_passed_over(): void
	{
		$fails = fn ($sql) => stripos($sql, 'INSERT') === 0;
		$isAdded = null;
		$this->whileFailing($fails, function () use (&$isAdded) {
			$isAdded = Table::tryUpsert('filesync_served', self::KEY, ['place' => 2], self::FRESH);
		});
		$this->assertFalse($isAdded);
		$this->expectExceptionMessage('cannot insert into table filesync_served');
		$this->whileFailing($fails, fn () => Table::upsert('filesync_served', self::KEY, ['place' => 2], self::FRESH));
	}
}
