<?php

namespace Fake;

use FileSync\Addon\Hub\Table;
use PHPUnit\Framework\TestCase;

/** Notes code of the hub that makes a statement inside a transaction of the addon: the hub has some of its own. */
final class Inside
{
	/** The hub's functions that send our own statements. */
	private const DRIVER = ['dbq', 'db_columns'];

	/** @var array<string, true> */
	private static array $found = [];

	/** Looks who makes a statement. */
	public static function look(): void
	{
		$callers = [];
		foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS) as $frame) {
			$class = $frame['class'] ?? '';
			if ($class === Table::class && $frame['function'] === 'transaction') {
				self::$found += array_flip($callers);
				return;
			}
			$name = ($class === '' ? '' : "$class::") . $frame['function'];
			if (
				! preg_match('/^(FileSync|Fake)\\\\|^dba_test::/', $name)
				&& ! in_array($name, self::DRIVER, true)
				&& ! is_a($class, TestCase::class, true)
				&& ! ($class === ''
				&& function_exists($name)
				&& (new \ReflectionFunction($name))->isInternal())
			) {
				$callers[] = $name;
			}
		}
	}

	/** @return list<string> What was noted since the last call. */
	public static function take(): array
	{
		$found = array_keys(self::$found);
		self::$found = [];

		return $found;
	}
}
