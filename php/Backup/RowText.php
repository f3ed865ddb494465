<?php

namespace FileSync\Addon\Backup;

use FileSync\Addon\Hub\Json;

if (! class_exists('App', false)) {
	exit;
}

/** The text of a row as a set has it, and what stands for it where it is compared. */
final class RowText
{
	private const PRINT_DIGITS = 32;

	/** Returns it as JSON. */
	public static function of(mixed $value): string
	{
		return json_encode($value, Json::FLAGS | JSON_THROW_ON_ERROR);
	}

	/** Returns what stands for a text. */
	public static function print(string $text): string
	{
		return substr(hash('sha256', $text), 0, self::PRINT_DIGITS);
	}
}
