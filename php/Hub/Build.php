<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Which PHP, machine and C library an extension was built for; or, of this process, which ones are here. */
final class Build
{
	/** The extension API of each PHP. */
	private const APIS = [
		'8.1' => '20210902',
		'8.2' => '20220829',
		'8.3' => '20230831',
		'8.4' => '20240924',
		'8.5' => '20250925',
	];
	/** Machines, as uname names them, by the number in the head of a program. */
	private const MACHINES = [
		3 => 'i386',
		21 => 'ppc64le',
		22 => 's390x',
		40 => 'arm',
		62 => 'x86_64',
		183 => 'aarch64',
		243 => 'riscv64',
	];
	private const PIECE = 1048576;
	/** What is sought in a program is shorter. */
	private const LONGEST = 128;

	/**
	 * @param string $php         As 8.2; an API that we do not know stands for itself.
	 * @param string $machine     As uname names it; empty if unknown.
	 * @param string $libc        glibc, musl, or empty if unknown.
	 * @param string $libcVersion The glibc that is here, or the oldest that will do; empty if unknown.
	 */
	public function __construct(
		public readonly string $php,
		public readonly bool $isThreadSafe,
		public readonly bool $isDebug,
		public readonly string $machine,
		public readonly string $libc,
		public readonly string $libcVersion,
	) {}

	/** Returns what this process is. */
	public static function here(): self
	{
		$maps = (string) @file_get_contents('/proc/self/maps');
		$found = [];
		preg_match('~ (/\S*/libc(?:\.so\.6|-2\.\d+\.so))$~m', $maps, $found);
		$said = isset($found[1]) ? self::sought($found[1], '/GNU C Library [^\n]*version (\d+\.\d+)/') : [];

		return new self(
			PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION,
			(bool) PHP_ZTS,
			(bool) PHP_DEBUG,
			self::machine('/proc/self/exe'),
			match (true) {
				isset($found[1]) => 'glibc',
				str_contains($maps, '/ld-musl-') => 'musl',
				default => '',
			},
			$said[0][1] ?? '',
		);
	}

	/** Returns what an extension was built for, or null if the file is none that can be read. */
	public static function ofFile(string $path): ?self
	{
		$machine = self::machine($path);
		$found = self::sought($path, '/API(2\d{7}),(N?)TS(,debug)?\0/');
		if (! $found) {
			return null;
		}
		$glibc = array_column(self::sought($path, '/\0GLIBC_(\d+\.\d+)/'), 1);
		usort($glibc, fn ($one, $other) => (int) version_compare($one, $other));

		return new self(
			array_search($found[0][1], self::APIS, true) ?: "API {$found[0][1]}",
			$found[0][2] === '',
			isset($found[0][3]),
			$machine,
			$glibc ? 'glibc' : 'musl',
			(string) end($glibc),
		);
	}

	/** Returns the name of the archive with an extension of that build. */
	public function archive(string $version): string
	{
		return (
			"filesync-$version-php"
			. strtr($this->php, ' ', '-')
			. ($this->isThreadSafe ? '-zts' : '')
			. ($this->isDebug ? '-debug' : '')
			. ($this->machine === '' ? '' : "-$this->machine")
			. ($this->libc === '' ? '' : "-$this->libc")
			. '.tar.gz'
		);
	}

	/** Describes it in words. */
	public function describe(): string
	{
		return implode(', ', array_filter([
			"PHP $this->php",
			$this->isThreadSafe ? t('thread-safe') : t('not thread-safe'),
			$this->isDebug ? t('with debugging') : '',
			$this->machine,
			rtrim("$this->libc $this->libcVersion"),
		]));
	}

	/** Tells whether an extension of this build can be loaded there; what is unknown does not count. */
	public function fits(self $there): bool
	{
		return (
			($this->php === $there->php || ! isset(self::APIS[$this->php], self::APIS[$there->php]))
			&& $this->isThreadSafe === $there->isThreadSafe
			&& $this->isDebug === $there->isDebug
			&& self::agree($this->machine, $there->machine)
			&& self::agree($this->libc, $there->libc)
			&& (
				$this->libcVersion === ''
				|| $there->libcVersion === ''
				|| version_compare($this->libcVersion, $there->libcVersion, '<=')
			)
		);
	}

	/** Says why PHP has not loaded the extension, as far as files tell. */
	public static function whyNotLoaded(): string
	{
		$path = self::configured();
		if ($path === null) {
			return sprintf(
				t('no ini file that this PHP reads names it (%s)'),
				PHP_CONFIG_FILE_SCAN_DIR ?: (string) php_ini_loaded_file(),
			);
		}
		if (! is_readable($path)) {
			return sprintf(t('there is no readable file %s'), $path);
		}
		$built = self::ofFile($path);
		$here = self::here();

		return match (true) {
			$built === null => sprintf(t('%s is not an extension of PHP'), $path),
			! $built->fits($here) => sprintf(
				t('%1$s was built for %2$s; here is %3$s'),
				$path,
				$built->describe(),
				$here->describe(),
			),
			default => sprintf(
				t('%s fits this PHP: reload it; if that does not help, its error log or `php -m` says why'),
				$path,
			),
		};
	}

	/** Returns the file that the ini files of this PHP name, or null. */
	private static function configured(): ?string
	{
		$files = [(string) php_ini_loaded_file(), ...explode(',', (string) php_ini_scanned_files())];
		foreach (array_filter(array_map(trim(...), $files)) as $file) {
			$found = [];
			$lines = (string) @file_get_contents($file);
			if (preg_match('/^[ \t]*extension[ \t]*=[ \t]*"?([^"\s;]*filesync[^"\s;]*)/mi', $lines, $found)) {
				$name = str_ends_with($found[1], '.so') ? $found[1] : "$found[1].so";

				return str_contains($name, '/') ? $name : sprintf('%s/%s', ini_get('extension_dir'), $name);
			}
		}

		return null;
	}

	private static function agree(string $one, string $other): bool
	{
		return $one === $other || $one === '' || $other === '';
	}

	/** Returns for which machine a program is; empty if that cannot be told. */
	private static function machine(string $path): string
	{
		$head = (string) @file_get_contents($path, false, null, 0, 20);
		if (strlen($head) < 20 || ! str_starts_with($head, "\x7fELF")) {
			return '';
		}
		$number = unpack($head[5] === "\x02" ? 'n' : 'v', $head, 18);

		return self::MACHINES[(int) $number[1]] ?? '';
	}

	/**
	 * Returns where a pattern matches in a file, which is read in pieces.
	 *
	 * @return list<array<array-key, string>>
	 */
	private static function sought(string $path, string $pattern): array
	{
		$file = is_file($path) ? @fopen($path, 'rb') : false;
		if ($file === false) {
			return [];
		}
		$all = [];
		$kept = '';
		while (! feof($file)) {
			$found = [];
			$piece = $kept . (string) fread($file, self::PIECE);
			preg_match_all($pattern, $piece, $found, PREG_SET_ORDER);
			$all = [...$all, ...$found];
			$kept = substr($piece, -self::LONGEST);
		}
		fclose($file);

		return $all;
	}
}
