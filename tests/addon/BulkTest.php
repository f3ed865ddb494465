<?php

use Fake\Clock;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Send\BulkQueue;
use FileSync\Addon\Serve\Serve;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\Uninstall;
use FileSync\Addon\Work\Worker;
use FileSync\Exception\StorageException;
use FileSync\FileDigest;
use TestHub\InProcess;
use TestHub\Maker;

/** Changes of many files go to a clone that takes them in one request, and come from one. */
final class BulkTest extends AddonTestCase
{
	private const OTHER = 'http://127.0.0.1:9002';

	/** @var list<list<array<string, mixed>>> The entries of each request that the clone got. */
	private array $got = [];
	/** @var ?\Closure(list<array<string, mixed>>): array Answers instead. */
	private ?\Closure $answer = null;

	protected function setUp(): void
	{
		parent::setUp();
		Client::$wire = function ($method, $url, $headers, $body) {
			$this->assertSame(self::ORIGIN . '/getfile/bulk', $url);
			$entries = array_map(fn ($text) => json_decode($text, true), json_decode($body, true)['entries']);
			$this->got[] = $entries;

			return $this->answer ? ($this->answer)($entries) : self::took(count($entries));
		};
		Peers::answered(self::ORIGIN, ['version' => '0.2.0', 'features' => ['ticket', 'bulk']]);
	}

	public function test_what_changes_waits_and_goes_in_one_request_in_its_order_and_no_packet_leaves(): void
	{
		$this->haveFiles('f2', 'f1', 'f3');
		foreach (['f2', 'f1', 'f3'] as $hash) {
			$this->assertSame([], $this->sent($hash));
		}
		$this->assertSame([], $this->got, 'the request of the owner asks nobody');
		$this->assertSame(3, Clones::packetsWaiting($this->channel)[Clones::normalise(self::ORIGIN)]);
		$this->work();
		$this->assertSame([['f2', 'f1', 'f3']], $this->hashes());
		$this->assertSame(['ticket', 'range', 'pack', 'inventory', 'bulk'], $this->got[0][0]['filesync']['features']);
		$this->assertArrayHasKey('seen', $this->got[0][0]['filesync']['revision']['bytes']);
		$this->assertNothingWaits();
	}

	public function test_many_new_files_are_announced_together_as_each_by_itself_would_be(): void
	{
		$told = [];
		foreach ([true, false] as $isTogether) {
			$this->tearDown();
			$this->setUp();
			$hashes = $this->makeFiles(5);
			dbq(
				"INSERT INTO term (uid, oid, otype, ttype, term, url) SELECT uid, id, 2, 3, 'x', '' FROM attach WHERE hash = 'new-2'",
			);
			Outbox::addAll($this->channel->id, 'announce', $hashes);
			if (! $isTogether) {
				array_map(fn (string $hash) => Announcement::send($this->channel, $hash, false), $hashes);
				Table::delete('filesync_outbox', ['kind' => 'announce']);
			}
			$this->work();
			$entries = array_merge(...$this->got);
			$this->assertSame($hashes, array_map(fn ($entry) => end($entry['attach'])['hash'], $entries));
			$told[] = array_map(fn ($entry) => $entry['filesync']['revision'], $entries);
			$told[] = array_map(
				fn ($row) => array_diff_key($row, ['facts' => 1, 'updated' => 1]),
				Table::select('filesync_file', [], 'hash'),
			);
			$this->assertNothingWaits();
		}
		$withoutChance = fn (array $part) => preg_replace('/[0-9a-f]{16}/', 'component', json_encode($part));
		$this->assertSame($withoutChance($told[2]), $withoutChance($told[0]));
		$this->assertSame($withoutChance($told[3]), $withoutChance($told[1]));
	}

	public function test_what_is_no_new_file_is_announced_beside(): void
	{
		$this->haveFiles('f1', 'f2');
		dbq("UPDATE attach SET filename = 'renamed.bin' WHERE hash = 'f1'");
		[$new, $newer] = $this->makeFiles(2);
		Outbox::addAll($this->channel->id, 'announce', ['f1', $new, 'not here', $newer]);
		$this->work();
		$this->assertEqualsCanonicalizing(['f1', $new, $newer], array_merge(...$this->hashes()));
		$this->assertNothingWaits();
	}

	public function test_what_takes_longer_is_left_to_the_turn_of_the_channel(): void
	{
		$this->haveFiles('f1', 'f2');
		dbq("UPDATE attach SET filename = 'renamed.bin' WHERE hash IN ('f1', 'f2')");
		$new = $this->makeFiles(2);
		$announce = function (): array {
			Outbox::runTogether($this->channel, 'announce', Announcement::sendAll(...));

			return array_column(Table::select('filesync_outbox', ['kind' => 'announce'], 'name'), null, 'name');
		};
		Outbox::addAll($this->channel->id, 'announce', ['f1', ...$new, 'f2']);
		$left = $announce();
		$this->assertSame(['f1', 'f2'], array_keys($left), 'each is noticed alone');
		foreach ($left as $row) {
			$this->assertEquals([1, 0, 'due', ''], [$row['attempts'], $row['next_at'], $row['state'], $row['reason']]);
		}
		$this->work();
		$this->assertEqualsCanonicalizing(['f1', 'f2', ...$new], array_merge(...$this->hashes()));
		$this->assertNothingWaits();
		// A clone without filesync needs a packet for each.
		$newer = $this->makeFiles(3);
		Maker::hubloc(InProcess::$identity, self::OTHER, 'alice');
		$this->sent();
		Outbox::addAll($this->channel->id, 'announce', $newer);
		$this->assertEqualsCanonicalizing($newer, array_keys($announce()));
		$this->assertSame([], $this->sent());
		$this->assertSame(3, Table::count('filesync_file', ['hash' => $newer, 'state' => 'here']));
		$this->work();
		$this->assertCount(6, $this->sent(), 'the hub sends each to both');
		$this->assertEqualsCanonicalizing($newer, array_merge(...$this->hashes()));
		$this->assertSame([], $announce());
	}

	public function test_those_that_cannot_be_announced_together_are_announced_alone(): void
	{
		$hashes = $this->makeFiles(3);
		Outbox::addAll($this->channel->id, 'announce', $hashes);
		$this->whileFailing(
			fn ($sql) => str_starts_with($sql, 'INSERT INTO filesync_bulk') && substr_count($sql, "'new-") > 1,
			$this->work(...),
		);
		$this->assertEqualsCanonicalizing($hashes, array_merge(...$this->hashes()));
		$this->assertNothingWaits();
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => 'announce']));
	}

	public function test_one_that_stops_all_is_tried_alone(): void
	{
		$hashes = $this->makeFiles(3);
		Outbox::addAll($this->channel->id, 'announce', $hashes);
		$calls = [];
		Outbox::runTogether($this->channel, 'announce', function ($channel, array $names) use (&$calls): void {
			$calls[] = $names;
			throw new RuntimeException('no');
		});
		Outbox::runTogether($this->channel, 'announce', fn () => $this->fail('they were tried together'));
		$this->assertSame(1, count($calls));
		$this->work();
		$this->assertEqualsCanonicalizing($hashes, array_merge(...$this->hashes()));
	}

	public function test_where_others_have_the_turn_each_is_tried_later(): void
	{
		Outbox::addAll($this->channel->id, 'announce', $this->makeFiles(2));
		Outbox::runTogether(
			$this->channel,
			'announce',
			fn () => throw new Postponed('other packets of this channel are being applied', true),
		);
		$now = time() + Clock::$ahead;
		$left = Table::select('filesync_outbox', ['kind' => 'announce']);
		$this->assertCount(2, $left);
		foreach ($left as $row) {
			$this->assertSame(1, (int) $row['attempts']);
			$this->assertGreaterThan($now + 30, (int) $row['next_at']);
			$this->assertStringContainsString('are being applied', $row['reason']);
		}
	}

	public function test_a_delete_is_not_overtaken(): void
	{
		$hashes = $this->makeFiles(3);
		Outbox::addAll($this->channel->id, 'announce', $hashes);
		Outbox::add($this->channel->id, 'deleted', 'f9');
		Outbox::runTogether($this->channel, 'announce', fn () => $this->fail('another call waits'));
		$this->assertSame(3, Table::count('filesync_outbox', ['kind' => 'announce', 'attempts' => 0]));
	}

	public function test_killed_while_many_are_announced_all_are(): void
	{
		$prepare = function (): array {
			$this->tearDown();
			$this->setUp();
			$hashes = $this->makeFiles(3);
			Outbox::addAll($this->channel->id, 'announce', $hashes);

			return $hashes;
		};
		$announce = fn () => Outbox::runTogether($this->channel, 'announce', Announcement::sendAll(...));
		$prepare();
		$instants = $this->instantsOf($announce);
		foreach (self::sample($instants, 8) as $instant) {
			$hashes = $prepare();
			$this->killedAt($instant, $announce);
			Clock::$ahead += 120;
			$this->work();
			$this->assertEqualsCanonicalizing(
				$hashes,
				array_merge(...$this->hashes()),
				"killed at instant $instant of $instants",
			);
			$this->assertSame(3, Table::count('filesync_file', ['state' => 'here']));
			$this->assertNothingWaits();
		}
	}

	public function test_a_clone_without_filesync_gets_its_packet_beside(): void
	{
		Maker::hubloc(InProcess::$identity, self::OTHER, 'alice');
		$this->haveFiles('f1');
		$this->assertCount(2, $this->sent('f1'), 'the hub sends it to both');
		$this->work();
		$this->assertSame([['f1']], $this->hashes());
	}

	public function test_a_clone_of_which_nothing_is_known_gets_packets(): void
	{
		Table::delete('filesync_peer', ['updated >' => 0]);
		$this->haveFiles('f1');
		$this->assertCount(1, $this->sent('f1'));
		$this->work();
		$this->assertSame([], $this->got);
	}

	public function test_a_clone_that_is_away_is_asked_now_and_then_and_gets_the_newest_state_once_it_is_heard_of(): void
	{
		$this->answer = fn () => ['status' => 0, 'error' => 'refused'];
		$this->haveFiles('f1', 'f2');
		$this->sent('f1', 'f2');
		for ($try = 0; $try < 9; $try++) {
			$this->work();
			$this->assertCount($try + 1, $this->got);
			$this->work();
			$this->assertCount($try + 1, $this->got, 'not before its time');
			$row = Table::first('filesync_outbox', ['kind' => 'bulk']);
			$this->assertSame(['due', 0], [$row['state'], (int) $row['attempts']]);
			$wait = (int) $row['next_at'] - time() - Clock::$ahead;
			$this->assertLessThanOrEqual(376, $wait);
			$this->assertGreaterThanOrEqual(min(300, 15 * (2 ** $try)) - 2, $wait);
			Clock::$ahead += $wait + 1;
		}
		// It does not take part in what the hub has left to do.
		$this->work();
		$waiting = Report::status()['calls_waiting'];
		Table::update('filesync_outbox', ['next_at' => 0], ['kind' => 'bulk']);
		$this->assertSame($waiting + 1, Report::status()['calls_waiting']);
		$this->work();
		$this->assertSame($waiting, Report::status()['calls_waiting']);
		dbq("UPDATE attach SET filename = 'renamed' WHERE hash = 'f1'");
		$this->sent('f1');
		$this->answer = null;
		$this->got = [];
		$this->receive($this->file('yours', 'x'));
		$this->work();
		$this->assertSame([['f2', 'f1']], $this->hashes());
		$this->assertSame('renamed', end($this->got[0][1]['attach'])['filename']);
		$this->assertNothingWaits();
	}

	/** The follow-up looks for the last time, and is done a moment later: what comes in between must not be left. */
	public function test_what_changes_while_the_follow_up_ends_has_another_and_one_that_failed_is_tried_with_it(): void
	{
		$this->haveFiles('f1', 'f2');
		$this->answer = fn () => ['status' => 503];
		$this->sent('f1');
		$this->work();
		$row = fn () => Table::first('filesync_outbox', ['kind' => 'bulk']);
		$waiting = $row();
		$this->sent('f2');
		$this->assertSame($waiting, $row(), 'a clone that is away is not asked for each change');
		foreach ([['reason' => 'under way: x', 'attempts' => 1], ['state' => 'parked', 'attempts' => 4]] as $state) {
			Table::update('filesync_outbox', $state + ['next_at' => 9 * (10 ** 9)], ['kind' => 'bulk']);
			$this->sent('f2');
			$this->assertEquals(
				['due', 0, 0, ''],
				[$row()['state'], $row()['attempts'], $row()['next_at'], $row()['reason']],
				json_encode($state),
			);
		}
		$this->answer = null;
		$this->got = [];
		$this->work();
		$this->assertSame([['f1', 'f2']], $this->hashes());
		$this->assertNothingWaits();
	}

	public function test_what_a_clone_did_not_take_comes_again_and_what_changed_meanwhile_too(): void
	{
		$this->haveFiles('f1', 'f2', 'f3');
		array_map($this->sent(...), ['f1', 'f2', 'f3']);
		$this->answer = function ($entries) {
			if (count($this->got) === 1) {
				Table::update('filesync_bulk', ['place' => 9 * (10 ** 15)], ['hash' => 'f1']);
			}

			return self::took(count($this->got) === 1 ? 2 : count($entries));
		};
		$this->work();
		$this->assertSame([['f1', 'f2', 'f3'], ['f3', 'f1']], $this->hashes());
		$this->assertNothingWaits();
	}

	public function test_a_web_server_that_takes_less_gets_less_and_at_last_packets(): void
	{
		$this->haveFiles('f1', 'f2');
		$this->sent('f1', 'f2');
		$this->answer = fn ($entries) => ['status' => 413, 'body' => '<html>too large</html>'];
		$this->work();
		$this->assertCount(4, $this->got, '4 MiB, 1 MiB, 256 KiB, 64 KiB');
		$this->assertCount(2, $this->sent());
		$this->assertNothingWaits();
		$this->assertTrue(Peers::takesBulk(self::ORIGIN), 'a bound of its web server says nothing of the hub');
	}

	public function test_an_entry_that_is_too_long_for_a_request_goes_by_a_packet_and_the_others_go_on(): void
	{
		$this->haveFiles('gone', 'f2');
		Zotlabs\Module\attach_delete($this->channel->id, 'gone');
		$this->sent();
		// As of a folder with very many files.
		$beneath = [];
		for ($n = 0; $n < 90000; $n++) {
			$beneath[sprintf('9c0d1e2f-1111-4222-8333-%012d', $n)] = ['aaaaaaaa' => 3, 'bbbbbbbb' => 2];
		}
		Table::update('filesync_bulk', ['beneath' => json_encode($beneath)], ['hash' => 'gone']);
		$this->sent('f2');
		$this->work();
		$this->assertSame([['f2']], $this->hashes());
		$packets = $this->sent();
		$this->assertCount(1, $packets);
		$this->assertNothingWaits();
	}

	public function test_a_change_that_a_clone_finds_malformed_goes_by_a_packet_and_the_others_go_on(): void
	{
		$this->haveFiles('f1', 'f2', 'f3', 'f4');
		$this->sent('f1', 'f2', 'f3', 'f4');
		$this->answer = fn ($entries) => (
			array_filter($entries, fn ($entry) => end($entry['attach'])['hash'] === 'f2')
				? ['status' => 400, 'body' => json_encode(['filesync' => 2, 'error' => 'malformed', 'time' => time()])]
				: self::took(count($entries))
		);
		$this->work();
		$this->assertCount(1, $this->sent());
		$last = array_merge(...array_filter($this->hashes(), fn ($hashes) => ! in_array('f2', $hashes, true)));
		sort($last);
		$this->assertSame(['f1', 'f3', 'f4'], $last);
		$this->assertNothingWaits();
	}

	public function test_an_answer_that_is_much_text_stops_nothing_else(): void
	{
		$this->answer = fn () => [
			'status' => 200,
			'body' => json_encode([
				'filesync' => 2,
				'error' => str_repeat('x', 70000),
				'time' => time(),
			]),
		];
		$this->haveFiles('f1');
		$this->sent('f1');
		$this->receive($this->file('yours', 'from the other clone'));
		$this->work();
		$this->assertStringEndsWith(' refuses: unknown', Table::first('filesync_outbox', ['kind' => 'bulk'])['reason']);
		$this->assertSame('from the other clone', $this->shown('yours'));
	}

	public function test_a_change_that_comes_while_another_is_forgotten_stays(): void
	{
		$this->haveFiles('f1');
		$this->sent('f1');
		$rows = Table::select('filesync_bulk', []);
		$sound = DBA::$dba;
		$this->whileFailing(
			function ($sql) use ($sound) {
				str_starts_with($sql, 'DELETE FROM filesync_bulk')
					&& $sound->q('UPDATE filesync_bulk SET place = place + 1');

				return false;
			},
			fn () => BulkQueue::forget($rows),
		);
		$this->assertSame(['f1'], array_column(Table::select('filesync_bulk', []), 'hash'));
		BulkQueue::forget(Table::select('filesync_bulk', []));
		$this->assertSame([], Table::select('filesync_bulk', []));
	}

	public function test_a_change_that_comes_while_what_was_sent_is_forgotten_waits(): void
	{
		$this->haveFiles('f1', 'f2');
		$sound = DBA::$dba;
		for ($at = 1, $isReached = true; $isReached; $at++) {
			Table::delete('filesync_bulk', ['created >' => 0]);
			$this->sent('f1', 'f2');
			$taken = Table::select('filesync_bulk', []);
			[$count, $isReached] = [0, false];
			$this->whileFailing(
				function ($sql) use ($sound, $taken, $at, &$count, &$isReached): bool {
					if (preg_match('/(FROM|UPDATE|INTO) filesync_bulk/i', $sql) && ++$count === $at) {
						$isReached = true;
						[$changing, DBA::$dba] = [DBA::$dba, $sound];
						BulkQueue::forget($taken);
						DBA::$dba = $changing;
					}

					return false;
				},
				fn () => BulkQueue::wait($this->channel, ['f1', 'f2']),
			);
			$this->assertEqualsCanonicalizing(
				['f1', 'f2'],
				array_column(Table::select('filesync_bulk', []), 'hash'),
				"before statement $at",
			);
		}
		$this->assertGreaterThan(2, $at);
	}

	public function test_what_changes_while_others_are_told_goes_with_what_it_has_seen(): void
	{
		$this->haveFiles('f1', 'f2');
		array_map($this->sent(...), ['f1', 'f2']);
		$sound = DBA::$dba;
		$isChanged = false;
		$this->whileFailing(
			function ($sql) use ($sound, &$isChanged): bool {
				if (! $isChanged && str_starts_with($sql, "SELECT * FROM attach WHERE hash = 'f2' AND uid")) {
					$isChanged = true;
					[$changing, DBA::$dba] = [DBA::$dba, $sound];
					file_put_contents($this->attach('f2')['content'], 'longer than it was before');
					Table::update(
						'attach',
						['filesize' => 25, 'edited' => '2024-06-01 10:00:00'],
						['hash' => 'f2'],
					);
					Revisions::notice($this->channel, 'f2');
					DBA::$dba = $changing;
				}

				return false;
			},
			$this->work(...),
		);
		$this->assertTrue($isChanged);
		$told = $this->got[0][1];
		$this->assertSame('2024-06-01 10:00:00', end($told['attach'])['edited']);
		$this->assertSame(25, $told['filesync']['size_bytes']);
		$this->assertSame(
			Revisions::find($this->channel->id, 'f2')['bytes']['vector'],
			$told['filesync']['revision']['bytes']['seen'],
		);
	}

	public function test_a_file_that_cannot_be_read_keeps_no_other_from_a_clone(): void
	{
		$this->haveUnread('f1', 'f2', 'f3');
		FileDigest::$duringStep = fn (string $path) => (
			$path !== realpath($this->attach('f2')['content'])
			|| throw new StorageException('input/output error')
		);
		array_map($this->sent(...), ['f1', 'f2', 'f3']);
		$this->work();
		$this->assertSame([['f1', 'f2', 'f3']], $this->hashes());
		$this->assertSame(
			[self::digestOf('f1'), null, self::digestOf('f3')],
			array_map(fn (array $entry) => $entry['filesync']['sha256'] ?? null, $this->got[0]),
		);
		$this->assertNothingWaits();
	}

	public function test_digests_that_another_process_records_meanwhile_are_recorded_too(): void
	{
		$this->haveUnread('f1', 'f2', 'f3');
		Table::tryInsert('filesync_digest', [
			'id' => hash('sha256', "{$this->channel->id}\nf3\n0"),
			'uid' => $this->channel->id,
			'hash' => 'f3',
			'scale' => 0,
			'size_bytes' => 1,
			'facts' => 'earlier',
			'sha256' => str_repeat('a', 64),
			'updated' => 1,
		]);
		array_map($this->sent(...), ['f1', 'f2', 'f3']);
		$sound = DBA::$dba;
		$isIn = false;
		$this->whileFailing(
			function (string $sql) use ($sound, &$isIn): bool {
				if (! $isIn && str_starts_with($sql, 'INSERT INTO filesync_digest ')) {
					$isIn = true;
					$sound->q(preg_replace("/^(.*?VALUES \\(.*?\\)).*$/s", '$1', $sql));
				}

				return false;
			},
			$this->work(...),
		);
		$this->assertTrue($isIn);
		$this->assertSame([['f1', 'f2', 'f3']], $this->hashes());
		$this->assertDigestsAreRecorded('f1', 'f2', 'f3');
	}

	public function test_killed_while_files_are_read_and_told_all_are(): void
	{
		$prepare = function (): void {
			$this->tearDown();
			$this->setUp();
			$this->haveUnread('f1', 'f2', 'f3');
			$this->sent('f1', 'f2', 'f3');
		};
		$tell = fn () => Outbox::run($this->channel->id, [BulkQueue::KIND]);
		$prepare();
		$instants = $this->instantsOf($tell);
		foreach (self::sample($instants, 8) as $instant) {
			$prepare();
			$this->killedAt($instant, $tell);
			Clock::$ahead += 120;
			$this->work();
			$said = "killed at instant $instant of $instants";
			// What the killed process told was heard in that process only.
			foreach (array_merge(...$this->got) as $entry) {
				$this->assertSame(
					self::digestOf(end($entry['attach'])['hash']),
					$entry['filesync']['sha256'],
					$said,
				);
			}
			$this->assertNothingWaits();
			$this->assertDigestsAreRecorded('f1', 'f2', 'f3');
		}
	}

	public function test_the_first_request_is_small_so_that_a_clone_begins_and_later_ones_are_large(): void
	{
		$hashes = $this->makeFiles(700);
		Outbox::addAll($this->channel->id, 'announce', $hashes);
		$this->work();
		$this->assertEqualsCanonicalizing($hashes, array_merge(...$this->hashes()));
		$counts = array_map(count(...), $this->got);
		$this->assertSame([32, 64, 128, 256, 220], $counts);
	}

	public function test_of_a_long_body_only_its_beginning_is_read_before_its_signature_is_proven(): void
	{
		$entries = array_fill(0, 400, json_encode(['attach' => [], 'x' => str_repeat('much ', 1000)]));
		$signed = $this->signedRequest('bulk', ['entries' => $entries]);
		$lists = '"entries":[' . str_repeat('[0],', 1 << 20) . '0]}';
		$begins = substr((string) $signed->body, 0, (int) strpos((string) $signed->body, '"entries"'));
		$header = ['filesync-signature' => $signed->header('filesync-signature')];
		$most = memory_get_peak_usage();
		foreach ([
			[401, [], $begins . $lists],
			[401, [], (string) $signed->body],
			[401, $header, $begins . $lists],
			[400, $header, '{"filesync":2,' . $lists],
		] as [$status, $headers, $body]) {
			$answer = Serve::answer(new Request('POST', ['getfile', 'bulk'], $headers, [], $body));
			$this->assertSame($status, $answer->status, $answer->body);
		}
		$this->assertLessThan(32 << 20, memory_get_peak_usage() - $most, 'decoded, it takes 400 MiB');
		$this->assertSame(200, Serve::answer($signed)->status);
		// Who signs it says the same in all of it.
		$twice = ['filesync' => 2, 'channel' => $this->channel->hash, 'key_id' => self::ORIGIN . '/channel/alice'];
		$twice += ['time' => time(), 'nonce' => str_repeat('a', 32), 'entries' => $entries];
		$body = substr(json_encode($twice), 0, -1) . ',"key_id":"https://else.example/channel/alice"}';
		$this->assertSame(400, Serve::answer($this->signedRequest('bulk', [], null, $body))->status);
	}

	public function test_a_clone_that_lost_filesync_gets_packets_at_once(): void
	{
		$this->haveFiles('f1', 'f2');
		$this->sent('f1', 'f2');
		$this->answer = fn () => ['status' => 200, 'body' => '<html>a page</html>'];
		$this->work();
		$this->assertCount(1, $this->got);
		$this->assertCount(2, $this->sent());
		$this->assertNothingWaits();
		$this->assertCount(1, $this->sent('f1'), 'and from then on');
	}

	public function test_a_clone_that_left_is_forgotten_and_what_waits_too_long_as_well(): void
	{
		$this->answer = fn () => ['status' => 503];
		$this->haveFiles('f1', 'f2');
		$this->sent('f1');
		$this->work();
		Clock::$ahead += 31 * 86400;
		Peers::answered(self::ORIGIN, ['features' => ['ticket', 'bulk']]);
		$this->sent('f2');
		Housekeeping::daily();
		$this->assertSame(['f2'], array_column(Table::select('filesync_bulk', []), 'hash'));
		q("UPDATE hubloc SET hubloc_deleted = 1 WHERE hubloc_url = '%s'", dbesc(self::ORIGIN));
		$this->work();
		$this->assertNothingWaits();
	}

	public function test_where_filesync_is_switched_off_the_hub_sends_what_waits(): void
	{
		$this->answer = fn () => ['status' => 503];
		$this->haveFiles('f1', 'f2');
		$this->sent('f1', 'f2');
		$this->work();
		Worker::daemon('hand-over');
		$this->assertSame([], $this->sent(), 'it is on');
		Config::set('enabled', '0', "channel:{$this->channel->id}");
		Worker::daemon('hand-over');
		$this->assertCount(2, $this->sent());
		$this->assertSame([], Table::select('filesync_bulk', []));
		// The follow-up finds nothing, once it is on again.
		Config::clear('enabled', "channel:{$this->channel->id}");
		Clock::$ahead += 1000;
		$this->work();
		$this->assertNothingWaits();
	}

	public function test_before_filesync_is_removed_the_hub_gets_what_waits(): void
	{
		$this->answer = fn () => ['status' => 503];
		$this->haveFiles('f1');
		$this->sent('f1');
		$this->work();
		$this->assertSame(1, Uninstall::outlook()['changes_to_send']);
		Uninstall::giveToHub(10);
		$this->assertSame(0, Uninstall::outlook()['changes_to_send']);
		$this->assertCount(1, $this->sent());
	}

	public function test_a_delete_goes_with_what_it_has_seen(): void
	{
		$this->haveFiles('f1');
		Zotlabs\Module\attach_delete($this->channel->id, 'f1');
		$this->assertSame([], $this->sent());
		$this->work();
		$this->assertSame([['f1']], $this->hashes());
		$this->assertSame(1, (int) $this->got[0][0]['attach'][0]['deleted']);
		$this->assertNotSame([], $this->got[0][0]['filesync']['gone']);
	}

	public function test_entries_are_taken_in_their_order_and_one_that_cannot_be_read_stops_no_other(): void
	{
		$first = $this->file('f1', 'bytes', [], ['folder-x' => 'Holiday']);
		$renamed = ['filename' => 'renamed.bin'];
		$later = $this->file('f1', 'bytes', $renamed, ['folder-x' => 'Holiday']);
		$texts = array_map(json_encode(...), [$first, $later, $this->file('f2', 'more')]);
		$answer = $this->ask(['entries' => [$texts[0], '{"half', $texts[1], $texts[2]]]);
		$said = json_decode($answer->body, true);
		$this->assertSame([200, 4, 2], [$answer->status, $said['taken'], $said['filesync']]);
		$this->assertContains('bulk', $said['features']);
		$this->work();
		$this->assertSame(['bytes', 'more'], [$this->shown('f1'), $this->shown('f2')]);
		$this->assertSame('renamed.bin', $this->attach('f1')['filename']);
		// The same by a packet: nothing is fetched again.
		$fetched = count(FileSync\TransferBatch::$added);
		$this->receive($this->file('f2', 'more'));
		$this->ask(['entries' => [$texts[2]]]);
		$this->work();
		$this->assertCount($fetched, FileSync\TransferBatch::$added);
	}

	public function test_a_request_ends_in_time_though_each_entry_takes_long(): void
	{
		$hashes = ['f1', 'f2', 'f3'];
		$texts = array_map(fn (string $hash) => json_encode($this->file($hash, "bytes of $hash")), $hashes);
		// Together they cannot be taken, and alone each waits as for its turn.
		$this->whileFailing(
			function (string $sql): bool {
				if (! str_starts_with($sql, 'INSERT INTO filesync_transfer ')) {
					return false;
				}
				Clock::$ahead += 8;

				return substr_count($sql, "'f") > 1;
			},
			function () use ($texts, &$said): void {
				$said = json_decode($this->ask(['entries' => $texts])->body, true);
			},
		);
		$this->assertSame(1, $said['taken']);
		$this->assertSame(['f1'], array_column(Table::select('filesync_transfer', []), 'hash'));
		$said = json_decode($this->ask(['entries' => array_slice($texts, $said['taken'])])->body, true);
		$this->assertSame(2, $said['taken']);
		$this->work();
		$this->assertSame(
			['bytes of f1', 'bytes of f2', 'bytes of f3'],
			array_map($this->shown(...), $hashes),
		);
	}

	public function test_only_a_clone_of_the_channel_gives_many_and_one_request_at_a_time(): void
	{
		$text = json_encode($this->file('f1', 'bytes'));
		foreach ([
			[400, ['entries' => 'x']],
			[400, ['entries' => [$this->file('f1', 'bytes')]]],
			[400, ['entries' => array_fill(0, 501, '{}')]],
			[403, ['entries' => [$text], 'key_id' => 'https://else.example/channel/alice']],
		] as [$status, $keys]) {
			$this->assertSame($status, $this->ask($keys)->status, json_encode($keys));
		}
		$this->assertSame(401, $this->ask(['entries' => [$text]], 'inventory')->status);
		$place = Places::take('bulk', $this->channel->id, 1);
		$this->assertSame(429, $this->ask(['entries' => [$text]])->status);
		$place->giveBack();
		$this->assertNull($this->transfer('f1'));
		$this->assertSame(200, $this->ask(['entries' => [$text]])->status);
		$this->assertNotNull($this->transfer('f1'));
	}

	private static function took(int $count): array
	{
		return ['status' => 200, 'body' => json_encode(['filesync' => 2, 'time' => time(), 'taken' => $count])];
	}

	/** Makes files of which nothing is recorded, as their owner does; returns their hashes in the order of the rows. */
	private function makeFiles(int $number): array
	{
		$this->got = [];
		$hashes = array_map(fn (int $n) => "new-$n", range(1, $number));
		$this->receive(...array_map(fn (string $hash) => $this->file($hash, "bytes of $hash"), $hashes));
		$this->work();
		foreach (['file', 'transfer', 'digest'] as $table) {
			Table::delete("filesync_$table", ['hash' => $hashes]);
		}
		$this->got = [];

		return array_column(Table::select('attach', ['hash' => $hashes], 'id', 0, 'hash'), 'hash');
	}

	/** Makes files of the channel, of which no clone has heard. */
	private function haveFiles(string ...$hashes): void
	{
		foreach ($hashes as $hash) {
			$this->receive($this->file($hash, "bytes of $hash"));
		}
		$this->work();
		$this->sent();
		$this->got = [];
	}

	/** Makes files of which clones have heard, and whose digests are unknown. */
	private function haveUnread(string ...$hashes): void
	{
		$this->haveFiles(...$hashes);
		Table::delete('filesync_digest', ['uid' => $this->channel->id]);
		Clock::$ahead += 10;
	}

	private static function digestOf(string $hash): string
	{
		return hash('sha256', "bytes of $hash");
	}

	private function assertDigestsAreRecorded(string ...$hashes): void
	{
		$rows = Table::select('filesync_digest', ['hash' => $hashes], 'hash', 0, 'hash, facts, sha256');
		$this->assertSame(
			array_combine($hashes, array_map(self::digestOf(...), $hashes)),
			array_column($rows, 'sha256', 'hash'),
		);
		foreach ($rows as $row) {
			$this->assertSame(
				Facts::key(Facts::of($this->channel, $row['hash'], 0)->stat() ?? []),
				$row['facts'],
				$row['hash'],
			);
		}
	}

	/** @return list<list<string>> Of the entries of each request. */
	private function hashes(): array
	{
		return array_map(
			fn ($entries) => array_map(fn ($entry) => end($entry['attach'])['hash'], $entries),
			$this->got,
		);
	}

	private function assertNothingWaits(): void
	{
		$this->assertSame([], Table::select('filesync_bulk', []));
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => 'bulk']));
	}

	private function ask(array $keys, string $signedFor = 'bulk'): Response
	{
		return Serve::answer($this->signedRequest('bulk', $keys, $signedFor));
	}
}
