<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Parts;

if (! class_exists('App', false)) {
	exit;
}

/** A part of filesync that a verb needs. */
final class Part
{
	/** Tells whether it is off on this hub, and says so. */
	public static function isOff(string $part): bool
	{
		$problem = Parts::problem($part);
		if ($problem !== null) {
			fwrite(STDERR, "filesync: $problem\n");
		}

		return $problem !== null;
	}
}
