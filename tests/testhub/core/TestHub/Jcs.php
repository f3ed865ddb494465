<?php

namespace TestHub;

/**
 * JSON in the canonical form that hubs sign (RFC 8785, but U+2028 and U+2029 are escaped), of the values that their
 * documents have: no fractions.
 */
final class Jcs {

	/** Returns the text that is signed. An empty array is a list. */
	public static function text($value): string {
		if (is_float($value)) {
			throw new \InvalidArgumentException('documents of hubs hold no fractions');
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
}
