<?php

namespace Zotlabs\Photo;

/** A picture in GD, under the names that hubs give its methods. */
class PhotoGd extends PhotoDriver {

	/** Called before a picture is read: a test lets it fail or kills the process. */
	public static ?\Closure $before = null;

	private $image = false;
	private $type;

	public function __construct($data, $type = '') {
		$this->type = isset($this->supportedTypes()[$type]) ? $type : 'image/jpeg';
		if (self::$before) {
			(self::$before)();
		}
		$this->image = $data ? @imagecreatefromstring($data) : false;
		$this->keepAlpha();
	}

	public function supportedTypes() {
		return ['image/jpeg' => 'jpg', 'image/png' => 'png', 'image/gif' => 'gif', 'image/webp' => 'webp'];
	}

	public function is_valid(): bool {
		return $this->image !== false;
	}

	public function getWidth(): int|false {
		return $this->image ? imagesx($this->image) : false;
	}

	public function getHeight(): int|false {
		return $this->image ? imagesy($this->image) : false;
	}

	public function getType() {
		return $this->image ? $this->type : false;
	}

	public function getImage(): \GdImage|\Imagick|false {
		return $this->image;
	}

	public function clearexif(): void {
	}

	public function exif(string $filename): array|false {
		return $this->type === 'image/jpeg' ? @exif_read_data($filename, null, true) : false;
	}

	public function doScaleImage(int $new_width, int $new_height): void {
		$scaled = imagecreatetruecolor($new_width, $new_height);
		imagealphablending($scaled, false);
		imagecopyresampled($scaled, $this->image, 0, 0, 0, 0, $new_width, $new_height, $this->getWidth(), $this->getHeight());
		$this->image = $scaled;
		$this->keepAlpha();
	}

	public function cropImage(int $max, int $x, int $y, int $w, int $h): void {
		$this->image = imagecrop($this->image, ['x' => $x, 'y' => $y, 'width' => $w, 'height' => $h]);
		$this->doScaleImage($max, $max);
	}

	public function rotate(int $degrees): void {
		$this->image = imagerotate($this->image, $degrees, 0);
	}

	public function imageString(): string|false {
		ob_start();
		// As on hubs, a GIF becomes a JPEG.
		match ($this->type) {
			'image/png' => imagepng($this->image),
			'image/webp' => imagewebp($this->image, null, 80),
			default => imagejpeg($this->image, null, 85),
		};
		return ob_get_clean();
	}

	private function keepAlpha() {
		if ($this->image) {
			imagealphablending($this->image, false);
			imagesavealpha($this->image, true);
		}
	}
}
