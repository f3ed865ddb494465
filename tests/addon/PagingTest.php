<?php

use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\KeptList;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Transfer\Queue;
use FileSync\TransferBatch;

/** I6: lists need no more memory the more there is to list, and the more each row says. */
final class PagingTest extends AddonTestCase
{
	private const ROWS = 12;
	private const EACH = 1500000;
	private const MOST = 8000000;

	public function test_what_is_kept_is_listed_and_found_one_at_a_time(): void
	{
		foreach (range(1, self::ROWS) as $n) {
			$entry = json_encode([
				'attach' => ['display_path' => "name $n"],
				'by' => 'b.example',
				'item' => str_repeat('x', self::EACH),
			]);
			Table::insert('filesync_kept', [
				'id' => sprintf('%064d', $n),
				'uid' => 1,
				'hash' => "f$n",
				'scale' => 0,
				'path' => "kept/$n",
				'source' => '',
				'size_bytes' => 5,
				'why' => 'deleted',
				'entry' => $entry,
				'created' => 1700000000 + intdiv($n, 3),
			]);
		}
		$lines = '';
		$this->assertBounded(function () use (&$lines) {
			[, $lines] = $this->runVerb('kept');
		});
		preg_match_all('/name (\d+)$/m', $lines, $found);
		$this->assertSame(
			['12', '11', '10', '9', '8', '7', '6', '5', '4', '3', '2', '1'],
			$found[1],
			'the newest first',
		);
		$this->assertBounded(fn () => $this->assertCount(self::ROWS, OwnerPage::values($this->channel)['kept']));
		$this->assertSame(
			['name 12', 'name 11'],
			array_column(iterator_to_array(KeptList::each(['uid' => 1], 2), false), 'name'),
		);
		$this->assertBounded(fn () => $this->assertSame(1, $this->runVerb('undo', sprintf('%064d', 3))[0]));
		Table::update('filesync_kept', ['source' => 'f1-0.1.partial', 'is_moving' => 1], ['hash' => 'f1']);
		Table::update('filesync_kept', ['source' => 'f2-0.1.partial', 'is_moving' => 1], ['hash' => 'f2']);
		$this->assertBounded(fn () => Kept::settle(1));
	}

	public function test_many_kept_at_one_moment_are_all_listed_once(): void
	{
		for ($n = 0; $n < 1203; $n++) {
			Table::insert('filesync_kept', [
				'id' => hash('sha256', "$n"),
				'uid' => 1,
				'hash' => "f$n",
				'scale' => 0,
				'path' => "kept/$n",
				'source' => '',
				'size_bytes' => 5,
				'why' => 'deleted',
				'entry' => '',
				'created' => 1700000000 + ($n % 2),
			]);
		}
		$ids = array_column(iterator_to_array(KeptList::each([]), false), 'id');
		$this->assertCount(1203, array_unique($ids));
		$this->assertCount(1203, $ids);
	}

	public function test_what_is_missing_is_listed_without_what_rows_say_beside(): void
	{
		foreach (range(1, self::ROWS) as $n) {
			$this->receive($this->file("f$n", "bytes $n"));
		}
		$this->work();
		Table::update('attach', ['allow_cid' => '<' . str_repeat('x', self::EACH) . '>'], []);
		foreach (range(1, self::ROWS) as $n) {
			unlink("store/alice/f$n");
			$this->receive($this->file("g$n", "bytes $n"));
			Table::insert('filesync_packet', [
				'id' => "p$n",
				'uid' => 1,
				'hash' => "h$n",
				'state' => 'staged',
				'reason' => '',
				'body' => json_encode($this->file("h$n", 'x') + ['x' => str_repeat('x', self::EACH)]),
				'attempts' => 0,
				'next_at' => 0,
				'created' => $n,
				'updated' => 0,
			]);
		}
		Table::update('filesync_transfer', ['entry' => str_repeat('x', self::EACH)], ['state' => 'staged']);
		$this->assertBounded(fn () => $this->assertCount(3 * self::ROWS, iterator_to_array(Report::missing(), false)));
		$this->assertBounded(fn () => Report::status());
		$this->assertBounded(fn () => $this->runVerb('packets'));
	}

	public function test_a_worker_takes_no_more_than_fits_into_memory(): void
	{
		foreach (range(1, self::ROWS) as $n) {
			$this->receive($this->file("f$n", "bytes $n"));
		}
		foreach (Table::select('filesync_transfer', [], '', 0, 'id, entry') as $row) {
			Table::update('filesync_transfer', ['entry' => json_encode(['x' => str_repeat('x', self::EACH)]
				+ json_decode($row['entry'], true))], ['id' => $row['id']]);
		}
		$this->assertBounded(fn () => $this->assertCount(2, Queue::claim(1, 'somebody', 64)), 12000000);
		Queue::release('somebody');
		$this->work();
		$this->assertCount(self::ROWS, TransferBatch::$added, 'all of them in the end');
	}

	public function test_calls_are_read_one_at_a_time(): void
	{
		foreach (range(1, self::ROWS) as $n) {
			FileSync\Addon\Outbox\Outbox::add(1, 'items', "post $n", json_encode([
				'items' => [],
				'x' => str_repeat('x', self::EACH),
			]));
		}
		$this->assertBounded(fn () => FileSync\Addon\Outbox\Outbox::run(1), 12000000);
		$this->assertSame([], Table::select('filesync_outbox', []));
	}

	private function assertBounded(Closure $work, int $most = self::MOST): void
	{
		if (! function_exists('memory_reset_peak_usage')) {
			$work();
			return;
		}
		gc_collect_cycles();
		memory_reset_peak_usage();
		$before = memory_get_usage();
		$work();
		$this->assertLessThan($most, memory_get_peak_usage() - $before);
	}
}
