<?php

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\Worker;
use FileSync\SetRestore;
use TestHub\InProcess;

require_once __DIR__ . '/BackupTestCase.php';

/** What an owner asked for, workers do: in slices, after transfers, one process at a time, until it is over. */
final class OwnerRestoreTest extends BackupTestCase
{
	private string $sets;
	private string $set;

	protected function setUp(): void
	{
		parent::setUp();
		$this->sets = dirname(InProcess::$folder) . '/sets-' . basename(InProcess::$folder);
		mkdir($this->sets, 0700);
		$this->set = "$this->sets/alice@127.0.0.1_9000";
		set_config('testhub', 'without_workers', 1);
		Config::set('backup_folder', $this->sets);
	}

	protected function tearDown(): void
	{
		exec('rm -rf ' . escapeshellarg($this->sets));
		parent::tearDown();
	}

	public function test_workers_count_first_and_restore_once_they_are_told(): void
	{
		$this->lost(3);
		Underway::ask($this->channel, $this->set, new Choice());
		$this->assertSame(JobState::Planning, $this->job()->state);
		Worker::daemon('restore');
		$job = $this->job();
		$this->assertSame(
			[JobState::Planned, 3, 21, ['restore' => 3]],
			[$job->state, $job->planFiles, $job->planBytes, $job->plan['files']],
		);
		$this->assertNull($this->attach('f1'), 'nothing is written yet');
		Worker::daemon('restore');
		$this->assertSame(JobState::Planned, $this->job()->state);
		dbq('DELETE FROM filesync_reconcile');
		$this->assertTrue(Underway::start($this->channel->id));
		Worker::daemon('restore');
		$job = $this->job();
		$this->assertSame([JobState::Done, 3, 21, 100, false], [
			$job->state,
			$job->doneFiles,
			$job->doneBytes,
			$job->percent(),
			$job->isUntold,
		]);
		$this->assertSame('bytes 1', file_get_contents('store/alice/f1'));
		$this->assertCount(count(Clones::others($this->channel)), $this->compared());
		$this->assertFalse(Underway::start($this->channel->id), 'once');
	}

	public function test_it_goes_on_in_slices_and_counts_each_file_once(): void
	{
		$this->lost(150);
		$this->planned();
		Underway::start($this->channel->id);
		$copied = 0;
		SetRestore::$beforeCopy = function () use (&$copied) {
			// The time of a slice is over after forty files.
			Fake\Clock::$ahead += (++$copied % 40) === 0 ? 200 : 0;
		};
		for ($slices = 1; $this->slice() && $slices < 9; $slices++) {
			$this->assertSame(JobState::Running, $this->job()->state);
			$this->assertTrue($this->job()->isUntold);
		}
		$this->assertSame(4, $slices);
		$this->assertSame([150, ['restore' => 150]], [$copied, $this->job()->done()->written()['files']]);
		$this->assertSame([], glob('store/\[data\]/filesync/1/restore/*'));
	}

	public function test_transfers_come_first_but_not_before_what_is_only_counted(): void
	{
		$this->lost(3);
		$this->receive($this->file('x1', 'arriving'));
		Underway::ask($this->channel, $this->set, new Choice());
		Worker::daemon('restore');
		$this->assertSame(JobState::Planned, $this->job()->state);
		Underway::start($this->channel->id);
		dbq('DELETE FROM workerq');
		Housekeeping::often();
		$this->assertSame([], $this->summoned());
		Worker::daemon('restore');
		$this->assertSame(JobState::Waiting, $this->job()->state);
		Worker::daemon('work');
		$this->assertCount(1, $this->summoned(), 'whoever did the transfers summons it');
		$this->work();
		Worker::daemon('restore');
		$this->assertSame(JobState::Done, $this->job()->state);
	}

	public function test_a_killed_worker_is_followed_by_the_next_and_nobody_else_begins(): void
	{
		$this->lost(5);
		$this->planned();
		Underway::start($this->channel->id);
		foreach ([0, 1] as $attempts) {
			$this->killedAt(null, function () {
				SetRestore::$beforeCopy = fn ($hash) => $hash === 'f3' && posix_kill(getmypid(), SIGKILL);
				Worker::daemon('restore');
			});
			$this->assertSame([JobState::Running, $attempts], [$this->job()->state, $this->job()->attempts]);
			Lease::end('restore');
		}
		[$code, $text] = $this->runVerb('restore', 'alice', $this->set, '--json');
		$this->assertSame([75, 'restore_running'], [$code, json_decode($text, true)['error']]);
		Housekeeping::often();
		$this->assertSame(JobState::Running, $this->job()->state, 'only what a command began is over then');
		Worker::daemon('restore');
		$this->assertSame(JobState::Done, $this->job()->state);
		$this->assertSame(5, Table::count('attach', ['uid' => $this->channel->id, 'is_dir' => 0]));
	}

	public function test_one_that_kills_each_worker_ends(): void
	{
		$this->lost(2);
		$this->planned();
		Underway::start($this->channel->id);
		Job::change($this->channel->id, ['attempts' => 11]);
		Worker::daemon('restore');
		$this->assertSame([JobState::Failed, 'failed'], [$this->job()->state, $this->job()->code]);
	}

	public function test_what_may_pass_is_tried_again_and_what_does_not_pass_is_said(): void
	{
		$this->lost(2);
		$this->planned();
		Underway::start($this->channel->id);
		Config::set('headroom_bytes', (string) (1 << 60));
		Worker::daemon('restore');
		$job = $this->job();
		$this->assertSame([JobState::Waiting, 'disk_short', 1], [$job->state, $job->code, $job->attempts]);
		$this->assertGreaterThan(time(), $job->nextAt);
		Config::clear('headroom_bytes');
		Worker::daemon('restore');
		$this->assertSame(JobState::Waiting, $this->job()->state, 'not before its time');
		Fake\Clock::$ahead += 61;
		SetRestore::$facts = ['refused' => ['code' => 'path_refused', 'path' => '../x', 'why' => '']];
		Worker::daemon('restore');
		$this->assertSame([JobState::Failed, 'path_refused'], [$this->job()->state, $this->job()->code]);
		$this->assertStringContainsString('failed at', $this->runVerb('restore', 'alice', '--status')[1]);
		Underway::ask($this->channel, $this->set, new Choice());
		Worker::daemon('restore');
		$this->assertSame([JobState::Failed, 'path_refused'], [$this->job()->state, $this->job()->code]);
	}

	public function test_a_set_that_changed_meanwhile_is_counted_again_and_restored(): void
	{
		$this->lost(2);
		$this->planned();
		Underway::start($this->channel->id);
		$this->stored('f9', 'new.txt', 'new one');
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
		$this->assertSame(0, $code, $text);
		SetRestore::$facts = [];
		Worker::daemon('restore');
		$this->assertSame([JobState::Running, 'set_changed'], [$this->job()->state, $this->job()->code]);
		Fake\Clock::$ahead += 61;
		Worker::daemon('restore');
		$this->assertSame([JobState::Done, ''], [$this->job()->state, $this->job()->code]);
	}

	public function test_a_set_does_not_change_while_it_is_restored(): void
	{
		$this->lost(2);
		$this->planned();
		Housekeeping::daily();
		Worker::daemon('backup');
		$this->assertNotSame(0, Nights::of($this->channel->id)['success'], 'a plan does not hold it up');
		Underway::start($this->channel->id);
		Fake\Clock::$ahead += 86400;
		Housekeeping::daily();
		Worker::daemon('backup');
		$this->assertNotSame(0, Nights::of($this->channel->id)['due']);
		$this->slice();
		Fake\Clock::$ahead += 61;
		$this->slice();
		Worker::daemon('backup');
		$this->assertSame(0, Nights::of($this->channel->id)['due']);
	}

	public function test_channels_take_turns(): void
	{
		$this->lost(100);
		$this->planned();
		Underway::start($this->channel->id);
		$other = Table::first('filesync_restore', []);
		Table::insert('filesync_restore', ['id' => 'other', 'uid' => 99] + $other);
		SetRestore::$beforeCopy = function () use (&$copied) {
			Fake\Clock::$ahead += (++$copied % 10) === 0 ? 21 : 0;
		};
		Worker::daemon('restore');
		$this->assertSame(10, $copied, 'a turn');
		$this->assertSame(JobState::Running, $this->job()->state);
	}

	public function test_cancelling_ends_it_at_once_where_no_process_is_at_it(): void
	{
		$this->lost(50);
		$this->planned();
		Underway::start($this->channel->id);
		SetRestore::$beforeCopy = function () use (&$copied) {
			Fake\Clock::$ahead += (++$copied % 20) === 0 ? 200 : 0;
		};
		$this->slice();
		dbq('DELETE FROM filesync_reconcile');
		$this->assertSame(0, $this->runVerb('restore', 'alice', '--cancel')[0]);
		$this->assertSame([JobState::Stopped, false], [$this->job()->state, $this->job()->isUntold]);
		$this->assertNotSame([], $this->compared());
		$this->assertSame(20, Table::count('attach', ['uid' => $this->channel->id]));
		$this->slice();
		$this->assertSame(20, Table::count('attach', ['uid' => $this->channel->id]));

		SetRestore::$beforeCopy = fn () => Fake\Clock::$ahead += 2;
		$this->planned();
		Underway::start($this->channel->id);
		SetRestore::$beforeCopy = function () use (&$state) {
			Fake\Clock::$ahead += 2;
			$state ??= Underway::cancel($this->channel->id);
		};
		$this->slice();
		$this->assertSame([JobState::Stopping, JobState::Stopped], [$state, $this->job()->state]);
		$this->assertSame(21, Table::count('attach', ['uid' => $this->channel->id]));
	}

	public function test_what_is_cancelled_while_its_plan_ends_is_over(): void
	{
		$this->lost(1);
		Underway::ask($this->channel, $this->set, new Choice());
		$underway = Underway::goOn($this->channel->id, 'token');
		$this->assertSame(JobState::Stopping, Underway::cancel($this->channel->id));
		$underway->pause();
		$this->assertSame(JobState::Stopped, $this->job()->state);
	}

	public function test_one_that_waits_for_too_long_is_put_away(): void
	{
		$this->lost(2);
		$this->planned();
		Underway::start($this->channel->id);
		Config::set('headroom_bytes', (string) (1 << 60));
		for ($days = 0; $days < 13; $days++) {
			Worker::daemon('restore');
			Fake\Clock::$ahead += 86400;
			Housekeeping::often();
			$this->assertSame(JobState::Waiting, $this->job()->state);
		}
		Fake\Clock::$ahead += 86401;
		Housekeeping::often();
		$this->assertSame([JobState::Stopped, 'session_expired'], [$this->job()->state, $this->job()->code]);
		$this->assertStringContainsString('waited for 14 days', $this->runVerb('restore', 'alice', '--status')[1]);
	}

	public function test_slices_that_do_nothing_do_not_keep_one_alive(): void
	{
		$this->lost(2);
		$this->planned();
		Underway::start($this->channel->id);
		Fake\Clock::$ahead += 100;
		$run = new FileSync\Addon\Restore\Run($this->channel, $this->set, new Choice(), fn () => true, fn () => null);
		$this->assertTrue($run->goOn(strval(...)));
		$this->assertSame(JobState::Running, $this->job()->state);
		$entered = $this->job()->updated;
		Fake\Clock::$ahead += 100;
		$run = new FileSync\Addon\Restore\Run($this->channel, $this->set, new Choice(), fn () => true, fn () => null);
		$this->assertTrue($run->goOn(strval(...)));
		$this->assertSame([$entered, 0], [$this->job()->updated, $this->job()->attempts]);
	}

	public function test_an_admin_can_keep_owners_from_it(): void
	{
		$this->lost(2);
		$this->planned();
		Underway::start($this->channel->id);
		Config::set('owner_restore', '0');
		$this->slice();
		$this->assertSame(JobState::Waiting, $this->job()->state);
		Config::clear('owner_restore');
		$this->slice();
		$this->assertSame(JobState::Done, $this->job()->state);
	}

	public function test_files_that_are_copied_in_one_go_keep_to_the_rate_too(): void
	{
		for ($n = 1; $n <= 3; $n++) {
			$this->stored("f$n", "file $n.txt", str_repeat('x', 2 << 20));
		}
		$this->lost(0);
		$this->planned();
		Underway::start($this->channel->id);
		Config::set('bytes_per_second', '65536');
		Config::set('slice_seconds', '280');
		SetRestore::$small = PHP_INT_MAX;
		$before = microtime(true) + Fake\Clock::$ahead;
		Worker::daemon('restore');
		$this->assertSame(JobState::Done, $this->job()->state);
		// The last one waits for nobody.
		$this->assertGreaterThan((2 * 32) - 3, microtime(true) + Fake\Clock::$ahead - $before);
	}

	public function test_doctor_names_one_that_failed_or_waits_for_long(): void
	{
		$doctor = fn () => array_values(array_filter(
			json_decode($this->runVerb('doctor', '--json', '--only', 'restore')[1], true),
			fn ($one) => $one['ok'] === false,
		));
		$this->lost(2);
		$this->planned();
		Underway::start($this->channel->id);
		Config::set('headroom_bytes', (string) (1 << 60));
		Worker::daemon('restore');
		$this->assertSame([], $doctor());
		Fake\Clock::$ahead += 86401;
		$said = $doctor()[0];
		$this->assertStringContainsString("The hub's disk would be full", $said['finding']);
		$this->assertStringContainsString('restore alice --cancel', $said['remedy']);
		SetRestore::$facts = ['refused' => ['code' => 'path_refused', 'path' => '../x', 'why' => '']];
		Config::clear('headroom_bytes');
		Worker::daemon('restore');
		$this->assertStringContainsString('the restore of alice failed at', $doctor()[0]['finding']);
		SetRestore::$facts = [];
		$this->planned();
		$this->assertSame([], $doctor());
	}

	/** Makes a set of files, and removes them as if they had never been here. */
	private function lost(int $files): void
	{
		for ($n = 1; $n <= $files; $n++) {
			$this->stored("f$n", "file $n.txt", "bytes $n");
		}
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
		$this->assertSame(0, $code, $text);
		dbq('DELETE FROM attach');
		dbq('DELETE FROM filesync_file');
		exec('rm -rf store/alice/*');
	}

	private function planned(): void
	{
		Underway::ask($this->channel, $this->set, new Choice());
		Worker::daemon('restore');
		$this->assertSame(JobState::Planned, $this->job()->state);
	}

	/** Runs a slice; tells whether more is to be done. */
	private function slice(): bool
	{
		Worker::daemon('restore');

		return ! $this->job()->state->isOver();
	}

	private function job(): Job
	{
		return Job::of($this->channel->id);
	}

	private function summoned(): array
	{
		return array_filter($this->jobs('Addon'), fn ($argv) => $argv[2] === 'restore');
	}

	private function compared(): array
	{
		return array_filter(
			Table::select('filesync_reconcile', ['role' => 'ask']),
			fn ($run) => (int) $run['next_at'] <= (time() + Fake\Clock::$ahead),
		);
	}
}
