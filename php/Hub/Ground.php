<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What nothing of ours can do without: the hub's database and its settings. Where something of it is gone, filesync is
 * passive, and nothing of it is asked for.
 */
final class Ground
{
	private static bool $isWhole = false;

	/** @return list<string> What is gone, functions and methods. */
	public static function lacks(): array
	{
		if (self::$isWhole) {
			return [];
		}
		$lacks = array_values(array_filter(Assumptions::GROUND, fn ($name) => ! self::has($name)));
		self::$isWhole = $lacks === [];

		return $lacks;
	}

	private static function has(string $name): bool
	{
		[$class, $method] = [...explode('::', $name), ''];
		if ($method === '') {
			return function_exists($name);
		}

		return class_exists($class) && is_callable([$class, $method]);
	}
}
