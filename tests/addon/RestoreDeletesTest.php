<?php

use Fake\Clock;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Reconcile\Intake;
use FileSync\Addon\Reconcile\InventoryRequest;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Decision;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Run;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Revision\Ended;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\Restores;
use FileSync\SetRestore;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

require_once __DIR__ . '/BackupTestCase.php';

/** What was deleted after a backup stays deleted, on whichever hub and however long ago that was. */
final class RestoreDeletesTest extends BackupTestCase
{
	private const DAY = 86400;
	private const TOMBSTONES = ['gone', 'unseen'];

	private string $set;
	/** @var list<array> What the clone was asked. */
	private array $asked = [];
	/** @var list<string> What the clone without filesync was asked for. */
	private array $exports = [];
	private int $status = 200;
	private ?Closure $afterAsking = null;

	protected function setUp(): void
	{
		parent::setUp();
		$this->set = dirname(InProcess::$folder) . '/set-' . basename(InProcess::$folder);
		$this->folder('d1', 'Ferien');
		$this->stored('f1', 'one.txt', 'the bytes', 'd1');
		$this->stored('f2', 'two.txt', 'second one');
		foreach (['d1', 'f1', 'f2'] as $hash) {
			Revisions::notice($this->channel, $hash, true);
		}
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
		$this->assertSame(0, $code, $text);
		// Made earlier today, whatever the hour.
		$this->saidOn(gmdate('Y-m-d'));
	}

	protected function tearDown(): void
	{
		exec('rm -rf ' . escapeshellarg($this->set));
		parent::tearDown();
	}

	public function test_a_delete_whose_tombstone_ended_long_ago_is_remembered(): void
	{
		$this->deleteHere('f1');
		$this->after(100);
		$this->assertNull(Revisions::find($this->channel->id, 'f1'), 'the tombstone has ended');
		$this->assertSame(gmdate('Y-m-d'), Ended::day($this->channel->id, 'f1'));
		$this->assertSame(['deleted_since' => 1, 'here' => 1], $this->restore('--dry-run', '--json')[1]['files']);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, ['deleted_since' => 1, 'here' => 1]], [$code, $said['files']]);
		$this->assertNull($this->attach('f1'));
		[$code, $said] = $this->restore('--deleted', '--json');
		$this->assertSame([0, ['here' => 1, 'revive' => 1]], [$code, $this->sorted($said['files'])]);
		$this->assertSame('the bytes', $this->shown('f1'));
	}

	public function test_a_delete_that_the_set_came_after_does_not_count(): void
	{
		$this->deleteHere('f1');
		$this->after(100);
		$this->saidOn(gmdate('Y-m-d', time() + self::DAY));
		$this->assertSame(['here' => 1, 'restore' => 1], $this->sorted($this->restore('--json')[1]['files']));
		$this->assertSame('the bytes', $this->shown('f1'));
	}

	public function test_of_an_earlier_time_the_run_counts_that_left_it(): void
	{
		$this->deleteHere('f1');
		$this->after(100);
		$this->saidOn(gmdate('Y-m-d', time() + (2 * self::DAY)));
		foreach ([-1 => 'deleted_since', 1 => 'restore'] as $days => $decision) {
			SetRestore::$facts = ['run' => gmdate('Y-m-d', time() + ($days * self::DAY)) . 'T031500Z'];
			$at = gmdate('Y-m-d', time() + self::DAY);
			$this->assertSame(
				1,
				$this->restore('--at', $at, '--dry-run', '--json')[1]['files'][$decision] ?? 0,
				$decision,
			);
		}
	}

	public function test_the_date_of_a_set_that_nothing_proves_does_not_count(): void
	{
		$this->deleteHere('f1');
		$this->after(100);
		$this->saidOn('2999-01-01');
		SetRestore::$facts = ['signed_by' => 'nobody'];
		$this->assertSame(1, $this->restore('--json')[1]['files']['deleted_since']);
		$this->assertNull($this->attach('f1'));
	}

	public function test_what_came_back_since_and_was_lost_is_not_deleted(): void
	{
		$this->deleteHere('f1');
		$this->after(100);
		$this->restore('--deleted');
		unlink($this->attach('f1')['content']);
		dbq("DELETE FROM attach WHERE hash = 'f1'");
		$this->assertSame(['here' => 1, 'restore' => 1], $this->sorted($this->restore('--json')[1]['files']));
	}

	public function test_deletes_of_files_that_never_were_here_are_remembered_too(): void
	{
		$this->receive(
			$this->deletion('never') + ['filesync' => ['v' => Version::SIBLING, 'gone' => ['abcdef01' => 1]]],
		);
		$this->assertSame(1, Table::count('filesync_file', ['state' => Revisions::UNSEEN]));
		$this->after(100);
		$this->assertSame([0, gmdate('Y-m-d')], [
			Table::count('filesync_file', ['state' => Revisions::UNSEEN]),
			Ended::day($this->channel->id, 'never'),
		]);
		$this->assertNull(Ended::day($this->channel->id + 1, 'never'), 'of this channel');
	}

	public function test_a_tombstone_that_is_young_stays_one(): void
	{
		$this->deleteHere('f1');
		$this->after(80);
		$this->assertSame('gone', Revisions::find($this->channel->id, 'f1')['state']);
		$this->assertSame(0, Table::count('filesync_ended', []));
	}

	public function test_so_many_are_remembered_and_the_oldest_go_first(): void
	{
		$this->tombstones(['a' => 1, 'b' => 2, 'c' => 3, 'd' => 4, 'e' => 5]);
		Ended::collect(self::TOMBSTONES, self::DAY * 100, 3);
		$this->assertSame([null, null, '1970-01-04', '1970-01-05', '1970-01-06'], $this->days('a', 'b', 'c', 'd', 'e'));
		$this->tombstones(['f' => 9, 'c' => 10]);
		Ended::collect(self::TOMBSTONES, self::DAY * 100, 3);
		$this->assertSame(['1970-01-11', null, '1970-01-06', '1970-01-10'], $this->days('c', 'd', 'e', 'f'));
		$this->assertSame(0, Table::count('filesync_file', ['state' => 'gone']));
	}

	public function test_killed_at_any_instant_no_delete_is_forgotten(): void
	{
		$names = ['a' => 1, 'b' => 2, 'c' => 3];
		$this->tombstones($names);
		$instants = $this->instantsOf(fn () => Ended::collect(self::TOMBSTONES, self::DAY * 100));
		for ($instant = 1; $instant <= $instants; $instant++) {
			dbq('DELETE FROM filesync_ended');
			dbq("DELETE FROM filesync_file WHERE state = 'gone'");
			$this->tombstones($names);
			$this->killedAt($instant, fn () => Ended::collect(self::TOMBSTONES, self::DAY * 100));
			foreach (array_keys($names) as $hash) {
				$this->assertTrue(
					Revisions::find($this->channel->id, $hash) || Ended::day($this->channel->id, $hash),
					"$hash, killed at $instant",
				);
			}
			Ended::collect(self::TOMBSTONES, self::DAY * 100);
			$this->assertSame(['1970-01-02', '1970-01-03', '1970-01-04'], $this->days('a', 'b', 'c'));
		}
	}

	public function test_a_channel_that_leaves_takes_them_along(): void
	{
		$this->tombstones(['a' => 1]);
		Ended::collect(self::TOMBSTONES, self::DAY * 100);
		Housekeeping::forgetChannel($this->channel->id);
		$this->assertSame(0, Table::count('filesync_ended', []));
	}

	public function test_what_a_clone_deleted_after_the_set_stays_deleted(): void
	{
		$gone = $this->gone('f1');
		$this->lose('f1');
		$this->cloneHas(['f1' => $gone]);
		$before = $this->everything();
		[$code, $plan] = $this->restore('--dry-run', '--json');
		$this->assertSame([0, ['deleted_since' => 1, 'here' => 1]], [$code, $plan['files']]);
		$this->assertSame($before, $this->everything(), 'asking changes nothing');
		$this->assertSame(['entries'], array_values(array_unique(array_column($this->asked, 'do'))));
		$this->assertSame([[], ['f1']], array_column($this->asked, 'hashes'), 'only what would come back is asked for');
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, ['deleted_since' => 1, 'here' => 1]], [$code, $said['files']]);
		$this->assertNull($this->attach('f1'));
		$this->assertStringContainsString(
			'127.0.0.1:9001 said what was deleted and changed there',
			$this->restore()[2],
		);

		[$code, $said] = $this->restore('--deleted', '--json');
		$this->assertSame([0, 1], [$code, $said['files']['revive']]);
		$this->assertSame('the bytes', $this->shown('f1'));
		$file = Revisions::find($this->channel->id, 'f1');
		$this->assertSame(
			'concurrent',
			Vector::compare(Revisions::seen($file), $gone['filesync']['gone']),
			'a change made here, which the delete has not seen',
		);
	}

	public function test_a_folder_that_a_clone_deleted_stays_deleted_with_all_beneath(): void
	{
		$gone = ['d1' => $this->gone('d1'), 'f1' => $this->gone('f1')];
		$this->lose('d1', 'f1');
		$this->cloneHas($gone);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, 1, 1], [$code, $said['files']['deleted_since'], $said['folders']['deleted_since']]);
		$this->assertNull($this->attach('d1'));
	}

	public function test_a_delete_that_the_set_has_seen_more_than_does_not_count(): void
	{
		$this->lose('f1');
		$gone = $this->deletion('f1') + ['filesync' => ['v' => Version::SIBLING, 'gone' => ['abcdef0123456789' => 1]]];
		$this->cloneHas(['f1' => $gone]);
		$this->assertSame(1, $this->restore('--json')[1]['files']['restore']);
	}

	public function test_what_a_clone_deleted_long_ago_stays_deleted(): void
	{
		$this->lose('f1', 'f2');
		$this->cloneHas([], [
			'f1' => ['gone_on' => gmdate('Y-m-d')],
			'f2' => ['gone_on' => gmdate('Y-m-d', time() - (3 * self::DAY))],
		]);
		$this->assertSame(
			['deleted_since' => 1, 'restore' => 1],
			$this->sorted($this->restore('--json')[1]['files']),
			'but for what it deleted before the set was made',
		);
		$this->assertNull($this->attach('f1'));
	}

	public function test_a_clone_is_told_on_which_day_a_file_was_deleted(): void
	{
		$this->deleteHere('f1');
		$gone = Revisions::find($this->channel->id, 'f1')['gone'];
		$this->assertSame(['for' => 'f1', 'brief' => ['gone' => $gone]], $this->told('f1'), 'the tombstone');
		$this->after(100);
		$this->assertSame(['for' => 'f1', 'brief' => ['gone_on' => gmdate('Y-m-d')]], $this->told('f1'));
		$this->assertSame(['for' => 'f9', 'brief' => null], $this->told('f9'));
		$seen = Revisions::find($this->channel->id, 'f2')['bytes']['vector'];
		$known = ['size_bytes' => 10, 'edited' => '2024-05-01 10:00:00', 'sha256' => hash('sha256', 'second one')];
		$this->assertSame(['for' => 'f2', 'brief' => $known + ['seen' => $seen]], $this->told('f2'));
		// A change that nobody noticed yet has no digest.
		Table::update('attach', ['edited' => '2024-06-01 10:00:00'], ['hash' => 'f2']);
		$unknown = ['edited' => '2024-06-01 10:00:00', 'sha256' => ''] + $known;
		ksort($unknown);
		$told = $this->told('f2')['brief'];
		unset($told['seen']);
		ksort($told);
		$this->assertSame($unknown, $told);
		$this->receive($this->file('f2', 'arriving bytes', ['edited' => '2024-07-01 10:00:00']));
		$this->assertNull($this->told('f2')['brief'], 'of what is arriving nothing is said');
		$this->assertNull($this->told('f2', false)['entry'], 'nor at length');
	}

	public function test_what_a_clone_says_in_brief_counts_as_what_it_says_at_length(): void
	{
		$gone = $this->gone('f1')['filesync']['gone'];
		$seen = ['abcdef0123456789' => 1] + Revisions::find($this->channel->id, 'f2')['bytes']['vector'];
		$this->lose('d1', 'f1', 'f2');
		$there = ['size_bytes' => 11, 'edited' => '2024-06-01 10:00:00', 'sha256' => str_repeat('0', 64)];
		$folder = ['size_bytes' => 0, 'edited' => '2024-06-01 10:00:00', 'sha256' => '', 'seen' => []];
		foreach ([
			[['f1' => ['gone' => $gone], 'f2' => $there + ['seen' => $seen]], 'deleted_since', 'newer_elsewhere'],
			[['f1' => ['gone_on' => gmdate('Y-m-d')], 'f2' => ['gone_on' => '2020-01-01']], 'deleted_since', 'restore'],
			[['f1' => ['gone_on' => 'never'], 'f2' => ['gone' => ['x' => 1]]], 'restore', 'restore'],
			[['f1' => 'much', 'f2' => $there + ['seen' => 'all']], 'restore', 'restore'],
			[['f2' => ['sha256' => hash('sha256', 'second one'), 'seen' => $seen] + $there], 'restore', 'restore'],
		] as $n => [$briefs, $first, $second]) {
			$this->cloneHas([], $briefs + ['d1' => $folder]);
			$plan = $this->restore('--dry-run', '--json')[1];
			$files = array_count_values([$first, $second]);
			$this->assertSame(
				[$this->sorted($files), 1],
				[
					$this->sorted($plan['files']),
					$plan['folders']['restore'],
				],
				(string) $n,
			);
		}
		$this->assertTrue($this->asked[1]['brief']);
	}

	public function test_what_a_clone_changed_comes_from_there(): void
	{
		$this->lose('f1');
		$entry = $this->file('f1', 'newer bytes', ['edited' => '2024-06-01 10:00:00']);
		$this->cloneHas(['f1' => $entry + ['filesync' => $this->sibling('f1', 1)]]);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, ['here' => 1, 'newer_elsewhere' => 1]], [$code, $this->sorted($said['files'])]);
		$this->assertNull($this->attach('f1'));
		$this->assertStringContainsString(
			'1 file is newer on another clone and comes from there',
			$this->restore('--dry-run')[2],
		);
	}

	public static function others(): array
	{
		return [
			'the same' => ['the bytes', '2024-05-01 10:00:00', 0],
			'the same, renamed there' => ['the bytes', '2024-05-01 10:00:00', 1],
			'an older version' => ['old', '2024-04-01 10:00:00', -1],
		];
	}

	/** @dataProvider others */
	#[DataProvider('others')]
	public function test_what_a_clone_has_comes_from_the_set_unless_it_is_newer(
		string $bytes,
		string $edited,
		int $more,
	): void {
		$this->lose('f1');
		$entry = $this->file('f1', $bytes, ['edited' => $edited]);
		$this->cloneHas([
			'f1' => $entry
				+ [
					'filesync' => $more < 0
						? [
							'v' => 1,
							'revision' => array_fill_keys(Judge::GROUPS, ['seen' => [], 'by' => '', 'at' => '']),
						]
						: $this->sibling('f1', $more),
				],
		]);
		$this->assertSame(1, $this->restore('--json')[1]['files']['restore']);
		$this->assertSame('the bytes', $this->shown('f1'));
	}

	public function test_a_clone_that_does_not_answer_is_named_and_nothing_is_done_without_a_word(): void
	{
		$this->lose('f1');
		$this->cloneHas([]);
		dbq("UPDATE hubloc SET hubloc_connected = '2026-11-20 10:11:12' WHERE hubloc_url = '" . self::ORIGIN . "'");
		$this->status = 503;
		$before = $this->everything();
		[$code, $text] = $this->runVerb('restore', 'alice', $this->set, '--dry-run', '--json');
		[$plan, $error] = array_map(fn ($line) => json_decode($line, true), explode("\n", trim($text)));
		$this->assertSame([75, 'plan', 1], [$code, $plan['state'], $plan['files']['restore']]);
		$this->assertSame(['away', '2026-11-20T10:11:12Z', true], [
			$plan['clones'][0]['state'],
			$plan['clones'][0]['last_contact'],
			$plan['clones'][0]['filesync'],
		]);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([75, 'clone_unreachable', 'clone_unreachable'], [$code, $error['error'], $said['error']]);
		$this->assertStringContainsString('`--without 127.0.0.1:9001`', $said['words']);
		$this->assertStringContainsString('last contact 2026-11-20 10:11 UTC', $said['words']);
		$this->assertSame($before, $this->everything());
		$this->asked = [];
		[$code, $said] = $this->restore('--without', '127.0.0.1:9001', '--json');
		$this->assertSame([0, 1, 'left_out', []], [
			$code,
			$said['files']['restore'],
			$said['clones'][0]['state'],
			$this->asked,
		]);
		$this->assertSame('the bytes', $this->shown('f1'));
	}

	public function test_of_a_clone_that_was_left_out_nobody_says_that_it_has_nothing(): void
	{
		$this->lose('f1');
		$this->cloneHas([]);
		$this->assertStringContainsString(
			'1 file is on no hub that was asked; whether it was lost or deleted cannot be told',
			$this->restore('--without', '127.0.0.1', '--dry-run')[2],
		);
		$this->assertStringContainsString('1 file is on no hub; whether', $this->restore('--dry-run')[2]);
	}

	public function test_a_process_that_goes_on_with_a_plan_asks_again(): void
	{
		$gone = $this->gone('f1');
		$this->lose('f1', 'f2');
		$this->cloneHas([]);
		$begin = fn () => new Run($this->channel, $this->set, new Choice(), fn () => false, fn () => null);
		$plan = $begin()->plan();
		$this->assertSame(2, $plan->files());
		$this->afterAsking = function () {
			$this->status = 503;
		};
		try {
			$begin()->work($plan);
			$this->fail('a clone that ended meanwhile');
		} catch (Problem $e) {
			$this->assertSame(['clone_unreachable', true], [$e->kind, $e->isTemporary]);
		}
		$this->assertSame([null, null], [$this->attach('f1'), $this->attach('f2')]);
		$this->status = 200;
		$this->afterAsking = null;
		$this->cloneHas(['f1' => $gone]);
		$done = $begin()->work($plan);
		$this->assertSame([1, 1], [$done->files(Decision::Deleted), $done->files(Decision::Restore)]);
		$this->assertNull($this->attach('f1'));
	}

	public function test_a_job_of_workers_waits_for_a_clone_and_goes_on_when_it_answers(): void
	{
		$gone = $this->gone('f1');
		$this->lose('f1', 'f2');
		$this->cloneHas([]);
		Underway::ask($this->channel, $this->set, new Choice());
		Restores::work(time() + 60);
		$job = Job::of($this->channel->id);
		$this->assertSame([JobState::Planned, 'asked', 2], [
			$job->state,
			$job->plan['clones'][0]['state'],
			$job->plan['untraced'],
		]);
		$this->status = 503;
		Underway::start($this->channel->id);
		for ($n = 0; $n < 15; $n++) {
			Clock::$ahead += 3700;
			Restores::work(time() + Clock::$ahead + 60);
		}
		$job = Job::of($this->channel->id);
		$this->assertSame([JobState::Waiting, 'clone_unreachable'], [$job->state, $job->code], 'however often');
		$this->assertStringContainsString('127.0.0.1:9001', $job->reason);
		$this->assertSame([null, null], [$this->attach('f1'), $this->attach('f2')]);
		$this->status = 200;
		$this->cloneHas(['f1' => $gone]);
		Clock::$ahead += 3700;
		Restores::work(time() + Clock::$ahead + 60);
		$job = Job::of($this->channel->id);
		$this->assertSame([JobState::Done, 1, 1, 1], [
			$job->state,
			$job->done()->files(Decision::Deleted),
			$job->done()->files(Decision::Restore),
			$job->done()->untraced,
		]);
		$this->assertSame([null, 'second one'], [$this->attach('f1'), $this->shown('f2')]);
	}

	public function test_a_job_leaves_out_whom_it_was_told_to(): void
	{
		$this->lose('f1');
		$this->status = 503;
		$this->cloneHas([]);
		Underway::ask($this->channel, $this->set, new Choice(without: ['127.0.0.1:9001']));
		Restores::work(time() + 60);
		Underway::start($this->channel->id);
		Restores::work(time() + 60);
		$this->assertSame([JobState::Done, []], [Job::of($this->channel->id)->state, $this->asked]);
		$this->assertSame('the bytes', $this->shown('f1'));
	}

	public function test_one_that_stops_answering_while_it_is_asked_counts_as_away(): void
	{
		$this->lose('f1');
		$this->cloneHas([]);
		$this->afterAsking = function () {
			$this->status = 503;
		};
		[$code, $said] = $this->restore('--json');
		$this->assertSame([75, 'clone_unreachable'], [$code, $said['error']]);
		$this->assertNull($this->attach('f1'));
	}

	public function test_one_that_is_busy_is_asked_again(): void
	{
		$gone = $this->gone('f1');
		$this->lose('f1');
		$this->cloneHas(['f1' => $gone]);
		$this->status = 429;
		$this->afterAsking = function () {
			$this->status = count($this->asked) > 3 ? 200 : 429;
		};
		$this->assertSame(1, $this->restore('--json')[1]['files']['deleted_since']);
	}

	public function test_a_clone_is_left_out_by_its_host_or_its_url_and_none_that_is_unknown(): void
	{
		$this->lose('f1');
		$this->status = 503;
		$this->cloneHas([]);
		foreach (['127.0.0.1', '127.0.0.1:9001', self::ORIGIN, self::ORIGIN . '/', 'HTTP://127.0.0.1:9001'] as $word) {
			$this->assertSame(0, $this->restore('--without', $word, '--dry-run')[0], $word);
		}
		foreach (['hub.example', 'http://127.0.0.1:9002', '127.0.0.1:90'] as $word) {
			[$code, $said] = $this->restore('--without', $word, '--json');
			$this->assertSame([2, 'unknown_hub'], [$code, $said['error']], $word);
			$this->assertStringContainsString(self::ORIGIN, $said['words']);
		}
		Maker::hubloc(InProcess::$identity, 'http://127.0.0.1:9002', 'alice');
		[$code, $said] = $this->restore('--without', '127.0.0.1', '--json');
		$this->assertSame([2, 'unknown_hub'], [$code, $said['error']]);
		$this->assertStringContainsString('Give the URL', $said['words']);
		$both = ['--without', '127.0.0.1:9001', '--without', 'http://127.0.0.1:9002'];
		$this->assertSame(0, $this->restore(...$both)[0], 'it may be given again');
	}

	public function test_copies_ask_nobody_nor_does_a_channel_without_clones(): void
	{
		$this->status = 503;
		$this->cloneHas([]);
		$this->assertSame(0, $this->restore('--as-copy')[0]);
		dbq("DELETE FROM hubloc WHERE hubloc_url = '" . self::ORIGIN . "'");
		$this->lose('f1');
		$this->assertSame([0, []], [$this->restore()[0], $this->asked]);
		$this->assertSame('the bytes', $this->shown('f1'));
	}

	/** @return iterable<string, array{\Closure(self): mixed, int}> What is done first, and how many cannot be told. */
	public static function traces(): iterable
	{
		return [
			'nobody knows it' => [fn (self $test) => $test->cloneHas([]), 2],
			'the clone has it' => [
				fn (self $test) => $test->cloneHas(['f1' => $test->file('f1', 'the bytes')]),
				1,
			],
			'a clone without filesync has one' => [fn (self $test) => $test->stockHas('f2'), 1],
			'a clone without filesync has none' => [fn (self $test) => $test->stockHas('f9'), 2],
		];
	}

	/** @dataProvider traces */
	#[DataProvider('traces')]
	public function test_what_is_on_no_hub_is_restored_and_counted_apart(Closure $prepare, int $untraced): void
	{
		$this->lose('f1', 'f2');
		$prepare($this);
		[, $plan] = $this->restore('--dry-run', '--json');
		[$code, $said, $text] = $this->restore('--json');
		$this->assertSame([0, 2, $untraced, $untraced], [
			$code,
			$said['files']['restore'],
			$plan['untraced'],
			$said['untraced'],
		]);
		$this->lose('f1', 'f2');
		$this->assertStringContainsString(
			$untraced === 1
				? '1 file is on no hub; whether it was lost or deleted cannot be told'
				: '2 files are on no hub; whether they were lost or deleted cannot be told',
			$this->restore()[2],
		);
	}

	public function test_of_what_vanished_here_it_is_known_that_it_was_not_deleted(): void
	{
		unlink($this->attach('f1')['content']);
		dbq("DELETE FROM attach WHERE hash = 'f1'");
		$this->cloneHas([]);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, 1, 0], [$code, $said['files']['restore'], $said['untraced']]);
		$this->assertStringNotContainsString('cannot be told', $this->restore()[2]);
	}

	public function test_a_clone_without_filesync_that_may_not_be_read_counts_as_away(): void
	{
		$this->stockHas('f1');
		Config::set('dav_allowed', '0');
		[$code, $said] = $this->restore('--json');
		$this->assertSame([75, 'clone_unreachable'], [$code, $said['error']]);
		$this->assertStringContainsString('dav_allowed', $said['words']);
	}

	public function test_the_plan_names_the_clones_that_will_hold_what_is_replaced(): void
	{
		$this->cloneHas([]);
		for ($n = 10; $n < 22; $n++) {
			$this->stored("r$n", "$n.txt", "before $n");
			Revisions::notice($this->channel, "r$n", true);
		}
		$this->runVerb('backup', 'alice', $this->set);
		for ($n = 10; $n < 22; $n++) {
			file_put_contents($this->attach("r$n")['content'], "changed since $n");
			Table::update(
				'attach',
				['filesize' => 16, 'edited' => '2024-06-01 10:00:00'],
				['hash' => "r$n"],
			);
		}
		$this->assertSame([], $this->restore('--dry-run', '--json')[1]['held_by'], 'nothing is replaced');
		[, $plan] = $this->restore('--replace', '--dry-run', '--json');
		$this->assertSame([12, [self::ORIGIN]], [$plan['files']['replace'], $plan['held_by']]);
		$this->assertStringContainsString(
			'127.0.0.1:9001 will hold what is replaced, because it is much, until its owner presses "Accept" on '
			. self::ORIGIN
			. '/filesync',
			$this->restore('--replace', '--dry-run')[2],
		);
		$few = $this->restore('--replace', '--only', '10.txt', '--dry-run', '--json')[1];
		$this->assertSame([1, []], [$few['files']['replace'], $few['held_by']]);
		Config::set('displaced_max_bytes_day', '10');
		$this->assertSame(
			[self::ORIGIN],
			$this->restore('--replace', '--only', '10.txt', '--dry-run', '--json')[1]['held_by'],
			'the bytes that give way count',
		);
		Config::clear('displaced_max_bytes_day');
		$this->stockHas('r10');
		$this->assertSame(
			[],
			$this->restore('--replace', '--dry-run', '--json')[1]['held_by'],
			'stock hubs hold nothing',
		);
	}

	public function test_nobody_hears_of_a_file_before_it_is_in_place(): void
	{
		$this->lose('d1', 'f1');
		file_put_contents($this->attach('f2')['content'], 'newer here');
		Table::update('attach', ['edited' => '2024-06-01 10:00:00'], ['hash' => 'f2']);
		Revisions::notice($this->channel, 'f2');
		$this->cloneHas([]);
		$heard = [];
		SetRestore::$beforeCopy = function (string $hash) use (&$heard) {
			$told = $this->told($hash, false)['entry'];
			$heard[$hash] = [
				$told ? end($told['attach'])['edited'] : null,
				$this->told($hash)['brief']['edited'] ?? null,
				$this->sent(),
			];
		};
		$this->assertSame(0, $this->restore('--replace', '--json')[0]);
		SetRestore::$beforeCopy = null;
		$own = '2024-06-01 10:00:00';
		$this->assertSame(['f1' => [null, null, []], 'f2' => [$own, $own, []]], $heard, 'but of what is here as ever');
		$this->assertSame([], $this->sent(), 'and then the comparison tells');
		$this->assertSame('2024-05-01 10:00:00', $this->told('f1')['brief']['edited']);
		$this->assertGreaterThan($own, $this->told('f2')['brief']['edited']);
	}

	public function test_a_clone_without_filesync_is_sent_nothing_about_what_it_has(): void
	{
		$this->lose('d1', 'f1', 'f2');
		$this->stockHas('d1', 'f1');
		$this->assertSame(0, $this->restore()[0]);
		$sent = $this->sent();
		$this->assertSame([], $sent, 'the restore itself sends nothing');
		for ($n = 0; $n < 20 && $this->compare() !== 'over'; $n++) {
			array_push($sent, ...$this->sent());
		}
		array_push($sent, ...$this->sent());
		$this->assertSame(['f2'], array_map(Intake::hashOf(...), $sent), 'it is told what it lacks');
		$this->assertSame([], $this->exports, 'and asked about nothing that it has');
	}

	/** Removes files with everything that is known of them here, as if this were another hub. */
	private function lose(string ...$hashes): void
	{
		foreach ($hashes as $hash) {
			$row = $this->attach($hash);
			$row && ! (int) $row['is_dir'] && @unlink($row['content']);
			dbq("DELETE FROM attach WHERE hash = '$hash'");
			foreach (['file', 'transfer', 'digest', 'kept'] as $table) {
				dbq("DELETE FROM filesync_$table WHERE hash = '$hash'");
			}
		}
		foreach ($hashes as $hash) {
			$hash === 'd1' && @rmdir('store/alice/d1');
		}
	}

	/** Returns the delete of a file by the clone, which had seen its present state. */
	private function gone(string $hash): array
	{
		$seen = Revisions::seen(Revisions::find($this->channel->id, $hash));

		return (
			$this->deletion($hash)
			+ ['filesync' => [
				'v' => Version::SIBLING,
				'gone' => ['abcdef0123456789' => 1] + $seen,
			]]
		);
	}

	/** Returns what the clone says of a file's versions: those of the set, and so many changes more. */
	private function sibling(string $hash, int $more): array
	{
		$vector = [];
		foreach (Fake\Sets::contents($this->set)[$hash]['filesync']['revision'] as $group => $value) {
			$vector[$group] = ['seen' => $value['seen'] + ($more ? ['abcdef0123456789' => $more] : [])] + $value;
		}

		return ['v' => Version::SIBLING, 'revision' => $vector];
	}

	/**
	 * Has the clone speak filesync, and have files.
	 *
	 * @param array<string, array> $there  Entries by hash, as an earlier version says them.
	 * @param array<string, mixed> $briefs What it says in brief.
	 */
	public function cloneHas(array $there, array $briefs = []): void
	{
		Peers::hear(self::ORIGIN, [
			'v' => 1,
			'version' => '0.1.0',
			'features' => ['ticket', 'range', 'inventory'],
			'endpoint' => self::ORIGIN . '/getfile/ticket',
		]);
		$this->asked = [];
		Client::$wire = function ($method, $url, $headers, $body) use ($there, $briefs) {
			$this->assertSame(self::ORIGIN . '/getfile/inventory', $url);
			$this->asked[] = $asked = json_decode($body, true);
			$entries = array_map(
				fn ($hash) => (
					['for' => $hash]
					+ (
						isset($briefs[$hash])
							? ['brief' => $briefs[$hash]]
							: ['entry' => $there[$hash] ?? null]
					)
				),
				$asked['hashes'],
			);
			$answer = ['status' => $this->status, 'headers' => $this->status === 429 ? ['retry-after' => '2'] : []]
			+ ['body' => json_encode(['entries' => $entries, 'filesync' => 2, 'time' => time()])];
			$this->afterAsking && ($this->afterAsking)();

			return $answer;
		};
	}

	/** Has the clone have no filesync, and those files and folders of ours, as the set has them. */
	public function stockHas(string ...$hashes): void
	{
		Peers::learn([
			'url' => self::ORIGIN,
			'dav' => 'untried',
			'filesync' => 'refused',
			'filesync_reason' => 'stock',
		], null);
		$rows = [];
		foreach (Fake\Sets::contents($this->set) as $hash => $entry) {
			in_array($hash, $hashes, true) && ($rows[$hash] = end($entry['attach']));
		}
		$this->exports = [];
		Client::$wire = function ($method, $url) use ($rows) {
			parse_str((string) parse_url($url, PHP_URL_QUERY), $query);
			$said = [];
			if (str_contains($url, '/api/z/1.0/files?')) {
				$said = ['results' => array_slice(array_values($rows), (int) $query['start'], (int) $query['records'])];
			} elseif (str_contains($url, 'file/export')) {
				$this->exports[] = $query['file_id'];
			} elseif (str_contains($url, 'filemeta') && isset($rows[$query['file_id']])) {
				$said = ['attach' => ['hash' => $query['file_id']]];
			}

			return ['status' => 200, 'body' => json_encode($said)];
		};
	}

	private function compare(): string
	{
		$run = Inventory\Run::ask($this->channel->id, self::ORIGIN);
		$run->save(['next_at' => time() + Clock::$ahead]);

		return Reconcile::goOn($run->id, time() + Clock::$ahead + 30)->value;
	}

	/** Returns what is said of a file to the clone that asks. */
	private function told(string $hash, bool $isBrief = true): array
	{
		$keys = ['do' => 'entries', 'hashes' => [$hash], 'brief' => $isBrief];
		$answer = InventoryRequest::answer($this->signedRequest('inventory', $keys));
		$this->assertSame(200, $answer->status, $answer->body);

		return json_decode($answer->body, true)['entries'][0];
	}

	/** @param array<string, int> $days The days of deletes by hash. */
	private function tombstones(array $days): void
	{
		foreach ($days as $hash => $day) {
			Revisions::save(['state' => 'gone'] + Revisions::unknown($this->channel->id, $hash));
			Table::update('filesync_file', ['updated' => self::DAY * $day], ['hash' => $hash]);
		}
	}

	/** @return list<?string> */
	private function days(string ...$hashes): array
	{
		return array_map(fn ($hash) => Ended::day($this->channel->id, $hash), $hashes);
	}

	/** Lets days pass, and what is done once a day be done. */
	private function after(int $days): void
	{
		Clock::$ahead += self::DAY * $days;
		Housekeeping::daily();
	}

	/** Has the set say when it was last brought up to date. */
	private function saidOn(string $day): void
	{
		$set = json_decode(file_get_contents("$this->set/set.json"), true);
		file_put_contents("$this->set/set.json", json_encode(['updated' => "{$day}T03:15:00Z"] + $set));
	}

	private function deleteHere(string $hash): void
	{
		$seen = Revisions::seen(Revisions::find($this->channel->id, $hash));
		$sibling = ['v' => Version::SIBLING, 'gone' => ['abcdef0123456789' => 1] + $seen];
		$this->receive($this->deletion($hash) + ['filesync' => $sibling]);
		$this->assertNull($this->attach($hash));
	}

	private function sorted(array $counts): array
	{
		ksort($counts);

		return $counts;
	}

	/** @return array{int, array<string, mixed>, string} Exit code, what is said for programs, the text. */
	private function restore(string ...$options): array
	{
		[$code, $text] = $this->runVerb('restore', 'alice', $this->set, ...$options);

		return [$code, json_decode($text, true) ?? [], $text];
	}
}
