<?php

require_once __DIR__ . '/Doorstep.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Maker;

/**
 * The door through which a channel comes to a hub: who gets a pass, what is refused, and that rows come once and in
 * order, whoever is killed. Environment EXTENSION names the extension to load.
 */
final class CreatingDoorTest extends TestCase
{
	private const LOGIN = 'new@example.test';
	private const PASSWORD = 'a:b "ü';
	private const KEYS = [
		'compatibility' => ['project' => 'hubzilla', 'version' => '8.9.3'],
		'relocate' => ['url' => 'https://gone.example', 'channel_address' => 'carol'],
	];

	private static Doorstep $door;
	private static array $identity;
	private string $pass = '';

	public static function setUpBeforeClass(): void
	{
		require_once __DIR__ . '/core/TestHub/Maker.php';
		self::$door = new Doorstep(sys_get_temp_dir() . '/creatingdoortest-' . getmypid());
		self::$identity = Maker::identity('carol');
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function setUp(): void
	{
		self::$door->inHub(
			'FileSync\Addon\Hub\Config::clear("restore_door"); FileSync\Addon\Hub\Config::clear("posts");'
			. 'foreach (["refusal", "door_key", "import", "import_post", "outbox"] as $table) dbq("DELETE FROM filesync_$table");'
			. 'dbq("DELETE FROM account WHERE account_id > 1"); dbq("DELETE FROM channel WHERE channel_id > 1");'
			. 'foreach (["item", "pconfig", "chatroom" => "cr_uid", "abook" => "abook_channel"] as $table => $column)'
			. ' dbq(is_int($table) ? "DELETE FROM $column WHERE uid > 1" : "DELETE FROM $table WHERE $column > 1");'
			. 'dbq("DELETE FROM workerq");'
			. 'foreach (["new", "other"] as $n => $name) create_table_from_array("account", ["account_id" => $n + 7, "account_email" => "$name@example.test", "account_created" => datetime_convert()]);'
			. 'set_config("testhub", "passwords", ["new@example.test" => '
			. var_export(self::PASSWORD, true)
			. ', "other@example.test" => "other"]);',
		);
		self::$door->key = '';
		$this->pass = '';
	}

	public function test_a_pass_needs_the_log_in_of_an_account_and_its_password(): void
	{
		$cookie = self::$door->logIn(self::LOGIN, self::PASSWORD);
		$right = ['login' => self::LOGIN, 'password' => self::PASSWORD];
		foreach ([
			['', $right, 401, 'logged_out'],
			[self::$door->logIn(self::LOGIN, 'wrong'), $right, 401, 'logged_out'],
			[$cookie, ['password' => 'wrong'] + $right, 403, 'password_wrong'],
			[$cookie, ['password' => ''] + $right, 403, 'password_wrong'],
			[$cookie, ['login' => 'other@example.test', 'password' => 'other'], 403, 'password_wrong'],
			[$cookie, ['login' => [self::LOGIN]] + $right, 400, 'login_wrong'],
		] as $n => [$with, $said, $status, $error]) {
			$answer = $this->ask('POST', '/create/pass', $said, ['Cookie' => $with]);
			$this->assertSame([$status, $error], [$answer['status'], $answer['error']], "case $n");
		}
		$this->assertSame([], self::$door->pair->rows('b', 'SELECT id FROM filesync_door_key'));
		$said = $this->ask('POST', '/create/pass', $right, ['Cookie' => $cookie]);
		$this->assertMatchesRegularExpression('/^fsc_[0-9a-f]{16}_[0-9a-f]{64}$/D', $said['pass']);
		$row = self::$door->pair->rows('b', 'SELECT * FROM filesync_door_key')[0];
		$this->assertSame([0, 7, 'create'], [(int) $row['uid'], (int) $row['aid'], $row['kind']]);
		$this->assertStringNotContainsString(explode('_', $said['pass'])[2], json_encode($row));
		foreach (['/set', '/channel', '/channel/identity'] as $path) {
			$this->assertSame('key_scope', $this->ask('GET', $path, key: $said['pass'])['error'], $path);
		}
		$this->assertSame('key_scope', $this->ask('POST', '/restore', [], key: $said['pass'])['error']);
		foreach (['backup', 'restore', 'pass'] as $kind) {
			$key = self::$door->makeKey(1, $kind);
			$this->assertSame('key_scope', $this->ask('POST', '/create', [], key: $key)['error'], $kind);
		}
		$this->assertSame(204, $this->ask('DELETE', '/create/pass', key: $said['pass'])['status']);
		$this->assertSame('key_wrong', $this->ask('POST', '/create', [], key: $said['pass'])['error']);
		for ($n = 0; $n < 5; $n++) {
			$this->ask('POST', '/create/pass', ['password' => "x$n"] + $right, ['Cookie' => $cookie]);
		}
		$this->assertSame('too_many_wrong', $this->ask('POST', '/create/pass', $right, ['Cookie' => $cookie])['error']);
	}

	public function test_an_admin_closes_it_and_only_the_account_that_began_an_import_goes_on_with_it(): void
	{
		$this->logInForPass();
		$begun = $this->begin();
		$this->assertSame(
			['first', 0, 0, null],
			[$begun['state'], $begun['part'], $begun['number'], $begun['nick']],
		);
		$first = $this->pass;
		$this->logInForPass('other@example.test', 'other');
		$this->assertSame('no_import', $this->ask('GET', "/create/{$begun['import']}")['error']);
		$this->pass = $first;
		$this->assertSame(200, $this->ask('GET', "/create/{$begun['import']}")['status']);
		self::$door->inHub('FileSync\Addon\Hub\Config::set("restore_door", "0");');
		$this->assertSame('door_closed', $this->ask('GET', "/create/{$begun['import']}")['error']);
		$about = json_decode(self::$door->ask('GET', '')['body'], true);
		$this->assertSame('closed', $about['creating_door']);
	}

	public function test_what_the_account_cannot_have_is_refused_before_anything_is_sent(): void
	{
		$this->logInForPass();
		$alice = self::$door->pair->rows('b', 'SELECT * FROM channel WHERE channel_id = 1')[0];
		foreach ([
			[['guid' => $alice['channel_guid']], 409, 'other_account'],
			[['nick' => 'alice'], 409, 'nick_taken'],
			[['nick' => 'principals'], 400, 'nick_wrong'],
			[['nick' => ''], 400, 'nick_wrong'],
			[['set' => 'x'], 400, 'set_wrong'],
			[['guid' => ''], 400, 'set_wrong'],
		] as $n => [$said, $status, $error]) {
			$answer = $this->begin($said);
			$this->assertSame([$status, $error], [$answer['status'], $answer['error']], "case $n");
		}
		self::$door->inHub(
			'set_config("service_class", "small", ["total_identities" => 1]); dbq("UPDATE account SET account_service_class = \'small\' WHERE account_id = 7");',
		);
		$this->assertSame('first', $this->begin()['state'], 'it has none yet');
		self::$door->inHub(
			'$of = q("SELECT * FROM channel WHERE channel_id = 1")[0]; unset($of["channel_id"]);'
			. 'create_table_from_array("channel", ["channel_account_id" => 7, "channel_address" => "dora", "channel_guid" => "g", "channel_hash" => "h"] + $of);',
		);
		$answer = $this->begin();
		$this->assertSame([409, 'channels_many', 1], [$answer['status'], $answer['error'], $answer['limit']]);
		$this->assertSame([], self::$door->pair->rows('b', 'SELECT id FROM filesync_import WHERE uid > 0'));
	}

	public function test_a_channel_comes_in_parts_each_once_and_nobody_hears_before_the_end(): void
	{
		$this->logInForPass();
		$import = $this->begin()['import'];
		$this->assertSame('no_channel', $this->rows($import, 'config', 1, 0, [[
			'cat' => 'a',
			'k' => 'b',
			'v' => 'c',
		]])['error']);
		$head = $this->head();
		foreach ([
			[['channel' => ['channel_guid' => 'another'] + $head['channel']] + $head, 'other_channel'],
			[['profile' => []], 'rows_wrong'],
			[$head + ['config' => []], 'rows_wrong'],
			[$head + ['relocate' => []], 'rows_wrong'],
		] as [$wrong, $error]) {
			$this->assertSame($error, $this->rows($import, 'channel', 0, 0, [$wrong])['error']);
		}
		$this->assertSame([], self::$door->pair->rows('b', 'SELECT channel_id FROM channel WHERE channel_id > 1'));
		$said = $this->rows($import, 'channel', 0, 0, [$head]);
		$this->assertSame(
			[200, 'first', 0, 1, 'caroline'],
			[$said['status'], $said['state'] ?? $said, $said['part'], $said['number'], $said['nick']],
		);
		$channel = self::$door->pair->rows('b', 'SELECT * FROM channel WHERE channel_id > 1')[0];
		$this->assertSame(7, (int) $channel['channel_account_id']);
		$this->assertSame(self::$identity['prvkey'], $channel['channel_prvkey']);
		// Whoever asked before hears where it is; the same again is not imported again.
		$this->assertSame('position_differs', $this->rows($import, 'channel', 0, 0, [$head])['error']);

		$rooms = [['cr_name' => 'one'], ['cr_name' => 'two'], ['cr_name' => 'three']];
		$this->assertSame(
			'position_differs',
			$this->rows($import, 'chatroom', 1, 2, $rooms)['error'],
			'not from its beginning',
		);
		$said = $this->rows($import, 'chatroom', 1, 0, array_slice($rooms, 0, 2));
		$this->assertSame([1, 2], [$said['part'], $said['number']]);
		$this->assertSame('position_differs', $this->rows($import, 'chatroom', 1, 0, $rooms)['error']);
		$this->rows($import, 'chatroom', 1, 2, array_slice($rooms, 2));
		$this->assertSame(['one', 'two', 'three'], $this->column('chatroom', 'cr_name', 'cr_uid'));

		// An answer before its post is not taken by the hub, and is given again.
		$posts = [$this->post('answer', 'top'), $this->post('top', 'top'), $this->post('orphan', 'nowhere')];
		$this->rows($import, 'item', 2, 0, [$posts[0]]);
		$said = $this->rows($import, 'item', 2, 1, array_slice($posts, 1));
		$this->assertSame([2, 3], [$said['part'], $said['number']]);
		$this->assertSame(['top'], $this->column('item', 'mid'));
		$this->assertSame('import_open', $this->finish($import)['error']);
		$refused = $this->ask('POST', "/create/$import/refused", []);
		$this->assertSame(
			[['part' => 2, 'number' => 0], ['part' => 2, 'number' => 2]],
			$refused['again'],
		);
		$this->assertSame(['answer', 'orphan'], $refused['posts']);
		$this->assertSame(
			'position_differs',
			$this->rows($import, 'item', 2, 3, $posts)['error'],
			'the first pass is over',
		);
		$said = $this->rows($import, 'item', 2, 0, [$posts[0]], ['numbers' => [0]]);
		$this->assertSame(['again', 2, 1, 1], [$said['state'], $said['part'], $said['number'], $said['posts_refused']]);
		// One that does not arrive is named.
		$said = $this->rows($import, 'item', 2, 0, [], ['numbers' => [2], 'left_out' => 'orphan']);
		$this->assertSame(['again', 3, 1], [$said['state'], $said['number'], $said['posts_refused']]);
		$this->assertSame([], $this->ask('POST', "/create/$import/refused", [])['again']);
		$this->assertEqualsCanonicalizing(['answer', 'top'], $this->column('item', 'mid'));

		$this->assertSame([], $this->told(), 'nobody was told');
		$this->assertSame('import_open', $this->ask('POST', "/create/$import/key", [])['error']);
		$this->assertSame('rows_wrong', $this->finish($import, [['config' => []]])['error']);
		$said = $this->finish($import, [['cart' => [['n' => 1]]]]);
		$this->assertSame(['done', 'caroline'], [$said['state'], $said['nick']]);
		$this->assertCount(1, $this->told());
		$this->finish($import);
		$this->assertCount(1, $this->told(), 'once');
		$key = $this->ask('POST', "/create/$import/key", []);
		$this->assertMatchesRegularExpression('/^fsr_/', $key['key']);
		$this->assertSame('done', $this->begin()['state'], 'the same set again');
		$this->assertCount(1, $this->column('hubloc', 'hubloc_url', 'hubloc_hash', "'{$channel['channel_hash']}'"));
	}

	public function test_rows_that_come_again_change_nothing_and_make_whole_what_a_kill_left_half(): void
	{
		$this->logInForPass();
		$send = function (string $set): void {
			$import = $this->begin(['set' => hash('sha256', $set)])['import'];
			$this->rows($import, 'channel', 0, 0, [$this->head()]);
			$this->rows($import, 'chatroom', 1, 0, [['cr_name' => 'one']]);
			$this->rows($import, 'item', 2, 0, [$this->post('top', 'top'), $this->post('answer', 'top')]);
		};
		$posts = fn () => self::$door->pair->rows(
			'b',
			'SELECT mid, uuid, parent > 0 AS has_place FROM item WHERE uid > 1 ORDER BY mid',
		);
		$send('one');
		$whole = $posts();
		$this->assertSame(['answer', 'top'], array_column($whole, 'mid'));
		// Between the row and its place in the conversation.
		self::$door->inHub('dbq("UPDATE item SET parent = 0 WHERE uid > 1");');
		$this->assertNotEquals($whole, $posts());
		$send('two');
		$this->assertEquals($whole, $posts());
		$this->assertSame(['one'], $this->column('chatroom', 'cr_name', 'cr_uid'));
	}

	public function test_one_request_of_an_account_at_a_time_has_rows_imported_and_few_imports_are_open(): void
	{
		$this->logInForPass();
		$imports = array_map(fn ($n) => $this->begin(['set' => hash('sha256', "$n")])['import'], range(1, 4));
		$open = array_column(self::$door->pair->rows('b', 'SELECT id FROM filesync_import'), 'id');
		$this->assertCount(3, $open);
		$this->assertContains($imports[3], $open, 'the newest');
		$this->assertSame('no_import', $this->ask('GET', '/create/' . current(array_diff($imports, $open)))['error']);
		$this->assertSame('no_import', $this->ask('GET', '/create/' . strtoupper($imports[3]))['error']);
		$this->assertSame(200, $this->rows($imports[3], 'channel', 0, 0, [$this->head()])['status']);
		// As by another request, of another import.
		$lock = $this->taken('door');
		foreach ([
			fn () => $this->rows(current(array_diff($open, [$imports[3]])), 'config', 1, 0, [[]]),
			fn () => $this->finish($imports[3]),
		] as $n => $ask) {
			$said = $ask();
			$this->assertSame([429, 'import_running'], [$said['status'], $said['error']], "case $n");
			$this->assertSame('1', self::$door->headers['retry-after']);
		}
		$this->logInForPass('other@example.test', 'other');
		$begun = $this->begin(['guid' => 'another', 'nick' => 'dora']);
		$said = $this->rows($begun['import'], 'chatroom', 1, 0, [['cr_name' => 'one']]);
		$this->assertSame('no_channel', $said['error'], 'of another account');
		fclose($lock);
	}

	public function test_a_slice_that_takes_too_long_is_ended_and_the_same_one_goes_on(): void
	{
		$this->logInForPass();
		$import = $this->begin()['import'];
		$this->rows($import, 'channel', 0, 0, [$this->head()]);
		$lock = $this->taken('slice');
		$give = fn (int $seconds) => sprintf(
			'$job = FileSync\Addon\Import\Job::load("%s"); $of = FileSync\Addon\Import\Section::Chatroom;'
			. ' $slice = new FileSync\Addon\Import\Slice($job->id, $job->position(), $of, 1, "", 0, 1, 0);'
			. ' echo json_encode(FileSync\Addon\Import\Process::give($slice, "[{\"cr_name\":\"one\"}]", %d));',
			$import,
			$seconds,
		);
		$this->assertSame(
			[-1, 'it took longer than 1 seconds, and its process was ended'],
			json_decode(self::$door->inHub($give(1)), true),
		);
		$this->assertSame([], $this->slices(), 'it is killed');
		// So is one whose own parent is killed.
		$code = "require 'include/cli_startup.php'; cli_startup(); load_hooks(); call_hooks('init_1'); " . $give(1);
		$null = ['file', '/dev/null', 'w'];
		$parent = proc_open(
			[__DIR__ . '/bin/in-hub', self::$door->hub, PHP_BINARY, '-r', $code],
			[$null, $null, $null],
			$pipes,
		);
		$this->until(fn () => $this->slices() !== []);
		posix_kill(proc_get_status($parent)['pid'], SIGKILL);
		proc_close($parent);
		$this->until(fn () => $this->slices() === []);
		fclose($lock);
		$said = $this->rows($import, 'chatroom', 1, 0, [['cr_name' => 'one']]);
		$this->assertSame([200, 1, 1], [$said['status'], $said['part'], $said['number']]);
	}

	public function test_the_private_key_is_taken_for_ten_minutes_and_is_nowhere_but_in_the_table_of_channels(): void
	{
		$this->logInForPass();
		$import = $this->begin()['import'];
		self::$door->inHub('dbq("UPDATE filesync_door_key SET created = ' . (time() - 601) . '");');
		$this->assertSame('pass_old', $this->rows($import, 'channel', 0, 0, [$this->head()])['error']);
		$this->logInForPass();
		$this->rows($import, 'channel', 0, 0, [$this->head()]);
		self::$door->inHub('dbq("UPDATE filesync_door_key SET created = ' . (time() - 601) . '");');
		$this->assertSame(200, $this->rows($import, 'chatroom', 1, 0, [['cr_name' => 'one']])['status']);

		$line = explode("\n", self::$identity['prvkey'])[3];
		exec(
			'grep -rlaF -- '
			. escapeshellarg($line)
			. ' '
			. escapeshellarg(self::$door->hub)
			. ' /tmp/php* 2>/dev/null',
			$found,
		);
		$this->assertSame(
			[self::$door->hub . '/hub.sqlite'],
			array_values(array_diff($found, [self::$door->hub . '/hub.sqlite-wal'])),
		);
		foreach (self::$door->pair->rows(
			'b',
			"SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'channel'",
		) as $table) {
			$rows = json_encode(
				self::$door->pair->rows('b', "SELECT * FROM {$table['name']}"),
				JSON_INVALID_UTF8_SUBSTITUTE,
			);
			$this->assertStringNotContainsString(trim(json_encode($line), '"'), $rows, $table['name']);
		}
	}

	public function test_a_request_of_another_form_changes_nothing(): void
	{
		$this->logInForPass();
		$import = $this->begin()['import'];
		$this->rows($import, 'channel', 0, 0, [$this->head()]);
		$line = fn (array $said) => json_encode(
			$said + self::KEYS + ['section' => 'chatroom', 'part' => 1, 'first' => 0],
		);
		$room = '{"cr_name":"one"}';
		foreach ([
			[$line([]) . "\n$room\n]x[", 400, 'rows_wrong'],
			[$line([]) . "\n", 400, 'rows_wrong'],
			[$line(['section' => 'passwords']) . "\n$room", 404, 'no_such_kind'],
			[$line(['section' => 'channel']) . "\n$room", 400, 'rows_wrong'],
			[$line(['part' => -1]) . "\n$room", 400, 'rows_wrong'],
			[$line(['part' => '1']) . "\n$room", 400, 'rows_wrong'],
			[$line(['numbers' => [1, 'x']]) . "\n$room\n$room", 400, 'rows_wrong'],
			[$line([]) . str_repeat("\n$room", 201), 400, 'rows_wrong'],
			['{', 400, 'rows_wrong'],
			[$line([]) . "\n" . json_encode(['x' => str_repeat('x', 8 << 20)]), 413, 'body_too_long'],
			[$line(['section' => 'xchan']) . "\n{}],\"channel\":[{}", 400, 'rows_wrong'],
		] as $n => [$body, $status, $error]) {
			$answer = self::$door->ask(
				'POST',
				"/create/$import/rows",
				['Filesync-Key' => $this->pass, 'Content-Type' => 'application/jsonl'],
				$body,
			);
			$this->assertSame([$status, $error], [$answer['status'], $answer['error']], "case $n");
		}
		$answer = self::$door->ask(
			'POST',
			"/create/$import/rows",
			['Filesync-Key' => $this->pass, 'Content-Type' => 'text/plain'],
			'x',
		);
		$this->assertSame('content_type', $answer['error']);
		foreach ([['GET', ''], ['PUT', '/pass'], ['POST', "/$import"], ['GET', "/$import/rows"]] as [$method, $path]) {
			$this->assertSame('method_wrong', $this->ask($method, "/create$path")['error'], "$method $path");
		}
		$this->assertSame('no_such_path', $this->ask('POST', "/create/$import/other", [])['error']);
		$this->assertSame([1, 0], [
			$this->ask('GET', "/create/$import")['number'],
			count($this->column('chatroom', 'cr_name', 'cr_uid')),
		]);
	}

	private function logInForPass(string $login = self::LOGIN, string $password = self::PASSWORD): void
	{
		$this->pass = $this->ask(
			'POST',
			'/create/pass',
			['login' => $login, 'password' => $password],
			['Cookie' => self::$door->logIn($login, $password)],
		)['pass'];
	}

	private function begin(array $said = []): array
	{
		return $this->ask(
			'POST',
			'/create',
			$said + ['set' => hash('sha256', 'set'), 'guid' => self::$identity['guid'], 'nick' => 'caroline'],
		);
	}

	private function head(): array
	{
		$channel = [
			'channel_name' => 'Carol',
			'channel_address' => 'carol',
			'channel_portable_id' => self::$identity['hash'],
		];
		foreach (['guid', 'guid_sig', 'hash', 'pubkey', 'prvkey', 'epubkey', 'eprvkey'] as $name) {
			$channel["channel_$name"] = self::$identity[$name];
		}
		foreach (['password', 'salt', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'] as $name) {
			$channel["channel_$name"] = '';
		}

		return [
			'channel' => $channel,
			'profile' => [['profile_guid' => 'p', 'profile_name' => 'Default', 'about' => '']],
		];
	}

	private function post(string $mid, string $top): array
	{
		$person = ['id' => self::$identity['guid'], 'network' => 'zot6', 'key' => self::$identity['pubkey']];
		$person += ['guid' => self::$identity['guid'], 'id_sig' => self::$identity['guid_sig']];

		return [
			'type' => 'activity',
			'uuid' => $mid,
			'message_id' => $mid,
			'message_top' => $top,
			'message_parent' => $top,
			'created' => '2024-05-01 10:00:00',
			'edited' => '2024-05-01 10:00:00',
			'title' => '',
			'body' => "the $mid",
			'mimetype' => 'text/bbcode',
			'owner' => $person,
			'author' => $person,
		];
	}

	/** Sends rows of a section. */
	private function rows(string $import, string $section, int $part, int $first, array $rows, array $more = []): array
	{
		$said = $more + self::KEYS + ['section' => $section, 'part' => $part, 'first' => $first];

		return $this->lines("/create/$import/rows", [$said, ...$rows]);
	}

	private function finish(string $import, array $addons = []): array
	{
		return $this->lines("/create/$import/finish", [self::KEYS, ...$addons]);
	}

	private function lines(string $path, array $lines): array
	{
		$answer = self::$door->ask(
			'POST',
			$path,
			['Filesync-Key' => $this->pass, 'Content-Type' => 'application/jsonl'],
			implode("\n", array_map(fn ($line) => json_encode($line, JSON_THROW_ON_ERROR), $lines)),
		);

		return (
			['status' => $answer['status'], 'error' => $answer['error']] + (json_decode($answer['body'], true) ?? [])
		);
	}

	/** @return resource A lock of the account, taken as another process does. */
	private function taken(string $name)
	{
		$lock = fopen(self::$door->hub . "/store/[data]/filesync/import-account-7.$name", 'c');
		$this->assertTrue(flock($lock, LOCK_EX | LOCK_NB));

		return $lock;
	}

	/** @return list<int> Processes of this hub that import a slice. */
	private function slices(): array
	{
		$found = [];
		foreach (glob('/proc/[0-9]*/cmdline') as $path) {
			$isSlice = str_contains((string) @file_get_contents($path), 'import-slice.php');
			if ($isSlice && @readlink(dirname($path) . '/cwd') === realpath(self::$door->hub)) {
				$found[] = (int) basename(dirname($path));
			}
		}

		return $found;
	}

	private function until(callable $condition): void
	{
		self::$door->pair->until($condition);
		$this->addToAssertionCount(1);
	}

	/** @return list<string> What the new channel has. */
	private function column(string $table, string $column, string $owner = 'uid', string $of = ''): array
	{
		$of = $of ?: '(SELECT channel_id FROM channel WHERE channel_id > 1)';

		return array_column(self::$door->pair->rows('b', "SELECT $column FROM $table WHERE $owner = $of"), $column);
	}

	/** @return list<array> Jobs that tell others. */
	private function told(): array
	{
		return self::$door->pair->rows('b', "SELECT * FROM workerq WHERE workerq_data LIKE '%refresh_all%'");
	}

	private function ask(
		string $method,
		string $path,
		?array $content = null,
		array $headers = [],
		?string $key = null,
	): array {
		$answer = self::$door->ask(
			$method,
			$path,
			['Filesync-Key' => $key ?? $this->pass]
			+ $headers
			+ ($content === null ? [] : ['Content-Type' => 'application/json']),
			$content === null ? null : json_encode((object) $content),
		);

		return (
			['status' => $answer['status'], 'error' => $answer['error']] + (json_decode($answer['body'], true) ?? [])
		);
	}
}
