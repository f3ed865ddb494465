<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The hub versions that filesync was tested with. On others it works by what a rehearsal saw: see Activation. */
final class Tested
{
	/** The versions on which all of it was tested; README says the same. */
	public const ALL = ['7.8', '8.8.7', '8.9.3'];

	private const OLDEST = '7.8';
	private const TOO_NEW = '8.10';

	/** The newest major version on which a rehearsal is enough: an admin agrees to newer ones first (agreed_major). */
	private const NEWEST_MAJOR = 11;

	/** Tells whether we tested a version. */
	public static function has(string $version): bool
	{
		// What follows the numbers does not count: 8.10RC1 is no 8.9.
		$numbers = (string) preg_replace('/^(\d+(\.\d+)+).*$/Ds', '$1', $version);

		return (
			self::major($version) !== null
			&& version_compare($numbers, self::OLDEST, '>=')
			&& version_compare($numbers, self::TOO_NEW, '<')
		);
	}

	/** Tells whether a rehearsal may show that filesync works on a version. */
	public static function isRehearsable(string $version): bool
	{
		return (
			version_compare($version, self::OLDEST, '>=')
			&& (self::major($version) ?? PHP_INT_MAX) <= self::NEWEST_MAJOR
		);
	}

	/** Returns the first number of a version, null if it is not written as we know it. */
	public static function major(string $version): ?int
	{
		return preg_match('/^\d{1,9}\.\d+/', $version) ? (int) $version : null;
	}
}
