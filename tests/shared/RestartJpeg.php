<?php

/**
 * Makes JPEGs with restart markers: each strip of 16 rows is encoded by GD on its own, and their scans are put behind
 * one header. A marker that stands twice is what many programs write and all browsers read.
 */
final class RestartJpeg
{
	private const ROWS = 16;

	/**
	 * Returns a picture whose upper half is red, its lower half blue, its left eighth green, as it is stored.
	 *
	 * @param int $strips      Of 16 rows.
	 * @param int $doubled     The number of the restart marker that stands twice; 0: none does.
	 * @param int $orientation EXIF, 1 to 8.
	 */
	public static function make(int $width, int $strips, int $doubled = 0, int $orientation = 1): string
	{
		$head = '';
		$scans = [];
		for ($n = 0; $n < $strips; $n++) {
			[$head, $scans[]] = self::strip($width, $n < ($strips / 2) ? 0xe00000 : 0x0000e0);
		}
		$height = strpos($head, "\xff\xc0");
		$head = substr_replace($head, pack('n', self::ROWS * $strips), $height + 5, 2);
		// Before the scan's header: how many blocks of 16 x 16 lie between two markers.
		$begin = strrpos($head, "\xff\xda");
		$head = substr_replace($head, "\xff\xdd\0\x04" . pack('n', intdiv($width + 15, 16)), $begin, 0);
		$picture = substr_replace($head, self::exif($orientation), 2, 0) . array_shift($scans);
		foreach ($scans as $n => $scan) {
			$marker = "\xff" . chr(0xd0 + ($n % 8));
			$picture .= str_repeat($marker, ($n + 1) === $doubled ? 2 : 1) . $scan;
		}

		return $picture . "\xff\xd9";
	}

	/** Returns pictures of 640 x 480 with the faults that browsers read over and strict decoders refuse. */
	public static function faulty(): array
	{
		$jpeg = self::make(640, 30);
		$third = strpos($jpeg, "\xff\xd2");
		$seventh = strpos($jpeg, "\xff\xd6");

		return [
			'a marker twice' => self::make(640, 30, 3),
			'a marker that is missing' => substr_replace($jpeg, '', $third, 2),
			"a marker in another's place" => substr_replace($jpeg, "\xff\xd3", $third, 2),
			'bytes without a meaning' => substr_replace($jpeg, "\xff\0\xff\0\xff\0", $seventh - 8, 6),
		];
	}

	/** Returns the header and the scan of a strip. */
	private static function strip(int $width, int $colour): array
	{
		$image = imagecreatetruecolor($width, self::ROWS);
		imagefill($image, 0, 0, $colour);
		imagefilledrectangle($image, 0, 0, intdiv($width, 8) - 1, self::ROWS, 0x00c000);
		ob_start();
		imagejpeg($image, null, 85);
		$jpeg = ob_get_clean();
		$scan = strpos($jpeg, "\xff\xda");
		$begin = $scan + 2 + unpack('n', $jpeg, $scan + 2)[1];

		return [substr($jpeg, 0, $begin), substr($jpeg, $begin, -2)];
	}

	private static function exif(int $orientation): string
	{
		$tiff = "MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" . pack('nn', $orientation, 0) . "\0\0\0\0";

		return "\xff\xe1" . pack('n', strlen($tiff) + 8) . "Exif\0\0$tiff";
	}
}
