<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\BrakeAnswer;
use FileSync\Addon\Receive\Undo;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Status\Words;
use FileSync\Addon\Transfer\Queue;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

/** What one clone may replace and delete before a person is asked, what is held then, and what becomes of it. */
final class BrakeTest extends AddonTestCase
{
	private const OTHER = 'http://127.0.0.1:9002';
	private const THIRD = 'http://127.0.0.1:9003';
	private const GENEROUS = [
		'delete_max_files' => '1000',
		'displaced_max_files_day' => '1000',
		'displaced_few_files' => '0',
		'replaced_max_percent' => '100',
	];

	protected function tearDown(): void
	{
		FileSync\Photo::$isKnown = false;
		parent::tearDown();
	}

	protected function setUp(): void
	{
		parent::setUp();
		Maker::hubloc(InProcess::$identity, self::OTHER, 'alice');
		Maker::hubloc(InProcess::$identity, self::THIRD, 'alice');
		array_map(Config::set(...), array_keys(self::GENEROUS), self::GENEROUS);
	}

	public function test_a_clone_that_overwrites_everything_is_held_and_ours_come_back_at_one_word(): void
	{
		Config::set('displaced_max_files_day', '5');
		$hashes = $this->files(40);
		$this->overwrite(array_slice($hashes, 0, 12));
		$this->assertSame(5, $this->showing('rubbish'));
		$fetched = count(TransferBatch::$added);
		$this->overwrite(array_slice($hashes, 12));
		// Of a clone that is stopped nothing is even asked for.
		$this->assertSame([0, 5], [count(TransferBatch::$added) - $fetched, $this->showing('rubbish')]);
		$held = array_filter($hashes, fn ($hash) => str_starts_with($this->shown($hash), 'ours'));
		foreach ($held as $hash) {
			$this->assertSame(["ours of $hash", 'parked', Queue::BRAKE], [
				$this->shown($hash),
				$this->transfer($hash)['state'],
				$this->transfer($hash)['kind'],
			]);
		}
		$this->receive($this->file('new', 'a new file'));
		$this->work();
		$this->assertSame('a new file', $this->shown('new'));
		$this->sent();
		[$line] = Brake::lines();
		$this->assertSame(['replaced', 40, 35], [$line['what'], $line['files'], $line['waiting']]);
		BrakeAnswer::decide($line, false);
		$this->work();
		$said = [];
		foreach ($this->sent() as $entry) {
			$last = end($entry['attach']);
			$said[$last['hash']] = $entry['filesync']['revision']['bytes']['seen'];
			$this->assertGreaterThan('2025-01-01', $last['edited'], 'a hub without filesync takes nothing older');
		}
		$this->assertEqualsCanonicalizing($hashes, array_keys($said));
		foreach ($hashes as $hash) {
			$this->assertSame("ours of $hash", $this->shown($hash));
			// The clone's own change is seen, so it takes ours.
			$this->assertSame(2, $said[$hash]['eeeeeeeeeeeeeeee'] ?? null, $hash);
		}
		$this->assertSame([[], 0], [Brake::lines(), Table::count('filesync_held', [])]);
		// Nothing is left to be given back, or counted.
		foreach (array_slice($hashes, 0, 3) as $hash) {
			$this->receive($this->rubbish($hash, 30, Revisions::find(1, $hash)['bytes']['vector']));
		}
		$this->work();
		$this->assertSame(3, $this->showing('rubbish'));
	}

	public function test_what_a_person_accepts_is_done_and_counted_anew(): void
	{
		Config::set('displaced_max_files_day', '3');
		$hashes = $this->files(8);
		$this->overwrite($hashes);
		BrakeAnswer::decide(Brake::lines()[0], true);
		$this->work();
		$this->assertSame([8, []], [$this->showing('rubbish'), Brake::lines()]);
		$this->assertSame(0, Table::count('filesync_held', []));
		$this->overwrite($hashes, 3);
		$this->assertSame([3, 5], [$this->showing('rubbish 3'), Brake::lines()[0]['waiting']]);
	}

	public function test_what_is_accepted_is_the_version_that_waited(): void
	{
		Config::set('displaced_max_files_day', '0');
		[$hash] = $this->files(1);
		$this->overwrite([$hash]);
		BrakeAnswer::decide(Brake::lines()[0], true);
		$this->receive($this->rubbish($hash, 3));
		$this->work();
		$this->assertSame(["ours of $hash", 1], [$this->shown($hash), count(Brake::lines())]);
	}

	public function test_no_packet_no_button_and_no_time_lets_go(): void
	{
		Config::set('displaced_max_files_day', '1');
		$hashes = $this->files(3);
		$this->overwrite($hashes);
		$held = array_values(array_filter($hashes, fn ($hash) => $this->transfer($hash)['state'] === 'parked'));
		$this->assertCount(2, $held);
		$this->overwrite($held, 3);
		$this->overwrite($held, 3);
		// The same from a clone that may still displace.
		foreach ($held as $hash) {
			$this->receive(['fetch_url' => self::OTHER . '/getfile'] + $this->rubbish($hash, 4));
		}
		$this->work();
		App::set_channel($this->channel->row());
		foreach ([['filesync_retry_all' => '1'], ['filesync_retry' => $this->transfer($held[1])['id']]] as $_POST) {
			FileSync\Addon\Page\OwnerActions::take();
			$this->work();
		}
		$_POST = [];
		App::set_channel(null);
		Config::set('file_max_bytes', '1000');
		Table::update('filesync_kept', ['created' => time() - (20 * 86400)], ['uid' => 1]);
		FileSync\Addon\Work\Housekeeping::often();
		FileSync\Addon\Work\Housekeeping::daily();
		$this->receive($this->file('new', 'x'));
		$this->work();
		$this->overwrite($hashes, 5);
		// One was let in before its clone was stopped.
		$this->assertSame([1, 1, 2], [$this->showing('rubbish'), $this->showing('rubbish 2'), $this->showing('ours')]);
		$this->assertSame([3, self::ORIGIN], [Brake::lines()[0]['waiting'], Brake::lines()[0]['urls'][0]]);
		$this->assertCount(1, Brake::lines());
	}

	public function test_another_clone_goes_on_and_its_files_are_not_asked_about(): void
	{
		Config::set('displaced_max_files_day', '2');
		$hashes = $this->files(6);
		$this->overwrite(array_slice($hashes, 0, 4));
		$this->receive(['fetch_url' => self::OTHER . '/getfile'] + $this->rubbish('f5', 2));
		$this->work();
		$this->assertSame('rubbish 2 of f5', $this->shown('f5'));
		[$line] = Brake::lines();
		$this->assertSame([4, 2], [$line['files'], $line['waiting']]);
		BrakeAnswer::decide($line, false);
		$this->assertSame(['rubbish 2 of f5', 1], [$this->shown('f5'), $this->showing('rubbish')]);
	}

	/** @dataProvider changes */
	#[DataProvider('changes')]
	public function test_whatever_hubs_the_packets_name_the_channel_has_one_bound_one_line_and_one_word(
		array $settings,
		bool $isDelete,
	): void {
		array_map(Config::set(...), array_keys($settings), $settings);
		$hashes = $this->files(40);
		foreach ($hashes as $n => $hash) {
			$entry = $isDelete ? $this->told($hash, '', 2, [], 'gone') : $this->rubbish($hash, 2);
			$this->receive(['fetch_url' => [self::ORIGIN, self::OTHER, self::THIRD][$n % 3] . '/getfile'] + $entry);
			$isDelete || $this->work();
		}
		$this->assertSame(18, $this->showing('ours'));
		$this->receive($this->file('new', 'a new file'));
		$this->work();
		$this->assertSame('a new file', $this->shown('new'));
		$this->assertCount(1, Brake::lines());
		[$line] = Brake::lines(1);
		$this->assertSame([$isDelete ? 'deleted' : 'replaced', 40, 18], [
			$line['what'],
			$line['files'],
			$line['waiting'],
		]);
		$this->assertStringContainsString(
			'127.0.0.1:9001, 127.0.0.1:9002 and 127.0.0.1:9003 together replaced or deleted 40 files (',
			Words::displaced($line),
		);
		BrakeAnswer::decide($line, false);
		$this->work();
		$this->assertSame([40, [], 0], [$this->showing('ours'), Brake::lines(), Table::count('filesync_held', [])]);
		$this->assertCount(40, array_unique(array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent())));
		// From now on a new count begins.
		foreach (array_slice($hashes, 0, 3) as $hash) {
			$this->receive(['fetch_url' => self::THIRD . '/getfile']
			+ $this->rubbish($hash, 30, Revisions::find(1, $hash)['bytes']['vector']));
		}
		$this->work();
		$this->assertSame(3, $this->showing('rubbish'));
	}

	public static function changes(): array
	{
		return [
			'deletes' => [['displaced_max_files_day' => '20'], true],
			'replacements' => [['displaced_max_files_day' => '20'], false],
			'half of all, as replacements' => [['replaced_max_percent' => '50'], false],
			'bytes' => [['displaced_max_bytes_day' => '220'], false],
		];
	}

	public function test_who_was_stopped_does_not_go_on_under_another_name(): void
	{
		Config::set('displaced_max_files_day', '20');
		$hashes = $this->files(40);
		$this->overwrite(array_slice($hashes, 0, 22));
		$this->assertSame([20, 2], [$this->showing('rubbish'), Brake::lines()[0]['waiting']]);
		foreach ([self::OTHER, self::THIRD] as $n => $hub) {
			foreach (array_slice($hashes, 22 + (9 * $n), 9) as $hash) {
				$this->receive(['fetch_url' => $hub . '/getfile'] + $this->rubbish($hash, 2));
			}
			$this->work();
		}
		$this->assertSame(22, $this->showing('rubbish'));
		$this->assertCount(1, Brake::lines());
		$this->assertSame([40, 18], [Brake::lines()[0]['files'], Brake::lines()[0]['waiting']]);
		BrakeAnswer::decide(Brake::lines()[0], true);
		$this->work();
		$this->assertSame([40, [], 0], [$this->showing('rubbish'), Brake::lines(), Table::count('filesync_held', [])]);
		$this->overwrite($hashes, 3);
		$this->assertSame([20, 20], [$this->showing('rubbish 3'), Brake::lines()[0]['waiting']]);
	}

	public function test_a_hub_that_others_named_goes_on_after_one_word(): void
	{
		Config::set('displaced_max_files_day', '4');
		$hashes = $this->files(12);
		foreach (array_slice($hashes, 0, 8) as $hash) {
			$this->receive(['fetch_url' => self::OTHER . '/getfile'] + $this->rubbish($hash, 2));
		}
		$this->work();
		$honest = $this->told('f9', 'by its owner', 1, ['edited' => '2024-06-03 10:00:00'], '', [
			'ffffffffffffffff' => 1,
		]);
		$this->receive(['fetch_url' => self::OTHER . '/getfile'] + $honest);
		$this->work();
		$this->assertSame('ours of f9', $this->shown('f9'));
		App::set_channel($this->channel->row());
		$this->assertStringContainsString(
			'Only the changes themselves name their hub',
			json_encode(FileSync\Addon\Page\OwnerPage::values($this->channel)),
		);
		App::set_channel(null);
		BrakeAnswer::decide(Brake::lines()[0], true);
		$this->work();
		$this->assertSame('by its owner', $this->shown('f9'));
		$this->receive(['fetch_url' => self::OTHER . '/getfile']
		+ $this->told('f10', 'by its owner', 1, ['edited' => '2024-06-03 10:00:00'], '', ['ffffffffffffffff' => 2]));
		$this->work();
		$this->assertSame(['by its owner', []], [$this->shown('f10'), Brake::lines()]);
	}

	public function test_equal_bytes_names_places_and_access_do_not_count(): void
	{
		Config::set('displaced_max_files_day', '0');
		[$hash] = $this->files(1);
		$this->receive($this->told($hash, "ours of $hash", 2, [
			'filename' => 'renamed.bin',
			'allow_cid' => '<friend>',
		]));
		$this->work();
		$this->receive([
			'filesync' =>
				['sha256' => hash('sha256', "ours of $hash"), 'size_bytes' => strlen("ours of $hash")]
					+ $this->told($hash, "ours of $hash", 3)['filesync'],
		] + $this->told($hash, "ours of $hash", 3, [
			'edited' => '2024-06-05 10:00:00',
			'filename' => 'renamed.bin',
			'allow_cid' => '<friend>',
		]));
		$this->work();
		$this->assertSame(['renamed.bin', '<friend>', '2024-06-05 10:00:00'], [
			$this->attach($hash)['filename'],
			$this->attach($hash)['allow_cid'],
			$this->attach($hash)['edited'],
		]);
		$this->assertSame([[], []], [Brake::lines(), $this->kept()]);
	}

	/** @dataProvider bounds */
	#[DataProvider('bounds')]
	public function test_each_bound_holds_by_itself(array $settings, int $days, int $passes): void
	{
		array_map(Config::set(...), array_keys($settings), array_map('strval', $settings));
		$hashes = $this->files(24);
		foreach (array_chunk($hashes, 4) as $some) {
			$this->overwrite($some);
			// What is held is held from when it came on.
			Table::update('filesync_kept', ['created' => time() - ($days * 86400)], ['uid' => 1]);
		}
		$this->assertSame($passes, $this->showing('rubbish'));
	}

	public static function bounds(): array
	{
		$week = ['displaced_max_files_week' => 1000, 'displaced_max_bytes_week' => 1 << 30];
		// The bytes of ours: `ours of f0` are ten.
		return [
			'files of a day' => [['displaced_max_files_day' => 7] + $week, 0, 7],
			'bytes of a day' => [['displaced_max_bytes_day' => 75] + $week, 0, 7],
			'files of a week' => [['displaced_max_files_week' => 9], 2, 9],
			'bytes of a week' => [['displaced_max_bytes_week' => 95], 2, 9],
			'a day that is over' => [['displaced_max_files_day' => 7] + $week, 2, 24],
			'half of a few' => [['displaced_few_files' => 200], 0, 12],
			'as many as displaced_few_files' => [['displaced_few_files' => 24], 0, 24],
			'half of all, as replacements' => [['replaced_max_percent' => 50], 0, 12],
			'a third, but always ten' => [['replaced_max_percent' => 34], 0, 10],
		];
	}

	public function test_of_replacements_alone_half_of_the_files_is_the_most_within_a_week_too(): void
	{
		Config::clear('replaced_max_percent');
		$hashes = $this->files(160);
		$yesterday = fn () => Table::update('filesync_kept', ['created' => time() - (2 * 86400)], ['uid' => 1]);
		$this->overwrite(array_slice($hashes, 0, 60));
		$yesterday();
		$this->overwrite(array_slice($hashes, 60, 60));
		$this->assertSame(80, $this->showing('rubbish'));
		[$line] = Brake::lines();
		$this->assertSame(['replaced', 120, 40], [$line['what'], $line['files'], $line['waiting']]);
		BrakeAnswer::decide($line, false);
		$this->work();
		$this->assertSame([160, []], [$this->showing('ours'), Brake::lines()]);
	}

	/** @dataProvider sharesOfAll */
	#[DataProvider('sharesOfAll')]
	public function test_files_that_came_within_the_week_raise_no_bound(array $settings): void
	{
		array_map(Config::set(...), array_keys($settings), $settings);
		$hashes = $this->files(40);
		$this->receive($this->file('early', 'of the first day'));
		FileSync\Addon\Work\Housekeeping::daily();
		$aWeekLater = fn () => Config::set(
			'files',
			json_encode(array_map(
				fn ($note) => [$note[0] - (7 * 86400), $note[1]],
				json_decode(Config::get('files', 'brake:1')) ?? [],
			)),
			'brake:1',
		);
		$aWeekLater();
		FileSync\Addon\Work\Housekeeping::daily();
		for ($n = 0; $n < 60; $n++) {
			$this->receive($this->file("new$n", "new $n"));
		}
		$this->work();
		$this->overwrite($hashes);
		$this->assertSame([20, 20], [$this->showing('rubbish'), $this->showing('ours')]);
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->work();
		// A week later they are files as any other.
		FileSync\Addon\Work\Housekeeping::daily();
		$aWeekLater();
		FileSync\Addon\Work\Housekeeping::daily();
		$this->sent();
		foreach ($hashes as $hash) {
			$this->receive($this->rubbish($hash, 5, Revisions::find(1, $hash)['bytes']['vector']));
		}
		$this->work();
		$this->assertSame([40, []], [$this->showing('rubbish 5'), Brake::lines()]);
	}

	public static function sharesOfAll(): array
	{
		return [
			'of replacements' => [['replaced_max_percent' => '50']],
			'of a small channel' => [['displaced_few_files' => '90']],
		];
	}

	public function test_ten_files_a_day_are_replaced_all_week(): void
	{
		Config::clear('replaced_max_percent');
		$hashes = $this->files(20);
		foreach ([array_slice($hashes, 0, 10), array_slice($hashes, 10)] as $n => $some) {
			$this->overwrite($some);
			Table::update('filesync_kept', ['created' => time() - (2 * 86400)], ['uid' => 1]);
		}
		$this->assertSame([20, []], [$this->showing('rubbish'), Brake::lines()]);
	}

	public function test_deletes_and_new_files_are_not_counted_as_replacements(): void
	{
		Config::clear('replaced_max_percent');
		$hashes = $this->files(24);
		foreach (array_slice($hashes, 0, 12) as $hash) {
			$this->receive($this->deletion($hash));
		}
		$this->overwrite(array_slice($hashes, 12));
		$this->assertSame([12, []], [$this->showing('rubbish'), Brake::lines()]);
	}

	public function test_in_a_very_small_channel_ten_files_may_be_changed(): void
	{
		Config::set('displaced_few_files', '200');
		$hashes = $this->files(12);
		for ($n = 2; $n < 6; $n++) {
			// One file that is written all day is one.
			$this->overwrite(['f0'], $n);
		}
		$this->overwrite($hashes, 7);
		$this->assertSame([10, 2], [$this->showing('rubbish'), Brake::lines()[0]['waiting']]);
	}

	public function test_deletes_and_replacements_count_together_and_deletes_by_their_bytes(): void
	{
		Config::set('displaced_max_bytes_day', '45');
		$hashes = $this->files(8);
		$this->overwrite(['f0', 'f1']);
		foreach (['f2', 'f3', 'f4', 'f5'] as $hash) {
			$this->receive($this->deletion($hash));
		}
		$this->assertSame([null, null, 'ours of f4', 'ours of f5'], array_map($this->shown(...), [
			'f2',
			'f3',
			'f4',
			'f5',
		]));
		[$line] = Brake::lines();
		$this->assertSame(['both', 6, 60, 2], [$line['what'], $line['files'], $line['size_bytes'], $line['waiting']]);
		$this->assertStringContainsString('replaced or deleted 6 files (60 B)', Words::displaced($line));
		BrakeAnswer::decide($line, false);
		$this->sent();
		$this->assertSame(array_map(fn ($hash) => "ours of $hash", $hashes), array_map($this->shown(...), $hashes));
		$this->assertSame([], Brake::lines());
	}

	public function test_what_a_clone_replaced_and_then_deleted_comes_back_as_it_was_before_both(): void
	{
		Config::set('displaced_max_files_day', '2');
		$this->files(3);
		$this->overwrite(['f0']);
		$this->overwrite(['f0'], 3);
		$this->receive($this->told('f0', '', 4, [], 'gone'));
		$this->assertNull($this->shown('f0'));
		$this->overwrite(['f1', 'f2']);
		$this->assertSame(1, $this->showing('ours'));
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->sent();
		$this->assertSame(['ours of f0', 'ours of f1', 'ours of f2'], array_map($this->shown(...), ['f0', 'f1', 'f2']));
	}

	public function test_what_the_owner_wrote_in_between_is_ours_too(): void
	{
		Config::set('displaced_max_files_day', '1');
		$this->files(2);
		$this->overwrite(['f0']);
		file_put_contents($this->attach('f0')['content'], 'written by the owner');
		Table::update('attach', ['filesize' => 20, 'edited' => '2024-06-09 10:00:00'], ['hash' => 'f0']);
		Zotlabs\Storage\attach_export_data($this->channel->row(), 'f0');
		$this->sent();
		$this->receive($this->rubbish('f0', 11, Revisions::find(1, 'f0')['bytes']['vector']));
		$this->work();
		$this->assertStringStartsWith('rubbish 11', $this->shown('f0'));
		$this->overwrite(['f1']);
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->assertSame(['written by the owner', 'ours of f1'], [$this->shown('f0'), $this->shown('f1')]);
	}

	public function test_a_clone_that_gives_back_what_another_replaced_is_not_held(): void
	{
		Config::set('displaced_max_files_day', '3');
		$hashes = $this->files(3);
		$this->overwrite($hashes);
		Config::set('displaced_max_files_day', '0');
		foreach ($hashes as $hash) {
			$entry = $this->told($hash, "ours of $hash", 3, ['edited' => '2024-06-20 10:00:00']);
			$entry['filesync'] += [
				'sha256' => hash('sha256', "ours of $hash"),
				'size_bytes' => strlen("ours of $hash"),
			];
			$this->receive(['fetch_url' => self::OTHER . '/getfile'] + $entry);
		}
		$this->work();
		$this->assertSame(array_map(fn ($hash) => "ours of $hash", $hashes), array_map($this->shown(...), $hashes));
		$this->assertSame([], Brake::lines());
	}

	public function test_a_clone_that_gives_back_what_was_replaced_here_is_not_held(): void
	{
		$hashes = $this->files(3);
		foreach ($hashes as $hash) {
			$this->write($hash, "spoilt here: $hash");
		}
		Config::set('displaced_max_files_day', '0');
		foreach ($hashes as $hash) {
			$this->receive($this->giveBack($hash, "ours of $hash", 30));
		}
		$this->work();
		$this->assertSame([3, []], [$this->showing('ours'), Brake::lines()]);
		// Only what was there just before, and only while nobody else displaced anything.
		$this->write('f0', 'another');
		$this->receive($this->giveBack('f0', 'older', 40), $this->giveBack('f1', 'spoilt here: f1', 40));
		$this->work();
		$this->assertSame(['another', 'ours of f1', 2], [
			$this->shown('f0'),
			$this->shown('f1'),
			Brake::lines()[0]['waiting'],
		]);
	}

	public function test_days_of_work_here_are_not_taken_back_without_asking(): void
	{
		$hashes = $this->files(6);
		foreach ($hashes as $hash) {
			$this->write($hash, "work of days on $hash");
			$bytes = ['edited' => gmdate('Y-m-d H:i:s', time() - (2 * 86400))] + Revisions::find(1, $hash)['bytes'];
			Table::update('filesync_file', ['bytes' => json_encode($bytes)], ['uid' => 1, 'hash' => $hash]);
		}
		Config::set('displaced_max_files_day', '2');
		foreach ($hashes as $hash) {
			$this->receive($this->giveBack($hash, "ours of $hash", 30));
		}
		$this->work();
		$this->assertSame([4, 2, 4], [$this->showing('work'), $this->showing('ours'), Brake::lines()[0]['waiting']]);
	}

	public function test_a_clone_that_dates_its_changes_in_the_future_is_refused_all_the_same(): void
	{
		Config::set('displaced_max_files_day', '3');
		$hashes = $this->files(8);
		foreach ($hashes as $hash) {
			$this->receive($this->told($hash, "rubbish 2 of $hash", 2, ['edited' => '2099-01-01 00:00:00']));
		}
		$this->work();
		$this->assertSame(5, Brake::lines()[0]['waiting']);
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->work();
		$this->assertSame([8, [], 0], [
			$this->showing('ours'),
			Brake::lines(),
			Table::count('filesync_outbox', ['kind' => 'brake']),
		]);
	}

	public function test_crops_of_a_clone_that_dates_them_in_the_future_are_given_back(): void
	{
		Config::set('displaced_max_files_day', '2');
		$hashes = $this->crops(5);
		$this->spoil($hashes, 2, self::ORIGIN, '2099-01-01 00:00:00');
		$this->assertSame(3, Brake::lines()[0]['waiting']);
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->work();
		$this->assertSame([5, []], [$this->cropsShowing('crop of'), Brake::lines()]);
	}

	public function test_a_crop_in_the_database_that_is_displaced_again_is_kept_from_then_on(): void
	{
		[$hash] = $this->crops(1);
		unlink("store/alice/$hash-4");
		Table::update(
			'photo',
			['os_storage' => 0, 'content' => "crop of $hash"],
			['resource_id' => $hash, 'imgscale' => 4],
		);
		set_config('system', 'photo_storage_type', 0);
		$this->spoil([$hash], 2);
		$this->receive(['fetch_url' => self::OTHER . '/getfile']
		+ $this->withCrop($hash, "crop of $hash", '2024-06-03 10:00:00'));
		$this->work();
		Table::update('filesync_kept', ['created' => time() - (29 * 86400), 'hub' => 'another'], []);
		$this->spoil([$hash], 4);
		$kept = array_filter(
			Table::select('filesync_kept', ['scale' => 4], 'created'),
			fn ($one) => file_get_contents('store/[data]/filesync/1/' . $one['path']) === "crop of $hash",
		);
		$this->assertCount(1, $kept);
		$this->assertGreaterThan(time() - 60, (int) reset($kept)['created']);
		$this->assertSame(Brake::hub(self::ORIGIN), reset($kept)['hub']);
	}

	public function test_what_was_given_back_is_not_replaced_again_without_asking(): void
	{
		Config::set('displaced_max_files_day', '3');
		$hashes = $this->files(6);
		$this->overwrite($hashes);
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->work();
		$this->sent();
		$this->assertSame(6, $this->showing('ours'));
		Config::set('displaced_max_files_day', '0');
		foreach ($hashes as $hash) {
			$this->receive(['fetch_url' => self::THIRD . '/getfile']
			+ $this->giveBack($hash, "rubbish 2 of $hash", 30));
		}
		$this->work();
		$this->assertSame([6, 6], [$this->showing('ours'), Brake::lines()[0]['waiting']]);
	}

	public function test_no_clone_gives_back_what_it_put_there_itself(): void
	{
		Config::set('displaced_max_files_day', '1');
		$this->files(1);
		$this->overwrite(['f0']);
		file_put_contents($this->attach('f0')['content'], 'written by the owner');
		Table::update('attach', ['filesize' => 20, 'edited' => '2024-06-09 10:00:00'], ['hash' => 'f0']);
		$this->sent('f0');
		Config::set('displaced_max_files_day', '0');
		$entry = $this->told(
			'f0',
			'rubbish 2 of f0',
			30,
			['edited' => '2024-06-30 10:00:00'],
			'',
			Revisions::find(1, 'f0')['bytes']['vector'],
		);
		$entry['filesync'] += ['sha256' => hash('sha256', 'rubbish 2 of f0'), 'size_bytes' => 15];
		$this->receive($entry);
		$this->work();
		$this->assertSame(['written by the owner', 1], [$this->shown('f0'), count(Brake::lines())]);
	}

	public function test_of_a_delete_that_waits_only_the_delete_is_kept(): void
	{
		Config::set('delete_max_files', '0');
		$this->receive($this->file('f1', 'one', [], ['d1' => 'A', 'd2' => 'B']));
		$this->work();
		$seen = array_map(fn ($hash) => Revisions::seen(Revisions::notice($this->channel, $hash)), [
			'f1' => 'f1',
			'd2' => 'd2',
			'd1' => 'd1',
		]);
		$entry = $this->deletion('d1');
		$entry['filesync'] = [
			'v' => 1,
			'gone' => $seen['d1'] + ['eeeeeeeeeeeeeeee' => 1],
			'beneath' => $seen + ['no-such' => ['eeeeeeeeeeeeeeee' => 1]],
			'more' => str_repeat('x', 100000),
		];
		$this->receive($entry, $entry);
		$this->assertSame(1, Table::count('filesync_held', []));
		$this->assertLessThan(1000, strlen(Table::first('filesync_held', [])['body']));
		BrakeAnswer::decide(Brake::lines()[0], true);
		$this->assertSame([[], ['one']], [Table::select('attach', []), $this->kept()]);
	}

	public function test_bytes_that_are_here_already_end_what_was_held(): void
	{
		Config::set('displaced_max_files_day', '0');
		$this->files(1);
		$this->overwrite(['f0']);
		$entry = $this->told('f0', 'ours of f0', 3, ['edited' => '2024-06-20 10:00:00']);
		$entry['filesync'] += ['sha256' => hash('sha256', 'ours of f0'), 'size_bytes' => 10];
		$this->receive(['fetch_url' => self::OTHER . '/getfile'] + $entry);
		$this->work();
		$this->assertSame(['ours of f0', [], 'published'], [
			$this->shown('f0'),
			Brake::lines(),
			$this->transfer('f0')['state'],
		]);
	}

	public function test_a_change_of_the_owners_is_sent_while_another_is_held(): void
	{
		Config::set('displaced_max_files_day', '0');
		$this->files(1);
		$this->overwrite(['f0']);
		file_put_contents($this->attach('f0')['content'], 'written by the owner');
		Table::update('attach', ['filesize' => 20, 'edited' => '2024-06-09 10:00:00'], ['hash' => 'f0']);
		$this->assertSame(20, (int) end($this->sent('f0')[0]['attach'])['filesize']);
	}

	public function test_what_was_displaced_is_not_pruned_for_its_size_within_a_week(): void
	{
		$this->files(4);
		$this->overwrite(['f0', 'f1']);
		$this->receive($this->deletion('f2'));
		Config::set('kept_max_bytes', '0');
		Config::set('kept_hub_max_bytes', '0');
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertEqualsCanonicalizing(['ours of f0', 'ours of f1', 'ours of f2'], $this->kept());
		Table::update('filesync_kept', ['created' => time() - (8 * 86400)], ['hash' => ['f0', 'f2']]);
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertSame(['ours of f1'], $this->kept());
	}

	public function test_where_the_disk_is_nearly_full_only_what_displaces_waits(): void
	{
		$this->files(1);
		Config::set('headroom_bytes', (string) (int) (disk_free_space('.') * 0.6));
		$this->receive($this->rubbish('f0', 2), $this->file('new', 'a new file'));
		$this->work();
		$this->assertSame(['ours of f0', 'a new file', 'waiting', 'Storage'], [
			$this->shown('f0'),
			$this->shown('new'),
			$this->transfer('f0')['state'],
			$this->transfer('f0')['kind'],
		]);
		Config::clear('headroom_bytes');
		Table::update('filesync_transfer', ['next_at' => 0], ['hash' => 'f0']);
		$this->work();
		$this->assertSame('rubbish 2 of f0', $this->shown('f0'));
	}

	public function test_photos_without_a_file_are_counted_kept_and_brought_back(): void
	{
		Config::set('delete_max_files', '2');
		foreach (['p1', 'p2', 'p3'] as $hash) {
			$this->receive($this->photo($hash, [0 => "original $hash", 4 => "crop $hash", 5 => "small $hash"]));
			$this->work();
			Table::delete('attach', ['hash' => $hash]);
			Table::delete('filesync_file', ['uid' => 1]);
			Table::update(
				'photo',
				['os_storage' => 0, 'content' => "in the database $hash"],
				['resource_id' => $hash, 'imgscale' => 5],
			);
		}
		$before = Table::select('photo', ['resource_id' => 'p1'], 'imgscale');
		$this->receive($this->deletion('p1'), $this->deletion('p2'), $this->deletion('p3'));
		$this->assertSame(
			[0, 0, 3],
			array_map(fn ($hash) => Table::count('photo', ['resource_id' => $hash]), ['p1', 'p2', 'p3']),
		);
		$this->assertSame([3, 1], [Brake::lines()[0]['files'], Brake::lines()[0]['waiting']]);
		$this->assertCount(6, $this->kept());
		$kept = Table::first('filesync_kept', ['hash' => 'p1', 'scale' => 0]);
		$this->assertSame('p1.jpg', Undo::apply($kept));
		$after = Table::select('photo', ['resource_id' => 'p1'], 'imgscale');
		$withoutId = fn ($rows) => array_map(fn ($row) => array_diff_key($row, ['id' => 1]), $rows);
		$this->assertEquals($withoutId($before), $withoutId($after));
		$this->assertSame(['original p1', 'crop p1'], [
			file_get_contents($after[0]['content']),
			file_get_contents($after[1]['content']),
		]);
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->assertSame(
			[3, 3, 3],
			array_map(fn ($hash) => Table::count('photo', ['resource_id' => $hash]), ['p1', 'p2', 'p3']),
		);
	}

	public function test_status_and_doctor_say_that_something_waits(): void
	{
		Config::set('displaced_max_files_day', '1');
		$hashes = $this->files(3);
		$this->overwrite($hashes);
		[$code, $said] = $this->runVerb('status');
		$this->assertSame(1, $code);
		$this->assertStringContainsString(
			'waits for approval (channel 1): 127.0.0.1:9001 replaced 3 files (30 B) since',
			$said,
		);
		$this->assertSame(2, json_decode($this->runVerb('status', '--json')[1], true)['held'][0]['waiting']);
		$this->assertSame(['127.0.0.1:9001 replaced 3 files (30 B) since', 'needs attention'], [
			substr(
				($errors = (new ReflectionMethod(FileSync\Addon\Page\AdminPage::class, 'errors'))->invoke(
					null,
				))[0]['reason'],
				0,
				44,
			),
			$errors[0]['then'],
		]);
		$this->assertCount(1, $errors);
		$this->assertStringContainsString('cli.php packets', $this->runVerb('doctor', '--only', 'held')[1]);
		$this->assertSame(1, $this->runVerb('packets')[0]);
		$this->assertStringContainsString(
			'dismissed, our files are being restored',
			$this->runVerb('packets', 'dismiss', 'all')[1],
		);
		$this->assertSame([0, "no packet is waiting\n"], $this->runVerb('packets'));
		$this->assertSame(0, $this->showing('rubbish'));
	}

	public function test_an_answer_that_takes_long_is_gone_on_with_by_a_worker(): void
	{
		Config::set('displaced_max_files_day', '1');
		$hashes = $this->files(4);
		$this->overwrite($hashes);
		[$line] = Brake::lines();
		// The process that took the answer was killed before it did anything.
		Table::update('filesync_held', ['state' => 'refused'], ['uid' => 1]);
		FileSync\Addon\Outbox\Outbox::add(
			1,
			'brake',
			$line['hub'],
			json_encode(['answer' => 'refused', 'since' => time() - 86400]),
			false,
			'refused',
		);
		$this->work();
		$this->sent();
		$this->assertSame([0, 0], [$this->showing('rubbish'), Table::count('filesync_held', [])]);
	}

	public function test_the_repair_of_damaged_files_is_no_change_of_the_clone_that_helps(): void
	{
		$this->files(3);
		Config::set('displaced_max_files_day', '0');
		foreach (['f0', 'f1', 'f2'] as $hash) {
			$path = $this->attach($hash)['content'];
			$time = filemtime($path);
			file_put_contents($path, strtoupper("ours of $hash"));
			touch($path, $time);
		}
		$verdicts = [];
		(new FileSync\Addon\Reconcile\Verify($this->channel, function ($one) use (&$verdicts) {
			$verdicts[] = $one['verdict'];
		}))->goOn(FileSync\Addon\Inventory\Run::ask($this->channel->id, '', 'verify'), PHP_INT_MAX);
		$this->assertSame(['damaged', 'damaged', 'damaged'], $verdicts);
		$this->work();
		$this->assertSame([3, []], [$this->showing('ours'), Brake::lines()]);
		$this->assertSame([''], array_values(array_unique(array_column(Table::select('filesync_kept', []), 'hub'))));
	}

	public function test_what_a_stock_hub_left_broken_is_replaced_without_asking(): void
	{
		$hashes = $this->files(14);
		Config::set('displaced_max_files_day', '3');
		foreach ($hashes as $hash) {
			file_put_contents($this->attach($hash)['content'], '');
		}
		$this->overwrite($hashes);
		$this->assertSame([14, [], ['']], [
			$this->showing('rubbish'),
			Brake::lines(),
			array_values(array_unique(array_column(Table::select('filesync_kept', []), 'hub'))),
		]);
	}

	public function test_hand_made_crops_are_held_as_files_are_and_come_back_at_one_word(): void
	{
		Config::set('displaced_max_files_day', '5');
		$hashes = $this->crops(15);
		$this->spoil($hashes, 2);
		$this->assertSame(10, $this->cropsShowing('crop of'));
		$this->assertSame(15, $this->showing('photo'));
		[$line] = Brake::lines();
		$this->assertSame(['replaced', 15, 10], [$line['what'], $line['files'], $line['waiting']]);
		// Neither the same again, nor a newer one, nor one under another name lets go, nor is a retry one's word.
		$held = array_values(array_filter($hashes, fn ($hash) => $this->transfer($hash, 4)['state'] === 'parked'));
		$this->spoil($held, 2);
		$this->spoil($held, 3);
		$this->spoil($held, 4, self::OTHER);
		App::set_channel($this->channel->row());
		$_POST = ['filesync_retry_all' => '1'];
		FileSync\Addon\Page\OwnerActions::take();
		$_POST = [];
		App::set_channel(null);
		$this->work();
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertSame([10, 10, 15, 1], [
			$this->cropsShowing('crop of'),
			Brake::lines()[0]['waiting'],
			Brake::lines()[0]['files'],
			count(Brake::lines()),
		]);
		$this->sent();
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->work();
		$this->assertSame([15, [], 0], [
			$this->cropsShowing('crop of'),
			Brake::lines(),
			Table::count('filesync_held', []),
		]);
		foreach ($hashes as $hash) {
			$this->assertSame("scale 5 of crop of $hash", $this->shownScale($hash, 5));
		}
		$told = [];
		foreach ($this->sent() as $entry) {
			foreach ($entry['photo'] as $photo) {
				$told[$photo['resource_id']][(int) $photo['imgscale']] = $photo['edited'];
			}
		}
		$this->assertEqualsCanonicalizing($hashes, array_keys($told));
		foreach ($told as $edited) {
			$this->assertGreaterThan(
				'2025-01-01',
				min($edited[4], $edited[5]),
				'no clone takes what is dated before what it has',
			);
		}
		// Nothing is left to be given back, or counted.
		$this->spoil(array_slice($hashes, 0, 3), 2, self::ORIGIN, gmdate('Y-m-d H:i:s', time() + 60));
		$this->assertSame(12, $this->cropsShowing('crop of'));
	}

	public function test_crops_that_a_person_accepts_are_taken_and_counted_anew(): void
	{
		Config::set('displaced_max_files_day', '3');
		$hashes = $this->crops(8);
		$this->spoil($hashes, 2);
		BrakeAnswer::decide(Brake::lines()[0], true);
		$this->work();
		$this->assertSame([8, [], 0], [
			$this->cropsShowing('rubbish 2'),
			Brake::lines(),
			Table::count('filesync_held', []),
		]);
		$this->spoil($hashes, 3);
		$this->assertSame([3, 5], [$this->cropsShowing('rubbish 3'), Brake::lines()[0]['waiting']]);
	}

	public function test_a_photo_and_its_crops_are_one_file_and_come_back_together(): void
	{
		Config::set('displaced_max_files_day', '4');
		$hashes = $this->crops(6, [7 => 'cover of %s']);
		foreach ($hashes as $hash) {
			$this->receive($this->photo(
				$hash,
				[0 => "rubbish photo $hash", 4 => "rubbish crop $hash", 7 => "rubbish cover $hash"],
				['edited' => '2024-06-02 10:00:00'],
			));
		}
		$this->work();
		// Of a photo that was replaced the crops may be held: by then its clone is stopped, or not, as the database
		// orders them.
		$this->assertSame([2, 6], [$this->showing('photo'), Brake::lines()[0]['files']]);
		$this->assertGreaterThanOrEqual(2, min(
			$this->cropsShowing('crop of'),
			$this->cropsShowing('cover of', 7),
			Brake::lines()[0]['waiting'],
		));
		// What was replaced may then be deleted.
		$gone = array_values(array_filter($hashes, fn ($hash) => str_starts_with($this->shown($hash), 'rubbish')))[0];
		$this->receive([
			'fetch_url' => self::OTHER . '/getfile',
			'filesync' => ['v' => 1, 'gone' => Revisions::seen(Revisions::find(1, $gone))],
		] + $this->deletion($gone));
		$this->assertNull($this->shown($gone));
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->work();
		$this->assertSame([6, 6, 6], [
			$this->showing('photo'),
			$this->cropsShowing('crop of'),
			$this->cropsShowing('cover of', 7),
		]);
		$this->assertSame([[], 0], [Brake::lines(), Table::count('filesync_held', [])]);
	}

	public function test_a_photo_that_was_replaced_and_whose_crop_is_held_is_one_file(): void
	{
		Config::set('displaced_max_files_day', '2');
		$hashes = $this->crops(3);
		foreach ($hashes as $hash) {
			$this->receive($this->photo(
				$hash,
				[0 => "rubbish photo $hash", 4 => "crop of $hash", 5 => 'small'],
				['edited' => '2024-06-02 10:00:00'],
			));
		}
		$this->work();
		$this->spoil($hashes, 3);
		$this->assertSame([1, 3], [$this->showing('photo'), $this->cropsShowing('crop of')]);
		[$line] = Brake::lines();
		$this->assertSame([3, 3], [$line['files'], $line['waiting']]);
		BrakeAnswer::decide($line, false);
		$this->work();
		$this->assertSame([3, 3, []], [$this->showing('photo'), $this->cropsShowing('crop of'), Brake::lines()]);
	}

	public function test_equal_crops_and_crops_that_another_clone_gives_back_are_not_held(): void
	{
		$hashes = $this->crops(4);
		Config::set('displaced_max_files_day', '0');
		foreach ($hashes as $hash) {
			$this->receive($this->withCrop($hash, "crop of $hash", '2024-06-01 10:00:00'));
		}
		$this->work();
		$this->assertSame([4, [], []], [$this->cropsShowing('crop of'), Brake::lines(), $this->kept()]);
		Config::set('displaced_max_files_day', '4');
		$this->spoil($hashes, 2);
		$this->assertSame(4, $this->cropsShowing('rubbish'));
		Config::set('displaced_max_files_day', '0');
		foreach ($hashes as $hash) {
			$this->receive(['fetch_url' => self::OTHER . '/getfile']
			+ $this->withCrop($hash, "crop of $hash", '2024-06-20 10:00:00'));
		}
		$this->work();
		$this->assertSame([4, []], [$this->cropsShowing('crop of'), Brake::lines()]);
		$this->spoil($hashes, 21, self::THIRD);
		$this->assertSame([4, 4], [$this->cropsShowing('crop of'), Brake::lines()[0]['waiting']]);
	}

	public function test_a_crop_that_is_not_whole_here_is_replaced_without_asking(): void
	{
		[$hash] = $this->crops(1);
		Config::set('displaced_max_files_day', '0');
		file_put_contents("store/alice/$hash-4", '');
		$this->spoil([$hash], 2);
		$this->assertSame([1, [], ['']], [
			$this->cropsShowing('rubbish'),
			Brake::lines(),
			array_unique(array_column(Table::select('filesync_kept', []), 'hub')),
		]);
	}

	/** @dataProvider places */
	#[DataProvider('places')]
	public function test_crops_that_lie_elsewhere_than_beside_their_photo_are_kept_and_counted_too(bool $isInDatabase): void
	{
		Config::set('displaced_max_files_day', '2');
		$hashes = $this->crops(4);
		foreach ($hashes as $n => $hash) {
			$place = "store/[data]/[xchan]/p/$n/$hash-4";
			is_dir(dirname($place)) || mkdir(dirname($place), 0777, true);
			$isInDatabase ? unlink("store/alice/$hash-4") : rename("store/alice/$hash-4", $place);
			Table::update(
				'photo',
				$isInDatabase ? ['os_storage' => 0, 'content' => "crop of $hash"] : ['content' => $place],
				['resource_id' => $hash, 'imgscale' => 4],
			);
		}
		$isInDatabase && set_config('system', 'photo_storage_type', 0);
		$this->spoil($hashes, 2);
		$this->assertSame([2, 2], [$this->cropsShowing('rubbish'), $this->cropsShowing('crop of')]);
		$this->assertSame([4, 2], [Brake::lines()[0]['files'], Brake::lines()[0]['waiting']]);
		BrakeAnswer::decide(Brake::lines()[0], false);
		$this->work();
		$this->assertSame(4, $this->cropsShowing('crop of'));
	}

	public static function places(): array
	{
		return ['in the database' => [true], 'with those of the channel' => [false]];
	}

	public function test_crops_in_the_database_are_kept_when_their_photo_is_deleted(): void
	{
		[$hash] = $this->crops(1);
		Table::update(
			'photo',
			['os_storage' => 0, 'content' => "crop of $hash"],
			['resource_id' => $hash, 'imgscale' => 4],
		);
		unlink("store/alice/$hash-4");
		$this->receive($this->deletion($hash));
		$this->assertEqualsCanonicalizing(["photo $hash", "crop of $hash"], $this->kept());
		Undo::apply(Table::first('filesync_kept', ['scale' => 0]));
		$this->assertSame("crop of $hash", $this->shownScale($hash, 4));
	}

	public function test_crops_that_were_displaced_are_not_pruned_for_their_size_within_a_week(): void
	{
		$hashes = $this->crops(2);
		$this->spoil($hashes, 2);
		$this->spoil($hashes, 3);
		Config::set('kept_max_bytes', '0');
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertCount(4, Table::select('filesync_kept', ['scale' => 4]));
		$this->assertSame([], Table::select('filesync_kept', ['scale' => 5]));
		Table::update('filesync_kept', ['created' => time() - (8 * 86400)], ['hash' => $hashes[0]]);
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertEqualsCanonicalizing(["crop of $hashes[1]", "rubbish 2 of $hashes[1]"], $this->kept());
	}

	public function test_where_the_disk_is_nearly_full_crops_that_displace_wait_too(): void
	{
		[$hash] = $this->crops(1);
		Config::set('headroom_bytes', (string) (int) (disk_free_space('.') * 0.6));
		$this->spoil([$hash], 2);
		$this->assertSame(["crop of $hash", 'waiting'], [
			$this->shownScale($hash, 4),
			$this->transfer($hash, 4)['state'],
		]);
	}

	public function test_tables_of_the_version_before_are_changed_and_what_is_kept_stays(): void
	{
		$this->files(1);
		$this->overwrite(['f0']);
		foreach (['ALTER TABLE filesync_kept DROP COLUMN hub', 'DROP TABLE filesync_held'] as $statement) {
			dbq($statement);
		}
		Zotlabs\Lib\Config::Set('filesync', 'schema', 6);
		$this->assertTrue(FileSync\Addon\Schema\Migrations::ready());
		$this->assertSame([['ours of f0'], ''], [$this->kept(), Table::first('filesync_kept', [])['hub']]);
		// A step that was cut off is made again.
		Zotlabs\Lib\Config::Set('filesync', 'schema', 6);
		$this->assertTrue(FileSync\Addon\Schema\Migrations::ready());
		$this->assertArrayHasKey('hub', FileSync\Addon\Schema\Migrations::columns()['filesync_kept']);
	}

	/** Has files arrive from the clone that later changes them. */
	private function files(int $count): array
	{
		$hashes = array_map(fn ($n) => "f$n", range(0, $count - 1));
		foreach ($hashes as $hash) {
			$this->receive($this->told($hash, "ours of $hash", 1));
		}
		$this->work();
		$this->assertSame($count, $this->showing('ours'));

		return $hashes;
	}

	/** Has photos arrive with a crop that somebody made by hand, and what is made of it. */
	private function crops(int $count, array $more = []): array
	{
		FileSync\Photo::$isKnown = true;
		$hashes = array_map(fn ($n) => "p$n", range(1, $count));
		foreach ($hashes as $hash) {
			$this->receive($this->photo($hash, [0 => "photo $hash", 4 => "crop of $hash", 5 => 'small']
			+ array_map(fn ($bytes) => sprintf($bytes, $hash), $more)));
		}
		$this->work();
		$this->assertSame($count, $this->cropsShowing('crop of'));

		return $hashes;
	}

	/** Announces other bytes as crops, and nothing else. */
	private function spoil(array $hashes, int $version, string $hub = self::ORIGIN, string $edited = ''): void
	{
		foreach ($hashes as $hash) {
			$this->receive(['fetch_url' => $hub . '/getfile']
			+ $this->withCrop(
				$hash,
				"rubbish $version of $hash",
				$edited ?: sprintf('2024-06-%02d 10:00:00', $version),
			));
		}
		$this->work();
	}

	private function withCrop(string $hash, string $bytes, string $edited): array
	{
		$entry = $this->photo(
			$hash,
			[0 => "photo $hash", 4 => $bytes, 5 => 'small'],
			['edited' => $this->attach($hash)['edited']],
		);
		$entry['photo'][1]['edited'] = $entry['photo'][2]['edited'] = $edited;

		return $entry;
	}

	private function shownScale(string $hash, int $scale): ?string
	{
		$row = Table::first('photo', ['uid' => 1, 'resource_id' => $hash, 'imgscale' => $scale]);

		return $row ? ((int) $row['os_storage'] ? (string) file_get_contents($row['content']) : $row['content']) : null;
	}

	private function cropsShowing(string $begin, int $scale = 4): int
	{
		return count(array_filter(
			Table::select('photo', ['imgscale' => $scale], '', 0, 'resource_id'),
			fn ($row) => str_starts_with($this->shownScale($row['resource_id'], $scale), $begin),
		));
	}

	/** Has the owner write a file here. */
	private function write(string $hash, string $bytes): void
	{
		file_put_contents($this->attach($hash)['content'], $bytes);
		Table::update('attach', ['filesize' => strlen($bytes), 'edited' => gmdate('Y-m-d H:i:s')], ['hash' => $hash]);
		$this->sent($hash);
	}

	/** Returns an entry that has seen what is here, with bytes whose digest it tells. */
	private function giveBack(string $hash, string $bytes, int $count): array
	{
		$entry = $this->told(
			$hash,
			$bytes,
			$count,
			['edited' => sprintf('2024-06-%02d 10:00:00', $count % 28)],
			'',
			Revisions::find(1, $hash)['bytes']['vector'],
		);
		$entry['filesync'] += ['sha256' => hash('sha256', $bytes), 'size_bytes' => strlen($bytes)];
		foreach (['place', 'access'] as $group) {
			$entry['filesync']['revision'][$group]['seen'] = Revisions::find(1, $hash)[$group]['vector'];
		}

		return $entry;
	}

	private function overwrite(array $hashes, int $version = 2): void
	{
		foreach ($hashes as $hash) {
			$this->receive($this->rubbish($hash, $version));
		}
		$this->work();
	}

	private function rubbish(string $hash, int $version, array $seen = []): array
	{
		return $this->told(
			$hash,
			"rubbish $version of $hash",
			$version,
			['edited' => sprintf('2024-06-%02d 10:00:00', $version)],
			'',
			$seen,
		);
	}

	/** Returns an entry of a hub that has made so many changes of the file. */
	private function told(
		string $hash,
		string $bytes,
		int $count,
		array $columns = [],
		string $gone = '',
		array $seen = [],
	): array {
		$seen = ['eeeeeeeeeeeeeeee' => $count] + $seen;
		$revision = array_fill_keys(Judge::GROUPS, ['seen' => $seen, 'by' => 'eeeeeeeeeeeeeeee', 'at' => 'e.example']);

		return $gone
			? ['filesync' => ['v' => 1, 'gone' => $seen]] + $this->deletion($hash)
			: ['filesync' => ['v' => 1, 'revision' => $revision]] + $this->file($hash, $bytes, $columns);
	}

	/** Returns how many files show bytes that begin so. */
	private function showing(string $begin): int
	{
		return count(array_filter(
			Table::select('attach', ['is_dir' => 0], '', 0, 'content'),
			fn ($row) => str_starts_with((string) file_get_contents($row['content']), $begin),
		));
	}
}
