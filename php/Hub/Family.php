<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The hub versions that we were tested with, and their differences. Unknown versions keep their own behaviour. */
final class Family
{
	/** The versions on which all of it was tested. */
	public const TESTED = ['7.8', '8.8.7', '8.9.3'];

	private const OLDEST = '7.8';
	private const TOO_NEW = '8.10';

	/** Tells whether we may take over calls of this hub. What does not work here is off on its own: see Parts. */
	public static function isKnown(): bool
	{
		return defined('STD_VERSION') && self::knowsVersion(STD_VERSION) && ! Ground::lacks();
	}

	/** Tells whether we know a version number. */
	public static function knowsVersion(string $version): bool
	{
		return (
			(bool) preg_match('/^\d+\.\d+/', $version)
			&& version_compare($version, self::OLDEST, '>=')
			&& version_compare($version, self::TOO_NEW, '<')
		);
	}

	/** Takes over calls of core in this process, even on a hub that we do not know: for a rehearsal. */
	public static function takeOver(): void
	{
		require_once dirname(__DIR__) . '/overrides/hubzilla.php';
	}

	/** Returns why filesync stays passive on this hub, or null if it does not. */
	public static function problem(): ?string
	{
		return match (true) {
			self::isKnown() => null,
			Ground::lacks() !== [] => sprintf(
				t('filesync stays passive: Hubzilla %1$s lacks %2$s'),
				self::version(),
				implode(', ', Ground::lacks()),
			),
			default => sprintf(t('filesync does not know Hubzilla %s and stays passive'), self::version()),
		};
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

	/** Returns the version of the hub. */
	public static function version(): string
	{
		return defined('STD_VERSION') ? STD_VERSION : 'unknown';
	}

	/** Returns a file size as the hub's tables can hold it. */
	public static function sizeColumn(int $sizeBytes): int
	{
		return min($sizeBytes, self::largestFileBytes());
	}
}
