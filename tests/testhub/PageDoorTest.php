<?php

require_once __DIR__ . '/Doorstep.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Pair;

/**
 * The owner's browser at the upload door, on the page /filesync/restore: let in by the hub's log-in and the page's
 * token together, by neither alone; and the plan that is shown before a byte of a file is sent.
 *
 * Environment EXTENSION names the extension to load.
 */
final class PageDoorTest extends TestCase
{
	private static Doorstep $door;
	private static string $set;
	/** @var array<string, string> Cookies of owners. */
	private static array $cookies;
	private string $token = '';

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/pagedoortest-' . getmypid();
		self::$door = new Doorstep($folder);
		$pair = self::$door->pair;
		self::$door->inHub('TestHub\Maker::channel(TestHub\Maker::identity("bob"), "bob");');
		mkdir("$folder/in");
		file_put_contents("$folder/in/one.txt", 'the bytes');
		file_put_contents("$folder/in/two words.bin", str_repeat("second \0\xFF", 40000));
		file_put_contents("$folder/in/three.txt", 'the third');
		$pair->upload('b', 'Papers', ["$folder/in/one.txt", "$folder/in/two words.bin"]);
		$pair->upload('b', '', ["$folder/in/three.txt"]);
		self::$set = "$folder/set";
		$pair->command('b', 'backup', 'alice', self::$set);
		foreach (['alice', 'bob'] as $nick) {
			$id = $pair->rows('b', "SELECT channel_id FROM channel WHERE channel_address = '$nick'")[0]['channel_id'];
			$session = bin2hex(random_bytes(16));
			file_put_contents(self::$door->hub . "/sessions/sess_$session", "uid|i:$id;authenticated|i:1;");
			self::$cookies[$nick] = "PHPSESSID=$session";
		}
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function setUp(): void
	{
		self::$door->inHub(
			'foreach ([1, 2] as $id) FileSync\Addon\Door\Session::forget($id); FileSync\Addon\Restore\Job::forget(1);'
			. 'FileSync\Addon\Hub\Config::clear("restore_door");',
		);
		$this->token = $this->state('alice')['token'];
	}

	public function test_the_page_is_for_the_channel_that_is_logged_in(): void
	{
		$url = self::$door->pair->urls['b'] . '/filesync/restore';
		$this->assertSame('Permission denied.', $this->as('', 'GET', $url)['body']);
		$this->assertSame(403, $this->as('', 'GET', "$url/state")['status']);
		foreach (['alice' => 1, 'bob' => 2] as $nick => $id) {
			$page = json_decode($this->as($nick, 'GET', $url)['body'], true);
			$this->assertSame(
				[self::$door->channelHash($id), '', '/filesync/v1'],
				[$page['$channel'], $page['$problem'], $page['$door']],
			);
			$this->assertNotSame('', $page['$token']);
			$this->assertIsArray(json_decode($page['$texts'], true));
		}
		self::$door->pair->command('b', 'config', 'set', 'restore_door', '0');
		$page = json_decode($this->as('alice', 'GET', $url)['body'], true);
		$this->assertStringContainsString('takes no backup sets', $page['$problem']);
	}

	public function test_a_log_in_without_the_pages_token_and_a_token_without_a_log_in_open_nothing(): void
	{
		$session = $this->begin()['session'];
		$old = explode('.', $this->token);
		foreach ([
			['alice', null, 401, 'key_missing'],
			['alice', 'x', 403, 'token_wrong'],
			['alice', $this->state('bob')['token'], 403, 'token_wrong'],
			['alice', ((int) $old[0] - 10900) . ".$old[1]", 403, 'token_wrong'],
			[
				'alice',
				json_decode(
					$this->as('alice', 'GET', self::$door->pair->urls['b'] . '/filesync/backup')['body'],
					true,
				)['$token'],
				403,
				'token_wrong',
			],
			['', $this->token, 401, 'logged_out'],
			['bob', $this->token, 403, 'token_wrong'],
		] as $n => [$nick, $token, $status, $error]) {
			foreach ([
				['POST', '/restore'],
				['DELETE', "/restore/$session"],
				['POST', "/restore/$session/finish"],
				['PATCH', "/restore/$session/upload/" . str_repeat('0', 64)],
			] as [$method, $path]) {
				$said = $this->as($nick, $method, $path, $token === null ? [] : ['Filesync-Token' => $token]);
				$this->assertSame([$status, $error], [$said['status'], $said['error']], "$n $method $path");
			}
		}
		$this->assertSame('open', $this->json('GET', "/restore/$session")['state'], 'and nothing was done');
		// The form of another site sends cookies, and can send no header.
		$said = $this->as(
			'alice',
			'POST',
			'/restore',
			['Content-Type' => 'application/x-www-form-urlencoded'],
			http_build_query([
				'form_security_token' => $this->token,
				'filesync_token' => $this->token,
			]),
		);
		$this->assertSame([401, 'key_missing'], [$said['status'], $said['error']]);
	}

	public function test_what_one_owner_began_is_nothing_to_another(): void
	{
		$session = $this->begin()['session'];
		$token = ['Filesync-Token' => $this->state('bob')['token']];
		foreach ([
			['GET', ''],
			['DELETE', ''],
			['POST', '/lacking'],
			['POST', '/plan'],
			['POST', '/finish'],
		] as [$method, $path]) {
			$said = $this->as('bob', $method, "/restore/$session$path", $token);
			$this->assertSame([404, 'no_session'], [$said['status'], $said['error']], "$method $path");
		}
		$this->assertNull($this->state('bob')['session']);
		$this->assertSame($session, $this->state('alice')['session']['session']);
	}

	public function test_the_reading_door_stays_closed_for_it(): void
	{
		$said = $this->as('alice', 'GET', '/set', ['Filesync-Token' => $this->token]);
		$this->assertSame([401, 'key_missing'], [$said['status'], $said['error']]);
	}

	public function test_the_plan_is_there_before_a_byte_of_a_file_is_sent(): void
	{
		self::$door->pair->execute('b', "DELETE FROM attach WHERE filename IN ('one.txt', 'two words.bin')");
		self::$door->pair->execute('b', 'DELETE FROM filesync_file WHERE hash NOT IN (SELECT hash FROM attach)');
		$session = '/restore/' . $this->begin()['session'];
		$said = $this->json('POST', "$session/plan", ['options' => []]);
		$this->assertSame([409, 'lists_missing'], [$said['status'], $said['error']]);
		$this->sendLists($session);
		$said = $this->json('POST', "$session/plan", ['options' => []]);
		$this->assertSame([202, 'planning'], [$said['status'], $said['state']]);
		self::$door->work();
		$before = self::$door->pair->rows('b', 'SELECT hash FROM attach WHERE uid = 1');
		$said = $this->state('alice');
		$plan = $said['session']['plan'];
		$this->assertSame(
			['open', ['here' => 1, 'restore' => 2], 360009, []],
			[
				$said['session']['state'],
				self::sorted($plan['files']),
				$plan['bytes']['restore'],
				$plan['named'],
			],
		);
		$this->assertSame(['This would be restored.', true], [
			$said['say'],
			json_decode($said['html'], true)['$job']['may_start'],
		]);
		$this->assertSame($before, self::$door->pair->rows('b', 'SELECT hash FROM attach WHERE uid = 1'));

		// The page for backups does not begin it, since its files are not here.
		$page = json_decode($this->as('alice', 'GET', self::$door->pair->urls['b'] . '/filesync/backup')['body'], true);
		$this->assertSame('', $page['$state']);
		$this->as('alice', 'POST', self::$door->pair->urls['b'] . '/filesync/backup', [], http_build_query([
			'form_security_token' => $page['$token'],
			'filesync_start' => '1',
			'filesync_job' => json_decode($said['html'], true)['$job']['seal'],
		]));
		self::$door->work();
		$this->assertSame($plan, $this->state('alice')['session']['plan']);

		// Without the bytes it says what is missing; with them all is restored.
		$this->sendData($session);
		$this->assertSame(202, $this->json('POST', "$session/finish", ['options' => []])['status']);
		self::$door->work();
		$said = $this->json('GET', $session);
		$this->assertSame(['done', 2, []], [$said['state'], $said['restore']['files']['restore'], $said['attention']]);
		$said = $this->state('alice');
		$this->assertNull($said['session']);
		$this->assertStringStartsWith('Restored', $said['say']);
		$this->assertEquals(
			['one.txt', 'three.txt', 'two words.bin'],
			array_column(
				self::$door->pair->rows(
					'b',
					'SELECT filename FROM attach WHERE uid = 1 AND is_dir = 0 ORDER BY filename',
				),
				'filename',
			),
		);
	}

	public function test_a_plan_that_fails_says_why_and_one_that_is_ended_is_gone(): void
	{
		$tags = 'no lists';
		$session = '/restore/' . $this->begin($tags)['session'];
		$said = $this->json('POST', "$session/plan", ['options' => []]);
		$this->assertSame(['tagmanifest-sha256.txt'], $said['missing']);
		$this->assertSame(204, $this->json('DELETE', $session)['status']);
		// Of another channel than it said when it began.
		$about = json_encode(['filesync_set' => 1, 'channel' => ['hash' => self::$door->channelHash(2)]]);
		$manifest = hash('sha256', 'x') . "  data/files/x\n";
		$tags = hash('sha256', $manifest) . "  manifest-sha256.txt\n" . hash('sha256', $about) . "  set.json\n";
		$session = '/restore/' . $this->begin($tags)['session'];
		$this->pack($session, [$tags, $manifest, $about]);
		$this->assertSame(202, $this->json('POST', "$session/plan", [])['status']);
		self::$door->work();
		$said = $this->json('GET', $session);
		$this->assertSame(['open', 'set_other_channel', null], [$said['state'], $said['code'], $said['plan']]);
		$this->assertSame(204, $this->json('DELETE', $session)['status']);

		$session = '/restore/' . $this->begin()['session'];
		$this->sendLists($session);
		$this->json('POST', "$session/plan", []);
		$this->assertSame(204, $this->json('DELETE', $session)['status']);
		self::$door->work();
		$this->assertSame('stopped', self::$door->pair->rows('b', 'SELECT state FROM filesync_restore')[0]['state']);
		$this->assertSame([], self::$door->onDisk());
	}

	public function test_a_key_and_the_page_go_on_with_each_others_set_only_where_the_owner_is(): void
	{
		$session = $this->begin()['session'];
		self::$door->makeKey();
		$said = self::$door->say('POST', '/restore', $this->asked($this->tags()));
		$this->assertSame([409, 'restore_running'], [$said['status'], $said['error']]);
		$said = $this->begin('another state');
		$this->assertSame([409, 'set_changed', $session], [$said['status'], $said['error'], $said['session']]);
		$this->assertSame(200, $this->begin()['status'], 'chosen again after a reload');
		$this->assertSame(204, $this->json('DELETE', "/restore/$session")['status']);
		// What a key began, the owner may go on with or end.
		$said = self::$door->say('POST', '/restore', $this->asked($this->tags()));
		$this->assertSame(201, $said['status']);
		$this->assertSame([200, $said['session']], [$this->begin()['status'], $this->begin()['session']]);
		$this->assertSame(204, $this->json('DELETE', "/restore/{$said['session']}")['status']);
		$this->assertSame(201, $this->begin()['status'], 'and begins another');
	}

	public function test_an_owner_may_end_what_is_in_the_drop_box_and_do_no_more_with_it(): void
	{
		$session = self::$door->inHub(
			'echo FileSync\Addon\Door\Session::begin(FileSync\Addon\Hub\Clones::channel(1), [], "box")->id;',
		);
		$said = $this->begin();
		$this->assertSame([409, 'set_changed', $session], [$said['status'], $said['error'], $said['session']]);
		$this->assertSame(['box', $session], [
			$this->state('alice')['door'],
			$this->state('alice')['session']['session'],
		]);
		foreach (['lacking', 'plan', 'finish', 'pack', 'upload'] as $place) {
			$said = $this->json('POST', "/restore/$session/$place", []);
			$this->assertSame([404, 'no_session'], [$said['status'], $said['error']], $place);
		}
		$this->assertSame(204, $this->json('DELETE', "/restore/$session")['status']);
		$this->assertSame(201, $this->begin()['status']);
	}

	/** @return array<string, mixed> */
	private function asked(string $tags): array
	{
		$signature = self::$set . '/channel-signature.json';

		return [
			'set' => ['filesync_set' => 1, 'channel' => ['hash' => self::$door->channelHash()]],
			'lists' =>
				['tagmanifest-sha256.txt' => hash('sha256', $tags)]
					+ ($tags === $this->tags() ? ['channel-signature.json' => hash_file('sha256', $signature)] : []),
		];
	}

	private function tags(): string
	{
		return file_get_contents(self::$set . '/tagmanifest-sha256.txt');
	}

	private function begin(?string $tags = null): array
	{
		return $this->json('POST', '/restore', $this->asked($tags ?? $this->tags()));
	}

	/** Sends what describes the set, and no file of it. */
	private function sendLists(string $session): void
	{
		$paths = array_merge(
			glob(self::$set . '/*.{txt,json}', GLOB_BRACE),
			glob(self::$set . '/runs/*'),
			glob(self::$set . '/data/metadata/*/*'),
		);
		$this->pack($session, array_map(file_get_contents(...), $paths));
	}

	private function sendData(string $session): void
	{
		$paths = Pair::run(['find', self::$set . '/data/files', '-type', 'f']);
		$this->pack($session, array_map(file_get_contents(...), $paths));
	}

	/** @param list<string> $all Bytes of files. */
	private function pack(string $session, array $all): void
	{
		$files = [];
		foreach ($all as $bytes) {
			$files[hash('sha256', $bytes)] = $bytes;
		}
		$said = $this->as(
			'alice',
			'POST',
			"$session/pack",
			['Filesync-Token' => $this->token, 'Content-Type' => 'application/x-tar'],
			Doorstep::tar($files),
		);
		$this->assertSame(200, $said['status'], $said['body']);
	}

	private function json(string $method, string $path, ?array $content = null): array
	{
		$said = $this->as(
			'alice',
			$method,
			$path,
			['Filesync-Token' => $this->token] + ($content === null ? [] : ['Content-Type' => 'application/json']),
			$content === null ? null : json_encode((object) $content),
		);

		return ['status' => $said['status'], 'error' => $said['error']] + (json_decode($said['body'], true) ?? []);
	}

	/** Sends a request as an owner's browser does. */
	private function as(string $nick, string $method, string $path, array $headers = [], ?string $body = null): array
	{
		return self::$door->ask(
			$method,
			$path,
			['Filesync-Key' => ''] + $headers + ($nick === '' ? [] : ['Cookie' => self::$cookies[$nick]]),
			$body,
		);
	}

	private function state(string $nick): array
	{
		return json_decode(
			$this->as($nick, 'GET', self::$door->pair->urls['b'] . '/filesync/restore/state')['body'],
			true,
		);
	}

	private static function sorted(array $of): array
	{
		ksort($of);

		return $of;
	}
}
