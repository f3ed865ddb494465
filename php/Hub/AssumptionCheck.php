<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Checks the table of assumptions, one by one: on the running hub, or in the files of a hub that does not run.
 */
final class AssumptionCheck
{
	/** The running hub: what it declares is asked of PHP, its columns of the database. */
	public const LIVE = 'live';
	/** The whole tree of a hub. */
	public const TREE = 'tree';
	/** Some files of one; what is in others is passed over. */
	public const FILES = 'files';

	/** @var array<string, ?CoreFile> */
	private array $files = [];
	/**
	 * @var list<array{kind: string, name: string, parts: list<string>, ok: ?bool, found: string, where: string}>
	 */
	private array $findings = [];

	private function __construct(private readonly string $root, private readonly string $mode) {}

	/**
	 * Returns a finding for each assumption, in the order of the table.
	 *
	 * @return list<array{kind: string, name: string, parts: list<string>, ok: ?bool, found: string, where: string}>
	 *     `ok` null: it differs, and we can do with it. `found` says what was found instead, `where` is file and line.
	 */
	public static function run(string $root = '.', string $mode = self::LIVE): array
	{
		$check = new self($root, $mode);
		$check->platform();
		$check->functions();
		$check->methods();
		$check->classes();
		$check->ours();
		$check->constants();
		$check->hooks();
		$check->calls();
		$check->overrides();
		$check->texts();
		$check->tables();

		return $check->findings;
	}

	/** @return list<string> The files of core that are looked at. What is found changes only with one of them. */
	public static function files(): array
	{
		$files = array_keys(Assumptions::CALLS);
		foreach ([
			...Assumptions::FUNCTIONS,
			...Assumptions::CONSTANTS,
			...Assumptions::ENDPOINTS,
			...Assumptions::NAMED,
		] as $one) {
			$files[] = $one[0];
		}
		foreach (array_keys(Assumptions::CLASSES) as $class) {
			$files[] = self::fileOf($class);
		}
		foreach (Assumptions::HOOKS as [$paths]) {
			array_push($files, ...$paths);
		}
		sort($files);

		return array_values(array_unique($files));
	}

	private static function fileOf(string $class): string
	{
		return Assumptions::CLASSES[$class][1] ?? strtr($class, '\\', '/') . '.php';
	}

	private function file(string $path): ?CoreFile
	{
		return array_key_exists($path, $this->files)
			? $this->files[$path]
			: ($this->files[$path] = CoreFile::read($this->root, $path));
	}

	/** Tells whether the file of an assumption is one of those that we were not given. */
	private function isPassedOver(string $path): bool
	{
		return $this->mode === self::FILES && ! is_file("$this->root/$path");
	}

	private function note(string $kind, string $name, string $parts, ?bool $ok, string $found, string $where): void
	{
		$ok = $ok === false && $parts === '' ? null : $ok;
		$this->findings[] = [
			'kind' => $kind,
			'name' => $name,
			'parts' => Assumptions::parts($parts),
			'ok' => $ok,
			'found' => $ok ? '' : $found,
			'where' => $where,
		];
	}

	private function platform(): void
	{
		if ($this->mode === self::LIVE) {
			$isNew = version_compare(PHP_VERSION, Assumptions::LEAST_PHP, '>=');
			$this->note('php', Assumptions::LEAST_PHP, 'every', $isNew, PHP_VERSION, '');
			foreach (Assumptions::EXTENSIONS as $name => $parts) {
				$this->note('extension', $name, $parts, extension_loaded($name), t('PHP lacks it'), '');
			}
			foreach (Assumptions::PHP_FUNCTIONS as $name => $parts) {
				$isThere = ! in_array($name, Runtime::missingFunctions(), true);
				$this->note('php', "$name()", $parts, $isThere, t('PHP lacks it'), '');
			}
		}
	}

	private function functions(): void
	{
		foreach (Assumptions::FUNCTIONS as $name => $one) {
			[$path, $known, $parts] = $one;
			if (! $this->isPassedOver($path)) {
				$words = explode(' ', $one[3] ?? '');
				$this->takes(
					'function',
					$name,
					$path,
					(array) $known,
					$parts,
					$words,
					$this->theFunction($name, $path),
				);
			}
		}
	}

	private function methods(): void
	{
		foreach (Assumptions::METHODS as $name => $one) {
			[$known, $parts] = $one;
			$path = self::fileOf(explode('::', $name)[0]);
			if ($this->isPassedOver($path)) {
				continue;
			}
			$words = explode(' ', $one[2] ?? '');
			$declared = $this->theMethod($name, $path);
			if ($declared && $declared->is('static') === in_array('object', $words, true)) {
				$found = $declared->is('static') ? t('it is static') : t('it is not static');
				$this->note('method', $name, $parts, false, $found, $declared->where);
				continue;
			}
			$this->takes('method', $name, $path, [$known], $parts, $words, $declared);
		}
	}

	private function theFunction(string $name, string $path): ?Declared
	{
		if ($this->mode !== self::LIVE) {
			return $this->file($path)?->function($name);
		}
		if (is_file("$this->root/$path") && str_starts_with($path, 'include/')) {
			require_once "$this->root/$path";
		}

		$one = function_exists("\\$name") ? new \ReflectionFunction("\\$name") : null;

		return $one && ! str_starts_with((string) $one->getFileName(), dirname(__DIR__) . '/')
			? $this->reflected($one)
			: null;
	}

	private function theMethod(string $name, string $path): ?Declared
	{
		[$class, $method] = explode('::', $name);
		if ($this->mode !== self::LIVE) {
			return $this->file($path)?->function($name);
		}

		return (class_exists($class) || interface_exists($class)) && method_exists($class, $method)
			? $this->reflected(new \ReflectionMethod($class, $method))
			: null;
	}

	private function reflected(\ReflectionFunctionAbstract $one): Declared
	{
		return new Declared(
			$this->place($one->getFileName(), $one->getStartLine()),
			$one instanceof \ReflectionMethod ? \Reflection::getModifierNames($one->getModifiers()) : [],
			Shape::of($one),
			(string) $one->getReturnType(),
		);
	}

	private function place(string|false $path, int|false $line): string
	{
		return Declared::placeOf((string) $path, (int) $line, $this->root);
	}

	/**
	 * @param list<string> $known
	 * @param list<string> $words
	 */
	private function takes(
		string $kind,
		string $name,
		string $path,
		array $known,
		string $parts,
		array $words,
		?Declared $declared,
	): void {
		if (! $declared) {
			$this->note($kind, $name, $parts, $this->mayLack($words, $path), t('it is not there'), $path);
			return;
		}
		$found = self::closed($declared, in_array('overridden', $words, true)) ?? self::returning(
				$declared,
				Assumptions::VALUES[$name] ?? 'any',
			);
		if ($found !== null) {
			$this->note($kind, $name, $parts, false, $found, $declared->where);
			return;
		}
		$ok = Shape::fits($known, $declared->parameters, $words);
		$shown = array_map(fn ($one) => $one->text(), $declared->parameters);
		$found = sprintf(t('it takes (%1$s), not (%2$s)'), implode(', ', $shown), implode(') or (', $known));
		$this->note($kind, $name, $parts, $ok, $found, $declared->where);
	}

	/** @param list<string> $words */
	private function mayLack(array $words, string $path): bool
	{
		foreach ($words as $word) {
			if ($word === 'absent' || str_starts_with($word, 'absent:') && $this->isOlder(substr($word, 7), $path)) {
				return true;
			}
		}

		return false;
	}

	/** Tells whether a hub has what hubs had before a function, and none of the functions that came with it. */
	private function isOlder(string $former, string $path): bool
	{
		if (! $this->theFunction($former, $path)) {
			return false;
		}
		foreach (Assumptions::FUNCTIONS as $name => $one) {
			if (in_array("absent:$former", explode(' ', $one[3] ?? ''), true) && $this->theFunction($name, $path)) {
				return false;
			}
		}
		$caller = array_key_first(array_filter(
			Assumptions::CALLS,
			fn ($called) => str_contains(implode(' ', $called), '?'),
		));

		$file = $caller === null ? null : $this->file($caller);

		return ! $file || $file->calls($former) !== [];
	}

	/** Returns why we cannot use what a function returns; null if we can. */
	private static function returning(Declared $declared, string $kind): ?string
	{
		return Types::give($declared->returns, $kind) ? null : sprintf(t('it returns %s'), $declared->returns);
	}

	/** Returns why we cannot call a function, or not override a method, whatever it takes; null if we can. */
	private static function closed(Declared $declared, bool $isOverridden): ?string
	{
		return match (true) {
			! $declared->isPublic() => t('it is not there for us'),
			$isOverridden && $declared->is('final') => t('it is final'),
			$isOverridden && $declared->returns !== '' => sprintf(t('it returns %s'), $declared->returns),
			default => null,
		};
	}

	/** Looks whether core has something of the name of ours in a class that we extend, or leaves more to be done. */
	private function ours(): void
	{
		foreach (Assumptions::OURS as $class => [$names, $parts, $made]) {
			$path = self::fileOf($class);
			if ($this->isPassedOver($path)) {
				continue;
			}
			foreach (explode(' ', $names) as $name) {
				$declared = $name[0] === '$'
					? $this->theProperty("$class::$name", $path)
					: $this->theMethod("$class::$name", $path);
				$isFree = ! $declared || $declared->is('private') && ! $declared->is('final');
				$this->note('name', "$class::$name", $parts, $isFree, t('it is there'), $declared->where ?? $path);
			}
			$more = array_diff($this->abstracts($class, $path), explode(' ', strtolower($made)));
			$this->note(
				'class',
				"$class::*",
				$parts,
				$more === [],
				sprintf(t('it leaves %s to others'), implode(', ', $more)),
				$path,
			);
		}
	}

	/** @return list<string> The abstract methods of a class, in lower case. */
	private function abstracts(string $class, string $path): array
	{
		if ($this->mode !== self::LIVE) {
			return $this->file($path)?->abstracts($class) ?? [];
		}

		return (
			class_exists($class)
				? array_map(
					fn ($method) => strtolower($method->getName()),
					(new \ReflectionClass($class))->getMethods(\ReflectionMethod::IS_ABSTRACT),
				)
				: []
		);
	}

	private function classes(): void
	{
		foreach (Assumptions::CLASSES as $class => $one) {
			$path = self::fileOf($class);
			if ($this->isPassedOver($path)) {
				continue;
			}
			$declared = $this->theClass($class, $path);
			$mayBeFinal = ! in_array($class, Assumptions::EXTENDED, true);
			$this->note(
				'class',
				$class,
				$one[0],
				$declared && ($mayBeFinal || ! $declared->is('final')),
				$declared ? t('it is final') : t('it is not there'),
				$declared->where ?? $path,
			);
		}
		foreach (Assumptions::PROPERTIES as $name => $parts) {
			$path = self::fileOf(explode('::', $name)[0]);
			if (! $this->isPassedOver($path)) {
				$declared = $this->theProperty($name, $path);
				$isOurs = $declared && $declared->is('static') && $declared->isPublic();
				$this->note('property', $name, $parts, $isOurs, t('it is not there for us'), $declared->where ?? $path);
			}
		}
	}

	private function theClass(string $class, string $path): ?Declared
	{
		if ($this->mode !== self::LIVE) {
			return $this->file($path)?->declared($class);
		}
		if (! class_exists($class) && ! interface_exists($class)) {
			return null;
		}
		$one = new \ReflectionClass($class);

		return new Declared($this->place($one->getFileName(), $one->getStartLine()), $one->isFinal() ? ['final'] : []);
	}

	private function theProperty(string $name, string $path): ?Declared
	{
		$declared = $this->file($path)?->declared($name);
		if ($this->mode !== self::LIVE) {
			return $declared;
		}
		[$class, $property] = explode('::$', $name);
		if (! class_exists($class) || ! property_exists($class, $property)) {
			return null;
		}
		$one = new \ReflectionProperty($class, $property);

		return new Declared($declared->where ?? $path, \Reflection::getModifierNames($one->getModifiers()));
	}

	private function constants(): void
	{
		foreach (Assumptions::CONSTANTS as $name => [$path, $parts]) {
			if (! $this->isPassedOver($path)) {
				$declared = $this->file($path)?->declared($name);
				$isThere = $this->mode === self::LIVE ? defined($name) : $declared !== null;
				$this->note('constant', $name, $parts, $isThere, t('it is not there'), $declared->where ?? $path);
			}
		}
	}

	private function hooks(): void
	{
		foreach (Assumptions::HOOKS as $name => [$paths, $parts]) {
			$given = array_filter($paths, fn ($path) => ! $this->isPassedOver($path));
			$where = '';
			foreach ($given as $path) {
				$line = $this->file($path)?->hook($name);
				$where = $where === '' && $line ? "$path:$line" : $where;
			}
			$where = $where === '' && $this->mode !== self::FILES ? $this->elsewhere($name) : $where;
			// Some of several files are not enough to say that none of them calls it.
			if ($where !== '' || count($given) === count($paths)) {
				$problem = $where === '' ? t('nothing calls it there') : $this->misgiven($name, $where);
				$this->note('hook', $name, $parts, $problem === '', $problem, $where ?: $paths[0]);
			}
		}
	}

	/** Returns what a hook is given that is not the array that we know, empty if it may be. */
	private function misgiven(string $hook, string $where): string
	{
		foreach ($this->file((string) strtok($where, ':'))?->givenTo($hook) ?? [] as $keys) {
			$missing = array_diff(array_filter(explode(' ', Assumptions::GIVEN[$hook] ?? '')), $keys ?? []);
			if ($missing) {
				return $keys === null
					? t('it is given something that is not an array')
					: sprintf(t('it is given no %s'), implode(', ', $missing));
			}
		}

		return '';
	}

	/** Searches all of core for a call of a hook; returns file and line, empty if nothing calls it. */
	private function elsewhere(string $hook): string
	{
		$paths = array_map(basename(...), glob("$this->root/*.php") ?: []);
		foreach (['include', 'Zotlabs'] as $folder) {
			foreach (is_dir("$this->root/$folder")
				? new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(
					"$this->root/$folder",
					\FilesystemIterator::SKIP_DOTS,
				))
				: [] as $path => $file) {
				$paths[] = substr($path, strlen($this->root) + 1);
			}
		}
		foreach ($paths as $path) {
			if (
				str_ends_with($path, '.php')
				&& preg_match("/['\"]{$hook}['\"]/", (string) @file_get_contents("$this->root/$path"))
			) {
				$line = $this->file($path)?->hook($hook);
				if ($line !== null) {
					return "$path:$line";
				}
			}
		}

		return '';
	}

	private function calls(): void
	{
		foreach (Assumptions::CALLS as $path => $called) {
			if ($this->isPassedOver($path)) {
				continue;
			}
			foreach ($called as $parts => $names) {
				foreach (explode(' ', $names) as $name) {
					$this->call($path, rtrim($name, '?'), $parts, str_ends_with($name, '?'));
				}
			}
		}
	}

	private function call(string $path, string $name, string $parts, bool $mayLack): void
	{
		$file = $this->file($path);
		$namespace = strtr(dirname($path), '/', '\\');
		$calls = $file?->calls($name) ?? [];
		$wrong = array_filter($calls, fn ($how) => $how !== '' && $how !== 'namespace\\');
		$imported = $file?->imports($name);
		[$found, $line] = match (true) {
			! $file => [t('the file is not there'), null],
			$wrong !== [] => [sprintf(t('the call is written %s'), reset($wrong) . $name), array_key_first($wrong)],
			$imported !== null => [t('the file imports a function of that name'), $imported],
			strcasecmp($file->namespace, $namespace) !== 0 => [
				sprintf(t('the namespace of the file is %s'), $file->namespace ?: '\\'),
				null,
			],
			! $calls && ! ($mayLack && $this->isAbsent($name)) => [t('nothing calls it there'), null],
			default => ['', array_key_first($calls)],
		};
		$this->note('call', "$namespace\\$name", $parts, $found === '', $found, $path . ($line ? ":$line" : ''));
	}

	/** Tells whether a hub may be one without a function; of some files of one that may not be known. */
	private function isAbsent(string $function): bool
	{
		$one = Assumptions::FUNCTIONS[$function];

		return (
			$this->isPassedOver($one[0])
			|| ! $this->theFunction($function, $one[0]) && $this->mayLack(explode(' ', $one[3] ?? ''), $one[0])
		);
	}

	/** Looks whether those functions of ours get the calls: another addon may have been first. */
	private function overrides(): void
	{
		foreach ($this->mode === self::LIVE ? Overrides::takers() : [] as $name => $where) {
			$this->note(
				'override',
				$name,
				Assumptions::partsOfOverride($name),
				$where === '',
				t('something else takes these calls'),
				$where,
			);
		}
	}

	private function texts(): void
	{
		foreach (['endpoint' => Assumptions::ENDPOINTS, 'name' => Assumptions::NAMED] as $kind => $all) {
			foreach ($all as $text => [$path, $parts]) {
				if (! $this->isPassedOver($path)) {
					$line = $this->file($path)?->text($text);
					$this->note(
						$kind,
						$text,
						$parts,
						$line !== null,
						t('it is not there'),
						$path . ($line ? ":$line" : ''),
					);
				}
			}
		}
	}

	private function tables(): void
	{
		if ($this->mode === self::LIVE && Ground::lacks() !== []) {
			$this->note('column', '*', '', false, t('the database cannot be asked'), '');
			return;
		}
		if ($this->mode === self::LIVE) {
			foreach (array_keys(Assumptions::TABLES) as $table) {
				$this->table($table, Columns::of($table), Database::isPostgres(), '');
			}
		}
		foreach ($this->mode === self::LIVE ? [] : ['mysql', 'postgres'] as $database) {
			$path = "install/schema_$database.sql";
			$sql = (string) @file_get_contents("$this->root/$path");
			foreach ($this->isPassedOver($path) ? [] : array_keys(Assumptions::TABLES) as $table) {
				$isPostgres = $database === 'postgres';
				$this->table($table, Columns::ofSchema($sql, $table, $isPostgres), $isPostgres, $path);
			}
		}
	}

	/** @param array<string, ?int> $columns */
	private function table(string $table, array $columns, bool $isPostgres, string $where): void
	{
		$entry = Assumptions::TABLES[$table];
		[$list, $parts] = $entry;
		$writers = $entry[2] ?? $parts;
		$found = [];
		preg_match_all('~(\w+)(?::(written|\d+)(?:/(\d+))?)?~', $list, $found, PREG_SET_ORDER);
		foreach ($found as $one) {
			$name = $one[1];
			$least = (int) ($isPostgres ? $one[3] ?? $one[2] ?? 0 : $one[2] ?? 0);
			$isWritten = ($one[2] ?? '') === 'written';
			$isThere = array_key_exists($name, $columns);
			$size = $columns[$name] ?? null;
			$this->note(
				'column',
				"$table.$name",
				$isWritten || $isThere && $size !== null && $size < $least ? $writers : $parts,
				$isThere && ($size === null || $size >= $least),
				$isThere
					? sprintf(t('it holds %1$d characters, %2$d are needed'), $size, $least)
					: t('it is not there'),
				$where,
			);
		}
	}
}
