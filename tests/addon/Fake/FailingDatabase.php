<?php

namespace Fake;

/** The hub's database, answering as core's driver does when a statement fails: false for a select, null for others. */
final class FailingDatabase
{
	public int $count = 0;

	/**
	 * @param \Closure $fails   Told the statement and its number; true makes it fail.
	 * @param string   $message What the database then says.
	 */
	public function __construct(
		private readonly object $inner,
		private readonly \Closure $fails,
		private readonly string $message = '',
	) {}

	public function __isset(string $name): bool
	{
		return isset($this->inner->$name);
	}

	public function __get(string $name): mixed
	{
		return $this->inner->$name;
	}

	public function q($sql)
	{
		if (($this->fails)($sql, ++$this->count)) {
			$this->inner->error = $this->message;
			return stripos($sql, 'select') === 0 ? false : null;
		}

		return $this->inner->q($sql);
	}

	public function escape($value)
	{
		return $this->inner->escape($value);
	}
}
