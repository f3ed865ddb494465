<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Settings;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Work\Uninstall;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;

/** I9: an admin who removes filesync finds a working hub; one who installs it again finds it going on. */
final class UninstallTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		set_config('system', 'addon', 'skeleton, filesync, wiki');
		$this->receive($this->file('here', 'old bytes'));
		$this->work();
		$this->receive($this->file('here', 'newer bytes', ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$this->receive($this->file('coming', 'the bytes'));
		TransferBatch::$answers['stuck-0'] = ['kind' => 'Refused', 'temporary' => false, 'message' => 'no'];
	}

	public function test_it_says_what_waits_and_changes_nothing(): void
	{
		$before = $this->everything();
		[$code, $text] = $this->runVerb('uninstall');
		$this->assertSame(75, $code);
		$this->assertStringContainsString('1 files and thumbnails are in transit', $text);
		$this->assertStringContainsString('1 replaced or deleted files are kept', $text);
		$this->assertSame(1, json_decode($this->runVerb('uninstall', '--json')[1], true)['files_on_their_way']);
		$this->assertSame($before, $this->everything());
		$this->assertSame(2, $this->runVerb('uninstall', '--purge')[0]);
		$this->assertSame(2, $this->runVerb('uninstall', '--purge', '--keep')[0]);
		$this->assertTrue(plugin_is_installed('filesync'));
	}

	public function test_kept_it_goes_on_when_it_is_installed_again(): void
	{
		$this->assertSame(0, $this->runVerb('uninstall', '--keep')[0]);
		$this->assertGone();
		$this->assertSame('skeleton, wiki', get_config('system', 'addon'));
		install_plugin('filesync');
		load_hooks();
		$this->work();
		$this->assertSame(['the bytes', ['old bytes']], [$this->shown('coming'), $this->kept()]);
	}

	public function test_finished_and_purged_nothing_of_it_is_left(): void
	{
		$this->assertSame(0, $this->runVerb('uninstall', '--finish', '--purge', '--seconds', '20')[0]);
		$this->assertGone();
		$this->assertSame(['newer bytes', 'the bytes'], [$this->shown('here'), $this->shown('coming')]);
		$this->assertSame([], array_diff(Migrations::tables(), Table::missing(Migrations::tables())));
		$this->assertEqualsCanonicalizing(Migrations::tables(), Table::OURS);
		$this->assertSame([], dbq("SELECT * FROM config WHERE cat = 'filesync' OR k LIKE 'filesync%'"));
		$this->assertDirectoryDoesNotExist('store/[data]/filesync');

		install_plugin('filesync');
		load_hooks();
		$this->receive($this->file('later', 'more'));
		$this->work();
		$this->assertSame('more', $this->shown('later'));
	}

	public function test_what_cannot_be_finished_keeps_it_installed_unless_it_is_dropped(): void
	{
		$this->receive($this->file('stuck', 'x'));
		TransferBatch::$answers['stuck-0'] = ['kind' => 'Refused', 'temporary' => false, 'message' => 'no'];
		$this->assertSame(75, $this->runVerb('uninstall', '--finish', '--keep', '--seconds', '20')[0]);
		$this->assertTrue(plugin_is_installed('filesync'));
		$this->assertSame(0, $this->runVerb('uninstall', '--finish', '--drop', '--keep', '--seconds', '20')[0]);
		$this->assertGone();
		$this->assertSame('the bytes', $this->shown('coming'));
		$this->assertSame([0, 0], [
			Table::count('filesync_packet', []),
			Table::count('filesync_transfer', ['state' => [...FileSync\Addon\Transfer\Queue::LIVE, 'parked']]),
		]);
	}

	public function test_dropped_files_are_nowhere_and_replaced_ones_as_they_were(): void
	{
		$this->receive($this->file('here', 'the newest bytes', ['edited' => '2024-07-01 10:00:00']));
		$this->assertSame(0, $this->runVerb('uninstall', '--drop', '--purge')[0]);
		$this->assertNull($this->attach('coming'));
		$row = $this->attach('here');
		$this->assertSame(['newer bytes', 11], [$this->shown('here'), (int) $row['filesize']]);
	}

	public function test_after_a_worker_that_was_killed_anywhere_a_file_is_whole_or_absent(): void
	{
		$this->receive($this->file('here', 'the newest bytes', ['edited' => '2024-07-01 10:00:00']));
		$instants = $this->instantsOf(fn () => $this->work());
		foreach (self::sample($instants, 8) as $instant) {
			$this->tearDown();
			$this->setUp();
			$this->receive($this->file('here', 'the newest bytes', ['edited' => '2024-07-01 10:00:00']));
			$this->killedAt($instant, fn () => $this->work());
			dbq('UPDATE filesync_lease SET expires = 0');
			$this->assertSame(0, $this->runVerb('uninstall', '--drop', '--purge')[0], "killed at $instant");
			$row = $this->attach('here');
			$this->assertContains(
				[$this->shown('here'), (int) $row['filesize'], $row['edited']],
				[['newer bytes', 11, '2024-06-01 10:00:00'], ['the newest bytes', 16, '2024-07-01 10:00:00']],
				"killed at $instant",
			);
			$this->assertContains(
				[$this->shown('coming'), (int) ($this->attach('coming')['filesize'] ?? 0)],
				[[null, 0], ['the bytes', 9]],
				"killed at $instant",
			);
		}
	}

	public function test_a_worker_at_work_is_waited_for(): void
	{
		Lease::take('worker-1', 'somebody', 2);
		$this->assertSame(0, $this->runVerb('uninstall', '--drop', '--keep')[0]);
		$this->assertTrue(Uninstall::stopWorkers('me', 0));
		$this->assertFalse(Uninstall::stopWorkers('another', 0));
	}

	public function test_every_worker_that_a_setting_allows_is_waited_for_and_kept_from_beginning(): void
	{
		$last = 'worker-' . Settings::MOST_WORKERS;
		Lease::take($last, 'a worker', 60);
		$this->assertFalse(Uninstall::stopWorkers('me', 0));
		Lease::giveBack($last, 'a worker');
		$this->assertTrue(Uninstall::stopWorkers('me', 0));
		$this->assertFalse(Lease::take($last, 'a worker', 60));
		Uninstall::letWorkersGo('me');
		$this->assertTrue(Lease::take($last, 'a worker', 60));
	}

	/** @dataProvider ways */
	#[DataProvider('ways')]
	public function test_what_a_killed_rehearsal_left_goes_with_it(string $way): void
	{
		$before = Table::count('channel', []);
		$this->killedAt(null, fn () => FileSync\Addon\Hub\Scratch::make());
		$this->assertSame($before + 1, Table::count('channel', []));
		dbq('UPDATE filesync_lease SET expires = 0');
		$this->assertSame(0, $this->runVerb('uninstall', '--drop', $way)[0]);
		$this->assertSame($before, Table::count('channel', []));
	}

	public static function ways(): array
	{
		return [['--keep'], ['--purge']];
	}

	public function test_a_rehearsal_that_runs_is_waited_for(): void
	{
		Lease::take('scratch', 'somebody', 2);
		$this->assertSame(0, $this->runVerb('uninstall', '--drop', '--purge')[0]);
		$this->assertGone();
	}

	public function test_after_it_packets_are_the_hubs_own(): void
	{
		$this->runVerb('uninstall', '--drop', '--purge');
		exec(
			escapeshellarg(PHP_BINARY) . ' -r '
				. escapeshellarg(
					'require "include/cli_startup.php"; cli_startup(); echo json_encode(function_exists("Zotlabs\\\\Lib\\\\sync_files"));',
				),
			$lines,
		);
		$this->assertSame('false', $lines[0] ?? '');
	}

	public function test_hooks_that_went_missing_come_back_with_cron(): void
	{
		dbq("DELETE FROM hook WHERE fn = 'filesync_init_1' OR fn = 'filesync_daemon_addon'");
		call_hooks('cron');
		$this->assertSame([], FileSync\Addon\Hub\Registration::missing());
		$this->assertGreaterThan(time() - 60, Config::number('cron_at', 'state'));
	}

	public function test_hooks_that_the_hub_lost_come_back_with_the_command_and_the_page_but_not_once_it_is_off(): void
	{
		dbq("DELETE FROM hook WHERE file = 'addon/filesync/filesync.php'");
		$this->runVerb('missing');
		$this->assertSame([], FileSync\Addon\Hub\Registration::missing());
		dbq("DELETE FROM hook WHERE fn = 'filesync_init_1'");
		FileSync\Addon\Page\AdminPage::values();
		$this->assertSame([], FileSync\Addon\Hub\Registration::missing());
		$this->runVerb('uninstall', '--keep');
		$this->runVerb('status');
		FileSync\Addon\Work\Housekeeping::often();
		$this->assertGone();
	}

	private function assertGone(): void
	{
		$this->assertFalse(plugin_is_installed('filesync'));
		$this->assertSame([], dbq("select * from hook where file like 'addon/filesync/%'"));
		$this->assertNotContains('filesync', array_map('trim', explode(',', get_config('system', 'addon'))));
	}
}
