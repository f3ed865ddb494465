<?php

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\Wanted;
use FileSync\Addon\Work\Worker;
use FileSync\TransferBatch;
use TestHub\InProcess;
use TestHub\Maker;

final class QueueTest extends AddonTestCase
{
	public function test_a_transfer_is_leased_to_one_worker_only(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->assertCount(1, Queue::claim(1, 'one', 64));
		$this->assertCount(0, Queue::claim(1, 'two', 64));
		Table::update('filesync_transfer', ['lease_until' => time() - 1], []);
		Queue::recoverLeases();
		$transfer = Queue::claim(1, 'two', 64)[0];
		$row = $this->transfer('f1');
		$this->assertNull(Queue::advance(Transfer::of(['token' => 'one'] + $row), 'leased', 'verified'));
		$this->assertNull(Queue::advance(Transfer::of(['generation' => 9] + $row), 'leased', 'verified'));
		$this->assertSame('verified', Queue::advance($transfer, 'leased', 'verified')->state);
	}

	public function test_what_was_leased_while_the_clock_was_ahead_holds_nobody_off(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$day = time() + 86400;
		Lease::take('worker-1', 'one', 60);
		Queue::claim(1, 'one', 64);
		Table::update('filesync_lease', ['expires' => $day], []);
		Table::update('filesync_transfer', ['lease_until' => $day], []);
		Config::set('storage_paused_until', (string) $day, 'state');
		$this->assertFalse(Lease::isHeld('worker-1'));
		$this->assertTrue(Lease::take('worker-1', 'two', 60));
		$this->assertFalse(Lease::take('worker-1', 'one', 60));
		Queue::recoverLeases();
		$this->assertSame(0, Queue::pausedUntil());
		$this->assertCount(1, Queue::claim(1, 'two', 64));
	}

	public function test_what_was_overtaken_by_a_newer_packet_is_cancelled_and_not_published(): void
	{
		$this->receive($this->file('f1', 'first'), $this->file('f2', 'other'));
		TransferBatch::$duringStep = function () {
			TransferBatch::$duringStep = null;
			$this->receive($this->file('f1', 'second', ['edited' => '2024-06-01 10:00:00']));
			TransferBatch::$answers['f1-0'] = 'second';
		};
		$this->work();
		$this->assertSame('second', $this->shown('f1'));
		$this->assertSame(['2', 'published'], [
			(string) $this->transfer('f1')['generation'],
			$this->transfer('f1')['state'],
		]);
		$this->assertSame([], $this->kept());
	}

	public function test_a_passing_failure_waits_longer_each_time(): void
	{
		TransferBatch::$answers['f1-0'] = ['kind' => 'Network', 'temporary' => true, 'message' => 'refused'];
		$entry = $this->file('f1', 'bytes');
		TransferBatch::$answers['f1-0'] = ['kind' => 'Network', 'temporary' => true, 'message' => 'refused'];
		$this->receive($entry);
		foreach ([60, 120, 240] as $n => $seconds) {
			Table::update('filesync_transfer', ['next_at' => 0], []);
			$before = time();
			$this->work();
			$row = $this->transfer('f1');
			$this->assertSame(['waiting', $n + 1, 'refused'], [$row['state'], (int) $row['attempts'], $row['reason']]);
			$this->assertGreaterThanOrEqual($before + $seconds - 2, (int) $row['next_at']);
			$this->assertLessThanOrEqual(time() + ($seconds * 1.25) + 2, (int) $row['next_at']);
		}
		TransferBatch::$answers['f1-0']['retry_after_seconds'] = 5000;
		Table::update('filesync_transfer', ['next_at' => 0], []);
		$this->work();
		$this->assertGreaterThan(time() + 4900, (int) $this->transfer('f1')['next_at']);
		TransferBatch::$answers['f1-0']['received_bytes'] = 3;
		Table::update('filesync_transfer', ['next_at' => 0], []);
		$this->work();
		$this->assertSame(1, (int) $this->transfer('f1')['attempts'], 'progress restarts the waits');
	}

	public function test_bytes_that_never_match_are_parked_after_five_times(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		TransferBatch::$answers['f1-0'] = [
			'kind' => 'Corrupt',
			'temporary' => true,
			'message' => 'digest mismatch',
			'received_bytes' => 5,
		];
		for ($n = 0; $n < 5; $n++) {
			Table::update('filesync_transfer', ['next_at' => 0], []);
			$this->work();
		}
		$this->assertSame(['parked', 'Corrupt'], [$this->transfer('f1')['state'], $this->transfer('f1')['kind']]);
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame('staged', $this->transfer('f1')['state'], 'another packet tries again');
	}

	public function test_a_lasting_failure_is_parked_with_its_reason_and_nothing_is_shown(): void
	{
		$entry = $this->file('f1', 'bytes');
		TransferBatch::$answers = [];
		$this->receive($entry);
		$this->work();
		$this->assertSame(['parked', 'NotFound', 'not there'], [
			$this->transfer('f1')['state'],
			$this->transfer('f1')['kind'],
			$this->transfer('f1')['reason'],
		]);
		$this->assertNull($this->attach('f1'));
	}

	public function test_a_full_disk_pauses_everything_and_costs_no_attempt(): void
	{
		$entry = $this->file('f1', 'bytes');
		TransferBatch::$answers['f1-0'] = ['kind' => 'Storage', 'temporary' => true, 'message' => 'no space left'];
		$this->receive($entry);
		$this->work();
		$this->assertSame(['waiting', 0], [$this->transfer('f1')['state'], (int) $this->transfer('f1')['attempts']]);
		$this->receive($this->file('f2', 'bytes'));
		$this->work();
		$this->assertSame('staged', $this->transfer('f2')['state']);
		Config::clear('storage_paused_until', 'state');
		$this->work();
		$this->assertSame('bytes', $this->shown('f2'));
	}

	public function test_a_file_that_finds_no_room_holds_up_no_other(): void
	{
		$entry = $this->file('f1', 'bytes');
		TransferBatch::$answers['f1-0'] = [
			'kind' => 'Storage',
			'temporary' => true,
			'message' => 'no room',
			'facts' => ['needed_bytes' => '900000000000'],
		];
		$this->receive($entry, $this->file('f2', 'others'));
		$this->work();
		$this->assertSame(['waiting', 'Storage', 0], [
			$this->transfer('f1')['state'],
			$this->transfer('f1')['kind'],
			(int) $this->transfer('f1')['attempts'],
		]);
		$this->assertStringContainsString(
			'not enough disk space for 900000000000 bytes',
			$this->transfer('f1')['reason'],
		);
		$this->assertSame('others', $this->shown('f2'));
		$this->assertSame(0, Queue::pausedUntil());
	}

	public function test_what_is_larger_than_the_channel_takes_stays_away_until_it_may_come(): void
	{
		$this->receive($this->file('f1', '12345'), $this->file('f2', '123456'));
		$this->work();
		$this->assertSame('12345', $this->shown('f1'));
		Config::set('file_max_bytes', '5');
		$this->receive($this->photo('p1', [0 => '12345678', 1 => 'abc']), $this->file('f1', '1234567', [
			'edited' => '2024-06-01 10:00:00',
		]), $this->file('f3', '12'));
		TransferBatch::$added = [];
		$this->work();
		$this->assertSame(['f3-0'], array_map(fn ($wish) => "{$wish['hash']}-{$wish['scale']}", TransferBatch::$added));
		$this->assertSame(['12345', '12', null], [$this->shown('f1'), $this->shown('f3'), $this->shown('p1')]);
		[$status, $said] = $this->runVerb('missing');
		$this->assertSame(1, $status);
		$this->assertStringContainsString('the file has 8 bytes, more than file_max_bytes, 5', $said);
		// A channel's own limit goes before the site's.
		Config::set('file_max_bytes', '7', 'channel:' . $this->channel->id);
		FileSync\Addon\Work\Housekeeping::often();
		$this->work();
		$this->assertSame(['1234567', null], [$this->shown('f1'), $this->shown('p1')]);
		Config::set('file_max_bytes', '0', 'channel:' . $this->channel->id);
		FileSync\Addon\Work\Housekeeping::often();
		$this->work();
		$this->assertSame(['12345678', [0, "nothing is missing\n"]], [$this->shown('p1'), $this->runVerb('missing')]);
	}

	public function test_a_file_that_is_larger_than_its_packet_says_stays_away_too_until_it_may_come(): void
	{
		Config::set('file_max_bytes', '1000');
		Config::set('make_scales', '0');
		$this->receive($this->file('f1', 'bytes'), $this->photo('p1', [0 => 'photo', 1 => 'abc']));
		TransferBatch::$answers['f1-0'] = str_repeat('a', 1001);
		TransferBatch::$answers['p1-0'] = str_repeat('p', 300000);
		$this->work();
		$this->assertSame([null, null], [$this->attach('f1'), $this->attach('p1')]);
		$this->assertSame([], glob('store/\[data\]/filesync/1/{f1,p1-0}*.partial', GLOB_BRACE));
		[$status, $said] = $this->runVerb('missing');
		$this->assertSame(1, $status);
		$this->assertStringContainsString('the file has 1001 bytes, more than file_max_bytes, 1000', $said);
		$this->assertStringContainsString(
			'file_max_bytes',
			FileSync\Addon\Status\Words::kind($this->transfer('f1')['kind']),
		);
		foreach ([['1000', null, null], ['1001', 1001, null], ['0', 1001, 300000]] as [$limit, $one, $two]) {
			Config::set('file_max_bytes', $limit);
			TransferBatch::$added = [];
			FileSync\Addon\Work\Housekeeping::often();
			$this->work();
			$this->assertSame(
				[$one, $two],
				array_map(fn ($hash) => $this->shown($hash) === null
					? null
					: strlen($this->shown($hash)), ['f1', 'p1']),
			);
			$limit === '1000' && $this->assertSame([], TransferBatch::$added, 'nobody is asked while the limit stands');
		}
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing'));
	}

	public function test_a_limit_that_was_set_while_a_file_came_holds_for_it(): void
	{
		$this->receive($this->file('f1', '123456'));
		TransferBatch::$duringStep = fn () => Config::set('file_max_bytes', '5');
		$this->work();
		$this->assertSame([null, 'parked', Queue::TOO_LARGE], [
			$this->shown('f1'),
			$this->transfer('f1')['state'],
			$this->transfer('f1')['kind'],
		]);
		$this->assertSame([], glob('store/\[data\]/filesync/1/f1*'));
		TransferBatch::$duringStep = null;
		Config::set('file_max_bytes', '6');
		FileSync\Addon\Work\Housekeeping::often();
		$this->work();
		$this->assertSame('123456', $this->shown('f1'));
	}

	public function test_to_be_asked_to_wait_a_little_counts_as_no_attempt(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		TransferBatch::$answers['f1-0'] = [
			'kind' => 'PeerBusy',
			'temporary' => true,
			'message' => 'a little later',
			'retry_after_seconds' => 10,
			'facts' => ['wait_is_no_failure' => 'true'],
		];
		Config::set('linger_seconds', '0');
		for ($n = 0; $n < 8; $n++) {
			Table::update('filesync_transfer', ['next_at' => 0], ['hash' => 'f1']);
			$this->work();
			$row = $this->transfer('f1');
			$this->assertSame(['waiting', 0], [$row['state'], (int) $row['attempts']]);
			$this->assertEqualsWithDelta(Clock::now() + 10, (int) $row['next_at'], 2);
		}
		$this->assertCount(8, TransferBatch::$added);
	}

	public function test_every_other_clone_is_a_source_and_no_stranger(): void
	{
		Maker::hubloc(InProcess::$identity, 'http://127.0.0.1:9003', 'alice3');
		Config::set('dav_allowed', '0', 'peer:http://127.0.0.1:9003');
		$this->receive($this->file('f1', 'bytes'));
		Table::update('filesync_transfer', ['origin' => 'http://evil.example'], []);
		$this->work();
		$origins = TransferBatch::$added[0]['origins'];
		$this->assertSame(
			[['http://127.0.0.1:9001', true], ['http://127.0.0.1:9003', false]],
			array_map(fn ($o) => [$o['url'], $o['dav']], $origins),
		);
		$this->assertSame('alice3', $origins[1]['nick']);
	}

	public function test_a_peer_that_refuses_dav_is_not_asked_for_it_for_a_day(): void
	{
		TransferBatch::$dav = [self::ORIGIN => 'refused'];
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->receive($this->file('f2', 'bytes'));
		$this->work();
		$this->assertSame([true, false], array_map(fn ($t) => $t['origins'][0]['dav'], TransferBatch::$added));
	}

	public function test_one_channel_is_served_by_one_worker_and_jobs_do_not_pile_up(): void
	{
		foreach (['f1', 'f2', 'f3'] as $hash) {
			$this->receive($this->file($hash, 'bytes'));
		}
		$this->assertCount(1, $this->jobs('Addon'));
		Lease::take('channel-1', 'somebody', 180);
		$this->work();
		$this->assertSame('staged', $this->transfer('f1')['state']);
		Lease::giveBack('channel-1', 'somebody');
		dbq('DELETE FROM workerq');
		$job = ['Addon', 'filesync', 'work', 'x'];
		call_hooks('daemon_addon', $job);
		$this->assertSame('bytes', $this->shown('f3'));
		$this->assertNotContains('work', array_column($this->jobs('Addon'), 2));
		$other = ['Addon', 'another', 'work'];
		call_hooks('daemon_addon', $other);
	}

	public function test_scales_of_a_stuck_photo_cost_the_next_packet_nothing(): void
	{
		Config::set('make_scales', '0');
		$one = fn (string $hash) => $this->whileFailing(
			fn () => false,
			fn () => $this->receive($this->file($hash, 'bytes')),
		);
		$before = $one('f1');
		foreach (['p1', 'p2', 'p3'] as $hash) {
			$this->receive($this->photo($hash, [0 => 'original', 1 => 'a', 2 => 'b', 3 => 'c']));
			TransferBatch::$answers[$hash . '-0'] = ['kind' => 'Refused', 'temporary' => false, 'message' => 'no'];
		}
		$this->work();
		$this->assertSame(9, Table::count('filesync_transfer', ['state' => 'verified']));
		Lease::end('summon');
		dbq('DELETE FROM workerq');
		$this->assertLessThanOrEqual($before, $one('f2'));
	}

	public function test_a_slice_ends_in_time_and_gives_back_what_is_unfinished(): void
	{
		$this->receive($this->file('f1', 'one'), $this->file('f2', 'two'));
		Config::set('linger_seconds', '0');
		$worker = new Worker(time() - 1);
		$worker->run(0);
		$this->assertSame(['staged', 0], [$this->transfer('f1')['state'], (int) $this->transfer('f1')['attempts']]);
		$this->assertFalse(Lease::isHeld('worker-1'));
	}

	public function test_what_is_wanted_decides_these_columns_and_no_others(): void
	{
		$wanted = fn (...$more) => (new Wanted(
			...$more
			+ [
				'channelId' => 1,
				'hash' => 'f1',
				'scale' => 2,
				'sizeBytes' => 5,
				'edited' => '2024-01-01 10:00:00',
				'mimetype' => 'image/png',
				'folder' => 'd1',
				'origin' => self::ORIGIN,
				'nick' => 'alice',
				'names' => ['docs', 'näme'],
				'entry' => ['photo' => null],
			],
		))->columns();
		$plain = [
			'uid' => 1,
			'hash' => 'f1',
			'scale' => 2,
			'size_bytes' => 5,
			'edited' => '2024-01-01 10:00:00',
			'mimetype' => 'image/png',
			'folder' => 'd1',
			'origin' => self::ORIGIN,
			'nick' => 'alice',
			'names' => '["docs","n\u00e4me"]',
			'entry' => '{"photo":null}',
			'base' => 'null',
			'kind' => '',
			'reason' => '',
		];
		$this->assertSame($plain, $wanted());
		$this->assertSame($plain + ['state' => 'to_make', 'priority' => 100], $wanted(isToMake: true, isLate: true));
		$this->assertSame(
			['base' => '{"size_bytes":3}', 'kind' => 'quota', 'reason' => 'full'] + $plain,
			array_replace(
				['base' => '', 'kind' => '', 'reason' => ''],
				$wanted(base: ['size_bytes' => 3], kind: 'quota', reason: 'full'),
			),
		);
	}
}
