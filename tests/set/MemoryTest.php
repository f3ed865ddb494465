<?php

require_once __DIR__ . '/Hubs.php';

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Set\Hubs;
use TestHub\Pair;

/** Backups and restores of many files take little memory: no more than those of few. */
final class MemoryTest extends TestCase
{
	private const LIMIT = '64M';
	private const MOST_MIB = 96;
	private const FEW = 20;
	/** By how much the peaks of many files may be above those of few. */
	private const GROWTH_MIB = ['first backup' => 12, 'backup' => 12, 'restore' => 30];

	private static Hubs $hubs;
	/** @var array<int, array<string, float>> */
	private static array $peaks = [];

	public static function setUpBeforeClass(): void
	{
		if ((getenv('DB') ?: 'sqlite') !== 'sqlite') {
			self::markTestSkipped('each size has hubs of its own');
		}
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::$hubs = new Hubs(sys_get_temp_dir() . '/memorytest-' . getmypid(), (string) realpath($extension));
		foreach ([self::FEW, getenv('FULL') ? 20000 : 2000] as $files) {
			self::$peaks[$files] = self::peaks($files);
		}
	}

	public static function tearDownAfterClass(): void
	{
		isset(self::$hubs) && self::$hubs->remove();
	}

	/** @return array<string, float> What each took at most, in MiB. */
	private static function peaks(int $files): array
	{
		$hubs = self::$hubs;
		[$first, $second, $set] = ["first-$files", "second-$files", $hubs->path("set-$files")];
		$hubs->make($first);
		$hubs->script(
			$first,
			__DIR__ . '/../../bench/worker/set-fill.php',
			$hubs->path($first),
			'fill',
			(string) $files,
			'900',
		);
		$hubs->make($second, $first);
		$url = json_decode(file_get_contents($hubs->path($first) . '/hub.json'), true)['url'];
		$peaks = [
			'first backup' => self::peak($first, 'backup', 'alice', $set),
			'backup' => self::peak($first, 'backup', 'alice', $set),
			'restore' => self::peak($second, 'restore', 'alice', $set, '--without', $url),
		];
		$rows = $hubs->database($second)->query('SELECT content FROM attach WHERE is_dir = 0')->fetchAll();
		self::assertCount($files, $rows);
		foreach ($rows as $row) {
			self::assertSame(900, filesize($hubs->path($second) . '/' . $row['content']));
		}

		return $peaks;
	}

	private static function peak(string $hub, string ...$words): float
	{
		$said = Pair::run([
			PHP_BINARY,
			'-n',
			__DIR__ . '/../../bench/worker/peak.php',
			__DIR__ . '/../testhub/bin/in-hub',
			self::$hubs->path($hub),
			PHP_BINARY,
			'-d',
			'memory_limit=' . self::LIMIT,
			'addon/filesync/cli.php',
			...$words,
		]);

		return (float) end($said);
	}

	public static function works(): array
	{
		return array_map(
			fn ($what) => [$what],
			array_combine(array_keys(self::GROWTH_MIB), array_keys(self::GROWTH_MIB)),
		);
	}

	/** @dataProvider works */
	#[DataProvider('works')]
	public function test_memory_does_not_grow_with_the_number_of_files(string $what): void
	{
		$peaks = array_map(fn ($of) => round($of[$what], 1), self::$peaks);
		$most = max($peaks);
		fwrite(STDERR, "$what: " . json_encode($peaks) . " MiB\n");
		$this->assertLessThanOrEqual(self::MOST_MIB, $most, json_encode($peaks));
		$this->assertLessThanOrEqual($peaks[self::FEW] + self::GROWTH_MIB[$what], $most, json_encode($peaks));
	}
}
