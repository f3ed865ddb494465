<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A version vector: how many changes of each hub a value has seen. Clocks play no part in it.
 *
 * A component is a hub since its installation or its last restore (Site), or, with a leading `~`, one change of a hub that
 * sends no vectors, named by its content (Judge).
 */
final class Vector
{
	/** A file that is written on a hub without filesync each day has one more each day. */
	private const MOST_COMPONENTS = 1024;
	private const COMPONENT = '/^~?[0-9a-f]{8,32}$/D';
	private const LARGEST_COUNT = 1 << 40;

	/** Returns `equal`, `before`, `after` or `concurrent`: how the first stands to the second. */
	public static function compare(array $one, array $other): string
	{
		$isBehind = $isAhead = false;
		foreach ($one + $other as $component => $count) {
			$isBehind = $isBehind || ($one[$component] ?? 0) < ($other[$component] ?? 0);
			$isAhead = $isAhead || ($one[$component] ?? 0) > ($other[$component] ?? 0);
		}

		return $isBehind ? ($isAhead ? 'concurrent' : 'before') : ($isAhead ? 'after' : 'equal');
	}

	/** Returns the smallest vector that has seen all that each of some has. */
	public static function join(array ...$vectors): array
	{
		$joined = [];
		foreach ($vectors as $vector) {
			foreach ($vector as $component => $count) {
				$joined[$component] = max($joined[$component] ?? 0, $count);
			}
		}
		ksort($joined);

		return $joined;
	}

	/** Returns the vector of the next change that a component makes to a value. */
	public static function next(array $vector, string $component): array
	{
		return self::join($vector, [$component => ($vector[$component] ?? 0) + 1]);
	}

	/** Returns a vector as it came from another hub, or null if it is none. */
	public static function read(mixed $said): ?array
	{
		if (! is_array($said) || count($said) > self::MOST_COMPONENTS) {
			return null;
		}
		foreach ($said as $component => $count) {
			if (! preg_match(self::COMPONENT, (string) $component) || ! is_int($count) || $count < 1 || $count > self::LARGEST_COUNT) {
				return null;
			}
		}
		ksort($said);

		return $said;
	}
}
