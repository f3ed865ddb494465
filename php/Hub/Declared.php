<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Something that core declares: a function, method, class, static property or constant. */
final class Declared
{
	/**
	 * @param string          $where      File and line.
	 * @param list<string>    $words      Words before it, such as `static`.
	 * @param list<Parameter> $parameters
	 */
	public function __construct(
		public readonly string $where,
		private readonly array $words = [],
		public readonly array $parameters = [],
	) {}

	/** Tells whether a word such as `static` or `final` is before it. */
	public function is(string $word): bool
	{
		return in_array($word, $this->words, true);
	}
}
