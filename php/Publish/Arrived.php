<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Transfer\Transfer;

if (! class_exists('App', false)) {
	exit;
}

/** A file whose verified bytes have arrived, and that waits for others to be published together. */
final class Arrived
{
	/** @param array{size_bytes: int, ...<string, int|string>} $columns What its transfer holds from then on. */
	public function __construct(public readonly Transfer $transfer, public readonly array $columns) {}
}
