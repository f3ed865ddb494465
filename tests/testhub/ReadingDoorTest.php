<?php

require_once __DIR__ . '/Doorstep.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Pair;

/**
 * A program reads a channel through the reading door of a hub: what it gets is what the hub's own backup writes, and
 * nothing of anybody else. Environment EXTENSION names the extension to load.
 */
final class ReadingDoorTest extends TestCase
{
	private const PACK_BYTES = 8 << 20;

	private static Doorstep $door;
	private static string $folder;

	public static function setUpBeforeClass(): void
	{
		self::$folder = sys_get_temp_dir() . '/readingdoortest-' . getmypid();
		self::$door = new Doorstep(self::$folder);
		Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$door->hub,
			PHP_BINARY,
			__DIR__ . '/../set/fill.php',
			self::$door->hub,
		]);
		foreach ([3 << 20, 3 << 20, 3 << 20, 9 << 20] as $n => $size) {
			$name = self::$folder . "/packed-$n.bin";
			file_put_contents($name, str_repeat("$n-" . random_bytes(30), $size >> 5));
			self::$door->pair->upload('b', 'Large', [$name]);
		}
		self::$door->inHub(
			'foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator("store/alice", 4096)) as $file) touch($file, time() - 100);',
		);
		// Digests are computed of bytes that did not change for two seconds.
		sleep(3);
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function setUp(): void
	{
		self::$door->makeKey(1, 'backup');
	}

	public function test_what_it_gives_is_what_the_hub_s_own_backup_writes(): void
	{
		$set = self::$folder . '/set';
		self::$door->pair->command('b', 'backup', 'alice', $set);
		$said = self::$door->say('GET', '/set');
		$about = json_decode((string) file_get_contents("$set/set.json"), true);
		foreach (['channel', 'origin', 'contents', 'access_names'] as $key) {
			$this->assertEquals($about[$key], $said[$key], $key);
		}
		$this->assertSame(
			[$about['counts']['files'], 'no_file'],
			[$said['files'], $said['lacks'][0]['why']],
		);
		$listed = $this->listed();
		$offered = $this->metadata(array_keys($listed));
		$saved = [];
		foreach (glob("$set/data/metadata/*/*.json") as $path) {
			$saved[basename($path, '.json')] = (string) file_get_contents($path);
		}
		$this->assertGreaterThan(70, count($saved));
		$this->assertSame(self::sorted(array_keys($saved)), self::sorted(array_keys($listed)));
		$this->assertSame(self::sorted(array_keys($saved)), self::sorted(array_keys($offered)));
		$lacks = [];
		foreach ($saved as $hash => $text) {
			// Between the keys that a set adds is what the hub says, one key a line.
			$lines = explode("\n", $text);
			$own = '{' . implode('', array_slice($lines, 3, -3)) . '}';
			$own = substr($own, 0, -2) . '}';
			$this->assertSame(substr(hash('sha256', $own), 0, 32), $listed[$hash]['print'], $text);
			$one = $offered[$hash];
			$this->assertSame(json_decode($own, true), $one['metadata']);
			$this->assertSame(
				$listed[$hash]['names'],
				array_column($one['metadata']['attach'], 'filename'),
			);
			$parts = array_map(
				fn ($part) => array_diff_key($part, ['path' => 1, 'base64' => 1]),
				json_decode($text, true)['parts'],
			);
			$this->assertEquals($parts, $one['parts'], $text);
			$lacks = [...$lacks, ...$one['lacks']];
			$this->assertArrayNotHasKey('again', $one);
			isset($one['fault']) && ($faults[$one['metadata']['attach'][0]['filename']] = $one['fault']);
		}
		$this->assertSame(['bytes are lost.pdf' => 'no_bytes'], $faults ?? []);
		$this->assertSame([], $lacks);
	}

	public function test_bytes_come_in_packs_and_in_ranges(): void
	{
		$offered = $this->metadata(array_keys($this->listed()));
		$asked = $expected = [];
		foreach ($offered as $hash => $one) {
			foreach ($one['parts'] as $part) {
				if ($part['size'] < (1 << 20)) {
					$asked[] =
						['hash' => $hash, 'sha256' => $part['sha256']]
						+ (isset($part['scale']) ? ['scale' => $part['scale']] : []);
					$expected[$part['sha256']] = $part['size'];
				}
			}
		}
		$this->assertGreaterThan(40, count($expected));
		$members = $this->pack($asked);
		ksort($expected);
		$this->assertSame($expected, array_map(strlen(...), $members));

		[$hash, $size, $sha256] = self::part($offered, 'packed-3.bin');
		$whole = self::$door->ask('GET', "/set/bytes/$hash/0");
		$this->assertSame([200, $sha256], [$whole['status'], hash('sha256', $whole['body'])]);
		$this->assertSame(["\"$sha256\"", 'bytes', (string) $size], [
			self::$door->headers['etag'],
			self::$door->headers['accept-ranges'],
			self::$door->headers['content-length'],
		]);
		$bytes = '';
		foreach (['0-4999999', '5000000-'] as $range) {
			$answer = self::$door->ask('GET', "/set/bytes/$hash/0", [
				'Range' => "bytes=$range",
				'If-Match' => "\"$sha256\"",
			]);
			$this->assertSame(206, $answer['status']);
			$bytes .= $answer['body'];
		}
		$this->assertSame($sha256, hash('sha256', $bytes));
		$this->assertSame('bytes 5000000-' . ($size - 1) . "/$size", self::$door->headers['content-range']);
		$this->assertSame(
			[416, 'range_wrong'],
			self::refusal(self::$door->ask('GET', "/set/bytes/$hash/0", ['Range' => "bytes=$size-"])),
		);
		$this->assertSame("bytes */$size", self::$door->headers['content-range']);
		$this->assertSame(
			[412, 'changed'],
			self::refusal(self::$door->ask('GET', "/set/bytes/$hash/0", [
				'If-Match' => '"' . str_repeat('0', 64) . '"',
			])),
		);
		$head = self::$door->ask('HEAD', "/set/bytes/$hash/0");
		$this->assertSame([200, '', (string) $size], [
			$head['status'],
			$head['body'],
			self::$door->headers['content-length'],
		]);
		// What the hub keeps in its database, and crops.
		[$legacy, , $digest] = self::part($offered, 'in the database.txt');
		$answer = self::$door->ask('GET', "/set/bytes/$legacy/0", ['Range' => 'bytes=8-']);
		$this->assertSame([206, 'the database'], [$answer['status'], $answer['body']]);
		$this->assertSame(hash('sha256', 'kept in the database'), $digest);
		$crops = array_filter($offered, fn ($one) => isset($one['parts'][1]));
		$this->assertCount(3, $crops);
		foreach ($crops as $hash => $one) {
			foreach (array_slice($one['parts'], 1) as $part) {
				$answer = self::$door->ask('GET', "/set/bytes/$hash/{$part['scale']}");
				$this->assertSame($part['sha256'], hash('sha256', $answer['body']));
			}
		}
		// Only those that cannot be made from others.
		$photo = array_key_first($crops);
		foreach (["$photo/1", "$photo/5", "$photo/10", "$photo/x", '../0', "$photo/../0"] as $path) {
			$this->assertSame(404, self::$door->ask('GET', "/set/bytes/$path")['status'], $path);
		}
		$this->assertSame([], glob(self::$door->hub . '/store/\[data\]/filesync/1/backup/*.bytes'));
	}

	public function test_a_pack_has_its_bounds(): void
	{
		$offered = $this->metadata(array_keys($this->listed()));
		$parts = [];
		foreach (range(0, 3) as $n) {
			[$hash, , $sha256] = self::part($offered, "packed-$n.bin");
			$parts[] = ['hash' => $hash, 'sha256' => $sha256];
		}
		// Two of 3 MiB fit; what is left is asked for again.
		$members = $this->pack([$parts[0], $parts[0], $parts[1], $parts[2]]);
		$this->assertEqualsCanonicalizing([$parts[0]['sha256'], $parts[1]['sha256']], array_keys($members));
		// What fits into no pack is not in its way.
		$this->assertSame([$parts[2]['sha256']], array_keys($this->pack([$parts[3], $parts[2]])));
		$this->assertSame([404, 'no_bytes'], self::refusal($this->asked([$parts[3]])));
		// A digest that is not that of the file, and one that has gone.
		$other = ['hash' => $parts[0]['hash'], 'sha256' => $parts[1]['sha256']];
		$this->assertSame([404, 'no_bytes'], self::refusal($this->asked([$other])));
		$this->assertSame([$parts[2]['sha256']], array_keys($this->pack([$other, $parts[2]])));
		foreach ([
			[],
			['x'],
			[['hash' => '../x'] + $parts[0]],
			[['sha256' => 'x'] + $parts[0]],
			[['scale' => '4'] + $parts[0]],
			array_fill(0, 2001, $parts[0]),
		] as $wrong) {
			$this->assertSame([400, 'files_wrong'], self::refusal($this->asked($wrong)));
		}
		foreach ([
			[],
			'x',
			['a', 'a'],
			['../x'],
			array_map(fn ($n) => "h$n", range(0, 200)),
		] as $wrong) {
			$said = self::$door->say('POST', '/set/metadata', ['hashes' => $wrong]);
			$this->assertSame([400, 'hashes_wrong'], [$said['status'], $said['error']]);
		}
		$this->assertSame([], self::$door->say('POST', '/set/metadata', ['hashes' => ['not-here']])['files']);
		foreach (['-1', 'x', '1' . str_repeat('0', 18)] as $after) {
			$this->assertSame('number_wrong', self::$door->say('GET', "/set/files?after=$after")['error']);
		}
		foreach ([
			['POST', '/set'],
			['GET', '/set/pack'],
			['GET', '/set/metadata'],
			['PUT', '/set/bytes/x/0'],
		] as [$method, $path]) {
			$this->assertSame('method_wrong', self::$door->ask($method, $path)['error']);
		}
		$this->assertSame('no_such_path', self::$door->ask('GET', '/set/../restore/x/y')['error']);
	}

	public function test_a_key_reads_its_own_channel_only(): void
	{
		$mine = array_keys($this->listed());
		[$hash, , $sha256] = self::part($this->metadata($mine), 'large.bin');
		$part = ['hash' => $hash, 'sha256' => $sha256];
		$this->assertCount(1, $this->pack([$part]));
		// Another channel of this hub gets a file with the same bytes; alice's rows are not its own.
		self::$door->pair->execute('b', "UPDATE attach SET uid = 2 WHERE hash = '$hash'");
		try {
			$this->assertNotContains($hash, array_keys($this->listed()));
			$this->assertSame([], $this->metadata([$hash]));
			$this->assertSame([404, 'no_bytes'], self::refusal($this->asked([$part])));
			$this->assertSame([404, 'no_bytes'], self::refusal(self::$door->ask('GET', "/set/bytes/$hash/0")));
		} finally {
			self::$door->pair->execute('b', "UPDATE attach SET uid = 1 WHERE hash = '$hash'");
		}
		$this->assertContains($hash, array_keys($this->listed()));
	}

	public function test_wrong_keys_read_nothing_and_a_key_s_use_is_noted(): void
	{
		$right = self::$door->key;
		$restore = self::$door->makeKey(1);
		foreach ([
			'' => [401, 'key_missing'],
			'x' => [401, 'key_wrong'],
			substr($right, 0, -1) . ($right[-1] === '0' ? '1' : '0') => [401, 'key_wrong'],
			'fsr' . substr($right, 3) => [401, 'key_wrong'],
			$restore => [403, 'key_scope'],
		] as $key => $refusal) {
			self::$door->key = (string) $key;
			foreach ([
				['GET', '/set'],
				['GET', '/set/files'],
				['POST', '/set/metadata'],
				['POST', '/set/pack'],
				['GET', '/set/bytes/x/0'],
			] as [$method, $path]) {
				$this->assertSame($refusal, self::refusal(self::$door->ask($method, $path)), "$key $path");
			}
		}
		self::$door->key = $right;
		$this->assertSame([403, 'key_scope'], self::refusal(self::$door->ask('POST', '/restore')));
		$answer = self::$door->ask('GET', '/set', ['Authorization' => "Bearer $right", 'Filesync-Key' => '']);
		$this->assertSame(200, $answer['status']);
		$id = substr($right, 4, 16);
		[$row] = self::$door->pair->rows('b', "SELECT * FROM filesync_door_key WHERE id = '$id'");
		$this->assertSame(['backup', '127.0.0.1'], [$row['kind'], $row['used_from']]);
		$this->assertGreaterThan(time() + (364 * 86400), (int) $row['expires']);
		$this->assertStringNotContainsString(substr($right, -64), json_encode($row));
		self::$door->pair->execute(
			'b',
			'UPDATE filesync_door_key SET expires = ' . (time() - 1) . " WHERE id = '$id'",
		);
		$this->assertSame([401, 'key_wrong'], self::refusal(self::$door->ask('GET', '/set')));
		self::$door->makeKey(1, 'backup');
		$id = substr(self::$door->key, 4, 16);
		self::$door->inHub("FileSync\\Addon\\Door\\Key::revoke(1, '$id');");
		$this->assertSame([401, 'key_wrong'], self::refusal(self::$door->ask('GET', '/set')));
	}

	public function test_an_admin_closes_it(): void
	{
		$pair = self::$door->pair;
		$this->assertSame('open', self::$door->say('GET', '')['reading_door']);
		try {
			$pair->command('b', 'config', 'set', 'backup_door', '0', '--scope', 'channel:1');
			$this->assertSame([403, 'door_closed'], self::refusal(self::$door->ask('GET', '/set')));
			$pair->command('b', 'config', 'clear', 'backup_door', '--scope', 'channel:1');
			$this->assertSame(200, self::$door->ask('GET', '/set')['status']);
			$pair->command('b', 'config', 'set', 'backup_door', '0');
			$this->assertSame('closed', self::$door->say('GET', '')['reading_door']);
			$this->assertSame([403, 'door_closed'], self::refusal(self::$door->ask('GET', '/set/files')));
		} finally {
			$pair->command('b', 'config', 'clear', 'backup_door', '--scope', 'channel:1');
			$pair->command('b', 'config', 'clear', 'backup_door');
		}
		$pair->command('b', 'config', 'set', 'upload_requests_per_second', '2');
		try {
			$errors = array_map(fn () => self::$door->ask('GET', '/set/x')['error'], range(1, 30));
			$many = array_map(fn () => self::$door->ask('GET', '/set')['error'], range(1, 30));
			$this->assertSame(['no_such_path'], array_values(array_unique($errors)), 'that costs nothing');
			$this->assertContains('too_many_requests', $many);
			$this->assertSame('1', self::$door->headers['retry-after'] ?? '1');
		} finally {
			$pair->command('b', 'config', 'set', 'upload_requests_per_second', '10000');
		}
	}

	public function test_what_changes_is_listed_with_another_print_and_read_again(): void
	{
		$before = $this->listed();
		[$hash] = self::part($this->metadata(array_keys($before)), 'access 0.txt');
		$this->assertSame($before, $this->listed(), 'the same each time');
		// Written a moment ago: it might change again unnoticed.
		file_put_contents(self::$door->hub . "/store/alice/$hash", 'other bytes');
		self::$door->pair->execute(
			'b',
			"UPDATE attach SET filesize = 11, edited = '2026-01-01 10:00:00' WHERE hash = '$hash'",
		);
		$one = $this->metadata([$hash])[$hash];
		$this->assertSame(['hash' => $hash, 'again' => 'not_read_yet'], $one);
		$this->assertSame([503, 'not_read_yet'], self::refusal(self::$door->ask('GET', "/set/bytes/$hash/0")));
		$this->assertSame('2', self::$door->headers['retry-after']);
		$now = $this->listed();
		$this->assertSame([$hash], array_keys(array_udiff_assoc($now, $before, fn ($a, $b) => $a <=> $b)));
		sleep(3);
		$one = $this->metadata([$hash])[$hash];
		$this->assertSame(hash('sha256', 'other bytes'), $one['parts'][0]['sha256']);
		$this->assertSame($now[$hash]['print'], $this->listed()[$hash]['print']);
		// A comment and a category change it, too.
		self::$door->pair->execute('b', "UPDATE item SET body = 'another word' WHERE body = 'a comment by Bob'");
		$changed = array_udiff_assoc($this->listed(), $now, fn ($a, $b) => $a <=> $b);
		$this->assertCount(3, $changed);
	}

	public function test_a_thousand_unchanged_files_take_one_request(): void
	{
		$before = count($this->listed());
		self::$door->inHub(
			'foreach (range(1, 1100) as $n) create_table_from_array("attach", ["uid" => 1, "aid" => 1, "hash" => "listed-$n", "creator" => "x", '
			. '"filename" => "folder $n", "filetype" => "multipart/mixed", "is_dir" => 1, "os_storage" => 1, "content" => "", "folder" => "", '
			. '"created" => "2024-05-01 10:00:00", "edited" => "2024-05-01 10:00:00", "allow_cid" => "", "allow_gid" => "", "deny_cid" => "", '
			. '"deny_gid" => "", "os_path" => "", "display_path" => ""]);',
		);
		try {
			$first = self::$door->say('GET', '/set/files');
			$this->assertCount(1000, $first['files']);
			$second = self::$door->say('GET', "/set/files?after={$first['after']}");
			$this->assertSame([$before + 100, null], [count($second['files']), $second['after']]);
			$this->assertCount($before + 1100, $this->listed());
		} finally {
			self::$door->pair->execute('b', "DELETE FROM attach WHERE hash LIKE 'listed-%'");
		}
	}

	/** @return array<string, array{print: string, names: list<string>, size?: int}> All that is listed, by hash. */
	private function listed(): array
	{
		[$files, $after] = [[], 0];
		do {
			$said = self::$door->say('GET', "/set/files?after=$after");
			$this->assertSame(200, $said['status'], json_encode($said));
			foreach ($said['files'] as $file) {
				$this->assertArrayNotHasKey($file['hash'], $files);
				$files[$file['hash']] = array_diff_key($file, ['hash' => 1]);
			}
			$after = $said['after'];
		} while ($after !== null);

		return $files;
	}

	/**
	 * @param list<string> $hashes
	 *
	 * @return array<string, array<string, mixed>> By hash.
	 */
	private function metadata(array $hashes): array
	{
		$found = [];
		foreach (array_chunk($hashes, 200) as $asked) {
			while ($asked !== []) {
				$said = self::$door->say('POST', '/set/metadata', ['hashes' => $asked]);
				$this->assertSame(200, $said['status'], json_encode($said));
				$found += array_column($said['files'], null, 'hash');
				$this->assertLessThan(count($asked), count($said['left']));
				$asked = $said['left'];
			}
		}

		return $found;
	}

	/** @return array{status: int, error: string, body: string} */
	private function asked(array $parts): array
	{
		return self::$door->ask(
			'POST',
			'/set/pack',
			['Content-Type' => 'application/json'],
			json_encode(['files' => $parts]),
		);
	}

	/** @return array<string, string> What common tar finds in the pack, by name. */
	private function pack(array $parts): array
	{
		$answer = $this->asked($parts);
		$this->assertSame(200, $answer['status'], substr($answer['body'], 0, 500));
		$this->assertSame('application/x-tar', self::$door->headers['content-type']);
		$this->assertSame(strlen($answer['body']), (int) self::$door->headers['content-length']);
		$this->assertLessThanOrEqual(self::PACK_BYTES, strlen($answer['body']));
		$folder = self::$folder . '/pack';
		mkdir($folder);
		file_put_contents("$folder.tar", $answer['body']);
		Pair::run(['tar', '-xf', "$folder.tar", '-C', $folder]);
		$members = [];
		foreach (array_diff(scandir($folder), ['.', '..']) as $name) {
			$members[$name] = (string) file_get_contents("$folder/$name");
			$this->assertSame($name, hash('sha256', $members[$name]));
		}
		Pair::run(['rm', '-r', $folder, "$folder.tar"]);
		ksort($members);

		return $members;
	}

	/** @return array{string, int, string} Hash, size and digest of the file with this name. */
	private static function part(array $offered, string $name): array
	{
		foreach ($offered as $hash => $one) {
			$attach = $one['metadata']['attach'] ?? [];
			if (end($attach)['filename'] === $name) {
				return [$hash, $one['parts'][0]['size'], $one['parts'][0]['sha256']];
			}
		}

		return ['', 0, ''];
	}

	/** @return array{int, string} */
	private static function refusal(array $answer): array
	{
		return [$answer['status'], $answer['error']];
	}

	private static function sorted(array $list): array
	{
		sort($list);

		return $list;
	}
}
