<?php

require_once __DIR__ . '/Pair.php';

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * The addon and the extension on hub B, a stock hub A, and everything that can go wrong between them: B ends with A's
 * bytes, or keeps what it had and says what it waits for. Environment EXTENSION names the extension to load.
 */
final class SyncTest extends TestCase
{
	const SMALL = 300000;
	const LARGE = 24 << 20;

	/** @var Pair */
	private static $pair;
	private static $count = 0;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		$folder = sys_get_temp_dir() . '/synctest-' . getmypid();
		mkdir($folder);
		self::$pair = new Pair($folder, [
			'addon' => __DIR__ . '/../../php',
			'extension' => $extension,
			'nicks' => ['b' => 'alice2'],
		]);
		foreach ([
			'allow_private_addresses' => 1,
			'retry_first_seconds' => 1,
			'retry_most_seconds' => 1,
		] as $setting => $value) {
			self::command('config', 'set', $setting, $value);
		}
		self::$pair->serve('a');
		self::$pair->serve('b');
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	/** What B learnt about A's WebDAV in one test must not decide another. */
	protected function setUp(): void
	{
		self::$pair->execute('b', 'UPDATE filesync_peer SET dav_refused_until = 0');
	}

	protected function tearDown(): void
	{
		self::$pair->faults('a', []);
		self::$pair->faults('b', []);
	}

	public static function passingFaults(): array
	{
		return [
			'503 with Retry-After' => [['status' => 503, 'retry_after' => 1]],
			'500' => [['status' => 500]],
			'nothing instead of the file' => [['on' => ['getfile', 'dav'], 'empty_200' => true]],
			'a connection that breaks off' => [['cut_after_bytes' => 100000]],
			'compressed answers' => [['gzip' => true]],
			'a stripped Authorization header' => [['strip_authorization' => true]],
			'a lost session' => [['lost_session' => true]],
		];
	}

	/** @dataProvider passingFaults */
	#[DataProvider('passingFaults')]
	public function test_a_fault_that_passes_ends_with_the_right_bytes(array $effects): void
	{
		foreach ([self::SMALL, self::LARGE] as $size) {
			self::$pair->faults('a', [$effects + ['on' => ['getfile', 'dav', 'api'], 'times' => 3]]);
			$this->arrives($this->give($size));
		}
	}

	public static function answersThatMeanNo(): array
	{
		return [
			'a page as for an unknown file' => [['html_page' => true]],
			'a redirect elsewhere' => [['redirect' => 'http://127.0.0.1:1/']],
			'403' => [['status' => 403]],
			'404' => [['status' => 404]],
			'no such file on disk' => [['skip' => true]],
		];
	}

	/** @dataProvider answersThatMeanNo */
	#[DataProvider('answersThatMeanNo')]
	public function test_a_file_that_is_not_given_is_said_to_be_missing_and_comes_with_the_next_packet(array $effects): void
	{
		self::$pair->faults('a', [$effects + ['on' => ['getfile', 'dav', 'api']]]);
		$given = $this->give(self::SMALL);
		$this->until(function () use ($given) {
			return $this->requestsFor($given['hash']) > 0 && strpos($this->missing(), $given['hash']) !== false;
		});
		$this->assertNull($this->shownOnB($given['hash']));
		self::$pair->faults('a', []);
		$this->announceAgain($given);
		$this->arrives($given);
	}

	public static function lastingFaultsOfDav(): array
	{
		return [
			'a page for a second factor' => [['two_factor' => true]],
			'ranges ignored' => [['ignore_range' => true]],
			'no session lives' => [['lost_session' => true]],
		];
	}

	public static function liesOfDav(): array
	{
		return [
			'other bytes than asked for' => [['shift_range' => 5]],
			'another Content-Range' => [['lie_content_range' => 5]],
			'another total' => [['lie_total' => 5]],
			'always 500' => [['status' => 500]],
		];
	}

	/** @dataProvider liesOfDav */
	#[DataProvider('liesOfDav')]
	public function test_where_dav_lies_nothing_is_shown_until_it_does_no_more(array $effects): void
	{
		self::$pair->faults('a', [$effects + ['on' => ['dav']]]);
		$given = $this->give(self::LARGE);
		$this->until(function () use ($given) {
			return count($this->failures($given['hash'])) >= 2 || $this->shownOnB($given['hash']);
		});
		$this->isNotShownWrongly($given);
		self::$pair->faults('a', []);
		$this->announceAgain($given);
		$this->arrives($given);
	}

	/** @dataProvider lastingFaultsOfDav */
	#[DataProvider('lastingFaultsOfDav')]
	public function test_where_dav_is_broken_for_good_the_other_ways_do(array $effects): void
	{
		self::$pair->faults('a', [$effects + ['on' => ['dav']]]);
		$this->arrives($this->give(self::LARGE));
	}

	public function test_bytes_that_change_in_transit_are_not_shown(): void
	{
		foreach ([['on' => ['getfile'], 'size' => self::SMALL], ['on' => ['dav'], 'size' => self::LARGE]] as $case) {
			self::$pair->faults('a', [[
				'on' => $case['on'],
				'times' => 1,
				'flip' => range(0, $case['size'] - 1, 5000),
			]]);
			$given = $this->give($case['size']);
			$this->until(function () use ($given) {
				$this->isNotShownWrongly($given);
				return $this->shownOnB($given['hash']) !== null;
			});
		}
	}

	public function test_the_same_packet_again_fetches_nothing(): void
	{
		$given = $this->give(self::SMALL);
		$this->arrives($given);
		$before = $this->requestsFor($given['hash']);
		self::$pair->run([
			PHP_BINARY,
			__DIR__ . '/bin/file.php',
			self::$pair->hub('a'),
			$given['hash'],
			'rename',
			$given['name'],
		]);
		self::$pair->settle();
		$this->assertSame($before, $this->requestsFor($given['hash']));
		$this->arrives($given);
	}

	public function test_a_rename_fetches_nothing_and_survives_an_origin_that_sends_nothing(): void
	{
		$given = $this->give(self::SMALL);
		$this->arrives($given);
		self::$pair->faults('a', [['on' => ['getfile', 'dav', 'api'], 'empty_200' => true]]);
		self::$pair->run([
			PHP_BINARY,
			__DIR__ . '/bin/file.php',
			self::$pair->hub('a'),
			$given['hash'],
			'rename',
			'new-' . $given['name'],
		]);
		self::$pair->settle();
		$this->arrives(['name' => 'new-' . $given['name']] + $given);
		$this->assertSame(
			'new-' . $given['name'],
			self::$pair->rows('b', "SELECT filename FROM attach WHERE hash = '{$given['hash']}'")[0]['filename'],
		);
	}

	public function test_an_overwritten_file_arrives_and_the_old_one_is_kept(): void
	{
		$given = $this->give(self::SMALL);
		$this->arrives($given);
		$this->arrives($this->overwrite($given, random_bytes(self::SMALL + 1000)));
		$kept = glob(
			str_replace(['[', ']'], ['\[', '\]'], self::$pair->hub('b') . '/store/[data]') . '/filesync/*/kept/*',
		);
		$this->assertContains($given['sha256'], array_map(function ($path) {
			return hash_file('sha256', $path);
		}, $kept));
	}

	public function test_an_origin_that_changes_half_way_with_equal_size_ends_with_its_new_bytes(): void
	{
		$path = self::$pair->hub('a') . '/faults.holding';
		@unlink($path);
		$hash = 'aaaaaaaa-0000-4000-8000-' . bin2hex(random_bytes(6));
		self::$pair->faults('a', [['hash' => $hash, 'hold_after_total' => self::LARGE >> 1]]);
		$given = $this->give(self::LARGE, $hash);
		$this->until(function () use ($path) {
			return is_file($path);
		});
		sleep(1);
		$newer = $this->overwrite($given, random_bytes(self::LARGE));
		self::$pair->faults('a', []);
		$this->arrives($newer);
	}

	public function test_a_delete_takes_the_file_and_its_post_and_keeps_the_bytes(): void
	{
		$given = $this->givePhoto();
		$this->arrives($given);
		$this->assertCount(1, self::$pair->rows(
			'b',
			"SELECT id FROM item WHERE resource_id = '{$given['hash']}' AND item_deleted = 0",
		));
		$packets = $this->packetsTo('a');
		self::$pair->run([PHP_BINARY, __DIR__ . '/bin/file.php', self::$pair->hub('a'), $given['hash'], 'delete']);
		self::$pair->settle();
		$this->assertNull($this->shownOnB($given['hash']));
		$this->assertSame([], self::$pair->rows('b', "SELECT id FROM photo WHERE resource_id = '{$given['hash']}'"));
		$this->assertSame(
			[],
			self::$pair->rows('b', "SELECT id FROM item WHERE resource_id = '{$given['hash']}' AND item_deleted = 0"),
		);
		$this->assertSame($packets, $this->packetsTo('a'), 'nothing is echoed');
	}

	public function test_a_photo_arrives_with_all_scales_and_its_post(): void
	{
		$given = $this->givePhoto();
		$this->arrives($given);
		$rows =
			'SELECT imgscale, width, height, mimetype, album, filename, display_path, os_path FROM photo WHERE resource_id = \''
			. $given['hash']
			. '\' ORDER BY imgscale';
		$this->until(function () use ($rows) {
			return count(self::$pair->rows('b', $rows)) === 4;
		});
		$this->assertSame(self::$pair->rows('a', $rows), self::$pair->rows('b', $rows));
		foreach (self::$pair->rows(
			'b',
			"SELECT imgscale, width, height, filesize FROM photo WHERE resource_id = '{$given['hash']}' AND imgscale > 0",
		) as $row) {
			$made = $this->shownOnB($given['hash']) . '-' . $row['imgscale'];
			$this->assertSame([(int) $row['width'], (int) $row['height'], (int) $row['filesize']], [
				...array_slice(getimagesize($made), 0, 2),
				filesize($made),
			]);
			$this->assertNotSame(
				hash_file('sha256', $given['on_a'] . '-' . $row['imgscale']),
				hash_file('sha256', $made),
				'it is made here',
			);
		}
		$item = self::$pair->rows('b', "SELECT body FROM item WHERE resource_id = '{$given['hash']}'")[0];
		$this->assertStringContainsString(self::$pair->urls['b'] . '/photos/alice2/image/', $item['body']);
	}

	public function test_many_packets_at_once_make_each_row_once(): void
	{
		$folder = 'Many/' . bin2hex(random_bytes(4)) . '/Deep';
		$paths = [];
		for ($n = 0; $n < 8; $n++) {
			$paths[] = $path = self::$pair->folder . '/many-' . $n;
			file_put_contents($path, random_bytes(2000));
		}
		$given = self::$pair->upload('a', $folder, $paths);
		$this->until(function () use ($given) {
			return count(array_filter($given, function ($file) {
				return $this->shownOnB($file['hash']) !== null;
			})) === 8;
		});
		$this->assertSame(
			[],
			self::$pair->rows('b', 'SELECT filename, COUNT(*) FROM attach GROUP BY hash HAVING COUNT(*) > 1'),
		);
	}

	public function test_a_post_that_names_a_file_makes_no_echo(): void
	{
		$given = $this->give(self::SMALL);
		$this->arrives($given);
		$packets = $this->packetsTo('a');
		Pair::run([PHP_BINARY, '-r', '
			chdir($argv[1]); require "include/cli_startup.php"; cli_startup();
			$channel = channelx_by_nick("alice");
			$mid = z_root() . "/item/" . ($uuid = new_uuid());
			$stored = item_store(["uid" => 1, "aid" => 1, "uuid" => $uuid, "mid" => $mid, "parent_mid" => $mid, "thr_parent" => $mid, "item_wall" => 1,
				"owner_xchan" => $channel["channel_hash"], "author_xchan" => $channel["channel_hash"], "body" => "[attachment]" . $argv[2] . ",0[/attachment]"]);
			Zotlabs\Lib\Libsync::build_sync_packet(1, ["item" => [encode_item($stored["item"], true)]]);
		', self::$pair->hub('a'), $given['hash']]);
		self::$pair->settle();
		$this->assertNotEmpty(self::$pair->rows('b', "SELECT id FROM item WHERE body LIKE '%{$given['hash']}%'"));
		$this->assertSame($packets, $this->packetsTo('a'));
		$this->arrives($this->overwrite($given, random_bytes(5000)));
	}

	public function test_an_empty_file_arrives(): void
	{
		$this->arrives($this->give(0));
	}

	public function test_a_cut_transfer_goes_on_where_it_stopped(): void
	{
		$hash = 'bbbbbbbb-0000-4000-8000-' . bin2hex(random_bytes(6));
		self::$pair->faults('a', [['hash' => $hash, 'cut_after_bytes' => (self::LARGE * 9) / 10, 'times' => 2]]);
		$this->arrives($this->give(self::LARGE, $hash));
		$sent = array_sum(array_column($this->accesses($hash), 'bytes'));
		$this->assertLessThan(self::LARGE * 1.12, $sent);
	}

	/** Comes last: everything above has logged in, failed and been logged. */
	public function test_no_cookie_signature_or_key_stands_in_a_log_or_table(): void
	{
		$hub = self::$pair->hub('b');
		$written = '';
		foreach (['hub.log', 'access.log', 'processes.log', 'worker.out'] as $log) {
			$written .= @file_get_contents($hub . '/' . $log);
		}
		foreach (array_diff(self::$pair->tables('b'), ['channel']) as $table) {
			$written .= json_encode(
				self::$pair->rows('b', 'SELECT * FROM ' . $table),
				JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES,
			);
		}
		$sessions = file(self::$pair->hub('a') . '/sessions.issued', FILE_IGNORE_NEW_LINES);
		$this->assertGreaterThan(3, count($sessions));
		foreach ($sessions as $session) {
			$this->assertStringNotContainsString($session, $written);
		}
		$this->assertStringNotContainsString('PHPSESSID', $written);
		$this->assertStringNotContainsString('PRIVATE KEY', $written);
		$this->assertStringNotContainsString('algorithm="rsa', $written);
		$this->assertSame(0, preg_match('/signature=/i', $written));
	}

	/** Gives hub A a new file of random bytes. */
	private function give(int $size, string $hash = ''): array
	{
		$path = self::$pair->folder . '/file-' . ++self::$count . '.bin';
		file_put_contents($path, $size ? random_bytes($size) : '');
		return $this->given($path, $hash);
	}

	private function givePhoto(): array
	{
		$picture = imagecreatetruecolor(1300, 900);
		for ($n = 0; $n < 30; $n++) {
			imagefilledellipse($picture, random_int(0, 1300), random_int(0, 900), 300, 200, random_int(0, 0xffffff));
		}
		$path = self::$pair->folder . '/picture-' . ++self::$count . '.jpg';
		imagejpeg($picture, $path);
		return $this->given($path, '');
	}

	private function given(string $path, string $hash): array
	{
		$stored = self::$pair->upload('a', 'Given/Deep er/Dänisch', [($hash === '' ? '' : $hash . '=') . $path])[0];
		return [
			'hash' => $stored['hash'],
			'name' => basename($path),
			'sha256' => hash_file('sha256', $path),
			'on_a' => $this->path('a', $stored['hash']),
		];
	}

	private function overwrite(array $given, string $bytes): array
	{
		// Dates have a second's grain, and a clone cannot see a change with equal date and size.
		sleep(1);
		$path = self::$pair->folder . '/newer';
		file_put_contents($path, $bytes);
		Pair::run([PHP_BINARY, __DIR__ . '/bin/file.php', self::$pair->hub('a'), $given['hash'], 'put', $path]);
		return ['sha256' => hash('sha256', $bytes)] + $given;
	}

	/** Waits until B shows the file with the bytes that were given. */
	private function arrives(array $given): void
	{
		$this->until(function () use ($given) {
			$path = $this->shownOnB($given['hash']);
			return $path !== null && hash_file('sha256', $path) === $given['sha256'];
		});
		// The bytes change places before the row does.
		$this->until(function () use ($given) {
			$row = self::$pair->rows('b', "SELECT filesize, content FROM attach WHERE hash = '{$given['hash']}'")[0];
			return filesize(self::$pair->hub('b') . '/' . $row['content']) === $row['filesize'];
		});
	}

	private function until(callable $condition): void
	{
		self::$pair->until($condition);
		$this->addToAssertionCount(1);
	}

	private function isNotShownWrongly(array $given): void
	{
		$path = $this->shownOnB($given['hash']);
		$this->assertTrue($path === null || hash_file('sha256', $path) === $given['sha256'], 'wrong bytes are shown');
	}

	/** Lets A send a packet about the file again; a new name is reason enough. */
	private function announceAgain(array $given): void
	{
		Pair::run([
			PHP_BINARY,
			__DIR__ . '/bin/file.php',
			self::$pair->hub('a'),
			$given['hash'],
			'rename',
			'again-' . $given['name'],
		]);
	}

	/** Returns what B logged about failed attempts for a file. */
	private function failures(string $hash): array
	{
		return preg_grep('/transfer of ' . $hash . '/', file(self::$pair->hub('b') . '/hub.log'));
	}

	private function shownOnB(string $hash): ?string
	{
		return $this->path('b', $hash);
	}

	private function path(string $hub, string $hash): ?string
	{
		$row = self::$pair->rows($hub, "SELECT content FROM attach WHERE hash = '$hash'")[0] ?? null;
		return $row ? self::$pair->hub($hub) . '/' . $row['content'] : null;
	}

	private function missing(): string
	{
		return self::command('missing');
	}

	private function accesses(string $hash): array
	{
		$path = self::$pair->rows('a', "SELECT display_path FROM attach WHERE hash = '$hash'")[0]['display_path'];
		return array_filter(
			array_map(function ($line) {
				return json_decode($line, true);
			}, file(self::$pair->hub('a') . '/access.log')),
			function ($access) use ($hash, $path) {
				return $access['file'] === $hash || $access['path'] === '/dav/alice/' . $path;
			},
		);
	}

	private function requestsFor(string $hash): int
	{
		return count($this->accesses($hash));
	}

	private function packetsTo(string $hub): int
	{
		return count(preg_grep('~"path":"/zot"~', file(self::$pair->hub($hub) . '/access.log')));
	}

	private static function command(string ...$words): string
	{
		return implode("\n", Pair::run(array_merge([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'addon/filesync/cli.php',
		], $words), false));
	}
}
