<?php

require_once __DIR__ . '/Pair.php';
require_once __DIR__ . '/Fpm.php';
require_once __DIR__ . '/core/TestHub/Maker.php';

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use TestHub\Fpm;
use TestHub\Maker;
use TestHub\Pair;

/**
 * One worker answers thousands of requests for two channels in turn: each is answered as the first time, nobody gets
 * what is another's, and the worker neither grows nor keeps a file, a thread or a connection. Environment EXTENSION
 * names the extension to load, ROUNDS how often each request is made.
 */
final class LongLivedTest extends TestCase
{
	const TOKEN = 'a-token-of-sufficient-length';
	/** What a worker may grow by: its allocators settle slowly. */
	const KILOBYTES = 1024;

	/** @var Pair */
	private static $pair;

	/** @var ?Fpm */
	private static $fpm = null;

	/** @var int when it had started */
	private static $servedSince = 0;

	/** @var array<string, array> identity, file, session of each channel, by nick */
	private static $of = [];

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		$folder = sys_get_temp_dir() . '/longlivedtest-' . getmypid();
		mkdir($folder);
		self::$pair = new Pair($folder, ['addon' => __DIR__ . '/../../php', 'extension' => $extension]);
		$hub = self::$pair->hub('b');
		$bob = Maker::identity('bob', 2048);
		self::inHub(
			'set_config("testhub", "without_workers", 1); TestHub\Maker::channel(json_decode($argv[1], true), "bob");',
			json_encode($bob),
		);
		self::$pair->command('b', 'config', 'set', 'metrics_token', self::TOKEN);
		foreach ([
			'alice' => json_decode(file_get_contents("$hub/identity.json"), true),
			'bob' => $bob,
		] as $nick => $who) {
			file_put_contents("$folder/$nick.txt", str_repeat("$nick's bytes, ", 20000));
			$session = hash('md5', $nick);
			$id = (int) self::$pair->rows(
				'b',
				"SELECT channel_id FROM channel WHERE channel_address = '$nick'",
			)[0]['channel_id'];
			file_put_contents("$hub/sessions/sess_$session", "uid|i:$id;authenticated|i:1;");
			$upload = [__DIR__ . '/bin/in-hub', $hub, PHP_BINARY, __DIR__ . '/bin/upload.php', $hub, $nick, ''];
			self::$of[$nick] = [
				'who' => $who,
				'hash' => json_decode(Pair::run([...$upload, "$folder/$nick.txt"])[0], true)['hash'],
				'bytes' => file_get_contents("$folder/$nick.txt"),
				'cookie' => ['Cookie' => "PHPSESSID=$session"],
			];
		}
	}

	protected function tearDown(): void
	{
		self::$fpm?->stop();
		self::$fpm = null;
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	/** @dataProvider settings */
	#[DataProvider('settings')]
	public function test_every_request_is_answered_as_the_first_time_and_nothing_stays_behind(array $settings): void
	{
		self::serve($settings);
		$rounds = (int) (getenv('ROUNDS') ?: 100);
		// The first round leaves files and packets behind, which the pages then show.
		$this->round('alice', 'bob') + $this->round('bob', 'alice');
		$first = $this->round('alice', 'bob') + $this->round('bob', 'alice');
		$worker = self::$fpm->worker();
		file_put_contents(self::$pair->hub('b') . '/weight.php', <<<'PHP'
			<?php
			preg_match('/^VmRSS:\s+(\d+).*^Threads:\s+(\d+)/ms', file_get_contents('/proc/self/status'), $found);
			$files = array_map(fn ($path) => (string) @readlink($path), glob('/proc/self/fd/*'));
			$files = preg_replace('/\d+/', 'N', $files);
			// This script itself is open, or comes from opcache.
			$files = preg_grep('/weight\.php$/', $files, PREG_GREP_INVERT);
			sort($files);
			echo json_encode(['kilobytes' => (int) $found[1], 'threads' => (int) $found[2], 'files' => $files]);
			PHP);
		$before = [];
		for ($round = 1; $round <= $rounds; $round++) {
			$answers = $round % 2
				? $this->round('alice', 'bob') + $this->round('bob', 'alice')
				: $this->round('bob', 'alice') + $this->round('alice', 'bob');
			foreach ($first as $name => $answer) {
				$this->assertSame($answer, $answers[$name], "$name, in round $round");
			}
			$round === (int) ceil($rounds / 2) && ($before = self::weight());
		}
		$this->assertSame($worker, self::$fpm->worker(), 'another worker has taken its place');
		$after = self::weight();
		$this->assertSame(array_slice($before, 1), array_slice($after, 1), 'files and threads');
		$this->assertLessThan(self::KILOBYTES, $after['kilobytes'] - $before['kilobytes']);
		$this->assertDoesNotMatchRegularExpression(
			'/signal|segfault|PHP (Warning|Fatal)/',
			file_get_contents(self::$pair->hub('b') . '/fpm.log'),
		);
	}

	public static function settings(): array
	{
		return [
			'as it is' => [[]],
			'compiled to machine code as it runs, and preloaded' => [[
				'opcache.jit' => 'tracing',
				'opcache.jit_buffer_size' => '64M',
				'opcache.preload' => __DIR__ . '/preload.php',
				'opcache.preload_user' => posix_getpwuid(posix_geteuid())['name'],
			]],
		];
	}

	public function test_the_settings_are_in_force_and_replaced_files_that_were_preloaded_are_noticed(): void
	{
		self::serve(self::settings()['compiled to machine code as it runs, and preloaded'][0]);
		$hub = self::$pair->hub('b');
		file_put_contents(
			"$hub/status.php",
			'<?php $all = opcache_get_status(false); echo json_encode([$all["jit"]["on"], $all["preload_statistics"]["classes"]]);',
		);
		[$isCompiling, $classes] = json_decode(
			self::$fpm->ask('GET', '/status.php', [], '', 'status.php')['body'],
			true,
		);
		$this->assertTrue($isCompiling);
		$this->assertContains(FileSync\Addon\Hub\Runtime::class, $classes);
		$this->assertContains(FileSync\Addon\Receive\Incoming::class, $classes);
		$this->assertFalse($this->probe()['outdated']);
		$file = "$hub/addon/filesync/Receive/Incoming.php";
		do {
			touch($file);
			clearstatcache();
		} while (filectime($file) <= self::$servedSince);
		$this->assertTrue($this->probe()['outdated'], 'doctor does not say that the web server runs the old file');
	}

	/** Returns what the web server's PHP says of itself to its own hub. */
	private function probe(): array
	{
		$word = self::inHub(
			'require_once "addon/filesync/filesync.php"; echo FileSync\Addon\Serve\TicketRequest::expectProbe();',
		);

		return json_decode(
			self::$fpm->ask(...$this->signed('alice', 'ticket', [
				'files' => [['hash' => self::$of['alice']['hash'], 'scale' => 0]],
				'probe' => $word,
			]))['body'],
			true,
		)['probe'];
	}

	private static function serve(array $settings): void
	{
		self::$fpm = new Fpm(self::$pair->hub('b'), self::$pair->urls['b'], $settings);
		self::$servedSince = time();
	}

	/**
	 * Makes each kind of request for one channel, of which another's must not hear; returns what was answered, without
	 * what differs each time.
	 *
	 * @return array<string, mixed>
	 */
	private function round(string $nick, string $other): array
	{
		['hash' => $hash, 'bytes' => $bytes, 'cookie' => $cookie] = self::$of[$nick];
		$theirs = self::$of[$other]['hash'];
		$tickets = $this->tickets($nick, [['hash' => $hash, 'scale' => 0], ['hash' => $theirs, 'scale' => 0]]);
		$said = json_decode($tickets['body'], true);
		$this->assertSame(['ready', 'missing'], array_column($said['files'] ?? [], 'state'), $tickets['body']);
		$ticket = ['Filesync-Ticket' => $said['files'][0]['ticket'], 'Range' => 'bytes=100-199999'];
		$part = self::$fpm->ask('GET', "/getfile/$hash", $ticket);
		$this->assertSame([206, md5(substr($bytes, 100, 199900))], [$part['status'], md5($part['body'])]);
		$page = self::$fpm->ask('GET', '/filesync', $cookie);
		$state = self::$fpm->ask('GET', '/filesync/state', $cookie);
		$answers = [
			'page' => [$page['status'], self::lasting($page['body'])],
			'state' => [$state['status'], self::lasting($state['body'])],
			"another's file" => array_slice(self::$fpm->ask('GET', "/getfile/$theirs", $ticket), 0, 1),
			'a comparison' => $this->answered($this->signed($nick, 'inventory', ['do' => 'nonsense'])),
			'packet' => $this->answered(['POST', '/zot', [], json_encode($this->packet($nick))]),
			'put' => $this->answered(['PUT', "/dav/$nick/put.txt", $cookie, "$nick puts"]),
			"put to another's" => $this->answered(['PUT', "/dav/$other/put.txt", $cookie, "$nick puts"]),
			'nobody' => $this->answered(['GET', '/filesync']),
			'nobody puts' => $this->answered(['PUT', "/dav/$nick/put.txt", [], 'nobody puts']),
			'numbers' => $this->answered(['GET', '/filesync/metrics', ['Authorization' => 'Bearer ' . self::TOKEN]]),
		];
		foreach ([$page, $state, $tickets] as $answer) {
			foreach ([$theirs, "packet-$other", self::$of[$other]['who']['hash']] as $word) {
				$tickets === $answer && $word === $theirs
					|| $this->assertStringNotContainsString($word, $answer['body']);
			}
		}

		return array_combine(array_map(fn ($name) => "$nick: $name", array_keys($answers)), $answers);
	}

	/** @return array{int, string} */
	private function answered(array $request): array
	{
		$answer = self::$fpm->ask(...$request);

		return [$answer['status'], $answer['headers']['content-type'] ?? ''];
	}

	private function tickets(string $nick, array $files): array
	{
		return self::$fpm->ask(...$this->signed($nick, 'ticket', ['files' => $files]));
	}

	/** Returns a request as a clone makes it. */
	private function signed(string $nick, string $kind, array $keys): array
	{
		$who = self::$of[$nick]['who'];
		$body = json_encode(
			$keys
			+ [
				'filesync' => 2,
				'channel' => $who['hash'],
				'key_id' => self::$pair->urls['b'] . "/channel/$nick",
				'time' => time(),
				'nonce' => bin2hex(random_bytes(16)),
			],
		);
		$host = substr(strstr(self::$pair->urls['b'], '//'), 2);
		openssl_sign(
			"\xFFfilesync 2 $kind\nPOST\n/getfile/$kind\n$host\n" . hash('sha256', $body),
			$signature,
			$who['prvkey'],
			OPENSSL_ALGO_SHA512,
		);

		return [
			'POST',
			"/getfile/$kind",
			[
				'Content-Type' => 'application/json',
				'Filesync-Signature' => 'sha512.' . rtrim(strtr(base64_encode($signature), '+/', '-_'), '='),
			],
			$body,
		];
	}

	/** Returns a packet about a file, as a clone of the channel sends it. */
	private function packet(string $nick): array
	{
		$who = self::$of[$nick]['who'];

		return [
			'sender' => $who['hash'],
			'recipients' => [$who['hash']],
			'data' => json_encode([
				'type' => 'sync',
				'encoding' => 'hz',
				'relocate' => ['channel_address' => $nick, 'url' => self::$pair->urls['a']],
				'file' => [[
					'fetch_url' => self::$pair->urls['a'] . '/getfile',
					'original_channel' => $nick,
					'attach' => [[
						'hash' => "packet-$nick",
						'filename' => "packet-$nick.bin",
						'folder' => '',
						'filetype' => 'application/octet-stream',
						'filesize' => 3,
						'revision' => 0,
						'flags' => 0,
						'is_dir' => 0,
						'is_photo' => 0,
						'os_storage' => '1',
						'os_path' => "packet-$nick",
						'display_path' => "packet-$nick.bin",
						'content' => "store/$nick/packet-$nick",
						'creator' => $who['hash'],
						'created' => '2024-05-01 10:00:00',
						'edited' => '2024-05-01 10:00:00',
						'allow_cid' => '',
						'allow_gid' => '',
						'deny_cid' => '',
						'deny_gid' => '',
						'term' => [],
					]],
				]],
			]),
		];
	}

	/** Returns a page without what differs each time: security tokens, times, ages, and how many files there are. */
	private static function lasting(string $page): string
	{
		return preg_replace(['/[0-9a-f]{32,}|\d[\d:., -]*/', '/#files\b/'], ['#', '#file'], $page);
	}

	/** Returns what the worker holds, as it says in a request of its own: what it was asked before is over by then. */
	private static function weight(): array
	{
		return json_decode(self::$fpm->ask('GET', '/weight.php', [], '', 'weight.php')['body'], true);
	}

	/** Runs code in a process of hub B; returns what it prints. */
	private static function inHub(string $code, string ...$arguments): string
	{
		return implode("\n", Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'-r',
			'require "include/cli_startup.php"; cli_startup(); require_once '
				. var_export(__DIR__ . '/core/TestHub/Maker.php', true)
				. "; $code",
			...$arguments,
		]));
	}
}
