<?php

namespace TestHub;

/**
 * Notes which statements an addon sends, if environment TESTHUB_STATEMENTS names a folder: of each form the first, with
 * its values and the line that sends it. Each process has a file there, with a JSON object a line: form, statement, at.
 */
final class Statements {

	/** An example need not have more values in a list than these. */
	const VALUES = 20;

	/** @var array<string, true> */
	private static $known = [];

	/** Returns the folder for the notes, '' if nothing is noted. */
	public static function folder(): string {
		return (string) getenv('TESTHUB_STATEMENTS');
	}

	/** Notes a statement, if it is the first of its form that this process sends. */
	public static function note(string $sql): void {
		if (!preg_match('/^\s*(select|update|delete)\b/i', $sql)) {
			return;
		}
		$form = self::form($sql);
		$at = self::sender();
		if ($at === null || isset(self::$known["$form $at"])) {
			return;
		}
		self::$known["$form $at"] = true;
		$line = json_encode(['form' => $form, 'statement' => self::shortened($sql), 'at' => $at], JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
		file_put_contents(self::folder() . '/' . getmypid() . '.jsonl', $line . "\n", FILE_APPEND);
	}

	/** Returns a statement without its values. */
	public static function form(string $sql): string {
		$form = preg_replace(["/'(?:[^'\\\\]|''|\\\\.)*'/s", '/(?<![\w.])-?\d+\b/'], '?', $sql);
		return preg_replace(['/\((?:\?|NULL)(?:, \?)*\)/', '/\s+/'], ['(?)', ' '], $form);
	}

	/** Shortens what is written, and long lists: an example for EXPLAIN needs neither. */
	private static function shortened(string $sql): string {
		$value = "'(?:[^'\\\\]|''|\\\\.)*+'|-?\\d+";
		$most = self::VALUES - 1;
		$sql = preg_replace("/\(((?:$value)(?:, (?:$value)){{$most}})(?:, (?:$value))+\)/s", '($1)', $sql) ?? $sql;
		return preg_replace("/'(?:[^'\\\\]|''|\\\\.){500,}+'/s", "''", $sql) ?? $sql;
	}

	/** Returns file and line of the addon that sends a statement; null if core does, or a test. */
	private static function sender(): ?string {
		foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS) as $frame) {
			$file = $frame['file'] ?? '';
			if (preg_match('~/(?:include/dba/dba_driver|TestHub/Statements|Fake/\w+)\.php$~', $file)) {
				continue;
			}
			$addon = dirname(__DIR__, 4) . '/php/';
			$place = strncmp($file, $addon, strlen($addon)) === 0 ? substr($file, strlen($addon)) : preg_replace('~^.*/addon/filesync/~', '', $file);
			if ($place === $file) {
				return null;
			}
			// It builds the statements of all others.
			if ($place !== 'Hub/Table.php') {
				return $place . ':' . $frame['line'];
			}
		}
		return null;
	}
}
