<?php

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\ScratchUse;
use FileSync\Addon\Hub\Table;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\Databases;
use TestHub\Maker;
use Zotlabs\Daemon\Directory;
use Zotlabs\Daemon\Notifier;

/** A scratch channel is a channel like any other to the hub, sends nothing, and leaves nothing. */
final class ScratchTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		// What every hub with filesync soon has.
		FileSync\Addon\Revision\Site::component($this->channel->id);
		FileSync\Addon\Hub\Store::dataRoot($this->channel->id, true);
	}

	protected function tearDown(): void
	{
		Rehearsing::with(null);
		TestHub\Wire::$post = null;
		parent::tearDown();
	}

	public function test_it_is_a_channel_with_an_identity_of_its_own(): void
	{
		$scratch = Scratch::make();
		$channel = $scratch->channel;
		$this->assertMatchesRegularExpression('/^filesync-scratch-[0-9a-f]{16}$/', $channel->nick);
		$row = channelx_by_n($channel->id);
		$this->assertSame($channel->hash, $row['xchan_hash']);
		$this->assertSame(1, (int) $row['xchan_hidden']);
		$this->assertSame(0, $channel->accountId);
		$this->assertSame(
			rtrim(strtr(base64_encode(hash('whirlpool', $channel->guid . $channel->publicKey, true)), '+/', '-_'), '='),
			$channel->hash,
		);
		$this->assertTrue(Zotlabs\Lib\Libzot::verify(
			$channel->guid,
			$row['channel_guid_sig'],
			$channel->publicKey,
		));
		$this->assertSame(
			[z_root()],
			array_column(Table::select('hubloc', ['hubloc_hash' => $channel->hash]), 'hubloc_url'),
		);
		$this->assertTrue(Config::serves($channel->id));
		$this->assertNotContains($channel->id, Clones::local());
		$this->assertSame(['alice'], array_map(fn ($one) => $one->nick, Clones::channels()));
		$this->assertNotSame($channel->hash, Scratch::class);
		$this->assertDirectoryExists("store/$channel->nick");
		$scratch->end();
	}

	public function test_its_number_name_and_identity_are_known_before_the_hub_has_it(): void
	{
		$known = [];
		$this->watching(
			function (string $sql) use (&$known) {
				if (preg_match('/^INSERT INTO channel \(channel_id/', $sql)) {
					$known = Table::select('filesync_scratch', []);
				}
			},
			fn () => Scratch::make(),
		);
		$channel = Table::first('channel', ['channel_address like' => 'filesync-scratch-%']);
		$this->assertSame(
			[[(int) $channel['channel_id'], $channel['channel_address'], $channel['channel_hash']]],
			array_map(fn ($note) => [(int) $note['uid'], $note['nick'], $note['hash']], $known),
		);
	}

	public function test_people_get_numbers_that_no_scratch_channel_had(): void
	{
		$scratch = Scratch::make();
		$bob = Maker::channel(Maker::identity('bob', 2048), 'bob');
		$this->assertNotSame($scratch->channel->id, (int) $bob['channel_id']);
		$scratch->end();
		$this->assertNotNull(Clones::byNick('bob'));
	}

	public function test_nothing_of_it_stays(): void
	{
		$before = $this->all();
		$scratch = Scratch::make();
		$this->live($scratch->channel);
		$this->assertNotSame($before, $this->all());
		$this->assertNull($scratch->end());
		$this->assertSame($before, $this->all());
	}

	public function test_killed_at_any_instant_the_next_run_leaves_nothing(): void
	{
		$run = function (): void {
			$scratch = Scratch::make();
			$this->live($scratch->channel);
			$scratch->end();
		};
		$before = $this->all();
		$instants = $this->instantsOf($run);
		$this->assertSame($before, $this->all());
		foreach (self::sample($instants, 20) as $instant) {
			$this->killedAt($instant, $run);
			$message = "killed at instant $instant of $instants";
			$this->expireLeases();
			$this->assertSame([], Scratch::sweep(), $message);
			$this->expireLeases();
			$this->assertSame($before, $this->all(), $message);
		}
	}

	public function test_the_next_rehearsal_removes_what_a_killed_one_left(): void
	{
		$before = $this->all();
		$this->killedAt(null, fn () => $this->live(Scratch::make()->channel));
		$this->assertNotSame($before, $this->all());
		$this->expireLeases();
		$scratch = Scratch::make();
		$this->assertSame(1, Table::count('channel', ['channel_address like' => 'filesync-scratch-%']));
		$scratch->end();
		$this->assertSame($before, $this->all());
	}

	/**
	 * @param array<string, string|int> $note
	 *
	 * @dataProvider notes
	 */
	#[DataProvider('notes')]
	public function test_a_note_that_names_somebody_elses_channel_removes_nothing(array $note): void
	{
		$alice = $this->channel;
		$this->receive($this->file('f1', 'of a person'));
		$this->work();
		foreach ($note as $column => $value) {
			$note[$column] = strtr((string) $value, [
				'ID' => (string) $alice->id,
				'HASH' => $alice->hash,
			]);
		}
		$before = $this->all();
		Table::insert(
			'filesync_scratch',
			$note
			+ [
				'nick' => 'filesync-scratch-0123456789abcdef',
				'uid' => $alice->id,
				'hash' => 'unknown',
				'attempt' => '',
				'created' => 1,
			],
		);
		$left = Scratch::sweep();
		$this->assertStringContainsString('nothing of it was touched', implode($left));
		$this->assertCount(1, Table::select('filesync_scratch', []));
		Table::delete('filesync_scratch', ['created' => 1]);
		$this->expireLeases();
		$this->assertSame($before, $this->all());
		// And a rehearsal can be held all the same.
		Scratch::make()->end();
		$this->assertSame($before, $this->all());
	}

	public static function notes(): array
	{
		return [
			'the number is a person' => [[]],
			'number and identity are a person' => [['hash' => 'HASH']],
			'a name of a person' => [['nick' => 'alice', 'hash' => 'HASH']],
			'the identity is a person with another number' => [['uid' => 4711, 'hash' => 'HASH']],
			'no number' => [['uid' => 0]],
		];
	}

	public function test_a_person_with_a_name_like_that_is_left_alone(): void
	{
		$nick = 'filesync-scratch-0123456789abcdef';
		Maker::channel(Maker::identity('carol', 2048), $nick);
		$before = $this->all();
		$this->assertSame([], Scratch::sweep());
		Scratch::make()->end();
		$this->assertSame($before, $this->all());
	}

	public function test_a_job_that_still_writes_there_leaves_nothing(): void
	{
		$before = $this->all();
		$scratch = Scratch::make();
		$folder = "store/{$scratch->channel->nick}";
		DBA::$dba = null;
		$child = pcntl_fork();
		if ($child === 0) {
			for ($n = 0; is_dir($folder); $n++) {
				@file_put_contents("$folder/late$n", 'a preview');
				clearstatcache();
			}
			posix_kill(getmypid(), SIGKILL);
		}
		sys_boot();
		while (! glob("$folder/late*"));
		$this->assertNull($scratch->end());
		pcntl_waitpid($child, $status);
		$this->assertSame($before, $this->all());
	}

	public function test_what_a_step_that_hung_wrote_later_goes_too(): void
	{
		$before = $this->all();
		$scratch = Scratch::make();
		$this->expireLeases();
		$this->assertSame([], Scratch::sweep());
		$this->live($scratch->channel);
		file_put_contents(FileSync\Addon\Hub\Store::dataRoot($scratch->channel->id, true) . '/late', 'bytes');
		try {
			$scratch->goOn();
			$this->fail('it must end');
		} catch (Postponed) {
		}
		$scratch->end();
		// A job that finds no work.
		dbq("DELETE FROM workerq WHERE workerq_cmd = 'Addon'");
		$this->assertSame($before, $this->all());
	}

	public function test_a_number_that_is_somebody_elses_by_now_is_left_alone(): void
	{
		$scratch = Scratch::make();
		$this->expireLeases();
		Scratch::sweep();
		Table::update('channel', ['channel_id' => $scratch->channel->id], ['channel_id' => $this->channel->id]);
		$this->live(Clones::channel($scratch->channel->id));
		Rehearsing::with($scratch->channel);
		$before = $this->all();
		$this->assertStringContainsString('nothing of it was touched', (string) $scratch->end());
		$this->assertSame($before, $this->all());
	}

	public function test_one_at_a_time(): void
	{
		$scratch = Scratch::make();
		foreach ([
			'another rehearsal' => ScratchUse::rehearsal(),
			'a rehearsal' => ScratchUse::drill(1, 1),
		] as $what => $use) {
			try {
				Scratch::make($use);
				$this->fail('two at once');
			} catch (Postponed $e) {
				$this->assertSame("$what has the hub's one hidden channel", $e->getMessage());
			}
		}
		$this->assertSame([], Scratch::sweep());
		$this->assertNotNull(channelx_by_n($scratch->channel->id) ?: null);
		$scratch->end();
		Scratch::make()->end();
	}

	public function test_not_without_room_on_the_disk(): void
	{
		$before = $this->all();
		Config::set('headroom_bytes', (string) PHP_INT_MAX);
		try {
			Scratch::make();
			$this->fail('no room');
		} catch (Postponed $e) {
			$this->assertStringContainsString('headroom_bytes', $e->getMessage());
		}
		Config::clear('headroom_bytes');
		$this->assertSame($before, $this->all());
	}

	public function test_no_longer_than_a_minute(): void
	{
		$scratch = Scratch::make();
		$scratch->goOn();
		Fake\Clock::$ahead = 61;
		try {
			$scratch->goOn();
			$this->fail('too long');
		} catch (Postponed $e) {
			$this->assertStringContainsString('60 seconds', $e->getMessage());
		}
		$scratch->end();
	}

	public function test_no_more_than_its_bytes(): void
	{
		$scratch = Scratch::make();
		ftruncate(fopen("store/{$scratch->channel->nick}/big", 'c'), ScratchUse::rehearsal()->mostBytes + 1);
		try {
			$scratch->goOn();
			$this->fail('too much');
		} catch (Postponed $e) {
			$this->assertStringContainsString((string) ScratchUse::rehearsal()->mostBytes, $e->getMessage());
		}
		$scratch->end();
	}

	public function test_no_worker_takes_its_work(): void
	{
		$scratch = Scratch::make();
		Zotlabs\Lib\sync_files($scratch->channel->row(), [
			['fetch_url' => Rehearsing::ORIGIN . '/getfile'] + $this->file('f1', 'of a rehearsal'),
		]);
		$this->assertCount(1, Table::select('filesync_transfer', [
			'uid' => $scratch->channel->id,
			'state' => 'staged',
		]));
		$this->work();
		$this->assertCount(1, Table::select('filesync_transfer', [
			'uid' => $scratch->channel->id,
			'state' => 'staged',
		]));
		$scratch->end();
	}

	/** @dataProvider ways */
	#[DataProvider('ways')]
	public function test_what_core_would_send_for_it_is_refused_in_any_process(Closure $send, string $what): void
	{
		$wire = [];
		TestHub\Wire::$post = function ($url) use (&$wire) {
			$wire[] = $url;

			return ['success' => true, 'body' => '{"success":true}', 'return_code' => 200];
		};
		set_config('system', 'directory_server', 'http://127.0.0.1:9009');
		$scratch = Scratch::make();
		// As in another process.
		Rehearsing::with(null);
		$send(channelx_by_n($scratch->channel->id));
		$this->assertSame([], $wire);
		$this->assertStringNotContainsString($scratch->channel->hash, (string) @file_get_contents('hub.log'));
		$this->assertStringContainsString($what, (string) $scratch->attempt());
		// Of a person it goes out.
		$alice = channelx_by_n($this->channel->id);
		$send($alice);
		if ($what !== 'the notifier') {
			$this->assertNotSame([], $wire);
		}
		$scratch->end();
	}

	public static function ways(): array
	{
		return [
			'a delivery' => [
				function (array $channel): void {
					Zotlabs\Lib\Queue::insert([
						'hash' => new_uuid(),
						'account_id' => 0,
						'channel_id' => $channel['channel_id'],
						'posturl' => 'http://127.0.0.1:9001/zot',
						'driver' => 'zot6',
						'notify' => '{}',
						'msg' => '',
					]);
					foreach (Table::select('outq', ['outq_channel' => $channel['channel_id']]) as $row) {
						Zotlabs\Lib\Queue::deliver($row);
					}
				},
				'a delivery to http://127.0.0.1:9001/zot',
			],
			'the directory' => [
				fn (array $channel) => Directory::run(2, ['Directory', $channel['channel_id']]),
				'a message to http://127.0.0.1:9009/zot',
			],
			'the notifier' => [
				fn (array $channel) => Notifier::run(3, ['Notifier', 'refresh_all', $channel['channel_id']]),
				'the notifier',
			],
		];
	}

	public function test_a_hub_on_this_machine_is_not_taken_for_the_one_of_rehearsals(): void
	{
		foreach (['8080', '0', '/hub'] as $more) {
			$url = Rehearsing::ORIGIN . $more;
			FileSync\Addon\Peers\Peers::hear($url, [
				'v' => FileSync\Addon\Protocol\Version::SIBLING,
				'endpoint' => "$url/getfile/ticket",
				'features' => ['ticket'],
			]);
		}
		$before = Table::select('filesync_peer', [], 'id');
		$this->assertCount(3, $before);
		Scratch::make()->end();
		$this->assertSame($before, Table::select('filesync_peer', [], 'id'));
	}

	public function test_where_filesync_serves_nobody_a_rehearsal_may_ask_for_files_of_its_own_channel(): void
	{
		Config::set('passive', '1');
		$scratch = Scratch::make();
		// As in the web server's process.
		Rehearsing::with(null);
		$ticket = fn (string $hash) => new Request(
			'POST',
			['getfile', 'ticket'],
			[],
			[],
			(string) json_encode(['channel' => $hash]),
		);
		$read = fn (string $hash) => new Request('GET', ['getfile', $hash], ['filesync-ticket' => 'x']);
		$serves = function (Request $request, int $channelId): bool {
			return Rehearsing::isAsked($request) && Config::serves($channelId);
		};
		[$id, $hash, $file] = [$scratch->channel->id, $scratch->channel->hash, "{$scratch->channel->nick}x1"];
		$this->assertTrue($serves($ticket($hash), $id));
		$this->assertTrue($serves($read($file), $id));
		foreach ([
			'of a person' => [$ticket($this->channel->hash), $id],
			"of a person's file" => [$read('alicex1'), $id],
			'without a ticket' => [new Request('GET', ['getfile', $file]), $id],
			'somewhere else' => [
				new Request('POST', ['getfile'], [], [], (string) json_encode(['channel' => $hash])),
				$id,
			],
			'for the files of a person' => [$ticket($hash), $this->channel->id],
			'without a channel' => [new Request('POST', ['getfile', 'ticket'], [], [], '[]'), $id],
		] as $why => [$request, $channelId]) {
			$this->assertFalse($serves($request, $channelId), $why);
		}
		$scratch->end();
		$this->assertFalse($serves($ticket($hash), $id));
		$this->assertFalse(Config::serves($id));
	}

	public function test_what_core_sends_beside_filesync_is_seen_and_goes_nowhere(): void
	{
		$scratch = Scratch::make();
		$id = $scratch->channel->id;
		$scratch->elsewhere(function () use ($scratch, $id): void {
			Zotlabs\Lib\Libsync::build_sync_packet($id, ['file' => [['attach' => [['hash' => 'f1']]]]]);
			foreach (Table::select('outq', ['outq_channel' => $id]) as $row) {
				Zotlabs\Lib\Queue::deliver($row);
			}
			$this->assertNotContains($id, array_column(Clones::pairs(), 'uid'));
			$this->assertSame(['f1'], array_column($scratch->queued()[0]['file'][0]['attach'], 'hash'));
			$this->assertSame([], $scratch->queued());
		});
		$this->assertNull($scratch->attempt());
		$this->assertSame([], Table::select('outq', []));
		$this->assertCount(1, Table::select('hubloc', ['hubloc_hash' => $scratch->channel->hash]));
		$scratch->end();
	}

	public function test_its_packets_are_caught(): void
	{
		$scratch = Scratch::make();
		Core::send($scratch->channel->id, ['file' => [1]]);
		$this->assertSame([['file' => [1]]], Rehearsing::caught());
		$this->assertSame([], Rehearsing::caught());
		// Cron may find that something was left to send.
		$id = $scratch->channel->id;
		Rehearsing::with(null);
		Maker::hubloc(['hash' => $scratch->channel->hash, 'guid' => 'g', 'guid_sig' => 's'], self::ORIGIN, 'x');
		Core::send($id, ['file' => [1]]);
		$this->assertSame([], Table::select('outq', []));
		$scratch->end();
	}

	/** Lets a channel have a little of everything. */
	private function live(FileSync\Addon\Hub\Channel $channel): void
	{
		Rehearsing::with($channel);
		Zotlabs\Lib\sync_files($channel->row(), [
			['fetch_url' => Rehearsing::ORIGIN . '/getfile'] + $this->file('f1', 'bytes', [], ['d1' => 'One']),
		]);
		set_pconfig($channel->id, 'system', 'x', 'y');
		foreach (['attach', 'photo', 'item', 'term', 'notify', 'pgrp', 'profile', 'pgrp_member', 'event'] as $table) {
			$columns = db_columns($table);
			if ($columns && $table !== 'attach') {
				create_table_from_array(
					$table,
					['uid' => $channel->id] + array_fill_keys(array_diff($columns, [
						'id',
						'tid',
						'uid',
						...array_filter(
							$columns,
							fn ($name) => ! in_array(
								$name,
								[
									'summary',
									'body',
									'html',
									'title',
									'obj',
									'target',
									'postopts',
									'route',
									'llink',
									'plink',
									'attach',
									'sig',
									'allow_cid',
									'allow_gid',
									'deny_cid',
									'deny_gid',
									'description',
									'content',
									'os_path',
									'display_path',
									'msg',
									'about',
								],
								true,
							),
						),
					]), ''),
				);
			}
		}
		$item = Table::first('item', ['uid' => $channel->id], '', 'id')['id'];
		create_table_from_array('iconfig', ['iid' => $item, 'cat' => 'a', 'k' => 'b', 'v' => 'c']);
		create_table_from_array('updates', ['ud_hash' => $channel->hash, 'ud_addr' => 'x']);
		create_table_from_array('abconfig', ['chan' => $channel->id, 'xchan' => $channel->hash, 'v' => '']);
		create_table_from_array('dreport', ['dreport_xchan' => $channel->hash]);
		Config::set('enabled', '1', "channel:$channel->id");
		Config::set('here', '{}', "overview:$channel->id");
		Zotlabs\Daemon\Master::Summon(['Thumbnail', "$channel->nick-1"]);
		os_mkdir("store/$channel->nick/a/b", 0770, true);
		file_put_contents("store/$channel->nick/a/b/c", 'bytes');
		symlink('/etc', "store/$channel->nick/link");
		os_mkdir("store/[data]/$channel->nick/tmp", 0770, true);
		touch("store/[data]/$channel->nick/tmp/upload");
	}

	/** @return array<string, mixed> All rows, and all files of the store. */
	private function all(): array
	{
		$all = [];
		foreach (Databases::tables(DBA::$dba->db, DBA::$dba->dsn) as $table) {
			// Leases stay as rows; the rest is not of a channel.
			if ($table !== 'filesync_lease') {
				$rows = dbq("select * from $table");
				$all[$table] = array_map(
					fn ($row) => array_map(fn ($value) => is_resource($value)
						? stream_get_contents($value)
						: $value, $row),
					$rows,
				);
				usort($all[$table], fn ($a, $b) => json_encode($a) <=> json_encode($b));
			}
		}
		foreach (Table::select('filesync_lease', [], 'name', 0, 'name') as $lease) {
			if (str_starts_with($lease['name'], 'channel-')) {
				$all['leases'][] = $lease['name'];
			}
		}
		$files = new RecursiveIteratorIterator(
			new RecursiveDirectoryIterator('store', FilesystemIterator::SKIP_DOTS),
			RecursiveIteratorIterator::SELF_FIRST,
		);
		foreach ($files as $path => $file) {
			$all['files'][] = $path;
		}
		isset($all['files']) && sort($all['files']);

		return $all;
	}

	private function watching(Closure $look, Closure $work): void
	{
		dba_test::$watch = function ($sql) use ($look) {
			$watch = dba_test::$watch;
			dba_test::$watch = null;
			$look($sql);
			dba_test::$watch = $watch;
		};
		try {
			$work();
		} finally {
			dba_test::$watch = Fake\Inside::look(...);
		}
	}
}
