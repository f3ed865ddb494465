<?php

use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use PHPUnit\Framework\Attributes\DataProvider;

/** I4: a database that fails for a moment, or goes away for good, costs nothing that was acknowledged. */
final class OutageTest extends AddonTestCase
{
	private const TRANSFERS = '/\b(from|into|update) filesync_transfer\b/i';
	private const CHANNEL_LOOKUP = '/\bfrom channel\b/i';

	public function test_a_channel_that_cannot_be_read_just_now_is_not_forgotten(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->receive($this->deletion('f1'), $this->file('f2', 'other'));
		$this->whileFailing(fn ($sql) => preg_match(self::CHANNEL_LOOKUP, $sql), fn () => $this->work());
		$this->assertSame(['bytes'], $this->kept());
		$this->assertSame('staged', $this->transfer('f2')['state']);
		$this->work();
		$this->assertSame('other', $this->shown('f2'));
	}

	public function test_held_packets_and_calls_outlive_a_channel_that_cannot_be_read_just_now(): void
	{
		$this->whileFailing(
			fn ($sql) => preg_match(self::TRANSFERS, $sql),
			fn () => $this->receive($this->file('f1', 'bytes')),
		);
		Table::update('filesync_packet', ['next_at' => 0], []);
		Outbox::add(1, 'announce', 'x');
		$this->whileFailing(fn ($sql) => preg_match(self::CHANNEL_LOOKUP, $sql), fn () => $this->work());
		$this->assertCount(1, Table::select('filesync_packet', []));
		$this->assertCount(1, Table::select('filesync_outbox', ['kind' => 'announce']));
	}

	public function test_of_two_held_packets_about_a_file_the_newer_one_counts(): void
	{
		$this->whileFailing(fn ($sql) => preg_match(self::TRANSFERS, $sql), function () {
			$this->receive($this->file('f1', 'first'));
			$this->receive($this->file('f1', 'second', ['edited' => '2024-06-01 10:00:00']));
		});
		Table::update('filesync_packet', ['next_at' => 0], []);
		$this->work();
		$this->assertSame('second', $this->shown('f1'));
		$this->assertSame([], Table::select('filesync_packet', []));
	}

	public function test_a_held_delete_and_what_came_after_it_keep_their_order(): void
	{
		$this->receive($this->file('f1', 'first'));
		$this->work();
		$this->whileFailing(fn ($sql) => preg_match(self::TRANSFERS, $sql), function () {
			$this->receive($this->deletion('f1'));
			$this->receive($this->file('f1', 'again', ['edited' => '2024-06-01 10:00:00']));
		});
		Table::update('filesync_packet', ['next_at' => 0], []);
		$this->work();
		$this->assertSame('again', $this->shown('f1'));
	}

	public function test_trouble_with_one_channel_does_not_stop_another(): void
	{
		$bob = $this->another('bob', self::ORIGIN);
		$this->receive($this->file('f1', 'bytes'));
		Zotlabs\Lib\sync_files($bob, [$this->file('f2', 'his')]);
		$this->whileFailing(fn ($sql) => preg_match('/filesync_kept WHERE uid = 1\b/', $sql), fn () => $this->work());
		$this->assertSame('his', file_get_contents('store/bob/f2'));
		$this->assertFalse(Lease::isHeld('worker-1'));
		$this->work();
		$this->assertSame('bytes', $this->shown('f1'));
	}

	public function test_what_cannot_be_looked_up_is_not_sent(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->receive($this->file('f1', 'newer', ['edited' => '2024-06-01 10:00:00']));
		$arr = ['hash' => 'f1', 'allow_cid' => '<x>'];
		$this->whileFailing(fn ($sql) => preg_match(self::TRANSFERS, $sql), function () use (&$arr) {
			$this->assertSame([], Zotlabs\Storage\attach_export_data($this->channel->row(), 'f1'));
			call_hooks('photo_upload_begin', $arr);
		});
		$this->assertTrue($arr['nosync']);
	}

	public function test_core_receives_nothing_because_a_setting_cannot_be_read(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->whileFailing(fn ($sql) => str_contains($sql, 'filesync_setting'), function () {
			$told = null;
			try {
				$this->receive($this->file('f1', 'newer', ['edited' => '2024-06-01 10:00:00']));
			} catch (RuntimeException $e) {
				$told = $e->getMessage();
			}
			$this->assertSame('cannot read table filesync_setting', $told, 'the origin must hear of it');
		});
		$this->assertSame('bytes', $this->shown('f1'));
	}

	public function test_core_receives_nothing_because_the_last_look_at_the_hub_cannot_be_read(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		App::$config = [];
		(new ReflectionProperty(FileSync\Addon\Hub\Look::class, 'examined'))->setValue(null, []);
		$this->whileFailing(fn ($sql) => str_contains($sql, ' config'), function () {
			$told = null;
			try {
				$this->receive($this->file('f1', 'newer', ['edited' => '2024-06-01 10:00:00']));
			} catch (RuntimeException $e) {
				$told = $e->getMessage();
			}
			$this->assertSame('cannot read table config', $told, 'the origin must hear of it');
		});
		$this->assertSame('bytes', $this->shown('f1'));
	}

	/** @dataProvider outages */
	#[DataProvider('outages')]
	public function test_a_failing_statement_while_accepting_loses_nothing(Closure $outage): void
	{
		$receive = function () {
			try {
				$this->receive(
					$this->photo('p1', [0 => 'original', 1 => 'small'], [], []),
					$this->file('f1', 'bytes', [], ['d1' => 'One']),
				);
			} catch (RuntimeException) {
				// The request ends in an error: the origin keeps the packet and sends it again.
				return false;
			}
			return true;
		};
		$all = $this->whileFailing(fn () => false, $receive);
		foreach (self::sample($all, 8) as $number) {
			$this->tearDown();
			$this->setUp();
			$isAcknowledged = null;
			$this->whileFailing($outage($number), function () use ($receive, &$isAcknowledged) {
				$isAcknowledged = $receive();
			});
			if (! $isAcknowledged) {
				$receive();
			}
			$this->workThroughRetries();
			$message = "statement $number of $all failed";
			$this->assertSame(['original', 'bytes'], [$this->shown('p1'), $this->shown('f1')], $message);
			$this->assertSame('One/f1.bin', $this->attach('f1')['display_path'], $message);
			$this->assertCount(3, Table::select('attach', []), $message);
			$this->assertCount(2, Table::select('photo', []), $message);
		}
	}

	/** @dataProvider outages */
	#[DataProvider('outages')]
	public function test_a_failing_statement_while_publishing_loses_nothing(Closure $outage): void
	{
		$prepare = function () {
			$this->tearDown();
			$this->setUp();
			$this->receive($this->photo('p1', [0 => 'old bytes', 1 => 'small old']));
			$this->work();
			$this->receive($this->photo('p1', [0 => 'new', 1 => 'small new'], ['edited' => '2024-06-01 10:00:00']));
		};
		$prepare();
		$all = $this->whileFailing(fn () => false, fn () => $this->work());
		foreach (self::sample($all, 12) as $number) {
			$prepare();
			$this->whileFailing($outage($number), function () {
				try {
					$this->work();
				} catch (RuntimeException) {
					// The worker ends; cron starts another.
				}
			});
			$message = "statement $number of $all failed";
			$this->assertContains((string) file_get_contents('store/alice/p1'), ['old bytes', 'new'], $message);
			$this->workThroughRetries();
			$this->assertSame('new', $this->shown('p1'), $message);
			$this->assertSame(
				['published', 'published'],
				[$this->transfer('p1')['state'], $this->transfer('p1', 1)['state']],
				$message,
			);
			$this->assertSame(3, (int) $this->attach('p1')['filesize'], $message);
			$this->assertSame('small new', file_get_contents('store/alice/p1-1'), $message);
			$this->assertEqualsCanonicalizing(['old bytes', 'small old'], $this->kept(), $message);
		}
	}

	public static function outages(): array
	{
		return [
			'one statement' => [fn ($number) => fn ($sql, $n) => $n === $number],
			'all from there on' => [fn ($number) => fn ($sql, $n) => $n >= $number],
		];
	}

	private function workThroughRetries(): void
	{
		for ($round = 0; $round < 3; $round++) {
			$this->expireLeases();
			foreach (['filesync_transfer', 'filesync_packet', 'filesync_outbox'] as $table) {
				Table::update($table, ['next_at' => 0], []);
			}
			$this->work();
		}
		FileSync\Addon\Work\Housekeeping::daily();
	}
}
