<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Meter;

/** What a worker notes of its transfers, for pages and for monitoring. */
final class MeterTest extends AddonTestCase
{
	public function test_what_a_slice_leaves_unfinished_is_counted_once(): void
	{
		$row = ['id' => 'abc', 'generation' => 2];
		$meter = new Meter(1);
		$meter->note([$this->where(1000)], [5 => $row]);
		$this->assertSame(['abc.2' => [1000, 7]], json_decode(Config::get('progress', 'overview:1'), true)['rows']);
		$meter->close([$this->where(1500)]);
		$this->assertSame(['received_bytes' => 500], Meter::counts(1));
		$meter = new Meter(1);
		$meter->note([$this->where(1500)], [5 => $row]);
		$meter->ended(['id' => 5, 'state' => 'complete', 'received_bytes' => 300, 'seconds' => 12.5]);
		$meter->ended(['id' => 6, 'state' => 'cancelled', 'received_bytes' => 1]);
		$meter->close([]);
		$counts = Meter::counts(1);
		$this->assertEqualsWithDelta(time(), $counts['last_success'], 5);
		unset($counts['last_success']);
		$this->assertSame(['received_bytes' => 801, 'complete' => 1, 'milliseconds' => 12500, 'within_60' => 1, 'within_600' => 1, 'within_3600' => 1], $counts);
	}

	public function test_a_batch_counts_what_it_fetched(): void
	{
		$this->receive($this->file('one', '12345'), $this->file('two', '123'));
		$this->work();
		$this->receive($this->file('three', '1'));
		$this->work();
		$this->assertSame([9, 3], [Meter::allCounts()['received_bytes'], Meter::allCounts()['complete']]);
	}

	private function where(int $offset): array
	{
		return ['id' => 5, 'name' => 'abc-0.2', 'state' => 'active', 'size_bytes' => 4000, 'offset_bytes' => $offset, 'bytes_per_second' => 7, 'rung' => 'filesync'];
	}
}
