<?php

namespace Rooms;

/** What one PHP file declares and names, as its tokens tell: names are resolved as PHP does it. */
final class Source
{
	/** @var array<string, true> Classes that it names, without leading backslash. */
	public array $classes = [];
	/** @var array<string, true> What it names of classes: `Class::member`, `Class::$property`. */
	public array $members = [];
	/** @var array<string, string> Functions that it calls: as PHP resolves them first => where PHP looks next. */
	public array $functions = [];
	/** @var array<string, string> Constants that it reads, likewise. */
	public array $constants = [];
	/** @var array<string, true> Static properties, static variables and what `global` brings. */
	public array $statics = [];
	/** @var array<string, true> Words of the language that reach beyond the file. */
	public array $words = [];
	/** @var list<string> Its texts. */
	public array $texts = [];

	/** @var array<string, string> Classes that it imports, by the name that they have here. */
	private array $imported = [];
	/** @var array<string, true> First parts of the class names that it uses. */
	private array $called = [];
	private string $namespace = '';
	private array $aliases = ['class' => [], 'function' => [], 'const' => []];
	/** @var list<\PhpToken> Without white space and comments. */
	private array $tokens;
	/** @var array<int, true> Where a name is a type. */
	private array $types = [];
	/** @var list<string> What is open: texts with variables in them, and braces. */
	private array $open = [];

	private const NAMES = [T_STRING, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED, T_NAME_RELATIVE];
	private const OWN = [
		'self',
		'static',
		'parent',
		'true',
		'false',
		'null',
		'int',
		'string',
		'bool',
		'float',
		'array',
		'void',
		'never',
		'mixed',
		'object',
		'callable',
		'iterable',
	];
	private const SUPERGLOBALS = [
		'$GLOBALS',
		'$_SERVER',
		'$_GET',
		'$_POST',
		'$_FILES',
		'$_COOKIE',
		'$_SESSION',
		'$_REQUEST',
		'$_ENV',
	];
	private const BEYOND = [
		T_ECHO,
		T_PRINT,
		T_INCLUDE,
		T_INCLUDE_ONCE,
		T_REQUIRE,
		T_REQUIRE_ONCE,
		T_EVAL,
		T_INLINE_HTML,
	];

	public function __construct(string $code)
	{
		$this->tokens = array_values(array_filter(\PhpToken::tokenize($code), fn ($token) => ! $token->isIgnorable()));
		$this->markTypes();
		for ($n = 0; $n < count($this->tokens); $n++) {
			$n = $this->read($n);
		}
	}

	/** Reads what begins at a token; returns where it ends. */
	private function read(int $n): int
	{
		$token = $this->tokens[$n];
		$this->openOrClose($token);
		if ($token->is(T_NAMESPACE)) {
			$isNamed = $this->tokens[$n + 1]->is([T_STRING, T_NAME_QUALIFIED]);
			$this->namespace = $isNamed ? $this->tokens[$n + 1]->text : '';
			$this->aliases = ['class' => [], 'function' => [], 'const' => []];

			return $n + (int) $isNamed;
		}
		if ($token->is(T_USE) && ! $this->at($n - 1)->is(')') && ! $this->isInClass($n)) {
			return $this->import($n + 1);
		}
		if ($token->is(T_STATIC) && $this->isStaticState($n) || $token->is(T_GLOBAL)) {
			for ($n++; ! $this->at($n)->is([T_VARIABLE, ';']); $n++);
			$this->statics[$this->at($n)->text] = true;

			return $n;
		}
		if ($token->is(T_VARIABLE) && in_array($token->text, self::SUPERGLOBALS, true)) {
			$this->words[$token->text] = true;
		} elseif ($token->is(self::BEYOND) && ! $this->at($n - 1)->is([T_FUNCTION, T_DOUBLE_COLON])) {
			$this->words[$token->text] = true;
		} elseif ($token->is([T_CONSTANT_ENCAPSED_STRING, T_ENCAPSED_AND_WHITESPACE])) {
			$this->texts[] = $token->text;
		} elseif ($token->is(self::NAMES) && ! in_array(end($this->open), ['"', 'heredoc'], true)) {
			$this->name($n);
		}

		return $n;
	}

	/** Tracks whether a name is inside a text: in "$row[key]" it is not a constant. */
	private function openOrClose(\PhpToken $token): void
	{
		if (
			$token->is([T_START_HEREDOC, '{', T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES])
			|| $token->is('"')
			&& end($this->open) !== '"'
		) {
			$this->open[] = $token->is('"') ? '"' : ($token->is(T_START_HEREDOC) ? 'heredoc' : '{');
		} elseif ($token->is([T_END_HEREDOC, '}', '"'])) {
			array_pop($this->open);
		}
	}

	private function at(int $n): \PhpToken
	{
		return $this->tokens[$n] ?? new \PhpToken(T_WHITESPACE, ' ');
	}

	private function name(int $n): void
	{
		$text = $this->tokens[$n]->text;
		$before = $this->at($n - 1);
		$after = $this->at($n + 1);
		$isPlain = $this->tokens[$n]->is(T_STRING);
		if (
			$before->is([
				T_OBJECT_OPERATOR,
				T_NULLSAFE_OBJECT_OPERATOR,
				T_DOUBLE_COLON,
				T_FUNCTION,
				T_CONST,
				T_CLASS,
				T_INTERFACE,
				T_TRAIT,
				T_ENUM,
				T_GOTO,
			])
			|| $before->is('&')
			&& $this->at($n - 2)->is(T_FUNCTION)
			|| $before->is(T_CASE)
			&& $after->is([';', '='])
			|| $isPlain
			&& in_array(strtolower($text), self::OWN, true)
		) {
			return;
		}
		if (
			isset($this->types[$n])
			|| $after->is(T_DOUBLE_COLON)
			|| $before->is([T_NEW, T_INSTANCEOF, T_EXTENDS, T_IMPLEMENTS, T_INSTEADOF, T_ATTRIBUTE])
			|| $this->isListed($n)
		) {
			$class = $this->resolve($text, 'class');
			$this->classes[$class] = true;
			$after->is(T_DOUBLE_COLON) && ($this->members["$class::{$this->at($n + 2)->text}"] = true);
			$this->called[strtolower(explode('\\', $text)[0])] = true;
		} elseif ($after->is('(')) {
			$this->functions[$this->resolve($text, 'function')] = $isPlain ? $text : ltrim($text, '\\');
		} elseif (! ($isPlain && $after->is(':') && $before->is(['(', ',']))) {
			$this->constants[$this->resolve($text, 'const')] = $isPlain ? $text : ltrim($text, '\\');
		}
	}

	/** Says whether a name is one of several after `implements`, `extends`, or `use` in a class. */
	private function isListed(int $n): bool
	{
		for ($n--; $this->at($n)->is([',', ...self::NAMES]); $n--);

		return $this->at($n)->is([T_IMPLEMENTS, T_EXTENDS]) || $this->at($n)->is(T_USE) && $this->isInClass($n);
	}

	/** Tells whether a `use` imports a trait: it is inside braces other than a namespace's. */
	private function isInClass(int $n): bool
	{
		$depth = 0;
		for ($n--; $n >= 0; $n--) {
			$depth +=
				(int) $this->at($n)->is('}') - (int) $this->at($n)->is(['{', T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES]);
			if ($depth < 0) {
				for ($n--; $n >= 0 && ! $this->at($n)->is([';', '{', '}']); $n--) {
					if ($this->at($n)->is(T_NAMESPACE)) {
						return false;
					}
				}

				return true;
			}
		}

		return false;
	}

	/** `static` of a property or a variable; not of a method, a closure, a call or a type. */
	private function isStaticState(int $n): bool
	{
		for ($n++; $this->at($n)->is([...self::NAMES, '?', '|', T_ARRAY, T_PUBLIC, T_PROTECTED, T_PRIVATE]); $n++);

		return $this->at($n)->is(T_VARIABLE);
	}

	private function resolve(string $name, string $kind): string
	{
		if ($name[0] === '\\') {
			return substr($name, 1);
		}
		if (str_starts_with(strtolower($name), 'namespace\\')) {
			return ltrim($this->namespace . '\\' . substr($name, 10), '\\');
		}
		[$first, $rest] = explode('\\', $name, 2) + [1 => null];
		$key = $kind === 'const' && $rest === null ? $first : strtolower($first);
		$alias = $this->aliases[$rest === null ? $kind : 'class'][$key] ?? null;
		if ($alias !== null) {
			return $alias . ($rest === null ? '' : "\\$rest");
		}

		return ltrim("$this->namespace\\$name", '\\');
	}

	/** @return list<string> Classes that it imports, and names nowhere else. */
	public function unusedImports(): array
	{
		return array_values(array_diff_key($this->imported, $this->called));
	}

	/** Reads a `use` of a file; returns where it ends. */
	private function import(int $n): int
	{
		$kind = match (true) {
			$this->at($n)->is(T_FUNCTION) => 'function',
			$this->at($n)->is(T_CONST) => 'const',
			default => 'class',
		};
		$group = $name = '';
		$alias = null;
		for (;; $n++) {
			$token = $this->at($n);
			if ($token->is(self::NAMES)) {
				$this->at($n - 1)->is(T_AS) ? ($alias = $token->text) : ($name = $group . ltrim($token->text, '\\'));
			} elseif ($token->is('{')) {
				$group = "$name\\";
				$name = '';
			} elseif ($token->is([',', '}', ';']) && $name !== '') {
				$alias ??= substr((string) strrchr("\\$name", '\\'), 1);
				$this->aliases[$kind][$kind === 'const' ? $alias : strtolower($alias)] = $name;
				if ($kind === 'class') {
					$this->imported[strtolower($alias)] = $name;
					$this->classes[$name] = true;
				}
				$name = '';
				$alias = null;
			}
			if ($token->is([';', T_WHITESPACE])) {
				return $n;
			}
		}
	}

	/** Marks the names that are types: of parameters, results, properties and in `catch`. */
	private function markTypes(): void
	{
		foreach ($this->tokens as $n => $token) {
			if ($token->is([T_FUNCTION, T_FN]) && ! $this->at($n - 1)->is(T_USE)) {
				for ($open = $n + 1; ! $this->at($open)->is('('); $open++) {
					if ($this->at($open)->is([';', T_WHITESPACE])) {
						continue 2;
					}
				}
				$end = $this->parameters($open);
				if ($this->at($end + 1)->is(T_USE)) {
					for ($end++; ! $this->at($end)->is(')'); $end++);
				}
				if ($this->at($end + 1)->is(':')) {
					$this->mark($end + 2);
				}
			} elseif ($token->is(T_CATCH)) {
				$this->mark($n + 2);
			} elseif ($token->is([T_PUBLIC, T_PROTECTED, T_PRIVATE, T_READONLY, T_VAR, T_STATIC])) {
				$this->mark($n + 1, T_VARIABLE);
			}
		}
	}

	/** Marks the types of parameters; returns where the bracket closes. */
	private function parameters(int $open): int
	{
		$isType = true;
		for ($n = $open + 1, $depth = 1; $depth > 0; $n++) {
			$depth += (int) $this->at($n)->is(['(', '[', T_ATTRIBUTE]) - (int) $this->at($n)->is([')', ']']);
			if ($depth === 1 && $this->at($n)->is([',', T_VARIABLE])) {
				$isType = $this->at($n)->is(',');
			} elseif ($depth === 1 && $isType && $this->at($n)->is(self::NAMES)) {
				$this->types[$n] = true;
			}
		}

		return $n - 1;
	}

	/** Marks a type that begins here, if it ends with the token named. */
	private function mark(int $n, ?int $end = null): void
	{
		for (
			$names = [];
			$this->at($n)->is([
				...self::NAMES,
				'?',
				'|',
				T_AMPERSAND_NOT_FOLLOWED_BY_VAR_OR_VARARG,
				T_ARRAY,
				T_STATIC,
				T_READONLY,
				T_CALLABLE,
			]);
			$n++
		) {
			if ($this->at($n)->is(self::NAMES)) {
				$names[$n] = true;
			}
		}
		if ($end === null || $this->at($n)->is($end)) {
			$this->types += $names;
		}
	}
}
