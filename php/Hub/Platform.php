<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The hub's own requirements for PHP. */
final class Platform
{
	/** Groups of extensions of which one is enough. */
	private const EITHER = ['bcmath' => ['bcmath', 'gmp'], 'gd' => ['gd', 'imagick']];

	/** Required by every hub, although missing from its list for Composer. */
	private const ALWAYS = ['gd', 'pdo'];

	/**
	 * Returns the extensions that a hub needs and this PHP lacks, such as `bcmath or gmp`; the hub's composer.json
	 * lists its needs.
	 *
	 * @return list<string>
	 */
	public static function missingExtensions(string $root = '.'): array
	{
		$composer = json_decode((string) @file_get_contents("$root/composer.json"), true);
		$required = is_array($composer['require'] ?? null) ? array_keys($composer['require']) : [];
		$wanted = array_map(fn ($name) => substr($name, 4), array_filter($required, fn ($name) => str_starts_with(
			(string) $name,
			'ext-',
		)));
		$missing = [];
		foreach (array_unique([...self::ALWAYS, ...$wanted]) as $name) {
			$either = self::EITHER[$name] ?? [$name];
			array_filter($either, 'extension_loaded') || ($missing[] = implode(' or ', $either));
		}

		return $missing;
	}
}
