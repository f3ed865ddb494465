<?php

use Fake\Clock;
use Fake\Input;
use Fake\Page as Fake;
use FileSync\Addon\Door\Doors;
use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Packs;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Door\Room;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Door\Spool;
use FileSync\Addon\Door\Tus;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\BackupActions;
use FileSync\Addon\Page\BackupPage;
use FileSync\Addon\Page\Made;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\Uninstall;

/** Keys on the owner's page, sessions and their ends, and what a killed request leaves. */
final class DoorTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		Fake::$isForged = false;
		Fake::$said = Fake::$led = Fake::$scripts = [];
		$_POST = $_GET = $_SESSION = [];
		App::set_channel($this->channel->row());
		set_config('testhub', 'without_workers', 1);
	}

	protected function tearDown(): void
	{
		App::set_channel(null);
		unset($_SERVER['REMOTE_ADDR']);
		parent::tearDown();
	}

	public function test_a_set_that_is_being_sent_is_unfinished_work_for_uninstall(): void
	{
		$session = Session::begin($this->channel, ['tagmanifest-sha256.txt' => str_repeat('a', 64)]);
		$folder = Intake::folder($this->channel->id, $session->id);
		$this->assertDirectoryExists($folder);
		[$code, $said] = $this->runVerb('uninstall', '--json');
		$this->assertSame([75, 1], [$code, json_decode($said, true)['sets_arriving']]);
		$this->assertStringContainsString(
			'1 backup sets are being sent by their owners',
			$this->runVerb('uninstall')[1],
		);
		Uninstall::drop('other');
		$this->assertSame(Session::ENDED, Session::find($session->id)->state);
		$this->assertDirectoryDoesNotExist($folder);
		$this->assertSame(0, Uninstall::outlook()['sets_arriving']);
	}

	public function test_a_key_is_shown_once_and_only_its_digest_is_kept(): void
	{
		$this->assertSame([], $this->keys()['rows']);
		$this->assertSame(['backup', 'restore'], array_column($this->keys()['make'], 'kind'));
		$this->assertMatchesRegularExpression(
			'/^fsb_[0-9a-f]{16}_[0-9a-f]{64}$/D',
			$this->press(['filesync_key_make' => 'backup'])->text,
		);
		$shown = $this->press(['filesync_key_make' => 'restore']);
		$made = $shown->text;
		$this->assertMatchesRegularExpression('/^fsr_[0-9a-f]{16}_[0-9a-f]{64}$/D', $made);
		$page = $this->page($shown);
		$this->assertSame([$made, ''], [$page['$keys']['made'], $page['$box']['password']]);
		$this->assertSame('', $this->keys()['made'], 'not again');
		$secret = substr($made, 21);
		foreach ([...Table::OURS, 'config', 'pconfig'] as $table) {
			$this->assertStringNotContainsString($secret, json_encode(dbq("SELECT * FROM $table")), $table);
		}
		$this->assertStringNotContainsString($secret, json_encode($_SESSION));
		$key = Key::find($made);
		$this->assertSame([1, '', 0], [$key->channelId, $key->session, $key->usedAt]);
		foreach ([
			'',
			'x',
			substr($made, 0, -1),
			"$made\n",
			strtoupper($made),
			"fsr_{$key->id}_" . str_repeat('0', 64),
			'fsb_' . substr($made, 4),
		] as $wrong) {
			$this->assertNull(Key::find($wrong), $wrong);
		}
	}

	public function test_the_password_of_the_drop_box_is_shown_once_and_the_box_can_be_ended(): void
	{
		$box = $this->page()['$box'];
		$this->assertSame([false, true, ''], [$box['is_there'], $box['may_make'], $box['password']]);
		$made = $this->press(['filesync_box_make' => '1']);
		$page = $this->page($made);
		$this->assertSame([$made->text, ''], [$page['$box']['password'], $page['$keys']['made']]);
		$this->assertStringEndsWith('/filesync/dav/alice/', $page['$box']['address']);
		$this->assertSame([], $page['$keys']['rows'], 'it is not among the keys for programs');
		$this->assertNotNull(Key::findBox(1, $made->text));
		$box = $this->page()['$box'];
		$this->assertSame([true, ''], [$box['is_there'], $box['password']], 'not again');
		// Another one takes its place.
		$other = $this->press(['filesync_box_make' => '1']);
		$this->assertNull(Key::findBox(1, $made->text));
		$this->assertNotNull(Key::findBox(1, $other->text));
		Fake::$isForged = true;
		try {
			$this->press(['filesync_box_end' => '1']);
		} catch (\Throwable) {
		}
		Fake::$isForged = false;
		$this->assertNotNull(Key::ofBox(1));
		Config::set('restore_door', '0');
		$this->assertNull($this->press(['filesync_box_make' => '1']));
		$this->assertSame([true, false], [$this->page()['$box']['is_there'], $this->page()['$box']['may_make']]);
		$this->press(['filesync_box_end' => '1']);
		$this->assertNull(Key::ofBox(1));
		$this->assertNull($this->page()['$box']);
	}

	public function test_the_page_says_when_and_from_where_a_key_was_used(): void
	{
		$made = (string) Key::make(1);
		$this->assertStringContainsString('not used yet; ends on', $this->keys()['rows'][0]['detail']);
		$_SERVER['REMOTE_ADDR'] = '203.0.113.7';
		$this->assertSame('no_session', $this->ask('GET', ['restore', str_repeat('0', 32)], $made));
		$this->assertStringContainsString('last used', $this->keys()['rows'][0]['detail']);
		$this->assertStringContainsString('from 203.0.113.7', $this->keys()['rows'][0]['detail']);
		Key::find($made)->bind($this->session()->id);
		$this->assertStringContainsString('a set is being sent: 0 files', $this->keys()['rows'][0]['detail']);
	}

	public function test_a_revoked_key_opens_nothing_and_what_it_was_sending_goes(): void
	{
		$made = (string) Key::make(1);
		$key = Key::find($made);
		$session = $this->session();
		$key->bind($session->id);
		// That of another channel stays, whatever a form says.
		$other = Key::find((string) Key::make(2));
		$this->press(['filesync_key_revoke' => $other->id]);
		$this->assertCount(1, Key::of(2));
		Fake::$isForged = true;
		try {
			$this->press(['filesync_key_revoke' => $key->id]);
		} catch (\Throwable) {
		}
		Fake::$isForged = false;
		$this->assertDirectoryExists(Intake::folder(1, $session->id));
		$this->press(['filesync_key_revoke' => $key->id]);
		$this->assertNull(Key::find($made));
		$this->assertDirectoryDoesNotExist(Intake::folder(1, $session->id));
		$this->assertSame([Session::ENDED, 'revoked'], [
			Session::find($session->id)->state,
			Session::find($session->id)->code,
		]);
	}

	public function test_a_channel_has_no_more_keys_than_it_may(): void
	{
		for ($n = 0; $n < Key::MOST; $n++) {
			$this->assertNotNull(Key::make(1));
		}
		$this->assertSame([], $this->keys()['make']);
		$this->assertNull($this->press(['filesync_key_make' => 'restore']));
		$this->assertSame('There are too many keys. Revoke one first.', $_SESSION['filesync_left'][0]);
		$this->assertCount(Key::MOST, Key::of(1));
		$this->assertNotNull(Key::make(2));
		Clock::$ahead = Key::LIFE_SECONDS[Key::RESTORE] + 1;
		Housekeeping::often();
		$this->assertSame([], Key::of(1), 'those that began nothing are over');
	}

	public function test_where_the_door_is_closed_no_key_is_made_and_none_opens_it(): void
	{
		$made = (string) Key::make(1);
		foreach (['site', 'channel:1'] as $scope) {
			Config::set('restore_door', '0', $scope);
			$this->assertSame('door_closed', $this->ask('GET', ['restore', str_repeat('0', 32)], $made));
			$this->assertSame(['backup'], array_column($this->keys()['make'], 'kind'), 'but keys can be revoked');
			$this->press(['filesync_key_make' => 'restore']);
			$this->assertCount(1, Key::of(1));
			Config::clear('restore_door', $scope);
		}
		Config::set('restore_door', '0', 'channel:2');
		$this->assertSame('no_session', $this->ask('GET', ['restore', str_repeat('0', 32)], $made));
		Key::revoke(1, Key::of(1)[0]->id);
		Config::set('restore_door', '0');
		$this->assertSame(['backup'], array_column($this->keys()['make'], 'kind'));
		Config::set('backup_door', '0');
		$this->assertNull($this->page()['$keys']);
	}

	public function test_where_the_reading_door_is_closed_no_backup_key_is_made_and_none_opens_it(): void
	{
		$made = (string) Key::make(1, Key::BACKUP);
		$this->assertSame('', $this->ask('GET', ['set'], $made));
		foreach (['site', 'channel:1'] as $scope) {
			Config::set('backup_door', '0', $scope);
			$this->assertSame('door_closed', $this->ask('GET', ['set'], $made));
			$this->assertSame(['restore'], array_column($this->keys()['make'], 'kind'));
			$this->assertNull($this->press(['filesync_key_make' => 'backup']));
			$this->assertCount(1, Key::of(1));
			Config::clear('backup_door', $scope);
		}
		Config::set('backup_door', '0', 'channel:2');
		$this->assertSame('', $this->ask('GET', ['set'], $made));
	}

	public function test_a_key_opens_only_what_it_is_for(): void
	{
		$backup = (string) Key::make(1, Key::BACKUP);
		$restore = (string) Key::make(1);
		foreach ([['restore'], ['restore', str_repeat('0', 32)]] as $path) {
			$method = count($path) === 1 ? 'POST' : 'GET';
			$this->assertSame('key_scope', $this->ask($method, $path, $backup));
		}
		foreach ([['GET', ['set']], ['GET', ['set', 'files']], ['POST', ['set', 'pack']]] as [$method, $path]) {
			$this->assertSame('key_scope', $this->ask($method, $path, $restore));
		}
		$this->assertSame('', $this->ask('GET', ['set'], $backup));
		$this->assertStringContainsString(
			'Backup key',
			$this->keys()['rows'][0]['text'] . $this->keys()['rows'][1]['text'],
		);
	}

	public function test_a_backup_key_ends_after_a_year_without_use(): void
	{
		$made = (string) Key::make(1, Key::BACKUP);
		foreach ([364, 720, 1080] as $days) {
			Clock::$ahead = $days * 86400;
			Housekeeping::often();
			$this->assertSame('', $this->ask('GET', ['set'], $made), "after $days days");
			$this->assertStringContainsString('if nobody uses it', $this->keys()['rows'][0]['detail']);
		}
		Clock::$ahead = ((1080 + 365) * 86400) + 1;
		$this->assertSame('key_wrong', $this->ask('GET', ['set'], $made));
		Housekeeping::often();
		$this->assertSame([], Key::of(1));
	}

	public function test_strangers_make_no_keys(): void
	{
		App::set_channel(null);
		$this->assertNull($this->press(['filesync_key_make' => 'restore']));
		$this->assertSame(0, Table::count('filesync_door_key', []));
	}

	public function test_a_key_sends_no_more_requests_a_second_than_it_may(): void
	{
		$made = (string) Key::make(1);
		Clock::$stoppedAt = microtime(true);
		$said = [];
		for ($n = 0; $n < 22; $n++) {
			$said[] = $this->ask('GET', ['restore', str_repeat('0', 32)], $made);
		}
		$this->assertSame(['no_session', 'too_many_requests', 'too_many_requests'], array_slice($said, 19));
		Clock::$ahead += 1;
		$this->assertSame('no_session', $this->ask('GET', ['restore', str_repeat('0', 32)], $made));
	}

	public function test_a_session_follows_the_restore_of_what_was_sent(): void
	{
		$session = $this->session();
		$session->enter();
		$this->assertSame(Session::OPEN, Session::find($session->id)->settled()->state, 'nobody restores it');
		$session->enter();
		Underway::take($this->channel, Intake::set(1, $session->id), new Choice());
		$this->assertSame(Session::RESTORING, Session::find($session->id)->settled()->state);
		$this->assertSame([Job::UPLOAD, JobState::Waiting], [Job::of(1)->door, Job::of(1)->state]);
		// The owner's page shows it, and stops it.
		$this->assertTrue(json_decode($this->page()['$state'], true)['$job']['may_cancel']);
		$this->press(['filesync_cancel' => '1']);
		$this->assertSame(JobState::Stopped, Job::of(1)->state);
		$now = Session::find($session->id)->settled();
		$this->assertSame(Session::OPEN, $now->state, 'its bytes stay, and it may be finished again');
		$this->assertDirectoryExists(Intake::folder(1, $session->id));
		$now->enter();
		Underway::take($this->channel, Intake::set(1, $session->id), new Choice());
		Job::change(1, ['state' => JobState::Done->value, 'begun' => 1]);
		$this->assertSame(Session::DONE, Session::find($session->id)->settled()->state);
		$this->assertDirectoryDoesNotExist(Intake::folder(1, $session->id));
	}

	public function test_an_ended_session_stops_its_restore(): void
	{
		$session = $this->session();
		$session->enter();
		Underway::take($this->channel, Intake::set(1, $session->id), new Choice());
		Session::find($session->id)->end('ended', '');
		$this->assertSame([Session::ENDED, JobState::Stopped], [
			Session::find($session->id)->state,
			Job::of(1)->state,
		]);
		$this->assertDirectoryDoesNotExist(Intake::folder(1, $session->id));
	}

	public function test_a_channel_sends_one_set_at_a_time_and_an_account_few(): void
	{
		$session = $this->session();
		$this->assertSame('restore_running', $this->refused(fn () => Session::begin($this->channel, ['x' => 'y'])));
		Config::set('upload_sessions', '1');
		dbq('UPDATE filesync_door SET uid = 2');
		$this->assertSame('too_many_sessions', $this->refused(fn () => Session::begin($this->channel, ['x' => 'y'])));
		dbq('UPDATE filesync_door SET aid = 77');
		Session::begin($this->channel, ['x' => 'y']);
		$this->assertSame(2, Table::count('filesync_door', []), 'what was refused left no row');
		$this->assertNotNull(Session::find($session->id));
	}

	public function test_bounds_that_nobody_changed_are_those_of_the_docs_and_say_how_much_is_short(): void
	{
		// One set a channel, three an account.
		foreach ([2, 3, 4] as $uid) {
			$this->session();
			dbq("UPDATE filesync_door SET uid = $uid WHERE uid = 1");
		}
		[$kind, $words] = $this->refusal(fn () => $this->session());
		$this->assertSame(['too_many_sessions', '3 sets are being sent to channels of this account'], [
			$kind,
			strstr($words, ',', true),
		]);
		dbq('DELETE FROM filesync_door WHERE uid > 2');
		$other = Session::of(2);
		$session = $this->session();
		$this->assertStringStartsWith('Another set is being sent', $this->refusal(fn () => $this->session())[1]);
		// Where the account has no limit, 10 GiB; else what that leaves.
		$most = 10 << 30;
		$need = fn (int $bytes) => fn () => Room::of($this->channel, $session)->need($bytes, 0);
		$this->assertSame(['', ''], $this->refusal($need($most)));
		[$kind, $words] = $this->refusal($need($most + (3 << 20)));
		$this->assertSame(['quota_short', 'short by 3.0 MiB.'], [
			$kind,
			substr($words, strpos($words, 'short by'), 17),
		]);
		set_config('service_class', 'test', ['attach_upload_limit' => 1000]);
		unset(App::$config['service_class']);
		dbq("UPDATE account SET account_service_class = 'test'");
		$this->receive($this->file('here', str_repeat('x', 300)));
		$this->work();
		$this->assertSame(['', ''], $this->refusal($need(700)));
		[$kind, $words] = $this->refusal($need(701));
		$this->assertSame(
			['quota_short', '701 B are to be sent, 700 B are left for this account: short by 1 B.'],
			[$kind, strstr($words, ' Send', true)],
		);
		// What others of the account send counts once it is here, and what is stated for this set at once.
		Entry::add($session, str_repeat('a', 64), 500, '');
		$this->assertStringContainsString('short by 1 B', $this->refusal($need(201))[1]);
		// A quarter of the disk above the headroom, for the sets of all.
		dbq("UPDATE account SET account_service_class = ''");
		Config::set('upload_max_bytes', (string) (1 << 50));
		$share = 25 * intdiv((1 << 40) - Config::number('headroom_bytes'), 100);
		// Each file takes a block, and there is one already.
		$left = $share - 500 - (2 * 4096);
		$this->assertSame(['', ''], $this->refusal($need($left)));
		[$kind, $words] = $this->refusal($need($left + 500));
		$this->assertSame(['disk_short', 'short by 500 B.'], [$kind, substr($words, strpos($words, 'short by'), 15)]);
		Entry::add($other, str_repeat('a', 64), 1 << 30, '');
		$this->assertStringContainsString('short by 1.0 GiB', $this->refusal($need($left))[1]);
	}

	public function test_many_tiny_files_count_what_they_take_on_the_disk_and_are_a_million_at_most(): void
	{
		$session = $this->session();
		$before = Room::of($this->channel, $session);
		$files = array_map(fn ($n) => ['sha256' => hash('sha256', "$n"), 'size_bytes' => 1], range(1, 5000));
		Entry::addAll($session, $files);
		$room = Room::of($this->channel, $session);
		$this->assertSame([5000 * 4097, 5000], [$before->disk - $room->disk, $before->account - $room->account]);
		$room->need(8000, 1, 995000);
		$this->assertSame(
			['too_many_files', 'A set that is sent has at most 1000000 files. Send a part of it.'],
			$this->refusal(fn () => $room->need(8000, 1, 995001)),
		);
	}

	public function test_a_pack_is_placed_and_noted_before_anything_of_its_session_is_removed(): void
	{
		$session = $this->session();
		$lock = fn () => Intake::lock($this->channel->id, $session->id);
		[$free, $bytes] = [[], 'many bytes'];
		$sha256 = hash('sha256', $bytes);
		$looking = function (string $sql) use (&$free, $lock): bool {
			if (preg_match('/^(INSERT INTO|UPDATE|DELETE FROM) filesync_door_entry/', $sql, $found)) {
				$free[$found[1]] = $lock()->take();
			}

			return false;
		};
		$_SERVER['CONTENT_TYPE'] = Packs::CONTENT_TYPE;
		Input::$bytes = "$sha256 " . bin2hex($bytes) . "\n";
		$request = new Request('POST', []);
		$this->whileFailing($looking, fn () => Input::give(fn () => Packs::take($request, $this->channel, $session)));
		$this->assertSame(['INSERT INTO' => false, 'UPDATE' => false], $free);
		$path = Intake::folder($this->channel->id, $session->id) . '/' . Intake::place($sha256);
		$this->assertFileExists($path);
		$this->whileFailing(
			$looking,
			fn () => (new Tus(new Request('DELETE', []), $this->channel, $session))->delete($sha256),
		);
		$this->assertFalse($free['DELETE FROM']);
		$this->assertFileDoesNotExist($path);
		$this->assertSame(['files' => 0, 'bytes' => 0], Entry::count($session, false));
		$this->assertTrue($lock()->take());
	}

	public function test_who_ends_an_upload_keeps_it_until_nothing_of_it_is_known(): void
	{
		$session = $this->session();
		$entry = fn () => Entry::find($session, str_repeat('a', 64));
		Entry::add($session, str_repeat('a', 64), 3, '');
		$store = new FileSync\Store(realpath(Intake::folder($this->channel->id, $session->id)));
		$open = fn () => new FileSync\Upload($store, Intake::arriving(str_repeat('a', 64)), $entry()->spec());
		$held = $open();
		$tus = new Tus(new Request('DELETE', []), $this->channel, $session);
		$this->assertSame('upload_busy', $this->refusal(fn () => $tus->delete(str_repeat('a', 64)))[0]);
		unset($held);
		$isKept = null;
		$this->whileFailing(
			function (string $sql) use (&$isKept): bool {
				if (str_starts_with($sql, 'DELETE FROM filesync_door_entry')) {
					$isKept = FileSync\Upload::$last?->get() !== null;
				}

				return false;
			},
			fn () => $tus->delete(str_repeat('a', 64)),
		);
		$this->assertTrue($isKept);
		$this->assertNull($entry());
	}

	public function test_what_has_no_room_leaves_no_session(): void
	{
		set_config('service_class', 'test', ['attach_upload_limit' => 1000]);
		unset(App::$config['service_class']);
		dbq("UPDATE account SET account_service_class = 'test'");
		$_SERVER['CONTENT_TYPE'] = 'application/json';
		$said = ['set' => ['filesync_set' => 1, 'channel' => ['hash' => $this->channel->hash]], 'bytes' => 1001];
		Input::$bytes = json_encode($said + ['lists' => ['tagmanifest-sha256.txt' => str_repeat('a', 64)]]);
		$key = ['filesync-key' => (string) Key::make(1)];
		$answer = Input::give(fn () => Doors::answer(new Request('POST', ['filesync', 'v1', 'restore'], $key)));
		$this->assertSame([507, 'quota_short'], [$answer->status, $answer->headers[Refusal::HEADER] ?? '']);
		$this->assertSame(0, Table::count('filesync_door', []));
	}

	public function test_ten_thousand_files_may_have_begun(): void
	{
		$made = (string) Key::make(1);
		$session = $this->session();
		Key::find($made)->bind($session->id);
		$digest = fn (int $n) => hash('sha256', (string) $n);
		for ($n = 0; $n < 10000; $n += 1000) {
			Entry::addAll($session, array_map(
				fn (int $n): array => ['sha256' => $digest($n), 'size_bytes' => 1],
				range($n, $n + 999),
			));
		}
		$create = fn () => Doors::answer(new Request(
			'POST',
			['filesync', 'v1', 'restore', $session->id, 'upload'],
			[
				'filesync-key' => $made,
				'tus-resumable' => '1.0.0',
				'upload-length' => '1',
				'upload-metadata' => 'sha256 ' . base64_encode($digest(10000)),
			],
		));
		$answer = $create();
		$this->assertSame([409, 'too_many_open'], [$answer->status, $answer->headers[Refusal::HEADER] ?? '']);
		$said = json_decode($answer->body, true);
		$this->assertSame(10000, $said['limit']);
		$this->assertStringStartsWith('10000 files have begun to arrive and are not whole', $said['message']);
		Entry::completeAll($session, [$digest(1)]);
		$this->assertSame(201, $create()->status);
	}

	public function test_a_channel_that_leaves_takes_all_of_it_along(): void
	{
		$session = $this->session();
		Key::make(1);
		Entry::add($session, str_repeat('a', 64), 5, '');
		file_put_contents(Intake::folder(1, $session->id) . '/set/data/by-digest/x', 'x');
		symlink(getcwd() . '/boot.php', Intake::folder(1, $session->id) . '/set/link');
		Housekeeping::forgetChannel(1);
		foreach (['filesync_door', 'filesync_door_key', 'filesync_door_entry'] as $table) {
			$this->assertSame(0, Table::count($table, []), $table);
		}
		$this->assertDirectoryDoesNotExist('store/[data]/filesync/1');
		$this->assertFileExists('boot.php');
	}

	public function test_only_the_copy_of_a_killed_request_is_taken_away(): void
	{
		$folder = Intake::folder(1, $this->session()->id);
		$temp = sys_get_temp_dir() . '/spool-' . getmypid();
		mkdir($temp);
		try {
			// A request reads its body, of which PHP keeps a copy, and is killed.
			$child = pcntl_fork();
			if ($child === 0) {
				$copy = fopen("$temp/phpAbC123", 'x+');
				fwrite($copy, 'a piece');
				(new Spool($folder))->look();
				posix_kill(getmypid(), SIGKILL);
			}
			pcntl_waitpid($child, $status);
			// Another one ends as it should.
			$copy = fopen("$temp/phpDeF456", 'x+');
			$spool = new Spool($folder);
			$spool->look();
			$spool->look();
			$spool->end();
			file_put_contents("$temp/phpGhI789", "somebody else's");
			$this->assertCount(1, preg_grep('/^body-/', scandir($folder)));
			Session::sweep();
			$this->assertFileExists("$temp/phpAbC123", 'not while it may be read');
			Clock::$ahead = 3601;
			Session::sweep();
			$this->assertSame(['phpDeF456', 'phpGhI789'], array_map(basename(...), glob("$temp/*")));
			$this->assertSame([], preg_grep('/^body-/', scandir($folder)));
			// A name that another file has by now.
			file_put_contents("$folder/body-x", json_encode([
				['path' => "$temp/phpGhI789", 'device' => stat($temp)['dev'], 'inode' => 1],
				['path' => "$temp/../" . basename($temp) . '/phpGhI789x', 'device' => 1, 'inode' => 1],
			]));
			Clock::$ahead = 7202;
			Session::sweep();
			$this->assertFileExists("$temp/phpGhI789");
			$this->assertSame([], preg_grep('/^body-/', scandir($folder)));
		} finally {
			exec('rm -rf ' . escapeshellarg($temp));
		}
	}

	private function session(): Session
	{
		return Session::begin($this->channel, ['tagmanifest-sha256.txt' => str_repeat('0', 64)]);
	}

	private function refused(Closure $work): string
	{
		return $this->refusal($work)[0];
	}

	/** @return array{string, string} Why work is refused, in a word and in a sentence; both empty if it is not. */
	private function refusal(Closure $work): array
	{
		try {
			$work();
		} catch (Refusal $e) {
			return [$e->kind, $e->getMessage()];
		}

		return ['', ''];
	}

	/** @param list<string> $path */
	private function ask(string $method, array $path, string $key): string
	{
		$answer = Doors::answer(new Request($method, ['filesync', 'v1', ...$path], ['filesync-key' => $key]));

		return $answer->headers[Refusal::HEADER] ?? '';
	}

	private function press(array $form): ?Made
	{
		$_POST = $form;

		return BackupActions::take();
	}

	private function keys(): array
	{
		return $this->page()['$keys'];
	}

	private function page(?Made $made = null): array
	{
		return json_decode(BackupPage::show($made), true);
	}
}
