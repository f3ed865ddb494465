<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Knows what the hub's own code asks of PHP. */
final class Platform
{
	/** Where one of several extensions serves. */
	private const EITHER = ['bcmath' => ['bcmath', 'gmp'], 'gd' => ['gd', 'imagick']];

	/** Asked of every hub, though not in its list for Composer. */
	private const ALWAYS = ['gd', 'pdo'];

	/**
	 * Returns the extensions that a hub needs and this PHP lacks, as `bcmath or gmp`; what a hub needs stands in its composer.json.
	 *
	 * @return list<string>
	 */
	public static function missingExtensions(string $root = '.'): array
	{
		$composer = json_decode((string) @file_get_contents("$root/composer.json"), true);
		$required = is_array($composer['require'] ?? null) ? array_keys($composer['require']) : [];
		$wanted = array_map(fn ($name) => substr($name, 4), array_filter($required, fn ($name) => str_starts_with((string) $name, 'ext-')));
		$missing = [];
		foreach (array_unique([...self::ALWAYS, ...$wanted]) as $name) {
			$either = self::EITHER[$name] ?? [$name];
			array_filter($either, 'extension_loaded') || $missing[] = implode(' or ', $either);
		}

		return $missing;
	}
}
