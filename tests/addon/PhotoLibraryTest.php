<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Photo;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;
use Zotlabs\Photo\PhotoGd;

require_once __DIR__ . '/../shared/RestartJpeg.php';

/** Scales of photos that the extension refuses are fetched, and made by the hub's library if no hub gives them. */
final class PhotoLibraryTest extends AddonTestCase
{
	private const GONE = ['kind' => 'NotFound', 'temporary' => false, 'message' => 'not there'];
	private const DOWN = ['kind' => 'Network', 'temporary' => true, 'message' => 'no connection'];

	/** @var list<string> Memory that nobody else can use. */
	private array $ballast = [];

	protected function setUp(): void
	{
		parent::setUp();
		Photo::$isKnown = false;
		Config::set('make_scales', '1');
		set_config('system', 'ignore_imagick', 1);
	}

	protected function tearDown(): void
	{
		PhotoGd::$before = null;
		$this->ballast = [];
		parent::tearDown();
	}

	public function test_scales_that_no_hub_gives_are_made_by_the_hubs_library_upright_and_to_the_last_row(): void
	{
		$this->receive($this->refused('p1', RestartJpeg::make(1312, 60, 5, 6)));
		$this->work();
		foreach ([1 => [749, 1024], 2 => [468, 640], 3 => [234, 320]] as $scale => $size) {
			$bytes = file_get_contents("store/alice/p1-$scale");
			$this->assertSame($size, array_slice(getimagesizefromstring($bytes), 0, 2));
			// Stored with red above and green on the left; turned to the right, red is on the right and green on top.
			$this->assertSame(
				['green', 'red', 'blue', 'blue'],
				$this->colours($bytes, [
					[0.5, 0.05],
					[0.9, 0.5],
					[0.1, 0.5],
					[0.05, 0.99],
				]),
			);
			$row = Table::first('photo', ['resource_id' => 'p1', 'imgscale' => $scale]);
			$this->assertSame([...$size, strlen($bytes), 'image/jpeg', 1], [
				(int) $row['width'],
				(int) $row['height'],
				(int) $row['filesize'],
				$row['mimetype'],
				(int) $row['os_storage'],
			]);
			$this->assertSame('library', json_decode($this->transfer('p1', $scale)['result'], true)['rung']);
		}
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing'));
		$this->assertSame([], glob('store/*data*/filesync/1/*.partial'));
	}

	public function test_all_eight_orientations_come_upright(): void
	{
		$corners = [[0.05, 0.2], [0.4, 0.3], [0.6, 0.8], [0.8, 0.95]];
		$stored = fn (float $x, float $y) => $x < 0.125 ? 'green' : ($y < 0.5 ? 'red' : 'blue');
		$turns = [
			1 => fn ($x, $y) => [$x, $y],
			2 => fn ($x, $y) => [1 - $x, $y],
			3 => fn ($x, $y) => [1 - $x, 1 - $y],
			4 => fn ($x, $y) => [$x, 1 - $y],
			5 => fn ($x, $y) => [$y, $x],
			6 => fn ($x, $y) => [$y, 1 - $x],
			7 => fn ($x, $y) => [1 - $y, 1 - $x],
			8 => fn ($x, $y) => [1 - $y, $x],
		];
		foreach ($turns as $orientation => $from) {
			$this->receive($this->refused("p$orientation", RestartJpeg::make(640, 30, 3, $orientation)));
			$this->work();
			$this->assertSame(
				array_map(fn ($at) => $stored(...$from(...$at)), $corners),
				$this->colours(file_get_contents("store/alice/p$orientation-3"), $corners),
				"orientation $orientation",
			);
		}
	}

	public function test_what_browsers_read_over_is_no_fault_for_the_library(): void
	{
		foreach (RestartJpeg::faulty() as $fault => $jpeg) {
			$hash = 'p' . crc32($fault);
			$this->receive($this->refused($hash, $jpeg));
			$this->work();
			$this->assertSame(
				['red', 'blue', 'blue'],
				$this->colours(file_get_contents("store/alice/$hash-3"), [[0.5, 0.02], [0.5, 0.8], [0.9, 0.99]]),
				$fault,
			);
		}
	}

	public function test_with_the_origin_there_they_are_fetched_and_a_hub_that_is_down_is_asked_again_first(): void
	{
		$this->receive($this->refused('p1', RestartJpeg::make(640, 30, 3), 'theirs'));
		$this->work();
		$this->assertSame('theirs', file_get_contents('store/alice/p1-1'));
		$this->receive($this->refused('p2', RestartJpeg::make(640, 30, 3), self::DOWN));
		for ($n = 1; $n <= 5; $n++) {
			$this->assertFileDoesNotExist('store/alice/p2-1');
			Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
			$this->work();
		}
		$this->assertSame(['published', 'library'], [
			$this->transfer('p2', 1)['state'],
			json_decode($this->transfer('p2', 1)['result'], true)['rung'],
		]);
		Config::set('make_scales', '0');
		$this->receive($this->refused('p3', RestartJpeg::make(640, 30, 3)));
		$this->work();
		$this->assertSame('parked', $this->transfer('p3', 1)['state'], 'where the admin wants none made');
	}

	public function test_no_other_clone_is_left_to_ask(): void
	{
		$this->receive($this->refused('p1', RestartJpeg::make(640, 30, 3), self::DOWN));
		$this->work();
		dbq("DELETE FROM hubloc WHERE hubloc_url <> 'http://127.0.0.1:9000'");
		Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
		$this->work();
		$this->assertSame(320, getimagesize('store/alice/p1-3')[0]);
		unlink('store/alice/p1-3');
		$this->assertSame(0, $this->runVerb('repair', 'photos')[0]);
		$this->assertSame(320, getimagesize('store/alice/p1-3')[0]);
	}

	public function test_a_photo_that_needs_too_much_memory_is_listed_with_the_reason_and_the_remedy(): void
	{
		$was = ini_get('memory_limit');
		$picture = RestartJpeg::make(2624, 120, 5);
		$this->receive($this->refused('p1', $picture));
		$calls = 0;
		PhotoGd::$before = function () use (&$calls) {
			$calls++;
		};
		try {
			$this->leaveTenMebibytes();
			$this->work();
		} finally {
			ini_set('memory_limit', $was);
		}
		$this->assertSame([0, 'parked', 'NotFound'], [
			$calls,
			$this->transfer('p1', 1)['state'],
			$this->transfer('p1', 1)['kind'],
		]);
		$this->assertMatchesRegularExpression(
			"/not there; it cannot be made here either: its 5038080 pixels would take 20 MiB in the hub's image library, \d+ MiB are free: raise memory_limit in php.ini, then run `repair photos`/",
			$this->runVerb('missing')[1],
		);
		$this->assertSame($picture, file_get_contents('store/alice/p1'));
		[$code, $text] = $this->runVerb('repair', 'photos');
		$this->assertSame([0, 'published'], [$code, $this->transfer('p1', 1)['state']], $text);
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'photos'));
	}

	/**
	 * Lowers the limit to about 10 MiB more than what is used. PHP refuses less than what it has from the system, so
	 * what earlier tests took of that, and gave back in pieces, is taken again.
	 */
	private function leaveTenMebibytes(): void
	{
		gc_collect_cycles();
		gc_mem_caches();
		$unused = memory_get_usage(true) - memory_get_usage() - (10 << 20);
		for ($taken = 0; $taken < $unused; $taken += 4096) {
			$this->ballast[] = str_repeat('x', 4000);
		}
		$limit = max(memory_get_usage() + (10 << 20), memory_get_usage(true));
		$this->assertNotFalse(ini_set('memory_limit', (string) $limit));
	}

	public function test_the_remedy_helps_at_once_while_the_scales_wait_for_a_hub_that_is_down(): void
	{
		$this->receive($this->refused('p1', RestartJpeg::make(2624, 120, 5), self::DOWN));
		$was = ini_get('memory_limit');
		try {
			$this->leaveTenMebibytes();
			for ($n = 1; $n <= 5; $n++) {
				Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
				$this->work();
			}
		} finally {
			ini_set('memory_limit', $was);
		}
		$this->assertSame('waiting', $this->transfer('p1', 1)['state']);
		$this->assertStringContainsString('raise memory_limit', $this->transfer('p1', 1)['reason']);
		$this->assertSame([0, "made 3 scales again\n"], $this->runVerb('repair', 'photos'));
		$this->assertSame(1024, getimagesize('store/alice/p1-1')[0]);
	}

	public function test_a_file_that_no_library_reads_stays_as_it_is(): void
	{
		foreach ([
			'p1' => "\xff\xd8\xff\xe0 no picture",
			'p2' => '<svg xmlns="http://www.w3.org/2000/svg"/>',
		] as $hash => $bytes) {
			$this->receive($this->refused($hash, $bytes));
			$this->work();
			$this->assertSame(['parked', 'NotFound'], [
				$this->transfer($hash, 1)['state'],
				$this->transfer($hash, 1)['kind'],
			]);
			$this->assertSame($bytes, $this->shown($hash));
			$this->assertFileDoesNotExist("store/alice/$hash-1");
		}
		$this->assertStringContainsString(
			"it cannot be made here either: the hub's image library cannot read it",
			$this->runVerb('missing')[1],
		);
		foreach ([1, 2, 3] as $scale) {
			TransferBatch::$answers["p2-$scale"] = self::DOWN;
		}
		[$code, $text] = $this->runVerb('repair', 'photos');
		$this->assertSame(1, $code);
		$this->assertStringContainsString('made 0 scales again; 3 are not made yet; 3 cannot be made', $text);
		$this->assertMatchesRegularExpression('/p1\.jpg: not there; it cannot be made here either: /', $text);
		// A hub that is down is asked again and again, as before; the library is not.
		$this->receive($this->refused('p3', "\xff\xd8\xff\xe0 no picture", self::DOWN));
		$calls = 0;
		PhotoGd::$before = function () use (&$calls) {
			$calls++;
		};
		for ($n = 1; $n <= 12; $n++) {
			Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
			$this->work();
		}
		$this->assertSame(['waiting', 12, 1], [
			$this->transfer('p3', 1)['state'],
			(int) $this->transfer('p3', 1)['attempts'],
			$calls,
		]);
		$this->assertStringContainsString('no connection; it cannot be made', $this->transfer('p3', 1)['reason']);
		$this->runVerb('repair', 'photos');
		$this->assertSame(['waiting', 3], [$this->transfer('p3', 1)['state'], $calls], 'repair tries this and p1');
		TransferBatch::$answers['p3-1'] = 'theirs';
		Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
		$this->work();
		$this->assertSame('theirs', file_get_contents('store/alice/p3-1'));
	}

	public function test_a_photo_that_kills_the_library_is_counted_and_not_tried_for_ever(): void
	{
		$this->receive($this->refused('p1', RestartJpeg::make(640, 30, 3)));
		$calls = sys_get_temp_dir() . '/calls-' . getmypid();
		file_put_contents($calls, '');
		for ($n = 0; $n < 5; $n++) {
			$this->killedAt(null, function () use ($calls) {
				PhotoGd::$before = function () use ($calls) {
					file_put_contents($calls, 'x', FILE_APPEND);
					posix_kill(getmypid(), SIGKILL);
				};
				$this->work();
			});
			$this->expireLeases();
		}
		$this->assertSame('xx', file_get_contents($calls));
		unlink($calls);
		foreach ([1, 2, 3] as $scale) {
			$this->assertSame(['parked', 'NotFound'], [
				$this->transfer('p1', $scale)['state'],
				$this->transfer('p1', $scale)['kind'],
			]);
		}
		$this->assertStringContainsString(
			'it ended the process 2 times: raise memory_limit in php.ini, then run `repair photos`',
			$this->runVerb('missing')[1],
		);
		$this->runVerb('repair', 'photos');
		$this->assertSame(320, getimagesize('store/alice/p1-3')[0]);
	}

	public function test_killed_at_any_instant_the_scales_are_there_in_the_end(): void
	{
		$picture = RestartJpeg::make(640, 30, 3);
		$begin = function (int $n) use ($picture): void {
			dbq('DELETE FROM filesync_transfer');
			dbq('DELETE FROM attach');
			dbq('DELETE FROM photo');
			array_map(unlink(...), glob('store/alice/p1-*'));
			$this->receive($this->refused('p1', $picture, self::GONE, [
				'edited' => '2024-07-01 10:' . sprintf('%02d:%02d', intdiv($n, 60) % 60, $n % 60),
			]));
		};
		$begin(0);
		$instants = $this->instantsOf(fn () => $this->work());
		sys_boot();
		foreach (self::sample($instants, 12) as $instant) {
			$begin($instant);
			$this->killedAt($instant, fn () => $this->work());
			for ($n = 0; $n < 3; $n++) {
				$this->expireLeases();
				$this->work();
			}
			foreach ([1 => 640, 2 => 640, 3 => 320] as $scale => $width) {
				$this->assertSame($width, getimagesize("store/alice/p1-$scale")[0], "killed at instant $instant");
				$this->assertSame(
					filesize("store/alice/p1-$scale"),
					(int) Table::first('photo', ['resource_id' => 'p1', 'imgscale' => $scale])['filesize'],
				);
			}
			// What a killed process received and had no need of is tidied up in time.
			Fake\Clock::$ahead = 86400 * (Config::number('partial_days') + 1);
			Housekeeping::daily();
			Fake\Clock::$ahead = 0;
			$this->assertSame([], glob('store/*data*/filesync/1/*.partial'), "killed at instant $instant");
		}
	}

	public function test_a_crop_is_never_made_but_its_small_scales_are(): void
	{
		$crop = RestartJpeg::make(304, 19, 2);
		$entry = $this->photo('p1', [0 => RestartJpeg::make(640, 30, 3), 1 => '', 4 => $crop, 5 => '', 6 => '']);
		foreach ([1, 5, 6] as $scale) {
			TransferBatch::$answers["p1-$scale"] = self::GONE;
		}
		$this->receive($entry);
		$this->work();
		$this->assertSame($crop, file_get_contents('store/alice/p1-4'));
		$this->assertSame([640, 80, 48], array_map(
			fn ($scale) => getimagesize("store/alice/p1-$scale")[0],
			[1, 5, 6],
		));
		TransferBatch::$answers['p2-4'] = self::GONE;
		$this->receive(['photo' => $this->photo('p2', [0 => 'x', 4 => 'y'])['photo']] + $this->refused('p2', $crop));
		TransferBatch::$answers['p2-4'] = self::GONE;
		$this->work();
		$this->assertSame('parked', $this->transfer('p2', 4)['state']);
		$this->assertFileDoesNotExist('store/alice/p2-4');
	}

	/** @dataProvider odd */
	#[DataProvider('odd')]
	public function test_other_files_that_are_refused_are_made_if_the_library_reads_them(
		string $bytes,
		string $type,
		?string $made,
	): void {
		$this->receive($this->refused('p1', $bytes, self::GONE, [], $type));
		$this->work();
		$row = Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 3]);
		$this->assertSame($made, $row['mimetype'] ?? null, $this->transfer('p1', 3)['reason']);
		$this->assertSame($made === null ? 'parked' : 'published', $this->transfer('p1', 3)['state']);
		if ($made !== null) {
			$size = getimagesize('store/alice/p1-3');
			$this->assertSame([320, 160, $made], [$size[0], $size[1], $size['mime']]);
			$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'photos', '--dry-run'));
		}
	}

	/** @return array<string, array{string, string, ?string}> Bytes, type, and the type of their scales, if any. */
	public static function odd(): array
	{
		$image = imagecreatetruecolor(640, 320);
		for ($n = 0; $n < 200; $n++) {
			imagefilledellipse($image, 3 * $n, ($n * 71) % 320, 60, 30, 0xffffff & ($n * 987654));
		}
		$encoded = function (string $type) use ($image): string {
			ob_start();
			("image$type")($image);

			return ob_get_clean();
		};
		$png = $encoded('png');
		$badCheck = substr_replace($png, chr(ord($png[-16]) ^ 1), -16, 1);
		$gif = $encoded('gif');
		$webp = $encoded('webp');
		$jpeg = $encoded('jpeg');
		$animated = substr_replace($webp, "VP8X\n\0\0\0\x02\0\0\0" . "\x7f\x02\0\x3f\x01\0", 12, 0);
		$animated = substr_replace($animated, pack('V', strlen($animated) - 8), 4, 4);
		$frames = substr($gif, 0, -1) . str_repeat(substr($gif, strpos($gif, ',', 781), -1), 3) . ';';
		$avif = function_exists('imageavif') && (gd_info()['AVIF Support'] ?? false);

		return [
			'a PNG with a wrong check sum' => [$badCheck, 'image/png', null],
			'a PNG that ends early' => [substr($png, 0, intdiv(strlen($png), 2)), 'image/png', null],
			'a GIF that ends early' => [substr($gif, 0, intdiv(strlen($gif), 2)), 'image/gif', 'image/jpeg'],
			'a GIF with many pictures' => [$frames, 'image/gif', 'image/jpeg'],
			'a GIF without a picture' => [substr($gif, 0, 781) . ';', 'image/gif', null],
			'a WebP' => [$webp, 'image/webp', 'image/webp'],
			'a WebP that ends early' => [substr($webp, 0, intdiv(strlen($webp), 2)), 'image/webp', null],
			'an animated WebP' => [$animated, 'image/webp', null],
			'a JPEG that ends early' => [substr($jpeg, 0, intdiv(strlen($jpeg), 2)), 'image/jpeg', 'image/jpeg'],
			'a JPEG with bytes behind it' => ["$jpeg<html>", 'image/jpeg', 'image/jpeg'],
			'an AVIF' => [$avif ? $encoded('avif') : "\0\0\0\x1cftypavif", 'image/avif', $avif ? 'image/jpeg' : null],
		];
	}

	/** Returns the entry of a photo whose scales 1 to 3 the origin gives, or not. */
	private function refused(
		string $hash,
		string $bytes,
		array|string $answer = self::GONE,
		array $columns = [],
		string $type = 'image/jpeg',
	): array {
		$entry = $this->photo($hash, [0 => $bytes, 1 => '', 2 => '', 3 => ''], $columns + ['filetype' => $type]);
		foreach ($entry['photo'] as $n => $photo) {
			$entry['photo'][$n]['mimetype'] = $type;
		}
		foreach ([1, 2, 3] as $scale) {
			TransferBatch::$answers["$hash-$scale"] = $answer;
		}

		return $entry;
	}

	/** Returns the colours of a picture at places, in parts of its sides. */
	private function colours(string $bytes, array $places): array
	{
		$image = imagecreatefromstring($bytes);

		return array_map(function ($at) use ($image) {
			$rgb = imagecolorat($image, (int) ($at[0] * imagesx($image)), (int) ($at[1] * imagesy($image)));
			$parts = ['red' => ($rgb >> 16) & 255, 'green' => ($rgb >> 8) & 255, 'blue' => $rgb & 255];
			arsort($parts);

			return array_key_first($parts);
		}, $places);
	}
}
