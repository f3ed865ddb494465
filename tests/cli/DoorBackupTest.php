<?php

require_once __DIR__ . '/Backups.php';

use Cli\Backups;
use PHPUnit\Framework\TestCase;

/**
 * The owner's command backs up a channel of a hub that has filesync, with a backup key: what is in the set is what the
 * hub's tables and store say, few requests bring it, and only what changed comes again. Environment COMMAND names the
 * command, EXTENSION the extension of the hub.
 */
final class DoorBackupTest extends TestCase
{
	use Backups;

	private static string $key;

	public static function setUpBeforeClass(): void
	{
		self::beginAtDoor(sys_get_temp_dir() . '/filesync-door-' . getmypid());
		self::$channel->make('many', 500, 20 << 10);
		self::$channel->make('large', 1, 40 << 20);
		self::$key = self::$channel->run('echo FileSync\Addon\Door\Key::make(1, "backup");');
		self::$pair->serve('b');
		// Digests are computed of bytes that did not change for two seconds.
		sleep(3);
	}

	protected function setUp(): void
	{
		$this->set = self::nextSet();
		self::useKey(self::$key);
	}

	public function test_few_requests_make_a_set_of_what_the_hub_has_and_fewer_bring_it_up_to_date(): void
	{
		$from = count(self::$pair->accesses('b'));
		[$code, $said] = $this->backup();
		$this->assertSame([1, 1, 'no_bytes'], [$code, $said['missing'], $said['lacks'][0]['why']], json_encode($said));
		$this->assertSame([], $this->differences());
		$this->assertDigests();
		// 400 requests for 10,000 files of 20 KiB; here 500, and some sixty others.
		$requests = array_slice(self::$pair->accesses('b'), $from);
		$this->assertLessThanOrEqual(20, count($requests), json_encode(array_column($requests, 'path')));
		$about = json_decode((string) file_get_contents("$this->set/set.json"), true);
		$this->assertSame([], array_intersect(['stock_api'], array_column($about['lacks'], 'why')));
		$this->assertNotNull($about['origin']['filesync']);
		$run = json_decode((string) file_get_contents((glob("$this->set/runs/*.json") ?: [''])[0]), true);
		$this->assertSame('door', $run['by']);

		// The same that the hub's own backup writes, byte for byte, but for the time and what it makes of names.
		$own = self::$pair->folder . '/own';
		self::$pair->command('b', 'backup', 'alice', $own);
		foreach (glob("$own/data/metadata/*/*.json") ?: [] as $path) {
			$ours = $this->set . substr($path, strlen($own));
			$text = fn (string $path) => preg_replace('/"seen":"[^"]*"/', '', (string) file_get_contents($path));
			$this->assertSame($text($path), $text($ours));
		}

		$from = count(self::$pair->accesses('b'));
		[$code, $again] = $this->backup();
		$this->assertSame([1, 0, 0], [$code, $again['copied_bytes'], $again['received_bytes']]);
		$this->assertSame([0, 1], [
			$again['changed'] + $again['moved'] + $again['removed'] + $again['replaced'] + $again['new'],
			$again['missing'],
		]);
		$requests = array_slice(self::$pair->accesses('b'), $from);
		// Version, key, listing, the file that is lost, and the key again.
		$this->assertLessThanOrEqual(6, count($requests), json_encode(array_column($requests, 'path')));
		$this->assertSame([], $this->differences());
		// What a listing takes, beside the bytes of 10,000 files of 20 KiB.
		$listing = self::ask('/set/files');
		$count = count(json_decode($listing, true)['files']);
		$this->assertLessThan(0.01 * 20 * 1024 * $count, strlen($listing));
		// The secret is in no set and no log.
		$secret = substr(self::$key, -64);
		foreach ([$this->set, self::$pair->hub('b')] as $folder) {
			exec('grep -rlF -- ' . escapeshellarg($secret) . ' ' . escapeshellarg($folder), $found, $status);
			$this->assertSame([1, []], [$status, $found]);
		}
	}

	public function test_changes_of_any_sort_are_found_and_only_bytes_that_changed_come(): void
	{
		$this->backup();
		$at = fn (string $name) => self::$pair->rows(
			'b',
			"SELECT hash FROM attach WHERE filename = '$name'",
		)[0]['hash'];
		[$replaced, $moved, $removed] = [$at('access 1.txt'), $at('access 2.txt'), $at('access 3.txt')];
		file_put_contents(self::$pair->hub('b') . "/store/alice/$replaced", 'other bytes');
		touch(self::$pair->hub('b') . "/store/alice/$replaced", time() - 100);
		self::$pair->execute(
			'b',
			"UPDATE attach SET filesize = 11, edited = '2026-01-01 10:00:00' WHERE hash = '$replaced'",
		);
		self::$pair->execute('b', "UPDATE attach SET filename = 'renamed.txt' WHERE hash = '$moved'");
		$saved = self::$pair->rows('b', "SELECT id FROM attach WHERE hash = '$removed'")[0]['id'];
		self::$pair->execute('b', "UPDATE attach SET uid = 99 WHERE id = $saved");
		// Nothing of these is in the row of a file.
		self::$pair->execute(
			'b',
			"UPDATE photo SET description = 'another' WHERE imgscale = 0 AND resource_id = '{$at('photo 5.jpg')}'",
		);
		self::$pair->execute('b', "UPDATE item SET body = 'another word' WHERE body = 'a comment by Bob'");
		self::$pair->upload('b', '', [self::file('brand new', 'quite new')]);
		sleep(3);
		[$code, $said] = $this->backup();
		$this->assertSame(1, $code, json_encode($said));
		$this->assertSame(
			[1, 1, 4, 1, 1],
			[$said['new'], $said['replaced'], $said['changed'], $said['moved'], $said['removed']],
			json_encode($said),
		);
		$this->assertGreaterThan(20, $said['received_bytes']);
		$this->assertSame([], $this->differences());
		$this->assertCount(1, glob("$this->set/data/older/*/files/access 3.txt") ?: []);
		self::$pair->execute('b', "UPDATE attach SET uid = 1 WHERE id = $saved");
		// Bytes that somebody changed behind the hub's back are found by looking at all of them.
		file_put_contents(self::$pair->hub('b') . "/store/alice/$replaced", 'OTHER BYTES');
		sleep(3);
		[, $said] = $this->backup();
		$this->assertSame([0, 1], [$said['replaced'], $said['new']]);
		[, $said] = $this->backup('--full');
		$this->assertSame([1, true], [$said['replaced'], $said['full']]);
		$this->assertSame([], $this->differences());
	}

	public function test_a_run_that_was_killed_goes_on_and_brings_nothing_twice(): void
	{
		$log = self::$pair->folder . '/killed.log';
		$process = self::start($log, 'backup', self::url(), '--to', $this->set, '--limit', '8M');
		// It is killed in the midst of the largest file.
		$arrived = 0;
		self::killOnce(function () use (&$arrived): bool {
			clearstatcache();
			$arrived = max([0, ...array_map(filesize(...), glob("$this->set/.partial/work/*.partial") ?: [])]);

			return $arrived >= (24 << 20);
		}, $process);
		$this->assertGreaterThan(24 << 20, $arrived, (string) file_get_contents($log));
		[$code, $said] = $this->backup();
		$this->assertSame([1, true], [$code, $said['continued']], json_encode($said));
		$this->assertLessThan((40 << 20) - (16 << 20) + (15 << 20), $said['received_bytes']);
		$this->assertSame([], $this->differences());
		$this->assertSame([], glob("$this->set/.partial") ?: []);
	}

	public function test_a_part_of_the_channel_leaves_the_rest_as_it_is_and_a_dry_run_changes_nothing(): void
	{
		$files = (int) self::$pair->rows('b', 'SELECT COUNT(*) AS n FROM attach WHERE is_dir = 0 AND uid = 1')[0]['n'];
		[$code, $said] = $this->backup('--dry-run');
		$this->assertSame([0, $files, $files, false], [$code, $said['files'], $said['new_files'], is_dir($this->set)]);
		[$code, $said] = $this->backup('--only', 'zoo');
		$this->assertSame([0, 30], [$code, $said['files']]);
		[, $said] = $this->backup('--exclude', 'many', '--exclude', 'large', '--exclude', 'zoo/*.txt');
		$this->assertGreaterThan(10, $said['removed']);
		$lacks = json_decode((string) file_get_contents("$this->set/set.json"), true)['lacks'];
		$this->assertContains('many is left out, as asked.', array_column($lacks, 'words'));
		[, $said] = $this->backup('--dry-run', '--exclude', 'large');
		// Those that were left out before, but for the largest.
		$this->assertGreaterThan(510, $said['new_files']);
		$this->assertLessThan(540, $said['new_files']);
	}

	public function test_refusals_are_put_into_words(): void
	{
		$login = fn (string $url, string $key) => self::command('login', $url, '--key-file', self::file('key', $key));
		self::$pair->serve('a');
		[$code, $said] = $login(self::$pair->urls['a'] . '/channel/alice', self::$key);
		self::$pair->cut('a');
		$this->assertSame([1, 'door_closed'], [$code, $said['error']], 'that hub has no filesync');
		[$code, $said] = $login(self::url(), 'fsr' . substr(self::$key, 3));
		$this->assertSame([2, 'no_login'], [$code, $said['error']]);
		$wrong = substr(self::$key, 0, -1) . (self::$key[-1] === '0' ? '1' : '0');
		[$code, $said] = $login(self::url(), $wrong);
		$this->assertSame([1, 'login_refused'], [$code, $said['error']]);
		$this->assertStringNotContainsString(substr($wrong, -64), json_encode($said));
		[$code, $said] = $login(self::$pair->urls['b'] . '/channel/bob', self::$key);
		$this->assertSame([1, 'login_refused'], [$code, $said['error']]);
		$this->assertStringContainsString('for the channel alice, not for bob', $said['words']);

		$revoked = self::$channel->run('echo FileSync\Addon\Door\Key::make(1, "backup");');
		self::useKey($revoked);
		self::$channel->run('FileSync\Addon\Door\Key::revoke(1, "' . substr($revoked, 4, 16) . '");');
		[$code, $said] = $this->backup();
		$this->assertSame([1, 'login_refused'], [$code, $said['error']]);
		$this->assertStringContainsString('was revoked', $said['words']);

		self::useKey(self::$key);
		self::$pair->command('b', 'config', 'set', 'backup_door', '0');
		[$code, $said] = $this->backup();
		$this->assertSame([1, 'door_closed'], [$code, $said['error']]);
		[$code, $said] = $login(self::url(), self::$key);
		$this->assertSame([1, 'door_closed'], [$code, $said['error']]);
		self::$pair->command('b', 'config', 'clear', 'backup_door');

		self::$pair->cut('b');
		[$code, $said] = $this->backup();
		self::$pair->serve('b');
		$this->assertSame([75, 'hub_unreachable'], [$code, $said['error']]);
		[$code, $text] = self::read('logout', self::url());
		$this->assertSame(0, $code);
		$this->assertStringContainsString('/filesync/backup and press *Revoke* at ' . substr(self::$key, 4, 16), $text);
	}

	/** Asks the door as a program does. */
	private static function ask(string $path): string
	{
		$context = stream_context_create(['http' => ['header' => 'Filesync-Key: ' . self::$key]]);

		return (string) file_get_contents(self::$pair->urls['b'] . "/filesync/v1$path", false, $context);
	}
}
