<?php

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Receive\FirstPackets;

/** I2, I4 and I7: packets about files of which nothing is known here are taken in together. */
final class FirstPacketsTest extends AddonTestCase
{
	private const PHOTO = ['original', 'small 1', 'small 2', 'small 3'];
	private const TABLES = [
		'attach',
		'photo',
		'term',
		'filesync_file',
		'filesync_outbox',
		'filesync_packet',
		'filesync_peer',
	];

	public function test_what_is_recorded_is_what_each_packet_alone_would_record(): void
	{
		$now = (float) time();
		$told = [];
		foreach ([false, true] as $together) {
			$this->tearDown();
			$this->setUp();
			Fake\Clock::$stoppedAt = $now;
			Config::set('make_scales', '1');
			Peers::answered(self::ORIGIN, ['features' => ['ticket']]);
			$entries = [
				$this->versioned($this->file('f1', 'one')),
				$this->versioned($this->file('f2', 'two', ['allow_cid' => '<friend>'], ['d1' => 'One', 'd2' => 'Two'])),
				$this->file('f3', 'three', ['edited' => '2024-04-01 10:00:00'], ['d1' => 'One', 'd3' => 'Three']),
				$this->file('f4', 'four', ['term' => [['ttype' => 3, 'term' => 'x', 'url' => '']]]),
				$this->file('12345', 'five'),
				$this->photo('p1', self::PHOTO),
				$this->withPost($this->versioned($this->photo('p2', [str_repeat('large', 9)] + self::PHOTO))),
				$this->withPost($this->photo('p3', self::PHOTO, ['allow_cid' => '<friend>'])),
				$this->withPost($this->file('f6', 'six')),
			];
			$together
				? $this->receive(...$entries)
				: array_map(fn (array $entry) => $this->receive($entry), $entries);
			$posts = array_column(Table::select('item', [], 'id', 0, 'mid'), 'mid');
			$told[] = [$this->rows(self::TABLES), $this->rows(['filesync_transfer']), $posts];
		}
		$this->assertSame($told[0], $told[1]);
		$this->assertCount(18, $told[1][1]['filesync_transfer']);
		$states = array_count_values(array_column($told[1][1]['filesync_transfer'], 'state'));
		ksort($states);
		$this->assertSame(['staged' => 12, 'to_make' => 6], $states);
		$this->assertSame(array_map(self::postOf(...), ['p2', 'p3', 'f6']), $told[1][2]);
		$this->assertCount(3, $told[1][0]['attach'], 'the folders');
		$this->work();
		$this->assertSame(['one', 'two', 'five'], array_map($this->shown(...), ['f1', 'f2', '12345']));
	}

	public function test_a_worker_begins_before_the_posts_of_many_are_stored(): void
	{
		$order = [];
		$this->whileFailing(
			function (string $sql) use (&$order): bool {
				if (preg_match('/^INSERT INTO .?(item|filesync_transfer|workerq)\b/', $sql, $found)) {
					$order[] = $found[1];
				}

				return false;
			},
			fn () => $this->receive(
				$this->withPost($this->photo('p1', self::PHOTO)),
				$this->withPost($this->photo('p2', self::PHOTO)),
			),
		);
		$this->assertSame(['filesync_transfer', 'workerq', 'item', 'item'], $order);
		$this->work();
		$this->assertSame(['original', 'original'], [$this->shown('p1'), $this->shown('p2')]);
	}

	public function test_a_post_that_cannot_be_stored_keeps_neither_its_file_nor_other_posts_from_it(): void
	{
		$this->whileFailing(
			fn (string $sql): bool => (
				preg_match('/^INSERT INTO .?item\b/', $sql) === 1
				&& str_contains($sql, self::postOf('p1'))
			),
			fn () => $this->receive(...array_map(
				fn (string $hash): array => $this->withPost($this->photo($hash, self::PHOTO)),
				['p1', 'p2'],
			)),
		);
		$posts = fn (): array => array_column(Table::select('item', [], 'mid', 0, 'mid'), 'mid');
		$this->assertSame([self::postOf('p2')], $posts());
		$this->assertSame(4, Table::count('filesync_transfer', ['hash' => 'p1']));
		$this->work();
		$this->assertSame(['original', 'original'], [$this->shown('p1'), $this->shown('p2')]);
	}

	public function test_posts_for_which_there_is_no_time_are_left_with_their_packets(): void
	{
		$stored = [];
		$first = new FirstPackets($this->channel, function (Packet $packet) use (&$stored): void {
			$stored[] = $packet->last['hash'];
			Fake\Clock::$ahead += 5;
		});
		$entries = [
			$this->withPost($this->file('f1', 'one')),
			$this->withPost($this->photo('p1', self::PHOTO)),
			$this->file('f2', 'two'),
			$this->withPost($this->file('f3', 'three')),
			$this->withPost($this->file('f4', 'four')),
		];
		array_map($first->add(...), $entries);
		$left = $first->take(Clock::exact() + 8);
		$this->assertSame(['f1', 'p1'], $stored);
		$this->assertSame([$entries[3], $entries[4]], $left);
		$this->assertSame(8, Table::count('filesync_transfer', []));
		$this->receive(...$left);
		$posts = array_column(Table::select('item', [], 'mid', 0, 'mid'), 'mid');
		$this->assertSame(array_map(self::postOf(...), ['f3', 'f4']), $posts);
		$this->work();
		$this->assertSame(['one', 'original', 'two', 'three', 'four'], array_map(
			$this->shown(...),
			['f1', 'p1', 'f2', 'f3', 'f4'],
		));
	}

	public function test_the_post_of_a_file_that_is_deleted_meanwhile_is_not_stored(): void
	{
		$stored = [];
		$first = new FirstPackets($this->channel, function (Packet $packet) use (&$stored): void {
			$stored[] = $packet->last['hash'];
			Table::update('filesync_file', ['state' => 'going'], ['hash' => 'p1']);
			Table::update('filesync_file', ['state' => 'gone'], ['hash' => 'f2']);
		});
		array_map($first->add(...), [
			$this->withPost($this->file('f1', 'one')),
			$this->withPost($this->photo('p1', self::PHOTO)),
			$this->withPost($this->file('f2', 'two')),
			$this->withPost($this->file('f3', 'three')),
		]);
		$this->assertSame([], $first->take());
		$this->assertSame(['f1', 'f3'], $stored);
	}

	public function test_a_photo_of_which_a_scale_is_here_is_no_unknown_one(): void
	{
		$this->receive($this->photo('p1', self::PHOTO));
		$this->work();
		$scale = Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 2]);
		Table::delete('attach', ['hash' => 'p1']);
		Table::delete('photo', ['resource_id' => 'p1', 'imgscale' => [0, 1, 3]]);
		Table::delete('filesync_file', ['hash' => 'p1']);
		Table::delete('filesync_transfer', ['hash' => 'p1']);
		$together = 0;
		$this->whileFailing(
			function (string $sql) use (&$together): bool {
				$together += (int) (str_starts_with($sql, 'INSERT INTO filesync_file ') && str_contains($sql, "'p1'"));

				return false;
			},
			fn () => $this->receive(...array_map(
				fn (string $hash): array => $this->photo($hash, self::PHOTO),
				['p1', 'p2', 'p3'],
			)),
		);
		$this->assertSame(1, $together);
		$this->work();
		$this->assertSame('original', $this->shown('p1'));
		$this->assertSame(
			(int) $scale['id'],
			(int) Table::first('photo', [
				'resource_id' => 'p1',
				'imgscale' => 2,
			])['id'],
		);
	}

	public function test_more_than_are_taken_together_are_taken_in_parts(): void
	{
		$this->receive(...array_map(fn (int $n) => $this->file("f$n", "bytes $n"), range(1, 205)));
		$this->assertSame(205, Table::count('filesync_transfer', ['state' => 'staged']));
		$this->assertSame(205, Table::count('filesync_file', []));
	}

	public function test_their_order_is_kept(): void
	{
		$renamed = ['filename' => 'renamed.bin'];
		$this->receive(
			$this->file('f1', 'one'),
			$this->file('f2', 'two'),
			$this->file('f1', 'one', $renamed),
			$this->file('f3', 'three'),
			$this->versioned($this->file('f4', 'four'), 1),
			['filesync' => ['v' => Version::SIBLING, 'gone' => ['aaaaaaaa' => 1]]] + $this->deletion('f4'),
		);
		$this->work();
		$this->assertSame(
			['one', 'two', 'three', null],
			array_map($this->shown(...), ['f1', 'f2', 'f3', 'f4']),
		);
		$this->assertSame('renamed.bin', $this->attach('f1')['filename']);
	}

	public function test_one_that_cannot_be_taken_in_takes_no_other_with_it(): void
	{
		$this->receive($this->file('known', 'here already'));
		$this->work();
		$strange = $this->file('f4', 'four');
		$strange['fetch_url'] = 'https://stranger.example/getfile';
		$malformed = $this->file('f5', 'five');
		$malformed['attach'][0]['surplus'] = 1;
		$this->receive(
			$this->file('f1', 'one'),
			$this->file('f2', 'two', [], ['known' => 'a file, not a folder']),
			$this->file('known', 'newer', ['edited' => '2024-06-01 10:00:00']),
			$strange,
			$malformed,
			['no entry'],
			$this->file('f3', 'three', [], ['d1' => 'Folder']),
		);
		$this->work();
		$this->assertSame(
			['one', null, 'newer', null, null, 'three'],
			array_map($this->shown(...), ['f1', 'f2', 'known', 'f4', 'f5', 'f3']),
		);
	}

	public function test_a_file_with_the_hash_of_a_folder_that_comes_with_it_is_refused(): void
	{
		foreach ([false, true] as $isFirst) {
			$this->tearDown();
			$this->setUp();
			$entries = [
				$this->file('f1', 'one'),
				$this->file('x', 'file'),
				$this->file('f2', 'two', [], ['x' => 'Folder']),
			];
			$this->receive(...$isFirst ? $entries : array_reverse($entries));
			$this->assertSame(1, (int) $this->attach('x')['is_dir']);
			$this->assertNull($this->transfer('x'));
			$this->work();
			$this->assertSame(['one', 'two'], [$this->shown('f1'), $this->shown('f2')]);
		}
	}

	public function test_where_they_cannot_be_written_together_each_is_alone(): void
	{
		foreach (['filesync_file', 'filesync_transfer', 'commit'] as $table) {
			$this->tearDown();
			$this->setUp();
			$together = fn (string $sql): bool => $table === 'commit'
				? $sql === 'COMMIT'
				: str_starts_with($sql, "INSERT INTO $table ")
					&& str_contains($sql, "'f1'")
					&& str_contains($sql, "'f2'");
			$failed = 0;
			$this->whileFailing(
				function ($sql) use ($together, &$failed): bool {
					// Later ones are the hub's own.
					return $failed === 0 && $together($sql) && ++$failed === 1;
				},
				fn () => $this->receive($this->file('f1', 'one'), $this->file('f2', 'two')),
			);
			$this->assertSame(1, $failed, $table);
			$this->assertSame(2, Table::count('filesync_transfer', ['state' => 'staged']), $table);
			$this->work();
			$this->assertSame(['one', 'two'], [$this->shown('f1'), $this->shown('f2')], $table);
		}
	}

	public function test_what_waits_for_its_turn_is_not_overtaken(): void
	{
		$this->receive($this->file('f1', 'one'));
		$held = [
			'uid' => $this->channel->id,
			'hash' => 'f2',
			'state' => 'staged',
			'body' => json_encode($this->file(
				'f2',
				'held',
				['filename' => 'older.bin'],
			)),
			'reason' => '',
			'attempts' => 0,
			'next_at' => 9 * (10 ** 9),
			'created' => 1,
			'updated' => 1,
			'size_bytes' => 1,
		];
		Table::insert('filesync_packet', $held + ['id' => str_repeat('a', 64)]);
		$this->receive($this->file('f2', 'newer'), $this->file('f3', 'three'));
		$this->assertSame([], Table::select('filesync_packet', []), 'the one that came since is applied');
		Table::insert('filesync_packet', ['state' => 'queued', 'hash' => 'f9', 'id' => str_repeat('b', 64)] + $held);
		$this->receive($this->file('f4', 'four'), $this->file('f5', 'five'));
		$this->assertSame(3, Table::count('filesync_packet', ['state' => 'queued']));
		$this->assertNull($this->transfer('f4'));
	}

	public function test_beyond_the_limit_of_the_account_each_is_judged_alone(): void
	{
		Table::update(
			'account',
			['account_service_class' => 'small'],
			['account_id' => $this->channel->accountId],
		);
		set_config('service_class', 'small', ['attach_upload_limit' => 7]);
		unset(App::$config['service_class']);
		$this->receive($this->file('f1', 'four'), $this->file('f2', 'five'));
		$this->assertSame(['staged', 'parked'], [$this->transfer('f1')['state'], $this->transfer('f2')['state']]);
		$this->assertSame('quota', $this->transfer('f2')['kind']);
	}

	public function test_a_file_that_was_deleted_here_is_no_unknown_one(): void
	{
		$this->receive($this->versioned($this->file('f1', 'one')), $this->versioned($this->file('f2', 'two')));
		$this->work();
		Zotlabs\Module\attach_delete($this->channel->id, 'f1');
		$this->sent();
		$this->receive($this->versioned($this->file('f1', 'one')), $this->versioned($this->file('f3', 'three')));
		$this->work();
		$this->assertSame([null, 'three'], [$this->shown('f1'), $this->shown('f3')]);
	}

	public function test_a_clone_is_heard_once_for_all_that_it_says(): void
	{
		$entries = array_map(
			fn (int $n) => $this->versioned($this->file("f$n", "bytes $n")),
			range(1, 5),
		);
		$this->receive(...$entries);
		$this->assertTrue(Peers::speaks(self::ORIGIN));
		$this->assertCount(1, Table::select('filesync_outbox', ['kind' => 'posts']));
	}

	public function test_where_filesync_is_off_for_a_channel_nothing_is_taken_in(): void
	{
		Config::set('enabled', '0', "channel:{$this->channel->id}");
		$this->receive($this->file('f1', 'one'), $this->file('f2', 'two'));
		$this->assertSame([], Table::select('filesync_file', []));
	}

	public function test_they_are_bounded_by_their_number_and_by_their_text(): void
	{
		$first = new FirstPackets($this->channel, fn () => null);
		for ($n = 0; $first->add($this->file("f$n", 'x')); $n++);
		$this->assertSame(100, $n);
		$first = new FirstPackets($this->channel, fn () => null);
		$long = ['allow_cid' => str_repeat('<friend>', 20000)];
		for ($n = 0; $first->add($this->file("f$n", 'x', $long)); $n++);
		$this->assertSame(6, $n);
		foreach ([$this->deletion('f'), $this->file('f', '', ['is_dir' => 1])] as $other) {
			$this->assertFalse((new FirstPackets($this->channel, fn () => null))->add($other));
		}
	}

	public function test_killed_at_any_instant_and_sent_again_they_end_the_same(): void
	{
		$send = fn () => $this->receive(
			$this->versioned($this->file('f1', 'one', [], ['d1' => 'Folder'])),
			$this->versioned($this->file('f2', 'two', [], ['d1' => 'Folder'])),
			$this->file('f3', 'three', ['term' => [['ttype' => 3, 'term' => 'x', 'url' => '']]], ['d1' => 'Folder']),
			$this->withPost($this->photo('p1', self::PHOTO)),
			$this->withPost($this->photo('p2', self::PHOTO)),
		);
		$instants = $this->instantsOf($send);
		foreach (self::sample($instants, 12) as $instant) {
			$this->tearDown();
			$this->setUp();
			$this->killedAt($instant, $send);
			$message = "killed at instant $instant of $instants";
			$records = array_column(Table::select('filesync_file', ['is_dir' => 0]), 'hash');
			$transfers = array_column(Table::select('filesync_transfer', ['scale' => 0]), 'hash');
			$this->assertEqualsCanonicalizing($records, $transfers, "$message: all of them, or none");
			$scales = Table::count('filesync_transfer', ['scale >' => 0]);
			$this->assertSame($records === [] ? 0 : 6, $scales, "$message: with their scales");
			$send();
			$this->work();
			$this->assertSame(
				['one', 'two', 'three', 'original', 'original'],
				array_map($this->shown(...), ['f1', 'f2', 'f3', 'p1', 'p2']),
				$message,
			);
			$posts = array_column(Table::select('item', [], 'mid', 0, 'mid'), 'mid');
			$this->assertSame([self::postOf('p1'), self::postOf('p2')], $posts, $message);
			$this->assertCount(1, Table::select('attach', ['hash' => 'd1']), $message);
			$this->assertCount(1, Table::select('term', []), $message);
			$this->assertSame([], $this->kept(), $message);
		}
	}

	/** Returns an entry with a post about its file. */
	private function withPost(array $entry): array
	{
		$mid = self::postOf(end($entry['attach'])['hash']);

		return $entry + ['item' => [$this->item($mid, $mid)]];
	}

	private static function postOf(string $hash): string
	{
		return self::ORIGIN . "/item/$hash";
	}

	/**
	 * @param list<string> $tables
	 *
	 * @return array<string, list<array<string, mixed>>>
	 */
	private function rows(array $tables): array
	{
		$rows = [];
		foreach ($tables as $table) {
			$rows[$table] = Table::rows($table, [], $table === 'term' ? 'tid' : 'id');
		}

		return $rows;
	}
}
