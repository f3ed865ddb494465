<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** The options that a command was given. */
final class Options
{
	/**
	 * @param array<string, string>       $given    By name; of an option without a value it is empty.
	 * @param array<string, list<string>> $repeated The values of those that may be given several times.
	 */
	public function __construct(private readonly array $given = [], private readonly array $repeated = []) {}

	/** Returns these options and another one. */
	public function with(Option $option, string $value = ''): self
	{
		$repeated = $option->isRepeatable()
			? [$option->value => [...$this->texts($option), $value]] + $this->repeated
			: $this->repeated;

		return new self([$option->value => $value] + $this->given, $repeated);
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

	/** Returns the time that an option names, or null if it was not given. A date means its end. */
	public function time(Option $option): ?string
	{
		$text = $this->text($option);

		return $text !== null && strlen($text) === 10 ? "{$text}T23:59:59Z" : $text;
	}

	/** @return list<string> Every value of an option that may be given several times. */
	public function texts(Option $option): array
	{
		return $this->repeated[$option->value] ?? [];
	}

	/** Returns after how many seconds the command shall stop, or null if it need not. */
	public function seconds(): ?int
	{
		return $this->has(Option::Seconds) ? (int) $this->text(Option::Seconds) : null;
	}
}
