<?php

require_once __DIR__ . '/Doorstep.php';
require_once __DIR__ . '/Front.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Front;
use TestHub\Pair;

/**
 * Programs of others send files through the upload door, behind what admins put before a hub; every byte arrives.
 *
 * Environment EXTENSION names the extension; NODE_MODULES and TUSPY the folders of tus-js-client and of a Python with
 * tuspy, APACHE where Apache and mod_php were unpacked. What is not named is skipped. nginx and PHP-FPM are needed.
 */
final class ForeignTest extends TestCase
{
	private static Doorstep $door;
	/** @var list<string> */
	private static array $files = [];
	private ?Front $front = null;

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/foreigntest-' . getmypid();
		self::$door = new Doorstep($folder);
		self::$door->pair->cut('b');
		foreach ([1, 256 << 10, 3_000_000] as $size) {
			file_put_contents(self::$files[] = "$folder/of $size bytes", random_bytes($size));
		}
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function tearDown(): void
	{
		$this->front?->stop();
		self::$door->inHub('FileSync\Addon\Door\Session::forget(1);');
	}

	public function test_tus_js_client(): void
	{
		$modules = (string) getenv('NODE_MODULES');
		if ($modules === '') {
			$this->markTestSkipped('NODE_MODULES names no folder with tus-js-client');
		}
		$this->arriveBy(['node', __DIR__ . '/../tus/foreign.mjs', $modules]);
	}

	public function test_tuspy(): void
	{
		$python = getenv('TUSPY') . '/bin/python3';
		if (! is_executable($python)) {
			$this->markTestSkipped('TUSPY names no folder of a Python with tuspy');
		}
		$this->arriveBy([$python, __DIR__ . '/../tus/foreign.py']);
	}

	public function test_the_example_behind_mod_php(): void
	{
		$apache = (string) getenv('APACHE');
		if (! Front::hasApache($apache)) {
			$this->markTestSkipped('APACHE names no folder with Apache and mod_php');
		}
		Pair::run(['chmod', '-R', 'a+rwX', self::$door->hub]);
		$this->front = Front::apache($apache, self::$door->hub, self::$door->pair->urls['b']);
		self::$door->makeKey();
		$session = self::$door->begin();
		$bytes = (string) file_get_contents(self::$files[2]);
		$upload = self::$door->create($session, $bytes);
		// mod_php makes 500 of a status that it does not know; the header says what it was.
		$wrong = self::$door->patch($upload, 0, 'x', [
			'Upload-Checksum' => 'sha256 ' . base64_encode(hash('sha256', 'y', true)),
		]);
		$this->assertSame([500, 'checksum_wrong'], [$wrong['status'], $wrong['error']]);
		for ($at = 0; $at < strlen($bytes); $at += 1 << 20) {
			$sum = base64_encode(hash('sha256', substr($bytes, $at, 1 << 20), true));
			$said = self::$door->patch($upload, $at, substr($bytes, $at, 1 << 20), [
				'Upload-Checksum' => "sha256 $sum",
			]);
			$this->assertSame(204, $said['status'], $said['body']);
		}
		$pack = Doorstep::tar([hash('sha256', 'small') => 'small']);
		$this->assertSame(200, self::$door->pack($session, $pack)['status']);
		$this->assertArrived($session, [hash('sha256', $bytes), hash('sha256', 'small')]);
	}

	/** @param list<string> $command */
	private function arriveBy(array $command): void
	{
		$this->front = Front::nginx(self::$door->hub, self::$door->pair->urls['b']);
		$key = self::$door->makeKey();
		$session = self::$door->begin();
		$process = proc_open(
			[...$command, self::$door->pair->urls['b'] . Doorstep::PATH . "$session/upload", ...self::$files],
			[['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]],
			$pipes,
			null,
			['FILESYNC_KEY' => $key, 'PATH' => (string) getenv('PATH')],
		);
		$said = (string) stream_get_contents($pipes[1]);
		$this->assertSame(0, proc_close($process), $said);
		$this->assertSame(self::$files, explode("\n", trim($said)));
		$this->assertArrived($session, array_map(
			fn (string $file) => (string) hash_file('sha256', $file),
			self::$files,
		));
	}

	/**
	 * The hub has these files whole, and nothing else.
	 *
	 * @param list<string> $digests
	 */
	private function assertArrived(string $session, array $digests): void
	{
		$folder = self::$door->hub . '/store/[data]/filesync/1/upload/' . basename($session);
		$here = [];
		foreach (self::$door->onDisk($session) as $path) {
			$here[basename($path)] = hash_file('sha256', "$folder/$path");
		}
		sort($digests);
		ksort($here);
		$this->assertSame(array_combine($digests, $digests), $here);
	}
}
