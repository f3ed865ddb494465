<?php

require_once __DIR__ . '/Doorstep.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;

/**
 * The door to what a channel has beside its files: who gets a pass and how soon it ends, and that all rows come, each
 * once, a page at a time. Environment EXTENSION names the extension to load.
 */
final class ReadingChannelDoorTest extends TestCase
{
	private const PASSWORD = 'a:b "ü';
	private const POSTS = 1100;

	private static Doorstep $door;
	private string $cookie = '';

	public static function setUpBeforeClass(): void
	{
		self::$door = new Doorstep(sys_get_temp_dir() . '/readingchanneldoortest-' . getmypid());
		self::$door->inHub(
			'TestHub\Maker::channel(TestHub\Maker::identity("bob"), "bob");'
			. 'foreach ([1, 2] as $id) set_pconfig($id, "testhub", "password", '
			. var_export(self::PASSWORD, true)
			. ');'
			. 'set_pconfig(1, "some", "secret", "hunter2");'
			. 'foreach (["alice", "bob"] as $n => $nick) {'
			. ' create_table_from_array("chatroom", ["cr_uid" => $n + 1, "cr_name" => "room of $nick"]);'
			. ' create_table_from_array("menu", ["menu_channel_id" => $n + 1, "menu_name" => "menu of $nick"]);'
			. ' create_table_from_array("menu_item", ["mitem_menu_id" => $n + 1, "mitem_channel_id" => $n + 1, "mitem_link" => z_root() . "/page"]);'
			. ' create_table_from_array("calendars", ["components" => "VEVENT"]);'
			. ' create_table_from_array("calendarinstances", ["calendarid" => $n + 1, "principaluri" => "principals/$nick", "uri" => "work"]);'
			. ' create_table_from_array("calendarobjects", ["calendarid" => $n + 1, "uri" => "one.ics", "calendardata" => "BEGIN:VCALENDAR of $nick"]);'
			. ' create_table_from_array("pgrp", ["uid" => $n + 1, "hash" => "group-$nick", "gname" => "Friends"]);'
			. ' create_table_from_array("pgrp_member", ["uid" => $n + 1, "gid" => $n + 1, "xchan" => "somebody"]);'
			. '}'
			. '$empty = array_fill_keys(["title", "summary", "html", "obj", "target", "postopts", "route", "llink", "plink", "attach", "sig",'
			. ' "allow_cid", "allow_gid", "deny_cid", "deny_gid"], "");'
			. '$hash = channelx_by_n(1)["channel_hash"];'
			. 'for ($n = 0; $n < '
			. self::POSTS
			. '; $n++) create_table_from_array("item", $empty + ["uid" => 1, "mid" => "m$n", "parent_mid" => "m$n",'
			. ' "created" => sprintf("2024-%02d-01 10:00:00", $n % 12 + 1), "author_xchan" => $hash, "owner_xchan" => $hash,'
			. ' "item_deleted" => (int) ($n === 7), "item_private" => $n === 8 ? 2 : 0,'
			. ' "body" => $n === 9 ? str_repeat("long ", 900000) : ($n < 16 ? str_repeat("x", 400000) : "post $n")]);'
			. 'create_table_from_array("item", $empty + ["uid" => 2, "mid" => "of-bob", "body" => "bob said"]); dbq("COMMIT");',
		);
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function setUp(): void
	{
		self::$door->inHub(
			'FileSync\Addon\Hub\Config::clear("backup_door"); del_pconfig(1, "testhub", "two_factor");'
			. ' foreach (["refusal", "door_key"] as $table) dbq("DELETE FROM filesync_$table");',
		);
		self::$door->key = '';
		$this->cookie = self::$door->logIn('alice', self::PASSWORD);
	}

	public function test_a_pass_needs_the_log_in_and_the_password_and_each_channel_has_its_own(): void
	{
		$right = ['nick' => 'alice', 'password' => self::PASSWORD];
		foreach ([
			['', $right, 401, 'logged_out'],
			[self::$door->logIn('alice', 'wrong'), $right, 401, 'logged_out'],
			[$this->cookie, ['password' => 'wrong'] + $right, 403, 'password_wrong'],
			[$this->cookie, ['password' => ''] + $right, 403, 'password_wrong'],
			[$this->cookie, ['nick' => 'bob'] + $right, 403, 'password_wrong'],
			[$this->cookie, ['nick' => 'nobody'] + $right, 403, 'password_wrong'],
			[$this->cookie, ['nick' => ['alice']] + $right, 400, 'nick_wrong'],
		] as $n => [$cookie, $said, $status, $error]) {
			$answer = $this->ask('POST', '/channel/pass', $said, ['Cookie' => $cookie]);
			$this->assertSame([$status, $error], [$answer['status'], $answer['error']], "case $n");
		}
		$this->assertSame([], self::$door->pair->rows('b', 'SELECT id FROM filesync_door_key'));
		$said = $this->ask('POST', '/channel/pass', $right, ['Cookie' => $this->cookie]);
		$this->assertSame(200, $said['status']);
		$this->assertMatchesRegularExpression('/^fsp_[0-9a-f]{16}_[0-9a-f]{64}$/D', $said['pass']);
		$row = self::$door->pair->rows('b', 'SELECT * FROM filesync_door_key')[0];
		$this->assertStringNotContainsString(explode('_', $said['pass'])[2], json_encode($row));
		// Another one takes its place.
		$this->pass();
		$this->assertCount(1, self::$door->pair->rows('b', 'SELECT id FROM filesync_door_key'));
		$this->assertSame('key_wrong', $this->ask('GET', '/channel', key: $said['pass'])['error']);
	}

	public function test_wrong_passwords_are_braked_also_where_the_right_one_follows(): void
	{
		for ($n = 0; $n < 5; $n++) {
			$said = $this->ask(
				'POST',
				'/channel/pass',
				['nick' => 'alice', 'password' => "x$n"],
				['Cookie' => $this->cookie],
			);
			$this->assertSame('password_wrong', $said['error']);
		}
		$said = $this->ask(
			'POST',
			'/channel/pass',
			['nick' => 'alice', 'password' => self::PASSWORD],
			['Cookie' => $this->cookie],
		);
		$this->assertSame([429, 'too_many_wrong'], [$said['status'], $said['error']]);
		$this->assertSame('600', self::$door->headers['retry-after']);
	}

	public function test_a_log_in_that_waits_for_its_second_factor_gets_none(): void
	{
		self::$door->inHub('set_pconfig(1, "testhub", "two_factor", "123456");');
		$cookie = self::$door->logIn('alice', self::PASSWORD);
		$right = ['nick' => 'alice', 'password' => self::PASSWORD];
		$page = $this->ask('POST', '/channel/pass', $right, ['Cookie' => $cookie]);
		$this->assertSame([200, '', false], [$page['status'], $page['error'], isset($page['pass'])]);
		foreach (['000000' => false, '123456' => true] as $code => $isRight) {
			$said = self::$door->ask(
				'POST',
				self::$door->pair->urls['b'] . '/totp_check',
				['Cookie' => $cookie, 'Content-Type' => 'application/x-www-form-urlencoded'],
				"totp_code=$code",
			);
			$this->assertSame($isRight, json_decode($said['body'], true)['status']);
			$this->assertSame($isRight, isset($this->ask('POST', '/channel/pass', $right, [
					'Cookie' => $cookie,
				])['pass']));
		}
	}

	public function test_the_private_key_is_given_for_ten_minutes_and_the_rest_while_it_is_read(): void
	{
		$pass = $this->pass();
		$identity = $this->ask('GET', '/channel/identity', key: $pass);
		$this->assertSame(200, $identity['status']);
		$this->assertStringContainsString('PRIVATE KEY', $identity['channel']['channel_prvkey']);
		$this->assertContains('hunter2', array_column($identity['config'], 'v'));
		$this->assertSame(
			[1],
			array_values(array_unique(array_map(intval(...), array_column($identity['config'], 'uid')))),
		);

		$this->age($pass, 601);
		$said = $this->ask('GET', '/channel/identity', key: $pass);
		$this->assertSame([403, 'pass_old'], [$said['status'], $said['error']]);
		$this->assertStringNotContainsString('PRIVATE KEY', $said['body']);
		// It was used just now.
		$this->assertSame(200, $this->ask('GET', '/channel', key: $pass)['status']);
		// For ten minutes it was not.
		self::$door->inHub('dbq("UPDATE filesync_door_key SET expires = ' . (time() - 1) . '");');
		$this->assertSame('key_wrong', $this->ask('GET', '/channel', key: $pass)['error']);
		// However much it is used, it ends.
		$pass = $this->pass();
		$this->age($pass, (12 * 3600) + 1);
		$this->assertSame(200, $this->ask('GET', '/channel', key: $pass)['status']);
		$this->assertSame('key_wrong', $this->ask('GET', '/channel', key: $pass)['error']);
	}

	public function test_it_is_given_up_and_no_other_key_opens_this_door_nor_it_another(): void
	{
		$pass = $this->pass();
		$this->assertSame('key_scope', $this->ask('GET', '/set', key: $pass)['error']);
		$this->assertSame('key_scope', $this->ask('POST', '/restore', [], key: $pass)['error']);
		foreach (['backup', 'restore'] as $kind) {
			$key = self::$door->makeKey(1, $kind);
			foreach (['/channel', '/channel/identity', '/channel/rows/posts'] as $path) {
				$this->assertSame('key_scope', $this->ask('GET', $path, key: $key)['error'], "$kind $path");
			}
		}
		$this->assertSame('key_missing', $this->ask('GET', '/channel', key: '')['error']);
		self::$door->inHub('FileSync\Addon\Hub\Config::set("backup_door", "0", "channel:1");');
		$this->assertSame('door_closed', $this->ask('GET', '/channel', key: $pass)['error']);
		$closed = $this->ask(
			'POST',
			'/channel/pass',
			['nick' => 'alice', 'password' => self::PASSWORD],
			['Cookie' => $this->cookie],
		);
		$this->assertSame('door_closed', $closed['error']);
		self::$door->inHub('FileSync\Addon\Hub\Config::clear("backup_door", "channel:1");');
		$this->assertSame(204, $this->ask('DELETE', '/channel/pass', key: $pass)['status']);
		$this->assertSame('key_wrong', $this->ask('GET', '/channel', key: $pass)['error']);
		$this->assertSame([], self::$door->pair->rows('b', "SELECT id FROM filesync_door_key WHERE kind = 'pass'"));
	}

	public function test_all_rows_come_once_a_page_at_a_time_and_nobody_elses(): void
	{
		$pass = $this->pass();
		$about = $this->ask('GET', '/channel', key: $pass);
		$this->assertSame('alice', $about['channel']['nick']);
		$this->assertSame(['channel_address' => 'alice', 'url' => self::$door->pair->urls['b']], $about['relocate']);
		$this->assertSame('hubzilla', $about['compatibility']['project']);
		$this->assertSame(
			[
				'connections' => 1,
				'groups' => 1,
				'apps' => 0,
				'chatrooms' => 1,
				'menus' => 1,
				'calendars' => 1,
				'calendarobjects' => 1,
				'posts' => self::POSTS,
			],
			$about['kinds'],
		);
		$this->assertSame(
			[404, 'no_such_kind'],
			array_values(array_slice($this->ask('GET', '/channel/rows/events', key: $pass), 0, 2)),
		);
		$posts = $this->read('posts', $pass);
		$this->assertCount(self::POSTS - 1, $posts['rows']);
		$this->assertSame([10], $posts['too_large'], '4,500,000 bytes');
		$this->assertSame(
			array_values(array_diff(array_map(fn ($n) => "m$n", range(0, self::POSTS - 1)), ['m9'])),
			array_column(array_column($posts['rows'], 'row'), 'message_id'),
		);
		$this->assertSame('2024-08', $posts['rows'][7]['file']);
		$this->assertSame(1, $posts['rows'][7]['row']['item_deleted'], 'the mark of a deleted one');
		$this->assertArrayNotHasKey('id', $posts['rows'][0]['row'], 'a number of this hub');

		$rows = fn (string $kind): array => array_column($this->read($kind, $pass)['rows'], 'row');
		$connection = $rows('connections')[0];
		$this->assertSame(['abook', 'xchan', 'hubloc'], array_keys($connection));
		$this->assertSame('alice', explode('@', $connection['xchan'][0]['xchan_addr'])[0]);
		$this->assertNotSame([], $connection['hubloc']);
		$group = $rows('groups')[0];
		$this->assertSame(['group-alice', 'somebody'], [
			$group['group'][0]['hash'],
			$group['group_member'][0]['xchan'],
		]);
		$this->assertSame(
			['room of alice'],
			array_map(fn ($row) => $row['chatroom'][0]['cr_name'], $rows('chatrooms')),
		);
		$menu = $rows('menus')[0]['menu'][0];
		$this->assertSame(['menu of alice', '[baseurl]/page'], [$menu['pagetitle'], $menu['items'][0]['link']]);
		$this->assertSame('work', $rows('calendars')[0]['calendar'][0]['uri']);
		$object = $rows('calendarobjects')[0]['calendarobject'][0];
		$this->assertSame(['BEGIN:VCALENDAR of alice', 'work'], [$object['calendardata'], $object['of']]);
	}

	public function test_a_print_changes_with_its_post_and_not_when_it_is_read(): void
	{
		$pass = $this->pass();
		$print = function () use ($pass): string {
			return $this->ask('GET', '/channel/rows/posts?after=49', key: $pass)['rows'][0]['print'];
		};
		$first = $print();
		self::$door->inHub(
			'dbq("UPDATE item SET item_unseen = 1, commented = \'2026-01-01 00:00:00\' WHERE id = 50");',
		);
		$this->assertSame($first, $print());
		$seen = [$first];
		foreach ([
			"edited = '2025-01-01 00:00:00'",
			'item_deleted = 1',
			"allow_gid = '<x>'",
			'item_starred = 1',
		] as $change) {
			self::$door->inHub("dbq(\"UPDATE item SET $change WHERE id = 50\");");
			$seen[] = $print();
		}
		$this->assertCount(5, array_unique($seen));
	}

	public function test_answers_stay_within_their_bounds(): void
	{
		$pass = $this->pass();
		$ids = range(1, 20);
		$answer = $this->ask('POST', '/channel/rows/posts', ['ids' => $ids], key: $pass);
		$this->assertLessThan(4.2 * (1 << 20), strlen($answer['body']));
		$this->assertNotSame([], $answer['left']);
		$got = array_column($answer['rows'], 'id');
		$this->assertSame($ids, array_merge($got, $answer['left']));
		foreach ([[], ['1'], range(1, 201), [1, 1], 'x'] as $wrong) {
			$this->assertSame(
				'ids_wrong',
				$this->ask('POST', '/channel/rows/posts', ['ids' => $wrong], key: $pass)['error'],
			);
		}
		$this->assertSame('number_wrong', $this->ask('GET', '/channel/rows/posts?after=x', key: $pass)['error']);
		// Of another channel nothing comes.
		$this->assertSame(
			['rows' => [], 'left' => []],
			array_intersect_key($this->ask('POST', '/channel/rows/posts', ['ids' => [self::POSTS + 1]], key: $pass), [
				'rows' => 1,
				'left' => 1,
			]),
		);
	}

	private function pass(): string
	{
		return (string) $this->ask(
			'POST',
			'/channel/pass',
			['nick' => 'alice', 'password' => self::PASSWORD],
			['Cookie' => $this->cookie],
		)['pass'];
	}

	/** Has a pass be made so many seconds earlier. */
	private function age(string $pass, int $seconds): void
	{
		self::$door->inHub(
			"dbq(\"UPDATE filesync_door_key SET created = created - $seconds WHERE id = '"
			. explode('_', $pass)[1]
			. "'\");",
		);
	}

	/** @return array{rows: list<array>, too_large: list<int>} */
	private function read(string $kind, string $pass): array
	{
		[$after, $listed] = [0, []];
		while ($after !== null) {
			$page = $this->ask('GET', "/channel/rows/$kind?after=$after", key: $pass);
			array_push($listed, ...$page['rows']);
			$after = $page['after'];
		}
		[$rows, $large] = [[], []];
		foreach (array_chunk(array_column($listed, 'id'), 200) as $ids) {
			while ($ids) {
				$answer = $this->ask('POST', "/channel/rows/$kind", ['ids' => $ids], key: $pass);
				foreach ($answer['rows'] as $row) {
					isset($row['too_large']) ? ($large[] = $row['id']) : ($rows[] = $row);
				}
				$ids = $answer['left'];
			}
		}
		$prints = array_column($listed, 'print', 'id');
		foreach ($rows as $row) {
			$this->assertSame($prints[$row['id']], $row['print']);
		}

		return ['rows' => $rows, 'too_large' => $large];
	}

	/** @param array<string, string> $headers */
	private function ask(
		string $method,
		string $path,
		?array $content = null,
		array $headers = [],
		string $key = '',
	): array {
		$answer = self::$door->ask(
			$method,
			$path,
			['Filesync-Key' => $key] + $headers + ($content === null ? [] : ['Content-Type' => 'application/json']),
			$content === null ? null : json_encode((object) $content),
		);

		return (
			['status' => $answer['status'], 'error' => $answer['error'], 'body' => $answer['body']]
			+ (json_decode($answer['body'], true) ?? [])
		);
	}
}
