<?php

use Fake\Sets;
use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Drill\Certificate;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Status\Drills;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\NightlySets;
use FileSync\Addon\Work\Worker;
use FileSync\SetCheck;
use TestHub\InProcess;

require_once __DIR__ . '/BackupTestCase.php';

/** Every channel has a set of last night, read back within a month, and somebody is told if not. */
final class NightlyTest extends BackupTestCase
{
	private string $sets;
	private string $set;

	protected function setUp(): void
	{
		parent::setUp();
		$this->sets = dirname(InProcess::$folder) . '/sets-' . basename(InProcess::$folder);
		mkdir($this->sets, 0700);
		$this->set = "$this->sets/alice@127.0.0.1_9000";
	}

	protected function tearDown(): void
	{
		exec('rm -rf ' . escapeshellarg($this->sets));
		parent::tearDown();
	}

	public function test_there_are_none_unless_an_admin_wants_them(): void
	{
		Housekeeping::daily();
		$this->assertSame([], $this->nightly());
		$this->assertSame([], glob("$this->sets/*"));
	}

	public function test_each_night_a_set_is_brought_up_to_date(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Housekeeping::daily();
		$this->assertCount(1, $this->nightly());
		Worker::daemon('backup');
		$this->assertSame('bytes', Sets::bytes($this->set, 'f1'));
		$night = Nights::of($this->channel->id);
		$this->assertSame([0, 1, 5, ''], [$night['due'], $night['files'], $night['bytes'], $night['problem']]);
		$this->assertEqualsWithDelta(time(), $night['success'], 5);
		$this->stored('f2', 'two.txt', 'more');
		Worker::daemon('backup');
		$this->assertNull(Sets::bytes($this->set, 'f2'), 'not before the next night');
		Housekeeping::daily();
		Worker::daemon('backup');
		$this->assertSame('more', Sets::bytes($this->set, 'f2'));
	}

	public function test_a_run_goes_on_in_slices_and_lets_transfers_come_first(): void
	{
		for ($n = 0; $n < 450; $n++) {
			$this->stored("f$n", "file $n", "bytes $n");
		}
		$this->turnOn();
		Housekeeping::daily();
		$slices = 0;
		FileSync\Set::$duringCopy = function () use (&$copied) {
			// The time of a slice is over after 300 files.
			if ((++$copied % 300) === 0) {
				Fake\Clock::$ahead += 200;
			}
		};
		for (; ! Nights::of($this->channel->id)['success'] && $slices < 5; $slices++) {
			Worker::daemon('backup');
		}
		$this->assertSame(2, $slices);
		$this->assertLessThan(600, $copied);
		$this->assertCount(450, Sets::contents($this->set));

		FileSync\Set::$duringCopy = null;
		Housekeeping::daily();
		$before = Nights::of($this->channel->id)['run'];
		$this->receive($this->file('x1', 'arriving'));
		Worker::daemon('backup');
		$this->assertSame($before, Nights::of($this->channel->id)['run'], 'a transfer is due');
		dbq('DELETE FROM workerq');
		Housekeeping::often();
		$this->assertSame([], $this->nightly());
		$this->work();
		Worker::daemon('backup');
		$this->assertNotSame($before, Nights::of($this->channel->id)['run']);
	}

	public function test_one_process_at_a_time_writes_nightly_sets(): void
	{
		$this->turnOn();
		Housekeeping::daily();
		Lease::take('backup', 'another', 100);
		Worker::daemon('backup');
		$this->assertFileDoesNotExist("$this->set/set.json");
		Lease::end('backup');
		Worker::daemon('backup');
		$this->assertFileExists("$this->set/set.json");
	}

	public function test_every_part_of_a_set_is_read_back_within_thirty_nights(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		for ($nights = 0; ! Nights::of($this->channel->id)['since']; $nights++) {
			Fake\Clock::$ahead += 86400;
			Housekeeping::daily();
			Worker::daemon('backup');
			$this->assertLessThan(30, $nights);
		}
		$read = array_column(SetCheck::$options, 'sample_part');
		sort($read);
		$this->assertSame(range(0, SetCheck::$options[0]['sample_of'] - 1), $read);
	}

	public function test_what_is_damaged_is_replaced_by_the_next_run(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Housekeeping::daily();
		SetCheck::$findings = [['code' => 'file_damaged', 'path' => 'data/files/one.txt', 'hash' => 'f1']];
		Worker::daemon('backup');
		$night = Nights::of($this->channel->id);
		$this->assertSame(1, $night['damaged']);
		$this->assertStringContainsString('not as it was saved', $night['problem']);
		$this->assertGreaterThan(0, $night['due']);
		SetCheck::$findings = [];
		FileSync\Set::$added = [];
		Worker::daemon('backup');
		$this->assertSame([true], array_column(array_column(FileSync\Set::$added, 'bytes'), 'again'));
		$this->assertSame([0, ''], [
			Nights::of($this->channel->id)['damaged'],
			Nights::of($this->channel->id)['problem'],
		]);
		Housekeeping::daily();
		FileSync\Set::$added = [];
		Worker::daemon('backup');
		$this->assertSame([], array_column(array_column(FileSync\Set::$added, 'bytes'), 'again'), 'it is mended');
	}

	public function test_a_failure_is_said_and_tried_again(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Housekeeping::daily();
		FileSync\Set::$fullAfter = 0;
		Worker::daemon('backup');
		$this->assertStringContainsString('The disk is full', Nights::of($this->channel->id)['problem']);
		dbq('DELETE FROM workerq');
		Housekeeping::often();
		$this->assertSame([], $this->nightly(), 'not at once');
		FileSync\Set::$fullAfter = null;
		Fake\Clock::$ahead += 3700;
		dbq('DELETE FROM workerq');
		Housekeeping::often();
		$this->assertCount(1, $this->nightly());
		Worker::daemon('backup');
		$this->assertSame('', Nights::of($this->channel->id)['problem']);

		rename($this->sets, "$this->sets-away");
		Fake\Clock::$ahead += 86400;
		Housekeeping::daily();
		Worker::daemon('backup');
		$this->assertStringContainsString('is missing', Nights::of($this->channel->id)['problem']);
		$this->assertDirectoryDoesNotExist($this->sets, 'a disk that is not mounted is not written to in its place');
		rename("$this->sets-away", $this->sets);
	}

	public function test_old_versions_go_after_a_good_run(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Housekeeping::daily();
		Worker::daemon('backup');
		Table::update('attach', ['filename' => 'other.txt'], ['hash' => 'f1']);
		Housekeeping::daily();
		Worker::daemon('backup');
		$older = fn () => json_decode(file_get_contents("$this->set/set.json"), true)['counts']['older_files'];
		$this->assertSame(1, $older());
		Fake\Clock::$ahead += 181 * 86400;
		Housekeeping::daily();
		Worker::daemon('backup');
		$this->assertSame(0, $older());
	}

	public function test_only_a_fit_folder_is_taken(): void
	{
		$set = fn (string $folder) => $this->runVerb('config', 'set', 'backup_folder', $folder)[0];
		$this->assertSame(2, $set('backup'));
		$this->assertSame(2, $set("$this->sets/none"));
		$this->assertSame(2, $set(getcwd() . '/store'));
		$this->assertSame(2, $set(getcwd()));
		file_put_contents("$this->sets/thesis.odt", 'my only copy');
		$this->assertSame(2, $set($this->sets));
		unlink("$this->sets/thesis.odt");
		$this->assertSame(0, $set($this->sets));
		mkdir($this->set);
		$this->assertSame(0, $set($this->sets));
		$this->assertSame("$this->sets\n", $this->runVerb('config', 'get', 'backup_folder')[1]);
		$this->assertSame(0, $this->runVerb('config', 'set', 'backup_folder', '')[0]);
		$this->assertFalse(Nights::areOn());
	}

	public function test_a_set_outlives_its_channel(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Housekeeping::daily();
		Worker::daemon('backup');
		Housekeeping::forgetChannel($this->channel->id);
		$this->assertSame('bytes', Sets::bytes($this->set, 'f1'));
		$this->assertSame(0, Nights::of($this->channel->id)['success']);
		$this->assertStringContainsString("its backup set in $this->set stays", (string) file_get_contents('hub.log'));
	}

	public function test_sets_outlive_filesync(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Housekeeping::daily();
		Worker::daemon('backup');
		[$code, $text] = $this->runVerb('uninstall', '--purge', '--drop');
		$this->assertSame(0, $code);
		$this->assertStringContainsString("The backup sets in $this->sets stay.", strtr($text, ["\n" => ' ']));
		$this->assertSame('bytes', Sets::bytes($this->set, 'f1'));
	}

	public function test_late_is_what_did_not_end_well_for_two_days(): void
	{
		$id = $this->channel->id;
		$this->assertFalse(Nights::isLate($id));
		$this->turnOn();
		Housekeeping::daily();
		$this->assertFalse(Nights::isLate($id));
		Fake\Clock::$ahead += 3 * 86400;
		$this->assertTrue(Nights::isLate($id));
		Worker::daemon('backup');
		$this->assertFalse(Nights::isLate($id));
	}

	public function test_the_pages_and_the_numbers_say_when_it_was_made_and_read_back(): void
	{
		$lines = fn () => implode("\n", FileSync\Addon\Page\OwnerPage::values($this->channel)['clones'][0]['lines']);
		$metric = function (): string {
			$answer = FileSync\Addon\Status\Metrics::answer(new FileSync\Addon\Hub\Request(
				'GET',
				['filesync', 'metrics'],
			));

			return preg_match('/^filesync_backup_last_success_timestamp_seconds (\d+)$/m', $answer->body, $found)
				? $found[1]
				: '';
		};
		Config::set('metrics_token', str_repeat('t', 20));
		$_SERVER['HTTP_AUTHORIZATION'] = 'Bearer ' . str_repeat('t', 20);
		$this->assertSame(['', ''], [$lines(), $metric()]);
		$this->turnOn();
		$this->assertSame(['There is no backup set yet.', '0'], [$lines(), $metric()]);
		$this->stored('f1', 'one.txt', 'bytes');
		$this->stored('f2', 'two.txt', 'bytes');
		unlink('store/alice/f2');
		Housekeeping::daily();
		Worker::daemon('backup');
		$this->assertStringContainsString('backup set: ', $lines());
		$this->assertStringContainsString('2 files, 5 B', $lines());
		$this->assertStringContainsString('not whole in the backup set: 1 file', $lines());
		$this->assertStringContainsString('a part of the backup set was read again', $lines());
		$this->assertSame((string) Nights::of($this->channel->id)['success'], $metric());
		Fake\Clock::$ahead += 3 * 86400;
		$this->assertStringContainsString('It is not up to date.', $lines());
		unset($_SERVER['HTTP_AUTHORIZATION']);
	}

	public function test_the_doctor_says_when_none_was_made(): void
	{
		$look = fn () => array_values(array_filter(
			json_decode($this->runVerb('doctor', '--json', '--only', 'backup')[1], true),
			fn ($one) => $one['check'] === 'backup',
		));
		$this->assertSame([null], array_column($look(), 'ok'), 'there are none to look at');
		$this->turnOn();
		Housekeeping::daily();
		$this->assertSame([true], array_column($look(), 'ok'));
		Fake\Clock::$ahead += 3 * 86400;
		[$found] = $look();
		$this->assertFalse($found['ok']);
		$this->assertStringContainsString('of alice was not brought up to date for two days', $found['finding']);
		$this->assertStringContainsString("cli.php backup $this->sets --all", $found['remedy']);
		Worker::daemon('backup');
		$this->assertSame([true], array_column($look(), 'ok'));
		rename($this->sets, "$this->sets-away");
		[$found] = $look();
		$this->assertFalse($found['ok']);
		$this->assertStringContainsString('cannot be written', $found['finding']);
		rename("$this->sets-away", $this->sets);
	}

	public function test_once_a_month_a_restore_is_tried_and_what_fails_is_said_everywhere(): void
	{
		$id = $this->channel->id;
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Config::clear('backup_drill');
		Housekeeping::daily();
		Worker::daemon('backup');
		// Nobody is at the address of a hub in this process: that is not a fault of the set.
		$night = Nights::of($id);
		$this->assertSame(['', 0, 0], [$night['problem'], $night['to_read'], $night['drilled']]);
		$this->assertStringContainsString('does not reach its own web server', $night['drill_problem']);
		$this->assertStringContainsString('could not be tried: ', implode(Drills::lines($id)));
		$this->assertSame([], $this->summonedBy(Housekeeping::often(...)), 'not before the next day');

		$this->writeLists($this->set);
		Fake\Clock::$ahead += 86400;
		$this->assertCount(1, $this->summonedBy(Housekeeping::often(...)));
		$this->assertSame([null, []], [Certificate::last($id), Drills::failed()]);
		$this->assertSame(1, $this->runVerb('restore', 'alice', $this->set, '--drill')[0]);
		$certificate = Certificate::last($id);
		$this->assertSame(['bytes', 'strangers'], array_keys($certificate->failed()));
		$this->assertSame([1, 5], [$certificate->facts['files'], $certificate->facts['percent']]);
		$lines = implode(Drills::lines($id));
		$this->assertStringContainsString('with 1 file of 1 file (5 B), and not all of it was proven', $lines);
		$owner = Drills::of($id);
		$this->assertTrue($owner['is_bad']);
		$this->assertStringStartsWith(
			'one.txt: the hub does not reach its own web server',
			$owner['failed'][0]['names'][0],
		);
		$this->assertContains('files and folders restored: 1', $owner['proven']);
		$page = '';
		filesync_plugin_admin($page);
		$this->assertStringContainsString('not all of it was proven', $page);
		$this->assertStringNotContainsString('one.txt', $page, 'an admin is told no names');
		[$code, $said] = $this->runVerb('status');
		$this->assertSame(1, $code);
		$this->assertStringContainsString(
			"the last drill of a backup set of channel $id failed: bytes of files, read through the web server: 1",
			$said,
		);
		$this->assertStringContainsString(
			'did not prove everything: bytes of files',
			$this->runVerb('doctor', '--only', 'backup')[1],
		);
		$this->assertStringContainsString("\nfilesync_drill_failed_channels 1\n", $this->metrics());

		Nights::note($id, ['drilled' => FileSync\Addon\Hub\Clock::now(), 'drill_at' => 0]);
		Fake\Clock::$ahead += 20 * 86400;
		$this->assertFalse(FileSync\Addon\Work\Drills::isDue($id));
		Fake\Clock::$ahead += 11 * 86400;
		$this->assertTrue(FileSync\Addon\Work\Drills::isDue($id));
		Config::set('backup_drill', '0');
		$this->assertFalse(FileSync\Addon\Work\Drills::isDue($id));
		$this->assertStringNotContainsString('could not be tried', implode(Drills::lines($id)));
		Housekeeping::forgetChannel($id);
		$this->assertNull(Certificate::last($id));
	}

	public function test_a_drill_that_is_put_off_for_longer_than_its_period_is_said_by_doctor_and_page(): void
	{
		$id = $this->channel->id;
		$this->stored('f1', 'one.txt', 'bytes');
		$this->turnOn();
		Config::clear('backup_drill');
		Housekeeping::daily();
		Worker::daemon('backup');
		$this->writeLists($this->set);
		$later = new Problem('drill_later', "A drill has the hub's one hidden channel. Try again later.", true);
		$putOff = fn (Problem $why) => (new ReflectionMethod(FileSync\Addon\Work\Drills::class, 'failed'))->invoke(
			null,
			$this->channel,
			$why,
		);
		$doctor = fn () => $this->runVerb('doctor', '--only', 'backup')[1];
		Nights::note($id, ['drill_problem' => '', 'drill_at' => 0]);
		$putOff($later);
		$this->assertSame(['', 0], [Nights::of($id)['drill_problem'], Nights::of($id)['drill_at']]);
		$this->assertFalse(Scratch::isWanted());
		// After a week whoever has the hidden channel gives way.
		Fake\Clock::$ahead += 8 * 86400;
		$putOff($later);
		$now = FileSync\Addon\Hub\Clock::now();
		$this->assertEqualsWithDelta($now + 900, Nights::of($id)['drill_at'], 60);
		$this->assertTrue(Scratch::isWanted());
		$this->assertStringNotContainsString('could be tried', $doctor());
		Fake\Clock::$ahead += 23 * 86400;
		$putOff(new Problem('stopped', 'It was stopped; nothing of it is left.', true));
		$said = 'it was put off for more than 30 days, the last time because of this: It was stopped';
		$this->assertStringContainsString("could be tried: $said", $doctor());
		$page = '';
		filesync_plugin_admin($page);
		$this->assertStringContainsString($said, $page);
		Config::set('backup_drill', '0');
		$this->assertStringNotContainsString('could be tried', $doctor());
		Config::clear('backup_drill');
		// The doctor blames nobody for a hub that cannot reach its own address.
		$putOff(new Problem('no_front_door', 'The hub does not reach its own web server.', true));
		$this->assertSame(0, Nights::of($id)['drill_put_off']);
		$this->assertStringNotContainsString('could be tried', $doctor());
	}

	private function metrics(): string
	{
		Config::set('metrics_token', str_repeat('t', 20));
		$_SERVER['HTTP_AUTHORIZATION'] = 'Bearer ' . str_repeat('t', 20);
		$answer = FileSync\Addon\Status\Metrics::answer(new FileSync\Addon\Hub\Request('GET', ['filesync', 'metrics']));
		unset($_SERVER['HTTP_AUTHORIZATION']);

		return $answer->body;
	}

	/** @return list<array> The jobs that a work summons. */
	private function summonedBy(Closure $work): array
	{
		dbq('DELETE FROM workerq');
		$work();

		return $this->nightly();
	}

	private function turnOn(): void
	{
		Config::set('backup_folder', $this->sets);
		// The stand-in's sets have no lists to read.
		Config::set('backup_drill', '0');
	}

	/** @return list<array> The jobs that wait. */
	private function nightly(): array
	{
		return array_values(array_filter($this->jobs('Addon'), fn ($argv) => $argv[2] === 'backup'));
	}
}
