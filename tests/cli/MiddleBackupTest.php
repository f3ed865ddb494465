<?php

require_once __DIR__ . '/Backups.php';
require_once __DIR__ . '/Way.php';

use Cli\Backups;
use Cli\Way;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * A backup of a hub with filesync through bad proxies and lines, each to its end: the set is what the hub's tables and
 * store say, or the command says by its name why not, and goes on later.
 *
 * Environment COMMAND names the command, EXTENSION the extension.
 */
final class MiddleBackupTest extends TestCase
{
	use Backups {
		url as private hubUrl;
		tearDownAfterClass as private endBoth;
	}

	/** Any request at the door but the first one, which asks once whether there is one. */
	private const ANY = ' /filesync/v1/';

	private static Way $way;
	private static string $key;

	public static function setUpBeforeClass(): void
	{
		self::beginAtDoor(sys_get_temp_dir() . '/filesync-middle-backup-' . getmypid());
		self::$pair->execute('b', "DELETE FROM attach WHERE filename = 'bytes are lost.pdf'");
		self::$channel->make('many', 300, 20 << 10);
		self::$channel->make('large', 1, 8 << 20);
		self::$key = self::$channel->run('echo FileSync\Addon\Door\Key::make(1, "backup");');
		self::$pair->serve('b');
		self::$way = new Way(self::$pair->urls['b'], self::$pair->folder . '/middle');
		// Digests are computed of bytes that did not change for two seconds.
		sleep(3);
	}

	public static function tearDownAfterClass(): void
	{
		self::$way->stop();
		self::endBoth();
	}

	protected function setUp(): void
	{
		$this->set = self::nextSet();
		self::$way->rule([]);
		self::useKey(self::$key);
		self::$way->forget();
	}

	protected function tearDown(): void
	{
		Pair::run(['rm', '-rf', $this->set]);
	}

	/** The address of the channel, with what stands on the way. */
	private static function url(): string
	{
		return 'http://' . self::$way->address . '/channel/alice';
	}

	/** @return array<string, array{array<string, mixed>}> */
	public static function hindrances(): array
	{
		return [
			'bodies of 1 MiB' => [['limit' => 1 << 20]],
			'bodies of 64 KiB' => [['limit' => 64 << 10]],
			'only what browsers send' => [['refuse' => ['PATCH' => 405, 'HEAD' => 501, 'DELETE' => 403]]],
			'a slow line that is cut every three seconds' => [['rate' => 1_000_000, 'every' => 3]],
			'cut after so many bytes' => [['cut' => 1_000_000]],
			'Authorization stripped' => [['strip' => ['Authorization']]],
			'a page for each third request' => [['page' => 3, 'at' => self::ANY]],
			'each third answer is lost' => [['deaf' => 3, 'at' => self::ANY]],
			'every request comes twice' => [['replay' => 1, 'at' => self::ANY]],
		];
	}

	/**
	 * @dataProvider hindrances
	 *
	 * @param array<string, mixed> $rules
	 */
	#[DataProvider('hindrances')]
	public function test_all_is_equal_through(array $rules): void
	{
		self::$way->rule($rules);
		[$code, , $text] = $this->backup();
		$this->assertSame(0, $code, $text);
		$this->assertSame([], $this->differences());
		$this->assertDigests();
	}

	/** @return array<string, array{array<string, mixed>, int, string}> */
	public static function walls(): array
	{
		return [
			'a page for every question of the door' => [['page' => 1, 'at' => ' /filesync/v1/set'], 1, 'no_filesync'],
			'a page for every pack' => [['page' => 1, 'at' => '/set/pack'], 1, 'no_filesync'],
			'no pack is answered' => [['deaf' => 1, 'at' => '/set/pack'], 75, 'hub_unreachable'],
			'the key is stripped' => [['strip' => ['Filesync-Key', 'Authorization']], 1, 'login_refused'],
		];
	}

	/**
	 * @dataProvider walls
	 *
	 * @param array<string, mixed> $rules
	 */
	#[DataProvider('walls')]
	public function test_a_wall_is_an_error_by_its_name_and_the_same_command_goes_on(
		array $rules,
		int $exit,
		string $error,
	): void {
		self::$way->rule($rules);
		[$code, $said, $text] = $this->backup();
		$this->assertSame([$exit, $error], [$code, $said['error'] ?? ''], $text);
		$this->assertFileDoesNotExist("$this->set/set.json");
		self::$way->rule([]);
		[$code, , $text] = $this->backup();
		$this->assertSame(0, $code, $text);
		$this->assertSame([], $this->differences());
	}

	public function test_two_commands_at_once_make_one_set(): void
	{
		// Straight to the hub, which answers several at once.
		self::useKey(self::$key, self::hubUrl());
		$logs = [self::$home . '/log-1', self::$home . '/log-2'];
		$running = array_map(
			fn (string $log) => self::start($log, 'backup', self::hubUrl(), '--to', $this->set),
			$logs,
		);
		$codes = array_map(proc_close(...), $running);
		$text = implode('', array_map(file_get_contents(...), $logs));
		array_map(unlink(...), $logs);
		sort($codes);
		$this->assertSame([0, 75], $codes, $text);
		$this->assertStringContainsString('"error":"set_busy"', $text);
		$this->assertSame([], $this->differences());
	}
}
