<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** What a verb does. Its words and options are of a form that `Verbs` allows. */
interface Task
{
	/**
	 * Does it and returns the exit code: see `ExitCode`.
	 *
	 * @param list<string> $words What was written after the verb.
	 *
	 * @throws WrongUsage The options do not fit together.
	 */
	public function run(array $words): int;
}
