<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** One PHP file of core as its tokens tell, without running it: what it declares, which calls and texts it contains. */
final class CoreFile
{
	private const NAMES = [T_STRING, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED, T_NAME_RELATIVE];

	/** The namespace of its first line of code, empty if it has none. */
	public readonly string $namespace;
	/** @var array<string, Declared> Functions, and methods as `Class::name`, in lower case. */
	private array $functions = [];
	/** @var array<string, Declared> Classes, properties as `Class::$name`, constants as `const NAME`. */
	private array $declared = [];
	/** @var array<string, array<int, string>> By the function's name in lower case: how it is written, by line. */
	private array $calls = [];
	/** @var array<string, int> Functions that it imports, by the name that they have here, in lower case. */
	private array $imported = [];
	/** @var array<string, int> Hooks that it calls. */
	private array $hooks = [];
	/** @var array<string, list<?list<string>>> What it gives them: the keys of an array, null for something else. */
	private array $given = [];
	/** @var array<string, int> Texts. */
	private array $texts = [];

	/** @var list<\PhpToken> Without white space and comments. */
	private array $tokens;
	private string $class = '';

	private function __construct(private readonly string $path, string $code)
	{
		$this->tokens = array_values(array_filter(\PhpToken::tokenize($code), fn ($token) => ! $token->isIgnorable()));
		$namespace = '';
		$first = null;
		$depth = $classDepth = 0;
		$this->class = '';
		for ($n = 0, $count = count($this->tokens); $n < $count; $n++) {
			$token = $this->tokens[$n];
			if ($token->is(['{', T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES])) {
				$depth++;
			} elseif ($token->is('}')) {
				if (--$depth < $classDepth) {
					[$this->class, $classDepth] = ['', 0];
				}
			} elseif ($token->is(T_NAMESPACE) && $this->at($n + 1)->is([T_STRING, T_NAME_QUALIFIED])) {
				$namespace = $this->at($n + 1)->text;
				$first ??= $namespace;
			} elseif (
				$token->is([T_CLASS, T_INTERFACE, T_TRAIT])
				&& $this->at($n + 1)->is(T_STRING)
				&& ! $this->at($n - 1)->is(T_DOUBLE_COLON)
			) {
				$this->class = ltrim("$namespace\\" . $this->at($n + 1)->text, '\\');
				$classDepth = $depth + 1;
				$this->declared[strtolower($this->class)] ??= new Declared(
					$this->place($token),
					$this->wordsBefore($n),
				);
			} elseif ($token->is(T_FUNCTION)) {
				$this->declaration($n);
			} elseif ($token->is(T_USE) && $this->at($n + 1)->is(T_FUNCTION)) {
				$this->import($n + 2);
			} elseif ($token->is(T_VARIABLE) && $this->class !== '' && $depth === $classDepth) {
				$words = $this->wordsBefore($n);
				if (array_intersect(['public', 'protected', 'private', 'static', 'var', 'readonly'], $words)) {
					$this->declared[strtolower($this->class) . "::$token->text"] ??= new Declared(
						$this->place($token),
						$words,
					);
				}
			} elseif ($token->is(T_CONSTANT_ENCAPSED_STRING)) {
				$this->texts[substr($token->text, 1, -1)] ??= $token->line;
			} elseif ($token->is(self::NAMES)) {
				$this->name($n);
			}
		}
		$this->namespace = $first ?? '';
		// Thousands of them, of which we ask for what was found.
		$this->tokens = [];
	}

	/** Reads a file beneath the root of a hub; null if it does not exist. */
	public static function read(string $root, string $path): ?self
	{
		$code = is_file("$root/$path") ? @file_get_contents("$root/$path") : false;

		return $code === false ? null : new self($path, $code);
	}

	/** Returns a function, or a method named `Class::name`, or null. */
	public function function(string $name): ?Declared
	{
		return $this->functions[strtolower($name)] ?? null;
	}

	/** @return list<string> The abstract methods of a class, in lower case. */
	public function abstracts(string $class): array
	{
		$prefix = strtolower($class) . '::';
		$found = [];
		foreach ($this->functions as $name => $declared) {
			if (str_starts_with($name, $prefix) && $declared->is('abstract')) {
				$found[] = substr($name, strlen($prefix));
			}
		}

		return $found;
	}

	/** Returns a class, a property named `Class::$name`, or a constant, or null. */
	public function declared(string $name): ?Declared
	{
		$parts = explode('::', $name);
		$parts[0] = strtolower($parts[0]);

		return $this->declared[implode('::', $parts)] ?? $this->declared["const $name"] ?? null;
	}

	/**
	 * Returns the calls of a function that is named without a class.
	 *
	 * @return array<int, string> By line: the namespace that is written before, with a backslash at its end; empty if
	 *     there is none.
	 */
	public function calls(string $name): array
	{
		return $this->calls[strtolower($name)] ?? [];
	}

	/** Returns the line where it imports a function by that name, or null. */
	public function imports(string $name): ?int
	{
		return $this->imported[strtolower($name)] ?? null;
	}

	/** Returns the line where it calls a hook, or null. */
	public function hook(string $name): ?int
	{
		return $this->hooks[$name] ?? null;
	}

	/**
	 * Returns keys that one of its calls of a hook gives, as far as an array is written there: null if that is sure to
	 * be something else; empty if it cannot be seen.
	 *
	 * @return list<?list<string>>
	 */
	public function givenTo(string $hook): array
	{
		return $this->given[$hook] ?? [];
	}

	/** Returns the line where it contains a text, or null. */
	public function text(string $text): ?int
	{
		return $this->texts[$text] ?? null;
	}

	private function place(\PhpToken $token): string
	{
		return "$this->path:$token->line";
	}

	private function at(int $n): \PhpToken
	{
		return $this->tokens[$n] ?? new \PhpToken(T_WHITESPACE, ' ');
	}

	/** @return list<string> */
	private function wordsBefore(int $n): array
	{
		$words = [];
		for (
			$n--;
			$this->at($n)->is([
				T_PUBLIC,
				T_PROTECTED,
				T_PRIVATE,
				T_STATIC,
				T_ABSTRACT,
				T_FINAL,
				T_VAR,
				T_READONLY,
				'?',
				...self::NAMES,
				T_ARRAY,
			]);
			$n--
		) {
			$words[] = strtolower($this->at($n)->text);
		}

		return $words;
	}

	private function declaration(int $n): void
	{
		$at = $n + ($this->at($n + 1)->text === '&' ? 2 : 1);
		if (! $this->at($at + 1)->is('(') || $this->at($n - 1)->is(T_USE)) {
			return;
		}
		$name = strtolower($this->at($at)->text);
		$this->functions[$this->class === '' ? $name : strtolower($this->class) . "::$name"] ??= new Declared(
			$this->place($this->tokens[$n]),
			$this->wordsBefore($n),
			$this->parameters($at + 1),
			$this->returns($at + 1),
		);
	}

	/** Returns the type after the parentheses that begin here. */
	private function returns(int $n): string
	{
		$depth = 0;
		do {
			$depth += (int) $this->at($n)->is('(') - (int) $this->at($n)->is(')');
		} while ($depth > 0 && isset($this->tokens[++$n]));
		$type = '';
		if ($this->at(++$n)->is(':')) {
			while (! $this->at(++$n)->is(['{', ';', T_WHITESPACE])) {
				$type .= $this->at($n)->text;
			}
		}

		return $type;
	}

	/** @return list<Parameter> */
	private function parameters(int $n): array
	{
		$parameters = [];
		$depth = 0;
		do {
			$token = $this->at($n);
			$depth += (int) $token->is(['(', '[', '{', T_ATTRIBUTE]) - (int) $token->is([')', ']', '}']);
			if ($token->is(T_VARIABLE) && $depth === 1) {
				$parameters[] = new Parameter(
					substr($token->text, 1),
					$this->at($n + 1)->is('=') || $this->at($n - 1)->is(T_ELLIPSIS),
					$this->at($n - 1)->text === '&'
					|| $this->at($n - 1)->is(T_ELLIPSIS) && $this->at($n - 2)->text === '&',
					$this->typeBefore($n),
				);
			}
		} while ($depth > 0 && isset($this->tokens[++$n]));

		return $parameters;
	}

	/** Notes what a hook is given by a call whose second argument is here, if that was made in the same file. */
	private function given(string $hook, int $n): void
	{
		$variable = $this->at($n)->is(T_VARIABLE) && $this->at($n + 1)->is(')') ? $this->at($n)->text : '';
		while ($variable !== '' && --$n > 0) {
			if ($this->at($n)->text === $variable && $this->at($n + 1)->is('=')) {
				$value = $this->at($n + 2);
				if ($value->is([T_OBJECT_CAST, T_NEW])) {
					$this->given[$hook][] = null;
				} elseif ($value->is(['[', T_ARRAY])) {
					$this->given[$hook][] = $this->keys($value->is('[') ? $n + 2 : $n + 3);
				}
				return;
			}
		}
	}

	/** @return list<string> The keys of an array that begins here. */
	private function keys(int $n): array
	{
		$keys = [];
		$depth = 0;
		do {
			$token = $this->at($n);
			$depth += (int) $token->is(['(', '[', '{']) - (int) $token->is([')', ']', '}']);
			if ($depth === 1 && $token->is(T_CONSTANT_ENCAPSED_STRING) && $this->at($n + 1)->is(T_DOUBLE_ARROW)) {
				$keys[] = substr($token->text, 1, -1);
			}
		} while ($depth > 0 && isset($this->tokens[++$n]));

		return $keys;
	}

	/** Returns the type of the parameter that is here. */
	private function typeBefore(int $n): string
	{
		$n -= $this->at($n - 1)->is(T_ELLIPSIS) ? 2 : 1;
		$n -= $this->at($n)->text === '&' ? 1 : 0;
		for ($type = ''; $this->at($n)->is([...self::NAMES, T_ARRAY, T_CALLABLE, T_STATIC, '|', '?']); $n--) {
			$type = $this->at($n)->text . $type;
		}

		return $type;
	}

	/** Reads what follows `use function`. */
	private function import(int $n): void
	{
		for ($last = ''; ! $this->at($n)->is([';', T_WHITESPACE]); $n++) {
			if ($this->at($n)->is(self::NAMES)) {
				$last = strtolower(substr((string) strrchr('\\' . $this->at($n)->text, '\\'), 1));
			}
			if ($last !== '' && $this->at($n + 1)->is([',', '}', ';'])) {
				$this->imported[$last] = $this->at($n)->line;
			}
		}
	}

	private function name(int $n): void
	{
		$token = $this->tokens[$n];
		if (
			! $this->at($n + 1)->is('(')
			|| $this->at($n - 1)->is([
				T_OBJECT_OPERATOR,
				T_NULLSAFE_OBJECT_OPERATOR,
				T_DOUBLE_COLON,
				T_FUNCTION,
				T_NEW,
			])
			|| $this->at($n - 1)->text === '&'
			&& $this->at($n - 2)->is(T_FUNCTION)
		) {
			if ($this->at($n - 1)->is(T_CONST) && $this->at($n + 1)->is('=') && $this->class === '') {
				$this->declared["const $token->text"] = new Declared($this->place($token));
			}
			return;
		}
		$parts = explode('\\', $token->text);
		$name = strtolower(array_pop($parts));
		// Of two in one line the one that is written otherwise counts.
		$this->calls[$name][$token->line] = ($parts ? implode('\\', $parts) . '\\' : '')
		?: $this->calls[$name][$token->line] ?? '';
		$first = $this->at($n + 2);
		if ($first->is(T_CONSTANT_ENCAPSED_STRING) && $this->at($n + 3)->is([',', ')'])) {
			$text = substr($first->text, 1, -1);
			if ($name === 'call_hooks') {
				$this->hooks[$text] ??= $token->line;
				$this->given($text, $n + 4);
			} elseif ($name === 'define') {
				$this->declared["const $text"] ??= new Declared($this->place($token));
			}
		}
	}
}
