<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Storage\Facts;

if (! class_exists('App', false)) {
	exit;
}

/** A crop of a photo: its bytes are stored nowhere else. */
final class Crop
{
	public function __construct(
		public readonly int $scale,
		public readonly string $mimetype,
		public readonly Facts $facts,
	) {}
}
