<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/** The command's exit codes: 0 done, 1 something needs attention, 2 wrong usage, 75 something is still in progress. */
final class ExitCode
{
	/**
	 * Returns the one that says the most: what needs attention before what goes on later.
	 *
	 * @param list<int> $codes
	 */
	public static function worst(array $codes): int
	{
		foreach ([2, 1, 75] as $code) {
			if (in_array($code, $codes, true)) {
				return $code;
			}
		}

		return 0;
	}

	/**
	 * Returns it by the transfers that there are, for each state.
	 *
	 * @param array<string, array{files: int, ...}> $states
	 */
	public static function of(array $states): int
	{
		if (! empty($states['parked']['files'])) {
			return 1;
		}

		return array_intersect_key($states, array_flip(Queue::LIVE)) ? 75 : 0;
	}
}
