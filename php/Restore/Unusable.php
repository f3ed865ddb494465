<?php

namespace FileSync\Addon\Restore;

if (! class_exists('App', false)) {
	exit;
}

/** A file or folder of a set whose metadata cannot be used. */
final class Unusable
{
	public function __construct(
		public readonly string $hash,
		public readonly Decision $decision,
		public readonly string $why,
	) {}
}
