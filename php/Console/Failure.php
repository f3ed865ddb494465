<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Log;

if (! class_exists('App', false)) {
	exit;
}

/** Tells why a verb about a backup set ends. */
final class Failure
{
	/**
	 * Prints it and returns the exit code.
	 *
	 * @param array<string, string> $facts What it is about, for programs.
	 */
	public static function tell(Problem $problem, bool $isJson, array $facts): int
	{
		if ($isJson) {
			echo
				json_encode(
					$facts + ['error' => $problem->kind, 'words' => $problem->getMessage()],
					JSON_UNESCAPED_SLASHES
					| JSON_UNESCAPED_UNICODE
					| JSON_INVALID_UTF8_SUBSTITUTE
					| JSON_THROW_ON_ERROR,
				),
				"\n"
			;
		} else {
			fwrite(STDERR, 'filesync: ' . Log::oneLine($problem->getMessage()) . "\n");
		}

		return $problem->isUsage ? 2 : ($problem->isTemporary ? 75 : 1);
	}
}
