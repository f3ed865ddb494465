<?php

namespace Rooms;

/** The files of php/, the rooms in which they lie, and what they import. */
final class House
{
	public const ROOT = '(root)';

	/** @var array<string, Source> By path beneath php/. */
	public array $files = [];
	/** @var list<array{0: string, 1: string}> Which file names a class of which. */
	public array $imports = [];
	/** @var array<string, list<string>> Room to the rooms that it may import, from the ground up. */
	private array $allowed = [];
	/** @var array<string, true> */
	private array $pure = [];
	/** @var array<string, true> Rooms whose files may use what the hub declares. */
	private array $atHub = [self::ROOT => true];
	/** @var array<string, true> Rooms whose files may write SQL. */
	private array $ofSql = [];
	/** @var array<string, true> Functions of the hub that any file may call. */
	private array $everywhere = [];
	/** @var array<string, string> As long as files lie flat: file to the room where it belongs. */
	private array $flat = [];

	/** What a pure function may call: nothing that answers otherwise at another time or place. */
	private const PURE =
		'/^(array_\w+|ctype_\w+|mb_\w+|json_(en|de)code|preg_(?!last)\w+|str_?(?!ftime|totime|eam)\w+|substr\w*|[klru]{0,2}sort|n?sort|count|max|min|abs|floor|ceil|round|intdiv'
			. '|in_array|key|current|end|range|compact|implode|explode|hash|crc32|md5|sha1|sprintf|l?r?trim|ucfirst|lcfirst|bin2hex|hex2bin|base64_\w+|pack|unpack|iterator_\w+'
			. '|is_(array|bool|callable|countable|float|int|iterable|null|numeric|object|scalar|string)|(int|str|float|bool)val|class_exists)$/';
	/** Functions of PHP that its command line lacks. */
	private const OF_FPM = ['fastcgi_finish_request', 'apache_request_headers', 'getallheaders'];
	/** Extensions that a hub needs: without them their functions would be taken for the hub's. */
	private const EXTENSIONS = [
		'ctype',
		'curl',
		'hash',
		'json',
		'mbstring',
		'openssl',
		'pcre',
		'posix',
		'SPL',
		'standard',
		'tokenizer',
	];

	public function __construct(string $php, string $tables)
	{
		foreach (self::EXTENSIONS as $extension) {
			extension_loaded($extension) || throw new \RuntimeException("this PHP lacks the extension $extension");
		}
		$this->readTables($tables);
		foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(
			$php,
			\FilesystemIterator::SKIP_DOTS,
		)) as $path => $one) {
			$name = substr($path, strlen($php) + 1);
			if (str_ends_with($name, '.php') && ! str_starts_with($name, 'lang/')) {
				$this->files[$name] = new Source(file_get_contents($path));
			}
		}
		ksort($this->files);
		foreach ($this->files as $name => $source) {
			foreach (array_keys($source->classes) as $class) {
				$other = self::fileOf($class);
				if ($other !== null && $other !== $name && isset($this->files[$other])) {
					$this->imports[] = [$name, $other];
				}
			}
		}
	}

	/** Returns the file of a class of ours, null of another's. */
	private static function fileOf(string $class): ?string
	{
		return str_starts_with($class, 'FileSync\\Addon\\')
			? strtr(substr($class, strlen('FileSync\\Addon\\')), '\\', '/') . '.php'
			: null;
	}

	private function readTables(string $folder): void
	{
		foreach (self::lines("$folder/allowed") as $line) {
			[$room, $rest] = preg_split('/\s+/', $line, 2) + [1 => ''];
			$words = preg_split('/\s+/', $rest, -1, PREG_SPLIT_NO_EMPTY);
			if ($room === 'everywhere') {
				$this->everywhere += array_fill_keys($words, true);
				continue;
			}
			$this->allowed[$room] = array_values(array_diff($words, ['-', '(pure)', '(hub)', '(sql)']));
			in_array('(pure)', $words, true) && ($this->pure[$room] = true);
			in_array('(hub)', $words, true) && ($this->atHub[$room] = true);
			in_array('(sql)', $words, true) && ($this->ofSql[$room] = true);
		}
		foreach (is_file("$folder/flat") ? self::lines("$folder/flat") : [] as $line) {
			$words = preg_split('/\s+/', $line);
			$this->flat += array_fill_keys(array_slice($words, 1), $words[0]);
		}
	}

	/** @return list<string> Without comments. */
	private static function lines(string $file): array
	{
		return array_values(array_filter(array_map(fn ($line) => trim(preg_replace(
			'/#.*/',
			'',
			$line,
		)), file($file)), 'strlen'));
	}

	/** Returns the room of a file: its folder, or where it belongs. */
	public function room(string $file): string
	{
		$folder = explode('/', $file)[0];

		return $this->flat[$file] ?? ($folder === $file || $folder === 'overrides' ? self::ROOT : $folder);
	}

	/** @return list<string> */
	public function rooms(): array
	{
		return array_values(array_unique(array_map($this->room(...), array_keys($this->files))));
	}

	/** @return list<string> The rooms that the table names, from the ground up. */
	public function table(): array
	{
		return array_keys($this->allowed);
	}

	/** Returns on how many floors the rooms stand, each above all that it may import. */
	public function floors(): int
	{
		$floor = [];
		foreach ($this->allowed as $room => $beneath) {
			$floor[$room] = 1 + max([0, ...array_map(fn ($one) => $floor[$one] ?? 0, $beneath)]);
		}

		return max([0, ...$floor]);
	}

	/** @return list<string> Each in one line: kind, file, what. */
	public function violations(): array
	{
		$lines = [];
		foreach ($this->imports as [$from, $to]) {
			[$room, $other] = [$this->room($from), $this->room($to)];
			if ($room !== self::ROOT && $room !== $other && ! in_array($other, $this->allowed[$room] ?? [], true)) {
				$lines[] = "upward $from $to";
			}
		}
		foreach ($this->circles() as $circle) {
			array_push($lines, ...array_map(fn ($file) => "circle $file", $circle));
		}
		foreach ($this->files as $name => $source) {
			$room = $this->room($name);
			if (! isset($this->atHub[$room])) {
				array_push($lines, ...array_map(
					fn ($what) => "hub $name $what",
					array_filter(
						$this->hubCalls($source),
						fn ($what) => ! isset($this->ofSql[$room]) || ! str_starts_with($what, 'SQL:'),
					),
				));
			}
			if ($room !== self::ROOT && $room !== 'Hub') {
				array_push($lines, ...array_map(fn ($what) => "static $name $what", array_keys($source->statics)));
			}
			foreach (array_keys($source->classes) as $class) {
				$other = self::fileOf($class);
				$other === null || isset($this->files[$other]) || ($lines[] = "missing $name $class");
			}
			foreach ($source->unusedImports() as $class) {
				$lines[] = "unused $name $class";
			}
			if (isset($this->pure[$room])) {
				array_push($lines, ...array_map(fn ($what) => "impure $name $what", $this->impurities($source)));
			}
		}

		return $lines;
	}

	/** @return array<string, list<string>> Files by what they use of the hub: function, constant, class, member. */
	public function usesOfHub(): array
	{
		$uses = [];
		foreach ($this->files as $file => $source) {
			foreach ($this->hubCalls($source) as $name) {
				str_starts_with($name, 'SQL:') || ($uses[$name][] = $file);
			}
			foreach (array_keys($source->functions) as $first) {
				isset($this->everywhere[$source->functions[$first]]) && ($uses[$source->functions[$first] . '()'][] =
					$file);
			}
			foreach (array_keys($source->members) as $member) {
				$class = explode('::', $member)[0];
				isset($uses[$class]) && in_array($file, $uses[$class], true) && ($uses[$member][] = $file);
			}
		}
		ksort($uses);

		return $uses;
	}

	/** @return list<string> What neither PHP nor filesync declares, and SQL. */
	private function hubCalls(Source $source): array
	{
		static $functions, $constants;
		$functions ??= array_fill_keys([...get_defined_functions()['internal'], ...self::OF_FPM], true);
		$constants ??= array_merge(...array_values(array_diff_key(get_defined_constants(true), ['user' => 0])));
		$calls = [];
		foreach ($source->functions as $first => $next) {
			$name = strtolower($next);
			if (! str_starts_with($first, 'FileSync\\') || ! str_contains($next, '\\') && ! isset($functions[$name])) {
				isset($functions[$name]) || isset($this->everywhere[$next]) || ($calls[] = "$next()");
			}
		}
		foreach ($source->constants as $first => $next) {
			if (! str_starts_with($first, 'FileSync\\') || ! str_contains($next, '\\')) {
				array_key_exists($next, $constants) || ($calls[] = $next);
			}
		}
		foreach (array_keys($source->classes) as $class) {
			str_starts_with($class, 'FileSync\\') || (
				class_exists($class, false) || interface_exists($class, false)
			) && (new \ReflectionClass($class))->isInternal() || ($calls[] = $class);
		}
		foreach ($source->texts as $text) {
			if (preg_match(
				'/\b(SELECT|UPDATE|DELETE FROM|INSERT INTO|(LEFT|INNER) JOIN|coalesce\(|EXISTS ?\()/',
				$text,
				$sql,
			)) {
				$calls[] = 'SQL:' . strtr($sql[1], ' ', '-');
			}
		}
		$calls = array_values(array_unique($calls));
		sort($calls);

		return $calls;
	}

	/** @return list<string> */
	private function impurities(Source $source): array
	{
		$called = array_filter($source->functions, fn ($next) => ! preg_match(self::PURE, strtolower($next)));
		$classes = array_filter(array_keys($source->classes), fn ($class) => preg_match(
			'/^(Date\w*|Spl\w*|PDO\w*|Random\\\\.+|\w*Iterator|mysqli\w*|SQLite3)$/',
			$class,
		));

		return [
			...array_map(fn ($next) => "$next()", array_values($called)),
			...$classes,
			...array_keys($source->words),
		];
	}

	/** @return list<list<string>> Files that import each other, each of them over the others. */
	public function circles(): array
	{
		$next = array_fill_keys(array_keys($this->files), []);
		foreach ($this->imports as [$from, $to]) {
			$next[$from][] = $to;
		}
		// Tarjan's: a file is at the foot of its circle if nothing that it leads to was begun before it.
		$index = $low = $stack = $circles = [];
		$visit = function (string $file) use (&$visit, &$index, &$low, &$stack, &$circles, $next): void {
			$index[$file] = $low[$file] = count($index);
			$stack[$file] = true;
			foreach ($next[$file] as $other) {
				isset($index[$other]) || $visit($other);
				isset($stack[$other]) && ($low[$file] = min($low[$file], $low[$other]));
			}
			if ($low[$file] === $index[$file]) {
				$circle = [];
				do {
					$circle[] = $other = (string) array_key_last($stack);
					unset($stack[$other]);
				} while ($other !== $file);
				sort($circle);
				count($circle) > 1 && ($circles[] = $circle);
			}
		};
		foreach (array_keys($this->files) as $file) {
			isset($index[$file]) || $visit($file);
		}

		return $circles;
	}

	/** @return list<string> Allowances without an import. */
	public function unusedAllowances(): array
	{
		$used = [];
		foreach ($this->imports as [$from, $to]) {
			$used[$this->room($from)][$this->room($to)] = true;
		}
		$unused = [];
		foreach ($this->allowed as $room => $beneath) {
			foreach ($beneath as $other) {
				isset($used[$room][$other]) || ($unused[] = "$room $other");
			}
		}
		$called = array_fill_keys(
			array_merge(...array_values(array_map(fn ($source) => array_values($source->functions), $this->files))),
			true,
		);
		foreach (array_keys(array_diff_key($this->everywhere, $called)) as $function) {
			$unused[] = "everywhere $function";
		}

		return $unused;
	}

	/** @return list<string> Rooms that nobody knows, and allowances that lead upward. */
	public function faultsOfTable(): array
	{
		$faults = [];
		$beneath = [];
		foreach ($this->allowed as $room => $others) {
			foreach (array_diff($others, $beneath) as $other) {
				$faults[] = "$room may import $other, which is not beneath it";
			}
			$beneath[] = $room;
		}
		foreach (array_diff($this->rooms(), $beneath, [self::ROOT]) as $room) {
			$faults[] = "$room is not a room of the table";
		}
		foreach (array_diff($beneath, $this->rooms()) as $room) {
			$faults[] = "$room has no files";
		}
		foreach (array_diff_key($this->flat, $this->files) as $file => $room) {
			$faults[] = "$file is told to be of $room, and is not there";
		}
		foreach ($this->files as $name => $source) {
			if (
				! str_contains($name, '/')
				&& $this->room($name) === self::ROOT
				&& ctype_upper($name[0])
				&& $name !== 'Mod_Filesync.php'
			) {
				$faults[] = "$name lies in no room";
			}
		}

		return $faults;
	}
}
