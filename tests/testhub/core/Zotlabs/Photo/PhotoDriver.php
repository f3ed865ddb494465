<?php

namespace Zotlabs\Photo;

/** What hubs' image libraries have in common. */
abstract class PhotoDriver {

	abstract public function is_valid(): bool;

	abstract public function getWidth(): int|false;

	abstract public function getHeight(): int|false;

	abstract public function getImage(): \GdImage|\Imagick|false;

	abstract public function clearexif(): void;

	/** @return array<string, array<string, mixed>>|false */
	abstract public function exif(string $filename): array|false;

	abstract public function doScaleImage(int $new_width, int $new_height): void;

	abstract public function rotate(int $degrees): void;

	abstract public function imageString(): string|false;

	abstract public function cropImage(int $max, int $x, int $y, int $w, int $h): void;

	/** Stores the picture as one of the small ones of a person, whose row names it; false if that failed. */
	public function storeThumbnail(array $arr, int $scale = 0): bool {
		$folder = 'store/[data]/[xchan]';
		is_dir($folder) || mkdir($folder, 0770, true);
		$path = $folder . '/' . $arr['resource_id'] . '-' . $scale;
		return file_put_contents($path, $this->imageString()) && create_table_from_array('photo', $arr + array_fill_keys(['os_path', 'display_path', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'], '') + [
			'imgscale' => $scale,
			'content' => $path,
			'os_storage' => 1,
			'width' => $this->getWidth(),
			'height' => $this->getHeight(),
		]);
	}
}
