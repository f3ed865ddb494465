<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** One verb: what it does, what may follow it, and what it needs. */
final class Verb
{
	/** @var list<Option> */
	public readonly array $options;

	/**
	 * @param \Closure(Options): Task     $task           Makes what runs it.
	 * @param string                      $help           What it does, in one line.
	 * @param list<Option>                $options
	 * @param array<string, string>       $forms          The words that may follow it, and what it then does. A word
	 *     with a capital letter stands for a value.
	 * @param array<string, list<string>> $onlyWith       Options that go only with some forms, by name.
	 * @param bool                        $needsExtension Whether it does nothing while the extension is missing.
	 * @param bool                        $needsActive    Whether it does nothing where filesync is not active.
	 * @param ?string                     $needsPart      The part without which it does nothing.
	 */
	public function __construct(
		public readonly string $name,
		public readonly \Closure $task,
		public readonly string $help,
		array $options = [],
		public readonly array $forms = ['' => ''],
		private readonly array $onlyWith = [],
		public readonly bool $needsExtension = false,
		public readonly bool $needsActive = false,
		public readonly ?string $needsPart = null,
	) {
		$this->options = [...$options, Option::Help];
	}

	/**
	 * Returns the form that these words have, or null.
	 *
	 * @param list<string> $words
	 */
	public function form(array $words): ?string
	{
		foreach (array_keys($this->forms) as $form) {
			$pattern = $form === '' ? [] : explode(' ', $form);
			$differ = array_filter(
				$pattern,
				fn ($word, $n) => ! preg_match('/[A-Z]/', $word) && $word !== ($words[$n] ?? null),
				ARRAY_FILTER_USE_BOTH,
			);
			if (count($pattern) === count($words) && ! $differ) {
				return $form;
			}
		}

		return null;
	}

	/** Returns an option by its name, or null if this verb has none of that name. */
	public function option(string $name): ?Option
	{
		foreach ($this->options as $option) {
			if ($option->word() === $name) {
				return $option;
			}
		}

		return null;
	}

	/**
	 * Returns the forms with which an option goes.
	 *
	 * @return list<string>
	 */
	public function formsOf(Option $option): array
	{
		return $this->onlyWith[$option->value] ?? array_keys($this->forms);
	}

	/** Returns how a form of it is written. */
	public function written(string $form): string
	{
		return rtrim("$this->name $form");
	}
}
