<?php

require_once __DIR__ . '/Backups.php';

use Cli\Backups;
use Cli\Hub;
use PHPUnit\Framework\TestCase;
use Set\Rows;
use TestHub\Databases;
use TestHub\Pair;

/**
 * A set becomes an ordinary tree of folders, without any hub: what a hub's tables and store said of the files is what
 * is there. Killed, on a full disk, and of sets that are damaged or lie, whatever has a name is whole. Environment
 * COMMAND names the command.
 */
final class ExtractTest extends TestCase
{
	use Backups;

	private const SECRET = 'zxcvbnmasdfghjkl1234567890qwerty';
	private const WORK = '.filesync-extract';

	/** A set of made-up files, which each test changes in a copy. */
	private static string $made;
	private string $to;

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/filesync-extract-' . getmypid();
		self::beginAtStock($folder);
		self::$made = "$folder/made";
		$maker = dirname(__DIR__) . '/doors/made_set.py';
		$words = ['--channel', 'somebody', '--files', '150', '--bytes', '3000', '--large', '30000000'];
		Pair::run(['python3', $maker, self::$made, ...$words]);
	}

	protected function setUp(): void
	{
		$this->set = self::nextSet();
		$this->to = "$this->set-files";
	}

	protected function tearDown(): void
	{
		Pair::run(['rm', '-rf', $this->to, ...($this->set === self::$made ? [] : [$this->set])]);
	}

	public function test_the_files_of_a_channel_are_there_as_its_hub_had_them(): void
	{
		self::$channel->fill();
		self::$channel->giveApp('filesync-test', self::SECRET);
		self::$pair->serve('a');
		self::succeed(
			'login',
			self::url(),
			'--app',
			'filesync-test',
			'--secret-file',
			self::file('secret', self::SECRET . "\n"),
		);
		[$code] = $this->backup();
		$this->assertSame(1, $code, 'one file has no bytes');
		self::$pair->stop();
		[$code, $said, $text] = $this->extract();
		$this->assertSame([1, ['no_bytes' => 1]], [$code, array_diff_key($said['noted'], ['renamed' => 1])], $text);
		$hub = self::$pair->hub('a');
		$database = Databases::connect(json_decode((string) file_get_contents("$hub/hub.json"), true)['database']);
		$renamed = array_column(self::noted($text, 'renamed'), 'path', 'hash');
		$there = $this->there();
		$files = $folders = [];
		foreach ((new Rows($database, $hub, 'alice'))->entries() as $hash => $entry) {
			$path = $renamed[$hash] ?? implode('/', $entry['path']);
			$time = strtotime("$entry[edited] UTC");
			if ($entry['kind'] === 'folder') {
				$folders[$path] = [is_dir("$this->to/$path"), filemtime("$this->to/$path") === $time];
			} elseif ($entry['sha256'] !== null) {
				$files[$path] = [$entry['sha256'], $time];
			}
		}
		$this->assertEquals($files, array_map(
			fn ($path) => [
				hash_file('sha256', "$this->to/$path"),
				filemtime("$this->to/$path"),
			],
			array_combine($there, $there),
		));
		$this->assertSame([[true, true]], array_values(array_unique($folders, SORT_REGULAR)));
		// What no name can be, and nothing else.
		$this->assertEqualsCanonicalizing(['zoo/a_b.txt'], array_values($renamed));
		$this->assertContains("zoo/line\nfeed\r.txt", $there);
		$this->assertContains('zoo/Cat.jpg', $there);
		[$code, $again] = $this->extract();
		$this->assertSame([1, 0, count($files)], [$code, $again['new_files'], $again['same_files']]);
		[$code, $part] = self::command('extract', $this->set, '--to', "$this->to/part", '--only', 'zoo/*.jpg');
		$this->assertSame([0, glob("$this->to/part/*")], [$code, ["$this->to/part/zoo"]]);
		$this->assertSame($part['files'], count(glob("$this->to/part/zoo/*")));
	}

	public function test_killed_again_and_again_whatever_has_a_name_is_whole(): void
	{
		$this->set = self::$made;
		$kills = 0;
		for ($n = 1; $n <= 40; $n++) {
			$process = self::start('/dev/null', 'extract', $this->set, '--to', $this->to);
			$kills += (int) self::killOnce(fn () => count($this->there(true)) >= ($n * 4), $process);
			foreach ($this->there() as $path) {
				$this->assertFileEquals("$this->set/data/files/$path", "$this->to/$path", "kill $n");
			}
		}
		$this->assertGreaterThan(5, $kills);
		[$code, $said, $text] = $this->extract();
		$this->assertSame([0, 151], [$code, $said['new_files'] + $said['same_files']], $text);
		$this->assertEqualsCanonicalizing($this->there(true), $this->there(), 'nothing of ours is left');
		$this->assertCount(151, $this->there());
	}

	public function test_on_a_full_disk_it_says_so_and_goes_on_where_there_is_room(): void
	{
		if (posix_geteuid() !== 0) {
			$this->markTestSkipped('only root mounts a small folder');
		}
		mkdir($this->to);
		$mount = fn (string $options) => (
			exec(
				"mount -t tmpfs -o $options,mode=700 tmpfs " . escapeshellarg($this->to),
				$lines,
				$code,
			) !== false
			&& $code === 0
		);
		if (! $mount('size=31m,nr_inodes=40')) {
			$this->markTestSkipped('nothing can be mounted here');
		}
		$this->set = self::$made;
		try {
			// As many files as there may be, and then as many bytes.
			[$code, $said] = $this->extract();
			$this->assertSame([75, 'disk_short'], [$code, $said['error']], json_encode($said));
			$this->assertStringContainsString('goes on', $said['words']);
			foreach ($this->there() as $path) {
				$this->assertFileEquals("$this->set/data/files/$path", "$this->to/$path");
			}
			exec('mount -o remount,size=20m,nr_inodes=10000 ' . escapeshellarg($this->to));
			Pair::run(['find', $this->to, '-mindepth', '1', '-delete']);
			[$code, $said] = $this->extract();
			$this->assertSame([75, 'disk_short'], [$code, $said['error']], json_encode($said));
			$this->assertStringContainsString('The files need 29.0 MiB', $said['words']);
			$this->assertSame([], $this->there(true), 'nothing was begun');
			exec('mount -o remount,size=64m ' . escapeshellarg($this->to));
			[$code, $said] = $this->extract();
			$this->assertSame([0, 151], [$code, $said['new_files']], json_encode($said));
		} finally {
			exec('umount ' . escapeshellarg($this->to));
		}
	}

	public function test_what_is_damaged_is_named_and_what_is_there_stays(): void
	{
		Pair::run(['cp', '-a', self::$made, $this->set]);
		$files = "$this->set/data/files";
		file_put_contents("$files/Folder 000/file 00001.bin", str_repeat('x', 3000));
		unlink("$files/Folder 000/file 00002.bin");
		mkdir("$this->to/Folder 000", recursive: true);
		file_put_contents("$this->to/Folder 000/file 00003.bin", 'my own');
		[$code, $said, $text] = $this->extract();
		$this->assertSame(1, $code);
		$this->assertSame([148, 151, 0], [$said['new_files'], $said['files'], $said['same_files']], $text);
		foreach ([1 => 'file_damaged', 2 => 'file_missing', 3 => 'file_differs'] as $n => $code) {
			$this->assertSame(["Folder 000/file 0000$n.bin"], array_column(self::noted($text, $code), 'path'), $text);
		}
		$this->assertSame('my own', file_get_contents("$this->to/Folder 000/file 00003.bin"));
		[$code, $words] = self::read('extract', $this->set, '--to', $this->to, '--quiet');
		$this->assertSame(1, $code);
		$this->assertStringContainsString('Folder 000/file 00001.bin is not what was saved, and is left out.', $words);
		$this->assertStringContainsString(
			"148 of 151 files are in $this->to, each checked; 0 of them (0 B) written",
			$words,
		);
		$this->assertStringContainsString('3 need attention', $words);
	}

	public function test_where_one_folder_may_not_be_written_all_else_comes(): void
	{
		if (posix_getuid() !== 0) {
			$this->markTestSkipped('only root can run it as somebody else');
		}
		Pair::run(['cp', '-a', self::$made, $this->set]);
		mkdir("$this->to/Folder 000", recursive: true);
		file_put_contents("$this->to/file 00000.bin", 'x');
		$home = "$this->set-home";
		mkdir($home);
		Pair::run(['chown', '-R', 'nobody', $this->set, $this->to, $home]);
		Pair::run(['chown', 'root', "$this->to/Folder 000"]);
		chmod(dirname($this->set), 0755);
		$command = ['setpriv', '--reuid=nobody', '--clear-groups', 'env', "HOME=$home", "TMPDIR=$home"];
		$extract = [getenv('COMMAND'), 'extract', $this->set, '--to', $this->to, '--json'];
		exec(implode(' ', array_map(escapeshellarg(...), [...$command, ...$extract])) . ' 2>&1', $said, $code);
		$text = implode("\n", $said);
		$hindered = array_column(self::noted($text, 'name_taken'), 'path');
		$this->assertSame([1, false], [$code, str_contains($text, 'disk_short')], $text);
		$this->assertSame([], array_filter($hindered, fn ($path) => ! str_starts_with($path, 'Folder 000')), $text);
		$end = json_decode(end($said), true);
		$this->assertGreaterThan(1, count($hindered));
		$this->assertSame($end['files'] - count($hindered), $end['new_files'] + $end['same_files'], $text);
		Pair::run(['rm', '-rf', $home]);
	}

	public function test_where_lists_are_lost_it_does_not_say_that_all_came(): void
	{
		foreach ([['data/metadata', 'manifest-sha256.txt'], ['data/metadata']] as $lost) {
			Pair::run(['rm', '-rf', $this->set, $this->to]);
			Pair::run(['cp', '-a', self::$made, $this->set]);
			array_map(fn (string $path) => Pair::run(['rm', '-rf', "$this->set/$path"]), $lost);
			[$code, , $text] = $this->extract();
			$this->assertSame(1, $code, $text);
			if (count($lost) > 1) {
				$this->assertStringContainsString('files may be missing that nothing names', $text);
			}
		}
	}

	public function test_a_set_that_lies_reaches_nothing_outside_of_the_folder(): void
	{
		Pair::run(['cp', '-a', self::$made, $this->set]);
		$outside = "$this->set-outside";
		$names = [
			['..', '..', 'outside', 'climbs'],
			[$outside],
			['.', 'point'],
			[self::WORK],
			["e\u{1b}[31mvil\n"],
		];
		foreach ($names as $n => $chain) {
			$this->lie($n, fn (array $of) => ['attach' => self::renamed($of['attach'], $chain)] + $of);
		}
		[$code, $said, $text] = $this->extract();
		// Folders that the set does not have itself are not named.
		$this->assertSame([0, 151, 2], [$code, $said['new_files'], $said['noted']['renamed']], $text);
		$this->assertFileDoesNotExist($outside);
		$this->assertFileDoesNotExist(dirname($this->to) . '/outside');
		foreach ([
			'_../_../outside/climbs',
			'_./point',
			'_' . self::WORK,
			"e\u{1b}[31mvil\n",
			strtr($outside, '/', '_'),
		] as $path) {
			$this->assertFileExists("$this->to/$path");
		}
		[, $words] = self::read('extract', $this->set, '--to', $this->to);
		$this->assertStringNotContainsString("\u{1b}", $words);

		// A link in place of a folder that the set has leads nowhere.
		Pair::run(['rm', '-rf', $this->to]);
		mkdir($this->to);
		mkdir($outside);
		symlink($outside, "$this->to/Folder 001");
		symlink('/etc/hostname', "$this->to/Folder.bin");
		[$code, $said, $text] = $this->extract();
		// The folder itself is none of the files.
		$this->assertSame([1, 150], [$code, $said['new_files'] + $said['noted']['name_taken'] - 2], $text);
		$taken = array_map(
			fn ($path) => explode('/', $path)[0],
			array_column(self::noted($text, 'name_taken'), 'path'),
		);
		$this->assertEqualsCanonicalizing(['Folder 001', 'Folder.bin'], array_unique($taken));
		$this->assertSame(['.', '..'], scandir($outside));
		rmdir($outside);

		// A path that no set may have.
		$this->lie(7, fn (array $of) => ['parts' => [['path' => 'data/files/../../../x'] + $of['parts'][0]]] + $of);
		Pair::run(['rm', '-rf', $this->to]);
		[$code, $said] = $this->extract();
		$this->assertSame([1, 'set_refused'], [$code, $said['error']], json_encode($said));
	}

	public function test_a_folder_that_cannot_be_meant_is_refused(): void
	{
		Pair::run(['cp', '-a', self::$made, $this->set]);
		foreach ([$this->set, "$this->set/files", dirname($this->set), "$this->to/too/deep"] as $to) {
			[$code, $said] = self::command('extract', $this->set, '--to', $to);
			$this->assertSame([2, 'no_folder'], [$code, $said['error']], $to);
		}
		$this->assertFileDoesNotExist("$this->set/files");
		[$code, $said] = self::command('extract', self::$home, '--to', $this->to);
		$this->assertSame([1, 'no_set'], [$code, $said['error']]);
		$this->assertFileDoesNotExist($this->to);
		[$code, $said] = self::command('extract', $this->set, '--to', $this->to, '--at', '2020-01-01');
		$this->assertSame([2, 'no_run'], [$code, $said['error']]);
	}

	/** @return array{int, array<string, mixed>, string} As `command`. */
	private function extract(): array
	{
		return self::command('extract', $this->set, '--to', $this->to);
	}

	/** @return list<array<string, mixed>> What was said of files, by its code. */
	private static function noted(string $text, string $code): array
	{
		$lines = array_map(fn ($line) => json_decode($line, true), explode("\n", trim($text)));

		return array_values(array_filter($lines, fn ($line) => ($line['code'] ?? '') === $code));
	}

	/** @return list<string> Paths of what was extracted, with $isAll of all files that are there. */
	private function there(bool $isAll = false): array
	{
		$paths = [];
		exec('find ' . escapeshellarg($this->to) . ' -mindepth 1 ! -type d -print0 2>/dev/null', $lines);
		foreach (array_filter(explode("\0", implode("\n", $lines))) as $path) {
			$path = substr($path, strlen($this->to) + 1);
			if ($isAll || ! str_starts_with($path, self::WORK . '/')) {
				$paths[] = $path;
			}
		}

		return $paths;
	}

	/** Changes what the set says of its nth file, and the lists so that they fit. */
	private function lie(int $n, \Closure $change): void
	{
		$paths = array_filter(
			glob("$this->set/data/metadata/*/*.json"),
			fn ($path) => json_decode(file_get_contents($path), true)['kind'] === 'file',
		);
		$path = array_values($paths)[$n];
		$this->replace(
			$path,
			json_encode($change(json_decode(file_get_contents($path), true)), JSON_THROW_ON_ERROR),
			'manifest-sha256.txt',
		);
	}

	private function replace(string $path, string $text, string $list = ''): void
	{
		$was = hash_file('sha256', $path);
		file_put_contents($path, $text);
		if ($list !== '') {
			$lines = file_get_contents("$this->set/$list");
			$lines = str_replace($was, hash('sha256', $text), $lines);
			$this->replace("$this->set/$list", $lines, $list === 'manifest-sha256.txt' ? 'tagmanifest-sha256.txt' : '');
		}
	}

	/**
	 * @param list<array<string, mixed>> $rows
	 * @param list<string>               $names
	 *
	 * @return list<array<string, mixed>> Rows with these names, of which the last is the last one's.
	 */
	private static function renamed(array $rows, array $names): array
	{
		$own = array_pop($rows);
		$above = array_slice($names, 0, -1);

		return [
			...array_map(
				fn ($name, $n) => ['hash' => "above-$n", 'filename' => $name] + $own,
				$above,
				array_keys($above),
			),
			['filename' => end($names)] + $own,
		];
	}
}
