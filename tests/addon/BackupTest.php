<?php

use Fake\Sets;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Set;
use FileSync\SetCheck;
use TestHub\InProcess;

require_once __DIR__ . '/BackupTestCase.php';

/** A set holds what the hub holds, however the channel changes meanwhile, and the verbs say what it lacks. */
final class BackupTest extends BackupTestCase
{
	private string $set;

	protected function setUp(): void
	{
		parent::setUp();
		$this->set = dirname(InProcess::$folder) . '/set-' . basename(InProcess::$folder);
	}

	protected function tearDown(): void
	{
		exec('rm -rf ' . escapeshellarg($this->set));
		parent::tearDown();
	}

	public function test_a_set_holds_every_file_folder_and_crop(): void
	{
		$this->folder('d1', 'Ferien');
		$this->folder('d2', 'empty', 'd1');
		$this->stored('f1', 'one.txt', 'the bytes', 'd1');
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 1 => 'scale', 4 => 'profile', 7 => 'cover']);
		$this->posted('first', ['resource_id' => 'p1', 'resource_type' => 'photo']);
		$this->stored('legacy', 'old.bin', '', '', [
			'os_storage' => 0,
			'content' => str_repeat("\0x", 9000),
			'filesize' => 18000,
		]);
		$this->stored('text', 'long.txt', '', '', [
			'os_storage' => 0,
			'content' => str_repeat('long text ', 1000000),
			'filesize' => 10000000,
		]);
		$result = $this->backUp();
		$this->assertSame([0, []], [$result['code'], $result['lacks']]);
		$this->assertSame([2, 4, 1, 2, 1], array_map(
			fn ($name) => $result[$name],
			['folders', 'files', 'photos', 'crops', 'posts'],
		));
		$contents = Sets::contents($this->set);
		$this->assertEqualsCanonicalizing(['d1', 'd2', 'f1', 'p1', 'legacy', 'text'], array_keys($contents));
		$this->assertSame(hash('sha256', str_repeat('long text ', 1000000)), $contents['text']['parts'][0]['sha256']);
		$this->assertSame('the bytes', Sets::bytes($this->set, 'f1'));
		$this->assertSame(str_repeat("\0x", 9000), Sets::bytes($this->set, 'legacy'));
		$this->assertSame(
			[['original', null, 'original'], ['crop', 4, 'profile'], ['crop', 7, 'cover']],
			array_map(
				fn ($part) => [$part['role'], $part['scale'] ?? null, base64_decode($part['bytes'])],
				$contents['p1']['parts'],
			),
		);
		$about = json_decode(file_get_contents("$this->set/set.json"), true);
		$this->assertSame(['alice', 'Alice', $this->channel->hash], [
			$about['channel']['nick'],
			$about['channel']['name'],
			$about['channel']['hash'],
		]);
		$this->assertSame('http://127.0.0.1:9000', $about['origin']['url']);
		$this->assertSame(Clones::everywhere($this->channel), $about['homes']);
		$this->assertNotSame([], $about['homes']);
		$this->assertSame([], $about['lacks']);
		$this->assertSame([], glob('store/\[data\]/filesync/1/backup/*'), 'what a run needs for a while is gone');
		$this->assertSame(0700, fileperms($this->set) & 0777);
	}

	public function test_a_second_run_says_what_changed(): void
	{
		foreach (['f1', 'f2', 'f3', 'f4', 'f5'] as $hash) {
			$this->stored($hash, "$hash.txt", "bytes of $hash");
		}
		$this->backUp();
		$result = $this->backUp();
		$this->assertSame([5, 5, 0], [$result['listed'], $result['unchanged'], $result['copied_bytes']]);
		$this->assertStringContainsString('nothing has changed', $this->runVerb('backup', 'alice', $this->set)[1]);

		Table::update('attach', ['filename' => 'renamed.txt'], ['hash' => 'f1']);
		Table::update('attach', ['allow_cid' => '<bob>'], ['hash' => 'f2']);
		$this->overwrite('f3', 'other bytes');
		Table::delete('attach', ['hash' => 'f4']);
		$this->stored('f6', 'f6.txt', 'new');
		$result = $this->backUp();
		$this->assertSame(
			['unchanged' => 1, 'new' => 1, 'replaced' => 1, 'changed' => 1, 'moved' => 1, 'removed' => 1],
			array_intersect_key($result, array_flip(['new', 'replaced', 'changed', 'moved', 'removed', 'unchanged'])),
		);
		$this->assertSame('other bytes', Sets::bytes($this->set, 'f3'));
		$this->assertArrayNotHasKey('f4', Sets::contents($this->set));
		$this->assertSame(2, $result['older_files'] - 2, 'replaced, removed, moved and changed ones');
	}

	public function test_what_has_no_bytes_is_said_and_its_last_version_stays(): void
	{
		$this->stored('f1', 'talk.pdf', 'bytes');
		$this->stored('f2', 'never.pdf', 'bytes');
		unlink('store/alice/f2');
		$this->stored('f3', 'short.pdf', 'bytes');
		file_put_contents('store/alice/f3', 'byt');
		touch('store/alice/f3', time() - 100);
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 4 => 'profile']);
		unlink('store/alice/p1-4');
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
		$this->assertSame(1, $code);
		$this->assertStringContainsString('not in it: never.pdf has no bytes on the hub.', $text);
		$this->assertStringContainsString(
			'not in it: short.pdf has another number of bytes on the hub than its row says, and is in the set as it is.',
			$text,
		);
		$this->assertStringContainsString(
			'not in it: The profile picture cut from cat.jpg has no bytes on the hub.',
			$text,
		);
		$this->assertNull(Sets::bytes($this->set, 'f2'));
		$this->assertSame('byt', Sets::bytes($this->set, 'f3'));
		$this->assertArrayHasKey('f2', Sets::contents($this->set), 'what the hub knows of it is there');
		unlink('store/alice/f1');
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
		$this->assertSame(1, $code);
		$this->assertStringContainsString('talk.pdf has no bytes on the hub; its last version is in the set.', $text);
		$this->assertSame('bytes', Sets::bytes($this->set, 'f1'));
		$lacks = json_decode(file_get_contents("$this->set/set.json"), true)['lacks'];
		$this->assertSame(
			[
				['file', 'f1', 'no_bytes'],
				['file', 'f2', 'no_bytes'],
				['file', 'f3', 'size_differs'],
				['crop', 'p1', 'no_bytes'],
			],
			array_map(fn ($lack) => [$lack['what'], $lack['hash'], $lack['why']], self::sorted($lacks)),
		);
	}

	public function test_a_photo_that_is_not_a_file_is_said_but_is_nothing_to_be_done_about(): void
	{
		$this->photoRow('avatar', 4, ['content' => 'bytes', 'os_storage' => 0]);
		$result = $this->backUp();
		$this->assertSame([0, 0, 1], [$result['code'], $result['missing'], $result['lacking']]);
		$this->assertSame('no_file', json_decode(file_get_contents("$this->set/set.json"), true)['lacks'][0]['why']);
	}

	public function test_name_and_bytes_in_a_set_belonged_together(): void
	{
		$this->stored('f1', 'first.txt', 'first bytes');
		$times = 0;
		Set::$duringCopy = function () use (&$times) {
			// The owner renames it and writes other bytes while it is read.
			if (++$times === 1) {
				$this->overwrite('f1', 'second bytes');
				Table::update('attach', ['filename' => 'second.txt'], ['hash' => 'f1']);
			}
		};
		$this->backUp();
		$file = Sets::contents($this->set)['f1'];
		$this->assertSame(['second.txt', 'second bytes'], [
			$file['attach'][0]['filename'],
			Sets::bytes($this->set, 'f1'),
		]);
	}

	public function test_a_file_that_changes_each_time_keeps_its_last_version(): void
	{
		$this->stored('f1', 'log.txt', 'first');
		$this->stored('f2', 'other.txt', 'other');
		$this->backUp();
		$n = 0;
		Set::$duringCopy = function (string $path) use (&$n) {
			if (str_ends_with($path, 'f1')) {
				$this->overwrite('f1', 'version ' . ++$n . str_repeat('x', $n));
			}
		};
		$this->overwrite('f1', 'version 0');
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
		$this->assertSame(1, $code);
		$this->assertStringContainsString('log.txt is being changed; its last version is in the set.', $text);
		$this->assertSame('first', Sets::bytes($this->set, 'f1'));
		Set::$duringCopy = null;
		$this->assertSame(0, $this->backUp()['code']);
		$this->assertStringStartsWith('version', (string) Sets::bytes($this->set, 'f1'));
	}

	public function test_a_file_deleted_while_it_is_read_is_no_failure(): void
	{
		$this->stored('f1', 'gone.txt', 'bytes');
		$this->stored('f2', 'stays.txt', 'bytes');
		Set::$duringCopy = function (string $path) {
			if (str_ends_with($path, 'f1')) {
				Table::delete('attach', ['hash' => 'f1']);
				unlink($path);
			}
		};
		$this->assertSame(0, $this->backUp()['code']);
		$this->assertSame(['f2'], array_keys(Sets::contents($this->set)));
	}

	public function test_an_interrupted_run_goes_on_where_it_was(): void
	{
		for ($n = 0; $n < 450; $n++) {
			$this->stored("f$n", "file $n", "bytes $n");
		}
		unlink('store/alice/f1');
		Set::$fullAfter = 300;
		$this->assertSame([75, ''], $this->runVerb('backup', 'alice', $this->set));
		$this->assertSame('begun', Set::look($this->set)['state']);
		Set::$fullAfter = null;
		$read = 0;
		Set::$duringCopy = function () use (&$read) {
			$read++;
		};
		$result = $this->backUp();
		$this->assertTrue($result['continued']);
		$this->assertSame(250, $read, 'what the first 200 rows had was there');
		$this->assertSame([1, 450], [$result['missing'], count(Sets::contents($this->set))]);
		$this->assertSame('no_bytes', $result['lacks'][0]['why'], 'what was lacking before the cut is still said');
	}

	public function test_a_run_without_its_notes_looks_at_everything_again(): void
	{
		for ($n = 0; $n < 250; $n++) {
			$this->stored("f$n", "file $n", "bytes $n");
		}
		unlink('store/alice/f1');
		Set::$fullAfter = 220;
		$this->runVerb('backup', 'alice', $this->set);
		array_map('unlink', glob('store/\[data\]/filesync/1/backup/*.notes'));
		Set::$fullAfter = null;
		$result = $this->backUp();
		$this->assertSame([1, 250], [$result['missing'], count(Sets::contents($this->set))]);
	}

	public function test_somebody_else_who_writes_is_named(): void
	{
		mkdir($this->set, 0700);
		$other = new Set($this->set);
		$result = $this->backUp();
		$this->assertSame([75, 'set_busy'], [$result['code'], $result['error']]);
		$this->assertStringContainsString('pid: ' . getmypid(), $result['words']);
		$other->close();
		$this->assertSame(0, $this->backUp()['code']);
	}

	public function test_a_set_is_never_written_where_the_web_may_read_it(): void
	{
		foreach (['', '/backup', '/store/alice', '/store/[data]'] as $folder) {
			$result = $this->backUp(getcwd() . $folder);
			$this->assertSame([2, 'in_web_root'], [$result['code'], $result['error']], $folder);
		}
		symlink(getcwd() . '/store', $this->set);
		$this->assertSame('in_web_root', $this->backUp()['error']);
		unlink($this->set);
		$this->assertSame(
			[2, 'no_folder'],
			array_values(array_intersect_key(
				$this->backUp('backup'),
				['code' => 1, 'error' => 1],
			)),
		);
		$this->assertSame(2, $this->backUp("$this->set/none/here")['code']);
	}

	public function test_a_folder_with_other_things_is_refused(): void
	{
		mkdir($this->set);
		file_put_contents("$this->set/thesis.odt", 'my only copy');
		$this->assertSame(1, $this->backUp()['code']);
		$this->assertSame('my only copy', file_get_contents("$this->set/thesis.odt"));
	}

	public function test_a_set_is_signed_by_the_channels_key_and_does_not_hold_it(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->backUp();
		$this->assertFileExists("$this->set/channel-signature.json");
		foreach (glob("$this->set/{,*/}{,.}*", GLOB_BRACE) as $file) {
			if (is_file($file)) {
				$this->assertStringNotContainsString('PRIVATE KEY', file_get_contents($file), $file);
			}
		}
		$this->expectExceptionMessage('not the message of a backup set');
		FileSync\Addon\Hub\Keys::signSet($this->channel, 'a post');
	}

	public function test_what_is_excluded_is_left_out_and_said(): void
	{
		$this->folder('d1', 'Videos');
		$this->stored('f1', 'holiday.mp4', 'bytes', 'd1');
		$this->folder('d2', 'Texts');
		$this->stored('f2', 'a.txt', 'bytes', 'd2');
		$this->stored('f3', 'b.iso', 'bytes', 'd2');
		$result = json_decode(
			$this->runVerb(
				'backup',
				'alice',
				$this->set,
				'--json',
				'--exclude',
				'Videos',
				'--exclude=Texts/*.iso',
			)[1],
			true,
		);
		$this->assertEqualsCanonicalizing(['d2', 'f2'], array_keys(Sets::contents($this->set)));
		$this->assertSame([0, 2], [$result['missing'], $result['lacking']]);
		$this->assertSame(
			'Videos is left out, as asked.',
			json_decode(file_get_contents("$this->set/set.json"), true)['lacks'][0]['words'],
		);
	}

	public function test_a_dry_run_says_what_a_run_would_do(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->stored('f2', 'two.txt', 'more bytes');
		[$code, $text] = $this->runVerb('backup', 'alice', $this->set, '--dry-run');
		$this->assertSame([0, "alice: 2 files, 15 B; 2 files, 15 B would be copied, in about 0:01\n"], [$code, $text]);
		$this->assertFileDoesNotExist($this->set);
		$this->backUp();
		$this->overwrite('f1', 'other');
		$result = json_decode($this->runVerb('backup', 'alice', $this->set, '--dry-run', '--json')[1], true);
		$this->assertSame([2, 15, 1, 5], [
			$result['files'],
			$result['bytes'],
			$result['new_files'],
			$result['new_bytes'],
		]);
	}

	public function test_every_channel_gets_a_set_of_its_own(): void
	{
		$bob = TestHub\Maker::channel(TestHub\Maker::identity('bob', 1024), 'bob');
		$this->stored('f1', 'one.txt', 'bytes');
		unlink('store/alice/f1');
		mkdir($this->set);
		[$code, $text] = $this->runVerb('backup', $this->set, '--all', '--json');
		$lines = array_map(fn ($line) => json_decode($line, true), explode("\n", trim($text)));
		$this->assertSame(1, $code, 'that of the worst');
		$this->assertSame(['alice', 'bob'], array_column($lines, 'channel'));
		$this->assertFileExists("$this->set/alice@127.0.0.1_9000/set.json");
		$this->assertFileExists("$this->set/bob@127.0.0.1_9000/set.json");
		$this->assertSame(2, $this->runVerb('backup', $this->set)[0], 'a folder alone is not enough');
		$this->assertSame(1, $this->runVerb('backup', 'carol', $this->set)[0]);
		// The other channel's set is not for this one.
		$this->assertSame(1, $this->runVerb('backup', 'alice', "$this->set/bob@127.0.0.1_9000")[0]);
	}

	public function test_a_set_is_checked_and_the_result_told(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->assertSame(2, $this->runVerb('verify-set', $this->set)[0]);
		$this->backUp();
		[$code, $text] = $this->runVerb('verify-set', $this->set);
		$this->assertSame(0, $code);
		$this->assertStringContainsString('signed by the channel alice', $text);
		$this->assertSame($this->channel->publicKey, SetCheck::$options[0]['public_key']);
		$this->assertSame(1, SetCheck::$options[0]['sample_of']);
		$this->runVerb('verify-set', $this->set, '--sample', '5%');
		$this->assertSame(20, SetCheck::$options[1]['sample_of']);
		foreach ([
			'file_damaged' => 1,
			'file_missing' => 1,
			'signature_wrong' => 1,
			'path_refused' => 1,
			'file_extra' => 0,
			'file_moved' => 0,
		] as $kind => $expected) {
			SetCheck::$findings = [['code' => $kind, 'path' => 'data/files/one.txt', 'found_at' => 'elsewhere']];
			[$code, $text] = $this->runVerb('verify-set', $this->set);
			$this->assertSame($expected, $code, $kind);
			[$code, $text] = $this->runVerb('verify-set', $this->set, '--json');
			$this->assertSame($kind, json_decode(strtok($text, "\n"), true)['code']);
		}
		SetCheck::$findings = [];
		touch("$this->set/cut-off");
		[$code, $text] = $this->runVerb('verify-set', $this->set);
		$this->assertSame(75, $code);
		$this->assertStringContainsString('verify-set DIR --finish', $text);
		[$code, $text] = $this->runVerb('verify-set', $this->set, '--finish');
		$this->assertSame(0, $code);
		$this->assertStringContainsString('the last run is in place now', $text);
	}

	public function test_a_set_is_listed_by_true_names(): void
	{
		$this->folder('d1', 'Ferien: "2024"');
		$this->stored('f1', "one\n.txt", 'bytes', 'd1');
		$this->backUp();
		[$code, $text] = $this->runVerb('list', $this->set);
		$this->assertSame(0, $code);
		$this->assertSame(2, substr_count($text, "\n"));
		$this->assertStringContainsString('              5  2024-05-01 10:00:00  Ferien: "2024"/one?.txt', $text);
		$rows = array_map(
			fn ($line) => json_decode($line, true),
			explode("\n", trim($this->runVerb('list', $this->set, '--json')[1])),
		);
		$this->assertSame(["one\n.txt"], array_slice($rows[1]['names'], 1));
		$this->assertSame(2, $this->runVerb('list', $this->set, '--at', 'yesterday')[0]);
		$this->assertSame(0, $this->runVerb('list', $this->set, '--at', '2026-11-28')[0]);
	}

	public function test_old_versions_are_removed_when_asked(): void
	{
		$this->stored('f1', 'one.txt', 'bytes');
		$this->stored('f2', 'two.txt', 'bytes');
		$this->backUp();
		$this->overwrite('f1', 'other');
		$this->backUp();
		$this->assertSame(2, $this->runVerb('prune', $this->set)[0]);
		$this->assertSame(2, $this->runVerb('prune', $this->set, '--older-than', 'old')[0]);
		$result = json_decode($this->runVerb('prune', $this->set, '--older-than', '90d', '--json')[1], true);
		$this->assertSame([0, 1], [$result['removed_files'], $result['older_files']]);
		$next = gmdate('Y-m-d', time() + 86400);
		$result = json_decode(
			$this->runVerb('prune', $this->set, '--older-than', $next, '--json', '--dry-run')[1],
			true,
		);
		$this->assertSame([1, 5], [$result['removed_files'], $result['removed_bytes']]);
		$this->assertSame(
			1,
			json_decode($this->runVerb('prune', $this->set, '--older-than', $next, '--json')[1], true)['removed_files'],
		);
		$this->assertSame([0], [$this->runVerb('prune', $this->set, '--forget', 'f2')[0]]);
		$this->assertSame(['f1'], array_keys(Sets::contents($this->set)));
		$this->assertFileExists("$this->set/channel-signature.json");
		$this->assertSame(1, $this->runVerb('prune', $this->set, '--forget', 'f2')[0]);
	}

	public function test_the_limits_of_the_hub_hold_for_sets(): void
	{
		Config::set('headroom_bytes', '12345');
		Config::set('bytes_per_second', '100000');
		$this->backUp();
		$this->assertSame(
			['headroom_bytes' => 12345, 'bytes_per_second' => 100000],
			Set::$options[count(Set::$options) - 1],
		);
	}

	public function test_a_large_channel_takes_no_more_memory(): void
	{
		$peak = function (int $from, int $to): int {
			for ($n = $from; $n < $to; $n++) {
				$this->stored("f$n", "file $n", '');
			}
			$entries = new FileSync\Addon\Backup\Entries($this->channel);
			$most = 0;
			gc_collect_cycles();
			$before = memory_get_usage();
			foreach ($entries->pages() as $page) {
				$most = max($most, memory_get_usage() - $before);
			}
			return $most;
		};
		$few = $peak(0, 400);
		$this->assertLessThan(1.2 * $few, $peak(400, 3000));
	}

	/** @return array<string, mixed> What `backup --json` says, and its exit code. */
	private function backUp(?string $folder = null): array
	{
		[$code, $text] = $this->runVerb('backup', 'alice', $folder ?? $this->set, '--json');

		return ['code' => $code] + (json_decode($text, true) ?? []);
	}

	/** Writes other bytes as the hub does: in place, with another date and size in the row. */
	private function overwrite(string $hash, string $bytes): void
	{
		static $second = 0;
		file_put_contents("store/alice/$hash", $bytes);
		touch("store/alice/$hash", time() - 1000 + ++$second);
		Table::update(
			'attach',
			['filesize' => strlen($bytes), 'edited' => gmdate('Y-m-d H:i:s', time() - 1000 + $second)],
			['hash' => $hash],
		);
	}

	private static function sorted(array $lacks): array
	{
		usort($lacks, fn ($one, $other) => $one['hash'] <=> $other['hash']);

		return $lacks;
	}
}
