<?php

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\OwnerActions;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Work\Worker;
use FileSync\TransferBatch;
use TestHub\Maker;

/** What is on its way for one channel takes no more of the disk than the channel may. */
final class UnderWayTest extends AddonTestCase
{
	public function test_what_is_claimed_at_once_stays_within_the_bound_and_the_rest_waits_for_room(): void
	{
		Config::set('under_way_max_bytes', '1000');
		$this->receive(
			$this->file('f1', str_repeat('a', 400)),
			$this->file('f2', str_repeat('b', 400)),
			$this->file('f3', str_repeat('c', 400)),
		);
		Table::update('filesync_transfer', ['created' => Clock::now() + 1], ['hash' => 'f3']);
		$this->work();
		$this->assertEqualsCanonicalizing(['f1', 'f2'], array_column(TransferBatch::$added, 'hash'));
		$row = $this->transfer('f3');
		$this->assertSame(['waiting', 'Storage', 0], [$row['state'], $row['kind'], (int) $row['attempts']]);
		$this->assertSame(
			'unfinished files of this channel would use 1200 bytes on disk, the limit is 1000 (under_way_max_bytes)',
			$row['reason'],
		);
		Table::update('filesync_transfer', ['next_at' => 0], ['hash' => 'f3']);
		$this->work();
		$this->assertSame(str_repeat('c', 400), $this->shown('f3'));
	}

	public function test_what_a_packet_says_too_small_does_not_pass_the_bound_and_comes_once_there_is_room_for_all_of_it(): void
	{
		Config::set('under_way_max_bytes', '1000');
		$this->receive(
			$this->file('f1', 'bytes'),
			$this->photo('p1', [0 => 'photo', 1 => 'x']),
			$this->file('small', 'y'),
		);
		TransferBatch::$answers['f1-0'] = str_repeat('a', 1001);
		TransferBatch::$answers['p1-1'] = str_repeat('b', 1001);
		Config::set('make_scales', '0');
		$this->work();
		$this->assertSame(['photo', 'y'], [$this->shown('p1'), $this->shown('small')]);
		$this->assertNull($this->attach('f1'));
		foreach (['f1' => 0, 'p1' => 1] as $hash => $scale) {
			$row = $this->transfer($hash, $scale);
			$this->assertSame(['waiting', 'Storage', 1001], [$row['state'], $row['kind'], (int) $row['size_bytes']]);
			$this->assertStringContainsString('the limit is 1000 (under_way_max_bytes)', $row['reason']);
		}
		Config::set('under_way_max_bytes', '1001');
		// One after the other.
		for ($n = 0; $n < 2; $n++) {
			Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
			$this->work();
		}
		$this->assertSame(1001, strlen((string) $this->shown('f1')));
		$this->assertSame(['published', 1001], [
			$this->transfer('f1')['state'],
			strlen((string) file_get_contents('store/alice/p1-1')),
		]);
	}

	public function test_a_file_that_grew_since_its_packet_comes_as_it_is_at_once(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		TransferBatch::$answers['f1-0'] = str_repeat('a', 3000000);
		$this->work();
		$this->assertSame(['published', 0], [$this->transfer('f1')['state'], (int) $this->transfer('f1')['attempts']]);
		$this->assertSame(
			[5, 5],
			array_column(TransferBatch::$added, 'size_bytes'),
			'what the packet said stays the size for which its digest holds',
		);
		$this->assertSame(3000000, strlen((string) $this->shown('f1')));
		// A little more needs no second look.
		TransferBatch::$added = [];
		$this->receive($this->file('f2', 'bytes'));
		TransferBatch::$answers['f2-0'] = str_repeat('a', 300000);
		$this->work();
		$this->assertSame([1, 300000], [count(TransferBatch::$added), strlen((string) $this->shown('f2'))]);
	}

	public function test_a_hub_that_states_more_each_time_is_asked_less_and_less_and_a_packet_that_comes_again_begins_nothing_anew(): void
	{
		$this->receive($entry = $this->file('f1', 'bytes'));
		$stated = 3000000;
		TransferBatch::$fetch = function ($wish) use (&$stated) {
			return [
				'kind' => 'Limit',
				'temporary' => false,
				'message' => 'more than wanted',
				'facts' => ['stated_bytes' => (string) ($stated += 3000000)],
			];
		};
		try {
			$this->work();
			$this->assertSame(2, count(TransferBatch::$added));
			$row = $this->transfer('f1');
			$this->assertSame(['waiting', 'Limit', 1, 9000000], [
				$row['state'],
				$row['kind'],
				(int) $row['attempts'],
				(int) $row['size_bytes'],
			]);
			$this->assertGreaterThan(Clock::now() + 30, (int) $row['next_at']);
			$this->receive($entry);
			$this->assertSame([$row['generation'], $row['next_at']], [
				$this->transfer('f1')['generation'],
				$this->transfer('f1')['next_at'],
			]);
		} finally {
			TransferBatch::$fetch = null;
		}
	}

	public function test_a_size_that_one_clone_stated_keeps_nobody_from_giving_what_was_announced(): void
	{
		$this->stateOnce(1 << 39);
		$this->assertSame(['waiting', 'Storage', 1 << 39], [
			$this->transfer('f1')['state'],
			$this->transfer('f1')['kind'],
			(int) $this->transfer('f1')['size_bytes'],
		]);
		$this->tryAgain();
		$this->assertSame('bytes', $this->shown('f1'));
		$this->assertLessThan(5000000, max(array_column(TransferBatch::$added, 'most_bytes')));
	}

	public function test_a_larger_file_without_room_is_asked_for_once_a_turn_and_the_smallest_size_that_was_stated_counts(): void
	{
		Config::set('under_way_max_bytes', '2000');
		$this->receive($this->file('f1', 'bytes'));
		foreach ([5000 => 2, 6000 => 1, 5500 => 1, 3000 => 1] as $stated => $asked) {
			TransferBatch::$added = [];
			TransferBatch::$answers['f1-0'] = $this->tooMuch($stated);
			$this->tryAgain();
			$row = $this->transfer('f1');
			$this->assertSame(['waiting', min(5000, $stated), $asked], [
				$row['state'],
				(int) $row['size_bytes'],
				count(TransferBatch::$added),
			]);
			$this->assertGreaterThanOrEqual(Clock::now() + 10, (int) $row['next_at']);
		}
	}

	public function test_a_stated_size_is_forgotten_with_the_same_packet_a_new_one_and_the_owners_retry(): void
	{
		$size = fn () => [
			(int) $this->transfer('f1')['size_bytes'],
			$this->transfer('f1')['priority'],
			Transfer::of($this->transfer('f1'))->announcedBytes(),
		];
		$entry = $this->stateOnce(1 << 39);
		$before = [5, '0', 5];
		$this->assertNotEquals($before, $size());
		$this->receive($entry);
		$this->assertEquals($before, $size());
		$this->stateOnce(1 << 39);
		$this->press('filesync_retry_all', '1');
		$this->assertEquals(['staged', $before], [$this->transfer('f1')['state'], $size()]);
		$this->stateOnce(1 << 39);
		$this->receive($this->file('f2', 'y'));
		$this->press('filesync_retry', $this->transfer('f1')['id']);
		$this->assertEquals($before, $size());
		$this->stateOnce(1 << 39);
		$this->receive($this->file('f1', 'newer bytes', ['edited' => '2026-03-01 00:00:00']));
		$this->assertEquals([11, '0', 11], $size());
		$this->work();
		$this->assertSame('newer bytes', $this->shown('f1'));
	}

	public function test_the_accounts_limit_counts_what_packets_announced(): void
	{
		Table::update(
			'account',
			['account_service_class' => 'small'],
			['account_id' => $this->channel->accountId],
		);
		set_config('service_class', 'small', ['attach_upload_limit' => 1000]);
		unset(App::$config['service_class']);
		$this->stateOnce(1 << 39);
		$this->receive($this->file('f2', str_repeat('y', 995)), $this->file('f3', 'z'));
		$this->assertSame(['staged', 'parked', 'quota'], [
			$this->transfer('f2')['state'],
			$this->transfer('f3')['state'],
			$this->transfer('f3')['kind'],
		]);
	}

	public function test_a_file_that_a_clone_stated_too_large_comes_after_the_owners_retry(): void
	{
		Config::set('file_max_bytes', '1000');
		$this->stateOnce(1 << 39);
		$this->assertSame(['parked', Queue::TOO_LARGE], [
			$this->transfer('f1')['state'],
			$this->transfer('f1')['kind'],
		]);
		$this->press('filesync_retry_all', '1');
		$this->work();
		$this->assertSame('bytes', $this->shown('f1'));
	}

	public function test_copies_are_looked_for_by_the_announced_size(): void
	{
		$this->receive($this->file('f0', 'bytes'));
		$this->work();
		TransferBatch::$added = [];
		$this->stateOnce(3000000);
		$this->assertSame([['f0'], ['f0']], array_column(TransferBatch::$added, 'copies'));
	}

	public function test_the_extension_is_told_which_hub_announced_a_file(): void
	{
		Maker::hubloc(TestHub\InProcess::$identity, 'http://127.0.0.1:9003', 'alice3');
		Peers::learn(['url' => self::ORIGIN, 'dav' => 'untried', 'reason' => null, 'failures' => 1], null);
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$announced = array_column(TransferBatch::$added[0]['origins'], 'announced', 'url');
		$this->assertSame([true, 1], [$announced[self::ORIGIN], count(array_filter($announced))]);
		$this->assertGreaterThan(1, count($announced));
	}

	/** One file is announced; a clone states so many bytes, and nobody gives it yet. */
	private function stateOnce(int $bytes): array
	{
		Config::set('under_way_max_bytes', '100000000000');
		$this->receive($entry = $this->file('f1', 'bytes'));
		TransferBatch::$answers['f1-0'] = $this->tooMuch($bytes);
		$this->tryAgain();
		TransferBatch::$answers['f1-0'] = 'bytes';

		return $entry;
	}

	private function tooMuch(int $bytes): array
	{
		return [
			'kind' => 'Limit',
			'temporary' => false,
			'message' => 'it has more bytes there',
			'facts' => ['stated_bytes' => (string) $bytes, 'hub' => 'http://127.0.0.1:9003'],
		];
	}

	private function press(string $button, string $value): void
	{
		App::set_channel($this->channel->row());
		$_POST = [$button => $value];
		OwnerActions::take();
		$_POST = [];
		App::set_channel(null);
	}

	private function tryAgain(): void
	{
		Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
		$this->work();
	}

	public function test_all_that_files_are_given_beyond_what_packets_say_is_counted(): void
	{
		Config::set('under_way_max_bytes', '4000000');
		foreach (range(1, 64) as $n) {
			$this->receive($this->file("f$n", 'bytes'));
		}
		$this->work();
		$this->assertCount(64, TransferBatch::$added);
		$this->assertLessThanOrEqual(4000000, array_sum(array_column(TransferBatch::$added, 'most_bytes')));
		$this->assertGreaterThan(5, TransferBatch::$added[0]['most_bytes']);
	}

	public function test_what_arrived_of_other_files_counts_as_it_lies_on_disk(): void
	{
		Config::set('under_way_max_bytes', '100000');
		$this->receive($this->file('f1', str_repeat('a', 60000)));
		file_put_contents('store/[data]/filesync/1/other-0.1.partial', str_repeat('x', 60000));
		$this->work();
		$this->assertSame(['waiting', []], [$this->transfer('f1')['state'], TransferBatch::$added]);
		// A hole takes no room.
		ftruncate($file = fopen('store/[data]/filesync/1/other-0.1.partial', 'w'), 60000);
		fclose($file);
		clearstatcache();
		Table::update('filesync_transfer', ['next_at' => 0], []);
		$this->work();
		$this->assertNotNull($this->shown('f1'));
	}

	public function test_a_claim_of_most_of_the_disk_waits_and_takes_no_other_channels_room(): void
	{
		$bob = $this->another('bob', self::ORIGIN);
		$this->receive($this->file('huge', 'x', ['filesize' => 7 << 37]), $this->file('small', 'y'));
		Zotlabs\Lib\sync_files($bob, [['original_channel' => 'bob'] + $this->file('his', 'z', ['filesize' => 1])]);
		$this->work();
		$this->assertSame(['waiting', 'y'], [$this->transfer('huge')['state'], $this->shown('small')]);
		$this->assertStringContainsString('under_way_max_bytes', $this->transfer('huge')['reason']);
		$this->assertSame('z', file_get_contents('store/bob/his'));
	}
}
