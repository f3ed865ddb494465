<?php

namespace FileSync\Addon\Console;

use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Ground;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Schema\Migrations;

if (! class_exists('App', false)) {
	exit;
}

/** The command of cli.php: reads a command line by the table of the verbs, and runs the verb. */
final class Command
{
	/**
	 * Runs a verb with its arguments and returns the exit code: 0 done, 1 needs attention, 2 usage, 75 try again later.
	 *
	 * @param list<string> $arguments
	 */
	public static function run(array $arguments): int
	{
		require_once dirname(__DIR__) . '/Hub/stand-ins.php';
		if (in_array($arguments[0] ?? '', ['help', '--help', '-h'], true)) {
			$arguments = isset($arguments[1]) ? [$arguments[1], '--help'] : [];
			if (! $arguments) {
				echo Usage::ofAll();
				return 0;
			}
		}
		try {
			$line = CommandLine::read($arguments);
		} catch (WrongUsage $e) {
			return self::explain($e, $e->verb);
		}
		if ($line->options->has(Option::Help)) {
			echo Usage::of($line->verb);
			return 0;
		}
		try {
			return self::do($line);
		} catch (WrongUsage $e) {
			return self::explain($e, $line->verb);
		} catch (\Throwable $e) {
			fwrite(STDERR, 'filesync: ' . $e->getMessage() . "\n");
			return 1;
		}
	}

	private static function explain(WrongUsage $problem, ?Verb $verb): int
	{
		fwrite(
			STDERR,
			"filesync: {$problem->getMessage()}\n" . ($verb ? Usage::synopsis($verb) : "\n" . Usage::ofAll()),
		);

		return 2;
	}

	private static function do(CommandLine $line): int
	{
		if (Ground::lacks()) {
			// The doctor can say so.
			if ($line->verb->name === 'doctor') {
				return ($line->verb->task)($line->options)->run($line->words);
			}
			fwrite(STDERR, 'filesync: ' . (string) Family::problem() . "\n");
			return 75;
		}
		if (! Migrations::ready()) {
			fwrite(STDERR, "filesync: another process is creating its tables, try again\n");
			return 75;
		}
		if ($hooks = Registration::mend()) {
			fwrite(STDERR, 'filesync: restored hooks that the hub had lost: ' . implode(', ', $hooks) . "\n");
		}
		if ($line->verb->needsActive && Activity::isMissing()) {
			return 75;
		}
		if ($line->verb->needsExtension && Extension::isMissing()) {
			return 75;
		}
		if ($line->verb->needsPart !== null && Part::isOff($line->verb->needsPart)) {
			return 75;
		}

		return ($line->verb->task)($line->options)->run($line->words);
	}
}
