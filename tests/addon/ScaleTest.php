<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Status\Conflicts;
use FileSync\Addon\Status\Overview;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;
use FileSync\Photo;
use FileSync\TransferBatch;

/** What is done often does not take longer with more channels and rows: counted in statements, not in seconds. */
final class ScaleTest extends AddonTestCase
{
	public function test_a_packet_is_taken_by_as_many_statements_however_many_channels_wait(): void
	{
		$take = function (string $hash): int {
			Doorbell::answered();

			return $this->statements(fn () => $this->receive($this->file($hash, 'one')));
		};
		$take('f0');
		$this->waitIn(2, 1);
		$few = $take('f1');
		$this->waitIn(3, 40);
		$this->assertSame($few, $take('f2'));
		$this->assertTrue(Lease::isHeld('summon'));
		$this->assertLessThan(
			$few,
			$this->statements(fn () => $this->receive($this->file('f3', 'one'))),
			'a worker is on its way',
		);
	}

	public function test_who_is_due_is_asked_once_for_all_channels(): void
	{
		$this->waitIn(2, 2);
		$few = $this->statements(Doorbell::dueChannels(...));
		$this->waitIn(4, 40);
		Config::set('paused', '1', 'channel:7');
		$due = [];
		$this->assertSame($few, $this->statements(function () use (&$due) {
			$due = Doorbell::dueChannels();
		}));
		sort($due);
		$this->assertSame(array_values(array_diff(range(1, 43), [7])), $due);
		Lease::take('channel-9', 'a worker', 60);
		$this->assertSame([8, 10], Doorbell::unserved([8, 9, 10]));
	}

	public function test_alike_transfers_are_leased_together_and_only_as_they_were_seen(): void
	{
		for ($n = 1; $n <= 20; $n++) {
			$this->receive($this->file("f$n", 'one'));
		}
		dbq("UPDATE filesync_transfer SET generation = 2 WHERE hash = 'f3'");
		$updates = 0;
		$ours = [];
		$this->watching(
			function (string $sql) use (&$updates): void {
				if (str_starts_with($sql, 'UPDATE filesync_transfer SET state')) {
					// Another process is quicker with one.
					$updates++ === 0
						&& DBA::$dba->db->exec("UPDATE filesync_transfer SET generation = 9 WHERE hash = 'f4'");
				}
			},
			function () use (&$ours) {
				$ours = Queue::claim(1, 'me', 40);
			},
		);
		$this->assertSame(2, $updates, 'one for each generation');
		$hashes = array_map(fn ($transfer) => $transfer->hash, $ours);
		$this->assertCount(19, $hashes);
		$this->assertContains('f3', $hashes);
		$this->assertNotContains('f4', $hashes);
		$this->assertSame('staged', $this->transfer('f4')['state']);
	}

	public function test_a_small_file_is_published_by_few_statements(): void
	{
		$publish = function (string $name, int $files): int {
			for ($n = 0; $n < $files; $n++) {
				$this->receive($this->file("$name$n", "bytes of $name $n"));
			}

			return $this->statements($this->work(...));
		};
		$publish('warm', 1);
		$few = $publish('few', 5);
		$many = $publish('many', 25);
		$this->assertSame('published', $this->transfer('many24')['state']);
		$this->assertLessThanOrEqual(43, ($many - $few) / 20);
	}

	public function test_a_photo_and_its_scales_are_published_by_few_statements(): void
	{
		Config::set('make_scales', '1');
		Photo::$isKnown = true;
		TransferBatch::$together = 64;
		try {
			$publish = function (string $name, int $photos): int {
				for ($n = 0; $n < $photos; $n++) {
					$this->receive($this->photo("$name$n", ["bytes of $name $n", '', '', '']));
				}

				return $this->statements($this->work(...));
			};
			$publish('warm', 2);
			$few = $publish('few', 4);
			$many = $publish('many', 14);
		} finally {
			Photo::$isKnown = false;
		}
		$this->assertSame('published', $this->transfer('many13', 3)['state']);
		$this->assertLessThanOrEqual(13, ($many - $few) / 10);
	}

	public function test_a_photo_and_scales_that_the_origin_gives_are_published_by_few_statements(): void
	{
		Config::set('make_scales', '1');
		Photo::$isKnown = true;
		Photo::$facts = fn () => ['mimetype' => 'image/jpeg', 'width' => 300, 'height' => 200];
		Peers::answered(self::ORIGIN, ['features' => ['ticket']]);
		TransferBatch::$together = 64;
		try {
			$publish = function (string $name, int $photos): int {
				for ($n = 0; $n < $photos; $n++) {
					$entry = $this->photo("$name$n", [str_repeat("bytes of $name $n", 9), 'one', 'two', 'three']);
					foreach (array_keys($entry['photo']) as $scale) {
						$entry['photo'][$scale] = ['width' => 300, 'height' => 200] + $entry['photo'][$scale];
					}
					$this->receive($entry);
				}

				return $this->statements($this->work(...));
			};
			$publish('warm', 2);
			$few = $publish('few', 4);
			$many = $publish('many', 14);
		} finally {
			Photo::$isKnown = false;
			Photo::$facts = null;
		}
		$this->assertSame('three', file_get_contents('store/alice/many13-3'));
		$this->assertLessThanOrEqual(13, ($many - $few) / 10);
	}

	public function test_conflict_copies_are_looked_for_once(): void
	{
		$name = 'a (conflict b.example 2024-05-01 10.00.00).txt';
		$this->receive($this->file('f1', 'one', ['filename' => $name]), $this->file('f2', 'two'));
		$this->work();
		$this->assertSame(['f1'], array_column(Conflicts::newest(1, 10), 'hash'));
		$this->receive($this->file('f3', 'one', ['filename' => strtr($name, ['a (' => 'z ('])]));
		$this->work();
		$this->assertSame(['f3', 'f1'], array_column(Conflicts::newest(1, 10), 'hash'), 'the newest first');
		$this->assertSame(['f3'], array_column(Conflicts::newest(1, 1), 'hash'));
		$this->assertSame(['f3', 'f1'], array_column(Conflicts::newest(null, 10), 'hash'));
		$this->assertSame([], Conflicts::newest(2, 10));
		Table::update('attach', ['filename' => 'mine.txt'], ['hash' => 'f1']);
		$this->assertSame(['f3'], array_column(Conflicts::newest(1, 10), 'hash'), 'no longer called so');
		$this->assertSame(['f3'], array_column(OwnerPage::values($this->channel)['conflicts'], 'id'));
		// Long ago, and known by now.
		$range = [];
		$this->watching(function (string $sql) use (&$range): void {
			preg_match('/from attach WHERE uid = 1 AND id > (\d+) AND id <= (\d+)/', $sql, $found) && ($range[] = [
				(int) $found[1],
				(int) $found[2],
			]);
		}, function () {
			Table::insert('attach', ['id' => 50000] + $this->attach('f2'));
			Conflicts::newest(1, 10);
			Conflicts::newest(1, 10);
		});
		$this->assertSame(50000, end($range)[1]);
		$this->assertSame(count($range), count(array_unique($range, SORT_REGULAR)), 'each range once');
	}

	public function test_of_a_large_channel_what_others_have_is_counted_over_several_views(): void
	{
		$this->receive($this->file('f1', 'one'));
		$this->work();
		$known = Revisions::find(1, 'f1');
		$known['peers'] = [self::ORIGIN => array_intersect_key($known, array_flip(['bytes', 'place', 'access']))];
		for ($n = 0; $n < 1100; $n++) {
			Revisions::save(['hash' => "g$n"] + $known);
		}
		$views = 0;
		// Time passes with each page of rows.
		$this->watching(function (string $sql): void {
			str_contains($sql, 'from filesync_file WHERE') && Fake\Clock::$ahead++;
		}, function () use (&$views) {
			do {
				$there = Overview::there($this->channel)['hubs'];
				$views++;
			} while ($there === [] && $views < 10);
			$this->assertSame(1101, $there[self::ORIGIN]['files']);
			$this->assertSame(3, $views, 'a page of 500 in each');
			Fake\Clock::$ahead += 3600;
			$this->assertSame(
				1101,
				Overview::there($this->channel)['hubs'][self::ORIGIN]['files'],
				'the last count until the next is complete',
			);
			$this->assertNotSame('', Config::get('counting', 'overview:1'));
			Overview::forget(1);
			$this->assertSame('', Config::get('counting', 'overview:1'));
		});
	}

	public function test_what_is_kept_is_pruned_by_pages(): void
	{
		$this->keep(1, 3);
		$few = $this->statements(Kept::prune(...));
		$this->keep(4, 400);
		$this->assertSame($few, $this->statements(Kept::prune(...)));
		$this->assertSame(403, Table::count('filesync_kept', []));
		Config::set('kept_max_bytes', '1048576');
		dbq('UPDATE filesync_kept SET size_bytes = 100000, scale = 1');
		Kept::prune();
		$this->assertSame(10, Table::count('filesync_kept', []), 'as many as there is room for');
		$this->assertSame('kept/403', Table::first('filesync_kept', [], 'created DESC')['path'], 'the newest');
	}

	public function test_a_move_that_an_older_version_announced_is_made_too(): void
	{
		$this->keep(1, 1);
		$root = FileSync\Addon\Hub\Store::dataRoot(1, true);
		@mkdir("$root/kept");
		file_put_contents("$root/f1-0.1.partial", 'bytes');
		dbq("UPDATE filesync_kept SET source = 'f1-0.1.partial', is_moving = 0");
		Kept::prune();
		$this->assertStringEqualsFile("$root/kept/1", 'bytes');
		$this->assertSame('', Table::first('filesync_kept', [])['source']);
	}

	private function statements(Closure $work): int
	{
		return $this->whileFailing(fn () => false, $work);
	}

	/** Tells each statement while a piece of work is done. */
	private function watching(Closure $told, Closure $work): void
	{
		$watch = dba_test::$watch;
		dba_test::$watch = $told;
		try {
			$work();
		} finally {
			dba_test::$watch = $watch;
		}
	}

	/** Has a file wait in each of some channels. */
	private function waitIn(int $first, int $channels): void
	{
		$this->receive($this->file('pattern', 'one'));
		$row = $this->transfer('pattern');
		for ($uid = $first; $uid < ($first + $channels); $uid++) {
			Table::insert('filesync_transfer', ['id' => "waiting-$uid", 'uid' => $uid] + $row);
		}
		Table::delete('filesync_transfer', ['uid' => 1]);
	}

	private function keep(int $first, int $files): void
	{
		for ($n = $first; $n < ($first + $files); $n++) {
			Table::insert('filesync_kept', [
				'id' => md5("$n"),
				'uid' => 1,
				'hash' => "f$n",
				'scale' => 0,
				'path' => "kept/$n",
				'source' => '',
				'size_bytes' => 5,
				'why' => 'replaced',
				'entry' => '',
				'created' => time() - 90000 + $n,
			]);
		}
	}
}
