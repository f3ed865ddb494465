<?php

require_once __DIR__ . '/Backups.php';

use Cli\Backups;
use PHPUnit\Framework\TestCase;
use TestHub\Databases;
use TestHub\Pair;

/**
 * The owner's command saves a whole channel, the hub loses it, and the command brings it back to an account that has
 * none: rows, posts, files, crops, access. Environment COMMAND names the command, EXTENSION the extension of the hub.
 */
final class CreateTest extends TestCase
{
	use Backups;

	private const LOGIN = 'new@example.test';
	private const PASSWORD = 'pass : word "ü';
	private const PASSPHRASE = 'correct horse battery staple';
	private const POSTS = 450;
	/** What tells each row of the channel. */
	private const ROWS = [
		'SELECT channel_name, channel_guid, channel_hash, channel_prvkey FROM channel WHERE channel_id = 1',
		'SELECT profile_guid, fullname FROM profile WHERE uid = 1',
		"SELECT cat, k, v FROM pconfig WHERE uid = 1 AND cat IN ('testhub', 'some')",
		'SELECT abook_xchan, abook_self, abook_closeness FROM abook WHERE abook_channel = 1',
		'SELECT hash, gname FROM pgrp WHERE uid = 1',
		'SELECT hash, xchan FROM pgrp_member JOIN pgrp ON pgrp.id = gid WHERE pgrp_member.uid = 1',
		'SELECT cr_name FROM chatroom WHERE cr_uid = 1',
		'SELECT mid, parent_mid, created, edited, body, title, author_xchan, item_deleted, item_type, allow_cid, allow_gid FROM item WHERE uid = 1 AND author_xchan IN (SELECT xchan_hash FROM xchan)',
		'SELECT hash, filename, filesize, is_dir, allow_cid, allow_gid, deny_cid, deny_gid FROM attach WHERE uid = 1 AND filename <> \'bytes are lost.pdf\'',
	];

	private static string $saved;
	/** @var array<string, list<string>> */
	private static array $before = [];

	public static function setUpBeforeClass(): void
	{
		self::beginAtDoor(sys_get_temp_dir() . '/filesync-create-' . getmypid());
		self::$channel->fillRows(
			self::PASSWORD,
			self::POSTS,
			'$top = $n % 3 ? "m" . ($n - $n % 3) : "m$n"; create_table_from_array("item", $empty + ["uid" => 1, "mid" => "m$n", "uuid" => "m$n", "parent_mid" => $top,'
			. ' "created" => sprintf("2024-%02d-01 10:00:00", 3 - intdiv($n, 150)), "edited" => "2024-06-01 10:00:00", "author_xchan" => $hash, "owner_xchan" => $hash, "body" => "post $n"]);'
			. ' dbq("UPDATE item SET parent = id WHERE mid = \'m$n\'");',
		);
		self::$channel->run(
			'set_pconfig(1, "some", "setting", "a value");'
			. 'create_table_from_array("pgrp_member", ["uid" => 1, "gid" => q("SELECT MAX(id) AS id FROM pgrp")[0]["id"], "xchan" => "somebody"]);',
		);
		$key = self::$channel->run('echo FileSync\Addon\Door\Key::make(1, "backup");');
		self::$pair->serve('b');
		self::useKey($key);
		self::$saved = self::$pair->folder . '/saved';
		$secrets = [
			'--password-file',
			self::file('password', self::PASSWORD),
			'--passphrase-file',
			self::file('passphrase', self::PASSPHRASE),
		];
		[$code, $said] = self::command('backup', self::url(), '--to', self::$saved, '--everything', ...$secrets);
		if ($code > 1) {
			throw new RuntimeException(json_encode($said));
		}
		self::$before = self::rows();
	}

	/** The hub has lost the channel; its owner has another account there. */
	protected function setUp(): void
	{
		$this->set = self::$saved;
		self::$pair->settle();
		$tables = ['profile', 'pconfig', 'item', 'term', 'attach', 'photo', 'pgrp', 'pgrp_member'];
		foreach ($tables as $table) {
			self::$pair->execute('b', "DELETE FROM $table WHERE uid = 1");
		}
		foreach (['abook' => 'abook_channel', 'chatroom' => 'cr_uid', 'channel' => 'channel_id'] as $table => $column) {
			self::$pair->execute('b', "DELETE FROM $table WHERE $column = 1");
		}
		foreach (self::$pair->rows(
			'b',
			"SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'filesync_%'",
		) as $table) {
			if (! in_array($table['name'], ['filesync_setting', 'filesync_schema'], true)) {
				self::$pair->execute('b', "DELETE FROM {$table['name']}");
			}
		}
		Pair::run([
			'rm',
			'-rf',
			self::$pair->hub('b') . '/store/alice',
			self::$home . '/.config/filesync/restores.toml',
		]);
		self::$channel->run(
			'del_config("testhub", "without_workers"); dbq("DELETE FROM account"); create_table_from_array("account", ["account_id" => 7, "account_email" => "'
			. self::LOGIN
			. '", "account_created" => datetime_convert()]);'
			. 'set_config("testhub", "passwords", ["'
			. self::LOGIN
			. '" => '
			. var_export(self::PASSWORD, true)
			. ']);',
		);
	}

	public function test_the_channel_comes_back_whole_killed_in_between_and_the_key_is_nowhere_else(): void
	{
		$killed = 0;
		$isAt = fn (string $where): Closure => fn (): bool => (
			self::$pair->rows('b', "SELECT id FROM filesync_import WHERE $where") !== []
		);
		foreach (['uid > 0', 'part > 3', "state = 'done'"] as $where) {
			$process = self::start(self::$pair->folder . '/log', ...$this->words());
			$killed += (int) self::killOnce($isAt($where), $process);
			$this->assertKeyIsHidden();
		}
		$this->assertGreaterThan(0, $killed);
		[$code, $said] = self::command(...$this->words());
		$this->assertSame(['done', 1], [$said['state'], $code], json_encode($said));
		$this->assertSame(['no_bytes'], array_column($said['attention'], 'code'));
		$this->assertIsBack();
		$this->assertSame(
			7,
			(int) self::$pair->rows('b', 'SELECT channel_account_id FROM channel')[0]['channel_account_id'],
		);
		$this->assertSame([], self::$pair->rows('b', "SELECT id FROM filesync_door_key WHERE kind = 'create'"));
		$this->assertKeyIsHidden();

		// All of it once more changes nothing.
		[$code, $said] = self::command(...$this->words());
		$this->assertSame(['done', 1], [$said['state'], $code], json_encode($said));
		$this->assertIsBack();
	}

	public function test_it_is_refused_in_words_and_nothing_is_there_then(): void
	{
		foreach ([
			[['--password-file', self::file('wrong', 'wrong')], 1, 'login_refused'],
			[['--passphrase-file', self::file('wrong', 'wrong')], 1, 'passphrase_wrong'],
			[['--account', 'nobody@example.test'], 1, 'login_refused'],
		] as [$options, $exit, $error]) {
			[$code, $said] = self::command(...$this->words(...$options));
			$this->assertSame([$exit, $error], [$code, $said['error']], json_encode($said));
		}
		self::$channel->run('FileSync\Addon\Hub\Config::set("restore_door", "0");');
		[$code, $said] = self::command(...$this->words());
		$this->assertSame([1, 'door_closed'], [$code, $said['error']]);
		self::$channel->run('FileSync\Addon\Hub\Config::clear("restore_door");');
		$this->assertSame([], self::$pair->rows('b', 'SELECT channel_id FROM channel'));
		$this->assertKeyIsHidden();
	}

	/** @return list<string> */
	private function words(string ...$options): array
	{
		$usual = [
			'--account' => self::LOGIN,
			'--password-file' => self::file('password', self::PASSWORD),
			'--passphrase-file' => self::file('passphrase', self::PASSPHRASE),
			'--without' => self::$pair->urls['a'],
		];
		foreach (array_chunk($options, 2) as [$name, $value]) {
			$usual[$name] = $value;
		}
		$words = ['restore', $this->set, '--to', self::url(), '--create'];
		foreach ($usual as $name => $value) {
			array_push($words, $name, $value);
		}

		return $words;
	}

	/** @return array<string, list<string>> The rows of the channel, by what they are. */
	private static function rows(): array
	{
		$all = [];
		foreach (self::ROWS as $sql) {
			$rows = array_map(
				// Links for guests do not come back with files.
				fn ($row) => json_encode(preg_replace('/<token:[0-9a-f]+>/', '', array_map(strval(...), $row))),
				self::$pair->rows('b', $sql),
			);
			sort($rows);
			$all[strtok(substr($sql, strpos($sql, ' FROM ') + 6), ' ')][] = implode("\n", $rows);
		}

		foreach (self::$pair->rows(
			'b',
			'SELECT hash, content FROM attach WHERE uid = 1 AND is_dir = 0 ORDER BY hash',
		) as $row) {
			$path = self::$pair->hub('b') . '/' . $row['content'];
			if (is_file($path)) {
				$all['bytes'][] = "$row[hash] " . hash_file('sha256', $path);
			}
		}

		return $all;
	}

	private function assertIsBack(): void
	{
		$now = self::rows();
		foreach (self::$before as $table => $rows) {
			// Files whose bytes were in the database have them on disk now.
			$this->assertSame(
				$rows,
				$table === 'bytes' ? array_values(array_intersect($now[$table], $rows)) : $now[$table],
			);
		}
		$this->assertGreaterThan(40, count($now['bytes']));
	}

	private function assertKeyIsHidden(): void
	{
		$row = json_decode(self::$before['channel'][0], true);
		$line = explode("\n", $row['channel_prvkey'])[3];
		$found = [];
		foreach ([self::$saved, self::$home, self::$pair->hub('b'), self::$pair->folder . '/log'] as $place) {
			exec('grep -rlaF -- ' . escapeshellarg($line) . ' ' . escapeshellarg($place) . ' 2>/dev/null', $found);
		}
		// The hub keeps it in its table; the fixture made the channel of a file.
		$this->assertSame(
			[],
			array_values(preg_grep('~/(hub\.sqlite(-wal)?|identity\.json)$~D', $found, PREG_GREP_INVERT) ?: []),
		);
		foreach (self::$pair->rows(
			'b',
			"SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'channel'",
		) as $table) {
			$rows = json_encode(self::$pair->rows('b', "SELECT * FROM {$table['name']}"), JSON_INVALID_UTF8_SUBSTITUTE);
			$this->assertStringNotContainsString(trim(json_encode($line), '"'), $rows, $table['name']);
		}
		foreach (glob('/proc/[0-9]*/{cmdline,environ}', GLOB_BRACE) ?: [] as $file) {
			$this->assertStringNotContainsString(substr($line, 0, 40), (string) @file_get_contents($file), $file);
		}
	}
}
