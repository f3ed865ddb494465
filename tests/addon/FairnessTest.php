<?php

use Fake\Api;
use Fake\Clock as FakeClock;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Posts\Previews;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Reconcile\Verify;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Work\Worker;
use FileSync\TransferBatch;
use TestHub\Maker;

/** A channel whose clones are slow, or lie, takes its turns and no more: every other channel has its own. */
final class FairnessTest extends AddonTestCase
{
	private const SECOND = 'http://127.0.0.1:9002';

	private Channel $bob;
	private Channel $carol;

	protected function setUp(): void
	{
		parent::setUp();
		foreach (['bob', 'carol'] as $nick) {
			$this->$nick = Channel::of($this->another($nick, self::ORIGIN, self::SECOND));
		}
		Config::set('linger_seconds', '0');
	}

	public function test_two_channels_whose_clones_are_slow_do_not_keep_a_third_from_its_five_bytes(): void
	{
		$this->slow($this->channel, 'slow1', 65536);
		$this->slow($this->bob, 'slow2', 65536);
		$this->take($this->carol, $this->file('five', '12345'));
		$this->passTime();
		(new Worker(Clock::now() + 110))->run(0);
		$this->assertSame('12345', @file_get_contents('store/carol/five'));
		$this->assertSame(
			[0, 0],
			array_map(
				fn ($hash) => (int) Table::first('filesync_transfer', ['hash' => $hash])['attempts'],
				['slow1', 'slow2'],
			),
			'the end of a turn does not count as a failure',
		);
		$asked = array_column(TransferBatch::$added, 'hash');
		$this->assertLessThan(
			4,
			array_search('five', $asked, true),
			'each channel had one turn before it: ' . implode(' ', $asked),
		);
		$this->assertContains(
			'slow1',
			array_slice($asked, array_search('five', $asked, true)),
			'those go on afterwards',
		);
	}

	public function test_a_slice_begins_with_the_channel_whose_turn_was_longest_ago(): void
	{
		foreach ([[$this->channel, 'slow1'], [$this->bob, 'slow2'], [$this->carol, 'slow3']] as [$channel, $hash]) {
			$this->slow($channel, $hash, 65536);
		}
		$this->passTime();
		for ($slice = 0; $slice < 6; $slice++) {
			(new Worker(Clock::now() + 10))->run(0);
		}
		$this->assertSame(
			['slow1', 'slow2', 'slow3', 'slow1', 'slow2', 'slow3'],
			array_column(TransferBatch::$added, 'hash'),
		);
	}

	public function test_what_follows_a_transfer_has_its_place_in_each_turn(): void
	{
		FileSync\Photo::$isKnown = true;
		$this->slow($this->channel, 'slow1', 65536);
		$this->slow($this->bob, 'slow2', 65536);
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'x']));
		Outbox::add(1, 'items', 'a post', json_encode(['items' => []]));
		Outbox::add(1, 'posts', self::ORIGIN, json_encode(['since' => Clock::now()]));
		$this->passTime();
		(new Worker(Clock::now() + 110))->run(0);
		FileSync\Photo::$isKnown = false;
		$this->assertSame('scale 1 of original', @file_get_contents('store/alice/p1-1'));
		$this->assertSame(
			[],
			array_column(Table::select('filesync_outbox', ['uid' => 1, 'kind <>' => 'preview']), 'kind'),
		);
	}

	public function test_a_channel_that_is_alone_is_not_interrupted(): void
	{
		$this->slow($this->channel, 'large', 65536);
		$this->passTime();
		(new Worker(Clock::now() + 110))->run(0);
		$this->assertSame(['large'], array_column(TransferBatch::$added, 'hash'));
	}

	public function test_what_gets_next_to_nothing_lets_others_in_at_once(): void
	{
		$this->slow($this->channel, 'slow1', 1000);
		$this->take($this->carol, $this->file('five', '12345'));
		$this->passTime();
		$began = Clock::now();
		TransferBatch::$duringStep = function () use ($began) {
			FakeClock::$ahead++;
			if (is_file('store/carol/five')) {
				throw new FileSync\Exception\StorageException('enough');
			}
		};
		(new Worker(Clock::now() + 110))->run(0);
		$this->assertSame('12345', file_get_contents('store/carol/five'));
		$this->assertLessThan(19, Clock::now() - $began);
	}

	public function test_a_slow_clone_does_not_hold_every_connection_of_its_channel(): void
	{
		Config::set('parallel', '2');
		foreach (array_map(fn ($n) => "slow$n", range(1, 150)) as $hash) {
			$this->slow($this->channel, $hash, 10);
		}
		Maker::hubloc(TestHub\InProcess::$identity, self::SECOND, 'alice');
		$this->receive(['fetch_url' => self::SECOND . '/getfile'] + $this->file('zlast', 'bytes'));
		$this->passTime();
		(new Worker(Clock::now() + 110))->run(0);
		$this->assertSame('bytes', $this->shown('zlast'));
		$row = $this->transfer('slow1');
		$this->assertSame(['staged', 0], [$row['state'], (int) $row['attempts']]);
	}

	public function test_a_clone_that_is_slow_to_answer_is_not_begun_with_again_and_again(): void
	{
		Config::set('parallel', '2');
		foreach (['slow1', 'slow2', 'slow3'] as $hash) {
			$this->slow($this->channel, $hash, 10);
		}
		$this->passTime();
		(new Worker(Clock::now() + 110))->run(0);
		$this->assertCount(3, TransferBatch::$added);
	}

	public function test_many_small_files_are_no_slow_batch(): void
	{
		for ($n = 0; $n < 30; $n++) {
			$this->receive($this->file("small$n", "$n"));
		}
		$this->passTime();
		(new Worker(Clock::now() + 300))->run(0);
		$this->assertSame(30, count(TransferBatch::$added), 'none was begun twice');
	}

	public function test_a_clone_that_lists_its_files_for_ever_stops_no_other_comparison_and_fails_in_the_end(): void
	{
		$asked = [];
		$this->answerAsClone(function ($url, $said) use (&$asked) {
			FakeClock::$ahead++;
			$asked[] = parse_url($url, PHP_URL_PORT);

			return (
				['session' => str_repeat('b', 32)]
				+ (
					$said['do'] === 'finish'
						? ['noted' => 0]
						: (
							parse_url($url, PHP_URL_PORT) === 9001
								? ['state' => 'listing', 'retry_after' => 1]
								: ['state' => 'ready', 'message' => '']
						)
				)
			);
		});
		$slow = $this->due($this->channel, self::ORIGIN, 5);
		$other = $this->due($this->bob, self::SECOND, 1);
		Reconcile::work(Clock::now() + 110);
		$this->assertNotSame(0, Run::find($other->id)->finished);
		$this->assertSame([9001, 9002], array_slice($asked, 0, 2));
		$this->assertLessThan(5, count(array_keys($asked, 9001)), 'it waits, rather than asks on and on');
		$this->assertSame([0, 'comparing'], [($run = Run::find($slow->id))->attempts, $run->state]);
		for ($n = 0; $n < 100 && ! Run::find($slow->id)->attempts; $n++) {
			FakeClock::$ahead += 30;
			Reconcile::work(Clock::now() + 110);
		}
		$run = Run::find($slow->id);
		$this->assertSame([1, 'idle'], [$run->attempts, $run->state]);
		$this->assertStringContainsString('has listed its files for 10 minutes', $run->reason);
		$this->assertGreaterThan(Clock::now() + 50, $run->next_at);
		$this->assertLessThan(30, $n);
	}

	public function test_a_hub_that_needs_a_while_to_list_is_waited_for(): void
	{
		$answers = 0;
		$this->answerAsClone(function ($url, $said) use (&$answers) {
			return (
				['session' => str_repeat('b', 32)]
				+ (
					$said['do'] === 'finish'
						? ['noted' => 0]
						: (
							++$answers < 4
								? ['state' => 'listing', 'retry_after' => 1]
								: ['state' => 'ready', 'message' => '']
						)
				)
			);
		});
		$run = $this->due($this->channel, self::ORIGIN, 1);
		for ($n = 0; $n < 6; $n++) {
			Reconcile::work(Clock::now() + 110);
			FakeClock::$ahead += 2;
		}
		$this->assertSame([4, 0, ''], [$answers, ($now = Run::find($run->id))->attempts, $now->reason]);
		$this->assertNotSame(0, $now->finished);
	}

	public function test_a_channel_with_hundreds_of_clones_hides_no_other(): void
	{
		$asked = [];
		$this->answerAsClone(function ($url, $said) use (&$asked) {
			$asked[] = parse_url($url, PHP_URL_PORT);
			FakeClock::$ahead += 20;

			return ['error' => 'busy'];
		});
		for ($n = 0; $n < 150; $n++) {
			Maker::hubloc(TestHub\InProcess::$identity, 'http://127.0.0.1:' . (10000 + $n), 'alice');
			$this->due($this->channel, 'http://127.0.0.1:' . (10000 + $n), 1000 + $n);
		}
		$this->due($this->bob, self::SECOND, 1);
		Reconcile::work(Clock::now() + 60);
		$this->assertContains(9002, array_slice($asked, 0, 2));
	}

	public function test_entries_that_come_one_at_a_time_take_turns_too(): void
	{
		$hashes = array_map(fn ($n) => "told$n", range(1, 30));
		$asked = [];
		$this->answerAsClone(function ($url, $said) use (&$asked) {
			$asked[] = $port = parse_url($url, PHP_URL_PORT);
			FakeClock::$ahead += 10;

			return (
				$said['do'] === 'entries'
					? ['entries' => [['for' => $said['hashes'][0], 'entry' => null]]]
					: ['noted' => 0, 'state' => 'ready', 'message' => '', 'session' => str_repeat('b', 32)]
			);
		});
		Run::wish($this->channel->id, self::ORIGIN, $hashes, 0);
		Run::ask($this->channel->id, self::ORIGIN, 'pull')->save(['next_at' => Clock::now() - 5]);
		$other = $this->due($this->bob, self::SECOND, 0);
		Reconcile::work(Clock::now() + 110);
		$this->assertContains(9002, array_slice($asked, 0, 4));
		$this->assertNotSame(0, Run::find($other->id)->finished);
		for ($n = 0; $n < 10; $n++) {
			Reconcile::work(Clock::now() + 110);
		}
		$this->assertSame(['idle', 0], [
			($run = Run::ask($this->channel->id, self::ORIGIN, 'pull'))->state,
			$run->attempts,
		]);
		$this->assertSame(30, count(array_keys($asked, 9001)), 'none is asked for twice');
	}

	public function test_the_long_list_of_a_stock_hub_is_read_in_turns(): void
	{
		Peers::learn([
			'url' => self::ORIGIN,
			'dav' => 'untried',
			'filesync' => 'refused',
			'filesync_reason' => 'stock',
		], null);
		$starts = $ports = [];
		Client::$wire = function ($method, $url, $headers, $body) use (&$starts, &$ports) {
			$ports[] = parse_url($url, PHP_URL_PORT);
			if (str_contains($url, '/api/z/1.0/files?')) {
				FakeClock::$ahead += 15;
				parse_str(parse_url($url, PHP_URL_QUERY), $query);
				$starts[] = $start = (int) $query['start'];
				$rows = array_map(
					fn ($n) => [
						'hash' => "there$n",
						'filename' => "there$n",
						'filesize' => 1,
						'edited' => '2024-05-01 10:00:00',
					],
					range($start, min(2399, $start + 499)),
				);

				return ['status' => 200, 'body' => json_encode(['results' => $rows])];
			}
			if (str_contains($url, 'file/export')) {
				return ['status' => 200, 'body' => '{}'];
			}

			return [
				'status' => 200,
				'body' => json_encode([
					'filesync' => 1,
					'state' => 'ready',
					'message' => '',
					'session' => str_repeat('b', 32),
				]),
			];
		};
		$run = $this->due($this->channel, self::ORIGIN, 5);
		$other = $this->due($this->bob, self::SECOND, 1);
		Reconcile::work(Clock::now() + 400);
		$this->assertSame([0, 480, 960, 1440, 1920], $starts, 'no page is read twice');
		$this->assertLessThan(4, array_search(9002, $ports, true));
		$this->assertNotSame(0, Run::find($other->id)->finished);
		$this->assertSame(2400, Run::find($run->id)->stats['missing_here']);
	}

	public function test_posts_of_a_hub_that_answers_slowly_come_in_turns_and_all_of_them(): void
	{
		for ($n = 0; $n < 220; $n++) {
			$item = $this->item("share $n", "share $n", ['resource_id' => 'f1', 'resource_type' => 'attach']);
			Api::$items[] = ['author' => ['id' => $this->channel->guid] + $item['author']] + $item;
		}
		Client::$wire = function (...$asked) {
			FakeClock::$ahead += 12;

			return Api::answer(...$asked);
		};
		$this->receive($this->file('f1', 'bytes'));
		$this->take($this->carol, $this->file('five', '12345'));
		Table::update('filesync_outbox', ['created' => 0], ['uid' => 1]);
		(new Worker(Clock::now() + 45))->run(0);
		$this->assertSame('12345', @file_get_contents('store/carol/five'));
		$this->assertLessThan(220, Table::count('item', []));
		for ($n = 0; $n < 5; $n++) {
			(new Worker(Clock::now() + 45))->run(0);
		}
		$this->assertSame([220, 0], [
			Table::count('item', []),
			Table::count('filesync_outbox', ['kind' => 'posts', 'uid' => 1]),
		]);
		$this->assertCount(
			10,
			preg_grep('/export_page/', Api::$asked),
			'five pages for each of the two channels, none twice',
		);
	}

	public function test_previews_digests_and_checks_are_made_for_each_channel_in_turn(): void
	{
		foreach ([1 => $this->channel, 2 => $this->bob] as $uid => $channel) {
			foreach (['a', 'b', 'c'] as $n => $hash) {
				Outbox::add($uid, 'preview', "$hash$uid");
				Table::update('filesync_outbox', ['created' => (10 * $uid) + $n], ['name' => "$hash$uid"]);
				Table::insert('filesync_digest', [
					'id' => "$hash$uid",
					'uid' => $uid,
					'hash' => "$hash$uid",
					'scale' => 0,
					'size_bytes' => (10 * $uid) + $n,
					'facts' => '',
					'sha256' => '',
					'updated' => 0,
				]);
			}
		}
		$order = [];
		$this->whileFailing(function ($sql) use (&$order) {
			preg_match("/^DELETE FROM filesync_digest.*id = '(\w+)'/i", $sql, $found) && ($order['digests'][] =
				$found[1]);
			preg_match(
				"/^UPDATE filesync_outbox SET next_at.* attempts = 1.* id = '(\w+)'/i",
				$sql,
				$found,
			) && ($order['previews'][] = $found[1]);

			return false;
		}, function () {
			Previews::work(Clock::now() + 60);
			Digests::work(Clock::now() + 60);
		});
		$this->assertSame(['a1', 'a2', 'b1', 'b2', 'c1', 'c2'], $order['digests']);
		$id = fn ($uid, $name) => hash('sha256', "$uid\npreview\n$name");
		$this->assertSame(
			[$id(1, 'a1'), $id(2, 'a2'), $id(1, 'b1'), $id(2, 'b2'), $id(1, 'c1'), $id(2, 'c2')],
			$order['previews'],
		);
	}

	public function test_trouble_with_one_channel_stops_neither_the_check_nor_the_digests_of_others(): void
	{
		$this->receive($this->file('f1', 'mine'));
		$this->take($this->carol, $this->file('f3', 'hers'));
		$this->work();
		Table::update('filesync_digest', ['sha256' => '', 'facts' => ''], []);
		$this->whileFailing(fn ($sql) => preg_match("/from attach WHERE uid = 1\b/i", $sql), function () {
			Verify::work(Clock::now() + 60);
			Digests::work(Clock::now() + 60);
		});
		$this->assertSame(
			['', hash('sha256', 'hers')],
			array_map(fn ($hash) => Table::first('filesync_digest', ['hash' => $hash])['sha256'], ['f1', 'f3']),
		);
		$this->assertSame(
			1,
			Run::ask($this->carol->id, '', 'verify')->stats['present'] ?? Run::ask(
				$this->carol->id,
				'',
				'verify',
			)->stats['unverified'] ?? 0,
		);
	}

	private function take(Channel $channel, array $entry): void
	{
		Zotlabs\Lib\sync_files($channel->row(), [['original_channel' => $channel->nick] + $entry]);
	}

	/** A file that gets so many bytes in each second, and never is whole. */
	private function slow(Channel $channel, string $hash, int $rate): void
	{
		$entry = $this->file($hash, 'bytes', ['filesize' => 900000]);
		TransferBatch::$answers["$hash-0"] = ['slow' => $rate];
		$this->take($channel, $entry);
	}

	/** Every step of a batch takes a second. */
	private function passTime(): void
	{
		TransferBatch::$duringStep = function () {
			FakeClock::$ahead++;
		};
	}

	private function due(Channel $channel, string $peer, int $since): Run
	{
		$run = Run::ask($channel->id, $peer);
		$run->save(['next_at' => Clock::now() - $since]);

		return $run;
	}

	private function answerAsClone(Closure $answer): void
	{
		foreach ([self::ORIGIN, self::SECOND] as $url) {
			Peers::hear($url, [
				'v' => 1,
				'version' => '0.1.0',
				'features' => ['ticket', 'range', 'inventory'],
				'endpoint' => $url . '/getfile/ticket',
			]);
		}
		Client::$wire = fn ($method, $url, $headers, $body) => [
			'status' => 200,
			'body' => json_encode($answer($url, json_decode($body, true)) + ['filesync' => 1, 'time' => Clock::now()]),
		];
	}
}
