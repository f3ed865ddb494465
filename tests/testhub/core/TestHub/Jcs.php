<?php

namespace TestHub;

/**
 * JSON in the canonical form that hubs sign: RFC 8785, but U+2028 and U+2029 are escaped, whole numbers are written
 * whole, others are rounded and lose all zeros at their end.
 */
final class Jcs {

	/** Returns the text that is signed. An empty array is a list. */
	public static function text($value): string {
		if (is_float($value)) {
			return self::number($value);
		}
		if (!is_array($value)) {
			return json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
		}
		if ($value === array_values($value)) {
			return '[' . implode(',', array_map([self::class, 'text'], $value)) . ']';
		}
		// Keys go by their UTF-16 code units, whose order is not that of UTF-8.
		uksort($value, function ($a, $b) {
			return strcmp(mb_convert_encoding((string) $a, 'UTF-16BE', 'UTF-8'), mb_convert_encoding((string) $b, 'UTF-16BE', 'UTF-8'));
		});
		$pairs = [];
		foreach ($value as $key => $each) {
			$pairs[] = self::text((string) $key) . ':' . self::text($each);
		}
		return '{' . implode(',', $pairs) . '}';
	}

	private static function number(float $value): string {
		$size = abs($value);
		if ($size == 0) {
			return '0';
		}
		[$digits, $power] = $size >= 1e-6 && $size < 1e21 ? [number_format($size, 7, '.', ''), ''] : explode('e', sprintf('%e', $size));
		return ($value < 0 ? '-' : '') . rtrim($digits, '.0') . ($power === '' ? '' : "e$power");
	}
}
