<?php

namespace FileSync\Addon\Hub;

use FileSync\Exception\FileSyncException;
use FileSync\Photo;
use FileSync\Store as Folder;
use Zotlabs\Photo\PhotoDriver;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The hub's own image library, GD or Imagick. It reads photos that the extension refuses, as browsers do, but slowly
 * and with much memory: how much a photo may need is checked before the library sees it.
 */
final class PhotoLibrary
{
	/** The most bytes of a scale. */
	private const MOST_BYTES = 16777215;
	/** What counts towards PHP's own limit for each pixel. */
	private const COUNTED_BYTES = 4;
	/** GD keeps 4 bytes for each pixel; decoders take up to 6 more. */
	private const GD_BYTES = 10;
	/** Imagick keeps four channels of 2 bytes, twice while it loads; built for floating point, of 4 bytes. */
	private const IMAGICK_BYTES = 16;
	/** What libraries may be given. They know a file by its first bytes, and run programs for some formats. */
	private const BEGINS = [
		'image/jpeg' => "\xff\xd8\xff",
		'image/png' => "\x89PNG\r\n\x1a\n",
		'image/gif' => 'GIF8[79]a',
		'image/webp' => 'RIFF....WEBP',
		'image/avif' => '\x00\x00\x00.ftyp(avif|avis|mif1|msf1)',
	];
	/** Where formats announce a colour profile. */
	private const PROFILES = '/ICC_PROFILE\0|iCCP|ICCP/';
	/** EXIF orientations of mirrored pictures, and by how many degrees the others are turned, to the left. */
	private const MIRRORED = [2, 4, 5, 7];
	private const TURNS = [3 => 180, 4 => 180, 5 => 90, 6 => -90, 7 => -90, 8 => 90];

	/**
	 * Makes scales of a photo: upright, in the hub's sizes and quality. Each is a new file, whole and on disk on
	 * return; after an error none exists.
	 *
	 * @param string             $path    Of the original or the crop, hub-relative.
	 * @param array<int, string> $targets Scale to hub-relative path; the names must be unused.
	 *
	 * @return array{scales: ?array<int, array>, error: ?array{kind: string, message: string}} As Photo::scaleAll()
	 *     returns it. The message names a remedy if there is one.
	 */
	public static function scale(string $path, array $targets): array
	{
		try {
			return ['scales' => self::make($path, $targets), 'error' => null];
		} catch (\Throwable $e) {
			array_map(fn ($target) => @unlink($target), $targets);
			$kind = match (true) {
				$e instanceof FileSyncException => (string) preg_replace('/^.*\\\\|Exception$/', '', get_class($e)),
				$e instanceof \LengthException => 'Limit',
				$e instanceof Postponed => 'Storage',
				default => 'Corrupt',
			};

			return ['scales' => null, 'error' => ['kind' => $kind, 'message' => $e->getMessage()]];
		}
	}

	/**
	 * Returns the size that a photo's header claims, as it is shown, null if nobody here can tell.
	 *
	 * @return ?array{width: int, height: int}
	 */
	public static function size(string $path): ?array
	{
		$size = @getimagesize($path);

		return $size && $size[0] > 0 && $size[1] > 0 ? ['width' => $size[0], 'height' => $size[1]] : null;
	}

	/**
	 * @param array<int, string> $targets
	 *
	 * @return array<int, array>
	 */
	private static function make(string $path, array $targets): array
	{
		[$picture, $orientation, $profileFault] = self::read($path);
		$isTurned = ((self::TURNS[$orientation] ?? 0) % 180) !== 0;
		$options = Photos::scaleOptions();
		$sizes = Photo::sizes(
			(int) ($isTurned ? $picture->getHeight() : $picture->getWidth()),
			(int) ($isTurned ? $picture->getWidth() : $picture->getHeight()),
			array_keys($targets),
			isset($options['max_thumbnail']) ? ['max_thumbnail' => $options['max_thumbnail']] : [],
		);
		uasort($sizes, fn ($a, $b) => ($b['width'] * $b['height']) <=> ($a['width'] * $a['height']));
		$made = [];
		foreach ($sizes as $scale => ['width' => $width, 'height' => $height]) {
			if (! $made) {
				// Smaller before it is turned: that takes less memory.
				self::shrink($picture, $isTurned ? $height : $width, $isTurned ? $width : $height);
				self::turn($picture, $orientation);
			}
			self::shrink($picture, $width, $height);
			$made[$scale] = self::write((string) $picture->imageString(), $targets[$scale], $width, $height)
			+ ['profile_fault' => $profileFault];
		}

		return $made;
	}

	/**
	 * Has the library read a photo that it has the memory for.
	 *
	 * @return array{PhotoDriver, int, ?string} With its orientation, and why its colour profile is not used.
	 */
	private static function read(string $path): array
	{
		[$width, $height, $orientation] = self::header($path);
		self::checkMemory($width * $height, (int) filesize($path));
		$bytes = (string) file_get_contents($path);
		$type = self::type($bytes) ?? throw new \RuntimeException('it does not begin like a photo');
		if ($type === 'image/gif') {
			[$bytes, $pixels] = self::firstPicture($bytes);
			self::checkMemory(max($pixels, $width * $height), strlen($bytes));
		}
		if ($type === 'image/webp' && substr($bytes, 12, 4) === 'VP8X' && ord($bytes[20] ?? "\0") & 2) {
			throw new \RuntimeException('it is animated');
		}
		Core::load('include/photo/photo_driver.php');
		$picture = photo_factory($bytes, $type);
		if (! $picture || ! $picture->is_valid() || ! $picture->getWidth() || ! $picture->getHeight()) {
			throw new \RuntimeException("the hub's image library cannot read it");
		}
		$picture->clearexif();

		return [
			$picture,
			$orientation ?? (int) ($picture->exif($path)['IFD0']['Orientation'] ?? 1),
			! self::isImagick() && preg_match(self::PROFILES, $bytes) ? "the hub's image library drops it" : null,
		];
	}

	/**
	 * Returns width and height as stored, and the orientation if it is known already.
	 *
	 * @return array{int, int, ?int}
	 */
	private static function header(string $path): array
	{
		try {
			$facts = Photo::facts(new Folder((string) realpath(dirname($path))), basename($path));

			return [$facts['stored_width'], $facts['stored_height'], $facts['orientation']];
		} catch (FileSyncException $e) {
			if (! in_array(
				get_class($e),
				[
					\FileSync\Exception\UnsupportedException::class,
					\FileSync\Exception\CorruptException::class,
				],
				true,
			)) {
				throw $e;
			}
		}
		$size = self::size($path) ?? throw new \RuntimeException('nothing here can tell its size');

		return [$size['width'], $size['height'], null];
	}

	/** @throws \LengthException The library would need more pixels or memory than it may have. */
	private static function checkMemory(int $pixels, int $fileBytes): void
	{
		$settings = Runtime::settings();
		$mostPixels = (int) ($settings['filesync.max_photo_pixels'] ?? 0);
		if ($mostPixels && $pixels > $mostPixels) {
			throw new \LengthException(
				"it has $pixels pixels, the limit is $mostPixels: raise filesync.max_photo_pixels in php.ini, then run `repair photos`",
			);
		}
		$mostBytes = (int) ($settings['filesync.photo_memory_bytes'] ?? 0) ?: PHP_INT_MAX;
		$freeBytes = max(0, (Runtime::memoryLimit() ?? PHP_INT_MAX) - memory_get_usage());
		foreach ([
			'filesync.photo_memory_bytes' => [self::bytesPerPixel(), $mostBytes],
			'memory_limit' => [self::COUNTED_BYTES, $freeBytes],
		] as $setting => [$bytesPerPixel, $bytes]) {
			$needed = ($pixels * $bytesPerPixel) + (2 * $fileBytes);
			if ($needed > $bytes) {
				throw new \LengthException(sprintf(
					"its %d pixels would take %d MiB in the hub's image library, %d MiB are free: raise %s in php.ini, then run `repair photos`",
					$pixels,
					ceil($needed / 1048576),
					$bytes >> 20,
					$setting,
				));
			}
		}
	}

	private static function bytesPerPixel(): int
	{
		if (! self::isImagick()) {
			return self::GD_BYTES;
		}
		$isFloat = ! method_exists('Imagick', 'getHdriEnabled') || \Imagick::getHdriEnabled();

		return $isFloat ? 2 * self::IMAGICK_BYTES : self::IMAGICK_BYTES;
	}

	/** Tells whether the hub uses Imagick rather than GD. */
	private static function isImagick(): bool
	{
		return class_exists('Imagick') && ! \Zotlabs\Lib\Config::Get('system', 'ignore_imagick');
	}

	private static function type(string $bytes): ?string
	{
		foreach (self::BEGINS as $type => $begin) {
			if (preg_match("/^$begin/s", $bytes)) {
				return $type;
			}
		}

		return null;
	}

	/**
	 * Cuts a GIF behind its first picture, the only one that scales show: the others would take memory too.
	 *
	 * @return array{string, int} The bytes, and how many pixels that picture claims to have.
	 */
	private static function firstPicture(string $gif): array
	{
		$table = fn (int $flags) => $flags & 0x80 ? 3 * (2 << ($flags & 7)) : 0;
		$at = 13 + $table(ord($gif[10] ?? "\0"));
		while (substr($gif, $at, 1) === '!') {
			$at = self::afterBlocks($gif, $at + 2);
		}
		if (substr($gif, $at, 1) !== ',' || strlen($gif) < ($at + 11)) {
			throw new \RuntimeException('it has no picture');
		}
		$size = unpack('vleft/vtop/vwidth/vheight', $gif, $at + 1);
		$end = self::afterBlocks($gif, $at + 11 + $table(ord($gif[$at + 9])));

		return [
			substr($gif, 0, $end) . ';',
			($size['left'] + $size['width']) * ($size['top'] + $size['height']),
		];
	}

	/** Returns where a GIF's blocks of data end: behind an empty one, or at the end of the file. */
	private static function afterBlocks(string $gif, int $at): int
	{
		while (($length = ord($gif[$at] ?? "\0")) > 0) {
			$at += 1 + $length;
		}

		return $at + 1;
	}

	private static function shrink(PhotoDriver $picture, int $width, int $height): void
	{
		if ([$picture->getWidth(), $picture->getHeight()] !== [$width, $height]) {
			$picture->doScaleImage($width, $height);
		}
	}

	/** Turns a picture upright. Hubs' own way to mirror with GD leaves 256 colours. */
	private static function turn(PhotoDriver $picture, int $orientation): void
	{
		if (in_array($orientation, self::MIRRORED, true)) {
			$image = $picture->getImage();
			if ($image instanceof \GdImage) {
				imageflip($image, IMG_FLIP_HORIZONTAL);
			} elseif ($image) {
				$image->flopImage();
			}
		}
		if (isset(self::TURNS[$orientation])) {
			$picture->rotate(self::TURNS[$orientation]);
		}
	}

	/** Writes a scale and reads back what it is. */
	private static function write(string $bytes, string $target, int $width, int $height): array
	{
		if (strlen($bytes) > self::MOST_BYTES) {
			throw new \LengthException(
				'a scale would have ' . strlen($bytes) . ' bytes, the limit is ' . self::MOST_BYTES,
			);
		}
		$file = @fopen($target, 'xb');
		$isWritten = $file && fwrite($file, $bytes) === strlen($bytes) && fflush($file) && fsync($file);
		if ($file) {
			fclose($file);
		}
		if (! $isWritten) {
			throw new Postponed('a scale cannot be written', true);
		}
		$facts = Photo::facts(new Folder((string) realpath(dirname($target))), basename($target));
		if ([$facts['width'], $facts['height']] !== [$width, $height]) {
			throw new \RuntimeException(
				"the hub's image library made {$facts['width']} x {$facts['height']} pixels of it",
			);
		}

		return [
			'mimetype' => $facts['mimetype'],
			'width' => $facts['width'],
			'height' => $facts['height'],
			'size_bytes' => strlen($bytes),
			'sha256' => hash('sha256', $bytes),
		];
	}
}
