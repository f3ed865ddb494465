<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Runtime;

if (! class_exists('App', false)) {
	exit;
}

/** Commands that do nothing without the extension say so. */
final class Extension
{
	/** Tells whether the extension cannot be used now, and says why on standard error. */
	public static function isMissing(): bool
	{
		$problem = Runtime::extensionProblem();
		if ($problem === null) {
			return false;
		}
		fwrite(STDERR, "filesync: $problem\n");

		return true;
	}
}
