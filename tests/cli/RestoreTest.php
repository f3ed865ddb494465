<?php

require_once __DIR__ . '/../testhub/Doorstep.php';
require_once __DIR__ . '/../set/Rows.php';

use PHPUnit\Framework\TestCase;
use TestHub\Databases;
use TestHub\Doorstep;
use TestHub\Pair;

/**
 * What the owner's command backed up from a hub without filesync, it restores to a hub with it: whole, by its own word
 * and by that hub's tables and store, through everything that stands on the way.
 *
 * Environment COMMAND names the command, EXTENSION the extension. BREAK=offset and BREAK=lacking put something on the
 * way that lies about it, BREAK=exit has every run end with 0: each must turn the test red.
 */
final class RestoreTest extends TestCase
{
	private const SECRET = 'zxcvbnmasdfghjkl1234567890qwerty';
	private const LIES = ['offset' => ['offset' => 1 << 20], 'lacking' => ['lacking' => 3]];

	private static Doorstep $door;
	private static string $home;
	private static string $set;
	private static string $between;
	private static int $count = 0;
	/** @var ?resource */
	private static $middle = null;
	/** @var array<string, array{list<string>, string}> What the first hub has: true names and digest, by hash. */
	private static array $files = [];
	private static int $equal = 0;

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/filesync-restore-' . getmypid();
		self::$door = new Doorstep($folder);
		$pair = self::$door->pair;
		self::$home = "$folder/home";
		self::$set = "$folder/set";
		mkdir(self::$home);
		mkdir("$folder/middle");
		Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$pair->hub('a'),
			PHP_BINARY,
			__DIR__ . '/../set/fill.php',
			$pair->hub('a'),
		]);
		$pair->execute('a', "DELETE FROM attach WHERE filename = 'bytes are lost.pdf'");
		$app = ['filesync-test' => ['secret' => self::SECRET, 'uid' => 1]];
		Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$pair->hub('a'),
			PHP_BINARY,
			'-r',
			'require "include/cli_startup.php"; cli_startup(); set_config("testhub", "apps", '
				. var_export($app, true)
				. ');',
		]);
		file_put_contents(self::$home . '/secret', self::SECRET . "\n");
		$from = $pair->urls['a'] . '/channel/alice';
		self::told(0, 'login', $from, '--app', 'filesync-test', '--secret-file', self::$home . '/secret');
		self::told(0, 'backup', $from, '--to', self::$set);
		self::$files = self::filesOf('a');
		// From here on there are only the set and the hub to which it comes back; its workers work.
		$pair->cut('a');
		self::$door->inHub('del_config("testhub", "without_workers");');
		self::$between = self::begin();
	}

	public static function tearDownAfterClass(): void
	{
		if (self::$middle) {
			proc_terminate(self::$middle, SIGKILL);
			proc_close(self::$middle);
		}
		self::$door->close();
		if (self::$equal > 0) {
			print "\n" . self::$equal . " files backed up and restored: all equal\n";
		}
	}

	protected function setUp(): void
	{
		self::rules([]);
		$pair = self::$door->pair;
		$pair->settle();
		self::$door->inHub('FileSync\Addon\Door\Session::forget(1); FileSync\Addon\Restore\Job::forget(1);');
		$pair->execute('b', 'DELETE FROM attach WHERE uid = 1');
		$pair->execute('b', 'DELETE FROM photo WHERE uid = 1');
		foreach (['file', 'digest', 'ended', 'kept'] as $table) {
			$pair->execute('b', "DELETE FROM filesync_$table");
		}
		Pair::run(['rm', '-rf', $pair->hub('b') . '/store/alice', self::$home . '/.config/filesync/restores.toml']);
		file_put_contents(self::$home . '/key', self::$door->makeKey() . "\n");
		@unlink(self::$between . '/requests');
	}

	public function test_what_was_backed_up_comes_back(): void
	{
		[$code, $said, $text] = $this->restore();
		$this->assertSame(0, $code, $text);
		$this->assertSame(['done', 0], [$said['state'], $said['unsent']]);
		$this->assertEqual();
		self::$equal = count(self::$files);
		// Small files went in packs, and nothing is kept of a restore that is over.
		$this->assertLessThan(30, $said['requests']);
		$this->assertStringNotContainsString('fsr_', (string) @file_get_contents(self::restores()));
		// Again, with another key: all is there.
		file_put_contents(self::$home . '/key', self::$door->makeKey() . "\n");
		[$code, $said, $text] = $this->restore();
		$this->assertSame(0, $code, $text);
		$this->assertSame(count(self::$files), $said['restore']['files']['here']);
		$this->assertLessThan(1 << 20, $said['sent_bytes'], 'no file is sent again');
	}

	public function test_a_killed_run_goes_on_without_being_asked_for_the_key(): void
	{
		self::rules(['slow' => 30000]);
		$options = ['--key-file', self::$home . '/key'];
		foreach ([2, 3, 4, 5, 6, 7, 8] as $requests) {
			$process = self::start(
				'restore',
				self::$set,
				'--to',
				$this->url(),
				'--without',
				self::clone(),
				...$options,
			);
			$before = self::requests();
			$end = microtime(true) + 60;
			while (
				proc_get_status($process)['running']
				&& self::requests() < ($before + $requests)
				&& microtime(true) < $end
			) {
				usleep(2000);
			}
			proc_terminate($process, SIGKILL);
			proc_close($process);
			if (str_contains((string) @file_get_contents(self::restores()), 'fsr_')) {
				$this->assertSame(0600, fileperms(self::restores()) & 0777);
				$options = [];
			}
		}
		$this->assertSame([], $options, 'the key was kept');
		self::rules([]);
		if (str_contains((string) file_get_contents(self::restores()), 'fsr_')) {
			[$code, $said] = self::told(null, 'restore', self::$set, '--to', $this->url(), '--without', self::clone());
			$this->assertSame([0, 'done'], [$code, $said['state']], json_encode($said));
		}
		$this->assertEqual();
	}

	public function test_files_are_found_by_their_content_wherever_they_are(): void
	{
		$set = self::copyOfSet();
		$elsewhere = self::$door->pair->folder . '/elsewhere';
		mkdir("$elsewhere/a/b", 0700, true);
		$files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator(
			"$set/data/files",
			FilesystemIterator::SKIP_DOTS,
		));
		$hidden = '';
		foreach (iterator_to_array($files, false) as $n => $file) {
			$to = "$elsewhere/a/" . (($n % 2) === 0 ? 'b/' : '') . "\xff renamed $n";
			// Others have the same size.
			file_put_contents("$elsewhere/other $n", str_repeat('?', (int) $file->getSize()));
			$hidden = $file->getFilename() === 'large.bin' ? $to : $hidden;
			rename((string) $file, $to);
		}
		Pair::run(['rm', '-rf', "$set/data/files"]);
		// What only a link leads to is not found.
		rename($hidden, "$set-outside");
		symlink("$set-outside", "$elsewhere/link");
		[$code, $said, $text] = $this->restore($set, '--find-in', $elsewhere);
		$this->assertSame([1, 1], [$code, $said['unsent']], $text);
		$this->assertSame(count(self::$files) - 1, $said['restore']['files']['restore']);
		$this->assertSame(1, substr_count($text, '"code":"file_missing","path":"data'), $text);
		file_put_contents(self::$home . '/key', self::$door->makeKey() . "\n");
		rename("$set-outside", "$elsewhere/now here");
		[$code, $said, $text] = $this->restore($set, '--find-in', $elsewhere);
		$this->assertSame([0, 1], [$code, $said['restore']['files']['restore']], $text);
		$this->assertEqual();
	}

	public function test_what_is_missing_or_damaged_is_named_and_the_rest_comes_back(): void
	{
		$set = self::copyOfSet();
		file_put_contents("$set/data/files/large.bin", '!', FILE_APPEND);
		$bytes = (string) file_get_contents("$set/data/files/access 1.txt");
		file_put_contents("$set/data/files/access 1.txt", strrev($bytes));
		unlink("$set/data/files/access 2.txt");
		[$code, $said, $text] = $this->restore($set);
		$this->assertSame([1, 'done', 3], [$code, $said['state'], $said['unsent']], $text);
		foreach ([
			['file_damaged', 'large.bin'],
			['file_damaged', 'access 1.txt'],
			['file_missing', 'access 2.txt'],
		] as [$word, $name]) {
			$this->assertStringContainsString("{\"code\":\"$word\",\"path\":\"data/files/$name\"}", $text);
		}
		$this->assertSame(count(self::$files) - 3, $said['restore']['files']['restore']);
	}

	public function test_through_bad_proxies_all_is_equal(): void
	{
		foreach ([
			['refuse' => ['PATCH', 'DELETE', 'HEAD']],
			['limit' => 65536],
			['cut' => 300000],
			['deaf' => 4],
			['page' => 2],
		] as $n => $rules) {
			$n === 0 || $this->setUp();
			self::rules($rules);
			[$code, $said, $text] = $this->restore();
			$this->assertSame([0, 'done'], [$code, $said['state'] ?? ''], json_encode($rules) . $text);
			$this->assertEqual();
			$methods = array_count_values(array_map(
				fn ($line) => explode(' ', $line)[0],
				file(self::$between . '/requests'),
			));
			if ($n === 0) {
				$this->assertSame(1, $methods['PATCH'], 'it is refused once');
			}
		}
	}

	public function test_what_cannot_be_is_an_error_by_its_name(): void
	{
		$run = fn (string ...$options) => self::told(
			null,
			'restore',
			self::$set,
			'--to',
			$this->url(),
			'--without',
			self::clone(),
			...$options,
		);
		// No key, a wrong one, no hub, no door.
		[$code, $said] = $run();
		$this->assertSame([2, 'no_key'], [$code, $said['error']]);
		[$code, $said] = $run('--key-command', 'echo fsr_nothing');
		$this->assertSame([1, 'key_wrong'], [$code, $said['error']]);
		$this->assertStringContainsString('/filesync/backup', $said['words']);
		[$code, $said] = self::told(
			null,
			'restore',
			self::$set,
			'--to',
			self::$door->pair->urls['a'] . '/channel/alice',
			'--key-file',
			self::$home . '/key',
		);
		$this->assertSame([75, 'hub_unreachable'], [$code, $said['error']]);
		// Nothing that is smaller is taken.
		self::rules(['limit' => 10000]);
		[$code, $said] = $this->restore();
		$this->assertSame([1, 'body_limit'], [$code, $said['error']], json_encode($said));
		// Bounds, by the hub's numbers.
		self::rules([]);
		self::$door->pair->command('b', 'config', 'set', 'upload_max_bytes', '1048576');
		[$code, $said] = $this->restore();
		self::$door->pair->command('b', 'config', 'clear', 'upload_max_bytes');
		$this->assertSame([1, 'quota_short'], [$code, $said['error']], json_encode($said));
		$this->assertMatchesRegularExpression(
			'/^[\d.]+ MiB are to be sent, 1\.0 MiB are left .*: short by [\d.]+ MiB\./',
			$said['words'],
		);
		// Another state of the set.
		$other = self::copyOfSet();
		file_put_contents("$other/README.txt", 'more', FILE_APPEND);
		self::relist($other);
		[$code, $said] = $this->restore($other);
		$this->assertSame([1, 'set_changed'], [$code, $said['error']], json_encode($said));
	}

	public function test_another_channel_s_set_comes_as_copies(): void
	{
		$foreign = self::copyOfSet();
		$about = (string) file_get_contents("$foreign/set.json");
		file_put_contents("$foreign/set.json", str_replace(self::$door->channelHash(), 'of-another', $about));
		self::relist($foreign);
		[$code, $said] = $this->restore($foreign);
		$this->assertSame([1, 'set_other_channel'], [$code, $said['error']], json_encode($said));
		[$code, $said, $text] = $this->restore($foreign, '--as-copy');
		$this->assertSame([0, count(self::$files)], [$code, $said['restore']['files']['restore']], $text);
		$digests = fn (array $files) => (function (array $digests) {
			sort($digests);
			return $digests;
		})(array_column($files, 1));
		$this->assertSame($digests(self::$files), $digests(self::filesOf('b')));
	}

	public function test_a_restore_is_looked_at_and_ended(): void
	{
		[$code, $said] = self::told(null, 'status', $this->url());
		$this->assertSame([2, 'no_restore'], [$code, $said['error']]);
		self::rules(['slow' => 50000]);
		$process = self::start(
			'restore',
			self::$set,
			'--to',
			$this->url(),
			'--key-file',
			self::$home . '/key',
			'--without',
			self::clone(),
		);
		$end = microtime(true) + 60;
		while (! str_contains((string) @file_get_contents(self::restores()), 'fsr_') && microtime(true) < $end) {
			usleep(2000);
		}
		proc_terminate($process);
		do {
			usleep(2000);
			$status = proc_get_status($process);
		} while ($status['running']);
		proc_close($process);
		$this->assertSame(getenv('BREAK') === 'exit' ? 0 : 75, $status['exitcode'], 'it was told to stop');
		self::rules([]);
		[$code, $said] = self::told(null, 'status');
		$this->assertSame([75, 'open'], [$code, $said['state']], json_encode($said));
		[$code, $said] = self::told(null, 'cancel', $this->url());
		$this->assertSame([0, 'ended'], [$code, $said['state']], json_encode($said));
		$this->assertSame([], self::$door->onDisk());
		$this->assertStringNotContainsString('fsr_', (string) @file_get_contents(self::restores()));
		[$code, $said] = $this->restore();
		$this->assertSame([1, 'key_used'], [$code, $said['error']]);
	}

	/** @return array{int, array<string, mixed>, string} */
	private function restore(string $set = '', string ...$options): array
	{
		return self::told(
			null,
			'restore',
			$set ?: self::$set,
			'--to',
			$this->url(),
			'--key-file',
			self::$home . '/key',
			'--without',
			self::clone(),
			...$options,
		);
	}

	/** The address of the channel, with what stands on the way. */
	private function url(): string
	{
		return 'http://' . file_get_contents(self::$between . '/address') . '/channel/alice';
	}

	/** The hub that is away. */
	private static function clone(): string
	{
		return self::$door->pair->urls['a'];
	}

	private static function restores(): string
	{
		return self::$home . '/.config/filesync/restores.toml';
	}

	/** Starts what stands on the way; returns its folder. */
	private static function begin(): string
	{
		$folder = self::$door->pair->folder . '/middle';
		$socket = stream_socket_server('tcp://127.0.0.1:0');
		$address = stream_socket_get_name($socket, false);
		fclose($socket);
		file_put_contents("$folder/address", $address);
		$hub =
			parse_url(self::$door->pair->urls['b'], PHP_URL_HOST)
			. ':'
			. parse_url(self::$door->pair->urls['b'], PHP_URL_PORT);
		self::$middle = proc_open(
			[PHP_BINARY, __DIR__ . '/Middle.php', $address, $hub, $folder],
			[['file', '/dev/null', 'r'], ['file', "$folder/log", 'a'], ['file', "$folder/log", 'a']],
			$pipes,
		);
		for ($end = microtime(true) + Pair::PATIENCE; microtime(true) < $end; usleep(10000)) {
			$socket = @stream_socket_client("tcp://$address", $code, $message, 1);
			if ($socket) {
				fclose($socket);
				return $folder;
			}
		}
		throw new RuntimeException("nothing stands on the way: $message");
	}

	/** @param array<string, mixed> $rules */
	private static function rules(array $rules): void
	{
		$lie = self::LIES[(string) getenv('BREAK')] ?? [];
		file_put_contents(self::$between . '/rules.new', json_encode((object) ($rules + $lie)));
		rename(self::$between . '/rules.new', self::$between . '/rules');
	}

	private static function requests(): int
	{
		return substr_count((string) @file_get_contents(self::$between . '/requests'), "\n");
	}

	/** @return resource */
	private static function start(string ...$words)
	{
		$log = ['file', self::$door->pair->folder . '/killed.log', 'a'];

		return proc_open(
			[...self::program(), ...$words],
			[['file', '/dev/null', 'r'], $log, $log],
			$pipes,
			null,
			self::environment(),
		);
	}

	/** @return list<string> */
	private static function program(): array
	{
		$command = getenv('COMMAND') ?: dirname(__DIR__, 2) . '/target/quick/filesync';

		return getenv('BREAK') === 'exit' ? ['sh', '-c', '"$@"; exit 0', 'sh', $command] : [$command];
	}

	/** @return array<string, string> */
	private static function environment(): array
	{
		return ['HOME' => self::$home, 'PATH' => (string) getenv('PATH'), 'TMPDIR' => sys_get_temp_dir()];
	}

	/**
	 * Runs the command, for programs.
	 *
	 * @return array{int, array<string, mixed>, string} Exit code, the last object, all that was said.
	 */
	private static function told(?int $expected, string ...$words): array
	{
		$process = proc_open(
			[...self::program(), ...$words, '--json'],
			[['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]],
			$pipes,
			null,
			self::environment(),
		);
		$text = (string) stream_get_contents($pipes[1]);
		$code = proc_close($process);
		$lines = explode("\n", trim($text));
		if ($expected !== null) {
			self::assertSame($expected, $code, $text);
		}

		return [$code, json_decode((string) end($lines), true) ?? ['said' => $text], $text];
	}

	/** @return array<string, array{list<string>, string}> Names and digest of each file that a hub has, by hash. */
	private static function filesOf(string $name): array
	{
		$hub = self::$door->pair->hub($name);
		$database = Databases::connect(json_decode((string) file_get_contents("$hub/hub.json"), true)['database']);
		$files = [];
		foreach ((new Set\Rows($database, $hub, 'alice'))->entries() as $hash => $entry) {
			if ($entry['kind'] === 'file') {
				$files[$hash] = [$entry['path'], (string) $entry['sha256']];
			}
		}
		ksort($files);

		return $files;
	}

	private function assertEqual(): void
	{
		$this->assertSame(self::$files, self::filesOf('b'));
	}

	private static function copyOfSet(): string
	{
		$copy = self::$door->pair->folder . '/copy-' . ++self::$count;
		Pair::run(['cp', '-a', self::$set, $copy]);

		return $copy;
	}

	/** Writes the list of lists of a set again. */
	private static function relist(string $set): void
	{
		$lines = '';
		foreach (explode("\n", trim((string) file_get_contents("$set/tagmanifest-sha256.txt"))) as $line) {
			$name = substr($line, 66);
			$lines .= hash_file('sha256', "$set/$name") . "  $name\n";
		}
		file_put_contents("$set/tagmanifest-sha256.txt", $lines);
	}
}
