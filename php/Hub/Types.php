<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The types that core declares, compared with the kinds of the table of assumptions: `array`; `text`, which a number
 * or a truth value may stand for; `object`; `something`; `nothing`; `any`.
 */
final class Types
{
	private const TEXT = ['string', 'int', 'float', 'bool', 'true', 'false', 'mixed'];
	private const NOTHING = ['void', 'never', 'null'];
	/** @var list<string> */
	private const BUILT_IN = ['array', 'iterable', 'callable', ...self::TEXT, ...self::NOTHING];

	/** Tells whether a parameter takes a value of a kind. */
	public static function take(string $type, string $kind): bool
	{
		$types = self::split($type);

		return match ($kind) {
			'array' => $types === [] || array_intersect(['array', 'iterable', 'mixed'], $types) !== [],
			'text' => $types === [] || array_intersect(self::TEXT, $types) !== [],
			default => true,
		};
	}

	/** Tells whether a function may return a value of a kind, which is what we do with it. */
	public static function give(string $type, string $kind): bool
	{
		$types = array_diff(self::split($type), ['null']);
		if (trim($type) === '' || in_array('mixed', $types, true)) {
			return true;
		}

		return match ($kind) {
			'array' => in_array('array', $types, true),
			'text' => array_intersect(self::TEXT, $types) !== [],
			'object' => array_diff($types, self::BUILT_IN) !== [],
			'something' => array_diff($types, self::NOTHING) !== [],
			'nothing' => array_diff($types, self::NOTHING) === [],
			default => true,
		};
	}

	/** @return list<string> */
	private static function split(string $type): array
	{
		return array_values(array_filter(explode('|', strtolower(strtr($type, ['?' => 'null|', ' ' => ''])))));
	}
}
