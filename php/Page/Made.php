<?php

namespace FileSync\Addon\Page;

if (! class_exists('App', false)) {
	exit;
}

/** A key or a password that the form of this request made: it is shown this once, and nothing keeps it. */
final class Made
{
	public function __construct(
		/** A kind of `Key`. */
		public readonly string $kind,
		public readonly string $text,
	) {}
}
