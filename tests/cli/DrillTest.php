<?php

require_once __DIR__ . '/AtHome.php';
require_once __DIR__ . '/Way.php';
require_once __DIR__ . '/../testhub/Front.php';

use Cli\AtHome;
use Cli\Way;
use PHPUnit\Framework\TestCase;
use TestHub\Databases;
use TestHub\Front;
use TestHub\Pair;

/**
 * A set with all that one must be able to hold is drilled from home, on a hub behind nginx and PHP-FPM: what the hub
 * proves, what the command reads back itself, what turns it red, and that nothing is left, whoever is killed.
 *
 * Environment COMMAND names the command, EXTENSION the extension.
 */
final class DrillTest extends TestCase
{
	use AtHome;

	private static string $hub;
	private static string $set;
	private static string $url;
	private static Front $front;
	private static Way $way;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		$folder = sys_get_temp_dir() . '/clidrill-' . getmypid();
		[self::$hub, self::$set, self::$home] = ["$folder/hub", "$folder/set", "$folder/home"];
		mkdir($folder);
		mkdir(self::$set, 0700);
		mkdir(self::$home);
		$url = 'http://127.0.0.1:' . self::freePort();
		$make = [PHP_BINARY, __DIR__ . '/../testhub/bin/make-hub.php', self::$hub, '--url', $url, '--nick', 'alice'];
		Pair::run([...$make, '--addon', __DIR__ . '/../../php', '--extension', $extension]);
		self::inHub('util/addons', 'install', 'filesync');
		self::inHub(dirname(__DIR__) . '/set/fill.php', self::$hub);
		self::inHub('addon/filesync/cli.php', 'config', 'set', 'upload_requests_per_second', '10000');
		Pair::run([...self::php(), 'addon/filesync/cli.php', 'backup', 'alice', self::$set], false);
		self::assertFileExists(self::$set . '/channel-signature.json');
		// Its workers work; and it has what every hub with filesync soon has.
		self::inHub(
			'-r',
			self::startup() . 'del_config("testhub", "without_workers"); FileSync\Addon\Revision\Site::component(1);',
		);
		self::$front = Front::nginx(self::$hub, $url);
		self::$way = new Way($url, "$folder/middle");
		self::$url = 'http://' . self::$way->address . '/channel/alice';
	}

	public static function tearDownAfterClass(): void
	{
		self::$way->stop();
		self::$front->kill();
		Databases::remove(realpath(self::$hub) ?: self::$hub);
		getenv('KEEP') || Pair::run(['rm', '-rf', dirname(self::$hub)]);
	}

	protected function setUp(): void
	{
		self::$way->rule([]);
		self::$way->forget();
		@unlink(self::$home . '/.config/filesync/restores.toml');
		self::inHub('-r', self::startup() . 'FileSync\Addon\Door\Session::forget(1);');
		self::file(
			'key',
			Pair::run([
				...self::php(),
				'-r',
				self::startup() . 'echo FileSync\Addon\Door\Key::make(1, "restore");',
			])[0] . "\n",
		);
	}

	public function test_all_of_it_is_proven_by_the_hub_and_from_home_and_nothing_is_left(): void
	{
		$before = self::left();
		[$code, $said, $text] = self::drill('--sample', 'all');
		$this->assertSame([0, true, true], [$code, $said['passed'] ?? $text, $said['by_hub']['passed']], $text);
		$this->assertSame([], self::failures($said));
		$drilled = self::command('status', self::$set)[1]['drilled'];
		$this->assertSame([[self::$url, true]], [[$drilled[0]['channel'], $drilled[0]['whole']]]);
		$hub = $said['by_hub']['proofs'];
		foreach ([
			'signature',
			'metadata',
			'restored',
			'rows',
			'access',
			'categories',
			'silence',
			'removed',
		] as $proof) {
			$this->assertGreaterThan(0, $hub[$proof]['proven'], $proof);
		}
		$files = $said['by_hub']['files'];
		$proven = array_map(fn ($findings) => $findings['proven'], $said['from_here']['proofs']);
		$this->assertSame([$files, $files, $files], [
			$said['from_here']['files'],
			$proven['bytes'],
			$proven['strangers'],
		]);
		$this->assertGreaterThan(1, $proven['crops']);
		$this->assertGreaterThan($files / 2, $proven['names']);
		$this->assertSame($before, self::left());
		// The hub was asked as other hubs ask it, and never for what is the channel's own.
		$paths = array_count_values(array_map(
			fn ($request) => preg_replace('#/[^/]*filesync-scratch.*#', '/…', $request['path']),
			self::$way->requests(),
		));
		$this->assertSame($files + $proven['crops'], $paths['/getfile']);
		$this->assertSame($files, $paths['/attach/…']);
		$this->assertStringNotContainsString('fsr_', (string) @file_get_contents(self::restores()));
	}

	public function test_a_person_reads_what_was_proven_and_by_whom(): void
	{
		[$code, $text] = self::read(...self::drilling('--seed', 'one'));
		$this->assertSame(0, $code, $text);
		$this->assertMatchesRegularExpression(
			'~^filesync \S+ tried on http://127.0.0.1:\d+, with a hidden channel, to restore the set of alice@127.0.0.1 in ~m',
			$text,
		);
		foreach ([
			'/^5 % by the seed one: \d+ files and \d+ folders?, .* of \d+ files, /m',
			'/^    a photo with a crop: /m',
			'~^By http://127.0.0.1:\d+ itself$~m',
			'~^By this computer, through the front door of http://127.0.0.1:\d+$~m',
			'/^proven +\d+  bytes: read back/m',
			'/^A drill cannot show$/m',
			'/^PASSED, in \d+ s$/m',
		] as $line) {
			$this->assertMatchesRegularExpression($line, $text);
		}
		$this->assertStringNotContainsString('NOT ', $text);
		// The key is over with it.
		[$code, $said] = self::drill();
		$this->assertSame(
			[0, null],
			[$said['error'] ?? 0, $said['from_here'] ?? null],
			'it is known what the hub proved',
		);
		$this->assertSame([1, false], [$code, $said['passed']], 'but not what was read');
	}

	public function test_what_is_lost_on_the_hub_after_it_was_placed_is_named(): void
	{
		$process = $this->held('--sample', 'all');
		$photo = self::rows(
			"SELECT content, imgscale FROM photo WHERE imgscale = 4 AND content LIKE '%filesync-scratch%'",
		)[0];
		unlink(self::$hub . "/$photo[content]");
		$file = self::rows(
			"SELECT content, filename FROM attach WHERE content LIKE 'store/filesync-scratch%' AND filesize > 1000 AND is_photo = 0",
		)[0];
		self::flip(self::$hub . "/$file[content]");
		self::$way->letGo();
		[$code, $said] = self::ended($process);
		$this->assertSame([1, false, true], [$code, $said['passed'], $said['by_hub']['passed']], json_encode($said));
		$failed = self::failures($said);
		// If everybody may see the file, a stranger gets as wrong bytes as its owner.
		$this->assertSame(['bytes', 'crops'], array_values(array_diff(array_keys($failed), ['strangers'])));
		$this->assertCount(1, $failed['bytes']);
		$this->assertStringContainsString($file['filename'], $failed['bytes'][0]);
		$this->assertStringContainsString('that are not the', $failed['bytes'][0]);
		$this->assertStringContainsString('scale 4: the hub ', $failed['crops'][0]);
		$this->assertSame([], self::scratches());
	}

	public function test_a_command_that_is_killed_goes_on_and_without_one_the_hub_takes_all_away(): void
	{
		$before = self::left();
		$this->kill($this->held('--sample', 'all'));
		self::$way->letGo();
		// The key is known, and the hub waits.
		[$code, $said, $text] = self::command('restore', self::$set, '--to', self::$url, '--drill', '--sample', 'all');
		$this->assertSame([0, true], [$code, $said['passed'] ?? null], $text);
		$this->assertSame($before, self::left());
		$this->setUp();
		$before = self::left();
		$this->kill($this->held());
		self::$way->letGo();
		$this->assertCount(1, self::scratches());
		self::database()->exec('UPDATE filesync_door SET asked = 0');
		for (
			$end = microtime(true) + Pair::PATIENCE;
			self::scratches() !== [] && microtime(true) < $end;
			usleep(50000)
		);
		for (
			;
			self::rows("SELECT id FROM filesync_door WHERE state = 'drilling'") !== [] && microtime(true) < $end;
			usleep(50000)
		);
		$this->assertSame($before, self::left());
		[$code, $said, $text] = self::command('restore', self::$set, '--to', self::$url, '--drill');
		$this->assertSame([1, 'key_used'], [$code, $said['error'] ?? null], $text);
	}

	public function test_a_set_that_no_key_of_the_channel_signed_is_proven_only_if_its_owner_believes_it(): void
	{
		$set = self::$set . '-unsigned';
		Pair::run(['cp', '-a', self::$set, $set]);
		unlink("$set/channel-signature.json");
		$drill = fn (string ...$options) => self::command(...array_replace(self::drilling(...$options), [1 => $set]));
		[$code, $said, $text] = $drill('--sample', 'all');
		$this->assertSame([1, false], [$code, $said['passed'] ?? $text], $text);
		$failed = array_filter($said['by_hub']['proofs'], fn ($findings) => $findings['failed'] > 0);
		$this->assertSame(['signature'], array_keys($failed));
		// All of it came for its owner alone, and so it is seen from outside.
		$this->assertSame([], self::failures($said));
		$this->assertSame($said['by_hub']['files'], $said['from_here']['proofs']['strangers']['proven']);
		$this->setUp();
		[$code, $said, $text] = $drill('--trust');
		$this->assertSame([0, true, true], [$code, $said['passed'] ?? $text, $said['by_hub']['believed']], $text);
	}

	public function test_what_does_not_go_with_a_drill_is_refused(): void
	{
		foreach (['--replace', '--dry-run', '--as-copy', '--only=x', '--at=2026-01-01'] as $option) {
			$this->assertSame(2, self::read(...self::drilling($option))[0], $option);
		}
		[$code, $text] = self::read('restore', self::$set, '--to', self::$url, '--sample', '5%');
		$this->assertSame(2, $code, $text);
		// A key that began a restore, and one that began a drill.
		self::inHub('addon/filesync/cli.php', 'config', 'set', 'upload_requests_per_second', '10000');
		$this->kill($this->held());
		self::$way->letGo();
		[$code, $said] = self::command('restore', self::$set, '--to', self::$url);
		$this->assertSame([1, 'begun_otherwise'], [$code, $said['error'] ?? null]);
		[$code, , $text] = self::command('cancel', self::$url);
		$this->assertSame(0, $code, $text);
		$this->assertSame([], self::scratches());
	}

	/** @return array{int, array<string, mixed>, string} As `command`. */
	private static function drill(string ...$options): array
	{
		return self::command(...self::drilling(...$options));
	}

	/** @return list<string> */
	private static function drilling(string ...$options): array
	{
		$key = self::$home . '/key';

		return ['restore', self::$set, '--to', self::$url, '--drill', '--key-file', $key, ...$options];
	}

	/**
	 * Starts a drill, and holds it before the first file is read back.
	 *
	 * @return resource
	 */
	private function held(string ...$options)
	{
		self::$way->rule(['wait' => '^POST /getfile']);
		@unlink(self::$home . '/log');
		$process = self::start(self::$home . '/log', ...self::drilling(...$options));
		for ($end = microtime(true) + Pair::PATIENCE; ! self::$way->isHeld() && microtime(true) < $end; usleep(5000));
		$this->assertTrue(self::$way->isHeld(), (string) file_get_contents(self::$home . '/log'));

		return $process;
	}

	/** @param resource $process */
	private function kill($process): void
	{
		proc_terminate($process, SIGKILL);
		proc_close($process);
	}

	/**
	 * @param resource $process
	 *
	 * @return array{int, array<string, mixed>}
	 */
	private static function ended($process): array
	{
		$code = proc_close($process);
		$lines = explode("\n", trim((string) file_get_contents(self::$home . '/log')));

		return [$code, json_decode((string) end($lines), true) ?? ['said' => $lines]];
	}

	/** @return array<string, list<string>> What was not proven from here, by proof. */
	private static function failures(array $said): array
	{
		$failures = [];
		foreach ($said['from_here']['proofs'] ?? [] as $proof => $findings) {
			foreach ($findings['named'] as $named) {
				$failures[$proof][] = "{$named['name']}: {$named['why']}";
			}
		}

		return $failures;
	}

	private static function flip(string $path): void
	{
		$bytes = (string) file_get_contents($path);
		file_put_contents($path, chr(ord($bytes[0]) ^ 1) . substr($bytes, 1));
	}

	private static function restores(): string
	{
		return self::$home . '/.config/filesync/restores.toml';
	}

	private static function startup(): string
	{
		return "require 'include/cli_startup.php'; cli_startup(); load_hooks(); call_hooks('init_1'); ";
	}

	/** @return list<string> */
	private static function php(): array
	{
		return [__DIR__ . '/../testhub/bin/in-hub', self::$hub, PHP_BINARY];
	}

	private static function inHub(string ...$words): void
	{
		Pair::run([...self::php(), ...$words]);
	}

	private static function scratches(): array
	{
		return self::rows("SELECT channel_address FROM channel WHERE channel_address LIKE 'filesync-scratch-%'");
	}

	private static function rows(string $sql): array
	{
		return self::database()->query($sql)->fetchAll(PDO::FETCH_ASSOC);
	}

	private static function database(): PDO
	{
		return Databases::connect(self::dsn());
	}

	private static function dsn(): string
	{
		return json_decode((string) file_get_contents(self::$hub . '/hub.json'), true)['database'];
	}

	/** @return array<string, mixed> All rows and files, but for what is known of the session and what others do. */
	private static function left(): array
	{
		$left = [];
		$others = ['filesync_lease', 'filesync_door', 'filesync_door_key', 'filesync_place', 'workerq', 'config'];
		foreach (Databases::tables(self::database(), self::dsn()) as $table) {
			if (! in_array($table, $others, true)) {
				$left[$table] = array_map(
					fn ($row) => md5(serialize(array_map(Databases::bytes(...), $row))),
					self::rows("SELECT * FROM $table"),
				);
				sort($left[$table]);
			}
		}
		foreach (new RecursiveIteratorIterator(
			new RecursiveDirectoryIterator(self::$hub . '/store', FilesystemIterator::SKIP_DOTS),
			RecursiveIteratorIterator::SELF_FIRST,
		) as $path => $file) {
			$name = substr($path, strlen(self::$hub));
			// The folder of all that is sent to a channel stays until the next cron.
			if (! str_ends_with($name, '/upload')) {
				$left['files'][$name] = $file->isDir() ? 'folder' : hash_file('sha256', $path);
			}
		}
		ksort($left['files']);

		return $left;
	}

	private static function freePort(): int
	{
		$socket = stream_socket_server('tcp://127.0.0.1:0');
		$port = (int) substr(strrchr(stream_socket_get_name($socket, false), ':'), 1);
		fclose($socket);

		return $port;
	}
}
