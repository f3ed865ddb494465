<?php

namespace FileSync\Addon\Backup;

if (! class_exists('App', false)) {
	exit;
}

/** Files and folders that a set shall not have, named by their path in the channel; `*` is any part of a name. */
final class Exclusion
{
	/** @var list<list<string>> */
	private readonly array $patterns;

	/** @param list<string> $paths */
	public function __construct(public readonly array $paths = [])
	{
		$this->patterns = array_map(
			fn ($path) => array_values(array_filter(explode('/', $path), fn ($name) => $name !== '')),
			$paths,
		);
	}

	/**
	 * Tells whether one is left out, because a pattern fits it or a folder above it.
	 *
	 * @param list<string> $names Its folders from the root down, and its own name.
	 */
	public function covers(array $names): bool
	{
		foreach ($this->patterns as $pattern) {
			if ($pattern !== [] && count($pattern) <= count($names) && self::fits($pattern, $names)) {
				return true;
			}
		}

		return false;
	}

	/** @return list<Lack> */
	public function lacks(): array
	{
		return array_map(fn ($path) => new Lack('folder', 'excluded', "$path is left out, as asked."), $this->paths);
	}

	/**
	 * @param list<string> $pattern
	 * @param list<string> $names
	 */
	private static function fits(array $pattern, array $names): bool
	{
		foreach ($pattern as $n => $part) {
			$expression =
				'/^' . implode('.*', array_map(fn ($text) => preg_quote($text, '/'), explode('*', $part))) . '$/sDu';
			if ($names[$n] !== $part && preg_match($expression, $names[$n]) !== 1) {
				return false;
			}
		}

		return true;
	}
}
