<?php

namespace FileSync\Addon\Protocol;

if (! class_exists('App', false)) {
	exit;
}

/** Evaluates the conditions of a request according to RFC 9110, independently of files. */
final class Ranges
{
	/** Tells whether If-None-Match names this strong validator. Weak ones match too. */
	public static function isUnchanged(?string $ifNoneMatch, string $etag): bool
	{
		if ($ifNoneMatch === null) {
			return false;
		}
		if (trim($ifNoneMatch) === '*') {
			return true;
		}
		$found = [];
		preg_match_all('/\G\s*,*\s*(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?=,|$)/D', $ifNoneMatch, $found);

		return in_array($etag, $found[1], true);
	}

	/**
	 * Tells whether a range request may get a partial answer: without If-Range, or if that is exactly our strong
	 * validator.
	 */
	public static function mayBePartial(?string $ifRange, string $etag): bool
	{
		return $ifRange === null || trim($ifRange) === '"' . $etag . '"';
	}

	/**
	 * Returns the bytes that a Range header requests.
	 *
	 * @return array{int, int}|'whole'|'unsatisfiable' First byte and number of bytes. `whole`: no header, several
	 *     ranges, or not understood.
	 */
	public static function read(?string $range, int $size): array|string
	{
		$part = [];
		if (! preg_match('/^bytes=\s*(\d*)-(\d*)\s*$/iD', $range ?? '', $part) || $part[1] . $part[2] === '') {
			return 'whole';
		}
		[$first, $last] = [self::number($part[1]), self::number($part[2])];
		if ($part[1] === '') {
			$first = max(0, $size - $last);

			return $last === 0 || $size === 0 ? 'unsatisfiable' : [$first, $size - $first];
		}
		if ($part[2] !== '' && $last < $first) {
			return 'whole';
		}
		if ($first >= $size) {
			return 'unsatisfiable';
		}

		return [$first, ($part[2] === '' ? $size : min($size, $last + 1)) - $first];
	}

	/** Returns a number, at most PHP's largest less one. */
	private static function number(string $digits): int
	{
		$digits = ltrim($digits, '0');

		return strlen($digits) > 18 ? PHP_INT_MAX - 1 : (int) $digits;
	}
}
