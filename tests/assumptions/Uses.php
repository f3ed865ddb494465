<?php

namespace Assumptions;

/** What one file of php/ uses of the hub's tables, as far as its tokens tell. */
final class Uses
{
	/** @var array<string, array<string, true>> Columns by table. */
	public array $columns = [];

	private const WORDS = '/^(as|and|or|not|null|is|in|like|asc|desc|distinct|count|sum|min|max|coalesce|join|left|on|case|when|then|else|end|due|total|one)$/i';

	/** @var list<\PhpToken> Without white space and comments. */
	private array $tokens;

	/** @param list<string> $tables Of the hub. */
	public function __construct(string $code, private readonly array $tables)
	{
		$this->tokens = array_values(array_filter(\PhpToken::tokenize($code), fn ($token) => ! $token->isIgnorable()));
		foreach ($this->tokens as $n => $token) {
			if (
				$token->text === 'Table'
				&& $this->at($n + 1)->is(T_DOUBLE_COLON)
				&& $this->at($n + 3)->is('(')
				&& ! $this->at($n + 4)->is(')')
			) {
				$this->call($this->arguments($n + 4), $n);
			}
		}
	}

	private function at(int $n): \PhpToken
	{
		return $this->tokens[$n] ?? new \PhpToken(T_WHITESPACE, ' ');
	}

	/** @return list<list<int>> The places of the tokens of each argument. */
	private function arguments(int $n): array
	{
		$arguments = [[]];
		for ($depth = 0; $depth >= 0 && isset($this->tokens[$n]); $n++) {
			$depth += (int) $this->at($n)->is(['(', '[', '{', T_CURLY_OPEN]) - (int) $this->at($n)->is([')', ']', '}']);
			if ($depth === 0 && $this->at($n)->is(',')) {
				$arguments[] = [];
			} elseif ($depth >= 0) {
				$arguments[array_key_last($arguments)][] = $n;
			}
		}

		return $arguments;
	}

	/** @param list<list<int>> $arguments */
	private function call(array $arguments, int $from): void
	{
		$first = $this->at($arguments[0][0] ?? -1);
		if (! $first->is(T_CONSTANT_ENCAPSED_STRING)) {
			return;
		}
		$tables = array_intersect($this->tables, preg_split('/\W+/', $first->text));
		foreach ($tables as $table) {
			$this->columns[$table] ??= [];
		}
		count($tables) > 1 && $this->words($tables, $first->text);
		foreach ($tables ? array_slice($arguments, 1) : [] as $argument) {
			$this->argument($tables, $argument, $from);
		}
	}

	/**
	 * @param array<string> $tables
	 * @param list<int>     $places
	 */
	private function argument(array $tables, array $places, int $from): void
	{
		$isText = count($places) === 1;
		foreach ($places as $n) {
			$token = $this->at($n);
			if ($token->is(T_CONSTANT_ENCAPSED_STRING) && $this->at($n + 1)->is(T_DOUBLE_ARROW)) {
				$this->words($tables, strtok(trim($token->text, "'\""), ' '));
			} elseif ($token->is(T_CONSTANT_ENCAPSED_STRING) && $isText) {
				$this->words($tables, $token->text);
			} elseif ($token->is(T_VARIABLE) && ! $this->at($n + 1)->is('[')) {
				$this->assigned($tables, $token->text, $from);
			} elseif ($token->text === 'self' && count($places) === 3) {
				$this->constant($tables, $this->at($n + 2)->text);
			}
		}
	}

	/** Follows a variable to where it got its value before, in the same function. */
	private function assigned(array $tables, string $name, int $from): void
	{
		for ($n = $from; $n > 0 && ! $this->at($n)->is(T_FUNCTION); $n--) {
			if ($this->at($n)->text !== $name || ! $this->at($n + 1)->is('=')) {
				continue;
			}
			for ($end = $n + 2; ! $this->at($end)->is([';', T_WHITESPACE]); $end++) {
				$token = $this->at($end);
				if ($token->is(T_CONSTANT_ENCAPSED_STRING)) {
					$isKey = $this->at($end + 1)->is(T_DOUBLE_ARROW);
					$isText = $end === ($n + 2) && $this->at($end + 1)->is(';');
					$isKey && $this->words($tables, strtok(trim($token->text, "'\""), ' '));
					$isText && $this->words($tables, $token->text);
				}
			}
		}
	}

	private function constant(array $tables, string $name): void
	{
		foreach ($this->tokens as $n => $token) {
			if ($token->text === $name && $this->at($n + 1)->is('=') && $this->at($n - 1)->is(T_CONST)) {
				for ($n += 2; ! $this->at($n)->is([';', T_WHITESPACE]); $n++) {
					$this->at($n)->is(T_CONSTANT_ENCAPSED_STRING) && $this->words($tables, $this->at($n)->text);
				}
			}
		}
	}

	/** Columns of joined tables begin with the name of their own. */
	private function words(array $tables, string $text): void
	{
		preg_match_all('/[a-z_]+(?![a-z_(])/', strtolower(preg_replace('/\bas \w+/i', '', $text)), $words);
		foreach ($words[0] as $word) {
			foreach ($tables as $table) {
				if (
					! preg_match(self::WORDS, $word)
					&& ! in_array($word, $this->tables, true)
					&& (count($tables) === 1
					|| str_starts_with($word, $table . '_'))
				) {
					$this->columns[$table][$word] = true;
				}
			}
		}
	}
}
