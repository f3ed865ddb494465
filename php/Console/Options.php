<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** The options that a command was given. */
final class Options
{
	/** @param array<string, string> $given By name; of an option without a value it is empty. */
	public function __construct(private readonly array $given = []) {}

	/** Returns these options and another one. */
	public function with(Option $option, string $value = ''): self
	{
		return new self([$option->value => $value] + $this->given);
	}

	/** Returns only some of these options. */
	public function only(Option ...$options): self
	{
		$names = array_map(fn ($option) => $option->value, $options);

		return new self(array_filter($this->given, fn ($name) => in_array($name, $names, true), ARRAY_FILTER_USE_KEY));
	}

	/** Tells whether an option was given. */
	public function has(Option $option): bool
	{
		return isset($this->given[$option->value]);
	}

	/** Returns the value of an option, or null if it was not given. */
	public function text(Option $option): ?string
	{
		return $this->given[$option->value] ?? null;
	}

	/** Returns after how many seconds the command shall stop, or null if it need not. */
	public function seconds(): ?int
	{
		return $this->has(Option::Seconds) ? (int) $this->text(Option::Seconds) : null;
	}
}
