<?php

namespace FileSync\Addon\Order;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A version vector: how many changes of each hub a value has seen. It uses no clocks.
 *
 * A component stands for a hub since its installation or its last restore (Site), or, with a leading `~`, for one
 * change of a hub that sends no vectors, named by its content (Judge). PHP makes a number of a name of digits.
 *
 * @type Seen = array<array-key, int>
 */
final class Vector
{
	/** The maximum of components of hubs, and of single changes, that a vector keeps. */
	private const MOST = ['' => 64, '~' => 128];
	/** The maximum read from a packet; the greatest of them are kept. */
	private const MOST_READ = 1024;
	private const COMPONENT = '/^~?[0-9a-f]{8,32}$/D';
	private const LARGEST_COUNT = 1 << 60;
	/** No clone misses this many changes of one file. */
	private const CREDIBLE_STEP = 1 << 20;

	/**
	 * Returns the relation of the first to the second.
	 *
	 * @param Seen $one
	 * @param Seen $other
	 *
	 * @return 'equal'|'before'|'after'|'concurrent'
	 */
	public static function compare(array $one, array $other): string
	{
		// Components that the joined vector would drop must not count for either.
		$joined = self::join($one, $other);
		$isBehind = $joined != self::folded($one);
		$isAhead = $joined != self::folded($other);

		return $isBehind ? ($isAhead ? 'concurrent' : 'before') : ($isAhead ? 'after' : 'equal');
	}

	/**
	 * Returns the smallest vector that has seen everything that the given ones have. The order of joining does not
	 * matter, nor whether they are folded.
	 *
	 * @param Seen ...$vectors
	 *
	 * @return Seen
	 */
	public static function join(array ...$vectors): array
	{
		$joined = [];
		foreach ($vectors as $vector) {
			foreach ($vector as $component => $count) {
				$joined[$component] = max($joined[$component] ?? 0, $count);
			}
		}

		return self::folded($joined);
	}

	/**
	 * Returns the vector of the next change that a component makes to a value. A component that was folded away returns
	 * with a count above the least kept one.
	 *
	 * @param Seen $vector
	 *
	 * @return Seen
	 */
	public static function next(array $vector, string $component): array
	{
		$vector = self::folded($vector);
		$count = $vector[$component] ?? null;
		if ($count === null) {
			$kind = self::ofKind($vector, self::kind($component));
			$count = count($kind) < self::MOST[self::kind($component)] ? 0 : min($kind);
		}

		return self::join($vector, [$component => $count + 1]);
	}

	/**
	 * Returns a vector without its smallest components if it has too many.
	 *
	 * By count, then by name, each kind separately: components dropped here are also dropped from every join with this
	 * vector, so all clones keep the same ones, and invented components cannot push out a change made after them.
	 *
	 * @param Seen $vector
	 *
	 * @return Seen
	 */
	public static function folded(array $vector): array
	{
		foreach (count($vector) > min(self::MOST) ? self::MOST : [] as $kind => $most) {
			$kept = self::ofKind($vector, $kind);
			if (count($kept) > $most) {
				uksort(
					$kept,
					fn ($one, $other) => $kept[$other] <=> $kept[$one] ?: strcmp((string) $other, (string) $one),
				);
				$vector = array_diff_key($vector, array_slice($kept, $most, null, true));
			}
		}
		ksort($vector, SORT_STRING);

		return $vector;
	}

	/**
	 * Caps another hub's counts at a credible distance above those that we know; greater ones are believed step by
	 * step.
	 *
	 * @param Seen $told
	 * @param Seen ...$known
	 *
	 * @return Seen
	 */
	public static function credible(array $told, array ...$known): array
	{
		$known = self::join(...$known);
		foreach (array_keys(self::MOST) as $kind) {
			$most = max([0, ...array_values(self::ofKind($known, $kind))]) + self::CREDIBLE_STEP;
			$told = array_map(fn (int $count) => min($count, $most), self::ofKind($told, $kind)) + $told;
		}
		ksort($told, SORT_STRING);

		return $told;
	}

	/** @return ''|'~' */
	private static function kind(string|int $component): string
	{
		return ((string) $component)[0] === '~' ? '~' : '';
	}

	/**
	 * @param Seen $vector
	 *
	 * @return Seen
	 */
	private static function ofKind(array $vector, string $kind): array
	{
		return array_filter($vector, fn ($component) => self::kind($component) === $kind, ARRAY_FILTER_USE_KEY);
	}

	/**
	 * Returns a vector that came from another hub, or null if it is invalid.
	 *
	 * @return ?Seen
	 */
	public static function read(mixed $said): ?array
	{
		if (! is_array($said) || count($said) > self::MOST_READ) {
			return null;
		}
		$vector = array_filter($said, is_int(...));
		if (count($vector) !== count($said)) {
			return null;
		}
		foreach ($vector as $component => $count) {
			if (
				! preg_match(self::COMPONENT, (string) $component)
				|| $count < 1
				|| $count > self::LARGEST_COUNT
			) {
				return null;
			}
		}

		return self::folded($vector);
	}
}
