<?php

require_once __DIR__ . '/Backups.php';

use Cli\Backups;
use Cli\Hub;
use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * The owner's command backs up a channel of a hub that has no filesync: what is in the set is what the hub's tables and
 * store say, as a reader finds that has no code of filesync. Environment COMMAND names the command.
 */
final class BackupTest extends TestCase
{
	use Backups;

	private const PASSWORD = 'geheim&ß 42';
	private const SECRET = 'zxcvbnmasdfghjkl1234567890qwerty';

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/filesync-cli-' . getmypid();
		self::beginAtStock($folder);
		self::$channel->fill();
		self::$channel->run(
			"set_pconfig(\$channel['channel_id'], 'testhub', 'password', " . var_export(self::PASSWORD, true) . ');',
		);
		self::$channel->giveApp('filesync-test', self::SECRET);
		// A hub shows the posts that somebody answered, and those that share a file.
		self::$pair->execute(
			'a',
			"UPDATE item SET item_hidden = 0 WHERE resource_type = 'attach' OR parent IN (SELECT parent FROM item GROUP BY parent HAVING COUNT(*) > 1)",
		);
		self::lose(false);
		self::$pair->serve('a');
	}

	/** Whether the channel has a file without bytes: each run looks for them again, for seconds. */
	private static function lose(bool $isSo): void
	{
		$uid = $isSo ? "(SELECT channel_id FROM channel WHERE channel_address = 'alice')" : '0';
		self::$pair->execute('a', "UPDATE attach SET uid = $uid WHERE filename = 'bytes are lost.pdf'");
	}

	protected function setUp(): void
	{
		$this->set = self::nextSet();
	}

	protected function tearDown(): void
	{
		self::$pair->faults('a', []);
		self::lose(false);
		@unlink(self::$home . '/.config/filesync/login.toml');
		self::$channel->run("del_pconfig(\$channel['channel_id'], 'testhub', 'two_factor');");
	}

	public function test_a_set_made_with_an_app_key_is_what_the_hub_has(): void
	{
		$this->logIn();
		self::lose(true);
		[$code, $said] = $this->backup();
		$this->assertSame(1, $code, 'one file has no bytes');
		$this->assertSame([1, 'no_bytes'], [$said['missing'], $said['lacks'][0]['why']], json_encode($said));
		// Of a photo that was overwritten, nobody answered the second post.
		$hidden = self::$pair->rows(
			'a',
			'SELECT mid FROM item WHERE item_hidden = 1 AND id = parent AND resource_id IN (SELECT resource_id FROM item WHERE'
			. " resource_type = 'photo' AND id = parent GROUP BY resource_id HAVING COUNT(*) > 1)",
		);
		$this->assertCount(1, $hidden);
		self::$pair->execute('a', "UPDATE item SET item_deleted = 1 WHERE mid = '{$hidden[0]['mid']}'");
		$this->assertSame([], $this->differences());
		$this->assertDigests();
		$lacks = json_decode((string) file_get_contents("$this->set/set.json"), true)['lacks'];
		$this->assertContains('stock_api', array_column($lacks, 'why'));

		// Nothing has changed: nothing is fetched.
		$before = count(self::$pair->accesses('a'));
		[$code, $again] = $this->backup();
		$this->assertSame([1, 0, 0, false], [$code, $again['copied_bytes'], $again['received_bytes'], $again['full']]);
		$this->assertSame([$again['listed'], 0], [$again['unchanged'], $again['changed']]);
		$this->assertLessThan(40, count(self::$pair->accesses('a')) - $before);
		$this->assertSame([], $this->differences());
		// Looking at everything again finds the same, too.
		[, $again] = $this->backup('--full');
		$this->assertSame([true, 0, 0], [$again['full'], $again['copied_bytes'], $again['changed']]);
		$this->assertSame([], $this->differences());
	}

	public function test_everything_that_the_api_gives_is_in_the_set_and_what_it_cannot_give_stays(): void
	{
		self::$channel->run(
			'create_table_from_array("chatroom", ["cr_uid" => 1, "cr_name" => "room"]);'
			. 'create_table_from_array("pgrp", ["uid" => 1, "hash" => "friends", "gname" => "Friends"]);',
		);
		[$code, $said] = $this->everything();
		$this->assertSame([0, 0], [$code, $said['missing']], json_encode($said));
		$this->assertDigests();
		$shown = 'uid = 1 AND item_deleted = 0 AND item_hidden = 0';
		$posts = array_column(self::$pair->rows('a', "SELECT mid FROM item WHERE $shown"), 'mid');
		$this->assertNotEmpty($posts);
		$this->assertEqualsCanonicalizing($posts, $this->rowsOf('posts/*', fn ($row) => $row['message_id']));
		$this->assertSame(['room'], $this->rowsOf('channel/chatrooms', fn ($row) => $row['chatroom'][0]['cr_name']));
		$this->assertContains('Friends', $this->rowsOf('channel/groups', fn ($row) => $row['group'][0]['gname']));
		$this->assertSame(
			self::$pair->rows('a', 'SELECT abook_xchan AS hash FROM abook WHERE abook_channel = 1'),
			$this->rowsOf('channel/connections', fn ($row) => ['hash' => $row['xchan'][0]['xchan_hash']]),
		);
		$about = json_decode((string) file_get_contents("$this->set/set.json"), true);
		$this->assertSame('api', $about['everything']['by']);
		$this->assertContains('calendars', array_column($about['lacks'], 'what'));
		$key = self::$pair->rows('a', 'SELECT channel_prvkey AS pem FROM channel WHERE channel_id = 1')[0]['pem'];
		exec('grep -rlF -- ' . escapeshellarg(explode("\n", $key)[3]) . ' ' . escapeshellarg($this->set), $found);
		$this->assertSame([], $found);
		$sealed = hash_file('sha256', "$this->set/data/channel/identity.json.age");

		// Only posts of the last days are looked at; what the hub cannot give, and what it does not show now, stays.
		self::$channel->run('q("UPDATE chatroom SET cr_name = \'another\' WHERE cr_uid = 1");');
		self::$pair->faults('a', [['on' => ['api'], 'hash' => 'connections', 'status' => 500]]);
		[$code, $said] = $this->everything();
		$this->assertSame([1, false], [$code, $said['full']]);
		$this->assertSame(['connections', 'groups'], array_column($said['lacks'], 'what'));
		$this->assertStringContainsString('cannot give all connections at once', $said['lacks'][0]['words']);
		$this->assertSame($sealed, hash_file('sha256', "$this->set/data/channel/identity.json.age"));
		$this->assertEqualsCanonicalizing($posts, $this->rowsOf('posts/*', fn ($row) => $row['message_id']));
		$this->assertCount(1, $this->rowsOf('channel/connections', fn () => true));
		$this->assertSame(
			['another'],
			$this->rowsOf('channel/chatrooms', fn ($row) => $row['chatroom'][0]['cr_name']),
		);
		$this->assertSame([], glob("$this->set/data/older/*/posts") ?: []);
		[$code] = self::command('verify', $this->set);
		$this->assertSame(0, $code);

		$wrong = self::file('wrong', 'wrong');
		[$code, $said] = $this->backup('--everything', '--password-file', $wrong, '--passphrase-file', $wrong);
		$this->assertSame([1, 'login_refused'], [$code, $said['error']]);
	}

	/** @return array{int, array<string, mixed>, string} As `backup`, of all that the channel has. */
	private function everything(): array
	{
		$password = self::file('password', self::PASSWORD);
		$passphrase = self::file('passphrase', 'correct horse battery staple');
		$ended = $this->backup('--everything', '--password-file', $password, '--passphrase-file', $passphrase);
		unlink($password);
		unlink($passphrase);

		return $ended;
	}

	/**
	 * @template T
	 *
	 * @param \Closure(array<string, mixed>): T $of
	 *
	 * @return list<T> Of each line of some files beneath `data`.
	 */
	private function rowsOf(string $files, \Closure $of): array
	{
		$lines = array_merge(...array_map(file(...), glob("$this->set/data/$files.jsonl") ?: []));

		return array_map(fn ($line) => $of(json_decode($line, true, 512, JSON_THROW_ON_ERROR)), $lines);
	}

	public function test_changes_are_found_and_the_old_state_stays(): void
	{
		$this->logIn();
		$this->backup();
		$this->put('large.bin', 'other bytes');
		$this->put('new.txt', 'quite new');
		$this->dav('DELETE', 'same%20as%20others.bin');
		$this->dav('MOVE', 'access%200.txt', self::$pair->urls['a'] . '/dav/alice/access%20other.txt');
		[, $said] = $this->backup();
		$this->assertEquals(
			['replaced' => 1, 'new' => 1, 'removed' => 1, 'moved' => 1, 'copied_bytes' => 20],
			array_intersect_key($said, [
				'replaced' => 1,
				'new' => 1,
				'removed' => 1,
				'moved' => 1,
				'copied_bytes' => 1,
			]),
		);
		$this->assertSame([], $this->differences());
		$this->assertCount(1, glob("$this->set/data/older/*/files/large.bin") ?: []);
		[$code, $list] = self::read('list', $this->set);
		$this->assertSame(0, $code);
		$this->assertStringContainsString('access other.txt', $list);
		[$code, $text] = self::read('prune', $this->set, '--older-than', '1d', '--dry-run');
		$this->assertSame(0, $code, $text);
		$this->assertStringStartsWith('would remove 0 files, 0 B, of 0 runs; ', $text);
		[$code, $text] = self::read('verify', $this->set);
		$this->assertSame(0, $code, $text);
	}

	public function test_what_was_replaced_long_ago_goes_with_a_run_that_is_told_to(): void
	{
		$this->logIn();
		$this->backup();
		$this->put('large.bin', 'bytes of a day');
		$this->assertSame(0, $this->backup('--keep', '1d')[0]);
		$older = fn (): array => glob("$this->set/data/older/*/files/large.bin") ?: [];
		$this->assertCount(1, $older(), 'it was replaced today');
		$dayAfterTomorrow = gmdate('Y-m-d', time() + (2 * 86400));
		$this->assertSame(0, $this->backup('--keep', $dayAfterTomorrow, '--dry-run')[0]);
		$this->assertCount(1, $older(), 'a dry run changes nothing');
		[$code, $said, $text] = $this->backup('--keep', $dayAfterTomorrow);
		$this->assertSame(0, $code, $text);
		$this->assertSame([1, 0, []], [$said['removed_runs'], $said['older_files'], $older()], $text);
		$this->assertSame([], $this->differences());
		$this->assertDigests();
		[$code, $text] = self::read('verify', $this->set);
		$this->assertSame(0, $code, $text);
		[$code, $text] = self::read('backup', self::url(), '--to', $this->set, '--keep', 'long');
		$this->assertSame(2, $code, $text);
	}

	public function test_a_description_a_category_and_a_comment_are_found_by_the_full_look(): void
	{
		$this->logIn();
		$this->backup();
		$photo = self::$pair->rows('a', "SELECT hash FROM attach WHERE filename = 'photo 5.jpg'")[0]['hash'];
		self::$pair->execute('a', "UPDATE photo SET description = 'another' WHERE resource_id = '$photo'");
		[, $said] = $this->backup();
		$this->assertSame([0, false], [$said['changed'], $said['full']]);
		[, $said] = $this->backup('--full');
		$this->assertSame([1, true, 0], [$said['changed'], $said['full'], $said['copied_bytes']]);
		$metadata = (string) file_get_contents("$this->set/data/metadata/" . substr($photo, 0, 2) . "/$photo.json");
		$this->assertStringContainsString('"description":"another"', $metadata);
	}

	public function test_a_password_logs_in_and_no_secret_is_left_anywhere(): void
	{
		file_put_contents(self::$home . '/password', self::PASSWORD . "\n");
		[$code, $said] = $this->backup('--password-file', self::$home . '/password');
		$this->assertSame(0, $code, json_encode($said));
		[$code] = $this->backup('--password-command', 'cat ' . self::$home . '/password');
		$this->assertSame(0, $code);
		unlink(self::$home . '/password');
		$this->logIn();
		[$code] = $this->backup();
		$this->assertSame(0, $code);
		$tokens = array_keys(json_decode(
			self::$channel->run("echo json_encode(get_config('testhub', 'tokens'));"),
			true,
		));
		$sessions = array_filter(explode("\n", (string) file_get_contents(self::$pair->hub('a') . '/sessions.issued')));
		$this->assertNotEmpty($tokens);
		$this->assertNotEmpty($sessions);
		foreach ([
			self::PASSWORD,
			self::SECRET,
			base64_encode('alice:' . self::PASSWORD),
			...$tokens,
			...$sessions,
		] as $secret) {
			exec('grep -rlF -- ' . escapeshellarg($secret) . ' ' . escapeshellarg($this->set), $found, $status);
			$this->assertSame([1, []], [$status, $found]);
		}
		// The session that was opened is over.
		foreach (glob(self::$pair->hub('a') . '/sessions/*') ?: [] as $session) {
			$this->assertStringNotContainsString('allow_api', (string) file_get_contents($session));
		}
		exec(
			'grep -rlF -e ' . escapeshellarg(self::PASSWORD) . ' -e ' . escapeshellarg($tokens[0]) . ' '
				. escapeshellarg(self::$home),
			$found,
		);
		$this->assertSame([], $found);
	}

	public function test_refusals_are_put_into_words(): void
	{
		$wrong = fn (string $password) => $this->backup(
			'--password-command',
			"printf '%s' " . escapeshellarg($password),
		);
		[$code, $said] = $wrong('not it');
		$this->assertSame([1, 'login_refused'], [$code, $said['error']]);
		[$code, $said] = $wrong('with:colon');
		$this->assertSame([1, 'login_refused'], [$code, $said['error']]);
		$this->assertStringContainsString('‘:’', $said['words']);
		[$code, $said] = $this->backup();
		$this->assertSame([2, 'no_login'], [$code, $said['error']]);
		file_put_contents(self::$home . '/secret', "wrong\n");
		[$code, $said] = self::command(
			'login',
			self::url(),
			'--app',
			'filesync-test',
			'--secret-file',
			self::$home . '/secret',
		);
		$this->assertSame([1, 'login_refused'], [$code, $said['error']]);
		[$code, $said] = self::command(
			'backup',
			self::$pair->urls['a'] . '/channel/nobody',
			'--to',
			$this->set,
			'--password-command',
			'echo x',
		);
		$this->assertSame([1, 'no_channel'], [$code, $said['error']]);
		[$code, $said] = self::command('backup', 'http://192.0.2.1/channel/alice', '--to', $this->set);
		$this->assertSame([2, 'insecure_http'], [$code, $said['error']]);
		self::$pair->cut('a');
		[$code, $said] = $wrong(self::PASSWORD);
		self::$pair->serve('a');
		$this->assertSame([75, 'hub_unreachable'], [$code, $said['error']]);
	}

	public function test_with_a_second_factor_a_password_is_not_enough_and_an_app_key_is(): void
	{
		self::$channel->run("set_pconfig(\$channel['channel_id'], 'testhub', 'two_factor', 1);");
		[$code, $said] = $this->backup('--password-command', "printf '%s' " . escapeshellarg(self::PASSWORD));
		$this->assertSame([1, 'two_factor'], [$code, $said['error']]);
		$this->logIn();
		[$code, $said] = $this->backup();
		$this->assertSame([0, 0], [$code, $said['missing'] ?? $said]);
		$this->assertSame([], $this->differences());
	}

	public function test_a_killed_run_goes_on(): void
	{
		$this->logIn();
		$log = self::$pair->folder . '/killed.log';
		for ($n = 0; $n < 7; $n++) {
			$process = self::start($log, 'backup', self::url(), '--to', $this->set, '--limit', '2M');
			// Each time a little further, by what the hub was asked.
			$begun = count(self::$pair->accesses('a'));
			self::killOnce(fn () => count(self::$pair->accesses('a')) >= ($begun + 6 + (40 * $n)), $process);
			if (is_file("$this->set/set.json")) {
				break;
			}
		}
		[$code] = $this->backup();
		$this->assertSame(0, $code);
		$this->assertSame([], $this->differences());
	}

	public function test_a_mass_delete_asks_first(): void
	{
		$this->logIn();
		$this->backup();
		$rows = self::$pair->rows(
			'a',
			"SELECT * FROM attach WHERE folder IN (SELECT hash FROM attach WHERE filename = 'zoo')",
		);
		$this->assertGreaterThan(20, count($rows));
		$hashes = "'" . implode("','", array_column($rows, 'hash')) . "'";
		self::$pair->execute('a', "UPDATE attach SET uid = 99 WHERE hash IN ($hashes)");
		try {
			[$code, $said] = $this->backup();
			$this->assertSame([1, 'many_removed'], [$code, $said['error']]);
			[$code, $said] = $this->backup('--accept-removals');
			$this->assertSame([0, count($rows)], [$code, $said['removed']]);
			$this->assertSame([], $this->differences());
		} finally {
			$uid = self::$pair->rows('a', 'SELECT MIN(channel_id) AS id FROM channel')[0]['id'];
			self::$pair->execute('a', "UPDATE attach SET uid = $uid WHERE hash IN ($hashes)");
		}
	}

	public function test_a_part_of_the_channel_leaves_the_rest_as_it_is(): void
	{
		$this->logIn();
		[, $said] = self::command('backup', self::url(), '--to', $this->set, '--dry-run');
		$files = (int) self::$pair->rows('a', 'SELECT COUNT(*) AS n FROM attach WHERE is_dir = 0 AND uid > 0')[0]['n'];
		$this->assertSame([$files, $files, false], [$said['files'], $said['new_files'], is_dir($this->set)]);
		[$code, $said] = $this->backup('--only', 'zoo');
		$this->assertSame([0, 30], [$code, $said['files']]);
		[, $said] = $this->backup('--exclude', 'zoo/*.txt', '--skip-posts');
		$this->assertSame(0, $said['posts']);
		$this->assertGreaterThan(10, $said['removed']);
	}

	private function logIn(): void
	{
		file_put_contents(self::$home . '/secret', self::SECRET . "\n");
		$secret = self::$home . '/secret';
		self::succeed('login', self::url(), '--app', 'filesync-test', '--secret-file', $secret);
		unlink($secret);
	}

	private function put(string $path, string $bytes): void
	{
		$this->dav('PUT', rawurlencode($path), null, $bytes);
	}

	/** Changes a file as its owner does by WebDAV. */
	private function dav(string $method, string $path, ?string $to = null, string $bytes = ''): void
	{
		$jar = self::$pair->folder . '/jar';
		$api = self::$pair->urls['a'] . '/api/z/1.0/group';
		exec(
			'curl -sS -c ' . escapeshellarg($jar) . ' -u ' . escapeshellarg('alice:' . self::PASSWORD) . ' '
				. escapeshellarg($api),
		);
		$command = [
			'curl',
			'-sS',
			'-b',
			$jar,
			'-X',
			$method,
			'--data-binary',
			$bytes,
			'-H',
			'Content-Type: application/octet-stream',
		];
		$command = [
			...$command,
			...($to === null ? [] : ['-H', "Destination: $to"]),
			self::$pair->urls['a'] . "/dav/alice/$path",
		];
		exec(implode(' ', array_map(escapeshellarg(...), $command)));
		exec('curl -sS -b ' . escapeshellarg($jar) . ' ' . escapeshellarg(self::$pair->urls['a'] . '/logout'));
		unlink($jar);
	}
}
