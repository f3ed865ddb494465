<?php

/**
 * Counts the statements of filesync's command, those of core and ours, and ends it before the one with the number
 * KILL_AT. With COUNT=writes only those count that may change something: between two of them the database stays as it
 * is.
 */
function count_statement(string $sql): void
{
	static $counted = 0;
	if (! str_ends_with($_SERVER['argv'][0] ?? '', 'filesync/cli.php')) {
		return;
	}
	if (
		getenv('COUNT') === 'writes'
		&& preg_match('/^[\s(]*(select|show|describe|explain)\b(?!.*\bfor update\b)/is', $sql)
	) {
		return;
	}
	if (++$counted === (int) getenv('KILL_AT')) {
		posix_kill(getmypid(), SIGKILL);
	}
	file_put_contents(getenv('STATEMENTS'), (string) $counted);
}
