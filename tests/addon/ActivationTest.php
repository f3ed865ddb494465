<?php

use Fake\Versions;
use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\GetfileController;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Reason;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Standing;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\AdminPage;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Rehearsal\Outcome;
use FileSync\Addon\Rehearsal\Outcomes;
use FileSync\Addon\Rehearsal\Summons;
use FileSync\Addon\Status\StandingWords;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\Worker;
use PHPUnit\Framework\Attributes\DataProvider;

/**
 * On a hub version that nobody tested filesync works by what a rehearsal saw there; and where it worked, no packet
 * returns to core's receiver, which opens the live file before it has its bytes.
 */
final class ActivationTest extends AddonTestCase
{
	private const NEW_BYTES = 'overwritten ';

	protected function setUp(): void
	{
		parent::setUp();
		// Whatever this test hub is, it begins as one that was tested.
		dbq('DELETE FROM filesync_rehearsal');
		$this->become('8.9.3');
		$this->assertTrue(Activation::isActive());
	}

	protected function tearDown(): void
	{
		Versions::reset();
		FileSync\Photo::$isKnown = FileSync\Photo::$makesPictures = false;
		parent::tearDown();
	}

	/** @dataProvider newVersions */
	#[DataProvider('newVersions')]
	public function test_where_it_never_was_active_it_is_passive_until_a_rehearsal_passed(string $version): void
	{
		$this->neverActive();
		$this->become($version);
		$this->assertSame([Standing::Passive, Reason::Unrehearsed], [Activation::standing(), Activation::reason()]);
		$this->assertSame([], $this->jobs('Addon'), 'nobody rehearses on its own');
		$this->assertStringContainsString('cli.php rehearse', StandingWords::remedy());
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame(1, $this->receivedByCore());
		$this->assertFalse(Config::serves(1));
		$this->pass();
		$this->assertSame([Standing::Active, Reason::Rehearsed], [Activation::standing(), Activation::reason()]);
		$this->assertNull(StandingWords::problem());
		$this->receive($this->file('f2', 'bytes'));
		$this->work();
		$this->assertSame(['bytes', 1], [$this->shown('f2'), $this->receivedByCore()]);
	}

	public static function newVersions(): array
	{
		return [['8.99'], ['10.5'], ['11.5']];
	}

	public function test_an_unknown_major_version_asks_once(): void
	{
		$this->neverActive();
		$this->become('12.0');
		$this->pass();
		$this->assertSame([Standing::Passive, Reason::Unknown], [Activation::standing(), Activation::reason()]);
		$this->assertStringContainsString('config set agreed_major 12', StandingWords::remedy());
		$this->assertSame(0, $this->runVerb('config', 'set', 'agreed_major', '12')[0]);
		$this->assertTrue(Activation::isActive());
		$this->become('12.4');
		$this->assertSame(Reason::Unrehearsed, Activation::reason(), 'another version is rehearsed, not asked about');
		$this->become('13.0');
		$this->assertSame(Reason::Unknown, Activation::reason());
		$this->become('something else');
		$this->assertSame([Standing::Holding, Reason::Unknown], [Activation::standing(), Activation::reason()]);
	}

	public function test_while_a_major_version_is_unknown_nothing_is_rehearsed_and_all_is_held(): void
	{
		$this->become('12.0');
		call_hooks('cron', $now);
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame([[], ['queued']], [$this->jobs('Addon'), $this->packetStates()]);
		$this->assertFalse(Summons::answer(fn () => $this->fail('rehearsed')));
		Config::set('agreed_major', '12');
		$this->assertSame(['rehearse'], $this->summoned());
		$this->assertTrue(Summons::answer($this->pass(...)));
		$this->work();
		$this->assertSame(['bytes', 0], [$this->shown('f1'), $this->receivedByCore()]);
	}

	public function test_fifty_overwrites_while_the_version_changes_are_held_and_let_in_once_it_passed(): void
	{
		$before = $this->fifty();
		$this->receive(...$this->overwrites(1, 10));
		$staged = Table::count('filesync_transfer', ['state' => 'staged']);
		dbq('DELETE FROM workerq');
		$this->become('11.5');
		$this->assertSame([Standing::Holding, Reason::Unrehearsed], [Activation::standing(), Activation::reason()]);
		$this->receive(...$this->overwrites(11, 45));
		$this->assertSame(['rehearse'], $this->summoned());
		$this->nothingOfOursRuns($staged);
		$this->assertSame($before, $this->lives(), 'no live file was touched');
		$this->assertSame([35, 0], [Table::count('filesync_packet', ['state' => 'queued']), $this->receivedByCore()]);

		$this->assertTrue(Summons::answer($this->pass(...)));
		$this->assertTrue(Activation::isActive());
		$this->receive(...$this->overwrites(46, 50));
		$this->assertSame(40, Table::count('filesync_packet', ['state' => 'queued']), 'nobody overtakes');
		$this->assertContains('work', $this->summoned());
		$this->work();
		$this->assertFiftyAreRight();
	}

	public function test_a_queue_is_let_in_in_the_order_in_which_it_came(): void
	{
		$this->receive($this->file('f1', 'one', [], ['d1' => 'Folder']));
		$this->work();
		$this->become('10.5');
		$moved = $this->file('f1', 'one', ['folder' => '', 'edited' => '2024-05-03 10:00:00']);
		$this->receive($moved, $this->deletion('d1'));
		$this->receive($this->file('f2', 'two'));
		$this->receive($this->deletion('f2'));
		$this->pass();
		$this->work();
		$this->assertSame(['one', '', null, null, []], [
			$this->shown('f1'),
			$this->attach('f1')['folder'] ?? null,
			$this->attach('d1'),
			$this->attach('f2'),
			$this->packetStates(),
		]);
	}

	public function test_the_same_packet_again_goes_behind_what_came_between(): void
	{
		$this->become('10.5');
		$one = $this->file('f1', 'one', ['filename' => 'one']);
		foreach ([$one, $this->file('f1', 'one', ['filename' => 'two']), $one] as $entry) {
			$this->receive($entry);
		}
		$this->assertCount(2, $this->packetStates());
		$this->pass();
		$this->work();
		$this->assertSame('one', $this->attach('f1')['filename']);
	}

	public function test_what_is_held_stays_within_the_bounds_and_the_rest_is_compared_later(): void
	{
		Config::set('held_max_packets', '3');
		$this->become('11.5');
		$this->receive(...array_map(fn ($n) => $this->file("f$n", "bytes $n"), range(1, 5)));
		$this->assertSame([3, 2, 0], [
			count($this->packetStates()),
			Table::count('filesync_dropped', []),
			$this->receivedByCore(),
		]);
		dbq('DELETE FROM workerq');
		$this->pass();
		Housekeeping::often();
		$this->assertContains('reconcile', $this->summoned());
	}

	public function test_after_a_failed_rehearsal_all_is_held_until_an_admin_lets_it_in(): void
	{
		$before = $this->fifty();
		$this->become('11.5');
		$this->receive(...$this->overwrites(1, 50));
		$this->failed('receiver', 'sender');
		$this->assertSame([Standing::Holding, Reason::Failed], [Activation::standing(), Activation::reason()]);
		$this->work();
		Worker::daemon('work');
		Housekeeping::often();
		$this->assertSame([$before, 50, 0], [$this->lives(), count($this->packetStates()), $this->receivedByCore()]);
		$this->assertStringContainsString('config set trusted_version 11.5', StandingWords::remedy());
		$this->assertSame(0, $this->runVerb('config', 'set', 'trusted_version', '11.5')[0]);
		$this->assertSame([true, ['sender']], [Activation::isActive(), Parts::off()]);
		$this->assertContains('work', $this->summoned());
		$this->work();
		$this->assertFiftyAreRight();
		$this->become('11.5.1');
		$this->assertTrue(Activation::isHolding(), 'it was for that version');
	}

	public function test_after_a_failed_rehearsal_an_admin_may_choose_the_hubs_own_receiver(): void
	{
		$this->fifty();
		$this->become('11.5');
		$this->receive(...$this->overwrites(1, 50));
		$this->failed('receiver');
		dbq('DELETE FROM workerq');
		$this->assertSame(0, $this->runVerb('config', 'set', 'passive', '1')[0]);
		$this->assertSame([Standing::Holding, Reason::HandingOver], [Activation::standing(), Activation::reason()]);
		$this->assertSame(['hand-over'], $this->summoned());
		$this->receive($this->file('f51', 'late'));
		$this->assertSame([51, 0], [count($this->packetStates()), $this->receivedByCore()], 'behind the others');
		Worker::daemon('hand-over');
		$this->assertSame([[], 51], [$this->packetStates(), $this->receivedByCore()]);
		$this->assertSame([Standing::Passive, Reason::Chosen], [Activation::standing(), Activation::reason()]);
		$this->assertSaysSince('an admin chose');
		$this->receive($this->file('f52', 'later'));
		$this->assertSame([[], 52], [$this->packetStates(), $this->receivedByCore()]);
		$this->assertSame(0, $this->runVerb('config', 'clear', 'passive')[0]);
		$this->assertTrue(Activation::isHolding(), 'it is not active because of that');
	}

	public function test_what_is_handed_over_goes_in_order_and_a_killed_job_goes_on(): void
	{
		$this->become('11.5');
		$this->receive(...array_map(fn ($n) => $this->file("f$n", "bytes $n"), range(1, 4)));
		Config::set('passive', '1');
		foreach (self::sample($this->instantsOfHandOver(), 12) as $instant) {
			$this->killedAt($instant, fn () => Worker::daemon('hand-over'));
			dbq('UPDATE filesync_lease SET expires = 0');
			$this->assertTrue(Activation::isHolding() || $this->packetStates() === []);
			dbq("UPDATE filesync_packet SET attempts = 0, state = 'queued'");
		}
		Worker::daemon('hand-over');
		Activation::begin();
		$this->assertSame([[], Standing::Passive], [$this->packetStates(), Activation::standing()]);
		$rows = array_column(Table::select('attach', [], 'id', 0, 'hash'), 'hash');
		$this->assertSame(['f1', 'f2', 'f3', 'f4'], $rows);
	}

	public function test_a_worker_that_still_lets_a_channel_in_is_not_overtaken_by_a_hand_over(): void
	{
		$this->become('11.5');
		$this->receive($this->file('f1', 'bytes'));
		// A worker that began before the admin chose: its first packet is being applied.
		$this->assertTrue(Lease::take('queue-1', 'a worker', 120));
		Config::set('passive', '1');
		Worker::daemon('hand-over');
		$this->assertSame([['queued'], 0], [$this->packetStates(), $this->receivedByCore()]);
		Lease::giveBack('queue-1', 'a worker');
		dbq('UPDATE filesync_lease SET expires = 0');
		Worker::daemon('hand-over');
		$this->assertSame([[], 1], [$this->packetStates(), $this->receivedByCore()]);
	}

	public function test_a_packet_that_is_queued_behind_the_last_that_is_handed_over_is_not_overtaken(): void
	{
		$this->become('11.5');
		$this->receive($this->file('f1', 'bytes'));
		$this->failed('receiver');
		Config::set('passive', '1');
		dba_test::$watch = function (string $sql): void {
			if (str_starts_with($sql, 'INSERT INTO filesync_packet')) {
				dba_test::$watch = Fake\Inside::look(...);
				// Another process is quicker.
				Worker::daemon('hand-over');
				$this->assertSame(Standing::Passive, Activation::standing());
			}
		};
		$this->receive($this->file('f2', 'bytes'));
		dba_test::$watch = Fake\Inside::look(...);
		$this->assertSame([['queued'], 1], [$this->packetStates(), $this->receivedByCore()]);
		$this->assertSame(Reason::HandingOver, Activation::reason());
		$this->assertContains('hand-over', array_column($this->jobs('Addon'), 2));
		// A later one waits behind it.
		$this->receive($this->file('f3', 'bytes'));
		$this->assertSame(1, $this->receivedByCore());
		dbq('UPDATE filesync_lease SET expires = 0');
		Worker::daemon('hand-over');
		$this->assertSame([[], 3], [$this->packetStates(), $this->receivedByCore()]);
	}

	public function test_a_hand_over_ends_once_the_admin_takes_it_back(): void
	{
		$this->become('11.5');
		$this->receive(...array_map(fn ($n) => $this->file("f$n", "bytes $n"), range(1, 4)));
		$this->failed('receiver');
		Config::set('passive', '1');
		dba_test::$watch = function (string $sql): void {
			if (str_starts_with($sql, 'DELETE FROM filesync_packet')) {
				dba_test::$watch = Fake\Inside::look(...);
				// As another process does it.
				dbq("DELETE FROM filesync_setting WHERE name = 'passive'");
			}
		};
		Worker::daemon('hand-over');
		$this->assertSame([3, 1], [count($this->packetStates()), $this->receivedByCore()]);
		$this->assertTrue(Activation::isHolding());
	}

	public function test_a_part_that_failed_stays_off_and_the_others_work(): void
	{
		$this->become('10.5');
		$this->failed('photos', 'posts');
		$this->assertSame([Standing::Active, ['posts', 'photos', 'channels']], [Activation::standing(), Parts::off()]);
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertSame(['bytes', 0], [$this->shown('f1'), $this->receivedByCore()]);
		$this->assertStringContainsString('cli.php doctor says why', Parts::problems());
	}

	/** @dataProvider ways */
	#[DataProvider('ways')]
	public function test_a_version_that_goes_back_lets_in_what_was_held(string $was): void
	{
		$this->become($was);
		$was === '8.9.3' || $this->pass();
		$this->become('11.5');
		$this->receive($this->file('f1', 'bytes'));
		$this->failed('receiver');
		$this->assertTrue(Activation::isHolding());
		dbq('DELETE FROM workerq');
		$this->become($was);
		$this->assertTrue(Activation::isActive());
		Housekeeping::often();
		$this->assertContains('work', $this->summoned());
		$this->work();
		$this->assertSame(['bytes', 0], [$this->shown('f1'), $this->receivedByCore()]);
		$this->become('11.5');
		$this->assertSame(Reason::Failed, Activation::reason(), 'what was seen there is remembered');
	}

	public static function ways(): array
	{
		return ['tested' => ['8.9.3'], 'rehearsed' => ['10.5']];
	}

	public function test_another_php_or_filesync_is_rehearsed_too(): void
	{
		$this->become('10.5');
		$this->pass();
		$this->become('10.5', '8.99.1');
		$this->assertSame([Standing::Holding, Reason::Unrehearsed], [Activation::standing(), Activation::reason()]);
		$this->pass();
		$this->assertTrue(Activation::isActive());
		// As another version of filesync left it.
		Table::update('filesync_rehearsal', ['filesync' => '0.0.9'], ['hub' => '10.5']);
		$this->set('standing', str_replace(Runtime::version(), '0.0.9', get_config('system', 'filesync_standing')));
		Activation::begin();
		$this->assertSame([Standing::Holding, Reason::Unrehearsed], [Activation::standing(), Activation::reason()]);
	}

	public function test_a_request_that_has_nothing_to_do_with_files_asks_the_database_nothing(): void
	{
		$asked = function (): array {
			$statements = [];
			$note = function (string $sql) use (&$statements): bool {
				$statements[] = $sql;
				return false;
			};
			// Core has read these when a process begins.
			App::$config = ['system' => App::$config['system']];
			$this->whileFailing($note, function (): void {
				filesync_init_1();
				$module = ['module' => 'api'];
				filesync_module_loaded($module);
			});
			return $statements;
		};
		$this->pass();
		Versions::$process = 'fpm-fcgi';
		$this->assertSame([], $asked());
		// As an older filesync left it.
		set_config('filesync', 'standing', get_config('system', 'filesync_standing'));
		set_config('filesync', 'looked', get_config('system', 'filesync_looked'));
		dbq("DELETE FROM config WHERE k = 'filesync_standing' OR k = 'filesync_looked'");
		unset(App::$config['system']['filesync_standing'], App::$config['system']['filesync_looked']);
		$this->assertNotSame([], $asked());
		$this->assertTrue(Activation::isActive());
		$this->assertNotSame(Parts::ALL, Parts::off());
		filesync_load();
		$this->assertSame([], $asked());
		$this->assertTrue(Activation::isActive());
		$this->assertSame([], dbq("SELECT * FROM config WHERE cat = 'filesync' AND k <> 'schema'"));
	}

	public function test_a_web_server_with_a_php_of_its_own_asks_only_when_that_changes(): void
	{
		$this->become('10.5');
		$this->pass();
		$this->web('8.50.1');
		$this->assertTrue(Activation::isActive(), 'the first one is taken as it is');
		$this->become('11.5');
		$this->web('8.50.1');
		$this->assertTrue(Activation::isHolding());
		$this->become('11.5');
		$this->pass();
		$this->web('8.50.1');
		$this->assertTrue(Activation::isActive());
		Fake\Clock::$ahead = 100;
		dbq('DELETE FROM workerq');
		$this->web('8.50.2');
		$this->assertSame([true, ['rehearse']], [Activation::isHolding(), $this->summoned()]);
		$this->become('11.5');
		$this->assertTrue(Activation::isActive(), 'the command line has what it had');
		$this->assertTrue(Summons::answer($this->pass(...)));
		$this->web('8.50.2');
		$this->assertTrue(Activation::isActive());
	}

	public function test_a_web_request_never_rehearses(): void
	{
		Versions::$process = 'fpm-fcgi';
		$this->become('11.5');
		$this->receive($this->file('f1', 'bytes'));
		$this->assertNull(Outcomes::last());
		$this->assertSame(['rehearse'], $this->summoned());
	}

	public function test_two_processes_at_once_summon_one_rehearsal(): void
	{
		$children = [];
		foreach ([1, 2, 3, 4] as $n) {
			$children[] = $this->apart(function (): void {
				Versions::$hub = '11.5';
				call_hooks('init_1');
				Zotlabs\Lib\sync_files(channelx_by_n(1), [['fetch_url' => self::ORIGIN . '/getfile']]);
			});
		}
		foreach ($children as $child) {
			pcntl_waitpid($child, $status);
			$this->assertFileExists("done-$child");
		}
		$this->assertSame(['rehearse'], $this->summoned());
		$this->assertSame(0, $this->receivedByCore());
	}

	public function test_one_process_rehearses_at_a_time(): void
	{
		$this->become('11.5');
		$runs = 0;
		$this->assertTrue(Summons::answer(function () use (&$runs): void {
			$runs++;
			$this->assertFalse(Summons::answer(fn () => $this->fail('a second one')));
			$this->pass();
		}));
		$this->assertFalse(Summons::answer(fn () => $this->fail('nobody waits any longer')));
		$this->assertSame(1, $runs);
	}

	/** The job as the hub runs it; nobody answers at the hub's own address. */
	public function test_the_rehearsal_itself_passes_while_packets_are_held_and_lets_them_in(): void
	{
		FileSync\Photo::$isKnown = FileSync\Photo::$makesPictures = true;
		$this->become('11.5');
		$this->receive($this->file('f1', 'bytes'));
		$job = $this->jobs('Addon')[0];
		call_hooks('daemon_addon', $job);
		$this->assertSame([], Outcomes::current()?->failed());
		$this->assertGreaterThan(25, count(Outcomes::current()->steps));
		$this->assertSame([Standing::Active, Reason::Rehearsed], [Activation::standing(), Activation::reason()]);
		$this->assertSame([['queued'], []], [$this->packetStates(), Table::select('filesync_scratch', [])]);
		$this->work();
		$this->assertSame(['bytes', 0], [$this->shown('f1'), $this->receivedByCore()]);
	}

	public function test_the_rehearsal_itself_passes_where_filesync_is_passive(): void
	{
		FileSync\Photo::$isKnown = FileSync\Photo::$makesPictures = true;
		$this->neverActive();
		$this->become('10.5');
		Activation::ask();
		$job = $this->jobs('Addon')[0];
		call_hooks('daemon_addon', $job);
		$this->assertSame([], Outcomes::current()?->failed());
		$this->assertSame([Standing::Active, Reason::Rehearsed], [Activation::standing(), Activation::reason()]);
	}

	public function test_a_rehearsal_that_did_not_begin_is_begun_by_cron(): void
	{
		$this->become('11.5');
		$this->assertSame(['rehearse'], $this->summoned());
		dbq('DELETE FROM workerq');
		Housekeeping::often();
		$this->assertSame([], $this->summoned(), 'not at once');
		Fake\Clock::$ahead = 400;
		Housekeeping::often();
		$this->assertSame(['rehearse'], $this->summoned());
	}

	public function test_a_rehearsal_that_was_killed_is_begun_again_and_thrice_is_an_outcome(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->become('11.5');
		$this->receive($this->overwrite('f1', 'new'));
		foreach ([1, 2, 3] as $n) {
			$child = $this->apart(function (): void {
				Versions::$hub = '11.5';
				Summons::answer(fn () => posix_kill(getmypid(), SIGKILL));
			});
			pcntl_waitpid($child, $status);
			$this->assertFileDoesNotExist("done-$child");
			$this->assertFalse(Summons::answer(fn () => $this->fail('the lease of the killed one')));
			Fake\Clock::$ahead += 200;
			$this->assertTrue(Activation::isHolding());
		}
		$this->assertTrue(Summons::answer(fn () => $this->fail('a fourth one')));
		$this->assertSame([Standing::Holding, Reason::Failed], [Activation::standing(), Activation::reason()]);
		$this->assertStringContainsString('3 times', Outcomes::last()->steps[0]['seen']);
		$this->assertSame(['bytes', 0], [$this->shown('f1'), $this->receivedByCore()]);
		// A person may ask again.
		Activation::ask();
		$this->assertTrue(Summons::answer($this->pass(...)));
		$this->work();
		$this->assertSame('new', $this->shown('f1'));
	}

	public function test_what_could_not_be_begun_before_does_not_count_after_a_rehearsal_by_hand(): void
	{
		$this->become('11.5');
		foreach ([1, 2, 3] as $n) {
			$this->assertTrue(Summons::answer(fn () => throw new Postponed('the disk is full', true)));
			Fake\Clock::$ahead += 200;
		}
		// Room was made, and an admin rehearsed on the command line.
		$this->pass();
		$this->assertTrue(Activation::isActive());
		Activation::ask();
		$runs = 0;
		$this->assertTrue(Summons::answer(function () use (&$runs): void {
			$runs++;
			$this->pass();
		}));
		$this->assertSame([1, true], [$runs, Activation::isActive()]);
	}

	public function test_a_rehearsal_that_passed_is_not_undone_by_one_that_cannot_be_done_now(): void
	{
		$this->become('11.5');
		$this->pass();
		Activation::ask();
		foreach ([1, 2, 3, 4] as $n) {
			Summons::answer(fn () => throw new Postponed('the disk is full', true));
			Fake\Clock::$ahead += 200;
		}
		$this->assertTrue(Activation::isActive());
		$this->assertSame([], Outcomes::current()?->failed());
		$this->assertFalse(Activation::isRehearsalDue(), 'nobody waits for ever');
	}

	public function test_a_failed_one_is_tried_again_after_hours(): void
	{
		$this->become('11.5');
		$this->failed('receiver');
		dbq('DELETE FROM workerq');
		$this->assertFalse(Summons::answer(fn () => $this->fail('at once')));
		Housekeeping::often();
		$this->assertSame([], $this->summoned());
		Fake\Clock::$ahead = 22000;
		Housekeeping::often();
		$this->assertSame(['rehearse'], $this->summoned());
		$this->assertTrue(Summons::answer(fn () => throw new RuntimeException('still so')));
		$this->assertSame('RuntimeException: still so', Outcomes::last()->steps[0]['seen']);
	}

	public function test_killed_at_any_instant_while_it_remembers_everything_is_let_in_in_the_end(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->become('11.5');
		$this->receive($this->overwrite('f1', 'new'));
		$answer = fn () => Summons::answer($this->pass(...));
		$begin = function (): void {
			Versions::$hub = '11.5';
			Activation::begin();
		};
		$saved = get_config('system', 'filesync_standing');
		$instants = $this->instantsOf($answer);
		$this->assertGreaterThan(10, $instants);
		foreach (self::sample($instants, 12) as $instant) {
			dbq('DELETE FROM filesync_rehearsal');
			dbq('UPDATE filesync_lease SET expires = 0');
			$this->set('standing', $saved);
			Config::clear('rehearsal_attempts', 'state');
			$this->killedAt($instant, $answer);
			dbq('UPDATE filesync_lease SET expires = 0');
			$begin();
			$this->assertNotSame(Standing::Passive, Activation::standing());
			Activation::isActive() || $answer();
			$this->assertTrue(Activation::isActive(), "killed at $instant");
		}
		$this->work();
		$this->assertSame(['new', 0], [$this->shown('f1'), $this->receivedByCore()]);
	}

	public function test_a_decision_that_was_written_late_over_a_newer_one_heals(): void
	{
		$this->become('11.5');
		$late = get_config('system', 'filesync_standing');
		$this->pass();
		$this->set('standing', $late);
		Versions::$process = 'fpm-fcgi';
		Activation::begin();
		$this->assertTrue(Activation::isActive());
	}

	public function test_while_the_database_does_not_answer_no_packet_goes_to_core(): void
	{
		$this->become('11.5');
		$this->set('standing', '');
		$entry = $this->file('f1', 'bytes');
		$this->whileFailing(fn () => true, function () use ($entry): void {
			$this->assertFalse(filesync_is_passive(), 'in doubt the calls are taken over');
			try {
				$this->receive($entry);
				$this->fail('the sender was told that all is well');
			} catch (RuntimeException) {
			}
		});
		$this->assertSame(0, $this->receivedByCore());
	}

	public function test_where_the_receiver_cannot_work_core_receives_and_everybody_is_told_since_when(): void
	{
		$this->become('11.5');
		Fake\Clock::$ahead = 1000;
		Look::keep(Look::print(), [[
			'kind' => 'function',
			'name' => 'sync_files',
			'parts' => ['receiver'],
			'found' => 'it is not there',
			'where' => '',
		]]);
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame([[], 1], [$this->packetStates(), $this->receivedByCore()]);
		$this->assertSaysSince("the hub's own code receives files: filesync cannot");
		$this->assertStringContainsString('own code receives files', file_get_contents('hub.log'));
		Look::keep(Look::print(), []);
		$this->receive($this->file('f2', 'bytes'));
		$this->assertSame([['queued'], 1], [$this->packetStates(), $this->receivedByCore()]);
	}

	public function test_switched_off_core_receives_as_before(): void
	{
		$this->become('11.5');
		Config::set('enabled', '0', 'channel:1');
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame([[], 1], [$this->packetStates(), $this->receivedByCore()]);
	}

	/** @dataProvider waysOff */
	#[DataProvider('waysOff')]
	public function test_what_was_held_when_filesync_was_switched_off_reaches_core_before_what_comes_later(Closure $off): void
	{
		foreach ([false, true] as $passes) {
			Look::keep(Look::print(), []);
			dbq("DELETE FROM filesync_setting WHERE name = 'enabled'");
			dbq('DELETE FROM workerq');
			@unlink('hub.log');
			$this->become($passes ? '11.6' : '11.5');
			$this->receive($this->file('f1', 'bytes'));
			$off();
			$passes && $this->pass();
			$this->receive($this->deletion('f1'));
			$this->assertSame([2, 0], [count($this->packetStates()), $this->receivedByCore()], 'behind the other');
			$this->work();
			$this->assertSame([2, null], [count($this->packetStates()), $this->attach('f1')], 'it is not for us');
			Housekeeping::often();
			$this->assertContains('hand-over', $this->summoned());
			Worker::daemon('hand-over');
			$this->assertSame([[], 2], [$this->packetStates(), $this->receivedByCore()]);
			$this->assertNull($this->attach('f1'), 'deleted by the later packet');
			$this->receive($this->file('f2', 'bytes'));
			$this->assertSame([[], 3], [$this->packetStates(), $this->receivedByCore()], 'at once');
		}
	}

	public static function waysOff(): array
	{
		return [
			'for the channel' => [fn () => Config::set('enabled', '0', 'channel:1')],
			'for the hub' => [fn () => Config::set('enabled', '0')],
			'because it cannot receive here' => [
				fn () => Look::keep(Look::print(), [[
					'kind' => 'column',
					'name' => 'attach.filesize',
					'parts' => ['receiver'],
					'found' => 'missing',
					'where' => '',
				]]),
			],
		];
	}

	public function test_other_channels_are_let_in_beside_one_that_is_switched_off(): void
	{
		$this->become('11.5');
		$this->receive($this->file('f1', 'bytes'));
		dbq("UPDATE filesync_packet SET uid = 2, id = 'other'");
		$this->receive($this->file('f2', 'bytes'));
		Config::set('enabled', '0', 'channel:2');
		$this->pass();
		$this->work();
		$this->assertSame([['queued'], 'bytes'], [
			$this->packetStates(),
			file_get_contents($this->attach('f2')['content']),
		]);
	}

	public function test_commands_pages_and_the_doctor_say_how_it_stands(): void
	{
		$this->become('11.5');
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSaysSince('filesync only holds changes from other hubs (1)');
		foreach ([['work'], ['undo', '12345678'], ['packets', 'accept', 'all'], ['backfill']] as $verb) {
			$this->assertSame(75, $this->runVerb(...$verb)[0], implode(' ', $verb));
		}
		[$code, $text] = $this->runVerb('packets');
		$this->assertSame([75, true], [$code, str_contains($text, 'queued')]);
		$this->assertStringContainsString('only holds', $this->runVerb('status')[1]);
		$this->assertStringContainsString('filesync was never rehearsed', $this->doctor('rehearsal'));
		$this->failed('receiver');
		$this->assertStringContainsString('WRONG rehearsal', $this->doctor('rehearsal'));
		$this->assertStringContainsString('1 of 1 steps failed', $this->doctor('rehearsal'));
		$this->assertStringContainsString('receiver: saw it fail', $this->doctor('rehearsal'));
		$this->pass();
		$this->assertStringContainsString('ok rehearsal', $this->doctor('rehearsal'));
		$this->assertStringContainsString('its rehearsal passed here', $this->doctor('hub'));
	}

	public function test_the_buttons_of_the_admins_page_answer(): void
	{
		$this->become('12.0');
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame(['agree', 'passive'], $this->buttons());
		$this->press('trust');
		$this->assertSame(Reason::Unknown, Activation::reason(), 'a button that is not there');
		preg_match(
			'/<button type="submit" name="(\w+)"/',
			file_get_contents(
				'addon/filesync/view/tpl/filesync_admin.tpl',
			),
			$first,
		);
		$this->assertSame('filesync_save', $first[1], 'Enter in a field presses no other');
		$this->press('agree');
		$this->assertSame(
			['12', Reason::Unrehearsed, ['rehearse', 'passive']],
			[Config::get('agreed_major'), Activation::reason(), $this->buttons()],
		);
		$this->failed('receiver');
		$this->assertSame(['receiver: saw it fail'], AdminPage::values()['failed_steps']);
		$this->assertSame(['rehearse', 'trust', 'passive'], $this->buttons());
		dbq('DELETE FROM workerq');
		$this->press('rehearse');
		$this->assertSame(['rehearse'], $this->summoned());
		$this->assertTrue(Summons::answer(fn () => $this->failed('receiver')));
		$this->press('passive');
		$this->assertSame([Reason::HandingOver, []], [Activation::reason(), $this->buttons()]);
		Worker::daemon('hand-over');
		$this->assertSame([1, ['active']], [$this->receivedByCore(), $this->buttons()]);
		$this->press('active');
		$this->assertSame(['rehearse', 'trust', 'passive'], $this->buttons());
		$this->press('trust');
		$this->assertSame([true, [], []], [Activation::isActive(), $this->buttons(), $this->packetStates()]);
	}

	public function test_a_version_without_a_number_is_answered_for_not_agreed_to(): void
	{
		$this->become('dev');
		$this->assertSame(['trust', 'passive'], $this->buttons());
		$this->assertStringContainsString('config set trusted_version dev', StandingWords::remedy());
		$this->become('12');
		$this->assertStringContainsString('config set trusted_version 12', StandingWords::remedy());
		$this->press('agree');
		$this->assertSame('11', Config::get('agreed_major'));
		$this->press('trust');
		$this->assertTrue(Activation::isActive());
	}

	/** @return list<string> */
	private function buttons(): array
	{
		return array_column(AdminPage::values()['choices'], 'name');
	}

	private function press(string $button): void
	{
		Fake\Page::$isAdmin = true;
		Fake\Page::$isForged = false;
		$_POST = ['filesync_standing' => $button];
		AdminPage::take();
		$_POST = [];
	}

	private function become(string $hub, ?string $php = null): void
	{
		[Versions::$hub, Versions::$php, Versions::$process] = [$hub, $php, null];
		Activation::begin();
	}

	private function web(string $php): void
	{
		[Versions::$php, Versions::$process] = [$php, 'fpm-fcgi'];
		Activation::begin();
	}

	private function neverActive(): void
	{
		Activation::forget();
	}

	private function pass(): void
	{
		Outcomes::remember(Outcome::here(time() + Fake\Clock::$ahead, 1, [self::PASSED]));
	}

	private function failed(string ...$parts): void
	{
		Outcomes::remember(Outcome::here(time() + Fake\Clock::$ahead, 1, array_map(
			fn ($part) => ['name' => $part, 'ok' => false, 'seen' => 'saw it fail', 'parts' => [$part]],
			$parts,
		)));
	}

	private function set(string $name, string $value): void
	{
		set_config('system', "filesync_$name", $value);
	}

	/** @return list<string> */
	private function packetStates(): array
	{
		return array_column(Table::select('filesync_packet', [], 'created, id', 0, 'state'), 'state');
	}

	/** How often core's receiver took a packet: here it finds no hub that would give it the bytes. */
	private function receivedByCore(): int
	{
		return is_file('hub.log') ? substr_count(file_get_contents('hub.log'), 'attachment store failed') : 0;
	}

	/** @return list<string> The jobs of ours that wait. */
	private function summoned(): array
	{
		return array_values(array_column($this->jobs('Addon'), 2));
	}

	private function overwrite(string $hash, string $bytes): array
	{
		return $this->file($hash, $bytes, ['edited' => '2024-06-01 10:00:00', 'filesize' => strlen($bytes)]);
	}

	private function fifty(): array
	{
		// All at once would need an approval.
		Config::set('displaced_few_files', '0');
		Config::set('replaced_max_percent', '100');
		$this->receive(...array_map(fn ($n) => $this->file("f$n", "bytes $n"), range(1, 50)));
		$this->work();

		return $this->lives();
	}

	private function overwrites(int $from, int $to): array
	{
		return array_map(fn ($n) => $this->overwrite("f$n", self::NEW_BYTES . $n), range($from, $to));
	}

	/** @return list<array> Inode, time and size of each live file. */
	private function lives(): array
	{
		clearstatcache();
		$lives = [];
		foreach (range(1, 50) as $n) {
			$stat = stat($this->attach("f$n")['content']);
			$lives["f$n"] = [$stat['ino'], $stat['mtime'], $stat['size'], $stat['ctime']];
		}

		return $lives;
	}

	private function assertFiftyAreRight(): void
	{
		foreach (range(1, 50) as $n) {
			$this->assertSame(self::NEW_BYTES . $n, $this->shown("f$n"));
		}
		$this->assertSame([[], 0], [$this->packetStates(), $this->receivedByCore()]);
	}

	private function nothingOfOursRuns(int $staged): void
	{
		dbq('DELETE FROM workerq');
		$info = [];
		call_hooks('zotinfo', $info);
		$this->assertArrayNotHasKey('filesync', $info);
		$getfile = ['module' => 'getfile', 'installed' => true, 'controller' => new Zotlabs\Module\Getfile()];
		call_hooks('module_loaded', $getfile);
		$this->assertNotInstanceOf(GetfileController::class, $getfile['controller']);
		foreach (['work', 'digest', 'previews', 'reconcile', 'verify'] as $job) {
			Worker::daemon($job);
		}
		call_hooks('cron', $now);
		call_hooks('cron_daily', $now);
		$this->work();
		$this->assertSame([], $this->summoned());
		$this->assertSame([$staged, 0], [
			Table::count('filesync_transfer', ['state' => 'staged']),
			count(FileSync\TransferBatch::$added) - 50,
		]);
	}

	private function instantsOfHandOver(): int
	{
		$saved = [Table::select('filesync_packet', []), get_config('system', 'filesync_standing')];
		$instants = $this->instantsOf(fn () => Worker::daemon('hand-over'));
		foreach ($saved[0] as $row) {
			Table::insert('filesync_packet', $row);
		}
		dbq('DELETE FROM attach');
		$this->set('standing', $saved[1]);

		return $instants;
	}

	private function assertSaysSince(string $text): void
	{
		$since = 'Since ' . gmdate('Y-m-d H:', time() + Fake\Clock::$ahead);
		$problems = implode("\n", AdminPage::values()['problems']);
		$owner = StandingWords::forOwner();
		// The doctor looks at the hub as it is.
		foreach ([$problems, $this->runVerb('status')[1], $this->doctor('hub')] as $said) {
			$this->assertStringContainsString($since, $said);
			$this->assertStringContainsString($text, $said);
		}
		$this->assertMatchesRegularExpression('/[Ss]ince 20\d\d-/', $owner);
	}

	private function doctor(string $only): string
	{
		return (string) preg_replace('/ +/', ' ', $this->runVerb('doctor', '--only', $only)[1]);
	}

	/** Does something in a process of its own. */
	private function apart(Closure $work): int
	{
		DBA::$dba = null;
		$child = pcntl_fork();
		if ($child === 0) {
			sys_boot();
			$work();
			touch('done-' . getmypid());
			// Without the end of the test's own process.
			posix_kill(getmypid(), SIGKILL);
		}
		sys_boot();

		return $child;
	}
}
