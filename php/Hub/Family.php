<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The differences between hubs, and which functions of core we take over there. */
final class Family
{
	/** Returns why filesync stays passive on this hub whatever its version is, or null. */
	public static function problem(): ?string
	{
		return Ground::lacks()
			? sprintf(
				t('filesync stays passive: Hubzilla %1$s lacks %2$s'),
				Runtime::hubVersion(),
				implode(', ', Ground::lacks()),
			)
			: null;
	}

	/** Tells whether a function of core that we take over still accepts our arguments. */
	public static function isAsExpected(string $function): bool
	{
		static $known = [];
		if (! isset($known[$function]) && function_exists("\\$function")) {
			$one = Assumptions::FUNCTIONS[$function];
			$parameters = Shape::of(new \ReflectionFunction("\\$function"));
			$known[$function] = Shape::fits((array) $one[1], $parameters, explode(' ', $one[3] ?? '')) !== false;
		}

		return $known[$function] ?? true;
	}

	/**
	 * Calls what replaces a function of core, or that function if it takes other arguments than we know, with all that
	 * the caller gave.
	 */
	public static function call(string $function, \Closure $ours, array $given): mixed
	{
		return self::isAsExpected($function)
			? $ours(...self::inOrder($function, $given))
			: call_user_func_array("\\$function", $given);
	}

	/**
	 * Returns arguments in the order of core's parameters, if a caller named some: ours may have other names.
	 *
	 * @param array<mixed> $given
	 *
	 * @return list<mixed>
	 */
	private static function inOrder(string $function, array $given): array
	{
		if (array_is_list($given)) {
			return $given;
		}
		$ordered = [];
		foreach ((new \ReflectionFunction("\\$function"))->getParameters() as $place => $parameter) {
			$key = array_key_exists($place, $given) ? $place : $parameter->name;
			if (! array_diff_key($given, $ordered)) {
				break;
			}
			$ordered[$key] = array_key_exists($key, $given) ? $given[$key] : $parameter->getDefaultValue();
		}

		return array_values($ordered);
	}

	/** Tells whether the theme is installed that changes files in the hub's stead. */
	public static function hasTheme(): bool
	{
		return is_dir(Assumptions::THEME);
	}

	/** Tells whether core's own function still has the signature of the one that we replace. */
	public static function hasExpectedReceiver(): bool
	{
		self::loadImport();

		return function_exists('\sync_files') && self::isAsExpected('sync_files');
	}

	/** Loads core's import functions, which not every caller has loaded. */
	public static function loadImport(): void
	{
		Core::load('include/import.php');
	}

	/** Gives an entry of a file list that was held to core's own receiver. */
	public static function handOver(Channel $channel, mixed $entry): void
	{
		self::receiveStock($channel->row(), [$entry]);
	}

	/** Passes files to core's own receiver. */
	public static function receiveStock(mixed ...$given): mixed
	{
		self::loadImport();
		return Reception::quietly(
			Channel::idOf($given[0] ?? null),
			fn () => call_user_func_array('sync_files', $given),
		);
	}

	/**
	 * Returns the largest file size that the hub's tables can hold, in bytes; the column holds it for every larger
	 * file.
	 */
	public static function largestFileBytes(): int
	{
		return Database::isPostgres() ? PHP_INT_MAX : Bounds::COLUMN_END;
	}

	/** Returns a file size as the hub's tables can hold it. */
	public static function sizeColumn(int $sizeBytes): int
	{
		return min($sizeBytes, self::largestFileBytes());
	}
}
