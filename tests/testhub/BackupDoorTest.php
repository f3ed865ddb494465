<?php

require_once __DIR__ . '/Pair.php';

use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * The page /filesync/backup at a hub's front door, with real sets: for a stranger, for the owner of another channel,
 * and for the owner. Environment EXTENSION names the extension to load.
 */
final class BackupDoorTest extends TestCase
{
	private static Pair $pair;
	private static string $sets;
	/** @var array<string, string> Cookies of owners. */
	private static array $cookies;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		$folder = sys_get_temp_dir() . '/backupdoortest-' . getmypid();
		self::$sets = "$folder-sets";
		mkdir($folder);
		mkdir(self::$sets, 0700);
		self::$pair = new Pair($folder, ['addon' => __DIR__ . '/../../php', 'extension' => $extension]);
		self::inHub('set_config("testhub", "without_workers", 1);');
		self::$pair->command('b', 'config', 'set', 'allow_private_addresses', '1');
		self::inHub('TestHub\Maker::channel(TestHub\Maker::identity("bob"), "bob");');
		file_put_contents("$folder/one.txt", 'the bytes');
		file_put_contents("$folder/two.txt", str_repeat('second ', 100));
		self::$pair->upload('b', 'Papers', ["$folder/one.txt", "$folder/two.txt"]);
		self::$pair->upload('b', '', ["$folder/two.txt"]);
		foreach (['alice', 'bob'] as $nick) {
			$id = self::$pair->rows(
				'b',
				"SELECT channel_id FROM channel WHERE channel_address = '$nick'",
			)[0]['channel_id'];
			$session = bin2hex(random_bytes(16));
			file_put_contents(self::$pair->hub('b') . "/sessions/sess_$session", "uid|i:$id;authenticated|i:1;");
			self::$cookies[$nick] = "Cookie: PHPSESSID=$session";
		}
		self::$pair->serve('a');
		self::$pair->serve('b');
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder, self::$sets]);
	}

	protected function setUp(): void
	{
		self::$pair->command('b', 'config', 'set', 'backup_folder', self::$sets);
		self::$pair->execute('b', 'DELETE FROM filesync_restore');
	}

	public function test_1_before_there_is_a_set_the_page_says_so(): void
	{
		$this->assertSame('There is no backup set of this channel yet.', $this->problem());
		self::$pair->command('b', 'config', 'clear', 'backup_folder');
		$this->assertStringContainsString('makes no backup sets', $this->problem());
		self::$pair->command('b', 'config', 'set', 'backup_folder', self::$sets);
		self::night();
		$this->assertSame(['Papers', 'two.txt'], array_column($this->page()['$listing']['rows'], 'name'));
	}

	public function test_a_stranger_sees_nothing_and_can_do_nothing(): void
	{
		self::night();
		$this->assertSame('Permission denied.', $this->ask('GET', '/filesync/backup')['body']);
		$this->assertSame(403, $this->ask('GET', '/filesync/backup/state')['status']);
		$this->ask('POST', '/filesync/backup', '', ['filesync_plan' => '[]', 'at' => '']);
		$this->assertSame([], self::$pair->rows('b', 'SELECT * FROM filesync_restore'));
	}

	public function test_the_owner_of_another_channel_reaches_only_the_own_set_whatever_is_asked(): void
	{
		self::night();
		foreach ([
			'',
			'?in[]=Papers',
			'?in[]=..&in[]=alice@127.0.0.1',
			'?folder=' . rawurlencode(self::$sets . '/alice'),
			'?channel=alice&uid=1&nick=alice',
			'?at=../alice',
		] as $query) {
			$page = $this->page('bob', $query);
			$this->assertSame([], $page['$listing']['rows'], $query);
			$this->assertStringNotContainsString('one.txt', json_encode($page));
		}
		$this->ask('POST', '/filesync/backup', 'bob', [
			'filesync_plan' => '["Papers","one.txt"]',
			'at' => '',
			'channel' => 'alice',
			'uid' => '1',
			'form_security_token' => $this->page('bob')['$token'],
		]);
		self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
		$jobs = self::$pair->rows('b', 'SELECT uid, folder, state, plan_files FROM filesync_restore');
		$this->assertCount(1, $jobs);
		$this->assertStringContainsString('/bob@', $jobs[0]['folder']);
		$this->assertEquals(['planned', 0], [$jobs[0]['state'], $jobs[0]['plan_files']]);
		$this->assertSame('', $this->page('alice')['$state'], "and alice's page shows nothing of it");
		$before = self::$pair->rows('b', 'SELECT * FROM filesync_restore');
		$this->ask('POST', '/filesync/backup', 'alice', [
			'filesync_cancel' => '1',
			'form_security_token' => $this->page('alice')['$token'],
		]);
		$this->assertSame($before, self::$pair->rows('b', 'SELECT * FROM filesync_restore'));
	}

	public function test_a_form_without_its_token_does_nothing(): void
	{
		self::night();
		foreach ([[], ['form_security_token' => $this->page('bob')['$token']]] as $token) {
			$answer = $this->ask('POST', '/filesync/backup', 'alice', ['filesync_plan' => '[]', 'at' => ''] + $token);
			$this->assertSame(302, $answer['status']);
			$this->assertSame([], self::$pair->rows('b', 'SELECT * FROM filesync_restore'));
		}
	}

	public function test_a_file_and_a_folder_come_back(): void
	{
		self::night();
		$this->lose();
		foreach ([
			['["Papers","one.txt"]', ['Papers', 'one.txt']],
			['["Papers"]', ['Papers', 'one.txt', 'two.txt']],
			['[]', ['Papers', 'one.txt', 'two.txt', 'two.txt']],
		] as [$what, $names]) {
			$this->press(['filesync_plan' => $what, 'at' => '']);
			self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
			$plan = $this->job();
			$this->assertSame(['planned', true], [$plan['state'], $plan['may_start']], json_encode($plan));
			$this->press(['filesync_start' => '1', 'filesync_job' => $plan['seal']]);
			$this->assertSame('waiting', $this->job()['state']);
			self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
			$this->assertSame('done', $this->job()['state'], json_encode($this->job()));
			$here = array_column(
				self::$pair->rows('b', 'SELECT filename FROM attach WHERE uid = 1 ORDER BY filename'),
				'filename',
			);
			$this->assertSame($names, $here);
		}
		$path = self::$pair->rows('b', "SELECT content FROM attach WHERE filename = 'one.txt'")[0]['content'];
		$this->assertSame('the bytes', file_get_contents(self::$pair->hub('b') . "/$path"));
	}

	public function test_a_clone_that_does_not_answer_must_be_left_out_first(): void
	{
		self::night();
		$this->lose();
		self::$pair->cut('a');
		try {
			$this->press(['filesync_plan' => '[]', 'at' => '']);
			self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
			$plan = $this->job();
			$this->assertSame([false, [false]], [$plan['may_start'], array_column($plan['away'], 'is_left_out')]);
			$this->assertStringContainsString('does not answer', $plan['warnings'][0]);
			$this->press(['filesync_start' => '1', 'filesync_job' => $plan['seal']]);
			self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
			$this->assertEquals([['n' => 0]], self::$pair->rows('b', 'SELECT count(*) AS n FROM attach WHERE uid = 1'));
			$this->press([
				'filesync_change' => '1',
				'filesync_without' => [$plan['away'][0]['url'], 'http://elsewhere.example'],
				'filesync_job' => $this->job()['seal'],
			]);
			self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
			$plan = $this->job();
			$this->assertSame([true, [true]], [$plan['may_start'], array_column($plan['away'], 'is_left_out')]);
			$this->press([
				'filesync_start' => '1',
				'filesync_without' => [$plan['away'][0]['url']],
				'filesync_job' => $plan['seal'],
			]);
			self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
			$this->assertSame('done', $this->job()['state']);
		} finally {
			self::$pair->serve('a');
		}
	}

	public function test_it_can_be_cancelled(): void
	{
		self::night();
		$this->lose();
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		$this->press(['filesync_cancel' => '1']);
		$this->assertSame('stopped', $this->job()['state']);
		$this->press(['filesync_plan' => '[]', 'at' => '']);
		self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
		$this->press(['filesync_start' => '1', 'filesync_job' => $this->job()['seal']]);
		$this->press(['filesync_cancel' => '1']);
		$this->assertSame('stopped', $this->job()['state']);
		self::inHub('FileSync\Addon\Work\Worker::daemon("restore");');
		$this->assertEquals([['n' => 0]], self::$pair->rows('b', 'SELECT count(*) AS n FROM attach WHERE uid = 1'));
	}

	public function test_where_filesync_is_off_and_where_the_set_is_damaged_the_page_says_so(): void
	{
		self::night();
		self::$pair->command('b', 'config', 'set', 'passive', '1');
		$this->assertNotSame('', $this->problem());
		self::$pair->command('b', 'config', 'clear', 'passive');
		self::$pair->command('b', 'config', 'set', 'owner_restore', '0');
		$this->assertStringContainsString('makes no backup sets', $this->problem());
		self::$pair->command('b', 'config', 'clear', 'owner_restore');
		$set = glob(self::$sets . '/alice@*')[0];
		rename("$set/manifest-sha256.txt", "$set/gone");
		$this->assertSame('The backup set cannot be read. The admin of this hub can see why.', $this->problem());
		rename("$set/gone", "$set/manifest-sha256.txt");
		copy("$set/set.json", "$set.json");
		file_put_contents("$set/set.json", '{"filesync_set":');
		$this->assertSame('The backup set cannot be read. The admin of this hub can see why.', $this->problem());
		rename("$set.json", "$set/set.json");
		$this->assertSame([], $this->page()['$problems']);
	}

	private static function inHub(string $code): void
	{
		Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'-r',
			"require 'include/cli_startup.php'; cli_startup(); load_hooks(); call_hooks('init_1'); $code",
		]);
	}

	private static function night(): void
	{
		self::inHub(
			'FileSync\Addon\Work\Housekeeping::daily(); dbq("DELETE FROM filesync_transfer");'
			. 'FileSync\Addon\Work\Worker::daemon("backup");',
		);
	}

	/** Removes the files of alice, as if they had never been here. */
	private function lose(): void
	{
		self::$pair->execute('b', 'DELETE FROM attach WHERE uid = 1');
		self::$pair->execute('b', 'DELETE FROM filesync_file');
		Pair::run(['rm', '-rf', self::$pair->hub('b') . '/store/alice']);
	}

	private function press(array $form): void
	{
		$this->ask('POST', '/filesync/backup', 'alice', ['form_security_token' => $this->page()['$token']] + $form);
	}

	private function problem(): string
	{
		return $this->page()['$problems'][0] ?? '';
	}

	private function job(): array
	{
		return json_decode($this->page()['$state'], true)['$job'];
	}

	/** Returns the values of the page's template. */
	private function page(string $nick = 'alice', string $query = ''): array
	{
		$answer = $this->ask('GET', "/filesync/backup$query", $nick);
		$this->assertSame(200, $answer['status']);

		return json_decode($answer['body'], true) ?? ['$problems' => [$answer['body']]];
	}

	private function ask(string $method, string $path, string $nick = '', array $form = []): array
	{
		$curl = curl_init(self::$pair->urls['b'] . $path);
		curl_setopt_array($curl, [
			CURLOPT_RETURNTRANSFER => true,
			CURLOPT_CUSTOMREQUEST => $method,
			CURLOPT_HTTPHEADER => ['Expect:', ...($nick === '' ? [] : [self::$cookies[$nick]])],
		] + ($form === [] ? [] : [CURLOPT_POSTFIELDS => http_build_query($form)]));
		$answer = (string) curl_exec($curl);

		return ['status' => curl_getinfo($curl, CURLINFO_HTTP_CODE), 'body' => $answer];
	}
}
