<?php

require_once __DIR__ . '/Restores.php';

use Cli\Restores;
use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * What the owner's command backed up from a hub without filesync, it restores to a hub with it: whole, by its own word
 * and by that hub's tables and store, through everything that stands on the way.
 *
 * Environment COMMAND names the command, EXTENSION the extension. BREAK=offset and BREAK=lacking put something on the
 * way that lies about it, BREAK=exit has every run end with 0: each must turn the test red.
 */
final class RestoreTest extends TestCase
{
	use Restores;

	private const LIES = ['offset' => ['offset' => 1 << 20], 'lacking' => ['lacking' => 3]];

	private static int $equal = 0;

	public static function setUpBeforeClass(): void
	{
		self::begin(sys_get_temp_dir() . '/filesync-restore-' . getmypid());
	}

	public static function tearDownAfterClass(): void
	{
		self::close();
		if (self::$equal > 0) {
			print "\n" . self::$equal . " files backed up and restored: all equal\n";
		}
	}

	protected function setUp(): void
	{
		self::rules([]);
		self::startOver();
	}

	public function test_what_was_backed_up_comes_back(): void
	{
		[$code, $said, $text] = self::restore();
		$this->assertSame(0, $code, $text);
		$this->assertSame(['done', 0], [$said['state'], $said['unsent']]);
		$this->assertEqual();
		self::$equal = count(self::$files);
		// Small files went in packs, and nothing is kept of a restore that is over.
		$this->assertLessThan(30, $said['requests']);
		$this->assertFalse(self::isKeyKept());
		// Again, with another key: all is there.
		self::newKey();
		[$code, $said, $text] = self::restore();
		$this->assertSame(0, $code, $text);
		$this->assertSame(count(self::$files), $said['restore']['files']['here']);
		$this->assertLessThan(1 << 20, $said['sent_bytes'], 'no file is sent again');
	}

	public function test_what_would_be_done_is_said_first_and_a_part_comes_alone(): void
	{
		$names = array_column(self::$files, 0);
		$folder = current(array_filter(array_column($names, 0), fn ($name) => count(self::beneath($name)) > 1));
		$part = self::beneath($folder);
		$words = self::restoring('', '--dry-run', '--key-file', self::$home . '/key');
		[$code, $said, $text] = self::command(...array_values(array_diff($words, ['--trust'])));
		$this->assertSame([1, 'plan'], [$code, $said['state']], 'less than the set has, as nothing proves it' . $text);
		$all = $said['plan']['files']['restore'] + $said['plan']['folders']['restore'];
		$this->assertSame($all, $said['plan']['unproven'], $text);
		[$code, $said, $text] = self::restore('', '--dry-run');
		$this->assertSame([0, 'plan', 0], [$code, $said['state'], $said['plan']['unproven']], $text);
		$this->assertSame(
			[count(self::$files), 0, 0],
			[$said['plan']['files']['restore'], $said['plan']['quota_short'], $said['unsent']],
		);
		$bytes = array_sum($said['plan']['bytes']);
		$this->assertGreaterThan($bytes, $said['lacking_bytes'], 'with lists and metadata');
		$this->assertSame([], self::filesOf('b'), 'nothing was restored');
		// The same key goes on.
		[$code, $said, $text] = self::restore('', '--dry-run', '--only', $folder, '--at', gmdate('Y-m-d'));
		$this->assertSame([0, count($part)], [$code, $said['plan']['files']['restore'] ?? $said], $text);
		$this->assertLessThan($bytes, $said['lacking_bytes'], 'of the rest nothing would be sent');
		[$code, $said, $text] = self::restore('', '--only', $folder);
		$this->assertSame(
			[0, 'done', count($part), 0],
			[$code, $said['state'], $said['restore']['files']['restore'], $said['restore']['unproven']],
			$text,
		);
		$this->assertSame($part, self::filesOf('b'));
		[$code, $said] = self::restore('', '--dry-run');
		$this->assertSame([1, 'key_used'], [$code, $said['error']]);
	}

	/** @return array<string, array{list<string>, string}> The files in a folder. */
	private static function beneath(string $folder): array
	{
		return array_filter(self::$files, fn ($file) => count($file[0]) > 1 && $file[0][0] === $folder);
	}

	public function test_a_plan_for_which_there_is_no_room_says_how_much_is_short(): void
	{
		self::$door->pair->command('b', 'config', 'set', 'upload_max_bytes', '2097152');
		[$code, $said, $text] = self::restore('', '--dry-run');
		self::$door->pair->command('b', 'config', 'clear', 'upload_max_bytes');
		$this->assertSame([1, 'quota_short'], [$code, $said['error']], $text);
		$this->assertStringContainsString('"state":"plan"', $text);
		[$code, $said, $text] = self::restore('', '--at', '2020-01-01');
		$this->assertSame([2, 'no_run'], [$code, $said['error']], $text);
	}

	public function test_a_killed_run_goes_on_without_being_asked_for_the_key(): void
	{
		self::rules(['slow' => 30000]);
		$options = ['--key-file', self::$home . '/key'];
		foreach ([2, 3, 4, 5, 6, 7, 8] as $requests) {
			$most = count(self::$way->requests()) + $requests;
			$process = self::start(self::$home . '/log', ...self::restoring('', ...$options));
			self::killOnce(fn () => count(self::$way->requests()) >= $most, $process);
			if (self::isKeyKept()) {
				$this->assertSame(0600, fileperms(self::restores()) & 0777);
				$options = [];
			}
		}
		$this->assertSame([], $options, 'the key was kept');
		self::rules([]);
		if (self::isKeyKept()) {
			[$code, $said] = self::command(...self::restoring());
			$this->assertSame([0, 'done'], [$code, $said['state']], json_encode($said));
		}
		$this->assertEqual();
	}

	public function test_files_are_found_by_their_content_wherever_they_are(): void
	{
		$set = self::copyOfSet();
		$elsewhere = self::$door->pair->folder . '/elsewhere';
		mkdir("$elsewhere/a/b", 0700, true);
		$files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator(
			"$set/data/files",
			FilesystemIterator::SKIP_DOTS,
		));
		$hidden = '';
		foreach (iterator_to_array($files, false) as $n => $file) {
			$to = "$elsewhere/a/" . (($n % 2) === 0 ? 'b/' : '') . "\xff renamed $n";
			// Others have the same size.
			file_put_contents("$elsewhere/other $n", str_repeat('?', (int) $file->getSize()));
			$hidden = $file->getFilename() === 'large.bin' ? $to : $hidden;
			rename((string) $file, $to);
		}
		Pair::run(['rm', '-rf', "$set/data/files"]);
		// What only a link leads to is not found.
		rename($hidden, "$set-outside");
		symlink("$set-outside", "$elsewhere/link");
		[$code, $said, $text] = self::restore($set, '--find-in', $elsewhere);
		$this->assertSame([1, 1], [$code, $said['unsent']], $text);
		$this->assertSame(count(self::$files) - 1, $said['restore']['files']['restore']);
		$this->assertSame(1, substr_count($text, '"code":"file_missing","path":"data'), $text);
		self::newKey();
		rename("$set-outside", "$elsewhere/now here");
		[$code, $said, $text] = self::restore($set, '--find-in', $elsewhere);
		$this->assertSame([0, 1], [$code, $said['restore']['files']['restore']], $text);
		$this->assertEqual();
	}

	public function test_what_is_missing_or_damaged_is_named_and_the_rest_comes_back(): void
	{
		$set = self::copyOfSet();
		file_put_contents("$set/data/files/large.bin", '!', FILE_APPEND);
		$bytes = (string) file_get_contents("$set/data/files/access 1.txt");
		file_put_contents("$set/data/files/access 1.txt", strrev($bytes));
		unlink("$set/data/files/access 2.txt");
		[$code, $said, $text] = self::restore($set);
		$this->assertSame([1, 'done', 3], [$code, $said['state'], $said['unsent']], $text);
		foreach ([
			['file_damaged', 'large.bin'],
			['file_damaged', 'access 1.txt'],
			['file_missing', 'access 2.txt'],
		] as [$word, $name]) {
			$this->assertStringContainsString("{\"code\":\"$word\",\"path\":\"data/files/$name\"}", $text);
		}
		$this->assertSame(count(self::$files) - 3, $said['restore']['files']['restore']);
	}

	public function test_through_bad_proxies_all_is_equal(): void
	{
		foreach ([
			['refuse' => ['PATCH' => 405, 'DELETE' => 405, 'HEAD' => 405]],
			['limit' => 65536],
			['cut' => 300000],
			['deaf' => 4, 'at' => '/restore', 'lengths' => true],
			['page' => 2, 'at' => '^(POST|PATCH) .*/upload'],
		] as $n => $rules) {
			$n === 0 || $this->setUp();
			self::rules($rules);
			[$code, $said, $text] = self::restore();
			$this->assertSame([0, 'done'], [$code, $said['state'] ?? ''], json_encode($rules) . $text);
			$this->assertEqual();
			$methods = array_count_values(array_column(self::$way->requests(), 'method'));
			if ($n === 0) {
				$this->assertSame(1, $methods['PATCH'], 'it is refused once');
			}
		}
	}

	public function test_what_cannot_be_is_an_error_by_its_name(): void
	{
		$run = fn (string ...$options) => self::command(...self::restoring('', ...$options));
		// No key, a wrong one, no hub, no door.
		[$code, $said] = $run();
		$this->assertSame([2, 'no_key'], [$code, $said['error']]);
		[$code, $said] = $run('--key-command', 'echo fsr_nothing');
		$this->assertSame([1, 'key_wrong'], [$code, $said['error']]);
		$this->assertStringContainsString('/filesync/backup', $said['words']);
		[$code, $said] = self::command(
			'restore',
			self::$set,
			'--to',
			self::$door->pair->urls['a'] . '/channel/alice',
			'--key-file',
			self::$home . '/key',
		);
		$this->assertSame([75, 'hub_unreachable'], [$code, $said['error']]);
		// Nothing that is smaller is taken.
		self::rules(['limit' => 10000]);
		[$code, $said] = self::restore();
		$this->assertSame([1, 'body_limit'], [$code, $said['error']], json_encode($said));
		// Bounds, by the hub's numbers.
		self::rules([]);
		self::$door->pair->command('b', 'config', 'set', 'upload_max_bytes', '1048576');
		[$code, $said] = self::restore();
		self::$door->pair->command('b', 'config', 'clear', 'upload_max_bytes');
		$this->assertSame([1, 'quota_short'], [$code, $said['error']], json_encode($said));
		$this->assertMatchesRegularExpression(
			'/^[\d.]+ MiB are to be sent, 1\.0 MiB are left .*: short by [\d.]+ MiB\./',
			$said['words'],
		);
		// Another state of the set.
		$other = self::copyOfSet();
		file_put_contents("$other/README.txt", 'more', FILE_APPEND);
		self::relist($other);
		[$code, $said] = self::restore($other);
		$this->assertSame([1, 'set_changed'], [$code, $said['error']], json_encode($said));
	}

	public function test_another_channel_s_set_comes_as_copies(): void
	{
		$foreign = self::copyOfSet();
		$about = (string) file_get_contents("$foreign/set.json");
		$about = json_decode(str_replace(self::$door->channelHash(), 'of-another', $about), true);
		// Nor was it ever signed by the owner's key.
		$about = ['id' => strrev($about['id']), 'signed_by' => null] + $about;
		file_put_contents("$foreign/set.json", json_encode($about, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE));
		unlink("$foreign/owner-signature.minisig");
		self::relist($foreign);
		[$code, $said] = self::restore($foreign);
		$this->assertSame([1, 'set_other_channel'], [$code, $said['error']], json_encode($said));
		[$code, $said, $text] = self::restore($foreign, '--as-copy');
		$this->assertSame([0, count(self::$files)], [$code, $said['restore']['files']['restore']], $text);
		[$code, $said, $text] = self::command('status', $foreign);
		$this->assertSame([0, [], []], [$code, $said['underway'], $said['drilled']], $text);
		$this->assertSame([[self::url(), true]], array_map(
			fn ($event) => [$event['channel'], $event['whole']],
			$said['restored'],
		));
		$digests = fn (array $files) => (function (array $digests) {
			sort($digests);
			return $digests;
		})(array_column($files, 1));
		$this->assertSame($digests(self::$files), $digests(self::filesOf('b')));
	}

	public function test_a_restore_is_looked_at_and_ended(): void
	{
		[$code, $said] = self::command('status', self::url());
		$this->assertSame([2, 'no_restore'], [$code, $said['error']]);
		self::rules(['slow' => 50000]);
		$process = self::start(
			self::$home . '/log',
			...self::restoring('', '--key-file', self::$home . '/key'),
		);
		$end = microtime(true) + 60;
		while (! self::isKeyKept() && microtime(true) < $end) {
			usleep(2000);
		}
		proc_terminate($process);
		do {
			usleep(2000);
			$status = proc_get_status($process);
		} while ($status['running']);
		proc_close($process);
		$this->assertSame(getenv('BREAK') === 'exit' ? 0 : 75, $status['exitcode'], 'it was told to stop');
		self::rules([]);
		[$code, $said] = self::command('status');
		$this->assertSame([75, 'open'], [$code, $said['state']], json_encode($said));
		[$code, $said] = self::command('cancel', self::url());
		$this->assertSame([0, 'ended'], [$code, $said['state']], json_encode($said));
		$this->assertSame([], self::$door->onDisk());
		$this->assertFalse(self::isKeyKept());
		[$code, $said] = self::restore();
		$this->assertSame([1, 'key_used'], [$code, $said['error']]);
	}

	/** @param array<string, mixed> $rules */
	private static function rules(array $rules): void
	{
		self::$way->rule($rules + (self::LIES[(string) getenv('BREAK')] ?? []));
	}
}
