<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Something that core declares: a function, method, class, property or constant. */
final class Declared
{
	/**
	 * @param string          $where      File and line.
	 * @param list<string>    $words      Words before it, such as `static`.
	 * @param list<Parameter> $parameters
	 * @param string          $returns    The type that it declares to return, empty if none.
	 */
	public function __construct(
		public readonly string $where,
		private readonly array $words = [],
		public readonly array $parameters = [],
		public readonly string $returns = '',
	) {}

	/** Tells whether a word such as `static` or `final` is before it. */
	public function is(string $word): bool
	{
		return in_array($word, $this->words, true);
	}

	/** Tells whether others than its class and those that extend it may use it. */
	public function isPublic(): bool
	{
		return ! $this->is('private') && ! $this->is('protected');
	}

	/** Returns a file beneath a hub's root, and a line of it, as people write it. */
	public static function placeOf(string $path, int $line, string $root = '.'): string
	{
		foreach (['', '/include', '/Zotlabs', '/addon'] as $folder) {
			// Folders of a hub may be links.
			$real = realpath("$root$folder");
			if ($real !== false && str_starts_with($path, "$real/")) {
				return ltrim($folder . substr($path, strlen($real)), '/') . ":$line";
			}
		}

		return "$path:$line";
	}
}
