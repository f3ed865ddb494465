<?php

require_once __DIR__ . '/Backups.php';

use Cli\AtHome;
use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/** `status` of a folder says how the set in it is, and asks no hub. Environment COMMAND names the command. */
final class StatusTest extends TestCase
{
	use AtHome;

	private static string $folder;
	private string $set;

	public static function setUpBeforeClass(): void
	{
		self::$folder = sys_get_temp_dir() . '/filesync-status-' . getmypid();
		mkdir(self::$folder);
		$maker = dirname(__DIR__) . '/doors/made_set.py';
		Pair::run([
			'python3',
			$maker,
			self::$folder . '/made',
			'--channel',
			'somebody',
			'--files',
			'20',
			'--bytes',
			'30',
		]);
	}

	public static function tearDownAfterClass(): void
	{
		Pair::run(['rm', '-rf', self::$folder]);
	}

	protected function setUp(): void
	{
		// Nothing is remembered of the set.
		self::$home = self::$folder . '/home';
		$this->set = self::$folder . '/set';
		Pair::run(['rm', '-rf', self::$home, $this->set]);
		mkdir(self::$home);
		Pair::run(['cp', '-a', self::$folder . '/made', $this->set]);
	}

	public function test_it_says_what_a_set_has_how_old_it_is_and_when_it_was_verified(): void
	{
		[$code, $said, $text] = self::command('status', $this->set);
		$this->assertSame([0, 'whole', null], [$code, $said['verdict'], $said['verified']], $text);
		$this->assertSame([20, 2, 600], [
			$said['counts']['files'],
			$said['counts']['folders'],
			$said['counts']['bytes'],
		]);
		$this->assertEqualsWithDelta(time() - strtotime('2026-11-28T03:15:00Z'), $said['age_seconds'], 60);
		$this->assertSame(['https://hub.example/channel/alice', []], [$said['channel'], $said['restored']]);
		[$code, $words] = self::read('status', $this->set);
		$this->assertSame(0, $code);
		foreach ([
			'20 files (600 B), 2 folders',
			'2026-11-28 03:15:00 UTC, ',
			' ago',
			'not yet on this computer',
			'Its lists are whole.',
		] as $part) {
			$this->assertStringContainsString($part, $words);
		}
		self::succeed('verify', $this->set, '--sample', '5%');
		$this->assertSame(['whole', 5], $this->verified());
		self::succeed('verify', $this->set);
		$this->assertSame(['whole', 100], $this->verified());
		$this->assertStringContainsString('0 minutes ago: all of it, whole', self::read('status', $this->set)[1]);
		$this->assertSame([0, ''], self::read('status', $this->set, '--quiet'));
	}

	public function test_a_copy_of_a_set_is_not_taken_for_the_one_that_was_verified(): void
	{
		self::succeed('verify', $this->set);
		Pair::run(['rm', '-rf', "$this->set-copy"]);
		Pair::run(['cp', '-a', $this->set, "$this->set-copy"]);
		$words = self::read('status', "$this->set-copy")[1];
		$this->assertStringContainsString("verified   not yet here; the one in $this->set was, ", $words);
		$this->assertStringContainsString('0 minutes ago: all of it, whole', self::read('status', $this->set)[1]);
		$remembered = glob(self::$home . '/.local/state/filesync/history/*');
		$this->assertCount(1, $remembered);
		$this->assertSame(0600, fileperms($remembered[0]) & 0777);
	}

	public function test_what_a_set_says_of_itself_makes_no_line_of_its_own(): void
	{
		$about = json_decode(file_get_contents("$this->set/set.json"), true);
		$about['channel']['url'] = "https://hub.example/channel/alice\nverified   today: all of it, whole";
		$this->rewrite($about);
		$words = self::read('status', $this->set)[1];
		$this->assertStringContainsString('alice?verified   today', $words);
		$this->assertStringContainsString("\nverified   not yet on this computer", $words);
	}

	public function test_a_set_whose_description_is_no_file_holds_nobody_up(): void
	{
		foreach (['pipe', 'link', 'huge file'] as $what) {
			unlink("$this->set/set.json");
			match ($what) {
				'pipe' => posix_mkfifo("$this->set/set.json", 0600),
				'link' => symlink('/dev/zero', "$this->set/set.json"),
				'huge file' => ftruncate(fopen("$this->set/set.json", 'w'), 1 << 31),
			};
			foreach (['status', 'verify', 'extract', 'list'] as $verb) {
				$words = [$verb, $this->set, '--json', ...($verb === 'extract' ? ['--to', "$this->set-files"] : [])];
				exec(
					'ulimit -v 1500000; timeout 60 ' . implode(' ', array_map(escapeshellarg(...), [
						getenv('COMMAND'),
						...$words,
					])) . ' 2>&1',
					$said,
					$code,
				);
				$this->assertContains($code, [1, 75], "$what, $verb: " . implode("\n", $said));
			}
		}
	}

	public function test_what_is_wrong_is_said_with_what_helps(): void
	{
		file_put_contents("$this->set/data/files/Folder 000/file 00001.bin", 'other');
		$metadata = glob("$this->set/data/metadata/*/*.json")[0];
		file_put_contents($metadata, '{');
		// Only who reads the files finds that.
		$this->assertSame(0, self::command('status', $this->set)[0]);
		$this->assertSame(1, self::command('verify', $this->set)[0]);
		[$code, $said, $text] = self::command('status', $this->set);
		$this->assertSame([1, 'set_damaged', 1], [$code, $said['verdict'], $said['damaged']], $text);
		$this->assertStringContainsString('The next backup fetches', $said['words']);
		$this->assertSame(['set_damaged', 100], $this->verified());

		file_put_contents("$this->set/set.json", "\n", FILE_APPEND);
		[$code, $said] = self::command('status', $this->set);
		$this->assertSame([1, 'set_damaged'], [$code, $said['verdict']]);
		$this->assertStringContainsString('set.json is not as the last run wrote it.', $said['words']);
	}

	public function test_a_run_that_was_interrupted_goes_on_later(): void
	{
		$journal = ['filesync_set' => 1, 'run' => '2026-11-29T031500Z', 'state' => 'arriving'];
		file_put_contents("$this->set/run.json.partial", json_encode($journal));
		[$code, $said] = self::command('status', $this->set);
		$this->assertSame([75, 'run_unfinished'], [$code, $said['verdict']], json_encode($said));
	}

	public function test_lacking_files_need_attention_and_what_is_no_set_is_named(): void
	{
		$about = json_decode(file_get_contents("$this->set/set.json"), true);
		$lack = fn (string $why) => ['what' => 'file', 'why' => $why, 'words' => 'x', 'hash' => 'y'];
		$this->rewrite(['lacks' => [$lack('no_bytes'), $lack('excluded')]] + $about);
		[$code, $said] = self::command('status', $this->set);
		$this->assertSame(
			[1, 'whole', 2, 1],
			[$code, $said['verdict'], $said['lacks'], $said['missing']],
			json_encode($said),
		);
		$this->assertStringContainsString('2 things, of which 1 needs attention', self::read('status', $this->set)[1]);
		foreach ([[self::$home, 1, 'no_set'], ["$this->set/none", 2, 'not_an_address']] as [$what, $code, $error]) {
			[$is, $said] = self::command('status', $what);
			$this->assertSame([$code, $error], [$is, $said['error']]);
		}
	}

	/** @return array{string, int} What is said of the last time. */
	private function verified(): array
	{
		$verified = self::command('status', $this->set)[1]['verified'];
		$this->assertEqualsWithDelta(time(), strtotime($verified['at']), 60);

		return [$verified['verdict'], $verified['percent']];
	}

	/** Writes set.json, and the list so that it fits. */
	private function rewrite(array $about): void
	{
		$was = hash_file('sha256', "$this->set/set.json");
		file_put_contents("$this->set/set.json", json_encode($about));
		$list = file_get_contents("$this->set/tagmanifest-sha256.txt");
		$is = hash_file('sha256', "$this->set/set.json");
		file_put_contents("$this->set/tagmanifest-sha256.txt", str_replace($was, $is, $list));
	}
}
