<?php

use FileSync\Addon\Doctor\Findings;
use FileSync\Addon\Doctor\Software;
use FileSync\Addon\Hub\Build;
use FileSync\Addon\Hub\Runtime;

/** What an extension was built for is read from its file; `doctor` says why PHP does not load it, and what fits. */
final class BuildTest extends AddonTestCase
{
	private const APIS = [
		'8.1' => '20210902',
		'8.2' => '20220829',
		'8.3' => '20230831',
		'8.4' => '20240924',
		'8.5' => '20250925',
	];

	public function test_the_doctor_says_why_the_extension_is_not_loaded_and_which_archive_fits(): void
	{
		mkdir('ini');
		$scan = escapeshellarg('PHP_INI_SCAN_DIR=' . getenv('PHP_INI_SCAN_DIR') . ':' . getcwd() . '/ini');
		foreach (self::files() as $case => [$bytes, $ini, $said]) {
			file_put_contents('ini/60-filesync.ini', str_replace('FILE', getcwd() . '/filesync.so', $ini));
			$bytes === null || file_put_contents('filesync.so', $bytes);
			$found = json_decode(exec("env $scan " . self::cli() . ' doctor --json --only extension 2>&1'), true)[0];
			$this->assertFalse($found['ok'], $case);
			$this->assertStringContainsString('the PHP extension filesync is not loaded: ', $found['finding'], $case);
			$this->assertStringContainsString($said, $found['finding'], $case);
			$this->assertStringContainsString(Build::here()->archive(Runtime::version()), $found['remedy'], $case);
		}
	}

	/** @return array<string, array{?string, string, string}> The bytes of a file, the ini file, and what is said. */
	private static function files(): array
	{
		$here = Build::here();
		$safe = PHP_ZTS ? 'TS' : 'NTS';
		$debug = PHP_DEBUG ? ',debug' : '';
		$api = self::APIS[$here->php];
		$other = $here->php === '8.4' ? '8.1' : '8.4';
		[$one, $opposite] = PHP_ZTS ? ['thread-safe', 'not thread-safe'] : ['not thread-safe', 'thread-safe'];
		$file = fn (string $build, string $glibc = "GLIBC_2.4\0\0GLIBC_2.17\0\0GLIBC_2.9") => [
			self::program("$build\0\0$glibc"),
			'extension = FILE',
		];
		$isHere = "; here is PHP $here->php, $one, ";

		return [
			'no ini file names it' => [null, '; extension=nothing', 'no ini file that this PHP reads names it'],
			'no file' => [null, 'extension=FILE', 'there is no readable file /'],
			'a text' => ['text', 'extension="FILE"', '/filesync.so is not an extension of PHP'],
			'another program' => [self::program(''), 'extension=FILE', '/filesync.so is not an extension of PHP'],
			'another PHP' => [
				...$file('API' . self::APIS[$other] . ",$safe$debug"),
				"/filesync.so was built for PHP $other, $one, $here->machine, glibc 2.17$isHere",
			],
			'an unknown PHP of the other kind' => [
				...$file('API29990101,' . (PHP_ZTS ? 'NTS' : 'TS')),
				"was built for PHP API 29990101, $opposite, ",
			],
			'threads' => [
				...$file("API$api," . (PHP_ZTS ? 'NTS' : 'TS') . $debug),
				"was built for PHP $here->php, $opposite, $here->machine, glibc 2.17$isHere",
			],
			'debugging' => [
				...$file("API$api,$safe" . (PHP_DEBUG ? '' : ',debug')),
				"was built for PHP $here->php, $one, " . (PHP_DEBUG ? '' : 'with debugging, ') . $here->machine,
			],
			'another machine' => [
				self::program("API$api,$safe$debug\0\0GLIBC_2.17", $here->machine === 's390x' ? 40 : 22),
				'extension=FILE',
				'was built for PHP ' . $here->php . ", $one, " . ($here->machine === 's390x' ? 'arm' : 's390x'),
			],
			'a newer glibc' => [
				...$file("API$api,$safe$debug", "GLIBC_2.4\0\0GLIBC_2.99\0\0GLIBC_2.17"),
				"$here->machine, glibc 2.99$isHere",
			],
			'musl' => [...$file("API$api,$safe$debug", 'libc.so'), "$here->machine, musl$isHere"],
			'it fits' => [...$file("API$api,$safe$debug"), '/filesync.so fits this PHP: reload it'],
		];
	}

	public function test_what_the_web_server_says_of_itself_is_passed_on(): void
	{
		$findings = new Findings();
		Software::compare($findings, [
			'problem' => 'the PHP extension filesync is not loaded',
			'why' => '/x.so was built for PHP 8.1',
			'archive' => 'filesync-1-php8.3-zts-x86_64-musl.tar.gz',
			'version' => Runtime::version(),
			'memory_limit' => '128M',
			'settings' => Runtime::settings(),
		]);
		$found = array_column($findings->all(), null, 'check')['extension-web'];
		$this->assertSame(
			'in the web server: the PHP extension filesync is not loaded: /x.so was built for PHP 8.1',
			$found['finding'],
		);
		$this->assertStringContainsString('filesync-1-php8.3-zts-x86_64-musl.tar.gz', $found['remedy']);
	}

	public function test_an_archive_is_named_for_what_its_extension_needs(): void
	{
		$this->assertSame(
			[
				'filesync-0.3-php8.4-x86_64-glibc.tar.gz',
				'filesync-0.3-php8.5-zts-debug-aarch64-musl.tar.gz',
				'filesync-0.3-phpAPI-29990101-x86_64-glibc.tar.gz',
			],
			[
				(new Build('8.4', false, false, 'x86_64', 'glibc', '2.36'))->archive('0.3'),
				(new Build('8.5', true, true, 'aarch64', 'musl', ''))->archive('0.3'),
				(new Build('API 29990101', false, false, 'x86_64', 'glibc', '2.36'))->archive('0.3'),
			],
		);
	}

	/** Returns the bytes of a program, long enough to be read in pieces. */
	private static function program(string $holds, ?int $machine = null): string
	{
		$head = (string) file_get_contents('/proc/self/exe', false, null, 0, 20);

		return (
			($machine === null ? $head : substr($head, 0, 18) . pack($head[5] === "\x02" ? 'n' : 'v', $machine))
			. str_repeat('.', 1048570)
			. "\0$holds\0"
			. str_repeat('.', 1500000)
		);
	}
}
