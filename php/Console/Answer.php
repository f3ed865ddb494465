<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Log;

if (! class_exists('App', false)) {
	exit;
}

/** What a verb says: facts for programs, or lines for people. */
final class Answer
{
	/**
	 * Prints it.
	 *
	 * @param ?array<string, mixed> $facts Null: nothing for programs.
	 * @param list<string>          $lines
	 */
	public static function say(bool $isJson, ?array $facts, array $lines): void
	{
		if (! $isJson) {
			foreach ($lines as $line) {
				echo Log::oneLine($line), "\n";
			}
		} elseif ($facts !== null) {
			echo
				json_encode(
					$facts,
					JSON_UNESCAPED_SLASHES
					| JSON_UNESCAPED_UNICODE
					| JSON_INVALID_UTF8_SUBSTITUTE
					| JSON_THROW_ON_ERROR,
				),
				"\n"
			;
		}
	}
}
