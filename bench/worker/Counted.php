<?php

declare(strict_types=1);

use TestHub\Statements;

/** The hub's database, which counts the statements and their time by their form. */
final class Counted
{
	/** @var array<string, array{int, float}> Number and milliseconds. */
	public array $forms = [];

	public function __construct(private readonly object $inner) {}

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
		$start = hrtime(true);
		$result = $this->inner->q($sql);
		$form = Statements::form($sql);
		[$number, $took] = $this->forms[$form] ?? [0, 0.0];
		$this->forms[$form] = [$number + 1, $took + ((hrtime(true) - $start) / 1e6)];

		return $result;
	}

	public function escape($value)
	{
		return $this->inner->escape($value);
	}

	/** Returns how many statements there were since the last call, their milliseconds, and the slowest forms. */
	public function take(int $slowest): array
	{
		$forms = $this->forms;
		$this->forms = [];
		uasort($forms, fn ($one, $other) => $other[1] <=> $one[1]);

		return [
			'statements' => array_sum(array_column($forms, 0)),
			'database_ms' => array_sum(array_column($forms, 1)),
			'slowest' => array_slice($forms, 0, $slowest),
		];
	}
}
