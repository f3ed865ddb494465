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
}
