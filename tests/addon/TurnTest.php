<?php

use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;

/** Packets of a channel are taken in one at a time, or not at all. */
final class TurnTest extends AddonTestCase
{
	public function test_without_the_lock_nothing_is_done(): void
	{
		mkdir('store/[data]/filesync/1/kept', 0770, true);
		mkdir('store/[data]/filesync/1/accept.lock');
		$isDone = false;
		try {
			Turn::take(1, function () use (&$isDone) {
				$isDone = true;
			});
			$this->fail('nothing was thrown');
		} catch (Postponed $e) {
			$this->assertTrue($e->retry);
		}
		$this->assertFalse($isDone);
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame([null, 'staged'], [
			$this->transfer('f1'),
			Table::first('filesync_packet', ['hash' => 'f1'])['state'],
		]);
		rmdir('store/[data]/filesync/1/accept.lock');
		Table::update('filesync_packet', ['next_at' => 0], []);
		$this->work();
		$this->assertSame('bytes', $this->shown('f1'));
	}

	public function test_what_the_work_returns_is_returned_and_what_it_throws_ends_the_turn(): void
	{
		$this->assertSame(['a', 7, null], [
			Turn::take(1, fn () => 'a'),
			Turn::take(1, fn () => 7),
			Turn::take(1, fn () => null),
		]);
		try {
			Turn::take(1, fn () => throw new DomainException('no'));
			$this->fail('nothing was thrown');
		} catch (DomainException) {
		}
		// Nobody holds the lock any more.
		$isFree = fn () => flock(fopen('store/[data]/filesync/1/accept.lock', 'c'), LOCK_EX | LOCK_NB);
		$this->assertSame([false, true], [Turn::take(1, $isFree), $isFree()]);
	}

	public function test_a_process_that_the_work_began_does_not_keep_the_turn(): void
	{
		$begun = Turn::take(1, fn () => proc_open(['sleep', '60'], [], $pipes));
		$this->assertSame('next', Turn::take(1, fn () => 'next'));
		// Nor if this process had ended within its turn.
		$pid = proc_get_status($begun)['pid'];
		while (file_get_contents("/proc/$pid/comm") !== "sleep\n") {
			usleep(1000);
		}
		$this->assertSame([], preg_grep('/accept\.lock/', self::filesOf($pid)));
		proc_terminate($begun);
		proc_close($begun);
	}

	/** @return list<string> What a process has open. */
	private static function filesOf(int $pid): array
	{
		return array_map(fn ($path) => (string) @readlink($path), glob("/proc/$pid/fd/*"));
	}
}
