<?php

require_once __DIR__ . '/AtHome.php';

use Cli\AtHome;
use PHPUnit\Framework\TestCase;

/**
 * The owner's command at a reading door that lies: it says so, and keeps the set as it was. Environment COMMAND names
 * the command.
 */
final class LyingDoorTest extends TestCase
{
	use AtHome;

	private static string $folder;
	/** The channel's public key. */
	private static string $public;
	/** @var ?resource */
	private $server;
	private string $url;

	public static function setUpBeforeClass(): void
	{
		self::$folder = sys_get_temp_dir() . '/filesync-lies-' . getmypid();
		mkdir(self::$folder);
		self::$home = self::$folder;
		self::$public = openssl_pkey_get_details(openssl_pkey_new())['key'];
	}

	public static function tearDownAfterClass(): void
	{
		exec('rm -rf ' . escapeshellarg(self::$folder));
	}

	protected function tearDown(): void
	{
		$this->stop();
	}

	public function test_a_door_that_does_not_lie_is_believed(): void
	{
		[$code, $said] = $this->backup('none');
		$this->assertSame([0, 2], [$code, $said['files'] ?? $said]);
		$this->assertSame('a small file', file_get_contents(self::$folder . '/none/data/files/small.txt'));
		$this->assertSame(2400000, filesize(self::$folder . '/none/data/files/large.bin'));
	}

	public function test_answers_that_no_door_gives_end_the_run(): void
	{
		foreach ([
			'endless' => 'door_wrong',
			'foreign' => 'door_wrong',
			'silent' => 'door_wrong',
			'other names' => 'door_wrong',
			'page' => 'no_filesync',
		] as $lie => $error) {
			[$code, $said] = $this->backup($lie);
			$this->assertSame([1, $error], [$code, $said['error'] ?? $said], $lie);
			$this->assertFileDoesNotExist(self::$folder . "/$lie/set.json");
			$this->stop();
		}
	}

	public function test_a_door_that_does_not_say_whose_it_is_is_not_used(): void
	{
		foreach (['no key', 'no address', 'no hash'] as $lie) {
			$this->serve($lie);
			self::file('key', self::key());
			[$code, $said] = self::command('login', $this->url, '--key-file', self::$home . '/key');
			$this->assertSame([1, 'door_wrong'], [$code, $said['error'] ?? $said], $lie);
			$this->assertStringContainsString('Its admin can see to it', $said['words']);
			$this->stop();
		}
	}

	public function test_bytes_without_their_digest_are_not_taken(): void
	{
		[$code, $said] = $this->backup('other bytes');
		$this->assertSame([1, 0, 2], [$code, $said['files'] ?? $said, $said['missing'] ?? null]);
		$this->assertSame(
			['changed_while_read', 'changed_while_read'],
			array_column($said['lacks'], 'why'),
		);
		$this->assertSame([], glob(self::$folder . '/other bytes/data/files/*'));
	}

	public function test_no_path_comes_from_the_door(): void
	{
		[$code, $said] = $this->backup('traversal');
		$this->assertSame([0, 2], [$code, $said['files'] ?? $said]);
		exec('find ' . escapeshellarg(self::$folder) . ' -name "*escaped*"', $found);
		$this->assertSame([], $found);
	}

	public function test_rows_that_no_door_gives_end_the_run_and_no_path_comes_from_them(): void
	{
		$secret = self::file('secret', 'a secret');
		$options = ['--everything', '--password-file', $secret, '--passphrase-file', $secret];
		[$code, $said] = $this->backup('none of it', ...$options);
		$this->assertSame(0, $code, json_encode($said));
		$post = json_decode((string) file_get_contents(self::$folder . '/none of it/data/posts/2024-05.jsonl'), true);
		$this->assertSame(['m1', "a\nb"], [$post['message_id'], $post['body']]);
		$this->stop();
		foreach ([
			'no pass' => 'door_wrong',
			'whole of another' => 'login_refused',
			'another identity' => 'door_wrong',
			'kind that climbs' => 'door_wrong',
			'row that climbs' => 'door_wrong',
			'endless rows' => 'door_wrong',
			'silent rows' => 'door_wrong',
			'row of no object' => 'door_wrong',
		] as $lie => $error) {
			[$code, $said] = $this->backup($lie, ...$options);
			$this->assertSame([1, $error], [$code, $said['error'] ?? $said], $lie);
			$this->assertFileDoesNotExist(self::$folder . "/$lie/set.json");
			$this->stop();
		}
		exec('find ' . escapeshellarg(self::$folder) . ' -name "*escaped*"', $found);
		$this->assertSame([], $found);
		exec('grep -rlF -e "the key" -e "a secret" ' . escapeshellarg(self::$folder), $found);
		$this->assertSame([$secret], $found, 'sealed');
	}

	public function test_a_door_of_another_time_says_which_to_update(): void
	{
		$this->serve('newer');
		[$code, $said] = self::command('login', $this->url, '--key-file', self::file('key', self::key()));
		$this->assertSame([1, 'command_old'], [$code, $said['error'] ?? $said]);
	}

	private static function key(): string
	{
		return 'fsb_' . str_repeat('0', 16) . '_' . str_repeat('1', 64);
	}

	/** @return array{int, array<string, mixed>} */
	private function backup(string $lie, string ...$options): array
	{
		$this->serve($lie);
		[$code, $said] = self::command('login', $this->url, '--key-file', self::file('key', self::key()));
		$this->assertSame(0, $code, json_encode($said));

		return self::command('backup', $this->url, '--to', self::$folder . "/$lie", ...$options);
	}

	private function serve(string $lie): void
	{
		do {
			$port = random_int(10000, 30000);
			$socket = @stream_socket_server("tcp://127.0.0.1:$port");
		} while (! $socket);
		fclose($socket);
		$this->url = "http://127.0.0.1:$port/channel/alice";
		$nothing = ['file', '/dev/null', 'a'];
		$this->server = proc_open(
			[PHP_BINARY, '-S', "127.0.0.1:$port", __DIR__ . '/lying-door.php'],
			[['file', '/dev/null', 'r'], $nothing, $nothing],
			$pipes,
			null,
			['LIE' => $lie, 'PUBLIC_KEY' => self::$public, 'PATH' => (string) getenv('PATH')],
		);
		for ($end = microtime(true) + 60; microtime(true) < $end; usleep(20000)) {
			$socket = @fsockopen('127.0.0.1', $port, $code, $message, 1);
			if ($socket) {
				fclose($socket);

				return;
			}
		}
		throw new \RuntimeException('the lying door does not open');
	}

	private function stop(): void
	{
		if ($this->server) {
			proc_terminate($this->server, SIGKILL);
			proc_close($this->server);
			$this->server = null;
		}
	}
}
