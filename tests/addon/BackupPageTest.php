<?php

use Fake\Clock;
use Fake\Page as Fake;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\BackupActions;
use FileSync\Addon\Page\BackupPage;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\Worker;
use FileSync\SetRestore;
use TestHub\InProcess;

require_once __DIR__ . '/BackupTestCase.php';

/** An owner looks into the nightly set of the channel, and brings files back: the plan first, then on a second word. */
final class BackupPageTest extends BackupTestCase
{
	private string $sets;
	private string $set;

	protected function setUp(): void
	{
		parent::setUp();
		Fake::$isForged = false;
		Fake::$said = Fake::$led = Fake::$scripts = [];
		$_POST = $_GET = $_SESSION = [];
		App::set_channel($this->channel->row());
		set_config('testhub', 'without_workers', 1);
		$this->sets = dirname(InProcess::$folder) . '/sets-' . basename(InProcess::$folder);
		mkdir($this->sets, 0700);
		$this->set = "$this->sets/alice@127.0.0.1_9000";
	}

	protected function tearDown(): void
	{
		App::set_channel(null);
		exec('rm -rf ' . escapeshellarg($this->sets));
		parent::tearDown();
	}

	public function test_it_shows_the_set_by_folders_and_what_is_here_of_it(): void
	{
		$this->backedUp();
		$this->assertStringContainsString('"$backup":"http://127.0.0.1:9000/filesync/backup"', OwnerPage::show());
		$this->deleteHere('f1');
		dbq("DELETE FROM attach WHERE hash = 'f3'");
		Table::update('attach', ['filesize' => 3, 'edited' => '2024-06-01 10:00:00'], ['hash' => 'f2']);
		$root = $this->listing();
		$this->assertSame(
			['Ferien', 'f', 'B.txt is not here', 'two.txt differs here'],
			[
				$root['rows'][0]['name'],
				substr($root['rows'][0]['url'], -1) === 'n' ? 'f' : '',
				"{$root['rows'][1]['name']} {$root['rows'][1]['presence']}",
				"{$root['rows'][2]['name']} {$root['rows'][2]['presence']}",
			],
		);
		$_GET = ['in' => ['Ferien']];
		$folder = $this->listing();
		$this->assertSame(
			[['All files', 'Ferien'], 'one.txt', '9 B', '2024-05-01 10:00', 'was deleted', '["Ferien","one.txt"]'],
			[
				array_column($folder['path'], 'name'),
				$folder['rows'][1]['name'],
				$folder['rows'][1]['size'],
				$folder['rows'][1]['date'],
				$folder['rows'][1]['presence'],
				$folder['rows'][1]['names'],
			],
		);
		$_GET = ['in' => ['Ferien', 'nowhere']];
		$this->assertTrue($this->listing()['is_empty']);
		foreach ([
			['in' => 'x'],
			['in' => [['x']]],
			['in' => ["\xFF"]],
			['at' => '../..'],
			['after' => ['x']],
		] as $_GET) {
			$this->assertSame(3, count($this->listing()['rows']), json_encode($_GET, JSON_PARTIAL_OUTPUT_ON_ERROR));
		}
	}

	public function test_long_folders_come_in_pages_and_a_long_set_is_read_by_a_worker(): void
	{
		for ($n = 0; $n < 250; $n++) {
			$this->stored("f$n", sprintf('%s %03d', $n % 2 ? 'File' : 'file', $n), 'x');
		}
		$this->backUp();
		$seen = [];
		for ($pages = 0; $pages === 0 || $next !== ''; $pages++) {
			$page = $this->listing();
			$this->assertSame('250 entries', $page['count']);
			$seen = [...$seen, ...array_column($page['rows'], 'name')];
			$next = $page['next'];
			parse_str((string) parse_url($next, PHP_URL_QUERY), $_GET);
		}
		$this->assertSame(3, $pages);
		$this->assertSame(
			array_map(fn ($n) => sprintf('%s %03d', $n % 2 ? 'File' : 'file', $n), range(0, 249)),
			$this->inOrder($seen),
		);
		$this->assertSame($seen, array_values(array_unique($seen)));
		$_GET = [];
		$this->backUp();
		FileSync\SetList::$beforeNext = fn () => Clock::$ahead += 3;
		$this->assertFalse($this->listing()['is_read']);
		$this->assertCount(1, $this->summoned());
		Worker::daemon('restore');
		$this->assertTrue($this->listing()['is_read']);
		$this->assertCount(2, glob('store/\[data\]/filesync/1/backup/list-*'));
	}

	public function test_others_see_nothing_of_it_and_get_the_hubs_refusal(): void
	{
		$this->backedUp();
		App::set_channel(null);
		$this->assertSame('Permission denied.', BackupPage::show());
		$this->assertSame(403, BackupPage::state()->status);
		$_POST = ['filesync_plan' => '[]', 'at' => ''];
		BackupActions::take();
		$this->assertNull(Job::of($this->channel->id));
		$this->assertSame(['!Permission denied.', '!Permission denied.'], Fake::$said);
	}

	public function test_the_set_of_a_former_channel_of_that_nick_is_not_shown(): void
	{
		$this->backedUp();
		$set = json_decode(file_get_contents("$this->set/set.json"), true);
		$set['channel']['hash'] = 'somebody else';
		file_put_contents("$this->set/set.json", json_encode($set));
		$this->assertSame(['There is no backup set of this channel yet.'], $this->values()['problems']);
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		$this->assertNull(Job::of($this->channel->id));
	}

	public function test_it_says_why_there_is_nothing_to_see(): void
	{
		$this->assertStringContainsString('makes no backup sets', $this->values()['problems'][0]);
		$this->assertStringContainsString(
			'/filesync/backup"',
			OwnerPage::show(),
			'keys for programs are made there',
		);
		Config::set('restore_door', '0');
		$this->assertStringContainsString('/filesync/backup"', OwnerPage::show());
		Config::set('backup_door', '0');
		$this->assertStringContainsString('"$backup":""', OwnerPage::show());
		Config::set('backup_folder', $this->sets);
		$this->assertSame(['There is no backup set of this channel yet.'], $this->values()['problems']);
		$this->backedUp();
		$this->assertSame([], $this->values()['problems']);
		Config::set('owner_restore', '0');
		$this->assertStringContainsString('makes no backup sets', $this->values()['problems'][0]);
		$this->assertStringContainsString('"$backup":""', OwnerPage::show());
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		$this->assertNull(Job::of($this->channel->id));
		Config::clear('owner_restore');
		file_put_contents("$this->set/set.json", '{');
		$this->assertSame(
			['The backup set cannot be read. The admin of this hub can see why.'],
			$this->values()['problems'],
		);
	}

	public function test_a_file_comes_back_after_its_plan_was_seen(): void
	{
		$this->backedUp();
		$this->lose();
		$this->press(['filesync_plan' => '["Ferien","one.txt"]', 'at' => '']);
		$this->assertSame(['http://127.0.0.1:9000/filesync/backup'], Fake::$led);
		$this->assertSame('Counting what would be restored.', $this->shownJob()['title']);
		$this->assertNotSame([], Fake::$scripts);
		Worker::daemon('restore');
		$plan = $this->shownJob();
		$this->assertSame(
			['This would be restored.', 'Ferien/one.txt, as of 20', '1 file, 9 B', true, []],
			[$plan['title'], substr($plan['what'], 0, 24), $plan['lines'][0], $plan['may_start'], $plan['stays']],
		);
		$this->press(['filesync_start' => '1', 'filesync_job' => 'another']);
		$this->assertSame(JobState::Planned, Job::of($this->channel->id)->state);
		$this->press(['filesync_start' => '1', 'filesync_job' => $plan['seal']]);
		$this->assertSame('It begins in a moment.', $this->shownJob()['title']);
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		$this->assertSame('A restore of this channel is under way already.', $_SESSION['filesync_left'][0]);
		Worker::daemon('restore');
		$this->assertStringStartsWith('Restored', $this->shownJob()['title']);
		$this->assertSame('the bytes', file_get_contents('store/alice/d1/f1'));
		$this->assertSame([null, null], [$this->attach('f2'), $this->attach('d2')]);
		$answer = json_decode(BackupPage::state()->body, true);
		$this->assertSame(0, $answer['seconds'], 'nothing more comes');
	}

	public function test_a_folder_and_everything_come_back(): void
	{
		$this->backedUp();
		$this->lose();
		foreach (['["Ferien"]' => ['d1', 'd2', 'f1'], '[]' => ['d1', 'd2', 'f1', 'f2', 'f3']] as $names => $hashes) {
			$this->press(['filesync_plan' => $names, 'at' => '']);
			Worker::daemon('restore');
			$this->press(['filesync_start' => '1', 'filesync_job' => $this->shownJob()['seal']]);
			Worker::daemon('restore');
			$this->assertSame(
				$hashes,
				array_column(Table::select('attach', ['uid' => $this->channel->id], 'hash'), 'hash'),
			);
		}
	}

	public function test_what_differs_or_was_deleted_comes_only_once_it_was_counted(): void
	{
		$this->backedUp();
		$this->deleteHere('f1');
		file_put_contents('store/alice/f2', 'newer');
		Table::update('attach', ['filesize' => 5, 'edited' => '2024-06-01 10:00:00'], ['hash' => 'f2']);
		$this->assertSame('differs here', $this->listing()['rows'][2]['presence']);
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		Worker::daemon('restore');
		$plan = $this->shownJob();
		$this->assertSame(
			['No file is missing.', false, true, true, ['two.txt'], ['Ferien/one.txt']],
			[
				$plan['lines'][0],
				$plan['may_start'],
				$plan['asks_replace'],
				$plan['asks_deleted'],
				$plan['stays'][0]['names'],
				$plan['stays'][1]['names'],
			],
		);
		$this->press(['filesync_start' => '1', 'filesync_replace' => '1', 'filesync_job' => $plan['seal']]);
		$this->assertSame(JobState::Planning, Job::of($this->channel->id)->state, 'it is counted first');
		Worker::daemon('restore');
		$this->press(['filesync_change' => '1', 'filesync_replace' => '1', 'filesync_deleted' => '1']
		+ ['filesync_job' => $this->shownJob()['seal']]);
		Worker::daemon('restore');
		$plan = $this->shownJob();
		$this->assertSame(['2 files, 19 B', true, true, true, []], [
			$plan['lines'][0],
			$plan['may_start'],
			$plan['is_replace'],
			$plan['is_deleted'],
			$plan['stays'],
		]);
		$this->press([
			'filesync_start' => '1',
			'filesync_replace' => '1',
			'filesync_deleted' => '1',
			'filesync_job' => $plan['seal'],
		]);
		Worker::daemon('restore');
		$this->assertSame(['the bytes', 'second one'], [
			file_get_contents('store/alice/d1/f1'),
			file_get_contents('store/alice/f2'),
		]);
		$this->assertSame(['is here', 'is here'], array_slice(array_column($this->listing()['rows'], 'presence'), 1));
	}

	public function test_what_does_not_fit_cannot_be_begun(): void
	{
		$this->backedUp();
		$this->lose();
		Config::set('headroom_bytes', (string) (1 << 60));
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		Worker::daemon('restore');
		$this->assertFalse($this->shownJob()['may_start']);
		$this->assertStringContainsString('not enough room', $this->shownJob()['warnings'][0]);
		$this->press(['filesync_start' => '1', 'filesync_job' => $this->shownJob()['seal']]);
		$this->assertSame(JobState::Planned, Job::of($this->channel->id)->state);
	}

	public function test_a_forged_form_does_nothing_and_neither_does_a_time_that_is_no_run(): void
	{
		$this->backedUp();
		$this->press(['filesync_plan' => '[]', 'at' => '2024-01-01T00:00:00Z']);
		foreach (['x', '"x"', '[1]', '{"a":"b"}', '[["x"]]', 'null'] as $names) {
			$this->press(['filesync_plan' => $names, 'at' => '']);
		}
		$this->press(['filesync_plan' => ['x'], 'at' => '']);
		$this->assertNull(Job::of($this->channel->id));
		Fake::$isForged = true;
		$_POST = ['filesync_plan' => '[]', 'at' => ''];
		try {
			BackupActions::take();
			$this->fail('it was taken');
		} catch (RuntimeException $e) {
			$this->assertSame('sent away', $e->getMessage());
		}
		$this->assertNull(Job::of($this->channel->id));
	}

	public function test_it_can_be_cancelled_but_not_what_the_admin_does(): void
	{
		$this->backedUp();
		$this->lose();
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		Worker::daemon('restore');
		$this->press(['filesync_cancel' => '1']);
		$this->assertSame('Nothing was restored.', $this->shownJob()['title']);
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		Worker::daemon('restore');
		$this->press(['filesync_start' => '1', 'filesync_job' => $this->shownJob()['seal']]);
		SetRestore::$beforeCopy = function () {
			Clock::$ahead += 2;
			$this->press(['filesync_cancel' => '1']);
		};
		Worker::daemon('restore');
		$this->assertSame('Stopped. What was restored stays.', $this->shownJob()['title']);
		SetRestore::$beforeCopy = null;

		$underway = Underway::begin($this->channel, 'token');
		$this->press(['filesync_cancel' => '1']);
		$this->assertSame(JobState::Running, Job::of($this->channel->id)->state);
		$this->assertSame(
			['The admin of this hub is restoring files.', false],
			[$this->shownJob()['title'], $this->shownJob()['may_cancel']],
		);
		$underway->end();
	}

	private function backedUp(): void
	{
		$this->folder('d1', 'Ferien');
		$this->folder('d2', 'empty', 'd1');
		$this->stored('f1', 'one.txt', 'the bytes', 'd1');
		$this->stored('f2', 'two.txt', 'second one');
		$this->stored('f3', 'B.txt', 'third');
		foreach (['d1', 'd2', 'f1', 'f2', 'f3'] as $hash) {
			Revisions::notice($this->channel, $hash, true);
		}
		$this->backUp();
	}

	private function backUp(): void
	{
		Config::set('backup_folder', $this->sets);
		Clock::$ahead += 86400;
		Housekeeping::daily();
		Worker::daemon('backup');
		dbq('DELETE FROM workerq');
	}

	/** Removes all files, as if they had never been here. */
	private function lose(): void
	{
		dbq('DELETE FROM attach');
		dbq('DELETE FROM filesync_file');
		exec('rm -rf store/alice/*');
	}

	private function deleteHere(string $hash): void
	{
		$seen = Revisions::seen(Revisions::find($this->channel->id, $hash));
		$this->receive(
			$this->deletion($hash)
			+ ['filesync' => [
				'v' => FileSync\Addon\Protocol\Version::SIBLING,
				'gone' => ['abcdef0123456789' => 1] + $seen,
			]],
		);
		$this->assertNull($this->attach($hash));
	}

	private function press(array $form): void
	{
		$_POST = $form;
		BackupActions::take();
	}

	private function values(): array
	{
		return BackupPage::values($this->channel);
	}

	private function listing(): array
	{
		return $this->values()['listing'];
	}

	/** Returns what the page says of the restore. */
	private function shownJob(): array
	{
		return json_decode(json_decode(BackupPage::show(), true)['$state'], true)['$job'];
	}

	private function summoned(): array
	{
		return array_values(array_filter($this->jobs('Addon'), fn ($argv) => $argv[2] === 'restore'));
	}

	private function inOrder(array $names): array
	{
		usort($names, fn ($one, $other) => strtolower($one) <=> strtolower($other));

		return $names;
	}
}
