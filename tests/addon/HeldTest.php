<?php

use FileSync\Addon\Console\Command;
use FileSync\Addon\Doctor\Background;
use FileSync\Addon\Doctor\Findings;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Page\AdminPage;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Receive\HeldPackets;
use FileSync\Addon\Receive\Replay;
use FileSync\Addon\Reconcile\Outcome;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Status\Report;
use FileSync\Addon\Work\Housekeeping;

/** Packets that must wait are held within bounds; what is beyond them is not lost, and reaches no other channel. */
final class HeldTest extends AddonTestCase
{
	private const TRANSFERS = '/\b(from|into|update) filesync_transfer\b/i';

	public function test_beyond_the_bound_of_rows_the_request_succeeds_and_the_clones_are_compared(): void
	{
		Config::set('held_max_packets', '3');
		$this->hold(...array_map(fn ($n) => $this->file("f$n", "bytes $n"), range(1, 5)));
		$this->hold($this->deletion('f9'));
		$this->assertSame(['f1', 'f2', 'f3'], array_column(Table::select('filesync_packet', [], 'hash'), 'hash'));
		$this->assertSame(
			[['f4', 0, self::ORIGIN], ['f5', 0, self::ORIGIN], ['f9', 1, self::ORIGIN]],
			array_map(
				fn ($row) => [$row['hash'], (int) $row['is_delete'], $row['peer']],
				Table::select('filesync_dropped', [], 'hash'),
			),
		);
		$this->assertLessThanOrEqual(Clock::now(), Run::ask($this->channel->id, self::ORIGIN)->next_at);
		$this->assertContains('reconcile', array_column($this->jobs('Addon'), 2));
	}

	public function test_posts_that_cannot_be_stored_are_held_within_the_same_bounds_and_come_by_the_clone_beyond_them(): void
	{
		foreach (['held_max_packets' => '3', 'held_max_bytes' => '350000'] as $setting => $value) {
			Config::set($setting, $value);
		}
		Peers::hear(self::ORIGIN, [
			'v' => 1,
			'version' => '0.1.0',
			'features' => ['ticket', 'range', 'inventory'],
			'endpoint' => self::ORIGIN . '/getfile/ticket',
		]);
		$packet = fn ($n) => (
			['item' => [$this->item(self::ORIGIN . "/item/$n", self::ORIGIN . "/item/$n", ['pad' => str_repeat(
				'p',
				100000,
			)])]] + $this->file("f$n", 'x')
		);
		// As core where a field that it takes for text is none.
		$fails = fn ($sql) => preg_match('/\b(from item where mid|into item\b|update item\b)/i', $sql)
			? throw new TypeError('mb_strlen(): Argument #1 must be of type string')
			: false;
		foreach ([...range(1, 10), 1] as $n) {
			$this->whileFailing($fails, fn () => $this->receive($packet($n)));
		}
		$this->assertSame(3, Table::count('filesync_outbox', ['kind' => 'items']));
		$this->assertFalse(HeldPackets::hasRoom(1), 'they are counted with the packets that are held');
		$this->assertSame(
			[['', 1, self::ORIGIN]],
			array_map(
				fn ($row) => [$row['hash'], (int) $row['is_delete'], $row['peer']],
				Table::select('filesync_dropped', []),
			),
		);
		$this->assertLessThanOrEqual(Clock::now(), Run::ask($this->channel->id, self::ORIGIN)->next_at);
		$this->assertEqualsCanonicalizing(
			array_map(fn ($n) => "f$n", range(4, 10)),
			Run::ask($this->channel->id, self::ORIGIN, 'pull')->body['hashes'],
			'their posts are asked for',
		);
		$this->work();
		$this->assertSame(
			[0, "nothing is missing\n"],
			[Table::count('filesync_outbox', ['kind' => 'items']), implode(array_slice($this->runVerb('missing'), 1))],
			'the files are here',
		);
		// Where what the clone gives when it is asked cannot be stored either, it is not asked again and again.
		$this->whileFailing($fails, fn () => array_map(fn ($n) => $this->receive($packet($n)), range(11, 13)));
		$pull = Run::ask($this->channel->id, self::ORIGIN, 'pull');
		$this->answerWith(array_combine(array_map(fn ($n) => "f$n", range(4, 10)), array_map($packet, range(4, 10))));
		$this->whileFailing($fails, fn () => Reconcile::goOn($pull->id, time() + 30));
		$this->assertSame([], Run::find($pull->id)->body['hashes'] ?? []);
		// Later it is, and once core can store them all is well.
		$this->work();
		Run::wish($this->channel->id, self::ORIGIN, ['f4'], 0);
		Reconcile::goOn($pull->id, time() + 30);
		$this->assertSame(1, Table::count('item', ['mid' => self::ORIGIN . '/item/4']));
	}

	public function test_what_was_dropped_is_told_until_a_comparison_found_it_out(): void
	{
		Config::set('held_max_packets', '1');
		$this->hold($this->file('f1', 'bytes 1'), $this->file('f2', 'bytes 2'));
		$this->assertStringContainsString('127.0.0.1:9001', implode(
			' ',
			OwnerPage::values($this->channel)['problems'],
		));
		$this->assertStringContainsString('are dropped because', strtr(implode(' ', AdminPage::values()['counts']), [
			'were' => 'are',
		]));
		$this->assertSame(1, Report::status()['packets_dropped']);
		[$code, $said] = $this->runVerb('packets');
		$this->assertSame(75, $code);
		$this->assertStringContainsString('1 packets from ' . self::ORIGIN . ' were dropped', $said);
		[$code, $said] = $this->runVerb('missing');
		$this->assertStringContainsString('f2', $said);
		$this->assertFalse($this->doctor()['ok']);
		// What the comparison finds is taken in; the note goes with it.
		Table::update('filesync_dropped', ['created' => Clock::now() - 10], []);
		$there = ['f2' => $this->file('f2', 'bytes 2')];
		$this->answerWith($there);
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->assertSame(Outcome::Over, Reconcile::goOn($run->id, time() + 30));
		$this->work();
		$this->assertSame('bytes 2', $this->shown('f2'));
		$this->assertSame([], Table::select('filesync_dropped', []));
		$this->assertTrue($this->doctor()['ok']);
		$this->assertSame([], OwnerPage::values($this->channel)['problems']);
	}

	public function test_what_a_comparison_cannot_apply_either_does_not_make_it_begin_again_at_once(): void
	{
		Config::set('held_max_packets', '1');
		$this->hold($this->file('f1', 'bytes 1'), $this->file('f2', 'bytes 2'));
		$there = ['f2' => $this->file('f2', 'bytes 2')];
		$this->answerWith($there);
		Table::update('filesync_dropped', ['created' => Clock::now() - 10], []);
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->whileFailing(
			fn ($sql) => preg_match('/into filesync_transfer\b/i', $sql),
			fn () => Reconcile::goOn($run->id, time() + 30),
		);
		$run = Run::find($run->id);
		$this->assertSame(1, Table::count('filesync_dropped', []));
		$this->assertGreaterThan(Clock::now() + 86400, $run->next_at);
		DroppedPackets::compareAll();
		$this->assertLessThanOrEqual(Clock::now(), Run::find($run->id)->next_at, 'a day later it is');
	}

	public function test_packets_are_no_way_around_the_wait_of_a_clone_that_fails(): void
	{
		Config::set('held_max_packets', '1');
		$later = Clock::now() + 5000;
		Run::ask($this->channel->id, self::ORIGIN)->save(['attempts' => 3, 'next_at' => $later]);
		$this->hold($this->file('f1', 'bytes 1'), $this->file('f2', 'bytes 2'));
		$this->assertSame($later, Run::ask($this->channel->id, self::ORIGIN)->next_at);
	}

	public function test_the_bounds_of_bytes_hold_and_the_hubs_shut_nobody_out(): void
	{
		$bob = $this->another('bob', self::ORIGIN);
		Config::set('held_max_bytes', '40000');
		Config::set('held_hub_max_bytes', '50000');
		$large = fn ($hash) => $this->file($hash, 'x', ['display_path' => str_repeat('p', 15000)]);
		$this->hold($large('f1'), $large('f2'), $large('f3'));
		$this->assertSame(['f1', 'f2'], array_column(Table::select('filesync_packet', [], 'hash'), 'hash'));
		$this->assertGreaterThan(30000, Table::sum('filesync_packet', 'size_bytes', []));
		// The hub is full now, but bob has next to nothing.
		$this->whileFailing(fn ($sql) => preg_match(self::TRANSFERS, $sql), function () use ($bob) {
			Zotlabs\Lib\sync_files($bob, [$this->file('g1', 'y', ['display_path' => str_repeat('p', 25000)])]);
			Zotlabs\Lib\sync_files($bob, [$this->file('g2', 'y')]);
		});
		$this->assertSame(
			['g2'],
			array_column(Table::select('filesync_packet', ['uid' => (int) $bob['channel_id']], 'hash'), 'hash'),
		);
		$this->assertSame(
			['g1'],
			array_column(Table::select('filesync_dropped', ['uid' => (int) $bob['channel_id']], 'hash'), 'hash'),
		);
	}

	public function test_notes_of_what_was_dropped_are_bounded_too(): void
	{
		Config::set('held_max_packets', '1');
		$this->hold($this->file('f1', 'bytes'));
		for ($n = 0; $n < 1000; $n++) {
			Table::insert('filesync_dropped', [
				'id' => "n$n",
				'uid' => 1,
				'hash' => "n$n",
				'is_delete' => 0,
				'peer' => self::ORIGIN,
				'created' => 1,
			]);
		}
		$this->hold(...array_map(fn ($n) => $this->file("g$n", 'x'), range(1, 5)));
		$this->assertSame(1001, Table::count('filesync_dropped', []));
		$this->assertSame('', Table::first('filesync_dropped', [], 'created DESC')['hash']);
	}

	public function test_the_same_packet_again_takes_no_more_room_and_leaves_no_note(): void
	{
		Config::set('held_max_packets', '1');
		$entry = $this->file('f1', 'bytes');
		$this->hold($entry, $entry);
		$this->assertSame([1, 0], [Table::count('filesync_packet', []), Table::count('filesync_dropped', [])]);
	}

	public function test_who_only_looks_reads_no_bodies(): void
	{
		$this->receive($this->file('old', 'before'));
		$this->work();
		$this->hold($this->deletion('old'));
		Table::update('filesync_packet', ['state' => 'parked'], ['hash' => 'old']);
		$this->hold($this->file('f1', 'bytes', ['filename' => 'name.txt'], ['d1' => 'Folder']));
		$all = '';
		$this->whileFailing(function ($sql) use (&$all) {
			$all .= "$sql\n";

			return false;
		}, function () use (&$shown) {
			$shown = json_encode([
				Report::status(),
				OwnerPage::values($this->channel)['packets'],
				AdminPage::values()['counts'],
				iterator_to_array(Report::missing(), false),
			]);
			$this->runVerb('packets');
		});
		$this->assertSame(0, preg_match('/(select \*|\bbody\b).* from filesync_packet/i', $all), $all);
		$this->assertStringContainsString('deleted old.bin', $shown);
		$this->assertStringContainsString('Folder\/name.txt', $shown);
	}

	public function test_of_a_packet_that_an_earlier_version_held_it_is_found_out_once(): void
	{
		$this->hold($this->file('f1', 'bytes', ['filename' => 'name.txt']));
		dbq('UPDATE filesync_packet SET about = NULL');
		foreach ([1, 2] as $time) {
			$this->assertSame('name.txt', iterator_to_array(Report::missing(), false)[0]['name']);
			dbq("UPDATE filesync_packet SET body = 'not read again'");
		}
	}

	public function test_the_attempt_counts_before_the_body_is_read_and_what_kills_is_parked(): void
	{
		$this->hold($this->file('f1', 'bytes'));
		$attempts = [];
		for ($n = 0; $n < 7 && Table::first('filesync_packet', [])['state'] === 'staged'; $n++) {
			Table::update('filesync_packet', ['next_at' => 0], []);
			Table::update('filesync_lease', ['expires' => 0], []);
			$this->killedAt(null, function () {
				DBA::$dba = new Fake\FailingDatabase(
					DBA::$dba,
					fn ($sql) => (
						preg_match('/^select body from filesync_packet/i', $sql) && posix_kill(getmypid(), SIGKILL)
					),
				);
				$this->work();
			});
			$attempts[] = (int) Table::first('filesync_packet', [])['attempts'];
		}
		$this->assertSame([1, 2, 3, 4, 5, 6], $attempts);
		$this->assertSame('every attempt killed the process', Table::first('filesync_packet', [])['reason']);
	}

	public function test_a_packet_that_does_not_fit_into_memory_waits_for_a_person(): void
	{
		$this->hold($this->file('f1', 'bytes'));
		Table::update(
			'filesync_packet',
			['next_at' => 0, 'body' => '{"attach":[' . str_repeat('{"a":1},', 1000000) . '1]}'],
			[],
		);
		$this->work();
		$row = Table::first('filesync_packet', [], '', HeldPackets::COLUMNS);
		$this->assertSame('parked', $row['state']);
		$this->assertStringContainsString('memory_limit', $row['reason']);
		[$code, $said] = $this->runVerb('packets', 'accept', 'all');
		$this->assertSame(1, $code);
	}

	public function test_each_channel_has_its_turn_where_packets_are_tried_again(): void
	{
		$bob = $this->another('bob', self::ORIGIN);
		$this->hold(...array_map(fn ($n) => $this->file("f$n", "bytes $n"), range(10, 40)));
		$this->whileFailing(
			fn ($sql) => preg_match(self::TRANSFERS, $sql),
			fn () => Zotlabs\Lib\sync_files($bob, [$this->file('g1', 'his')]),
		);
		Table::update('filesync_packet', ['next_at' => 0], []);
		Replay::due();
		Replay::due();
		$this->assertSame(['staged', 20], [
			Table::first('filesync_transfer', ['hash' => 'g1'])['state'],
			Table::count('filesync_transfer', ['uid' => 1]),
		]);
	}

	public function test_folders_that_no_path_can_name_are_refused_and_not_held(): void
	{
		$folders = [];
		for ($n = 0; $n < 60; $n++) {
			$folders[str_pad("d$n", 64, 'x')] = "Folder $n";
		}
		$before = $this->everything();
		$this->receive($this->file('f1', 'bytes', [], $folders));
		$this->assertSame($before, $this->everything());
		$this->receive($this->file('f2', 'bytes', [], array_slice($folders, 0, 40)));
		$this->work();
		$this->assertSame('bytes', $this->shown('f2'));
	}

	public function test_no_move_takes_files_deeper_than_a_path_can_name(): void
	{
		$deep = $other = [];
		for ($n = 0; $n < 30; $n++) {
			$deep[str_pad("a$n", 64, 'x')] = "A $n";
			$other[str_pad("b$n", 64, 'x')] = "B $n";
		}
		$this->receive($this->file('f1', 'bytes', [], $deep), $this->file('f2', 'bytes', [], $other));
		$this->work();
		$chain = $this->file('none', '', [], $other)['attach'];
		array_pop($chain);
		$moved = $this->row([
			'hash' => (string) array_key_first($deep),
			'filename' => 'A 0',
			'folder' => end($chain)['hash'],
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
			'edited' => '2024-06-01 10:00:00',
		]);
		$this->receive([
			'fetch_url' => self::ORIGIN . '/getfile',
			'original_channel' => 'alice',
			'attach' => [...$chain, $moved],
		]);
		$this->assertSame(['', 'bytes', 0], [
			$this->attach($moved['hash'])['folder'],
			$this->shown('f1'),
			Table::count('filesync_packet', []),
		]);
	}

	public function test_nothing_of_it_stays_of_a_channel_that_left(): void
	{
		Config::set('held_max_packets', '1');
		$this->hold($this->file('f1', 'bytes 1'), $this->file('f2', 'bytes 2'));
		Housekeeping::forgetChannel(1);
		$this->assertSame([0, 0], [Table::count('filesync_packet', []), Table::count('filesync_dropped', [])]);
	}

	/** Has packets come while they cannot be applied. */
	private function hold(array ...$entries): void
	{
		$this->whileFailing(
			fn ($sql) => preg_match(self::TRANSFERS, $sql) || preg_match('/\bfrom filesync_kept\b/i', $sql),
			fn () => $this->receive(...$entries),
		);
		Lease::end('summon-reconcile');
	}

	private function doctor(): array
	{
		$findings = new Findings();
		Background::look($findings);

		return array_values(array_filter($findings->all(), fn ($one) => $one['check'] === 'packets'))[0];
	}

	private function answerWith(array $there): void
	{
		FileSync\Addon\Peers\Peers::hear(self::ORIGIN, [
			'v' => 1,
			'version' => '0.1.0',
			'features' => ['ticket', 'range', 'inventory'],
			'endpoint' => self::ORIGIN . '/getfile/ticket',
		]);
		Client::$wire = function ($method, $url, $headers, $body) use ($there) {
			$asked = json_decode($body, true);
			$said = match ($asked['do'] ?? 'finish') {
				'round' => [
					'session' => str_repeat('b', 32),
					'state' => 'ready',
					'message' => base64_encode(implode(' ', array_map(fn ($hash) => FileSync\Inventory::id(
						$hash,
						'x',
						'y',
					), array_keys($there)))),
				],
				'entries' => [
					'entries' => isset($asked['hashes'])
						? array_map(fn ($hash) => ['for' => $hash, 'entry' => $there[$hash] ?? null], $asked['hashes'])
						: array_map(fn ($key) => [
							'for' => $key,
							'entry' =>
								array_values(array_filter(
									$there,
									fn ($hash) => str_starts_with(FileSync\Inventory::id($hash, '', ''), $key),
									ARRAY_FILTER_USE_KEY,
								))[0] ?? null,
						], $asked['keys']),
				],
				'finish' => ['noted' => 0],
			};

			return ['status' => 200, 'body' => json_encode($said + ['filesync' => 1, 'time' => time()])];
		};
	}
}
