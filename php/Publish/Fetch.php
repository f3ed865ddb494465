<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Transfer\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/** A transfer in a batch, with the room that it was given. */
final class Fetch
{
	public function __construct(
		public readonly Transfer $transfer,
		/** The most bytes that may come. */
		public readonly int $mostBytes,
		/** Why there is no room for what a hub stated; empty: there is. */
		public readonly string $noRoom,
	) {}
}
