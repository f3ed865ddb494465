<?php

require_once __DIR__ . '/Backups.php';

use Cli\Backups;
use PHPUnit\Framework\TestCase;

/**
 * The owner's command saves everything that a channel has: its rows as the hub's tables have them, only what changed
 * again, and the private key in one sealed file and nowhere else. Environment COMMAND names the command, EXTENSION the
 * extension of the hub.
 */
final class EverythingTest extends TestCase
{
	use Backups;

	private const PASSWORD = 'pass : word "ü';
	private const PASSPHRASE = 'correct horse battery staple';
	private const POSTS = 450;

	private static string $key;

	public static function setUpBeforeClass(): void
	{
		self::beginAtDoor(sys_get_temp_dir() . '/filesync-everything-' . getmypid());
		self::$channel->fillRows(
			self::PASSWORD,
			self::POSTS,
			'create_table_from_array("item", $empty + ["uid" => 1, "mid" => "m$n", "parent_mid" => "m$n",'
			. ' "created" => sprintf("2024-%02d-01 10:00:00", $n % 3 + 1), "author_xchan" => $hash, "owner_xchan" => $hash, "body" => "post\n$n"]);',
		);
		self::$key = self::$channel->run('echo FileSync\Addon\Door\Key::make(1, "backup");');
		self::$pair->serve('b');
		sleep(3);
	}

	protected function setUp(): void
	{
		$this->set = self::nextSet();
		self::useKey(self::$key);
		self::$channel->run('del_pconfig(1, "testhub", "two_factor"); dbq("DELETE FROM filesync_refusal");');
	}

	public function test_all_rows_are_in_the_set_and_a_second_run_asks_for_what_changed(): void
	{
		[$code, $said] = $this->everything();
		$this->assertSame(1, $code, json_encode($said));
		$this->assertSame(['no_bytes'], array_column($said['lacks'], 'why'));
		$this->assertSame([], $this->differences());
		$this->assertDigests();
		$this->assertRows();
		$about = json_decode((string) file_get_contents("$this->set/set.json"), true);
		$this->assertContains('identity', $about['contents']);
		$this->assertContains('posts', $about['contents']);
		$this->assertSame(1, $about['everything']['rows']['connections']);
		$this->assertSame('alice', $about['everything']['relocate']['channel_address']);
		$this->assertFileExists("$this->set/data/channel/chatrooms.jsonl");
		$this->assertSame(
			array_column(self::$pair->rows('b', 'SELECT gname FROM pgrp WHERE uid = 1 ORDER BY id'), 'gname'),
			array_map(fn ($row) => $row['group'][0]['gname'], $this->lines('data/channel/groups.jsonl')),
		);

		$sealed = hash_file('sha256', "$this->set/data/channel/identity.json.age");
		$from = count(self::$pair->accesses('b'));
		[, $again] = $this->everything();
		$this->assertSame(0, $again['new'] + $again['changed'] + $again['replaced'] + $again['removed']);
		$this->assertSame(
			$sealed,
			hash_file('sha256', "$this->set/data/channel/identity.json.age"),
			'nothing is new in it',
		);
		$this->assertSame([], glob("$this->set/data/older/*") ?: []);
		$asked = array_filter(
			array_slice(self::$pair->accesses('b'), $from),
			fn ($access) => $access['method'] === 'POST' && str_contains($access['path'], '/channel/rows/'),
		);
		$this->assertSame([], $asked, 'no row is asked for again');

		// An edit, a delete, a new one, one that is gone, and what concerns nobody.
		self::$pair->execute('b', "UPDATE item SET body = 'edited', edited = '2026-01-01 00:00:00' WHERE mid = 'm3'");
		self::$pair->execute(
			'b',
			"UPDATE item SET item_deleted = 1, body = '', changed = '2026-01-02 00:00:00' WHERE mid = 'm4'",
		);
		self::$pair->execute('b', "DELETE FROM item WHERE mid = 'm5'");
		self::$pair->execute('b', "UPDATE item SET created = '2025-12-31 23:59:59' WHERE mid = 'm6'");
		self::$pair->execute('b', "UPDATE item SET item_unseen = 1 WHERE mid = 'm7'");
		self::$pair->execute('b', "UPDATE chatroom SET cr_name = 'another' WHERE cr_uid = 1");
		$this->everything();
		$this->assertRows();
		$this->assertDigests();
		$older = fn (string $path): array => array_merge(...array_map(
			fn ($file) => $this->lines(substr($file, strlen($this->set) + 1)),
			glob("$this->set/data/older/*/$path") ?: [],
		));
		$this->assertEqualsCanonicalizing(
			['m3', 'm4', 'm5', 'm6'],
			array_column($older('posts/*.jsonl'), 'message_id'),
		);
		$this->assertSame(['room'], array_map(fn ($row) => $row['chatroom'][0]['cr_name'], $older('channel/*.jsonl')));
		$this->assertFileExists("$this->set/data/posts/2025-12.jsonl");

		// A run for the files alone leaves the rest, and the set says so.
		self::$pair->execute('b', "UPDATE item SET body = 'later', edited = '2026-02-01 00:00:00' WHERE mid = 'm8'");
		$this->backup();
		$about = json_decode((string) file_get_contents("$this->set/set.json"), true);
		$this->assertSame(self::posts(), $about['everything']['rows']['posts']);
		$this->assertContains('posts', $about['contents']);
		$this->assertDigests();
		self::succeed('prune', $this->set, '--older-than', gmdate('Y-m-d', time() + (2 * 86400)));
		$this->assertSame([], glob("$this->set/data/older/*/*/*") ?: []);
		[$code] = self::command('verify', $this->set);
		$this->assertSame(0, $code);
		$this->assertReadElsewhere();
	}

	public function test_a_damaged_file_of_rows_comes_again_and_a_mass_delete_is_asked_about(): void
	{
		$this->everything();
		$path = "$this->set/data/posts/2024-01.jsonl";
		file_put_contents($path, substr_replace((string) file_get_contents($path), 'X', 500, 1));
		[$code] = self::command('verify', $this->set);
		$this->assertSame(1, $code);
		$this->everything();
		$this->assertRows();
		$this->assertDigests();
		$this->assertSame([], glob("$this->set/data/older/*/posts") ?: [], 'damage is not kept');
		self::$pair->execute('b', 'UPDATE item SET uid = 77 WHERE uid = 1');
		[$code, $said] = $this->everything();
		$this->assertSame([1, 'many_removed'], [$code, $said['error']]);
		$this->assertStringContainsString('posts, connections and other rows', $said['words']);
		[$code] = $this->everything('--accept-removals');
		$this->assertSame([], glob("$this->set/data/posts/*") ?: []);
		self::$pair->execute('b', 'UPDATE item SET uid = 1 WHERE uid = 77');
		$this->everything();
		$this->assertRows();
	}

	public function test_the_private_key_is_in_one_sealed_file_and_no_secret_is_anywhere(): void
	{
		$before = glob(self::$pair->hub('b') . '/sessions/*') ?: [];
		$this->everything();
		$pem = self::$pair->rows('b', 'SELECT channel_prvkey FROM channel WHERE channel_id = 1')[0]['channel_prvkey'];
		$line = explode("\n", $pem)[3];
		$secrets = [$line, self::PASSWORD, addcslashes(self::PASSWORD, '"'), self::PASSPHRASE];
		foreach ([$this->set, self::$home, self::$pair->hub('b')] as $folder) {
			foreach ($secrets as $secret) {
				exec('grep -rlaF -- ' . escapeshellarg($secret) . ' ' . escapeshellarg($folder), $found);
			}
		}
		// The hub keeps both in its tables; the fixture made the channel of a file.
		$this->assertSame(
			[],
			array_values(preg_grep('~/(hub\.sqlite|identity\.json)~', $found ?? [], PREG_GREP_INVERT) ?: []),
		);
		$this->assertStringStartsWith(
			"age-encryption.org/v1\n-> scrypt ",
			(string) file_get_contents("$this->set/data/channel/identity.json.age"),
		);
		$opened = $this->opened();
		if ($opened !== null) {
			$identity = json_decode($opened, true);
			$this->assertSame($pem, $identity['channel']['channel_prvkey']);
			$this->assertArrayHasKey('config', $identity);
		}
		// The session was ended, and so was the pass.
		foreach (array_diff(glob(self::$pair->hub('b') . '/sessions/*') ?: [], $before) as $session) {
			$this->assertStringNotContainsString('account_id', (string) file_get_contents($session));
		}
		$this->assertSame([], self::$pair->rows('b', "SELECT id FROM filesync_door_key WHERE kind = 'pass'"));
	}

	public function test_a_refusal_is_said_in_words_and_changes_nothing(): void
	{
		$wrong = self::file('wrong', 'wrong');
		foreach ([
			[['--password-file', $wrong, '--passphrase-file', $wrong], 1, 'login_refused'],
			[['--password-file', self::$home . '/password'], 2, 'no_passphrase'],
			[['--passphrase-file', $wrong], 2, 'no_password'],
		] as [$options, $exit, $error]) {
			self::file('password', self::PASSWORD);
			[$code, $said] = $this->backup('--everything', ...$options);
			$this->assertSame([$exit, $error], [$code, $said['error']], json_encode($said));
		}
		self::$channel->run('set_pconfig(1, "testhub", "two_factor", "123456");');
		[$code, $said] = $this->everything();
		$this->assertSame([1, 'two_factor'], [$code, $said['error']]);
		self::succeed('logout', self::url());
		[$code, $said] = $this->everything();
		$this->assertSame([2, 'no_login'], [$code, $said['error']]);
		$this->assertFileDoesNotExist("$this->set/set.json");
	}

	/** @return array{int, array<string, mixed>, string} */
	private function everything(string ...$options): array
	{
		$password = self::file('password', self::PASSWORD . "\n");
		$passphrase = self::file('passphrase', self::PASSPHRASE . "\n");
		try {
			return $this->backup(
				'--everything',
				'--password-file',
				$password,
				'--passphrase-file',
				$passphrase,
				...$options,
			);
		} finally {
			unlink($password);
			unlink($passphrase);
		}
	}

	private static function posts(): int
	{
		return (int) self::$pair->rows('b', 'SELECT count(*) AS n FROM item WHERE uid = 1')[0]['n'];
	}

	/** The posts of the set are the rows of the hub: each once, in its month, with its text and marks. */
	private function assertRows(): void
	{
		$expected = [];
		foreach (self::$pair->rows('b', 'SELECT mid, created, body, item_deleted FROM item WHERE uid = 1') as $row) {
			$expected[] = [substr($row['created'], 0, 7), $row['mid'], $row['body'], (int) $row['item_deleted']];
		}
		$found = [];
		foreach (glob("$this->set/data/posts/*.jsonl") ?: [] as $file) {
			foreach ($this->lines(substr($file, strlen($this->set) + 1)) as $post) {
				$this->assertMatchesRegularExpression('/^[0-9a-f]{32}$/D', $post['filesync']['print']);
				$found[] = [basename($file, '.jsonl'), $post['message_id'], $post['body'], $post['item_deleted']];
			}
		}
		sort($expected);
		sort($found);
		$this->assertSame($expected, $found);
	}

	/** @return list<array> */
	private function lines(string $path): array
	{
		return array_map(
			fn ($line) => json_decode($line, true, 512, JSON_THROW_ON_ERROR),
			file("$this->set/$path", FILE_IGNORE_NEW_LINES) ?: [],
		);
	}

	/** The other reader of sets finds nothing wrong. */
	private function assertReadElsewhere(): void
	{
		exec(
			'python3 '
			. escapeshellarg(dirname(__DIR__) . '/set/reader.py')
			. ' '
			. escapeshellarg($this->set)
			. ' 2>&1',
			$output,
			$status,
		);
		$this->assertSame(0, $status, implode("\n", $output));
	}

	/** Returns what `age` opens with the passphrase; null if it is not installed. */
	private function opened(): ?string
	{
		if (exec('command -v age') === '') {
			fwrite(STDERR, "age is not installed: it does not open the identity\n");
			return null;
		}
		$script = <<<'PYTHON'
			import os, pty, sys
			sealed, opened, passphrase = sys.argv[1:]
			pid, terminal = pty.fork()
			if pid == 0:
			    os.execvp('age', ['age', '--decrypt', '--output', opened, sealed])
			os.read(terminal, 1000)
			os.write(terminal, passphrase.encode() + b'\n')
			sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
			PYTHON;
		$opened = self::$home . '/opened';
		exec(implode(' ', array_map(escapeshellarg(...), [
			'python3',
			'-c',
			$script,
			"$this->set/data/channel/identity.json.age",
			$opened,
			self::PASSPHRASE,
		])), $output, $status);
		$this->assertSame(0, $status);
		$text = (string) file_get_contents($opened);
		unlink($opened);

		return $text;
	}
}
