<?php

namespace TestHub;

/** Bytes as text of 58 letters and digits, none of which looks like another. */
final class Base58 {

	const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

	public static function encode(string $bytes): string {
		$digits = self::convert(array_values(unpack('C*', $bytes) ?: []), 256, 58);
		return implode('', array_map(function ($digit) {
			return self::DIGITS[$digit];
		}, $digits));
	}

	/** Returns the bytes of a text, '' if it has another character. */
	public static function decode(string $text): string {
		if ($text === '' || strspn($text, self::DIGITS) !== strlen($text)) {
			return '';
		}
		$digits = array_map(function ($character) {
			return strpos(self::DIGITS, $character);
		}, str_split($text));
		return pack('C*', ...self::convert($digits, 58, 256));
	}

	/** Changes the base of a number, highest digit first; each zero in front stays one. */
	private static function convert(array $digits, int $from, int $to): array {
		$converted = [];
		for ($zeros = 0; $zeros < count($digits) && $digits[$zeros] === 0; $zeros++);
		while ($digits) {
			$rest = 0;
			$quotient = [];
			foreach ($digits as $digit) {
				$rest = $rest * $from + $digit;
				if ($quotient || $rest >= $to) {
					$quotient[] = intdiv($rest, $to);
				}
				$rest %= $to;
			}
			array_unshift($converted, $rest);
			$digits = $quotient;
		}
		// What remains of the number zero, and of zeros in front, is written as they were.
		while ($converted && $converted[0] === 0) {
			array_shift($converted);
		}
		return array_merge(array_fill(0, $zeros, 0), $converted);
	}
}
