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
		$this->assertSame(
			[['id' => 'x', 'job' => 'test', 'uid' => '1', 'place' => '2']],
			$rows,
			'the columns of a new row stay',
		);
	}

	public function test_what_another_process_adds_at_the_same_moment_is_changed(): void
	{
		$sound = DBA::$dba;
		$this->whileFailing(
			function ($sql) use ($sound) {
				stripos($sql, 'INSERT INTO filesync_served') === 0
					&& $sound->q("INSERT INTO filesync_served (id, job, uid, place) VALUES ('x', 'test', 1, 5)");

				return false;
			},
			fn () => Table::upsert('filesync_served', self::KEY, ['place' => 2], self::FRESH),
		);
		$this->assertSame(2, Table::sum('filesync_served', 'place', ['job' => 'test']));
	}

	public function test_rows_are_changed_together_each_in_its_own_way(): void
	{
		$rows = array_map(fn (int $n) => ['id' => "$n", 'uid' => $n, 'place' => 0] + self::FRESH, range(1, 300));
		$this->assertTrue(Table::tryInsertAll('filesync_served', $rows));
		$set = fn (int $n) => ['place' => 1000 + $n, 'job' => "it's $n"];
		$changes = array_combine(range(1, 300), array_map($set, range(1, 300)));
		$changes += [999 => $set(999)];
		$statements = $this->whileFailing(
			fn () => false,
			fn () => Table::updateEach('filesync_served', 'id', $changes, ['uid' => range(1, 299)]),
		);
		$this->assertSame(2, $statements);
		$this->assertSame([], Table::select('filesync_served', ['id' => '999']), 'none is added');
		foreach ([1, 250, 251, 299] as $n) {
			$this->assertSame($set($n), self::placeAndJob($n));
		}
		$this->assertSame(['place' => 0, 'job' => 'test'], self::placeAndJob(300));
		Table::updateEach('filesync_served', 'id', [1 => ['place' => 7], 2 => ['place' => 7]]);
		$this->assertSame([7, 7, 1003], array_map(fn ($n) => self::placeAndJob($n)['place'], [1, 2, 3]));
	}

	private static function placeAndJob(int $n): array
	{
		$row = Table::first('filesync_served', ['id' => "$n"], '', 'place, job');

		return ['place' => (int) $row['place'], 'job' => $row['job']];
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

	public function test_a_reason_is_cut_for_it_may_be_another_hub_s(): void
	{
		$said = str_repeat('é', 70000);
		$row = ['id' => 'x', 'uid' => 1, 'kind' => 'test', 'name' => '', 'state' => 'due', 'attempts' => 0];
		$row += ['next_at' => 0, 'created' => 0, 'body' => $said];
		Table::insert('filesync_outbox', $row + ['reason' => $said]);
		$kept = Table::first('filesync_outbox', self::KEY);
		$this->assertSame([mb_substr($said, 0, 500), 70000], [$kept['reason'], mb_strlen($kept['body'])]);
		Table::update('filesync_outbox', ['reason' => "$said."], self::KEY);
		$this->assertSame(500, mb_strlen(Table::first('filesync_outbox', self::KEY)['reason']));
	}

	/** In favour of another process: twice here, and then it goes through. */
	public function test_what_a_database_gives_up_is_done_again(): void
	{
		$messages = [
			'SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock; try restarting transaction',
			"SQLSTATE[HY000]: General error: 1020 Record has changed since last read in table 'filesync_served'",
			'SQLSTATE[40P01]: Deadlock detected: 7 ERROR:  deadlock detected',
		];
		foreach ($messages as $message) {
			Table::delete('filesync_served', ['job' => 'test']);
			$begun = 0;
			$this->whileGivingUp(2, $message, 'UPDATE filesync_served', function () use (&$begun) {
				Table::transaction(function () use (&$begun) {
					$begun++;
					Table::insert('filesync_served', self::KEY + ['place' => $begun] + self::FRESH);
					Table::transaction(fn () => Table::update('filesync_served', ['uid' => 9], self::KEY));
				});
			});
			$this->assertSame([3, 3, 9], [$begun, ...$this->served()], $message);
			// A statement on its own too.
			$this->whileGivingUp(2, $message, 'UPDATE filesync_served', fn () => Table::update(
				'filesync_served',
				['uid' => 7],
				self::KEY,
			));
			$this->assertSame([3, 7], $this->served(), $message);
		}
	}

	public function test_what_it_gives_up_again_and_again_or_for_another_reason_fails(): void
	{
		foreach ([
			'SQLSTATE[40001]: Serialization failure' => 4,
			'SQLSTATE[HY000]: General error: 1205 Lock wait' => 1,
		] as $message => $tries) {
			$begun = 0;
			try {
				$this->whileGivingUp(99, $message, 'UPDATE filesync_served', function () use (&$begun) {
					Table::transaction(function () use (&$begun) {
						$begun++;
						Table::insert('filesync_served', self::KEY + ['place' => 1] + self::FRESH);
						Table::update('filesync_served', ['uid' => 9], self::KEY);
					});
				});
				$this->fail('it went through');
			} catch (RuntimeException $e) {
				$this->assertSame('cannot update table filesync_served', $e->getMessage());
			}
			$this->assertSame($tries, $begun);
			$this->assertSame(0, Table::count('filesync_served', ['job' => 'test']));
		}
	}

	/** @return array{int, int} */
	private function served(): array
	{
		$row = Table::select('filesync_served', ['job' => 'test'])[0];

		return [(int) $row['place'], (int) $row['uid']];
	}

	/** Runs something on a database that gives up statements so often. */
	private function whileGivingUp(int $times, string $message, string $statement, Closure $work): void
	{
		$this->whileFailing(
			function ($sql) use (&$times, $statement) {
				return str_starts_with($sql, $statement) && $times-- > 0;
			},
			$work,
			$message,
		);
	}

	public function test_pages_contain_each_row_once_whatever_happens_to_the_rows_meanwhile(): void
	{
		foreach (['a', 'b', 'c', 'd', 'e'] as $n => $id) {
			Table::insert('filesync_served', ['id' => $id, 'place' => $n % 2] + self::FRESH);
		}
		$pages = [];
		foreach (Table::pages('filesync_served', ['job' => 'test'], 2, 'id') as $rows) {
			$pages[] = array_column($rows, 'id');
			Table::delete('filesync_served', ['id' => $rows[0]['id']]);
		}
		$this->assertSame([['a', 'b'], ['c', 'd'], ['e']], $pages);
		$this->assertSame(
			['b', 'd'],
			array_column(iterator_to_array(Table::each('filesync_served', ['job' => 'test'], 1), false), 'id'),
		);
		$this->assertSame([], iterator_to_array(Table::pages('filesync_served', ['job' => 'none'], 2)));
	}

	public function test_pages_follow_numbers_as_numbers_and_values_that_rows_share_once(): void
	{
		foreach (range(1, 12) as $n) {
			$this->receive($this->file(sprintf('f%02d', $n), "bytes $n"));
		}
		$this->work();
		$ids = array_map('intval', array_column(
			iterator_to_array(Table::each('attach', ['uid' => 1, 'is_dir' => 0], 5, 'id, hash'), false),
			'id',
		));
		$sorted = $ids;
		sort($sorted);
		$this->assertSame([12, $sorted], [count(array_unique($ids)), $ids]);
		$names = iterator_to_array(
			Table::each('filesync_transfer', ['uid' => 1, 'hash like' => 'f%'], 5, 'DISTINCT hash', 'hash'),
			false,
		);
		$this->assertSame(array_map(fn ($n) => sprintf('f%02d', $n), range(1, 12)), array_column($names, 'hash'));
	}

	public function test_a_transaction_whose_result_is_not_good_writes_nothing(): void
	{
		$work = fn (int $place) => function () use ($place) {
			Table::insert('filesync_served', ['id' => "x$place", 'place' => $place] + self::FRESH);

			return $place;
		};
		$isOdd = fn (int $place) => ($place % 2) === 1;
		$this->assertSame([1, 2, 3, 4], [
			Table::transaction($work(1), $isOdd),
			Table::transaction($work(2), $isOdd),
			Table::transaction($work(3), $isOdd),
			Table::transaction($work(4)),
		]);
		$this->assertSame(
			['x1', 'x3', 'x4'],
			array_column(Table::select('filesync_served', ['job' => 'test'], 'id', 0, 'id'), 'id'),
		);
	}

	public function test_code_of_the_hub_inside_a_transaction_of_ours_is_found(): void
	{
		$this->assertSame([], Fake\Inside::take());
		Table::transaction(fn () => array_map(fn ($key) => set_config('system', $key, '1'), ['one', 'two']));
		$this->assertContains('set_config', Fake\Inside::take());
		Table::transaction(fn () => FileSync\Addon\Hub\Config::set('enabled', '1'));
		set_config('system', 'three', '1');
		$this->assertSame([], Fake\Inside::take());
	}

	/** Of a hub that has DbaTransaction, or begins by a statement, and of ours within ours. */
	public function test_a_transaction_within_another_is_a_part_of_it(): void
	{
		$write = fn (string $id) => fn () => Table::insert('filesync_served', ['id' => $id, 'place' => 1]
		+ self::FRESH);
		$fails = function () use ($write) {
			$write('undone')();
			throw new RuntimeException('no');
		};
		$outer = function () use ($write, $fails) {
			Table::transaction($write('a'));
			try {
				Table::transaction($fails);
				$this->fail();
			} catch (RuntimeException $e) {
				$this->assertSame('no', $e->getMessage());
			}
			Table::transaction($write('not good'), fn () => false);
			Table::transaction(fn () => Table::transaction($write('b')));
		};
		$present = fn () => array_column(Table::select('filesync_served', ['job' => 'test'], 'id', 0, 'id'), 'id');
		DBA::$dba->db->beginTransaction();
		$outer();
		$this->assertSame(['a', 'b'], $present());
		$this->assertTrue(DBA::$dba->db->inTransaction());
		DBA::$dba->db->rollBack();
		$this->assertSame([], $present());
		Table::transaction($outer);
		$this->assertSame(['a', 'b'], $present());
		$this->assertFalse(DBA::$dba->db->inTransaction());
		Table::transaction($write('c'));
		$this->assertSame(['a', 'b', 'c'], $present());
	}

	public function test_no_second_transaction_is_begun(): void
	{
		$statements = [];
		DBA::$dba->db->beginTransaction();
		dba_test::$watch = function (string $sql) use (&$statements) {
			$statements[] = strtok($sql, ' ');
		};
		Table::transaction(fn () => Table::transaction(fn () => 1));
		DBA::$dba->db->commit();
		$this->assertSame(['SAVEPOINT', 'SAVEPOINT', 'RELEASE', 'RELEASE'], $statements);
		$statements = [];
		Table::transaction(fn () => 1);
		$this->assertSame(['BEGIN', 'COMMIT'], $statements);
	}
}
