<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Writes to the hub's log, one line at a time. */
final class Log
{
	/** Writes one line to the hub's log. Never pass it packets, keys, cookies or signatures. */
	public static function write(string $message): void
	{
		$line = 'filesync: ' . self::oneLine($message);
		function_exists('logger') ? logger($line) : error_log($line);
	}

	/** Writes one line about a caught error. */
	public static function failure(string $during, \Throwable $e): void
	{
		$where = basename($e->getFile()) . ':' . $e->getLine();
		$line =
			'filesync: '
			. $during
			. ' failed: '
			. get_class($e)
			. ': '
			. self::oneLine($e->getMessage())
			. ' at '
			. $where;
		function_exists('logger') ? logger($line, LOGGER_NORMAL, LOG_ERR) : error_log($line);
	}

	/** Removes characters from text that would end the line, control a terminal or change the writing direction. */
	public static function oneLine(string $text): string
	{
		return (string) preg_replace('/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u', '?', mb_scrub($text, 'UTF-8'));
	}
}
