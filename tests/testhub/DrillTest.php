<?php

require_once __DIR__ . '/Front.php';

use PHPUnit\Framework\TestCase;
use TestHub\Databases;
use TestHub\Faults;
use TestHub\Front;
use TestHub\Pair;

/**
 * A set with all that one must be able to hold is drilled on a hub behind nginx and PHP-FPM: what that web server gives
 * is what was saved, and nothing is left afterwards. Environment EXTENSION names the extension to load.
 */
final class DrillTest extends TestCase
{
	private static string $hub;
	private static string $set;
	private static Front $front;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		self::$hub = sys_get_temp_dir() . '/drilltest-' . getmypid();
		self::$set = self::$hub . '-set';
		mkdir(self::$set, 0700);
		$url = 'http://127.0.0.1:' . self::freePort();
		Pair::run([
			PHP_BINARY,
			__DIR__ . '/bin/make-hub.php',
			self::$hub,
			'--url',
			$url,
			'--nick',
			'alice',
			'--addon',
			__DIR__ . '/../../php',
			'--extension',
			$extension,
		]);
		self::inHub('util/addons', 'install', 'filesync');
		self::inHub(dirname(__DIR__) . '/set/fill.php', self::$hub);
		[$status, $said] = self::command('backup', 'alice', self::$set);
		self::assertLessThan(2, $status, $said);
		self::$front = Front::nginx(self::$hub, $url);
		// The first also makes what every hub with filesync soon has.
		self::drill();
	}

	public static function tearDownAfterClass(): void
	{
		self::$front->kill();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$hub, self::$hub . '.front', self::$set]);
		Databases::remove(realpath(self::$hub) ?: self::$hub);
	}

	public function test_all_of_it_is_proven_through_the_web_server_and_nothing_is_left(): void
	{
		$before = self::left();
		[$status, $said] = self::drill('--sample', 'all');
		$this->assertSame([], self::failures($said));
		$this->assertSame(0, $status);
		$this->assertTrue($said['passed']);
		foreach (['bytes', 'names', 'crops', 'strangers', 'rows', 'access', 'categories'] as $proof) {
			$this->assertGreaterThan(0, $said['proofs'][$proof]['proven'], $proof);
		}
		$this->assertSame($said['files'], $said['proofs']['bytes']['proven']);
		$this->assertSame($said['files'], $said['proofs']['strangers']['proven']);
		$this->assertSame($before, self::left());
	}

	public function test_a_sample_is_the_same_by_one_seed(): void
	{
		$facts = fn (string $seed) => array_intersect_key(
			self::drill('--seed', $seed)[1],
			array_flip(['passed', 'files', 'bytes', 'kinds', 'seed']),
		);
		$this->assertSame($facts('one'), $facts('one'));
		$this->assertTrue($facts('two')['passed']);
	}

	public function test_a_flipped_byte_a_closed_door_and_bytes_that_are_not_shown_are_named(): void
	{
		$before = self::left();
		$path = self::$set . '/data/files/' . self::aFile();
		$bytes = file_get_contents($path);
		file_put_contents($path, chr(ord($bytes[0]) ^ 1) . substr($bytes, 1));
		Faults::write(self::$hub, [
			['on' => ['getfile'], 'scale' => 4, 'empty_200' => true],
			['on' => ['getfile'], 'scale' => 7, 'status' => 403],
		]);
		try {
			[$status, $said] = self::drill('--sample', 'all');
		} finally {
			file_put_contents($path, $bytes);
			Faults::write(self::$hub, []);
		}
		$failed = self::failures($said);
		$this->assertSame(1, $status);
		$this->assertSame(['bytes', 'crops', 'restored', 'rows'], self::sorted(array_keys($failed)));
		$this->assertStringEndsWith(': file_damaged', implode($failed['restored']));
		$this->assertStringEndsWith(': it was not restored', implode($failed['bytes']));
		$crops = implode("\n", $failed['crops']);
		$this->assertStringContainsString('scale 4: the web server gives 0 bytes', $crops);
		$this->assertStringContainsString('scale 7: the web server answers with status 403', $crops);
		$this->assertSame($before, self::left());
	}

	public function test_one_that_is_killed_leaves_nothing_after_the_next(): void
	{
		$before = self::left();
		foreach ([0.3, 0.7, 1.2] as $seconds) {
			$process = proc_open(
				[
					__DIR__ . '/bin/in-hub',
					self::$hub,
					PHP_BINARY,
					'addon/filesync/cli.php',
					'restore',
					'alice',
					self::$set,
					'--drill',
					'--sample',
					'all',
				],
				[['file', '/dev/null', 'r'], ['file', '/dev/null', 'a'], ['file', '/dev/null', 'a']],
				$pipes,
			);
			usleep((int) (1e6 * $seconds));
			proc_terminate($process, SIGKILL);
			proc_close($process);
			self::database()->exec('UPDATE filesync_lease SET expires = 0');
		}
		$this->assertSame(0, self::drill()[0]);
		$this->assertSame($before, self::left());
	}

	/** @return array{int, array<string, mixed>} The status, and the certificate. */
	private static function drill(string ...$options): array
	{
		[$status, $said] = self::command('restore', 'alice', self::$set, '--drill', '--json', ...$options);
		$certificate = json_decode($said, true);
		self::assertIsArray($certificate, $said);

		return [$status, $certificate];
	}

	/** @return array<string, list<string>> What was not proven, by proof. */
	private static function failures(array $certificate): array
	{
		$failures = [];
		foreach ($certificate['proofs'] ?? [
			'error' => ['named' => [$certificate], 'failed' => 1],
		] as $proof => $entry) {
			foreach ($entry['named'] as $named) {
				$failures[$proof][] = ($named['name'] ?? '') . ': ' . ($named['why'] ?? json_encode($named));
			}
		}

		return $failures;
	}

	/** @return array{int, string} */
	private static function command(string ...$words): array
	{
		$command = [__DIR__ . '/bin/in-hub', self::$hub, PHP_BINARY, 'addon/filesync/cli.php', ...$words];
		exec(implode(' ', array_map(escapeshellarg(...), $command)) . ' 2>&1', $lines, $status);

		return [$status, implode("\n", $lines)];
	}

	private static function inHub(string ...$words): void
	{
		Pair::run([__DIR__ . '/bin/in-hub', self::$hub, PHP_BINARY, ...$words]);
	}

	/** Returns a file of the set that is not in two places. */
	private static function aFile(): string
	{
		$lines = [];
		foreach (file(self::$set . '/manifest-sha256.txt') as $line) {
			[$digest, $path] = explode('  ', rtrim($line, "\n"), 2);
			if (str_starts_with($path, 'data/files/') && filesize(self::$set . "/$path") > 0) {
				$lines[$digest][] = substr($path, strlen('data/files/'));
			}
		}

		return array_values(array_filter($lines, fn ($paths) => count($paths) === 1))[0][0];
	}

	/** @return array<string, mixed> All rows and files of the hub, but for what a drill is for and what others do. */
	private static function left(): array
	{
		$database = self::database();
		$left = [];
		foreach (Databases::tables($database, self::dsn()) as $table) {
			if (in_array($table, ['filesync_lease', 'workerq', 'config'], true)) {
				continue;
			}
			$rows = $database->query("SELECT * FROM $table")->fetchAll(PDO::FETCH_ASSOC);
			$rows = array_filter($rows, fn ($row) => ! str_starts_with((string) ($row['scope'] ?? ''), 'drill:'));
			$left[$table] = array_map(fn ($row) => md5(serialize(array_map(Databases::bytes(...), $row))), $rows);
			sort($left[$table]);
		}
		foreach (new RecursiveIteratorIterator(
			new RecursiveDirectoryIterator(self::$hub . '/store', FilesystemIterator::SKIP_DOTS),
			RecursiveIteratorIterator::SELF_FIRST,
		) as $path => $file) {
			$left['files'][substr($path, strlen(self::$hub))] = $file->isDir() ? 'folder' : hash_file('sha256', $path);
		}
		ksort($left['files']);

		return $left;
	}

	private static function database(): PDO
	{
		return Databases::connect(self::dsn());
	}

	private static function dsn(): string
	{
		return json_decode((string) file_get_contents(self::$hub . '/hub.json'), true)['database'];
	}

	private static function sorted(array $words): array
	{
		sort($words);

		return $words;
	}

	private static function freePort(): int
	{
		$socket = stream_socket_server('tcp://127.0.0.1:0');
		$port = (int) substr(strrchr(stream_socket_get_name($socket, false), ':'), 1);
		fclose($socket);

		return $port;
	}
}
