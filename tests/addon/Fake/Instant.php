<?php

namespace Fake;

/** Counts the instants of a run (each SQL statement, each step on disk) and kills the process at one of them. */
final class Instant
{
	public static int $count = 0;
	public static ?int $killAt = null;

	/** One instant passes. */
	public static function pass(): void
	{
		self::$count++;
		if (self::$killAt === self::$count) {
			posix_kill(getmypid(), SIGKILL);
			sleep(10);
		}
	}
}

/** The hub's database, counting instants. */
final class InstantDatabase
{
	public function __construct(private readonly object $inner) {}

	public function __get(string $name): mixed
	{
		return $this->inner->$name;
	}

	public function q($sql)
	{
		Instant::pass();

		return $this->inner->q($sql);
	}

	public function escape($value)
	{
		return $this->inner->escape($value);
	}
}
