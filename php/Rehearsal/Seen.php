<?php

namespace FileSync\Addon\Rehearsal;

if (! class_exists('App', false)) {
	exit;
}

/** A step of a rehearsal saw something else than it should; the message says what. */
final class Seen extends \Exception
{
	/** @param list<string> $parts The parts that cannot do without it; none: all that depend on the step. */
	public function __construct(string $instead, public readonly array $parts = [])
	{
		parent::__construct($instead);
	}

	/**
	 * @param list<string> $parts
	 *
	 * @throws self It is not so.
	 */
	public static function unless(bool $isSo, string $instead, array $parts = []): void
	{
		$isSo || throw new self($instead, $parts);
	}

	/**
	 * Compares what a row or file has with what it should have.
	 *
	 * @throws self They differ.
	 */
	public static function same(mixed $wanted, mixed $found, string $what): void
	{
		// Databases give numbers as numbers or as text.
		$isSame = is_int($wanted) ? is_numeric($found) && (int) $found === $wanted : $found === $wanted;
		$isSame || throw new self("$what is " . self::shown($found) . ' and should be ' . self::shown($wanted));
	}

	private static function shown(mixed $value): string
	{
		return match (true) {
			is_string($value) && mb_strlen($value) > 80 => sprintf(
				"'%s…' (%d characters)",
				mb_substr(mb_scrub($value), 0, 60),
				mb_strlen($value),
			),
			is_string($value) => "'" . mb_scrub($value) . "'",
			$value === null => 'missing',
			default => (string) json_encode($value),
		};
	}
}
