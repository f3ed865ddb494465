<?php

require_once __DIR__ . '/Hubs.php';
require_once __DIR__ . '/RoundTrip.php';

use PHPUnit\Framework\TestCase;
use Set\Hubs;
use Set\RoundTrip;

/** A set of five runs, restored as each of them left it, is the hub of that day. */
final class DaysTest extends TestCase
{
	private const DAYS = 5;
	private static Hubs $hubs;
	private static string $first;
	private static string $second;
	/** @var list<string> */
	private static array $times = [];

	public static function setUpBeforeClass(): void
	{
		if ((getenv('DB') ?: 'sqlite') !== 'sqlite') {
			self::markTestSkipped('what a hub was is kept as a copy of its folder');
		}
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::$hubs = $hubs = new Hubs(sys_get_temp_dir() . '/daystest-' . getmypid(), (string) realpath($extension));
		self::$first = $hubs->make('first');
		$hubs->script('first', __DIR__ . '/fill.php', $hubs->path('first'));
		for ($day = 0; $day < self::DAYS; $day++) {
			if ($day > 0) {
				$hubs->script('first', __DIR__ . '/mover.php', $hubs->path('first'), '40', (string) $day, '/dev/null');
				self::changeCrop($day);
			}
			[$code, $said, $text] = $hubs->command('first', 'backup', 'alice', $hubs->path('set'), '--json');
			if (! in_array($code, [0, 1], true)) {
				throw new RuntimeException("the backup of day $day ended with $code: $text");
			}
			self::$times[] = preg_replace('/T(\d\d)(\d\d)(\d\d)Z$/', 'T$1:$2:$3Z', $said['run']);
			$hubs->copy('first', "first-$day");
		}
		self::$second = $hubs->make('second', 'first');
		$hubs->copy('second', 'empty');
	}

	public static function tearDownAfterClass(): void
	{
		isset(self::$hubs) && self::$hubs->remove();
	}

	/** Gives a photo another hand-made crop, of other bytes each day. */
	private static function changeCrop(int $day): void
	{
		$database = self::$hubs->database('first');
		$row = $database->query('SELECT * FROM photo WHERE imgscale = 4 AND os_storage = 1 ORDER BY id')->fetch();
		$image = imagecreatetruecolor(300, 300);
		imagefill($image, 0, 0, $day * 40);
		$path = self::$hubs->path('first') . '/' . $row['content'];
		imagejpeg($image, $path);
		touch($path, time() - 100);
		clearstatcache();
		$database->prepare('UPDATE photo SET filesize = ?, edited = ?, mimetype = ? WHERE id = ?')
			->execute([
				filesize($path),
				gmdate('Y-m-d H:i:s'),
				'image/jpeg',
				$row['id'],
			]);
	}

	public function test_each_run_gives_that_days_tree(): void
	{
		$hubs = self::$hubs;
		$trees = [];
		foreach (self::$times as $day => $at) {
			$hubs->copy('empty', 'second');
			$words = ['restore', 'alice', $hubs->path('set'), '--at', $at, '--json'];
			[, $plan] = $hubs->command('second', ...[...$words, '--dry-run']);
			[$code, $done, $text] = $hubs->command('second', ...$words);
			$this->assertContains($code, [0, 1], "day $day: $text");
			$this->assertSame(str_replace(':', '', $at), $done['set_run'], "day $day");
			$this->assertSame('channel', $done['signed_by'], "day $day");
			foreach (['files', 'bytes', 'folders', 'crops', 'posts', 'set_run'] as $what) {
				$this->assertEquals($plan[$what], $done[$what], "day $day, $what");
			}
			$trip = RoundTrip::compare(
				$hubs->rows("first-$day"),
				$hubs->rows('second'),
				self::$first,
				self::$second,
			);
			$this->assertSame([], $trip->wrong(), "day $day");
			$this->assertGreaterThan(30, $trip->files, "day $day");
			$trees[] = json_encode(array_map(
				fn ($entry) => [$entry['path'], $entry['sha256'], $entry['crops']],
				$hubs->rows("first-$day")->entries(),
			), JSON_INVALID_UTF8_SUBSTITUTE);
		}
		$this->assertCount(self::DAYS, array_unique($trees), 'the days differ');
	}

	public function test_a_date_means_its_end_and_too_old_a_time_is_refused(): void
	{
		$hubs = self::$hubs;
		$hubs->copy('empty', 'second');
		$before = $hubs->state('second');
		$today = substr(end(self::$times), 0, 10);
		$words = ['restore', 'alice', $hubs->path('set'), '--json', '--dry-run', '--at'];
		[$code, $said, $text] = $hubs->command('second', ...[...$words, $today]);
		$this->assertSame(str_replace(':', '', end(self::$times)), $said['set_run'] ?? $text);
		[$code, $said, $text] = $hubs->command('second', ...[...$words, '2020-01-01']);
		$this->assertSame([2, 'no_run'], [$code, $said['error'] ?? $text]);
		$this->assertStringContainsString(str_replace(':', '', self::$times[0]), $said['words']);
		[$code, , $text] = $hubs->command('second', ...[...$words, 'yesterday']);
		$this->assertSame(2, $code, $text);
		$this->assertSame($before, $hubs->state('second'));
	}
}
