<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Meter;
use FileSync\Addon\Transfer\Transfer;

/** What a worker notes of its transfers, for pages and for monitoring. */
final class MeterTest extends AddonTestCase
{
	public function test_what_a_slice_leaves_unfinished_is_counted_once(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$transfer = Transfer::of(['id' => 'abc', 'generation' => 2] + $this->transfer('f1'));
		$meter = new Meter(1);
		$meter->note([$this->where(1000)], [5 => $transfer]);
		$this->assertSame(['abc.2' => [1000, 7]], json_decode(Config::get('progress', 'overview:1'), true)['rows']);
		$meter->close([$this->where(1500)]);
		$this->assertSame(['received_bytes' => 500], Meter::counts(1));
		$meter = new Meter(1);
		$meter->note([$this->where(1500)], [5 => $transfer]);
		$meter->ended(['id' => 5, 'state' => 'complete', 'received_bytes' => 300, 'seconds' => 12.5]);
		$meter->ended(['id' => 6, 'state' => 'cancelled', 'received_bytes' => 1]);
		$meter->close([]);
		$counts = Meter::counts(1);
		$this->assertEqualsWithDelta(time(), $counts['last_success'], 60);
		unset($counts['last_success']);
		$this->assertSame(
			[
				'received_bytes' => 801,
				'complete' => 1,
				'milliseconds' => 12500,
				'within_60' => 1,
				'within_600' => 1,
				'within_3600' => 1,
			],
			$counts,
		);
	}

	public function test_a_batch_counts_what_it_fetched(): void
	{
		$this->receive($this->file('one', '12345'), $this->file('two', '123'));
		$this->work();
		$this->receive($this->file('three', '1'));
		$this->work();
		$this->assertSame([9, 3], [Meter::allCounts()['received_bytes'], Meter::allCounts()['complete']]);
	}

	/** Else the bar would go back, and what had come before would count as speed. */
	public function test_what_had_come_stays_noted_while_a_transfer_rests_and_until_it_has_begun_again(): void
	{
		$this->receive($this->file('large', str_repeat('x', 4000)), $this->file('other', str_repeat('y', 4000)));
		[$large, $other] = array_map(fn ($hash) => Transfer::of($this->transfer($hash)), ['large', 'other']);
		$meter = new Meter(1);
		$meter->note([$this->where(1000), $this->where(500, 6)], [5 => $large, 6 => $other]);
		$this->assertSame([[1000, 7], [500, 7]], $this->noted($large, $other));
		// Another worker, which has not looked at its files yet.
		$meter = new Meter(1);
		$meter->note([$this->where(0, 1), $this->where(0, 2)], [1 => $large, 2 => $other]);
		$this->assertSame([[1000, 7], [500, 7]], $this->noted($large, $other));
		$this->nextNote($meter);
		$meter->note([$this->where(1100, 1), $this->where(600, 2)], [1 => $large, 2 => $other]);
		$meter->close([$this->where(1100, 1), $this->where(600, 2)]);
		$this->assertSame(0, Meter::counts(1)['received_bytes']);
		$meter->ended(['id' => 1, 'state' => 'failed', 'received_bytes' => 0, 'error' => ['kind' => 'Network']]);
		$this->nextNote($meter);
		$meter->note([$this->where(700, 2)], [2 => $other]);
		$this->assertSame([[1100, null], [700, 7]], $this->noted($large, $other));
		// Bytes that were not the right ones are thrown away.
		$meter->ended(['id' => 2, 'state' => 'failed', 'received_bytes' => 0, 'error' => ['kind' => 'Corrupt']]);
		$this->nextNote($meter);
		$meter->note([], []);
		$this->assertSame([[1100, null], null], $this->noted($large, $other));
		Table::update('filesync_transfer', ['state' => 'published'], ['hash' => 'large']);
		(new Meter(1))->note([], []);
		$this->assertSame([null, null], $this->noted($large, $other));
	}

	private function noted(Transfer ...$transfers): array
	{
		$noted = json_decode(Config::get('progress', 'overview:1'), true)['rows'];

		return array_map(fn ($one) => $noted[Meter::key($one->id, $one->generation)] ?? null, $transfers);
	}

	/** Lets the seconds pass between two notes. */
	private function nextNote(Meter $meter): void
	{
		(new ReflectionProperty($meter, 'notedAt'))->setValue($meter, 0);
	}

	private function where(int $offset, int $id = 5): array
	{
		return [
			'id' => $id,
			'name' => 'abc-0.2',
			'state' => 'active',
			'size_bytes' => 4000,
			'offset_bytes' => $offset,
			'bytes_per_second' => 7,
			'rung' => 'filesync',
		];
	}
}
