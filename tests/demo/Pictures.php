<?php

declare(strict_types=1);

/**
 * Makes the originals in processes of their own, one for each core: photos that are each really different, and one big
 * file of random bytes.
 *
 * Called as a command, makes every n-th photo: php Pictures.php <folder> <count> <first> <step>
 */
final class Pictures
{
	const BIG = 'recording.bin';
	const WIDTH = 4000;
	const HEIGHT = 3000;

	private static $running = [];
	private $folder;
	private $count;

	/** Begins; wait() ends when all is there. */
	public static function start(string $folder, int $count, int $bytes): self
	{
		mkdir($folder);
		self::run(['head', '-c', (string) $bytes, '/dev/urandom'], $folder . '/' . self::BIG);
		foreach ([0, 1] as $first) {
			self::run([PHP_BINARY, __FILE__, $folder, (string) $count, (string) $first, '2'], '/dev/null');
		}
		$pictures = new self();
		$pictures->folder = $folder;
		$pictures->count = $count;
		return $pictures;
	}

	/** Waits until all originals are made. */
	public function wait(): void
	{
		foreach (self::$running as $process) {
			if (proc_close($process) !== 0) {
				throw new RuntimeException('the originals could not be made');
			}
		}
		self::$running = [];
	}

	/** Ends what still runs. */
	public static function stop(): void
	{
		foreach (self::$running as $process) {
			proc_terminate($process, SIGKILL);
		}
	}

	/** Returns the paths of the photos. */
	public function photos(): array
	{
		return array_map(
			function ($n) {
				return self::name($this->folder, $n);
			},
			range(1, $this->count),
		);
	}

	/** Paints one photo: coarse random clouds, shapes of its own, grain as of a sensor, its number. */
	public static function paint(string $path, int $number): void
	{
		$clouds = imagecreatetruecolor(160, 120);
		foreach (str_split(random_bytes(160 * 120 * 3), 3) as $n => $rgb) {
			imagesetpixel(
				$clouds,
				$n % 160,
				intdiv($n, 160),
				(ord($rgb[0]) << 16) | (ord($rgb[1]) << 8) | ord($rgb[2]),
			);
		}
		$photo = imagescale($clouds, self::WIDTH, self::HEIGHT, IMG_BILINEAR_FIXED);
		for ($n = 0; $n < 60; $n++) {
			imagefilledellipse(
				$photo,
				random_int(0, self::WIDTH),
				random_int(0, self::HEIGHT),
				random_int(40, 900),
				random_int(40, 900),
				random_int(0, 0xffffff),
			);
		}
		$grain = self::grain();
		for ($n = 0; $n < (16 * 12); $n++) {
			imagecopymerge($photo, $grain, ($n % 16) * 250, intdiv($n, 16) * 250, 0, 0, 250, 250, 12);
		}
		imagestring($photo, 5, 20, 20, 'photo ' . $number, 0xffffff);
		imagejpeg($photo, $path, 88);
	}

	private static function grain()
	{
		$tile = imagecreatetruecolor(250, 250);
		foreach (str_split(random_bytes(250 * 250)) as $n => $byte) {
			imagesetpixel($tile, $n % 250, intdiv($n, 250), ord($byte) * 0x010101);
		}
		return $tile;
	}

	public static function name(string $folder, int $number): string
	{
		return sprintf('%s/photo-%02d.jpg', $folder, $number);
	}

	private static function run(array $command, string $output): void
	{
		self::$running[] = proc_open($command, [['file', '/dev/null', 'r'], ['file', $output, 'w'], STDERR], $pipes);
	}
}

if (realpath($_SERVER['SCRIPT_FILENAME']) === __FILE__) {
	list(, $folder, $count, $first, $step) = $argv;
	for ($number = 1 + (int) $first; $number <= (int) $count; $number += (int) $step) {
		Pictures::paint(Pictures::name($folder, $number), $number);
	}
}
