<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The functions of the files in overrides/, which take over calls that core makes. */
final class Overrides
{
	/** @var list<string> Functions of core of which this process leaves the calls to core. */
	private static array $left = [];
	private static bool $hasBegun = false;
	/** Whether all calls that we want are known to reach us, for the rest of this process. */
	private static bool $areTaken = false;

	/** Notes that the hub has called filesync when this process began. */
	public static function begun(): void
	{
		self::$hasBegun = true;
	}

	/** Tells whether the hub has called filesync when this process began: only then are calls taken over in time. */
	public static function haveBegun(): bool
	{
		return self::$hasBegun;
	}

	/**
	 * Defines the functions that take over calls, unless another addon was first. Core must not have made such a call
	 * before.
	 *
	 * @param list<string> $left Functions of core that are not as we know them: calls of theirs stay with core.
	 */
	public static function define(array $left): void
	{
		self::load('hubzilla.php', $left);
		if (Family::hasTheme()) {
			self::load('solidified.php', $left);
		}
		self::refuse($left);
	}

	/**
	 * Defines only what keeps this process from sending anything for a scratch channel, on a hub that works as without
	 * us.
	 *
	 * @param list<string> $left As define().
	 */
	public static function refuse(array $left): void
	{
		self::load('rehearsals.php', $left);
	}

	/** Defines what keeps a process that imports from fetching meanwhile. */
	public static function importing(): void
	{
		self::load('importing.php', self::$left);
	}

	/** @param list<string> $left */
	private static function load(string $name, array $left): void
	{
		$overrides = dirname(__DIR__) . "/overrides/$name";
		// Including a missing file is an error that cannot be caught.
		if (is_file($overrides)) {
			self::$left = $left;
			require_once $overrides;
		}
	}

	/**
	 * Tells whether a function that takes over calls is to be defined: not if another addon was first, or if the last
	 * look found that core's own cannot be called in its stead, such as one that gives something back by reference.
	 */
	public static function takes(string $function): bool
	{
		$name = substr((string) strrchr("\\$function", '\\'), 1);

		return ! function_exists($function) && ! in_array($name, self::$left, true);
	}

	/**
	 * Returns who takes the calls that we want, where that is not ours.
	 *
	 * @return array<string, string> By our function: file and line, empty if it is ours or nobody's.
	 */
	public static function takers(): array
	{
		$found = [];
		foreach (self::areWanted() ? self::wanted() : [] as $function) {
			$one = function_exists($function) ? new \ReflectionFunction($function) : null;
			$path = strtr((string) $one?->getFileName(), '\\', '/');
			$found[$function] = $one && ! preg_match('#/overrides/(hubzilla|solidified|rehearsals)\.php$#D', $path)
				? Declared::placeOf($path, (int) $one->getStartLine())
				: '';
		}

		return $found;
	}

	/**
	 * Returns the functions of ours that core does not find: another addon was first, or the file is missing, or the
	 * hub let us define none when it started.
	 *
	 * @return list<string>
	 */
	public static function lost(): array
	{
		if (self::$areTaken || ! self::areWanted()) {
			return [];
		}
		$takers = self::takers();
		$lost = array_values(array_filter(
			self::wanted(),
			fn ($function) => ($takers[$function] ?? '') !== '' || self::takes($function),
		));
		self::$areTaken = $lost === [] && self::$left === [];

		return $lost;
	}

	/** Tells whether calls of core are to be taken over on this hub. */
	public static function areWanted(): bool
	{
		return ! Ground::lacks() && Activation::standing() !== Standing::Passive;
	}

	/** @return list<string> */
	private static function wanted(): array
	{
		return [...Assumptions::overrides(), ...(Family::hasTheme() ? Assumptions::CALLS_OF_THEME : [])];
	}

	/** Tells whether packets of files that other hubs send reach us: only then may we say that we speak filesync. */
	public static function isReceiver(): bool
	{
		return (Activation::isActive() || Rehearsing::isOn())
		&& ! Ground::lacks()
		&& Family::hasExpectedReceiver()
		&& ! in_array(
			'Zotlabs\Lib\sync_files',
			self::lost(),
			true,
		);
	}
}
