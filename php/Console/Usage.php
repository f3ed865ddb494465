<?php

namespace FileSync\Addon\Console;

if (! class_exists('App', false)) {
	exit;
}

/** The texts that explain the command, made of the table of its verbs. */
final class Usage
{
	private const COLUMNS = 79;

	/** Returns what all verbs do. */
	public static function ofAll(): string
	{
		$verbs = Verbs::all();

		return (
			"usage: sudo -u <hub user> php addon/filesync/cli.php VERB [option...]\n"
			. "       in the hub's root; the hub's user owns its folder store\n\n"
			. self::table(array_map(fn ($verb) => $verb->help, $verbs))
			. "\nVERB --help shows its arguments and options.\n"
			. "--hub DIR names the hub, if it is not the one that contains this file.\n\n"
			. "exit codes: 0 done or nothing to do, 1 something needs your attention,\n"
			. "            2 usage, 75 work is still in progress\n"
		);
	}

	/** Returns what a verb does and takes. */
	public static function of(Verb $verb): string
	{
		$options = [];
		foreach ($verb->options as $option) {
			$options[$option->usage()] = $option->help();
		}
		$forms = array_filter($verb->forms);
		$forms = array_combine(array_map($verb->written(...), array_keys($forms)), $forms);

		return (
			self::wrapped("$verb->name: ", $verb->help)
			. "\n"
			. self::synopsis($verb)
			. ($forms ? "\n" . self::table($forms) : '')
			. "\n"
			. self::table($options)
			. ($verb->needsExtension ? "\nIt does nothing while the PHP extension is missing.\n" : '')
		);
	}

	/** Returns how a verb is written, in all its forms. */
	public static function synopsis(Verb $verb): string
	{
		$text = '';
		foreach (array_keys($verb->forms) as $form) {
			$options = array_filter(
				$verb->options,
				fn ($option) => $option !== Option::Help && in_array($form, $verb->formsOf($option), true),
			);
			$text .= self::wrapped(
				($text === '' ? 'usage: ' : '       ') . "cli.php {$verb->written($form)} ",
				implode(' ', array_map(fn ($option) => strtr("[{$option->usage()}]", ' ', "\x1f"), $options)),
			);
		}

		return strtr($text, ["\x1f" => ' ']);
	}

	/** @param array<string, string> $rows */
	private static function table(array $rows): string
	{
		$width = max(array_map(strlen(...), array_keys($rows))) + 2;

		return implode('', array_map(
			fn ($name, $text) => self::wrapped('  ' . str_pad($name, $width), $text),
			array_keys($rows),
			$rows,
		));
	}

	/** Returns a text in lines that begin below the end of its head. */
	private static function wrapped(string $head, string $text): string
	{
		$width = max(20, self::COLUMNS - strlen($head));

		return rtrim($head . wordwrap($text, $width, "\n" . str_repeat(' ', strlen($head)))) . "\n";
	}
}
