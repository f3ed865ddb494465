<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Transfer\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A new file whose bytes are in place, and whose rows are to come.
 *
 * @import-type Stat from \FileSync\Addon\Storage\Facts
 */
final class Placed
{
	/** @param ?Stat $stat */
	public function __construct(
		public readonly Transfer $transfer,
		/** Where its bytes are, hub-relative. */
		public readonly string $target,
		/** The facts of the live file, if it surely holds the verified bytes. */
		public readonly ?array $stat,
	) {}
}
