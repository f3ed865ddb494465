<?php

use Fake\Instant;
use FileSync\Addon\Hub\Table;
use FileSync\Store;
use FileSync\TransferBatch;

/** I2 and I4: publishing may be cut off at any instant, and never costs bytes that were good. */
final class PublishTest extends AddonTestCase
{
	public function test_killed_at_any_instant_the_next_worker_ends_whole(): void
	{
		$instants = $this->countInstants();
		foreach (self::sample($instants, 40) as $instant) {
			$this->prepareOverwrite();
			$this->killedAt($instant, fn () => $this->work());
			$this->assertContains(
				$this->attachOnDisk(),
				['old bytes', 'new'],
				"instant $instant: the live path is whole at every time",
			);
			$this->expireLeases();
			$this->work();
			$this->expireLeases();
			$this->work();
			FileSync\Addon\Work\Housekeeping::often();
			$message = "killed at instant $instant of $instants";
			$this->assertSame('new', $this->shown('p1'), $message);
			$this->assertSame(
				['published', 'published'],
				[$this->transfer('p1')['state'], $this->transfer('p1', 1)['state']],
				$message,
			);
			$this->assertSame(3, (int) $this->attach('p1')['filesize'], $message);
			$this->assertSame('small new', file_get_contents('store/alice/p1-1'), $message);
			$this->assertEqualsCanonicalizing(['old bytes', 'small old'], $this->kept(), $message);
			$this->assertSame([], glob('store/*data*/filesync/1/*.partial'), $message);
			$this->assertSame(
				[],
				Table::select('filesync_outbox', ['state' => 'due', 'attempts' => 0, 'kind <>' => 'preview']),
				$message,
			);
		}
	}

	public function test_new_files_that_arrive_together_are_published_together_as_each_by_itself_would_be(): void
	{
		$tables = [];
		foreach ([true, false] as $isTogether) {
			$this->tearDown();
			$this->setUp();
			foreach ($this->newFiles() as $entry) {
				$this->receive($entry);
				$isTogether || $this->work();
			}
			$this->work();
			$this->assertSame($isTogether ? [3] : [], array_map('count', Store::$syncs), 'one sync for all');
			$this->assertSame([], glob('store/*data*/filesync/1/*.partial'));
			$tables[] = array_map(
				fn ($table) => array_map(
					fn ($row) => array_diff_key($row, array_flip(['id', 'created', 'updated', 'facts'])),
					Table::select($table, ['hash' => ['n1', 'n2', 'n3']], 'hash'),
				),
				['attach', 'filesync_file', 'filesync_digest'],
			);
		}
		$this->assertSame($tables[1], $tables[0]);
		$this->assertSame(['a.txt', 'a(1).txt', 'c.txt'], array_column($tables[0][0], 'filename'));
	}

	public function test_new_files_killed_at_any_instant_are_whole_or_absent_and_the_next_worker_ends_whole(): void
	{
		$prepare = function (): void {
			$this->tearDown();
			$this->setUp();
			$this->receive(...$this->newFiles());
		};
		$prepare();
		$instants = $this->instantsOf(fn () => $this->work());
		foreach (self::sample($instants, 12) as $instant) {
			$prepare();
			$this->killedAt($instant, fn () => $this->work());
			$message = "killed at instant $instant of $instants";
			foreach (['n1' => 'one', 'n2' => 'two', 'n3' => 'three'] as $hash => $bytes) {
				$this->assertContains($this->attach($hash) ? $this->shown($hash) : $bytes, [$bytes], $message);
			}
			for ($n = 0; $n < 2; $n++) {
				$this->expireLeases();
				$this->work();
			}
			$this->assertSame(['one', 'two', 'three'], array_map($this->shown(...), ['n1', 'n2', 'n3']), $message);
			$this->assertSame(
				['published', 'published', 'published'],
				array_map(fn ($hash) => $this->transfer($hash)['state'], ['n1', 'n2', 'n3']),
				$message,
			);
			$this->assertSame([], glob('store/*data*/filesync/1/*.partial'), $message);
			$this->assertSame([], $this->kept(), $message);
		}
	}

	public function test_what_comes_between_new_files_and_their_rows_is_settled_for_that_file_alone(): void
	{
		$this->receive(...$this->newFiles());
		Store::$duringSync = function (): void {
			$this->receive($this->file('n2', 'two, newer', ['edited' => '2024-06-01 10:00:00']));
		};
		$this->work();
		$this->work();
		$this->assertSame(['one', 'two, newer', 'three'], array_map($this->shown(...), ['n1', 'n2', 'n3']));
		$this->assertSame([], glob('store/*data*/filesync/1/*.partial'));
	}

	/** @return list<array> Two of one name, and one in a folder. */
	private function newFiles(): array
	{
		return [
			$this->file('n1', 'one', ['filename' => 'a.txt']),
			$this->file('n2', 'two', ['filename' => 'a.txt']),
			$this->file('n3', 'three', ['filename' => 'c.txt'], ['d1' => 'folder']),
		];
	}

	public function test_a_local_change_at_the_moment_of_the_exchange_wins(): void
	{
		$this->prepareOverwrite();
		Store::$aroundExchange = function (string $when, string $from, string $to) {
			if ($when === 'before' && $to === 'p1') {
				Store::$aroundExchange = null;
				file_put_contents('store/alice/p1', 'local edit');
			}
		};
		$this->work();
		$this->assertSame('local edit', file_get_contents('store/alice/p1'));
		$this->assertSame(['parked', 'conflict'], [$this->transfer('p1')['state'], $this->transfer('p1')['kind']]);
		$this->assertSame(['new'], $this->kept());
	}

	public function test_a_conflict_cut_off_half_way_ends_the_same(): void
	{
		for ($instant = 1; $instant < 30; $instant++) {
			$this->prepareOverwrite();
			$this->killedAt(null, function () use ($instant) {
				Store::$aroundExchange = function (string $when, string $from, string $to) use ($instant) {
					if ($when === 'before' && $to === 'p1') {
						Store::$aroundExchange = null;
						file_put_contents('store/alice/p1', 'local edit');
						Instant::$count = 0;
						Instant::$killAt = $instant;
					}
				};
				$this->work();
			});
			$this->expireLeases();
			$this->work();
			$this->assertSame(
				'local edit',
				file_get_contents('store/alice/p1'),
				"killed $instant instants after the edit",
			);
			$this->assertSame(
				['parked', 'conflict'],
				[$this->transfer('p1')['state'], $this->transfer('p1')['kind']],
				"killed $instant instants after the edit",
			);
		}
	}

	public function test_a_file_deleted_here_at_that_moment_stays_deleted(): void
	{
		$this->prepareOverwrite();
		Store::$aroundExchange = function (string $when, string $from, string $to) {
			if ($when === 'before' && $to === 'p1') {
				Store::$aroundExchange = null;
				attach_delete(1, 'p1');
			}
		};
		$this->work();
		$this->assertNull($this->attach('p1'));
		$this->assertFileDoesNotExist('store/alice/p1');
		$this->assertSame(['new'], $this->kept());
	}

	public function test_bytes_that_were_changed_here_after_the_packet_came_become_a_conflict_copy(): void
	{
		$this->prepareOverwrite();
		file_put_contents('store/alice/p1', 'mine, later');
		Table::update(
			'attach',
			['edited' => '2024-07-01 10:00:00', 'filesize' => 11, 'allow_cid' => '<friend>'],
			['hash' => 'p1'],
		);
		$this->assertSame([], $this->sent('p1'), 'while bytes are on their way, ours are not told');
		$this->work();
		$this->assertSame('new', $this->shown('p1'), 'a hub that cannot keep both goes first');
		$copy = Table::first('attach', ['filename' => 'p1 (conflict 127.0.0.1 2024-07-01 10.00.00).jpg']);
		$this->assertSame(['mine, later', '<friend>', 11], [
			file_get_contents($copy['content']),
			$copy['allow_cid'],
			(int) $copy['filesize'],
		]);
		$this->assertEqualsCanonicalizing(
			['p1', $copy['hash']],
			array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent()),
		);
		$this->work();
		$this->assertCount(1, Table::select('attach', ['filename like' => '%conflict%']));
	}

	public function test_a_row_touched_without_new_bytes_does_not_stop_the_origins_bytes(): void
	{
		$this->prepareOverwrite();
		Table::update('attach', ['edited' => '2024-07-01 10:00:00'], ['hash' => 'p1']);
		$this->work();
		$this->assertSame('new', $this->shown('p1'));
	}

	public function test_a_file_moved_here_at_that_moment_is_published_where_it_went(): void
	{
		$this->prepareOverwrite();
		$this->receive(['attach' => [$this->row([
			'hash' => 'd1',
			'filename' => 'D',
			'folder' => '',
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
		])]] + $this->file('x', 'x'));
		Store::$aroundExchange = function (string $when, string $from, string $to) {
			if ($when === 'before' && $to === 'p1') {
				Store::$aroundExchange = null;
				rename('store/alice/p1', 'store/alice/d1/p1');
				Table::update(
					'attach',
					['folder' => 'd1', 'content' => 'store/alice/d1/p1', 'os_path' => 'd1/p1'],
					['hash' => 'p1'],
				);
			}
		};
		$this->work();
		$this->expireLeases();
		$this->work();
		$this->assertSame('new', file_get_contents('store/alice/d1/p1'));
		$this->assertFileDoesNotExist('store/alice/p1');
	}

	public function test_a_newer_packet_during_the_publish_is_fetched_next(): void
	{
		$this->prepareOverwrite();
		Store::$aroundExchange = function (string $when, string $from, string $to) {
			if ($when === 'after' && $to === 'p1') {
				Store::$aroundExchange = null;
				$this->receive($this->photo(
					'p1',
					[0 => 'newest', 1 => 'small newest'],
					['edited' => '2024-08-01 10:00:00'],
				));
				TransferBatch::$answers['p1-0'] = 'newest';
			}
		};
		$this->work();
		$this->assertSame('newest', $this->shown('p1'));
		$this->assertSame('2024-08-01 10:00:00', $this->attach('p1')['edited']);
	}

	public function test_a_worker_past_its_lease_publishes_nothing(): void
	{
		$this->prepareOverwrite();
		Store::$aroundExchange = function (string $when, string $from, string $to) {
			if ($when === 'after' && $to === 'p1') {
				Store::$aroundExchange = null;
				// Another worker took the row over while this one slept.
				dbq("UPDATE filesync_transfer SET token = 'another' WHERE hash = 'p1' AND scale = 0");
			}
		};
		$this->work();
		$this->assertSame(9, (int) $this->attach('p1')['filesize']);
		$this->assertSame('publishing', $this->transfer('p1')['state']);
		$this->expireLeases();
		$this->work();
		$this->assertSame('new', $this->shown('p1'));
		$this->assertSame(3, (int) $this->attach('p1')['filesize']);
		$this->assertContains('old bytes', $this->kept());
	}

	public function test_rows_that_cannot_be_written_put_the_old_bytes_back(): void
	{
		$this->prepareOverwrite();
		foreach (['INSERT', 'UPDATE', 'DELETE'] as $change) {
			dbq("CREATE TRIGGER no_$change BEFORE $change ON photo BEGIN SELECT RAISE(FAIL, 'no $change now'); END");
		}
		$this->work();
		$this->assertSame('old bytes', file_get_contents('store/alice/p1'));
		$this->assertSame('verified', $this->transfer('p1')['state']);
		foreach (['INSERT', 'UPDATE', 'DELETE'] as $change) {
			dbq("DROP TRIGGER no_$change");
		}
		Table::update('filesync_transfer', ['next_at' => 0], ['hash' => 'p1']);
		$this->work();
		$this->assertSame('new', $this->shown('p1'));
	}

	/** Makes the origin overwrite a photo that is here; the new bytes are staged. */
	private function prepareOverwrite(): void
	{
		$this->tearDown();
		$this->setUp();
		$this->receive($this->photo('p1', [0 => 'old bytes', 1 => 'small old']));
		$this->work();
		$this->receive($this->photo('p1', [0 => 'new', 1 => 'small new'], ['edited' => '2024-06-01 10:00:00']));
	}

	private function countInstants(): int
	{
		$this->prepareOverwrite();
		$instants = $this->instantsOf(fn () => $this->work());
		$this->assertSame('new', $this->shown('p1'));

		return $instants;
	}

	private function attachOnDisk(): string
	{
		return (string) file_get_contents('store/alice/p1');
	}
}
