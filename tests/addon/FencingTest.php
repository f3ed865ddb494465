<?php

use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Store;
use FileSync\TransferBatch;

/** I2: a worker that slept past its lease, at whatever step, changes nothing once another took over. */
final class FencingTest extends AddonTestCase
{
	public function test_a_worker_that_slept_before_the_exchange_finds_nothing_to_exchange(): void
	{
		$this->overwrite();
		$this->killedAt(null, function () {
			$this->atExchange('before', fn () => posix_kill(getmypid(), SIGKILL));
			$this->work();
		});
		$partial = Transfer::of($this->transfer('p1'))->partialName() . '.partial';
		$this->expireLeases();
		// The sleeper wakes in the very moment in which the other has exchanged and not committed yet.
		$this->atExchange('after', function () use ($partial) {
			try {
				(new Store(realpath('store/[data]/filesync/1')))->exchange(
					$partial,
					new Store(realpath('store/alice')),
					'p1',
				);
			} catch (FileSync\Exception\NotFoundException) {
			}
		});
		$this->work();
		$this->expireLeases();
		$this->work();
		$this->assertSame(['new', 3], [$this->shown('p1'), (int) $this->attach('p1')['filesize']]);
		$this->assertSame(['old bytes'], $this->kept());
	}

	public function test_a_worker_whose_database_went_away_does_not_undo_what_another_published(): void
	{
		foreach (['old bytes', null] as $old) {
			$this->overwrite($old);
			$this->atExchange('after', fn () => dbq(
				"UPDATE filesync_transfer SET token = 'another' WHERE hash = 'p1'",
			));
			$this->whileFailing(fn ($sql) => $sql === 'BEGIN', fn () => $this->work());
			$this->assertSame('new', file_get_contents('store/alice/p1'));
			$this->expireLeases();
			$this->work();
			$this->assertSame(['new', 3], [$this->shown('p1'), (int) $this->attach('p1')['filesize']]);
			$this->assertSame($old === null ? [] : ['old bytes'], $this->kept());
		}
	}

	public function test_a_worker_that_lost_its_lease_leaves_the_partial_file_of_the_next_alone(): void
	{
		$this->receive($this->file('f1', 'one'), $this->file('f2', 'two'));
		Table::update('filesync_transfer', ['priority' => 9], ['hash' => 'f2']);
		$partial = 'store/[data]/filesync/1/' . Transfer::of($this->transfer('f2'))->partialName() . '.partial';
		TransferBatch::$duringStep = function () use ($partial) {
			TransferBatch::$duringStep = null;
			Table::update('filesync_transfer', ['token' => 'another'], ['hash' => 'f2']);
			file_put_contents($partial, 't');
		};
		$this->work();
		$this->assertSame('t', file_get_contents($partial));
		$this->assertSame('leased', $this->transfer('f2')['state']);
	}

	public function test_a_worker_that_lost_its_lease_does_not_drop_a_file_that_another_publishes(): void
	{
		$this->overwrite();
		file_put_contents('store/alice/p1', 'mine, later');
		Table::update('attach', ['edited' => '2024-07-01 10:00:00', 'filesize' => 11], ['hash' => 'p1']);
		$row = $this->transfer('p1');
		$partial = 'store/[data]/filesync/1/' . Transfer::of($row)->partialName() . '.partial';
		FileSync\Addon\Hub\Store::dataRoot(1, true);
		file_put_contents($partial, 'new');
		Table::update('filesync_transfer', ['state' => 'verified', 'token' => 'another'], ['id' => $row['id']]);
		(new FileSync\Addon\Publish\Publish($this->channel, 'sleeper', fn () => null))->publish(Transfer::of([
			'state' => 'verified',
			'token' => 'sleeper',
		] + $row));
		$this->assertSame('new', file_get_contents($partial));
	}

	public function test_displaced_bytes_that_cannot_be_put_away_yet_stay(): void
	{
		$this->overwrite();
		$this->atExchange('after', function () {
			rename('store/[data]/filesync/1/kept', 'store/[data]/filesync/1/aside');
			symlink('/proc', 'store/[data]/filesync/1/kept');
		});
		$this->work();
		unlink('store/[data]/filesync/1/kept');
		rename('store/[data]/filesync/1/aside', 'store/[data]/filesync/1/kept');
		FileSync\Addon\Revision\Kept::settle(1);
		$this->assertSame('new', $this->shown('p1'));
		$this->assertSame(['old bytes'], $this->kept());
	}

	public function test_displaced_bytes_are_never_taken_for_the_verified_ones(): void
	{
		$this->overwrite();
		$fails = false;
		$this->atExchange('after', function () use (&$fails) {
			file_put_contents('store/alice/p1', 'edited in place');
			$fails = true;
		});
		$this->whileFailing(
			function ($sql) use (&$fails) {
				return $fails && $sql === 'BEGIN';
			},
			fn () => $this->work(),
		);
		for ($n = 0; $n < 3; $n++) {
			$this->expireLeases();
			Table::update('filesync_transfer', ['next_at' => 0], []);
			$this->work();
			$this->assertNotSame('old bytes', file_get_contents('store/alice/p1'));
		}
		$this->assertSame(['new', 3], [$this->shown('p1'), (int) $this->attach('p1')['filesize']]);
		$this->assertEqualsCanonicalizing(['old bytes', 'edited in place'], $this->kept());
	}

	public function test_a_delete_keeps_what_a_dead_publish_had_displaced(): void
	{
		$this->overwrite();
		$this->killedAt(null, function () {
			$this->atExchange('after', fn () => posix_kill(getmypid(), SIGKILL));
			$this->work();
		});
		$this->expireLeases();
		$this->receive($this->deletion('p1'));
		for ($n = 0; $n < 2; $n++) {
			$this->work();
			Table::update('filesync_packet', ['next_at' => 0], []);
		}
		$this->work();
		$this->assertNull($this->attach('p1'));
		$this->assertContains('old bytes', $this->kept());
	}

	public function test_a_move_while_a_file_is_published_keeps_what_was_displaced(): void
	{
		$this->overwrite();
		$entry = $this->file('x', 'x', [], ['d1' => 'D']);
		$this->receive($entry);
		$this->atExchange('after', function () {
			rename('store/alice/p1', 'store/alice/d1/p1');
			Table::update(
				'attach',
				['folder' => 'd1', 'content' => 'store/alice/d1/p1', 'os_path' => 'd1/p1'],
				['hash' => 'p1'],
			);
		});
		for ($n = 0; $n < 3; $n++) {
			$this->work();
			$this->expireLeases();
			Table::update('filesync_transfer', ['next_at' => 0], []);
		}
		$this->assertSame(['new', 3], [$this->shown('p1'), (int) $this->attach('p1')['filesize']]);
		$this->assertContains('old bytes', $this->kept());
	}

	public function test_a_crash_between_the_copies_of_another_device_goes_forward(): void
	{
		foreach (['old bytes', null] as $old) {
			$this->overwrite($old);
			$this->killedAt(null, function () {
				$this->atExchange('after', function ($from) {
					file_put_contents("store/[data]/filesync/1/$from", 'new');
					posix_kill(getmypid(), SIGKILL);
				});
				$this->work();
			});
			$this->expireLeases();
			$this->work();
			$this->assertSame(['new', 3, 'published'], [
				$this->shown('p1'),
				(int) ($this->attach('p1')['filesize'] ?? -1),
				$this->transfer('p1')['state'],
			]);
		}
	}

	public function test_a_crash_between_the_links_of_a_plain_file_system_keeps_what_was_displaced(): void
	{
		$this->overwrite();
		$this->killedAt(null, function () {
			$this->atExchange('after', function ($from) {
				rename("store/[data]/filesync/1/$from", "store/[data]/filesync/1/$from.displaced");
				posix_kill(getmypid(), SIGKILL);
			});
			$this->work();
		});
		$this->expireLeases();
		$this->work();
		$this->assertSame(['new', 3, 'published'], [
			$this->shown('p1'),
			(int) $this->attach('p1')['filesize'],
			$this->transfer('p1')['state'],
		]);
		$this->assertSame(['old bytes'], $this->kept());
	}

	/** Stages `new` for p1, over old bytes if there are any. */
	private function overwrite(?string $old = 'old bytes'): void
	{
		$this->tearDown();
		$this->setUp();
		if ($old !== null) {
			$this->receive($this->file('p1', $old));
			$this->work();
		}
		$this->receive($this->file('p1', 'new', ['edited' => '2024-06-01 10:00:00']));
	}

	/** Does something once, before or after p1 is put in place. */
	private function atExchange(string $moment, Closure $do): void
	{
		Store::$aroundExchange = function (string $when, string $from, string $to) use ($moment, $do) {
			if ($when === $moment && $to === 'p1') {
				Store::$aroundExchange = null;
				$do($from);
			}
		};
	}
}
