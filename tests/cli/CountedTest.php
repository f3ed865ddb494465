<?php

require_once __DIR__ . '/Backups.php';
require_once __DIR__ . '/Restores.php';

use Cli\AtHome;
use Cli\Hub;
use Cli\Way;
use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Pair;

/**
 * What the command sends and gets, counted on the way: few requests for many small files, little for what did not
 * change, and nothing twice after a cut. FULL=1 takes 10,000 files instead of 2,000.
 *
 * Environment COMMAND names the command, EXTENSION the extension.
 */
final class CountedTest extends TestCase
{
	use AtHome;

	private const SMALL = 20 << 10;
	private const LARGE = 200 << 10;
	/** What is under way when a run is cut off comes again: two packs. Of many files that is less than 12 %. */
	private const UNDER_WAY = 2 * (8 << 20);
	private static Doorstep $door;
	private static Way $way;
	private static string $set;
	private static int $files;

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/filesync-counted-' . getmypid();
		self::$door = new Doorstep($folder);
		self::$home = "$folder/home";
		self::$set = "$folder/set";
		self::$files = getenv('FULL') ? 10000 : 2000;
		mkdir(self::$home);
		(new Hub(self::$door->pair, 'b'))->make('many', self::$files, self::SMALL);
		// Digests are computed of bytes that did not change for two seconds.
		sleep(3);
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function tearDown(): void
	{
		self::$way->stop();
	}

	public function test_a_stock_hub_is_asked_little(): void
	{
		$this->stand('a');
		$hub = new Hub(self::$door->pair, 'a');
		$hub->fill();
		$hub->make('others', 300, self::LARGE);
		self::$door->pair->execute('a', "DELETE FROM attach WHERE filename = 'bytes are lost.pdf'");
		$hub->giveApp('filesync-test', 'zxcvbnmasdfghjkl1234567890qwerty');
		$secret = self::file('secret', "zxcvbnmasdfghjkl1234567890qwerty\n");
		self::succeed('login', self::url(), '--app', 'filesync-test', '--secret-file', $secret);
		$count = fn (string $from): int => (int) self::$door->pair->rows(
			'a',
			"SELECT COUNT(*) AS n FROM $from",
		)[0]['n'];
		$files = $count('attach WHERE is_dir = 0 AND uid = 1');
		$photos = $count('attach WHERE is_photo = 1 AND uid = 1');
		foreach ([['--skip-posts'], []] as $options) {
			Pair::run(['rm', '-rf', self::$set]);
			$backup = ['backup', self::url(), '--to', self::$set, ...$options];
			self::$way->forget();
			self::succeed(...$backup);
			[$requests, $first] = $this->counted();
			$this->assertLessThanOrEqual((int) (3.2 * $files), $requests, 'requests of the first run');
			self::succeed(...$backup);
			[, $second] = $this->counted();
			$most = $options === [] ? (0.01 * $first) + (10000 * $photos) : 0.01 * $first;
			$this->assertLessThanOrEqual($most, $second, 'bytes of the second run');
		}
	}

	public function test_many_small_files_are_backed_up_from_a_hub_with_filesync_and_restored(): void
	{
		$this->stand('b');
		$key = self::$door->makeKey(1, 'backup');
		self::succeed('login', self::url(), '--key-file', self::file('backup-key', "$key\n"));
		Pair::run(['rm', '-rf', self::$set]);
		$backup = ['backup', self::url(), '--to', self::$set];
		self::$way->forget();
		self::succeed(...$backup);
		[$requests, $first] = $this->counted();
		$this->assertLessThanOrEqual((int) (0.04 * self::$files), $requests, 'requests of the first run');
		$this->assertLessThan(1.15 * self::SMALL * self::$files, $first, 'bytes of the first run');
		$this->assertCount(self::$files, glob(self::$set . '/data/files/many/*') ?: []);

		self::succeed(...$backup);
		[, $second] = $this->counted();
		$this->assertLessThanOrEqual(0.01 * $first, $second, 'bytes of the second run');

		// Cut off at 90 %.
		Pair::run(['rm', '-rf', self::$set]);
		[, $cut] = $this->cutOff($first, ...$backup);
		self::succeed(...$backup);
		[, $rest] = $this->counted();
		$this->assertLessThan(max(0.12 * $first, self::UNDER_WAY), $cut + $rest - $first, 'bytes that came twice');

		// The hub loses all of it, and gets it back; then it tells the other one, so this test is the last.
		self::$door->pair->execute('b', 'DELETE FROM attach WHERE uid = 1');
		foreach (['file', 'digest', 'ended', 'kept'] as $table) {
			self::$door->pair->execute('b', "DELETE FROM filesync_$table");
		}
		Pair::run(['rm', '-rf', self::$door->hub . '/store/alice']);
		self::$door->inHub('del_config("testhub", "without_workers");');
		$restore = ['restore', self::$set, '--to', self::url(), '--without', self::$door->pair->urls['a'], '--trust'];
		$restore = [...$restore, '--key-file', self::file('key', self::$door->makeKey() . "\n")];
		$size = (int) explode("\t", Pair::run(['du', '-sb', self::$set])[0])[0];
		[$before, $cut] = $this->cutOff($size, ...$restore);
		self::succeed(...$restore);
		[$requests, $rest] = $this->counted();
		$this->assertLessThan(max(0.12 * $size, self::UNDER_WAY), $cut + $rest - $size, 'bytes that were sent twice');
		$this->assertLessThanOrEqual((int) (0.04 * self::$files) + 10, $before + $requests, 'requests of the restore');
		$rows = self::$door->pair->rows('b', 'SELECT COUNT(*) AS n FROM attach WHERE uid = 1 AND is_dir = 0');
		$this->assertSame(self::$files, (int) $rows[0]['n']);
	}

	/** Puts something on the way to a hub that counts. */
	private function stand(string $name): void
	{
		self::$way = new Way(self::$door->pair->urls[$name], self::$door->pair->folder . "/way-$name");
	}

	private static function url(): string
	{
		return 'http://' . self::$way->address . '/channel/alice';
	}

	/**
	 * Runs a command until 90 % of these bytes went over the line.
	 *
	 * @return array{int, int} As `counted`.
	 */
	private function cutOff(int $bytes, string ...$words): array
	{
		self::$way->rule(['hold' => (int) (0.9 * $bytes)]);
		$process = self::start(self::$home . '/log', ...$words);
		$this->assertTrue(self::killOnce(fn () => self::$way->isHeld(), $process, 600), 'it came so far');
		$this->assertTrue(self::$way->isHeld());
		self::$way->letGo();
		$counted = $this->counted();
		$this->assertLessThan(0.99 * $bytes, $counted[1], 'it was cut off before its end');

		return $counted;
	}

	/** @return array{int, int} Requests since they were counted last, and the bytes of them and their answers. */
	private function counted(): array
	{
		$requests = self::$way->requests();
		self::$way->forget();
		$bytes = array_sum(array_column($requests, 'sent')) + array_sum(array_column($requests, 'answered'));

		return [count($requests), $bytes];
	}
}
