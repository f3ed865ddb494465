<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Status\StandingWords;

if (! class_exists('App', false)) {
	exit;
}

/** Commands that do nothing where filesync is not active say so. */
final class Activity
{
	/** Tells whether filesync is not active, and says why, and what to do, on standard error. */
	public static function isMissing(): bool
	{
		if (Activation::isActive()) {
			return false;
		}
		fwrite(STDERR, 'filesync: ' . (StandingWords::problem() ?? '') . "\n    -> " . StandingWords::remedy() . "\n");

		return true;
	}
}
