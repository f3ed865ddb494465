<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** What an admin typed, as the table of the verbs reads it. */
final class CommandLine
{
	/** A verb that differs from a known one by so many letters is taken for a mistyped one. */
	private const MISTYPED = 2;

	/** @param list<string> $words */
	private function __construct(
		public readonly Verb $verb,
		public readonly array $words,
		public readonly Options $options,
	) {}

	/**
	 * Reads a verb and what follows it.
	 *
	 * @param list<string> $arguments
	 *
	 * @throws WrongUsage
	 */
	public static function read(array $arguments): self
	{
		$name = array_shift($arguments) ?? '';
		$verb = Verbs::all()[$name] ?? throw new WrongUsage(self::noVerb($name));
		if (in_array('--help', $arguments, true) || ($arguments[0] ?? '') === '-h') {
			return new self($verb, [], (new Options())->with(Option::Help));
		}
		$words = [];
		$options = new Options();
		while ($arguments) {
			$argument = array_shift($arguments);
			if (! str_starts_with($argument, '--')) {
				$words[] = $argument;
				continue;
			}
			[$option, $value] = self::option($verb, $argument);
			if ($value === null && $option->value() !== null && ! str_starts_with($arguments[0] ?? '--', '--')) {
				$value = array_shift($arguments);
			}
			self::check($verb, $option, $value);
			if ($value !== null && $options->has($option) && ! $option->isRepeatable()) {
				throw new WrongUsage("--{$option->word()} is given twice, and only one value counts", $verb);
			}
			$options = $options->with($option, $value ?? '');
		}
		$form = $verb->form($words) ?? throw new WrongUsage(self::noForm($verb, $words), $verb);
		foreach ($verb->options as $option) {
			if ($options->has($option) && ! in_array($form, $verb->formsOf($option), true)) {
				throw new WrongUsage(
					"--{$option->word()} does not go with `{$verb->written($form)}`, but with "
						. self::listed(array_map($verb->written(...), $verb->formsOf($option))),
					$verb,
				);
			}
		}

		return new self($verb, $words, $options);
	}

	/** @return array{Option, ?string} The option that an argument names, and its value if that is in it. */
	private static function option(Verb $verb, string $argument): array
	{
		$parts = explode('=', substr($argument, 2), 2);
		$name = $parts[0];
		$known = array_map(fn ($option) => $option->usage(), $verb->options);

		return [
			$verb->option($name) ?? throw new WrongUsage(
				"unknown option --$name for verb $verb->name; it takes " . implode(', ', $known),
				$verb,
			),
			$parts[1] ?? null,
		];
	}

	private static function check(Verb $verb, Option $option, ?string $value): void
	{
		if ($option->value() === null) {
			$value === null
				|| throw new WrongUsage("--{$option->word()} takes no value, so leave out \"=$value\"", $verb);
			return;
		}
		if ($value === null || $value === '') {
			throw new WrongUsage("--{$option->word()} needs a value: {$option->usage()}", $verb);
		}
		$demand = $option->demand($value);
		if ($demand !== null) {
			throw new WrongUsage("--{$option->word()} cannot be \"$value\": it must be $demand", $verb);
		}
	}

	private static function noVerb(string $name): string
	{
		$alike = array_filter(
			array_keys(Verbs::all()),
			fn ($known) => levenshtein($name, $known) <= self::MISTYPED,
		);

		return match (true) {
			$name === '' => 'a verb is missing; these are the verbs:',
			$alike !== [] => "there is no verb \"$name\"; did you mean " . implode(' or ', $alike) . '?',
			default => "there is no verb \"$name\"; these are the verbs:",
		};
	}

	/** @param list<string> $words */
	private static function noForm(Verb $verb, array $words): string
	{
		return array_keys($verb->forms) === ['']
			? "$verb->name takes no arguments, so leave out \"" . implode(' ', $words) . '"'
			: "`{$verb->written(implode(' ', $words))}` is not understood; write it like this:";
	}

	/** @param list<string> $commands */
	private static function listed(array $commands): string
	{
		return implode(', ', array_map(fn ($command) => "`$command`", $commands));
	}
}
