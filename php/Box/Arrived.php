<?php

namespace FileSync\Addon\Box;

if (! class_exists('App', false)) {
	exit;
}

/** Bytes that came into the drop box. */
final class Arrived
{
	public function __construct(
		public readonly string $sha256,
		public readonly int $sizeBytes,
		/** Where they are, hub-relative; empty: there are none. */
		public readonly string $path,
	) {}
}
