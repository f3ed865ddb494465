<?php

require_once __DIR__ . '/Doorstep.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Pair;

/**
 * A backup set comes back through the upload door of a hub: by the client that ships as an example, by curl, by hand;
 * hostile ones get nothing but a refusal, and each bound says how much is short.
 *
 * Environment EXTENSION names the extension to load.
 */
final class UploadDoorTest extends TestCase
{
	private static Doorstep $door;
	private static string $set;
	private static int $count = 0;

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/uploaddoortest-' . getmypid();
		self::$door = new Doorstep($folder);
		$pair = self::$door->pair;
		mkdir("$folder/in");
		file_put_contents("$folder/in/one.txt", 'the bytes');
		file_put_contents("$folder/in/two words.bin", str_repeat("second \0\xFF", 40000));
		file_put_contents("$folder/in/empty", '');
		$pair->upload('b', 'Papers', ["$folder/in/one.txt", "$folder/in/two words.bin"]);
		$pair->upload('b', '', ["$folder/in/two words.bin", "$folder/in/empty"]);
		self::$set = "$folder/set";
		$pair->command('b', 'backup', 'alice', self::$set);
		self::assertFileExists(self::$set . '/channel-signature.json');
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function setUp(): void
	{
		// Every test begins with an owner who has no key, and a door that nobody uses.
		self::$door->inHub(
			'foreach ([1, 2] as $id) FileSync\Addon\Door\Session::forget($id); FileSync\Addon\Restore\Job::forget(1);',
		);
		self::$door->key = '';
	}

	protected function tearDown(): void
	{
		foreach ([
			'restore_door',
			'upload_max_bytes',
			'upload_disk_percent',
			'upload_sessions',
			'upload_open_entries',
			'file_max_bytes',
		] as $name) {
			self::$door->pair->command('b', 'config', 'clear', $name);
		}
		self::$door->pair->command('b', 'config', 'set', 'upload_requests_per_second', '10000');
	}

	public function test_what_the_door_says_of_itself_needs_no_key(): void
	{
		$said = self::$door->say('GET', '');
		$this->assertSame([200, 1, 1, 1, 'open', '1.0.0', 8388608, 10000, 48, 14, null], [
			$said['status'],
			$said['protocol']['oldest'],
			$said['protocol']['newest'],
			$said['set_format'],
			$said['door'],
			$said['tus']['version'],
			$said['limits']['piece_bytes'],
			$said['limits']['open_entries'],
			$said['limits']['idle_hours'],
			$said['limits']['days'],
			$said['limits']['file_bytes'],
		]);
		self::$door->pair->command('b', 'config', 'set', 'restore_door', '0');
		$this->assertSame('closed', self::$door->say('GET', '')['door']);
	}

	public function test_without_a_key_that_is_right_nothing_is_done(): void
	{
		$right = self::$door->makeKey();
		$session = self::$door->begin();
		foreach ([
			'' => 'key_missing',
			'x' => 'key_wrong',
			substr($right, 0, -1) . ($right[-1] === '0' ? '1' : '0') => 'key_wrong',
			substr($right, 0, -1) => 'key_wrong',
			"$right " . $right => 'key_wrong',
			strtoupper($right) => 'key_wrong',
		] as $key => $error) {
			self::$door->key = (string) $key;
			foreach ([
				['POST', '/restore'],
				['GET', $session],
				['DELETE', $session],
				['POST', "$session/lacking"],
				['POST', "$session/finish"],
				['POST', "$session/upload"],
				['HEAD', "$session/upload/" . str_repeat('0', 64)],
			] as [$method, $path]) {
				$said = self::$door->tus($method, $path);
				$this->assertSame([401, $error], [$said['status'], $said['error']], "$key $method $path");
			}
		}
		// Where a web server keeps one header for itself, the other one works.
		foreach ([
			['Authorization' => "Bearer $right", 'Filesync-Key' => ''],
			['Filesync-Key' => $right],
			['Filesync-Key' => $right, 'Authorization' => 'Basic eDp5'],
		] as $headers) {
			$this->assertSame(200, self::$door->ask('GET', $session, $headers)['status']);
		}
		self::$door->key = $right;
		$rows = json_encode(self::$door->pair->rows('b', 'SELECT * FROM filesync_door_key'));
		$this->assertStringNotContainsString(substr($right, -64), $rows, 'only a digest is kept');
		$this->assertStringNotContainsString(
			substr($right, -64),
			(string) file_get_contents(self::$door->hub . '/hub.log'),
		);
	}

	public function test_the_example_client_sends_a_set_and_all_bytes_are_equal(): void
	{
		self::lose();
		self::$door->makeKey();
		[$code, $lines] = self::client('--send-only', '--piece', '65536');
		$this->assertSame(0, $code, $lines);
		$this->assertStringContainsString('files sent', $lines);
		// As if the client had been killed: the same command goes on, and sends nothing again.
		$before = count(self::$door->pair->accesses('b'));
		[$code, $lines] = self::client('--send-only');
		$this->assertStringContainsString('0 of ', $lines);
		$this->assertLessThan(8, count(self::$door->pair->accesses('b')) - $before);
		$said = $this->finished();
		$this->assertSame(['done', 4, []], [$said['state'], $said['restore']['files']['restore'], $said['attention']]);
		$this->assertSame('channel', $said['restore']['signed_by'] ?? 'channel');
		$this->assertWhole();
		$this->assertSame([], self::$door->onDisk(), 'its bytes are freed');
		[$code, $lines] = self::client();
		$this->assertSame(0, $code, $lines);
	}

	public function test_what_the_channel_has_is_not_asked_for_and_what_another_has_is(): void
	{
		$digest = hash_file('sha256', self::$set . '/data/files/Papers/one.txt');
		// The digests of what was published are known.
		self::lose();
		self::$door->pair->command('b', 'restore', 'alice', self::$set);
		self::$door->makeKey();
		$session = self::$door->begin();
		$this->assertSame([], self::$door->say('POST', "$session/lacking", ['sha256' => [$digest]])['lacking']);
		// The same bytes of another channel on the same hub do not count.
		self::$door->pair->execute('b', 'UPDATE filesync_digest SET uid = 2');
		$this->assertSame([$digest], self::$door->say('POST', "$session/lacking", ['sha256' => [$digest]])['lacking']);
		self::$door->pair->execute('b', 'UPDATE filesync_digest SET uid = 1');
		self::$door->say('DELETE', $session);

		// What is here under another hash comes back from there.
		self::$door->pair->execute('b', "DELETE FROM attach WHERE filename = 'two words.bin' AND folder <> ''");
		self::$door->pair->execute(
			'b',
			'DELETE FROM filesync_file WHERE hash NOT IN (SELECT hash FROM attach)',
		);
		self::$door->makeKey();
		[$code, $lines] = self::client('--send-only');
		$this->assertSame(0, $code, $lines);
		$sent = self::$door->onDisk();
		$large = hash_file('sha256', self::$set . '/data/files/two words.bin');
		$this->assertSame([], preg_grep("/$large/", $sent), 'it was not sent');
		$said = $this->finished();
		$this->assertSame(['done', ['here' => 3, 'restore' => 1]], [
			$said['state'],
			self::sorted($said['restore']['files']),
		]);
		$this->assertWhole();
	}

	public function test_a_set_that_nobody_signed_comes_back_for_its_owner_alone(): void
	{
		self::lose();
		$unsigned = self::unsigned();
		self::$door->makeKey();
		[$code, $lines] = self::client('--send-only', set: $unsigned);
		$this->assertSame(0, $code, $lines);
		$said = $this->finished();
		$this->assertSame(['done', 4], [$said['state'], $said['restore']['files']['restore']], json_encode($said));
		$this->assertWhole();
		$hash = self::$door->channelHash();
		$this->assertSame(
			["<$hash>"],
			array_column(
				self::$door->pair->rows('b', 'SELECT DISTINCT allow_cid FROM attach WHERE uid = 1'),
				'allow_cid',
			),
		);
	}

	public function test_what_nobody_signed_is_believed_if_its_owner_says_so(): void
	{
		self::lose();
		$unsigned = self::unsigned();
		self::$door->makeKey();
		[$code, $lines] = self::client('--send-only', set: $unsigned);
		$this->assertSame(0, $code, $lines);
		$said = $this->finished(['trust' => true]);
		$this->assertSame(['done', 4, 0], [
			$said['state'],
			$said['restore']['files']['restore'],
			$said['restore']['unproven'],
		]);
		$this->assertWhole();
		// As the set has it: for everybody.
		$this->assertSame([''], array_column(
			self::$door->pair->rows('b', 'SELECT DISTINCT allow_cid FROM attach WHERE uid = 1'),
			'allow_cid',
		));
	}

	public function test_the_plan_is_what_finish_does_and_needs_no_more_than_lists_and_metadata(): void
	{
		self::lose();
		$pair = self::$door->pair;
		self::$door->makeKey();
		$session = self::$door->describe(self::$set);
		$before = [self::$door->rows(), self::$door->tree()];
		$said = self::$door->say('POST', "$session/plan", []);
		$this->assertSame([202, 'planning', null], [$said['status'], $said['state'], $said['plan']]);
		// Nothing else is taken meanwhile, and another plan begins again.
		$said = self::$door->say('POST', "$session/room", []);
		$this->assertSame([409, 'planning'], [$said['status'], $said['error']]);
		$this->assertSame(202, self::$door->say('POST', "$session/plan", [])['status']);
		self::$door->work();
		$said = self::$door->say('GET', $session);
		$this->assertSame(['open', ''], [$said['state'], $said['code']]);
		$this->assertSame([4, 0, 0], [
			$said['plan']['files']['restore'],
			$said['plan']['quota_short'],
			$said['plan']['disk_short'],
		]);
		$this->assertSame('alice@' . parse_url($pair->urls['b'], PHP_URL_HOST), $said['plan']['set_of']);
		$this->assertSame($before, [self::$door->rows(), self::$door->tree()], 'nothing was changed');
		// One folder alone; then the whole set, of which the plan said the same.
		self::$door->say('POST', "$session/plan", ['options' => ['names' => ['Papers']]]);
		self::$door->work();
		$this->assertSame(2, self::$door->say('GET', $session)['plan']['files']['restore']);
		[$code, $lines] = self::client('--send-only');
		$this->assertSame(0, $code, $lines);
		$said = $this->finished();
		$this->assertSame(['done', 4, null], [$said['state'], $said['restore']['files']['restore'], $said['plan']]);
		$this->assertWhole();
	}

	public function test_a_plan_says_what_is_in_the_way_and_ends_with_its_session(): void
	{
		$pair = self::$door->pair;
		self::$door->makeKey();
		$session = self::$door->describe(self::$set);
		self::$door->say('POST', "$session/plan", ['options' => ['at' => '2020-01-01T00:00:00Z']]);
		self::$door->work();
		$said = self::$door->say('GET', $session);
		$this->assertSame(['open', 'no_run', null], [$said['state'], $said['code'], $said['plan']]);
		$this->assertStringContainsString('is the oldest', $said['message']);
		// Of what is here, one is deleted, and one differs.
		$row = $pair->rows('b', "SELECT * FROM attach WHERE uid = 1 AND filename = 'one.txt'")[0];
		file_put_contents(self::$door->hub . "/{$row['content']}", 'other bytes');
		$pair->execute('b', "UPDATE attach SET filesize = 11 WHERE filename = 'one.txt'");
		self::$door->say('POST', "$session/plan", []);
		self::$door->work();
		$said = self::$door->say('GET', $session);
		$this->assertSame(['differs_here' => 1, 'here' => 3], self::sorted($said['plan']['files']));
		$this->assertSame(['differs_here', 'Papers/one.txt'], [
			$said['attention'][0]['code'],
			$said['attention'][0]['name'],
		]);
		// The page shows it, and leaves it to the program that asked.
		$words = json_decode(
			self::$door->inHub(
				'echo json_encode(FileSync\Addon\Page\RestoreWords::of(FileSync\Addon\Restore\Job::of(1)));',
			),
			true,
		);
		$this->assertSame(['planned', false, false], [
			$words['state'],
			$words['may_start'],
			$words['may_change'],
		]);
		$this->assertSame(204, self::$door->ask('DELETE', $session)['status']);
		$this->assertSame('stopped', $pair->rows('b', 'SELECT state FROM filesync_restore')[0]['state']);
		$this->assertSame([], self::$door->onDisk());
		self::lose();
		self::$door->makeKey();
		[$code, $lines] = self::client('--send-only');
		$this->assertSame([0, 'done'], [$code, $this->finished()['state']], $lines);
	}

	public function test_an_earlier_state_comes_back(): void
	{
		self::lose();
		$pair = self::$door->pair;
		$set = "$pair->folder/of-two-runs";
		$pair->upload('b', '', ["$pair->folder/in/one.txt"]);
		$pair->command('b', 'backup', 'alice', $set);
		$first = json_decode(file_get_contents("$set/set.json"), true)['updated'];
		for ($end = microtime(true) + 30; gmdate('Y-m-d\TH:i:s\Z') <= $first && microtime(true) < $end;) {
			usleep(20000);
		}
		$pair->execute('b', "DELETE FROM attach WHERE filename = 'one.txt'");
		$pair->upload('b', '', ["$pair->folder/in/empty"]);
		$pair->command('b', 'backup', 'alice', $set);
		self::lose();
		self::$door->makeKey();
		[$code, $lines] = self::client('--send-only', set: $set);
		$this->assertSame(0, $code, $lines);
		$said = $this->finished(['at' => $first]);
		$this->assertSame(['done', ['restore' => 1]], [$said['state'], self::sorted($said['restore']['files'])]);
		$this->assertSame(
			['one.txt'],
			array_column($pair->rows('b', 'SELECT filename FROM attach WHERE uid = 1 AND is_dir = 0'), 'filename'),
		);
	}

	public function test_names_never_become_paths(): void
	{
		self::lose();
		$tree = self::$door->tree();
		foreach ([
			'../../../../../htconfig.php',
			'/etc/passwd',
			'data/files/../../../x',
			'store/x.php',
			'set.json/../../x',
			"runs/2026-11-28T031500Z.json\0.php",
		] as $name) {
			self::$door->makeKey();
			$manifest = hash('sha256', 'x') . '  data/files/' . $name . "\n" . hash('sha256', 'x') . "  $name\n";
			$about = json_encode(['filesync_set' => 1]);
			$tags = implode('', array_map(
				fn ($pair) => hash('sha256', $pair[0]) . "  $pair[1]\n",
				[[$manifest, 'manifest-sha256.txt'], [$about, 'set.json'], ['x', $name]],
			));
			$session = self::$door->begin($tags);
			foreach ([$tags, $manifest, $about, 'x'] as $bytes) {
				$this->assertSame(204, self::$door->patch(self::$door->create($session, $bytes), 0, $bytes)['status']);
			}
			$this->assertSame(202, self::$door->say('POST', "$session/finish", [])['status']);
			self::$door->work();
			$said = self::$door->say('GET', $session);
			$this->assertSame('open', $said['state'], json_encode($said));
			$this->assertContains(
				$said['code'],
				['set_other_channel', 'path_refused', 'set_refused', 'failed', 'set_damaged'],
				$name,
			);
			$this->assertSame(204, self::$door->ask('DELETE', $session)['status']);
			$this->assertSame($tree, self::$door->tree(), $name);
		}
	}

	public function test_sizes_and_digests_that_lie_are_found_out(): void
	{
		self::$door->makeKey();
		$session = self::$door->begin();
		$meta = Doorstep::metadata('0123456789');
		$upload = self::$door->create($session, '0123456789');
		// Another digest: thrown away, and asked for again.
		$said = self::$door->patch($upload, 0, 'abcdefghij');
		$this->assertSame([460, 'digest_wrong', 0], [$said['status'], $said['error'], self::$door->offset($upload)]);
		// In pieces.
		self::$door->patch($upload, 0, '01234');
		$said = self::$door->patch($upload, 5, 'fghij');
		$this->assertSame([460, 'digest_wrong', 0], [$said['status'], $said['error'], self::$door->offset($upload)]);
		// More than it said.
		$said = self::$door->patch($upload, 0, '0123456789a');
		$this->assertSame([400, 'beyond_length', 0], [$said['status'], $said['error'], self::$door->offset($upload)]);
		// The digest of other bytes, whose size is another one.
		$said = self::$door->tus('POST', "$session/upload", ['Upload-Length' => '11', 'Upload-Metadata' => $meta]);
		$this->assertSame([409, 'size_differs'], [$said['status'], $said['error']]);
		$this->assertSame(204, self::$door->patch($upload, 0, '0123456789')['status']);
		// Replayed and reordered.
		$other = self::$door->create($session, 'abcdefghij');
		self::$door->patch($other, 0, 'abc');
		foreach ([[0, 'abc'], [6, 'ghij'], [2, 'cdef']] as [$offset, $bytes]) {
			$said = self::$door->patch($other, $offset, $bytes);
			$this->assertSame([409, '3'], [$said['status'], self::$door->headers['upload-offset']]);
		}
		self::$door->patch($other, 3, 'defghij');
		$this->assertSame(10, self::$door->offset($other));
		// What a form of a browser sends, and what is no JSON.
		$said = self::$door->ask(
			'POST',
			"$session/lacking",
			['Content-Type' => 'application/x-www-form-urlencoded'],
			'a=b',
		);
		$this->assertSame([415, 'content_type'], [$said['status'], $said['error']]);
		// A web server that drops what comes without a length.
		$said = self::$door->ask(
			'POST',
			"$session/lacking",
			['Content-Type' => 'application/json', 'Transfer-Encoding' => 'chunked'],
			'',
		);
		$this->assertSame([411, 'empty_body'], [$said['status'], $said['error']]);
		$said = self::$door->ask('POST', "$session/lacking", ['Content-Type' => 'application/json'], '{"sha256":');
		$this->assertSame([400, 'not_json'], [$said['status'], $said['error']]);
		foreach ([
			[],
			['x'],
			[str_repeat('A', 64)],
			[1],
			array_fill(0, 2001, str_repeat('a', 64)),
			['../x'],
		] as $n => $digests) {
			$digests = $n === 4 ? array_map(fn ($n) => hash('sha256', (string) $n), range(0, 2000)) : $digests;
			$said = self::$door->say('POST', "$session/lacking", ['sha256' => $digests]);
			$this->assertSame([400, 'digests_wrong'], [$said['status'], $said['error']]);
		}
		foreach ([
			['dry_run' => true],
			['replace' => 1],
			['trust' => 'yes'],
			['names' => 'x'],
			['names' => [1]],
			['at' => '2026-01-01'],
		] as $options) {
			foreach (['plan', 'finish'] as $place) {
				$said = self::$door->say('POST', "$session/$place", ['options' => $options]);
				$this->assertSame([400, 'option_wrong'], [$said['status'], $said['error']]);
			}
		}
		$said = self::$door->say('POST', "$session/finish", []);
		$this->assertSame([409, 'lists_missing', ['tagmanifest-sha256.txt']], [
			$said['status'],
			$said['error'],
			$said['missing'],
		]);
	}

	public function test_small_files_come_in_packs_of_which_all_is_taken_or_nothing(): void
	{
		self::$door->makeKey();
		$session = self::$door->begin();
		$files = [];
		foreach (['one', 'two', '', str_repeat('x', 513)] as $bytes) {
			$files[hash('sha256', $bytes)] = $bytes;
		}
		// One of them was begun before.
		self::$door->patch(self::$door->create($session, 'two'), 0, 't');
		$said = self::$door->pack($session, Doorstep::tar($files));
		$this->assertSame([200, ['taken' => 4, 'bytes' => 519]], [$said['status'], json_decode($said['body'], true)]);
		$this->assertSame([], self::$door->say('POST', "$session/lacking", ['sha256' => array_map(
			'strval',
			array_keys($files),
		)])['lacking']);
		$disk = self::$door->onDisk($session);
		$this->assertCount(4, $disk, implode(' ', $disk));
		$this->assertSame(200, self::$door->pack($session, Doorstep::tar($files))['status'], 'again');
		$this->assertSame(4, self::$door->say('GET', $session)['received']['files']);
		$good = [hash('sha256', 'good') => 'good'];
		foreach ([
			[Doorstep::tar($good + ['../../../../x' => 'x']), 400, 'pack_wrong'],
			[Doorstep::tar($good + ['a/' . hash('sha256', 'x') => 'x']), 400, 'pack_wrong'],
			[Doorstep::tar($good, '2'), 400, 'pack_wrong'],
			[Doorstep::tar($good, '5'), 400, 'pack_wrong'],
			[substr(Doorstep::tar($good), 0, -600), 400, 'pack_wrong'],
			[Doorstep::tar($good) . 'x', 400, 'pack_wrong'],
			['', 400, 'pack_wrong'],
			['no archive', 400, 'pack_wrong'],
			[Doorstep::tar($good + [hash('sha256', 'x') => 'y']), 460, 'digest_wrong'],
			[Doorstep::tar($good) . str_repeat("\0", 8 << 20), 413, 'body_too_long'],
		] as $n => [$tar, $status, $error]) {
			$said = self::$door->pack($session, $tar);
			$this->assertSame([$status, $error], [$said['status'], $said['error']], (string) $n);
		}
		$said = self::$door->ask(
			'POST',
			"$session/pack",
			['Content-Type' => 'application/octet-stream'],
			Doorstep::tar($good),
		);
		$this->assertSame(415, $said['status']);
		self::$door->pair->command('b', 'config', 'set', 'upload_max_bytes', '1048576');
		$large = random_bytes(1048576 - 518);
		$said = self::$door->pack($session, Doorstep::tar($good + [hash('sha256', $large) => $large]));
		$this->assertSame([507, 'quota_short'], [$said['status'], $said['error']]);
		$this->assertSame($disk, self::$door->onDisk($session), 'nothing of any of them');
		$this->assertSame(200, self::$door->pack($session, Doorstep::tar($good))['status']);
	}

	public function test_many_small_files_need_few_requests(): void
	{
		$set = self::copyOfSet();
		$lines = trim(file_get_contents("$set/manifest-sha256.txt"));
		for ($n = 0; $n < 500; $n++) {
			file_put_contents("$set/data/files/small $n", $bytes = random_bytes(20480));
			$lines .= "\n" . hash('sha256', $bytes) . "  data/files/small $n";
		}
		file_put_contents("$set/manifest-sha256.txt", "$lines\n");
		self::relist($set);
		self::$door->makeKey();
		[$code, $said] = self::client('--send-only', set: $set);
		$this->assertSame(0, $code, $said);
		$this->assertMatchesRegularExpression('/^5\d\d of 5\d\d files sent in (\d+) requests/', $said);
		preg_match('/in (\d+) requests/', $said, $requests);
		$this->assertLessThanOrEqual(14, (int) $requests[1]);
	}

	public function test_two_clients_at_once_write_one_file_and_it_is_whole(): void
	{
		self::$door->makeKey();
		$session = self::$door->begin();
		$bytes = random_bytes(600000);
		$upload = self::$door->create($session, $bytes);
		$multi = curl_multi_init();
		$refused = 0;
		while (($offset = self::$door->offset($upload)) < strlen($bytes)) {
			$handles = [];
			foreach ([1, 2, 3] as $_) {
				$curl = curl_init($upload);
				curl_setopt_array($curl, [
					CURLOPT_RETURNTRANSFER => true,
					CURLOPT_CUSTOMREQUEST => 'PATCH',
					CURLOPT_POSTFIELDS => substr($bytes, $offset, 100000),
					CURLOPT_HTTPHEADER => [
						'Filesync-Key: ' . self::$door->key,
						'Tus-Resumable: 1.0.0',
						'Content-Type: application/offset+octet-stream',
						"Upload-Offset: $offset",
						'Expect:',
					],
				]);
				curl_multi_add_handle($multi, $curl);
				$handles[] = $curl;
			}
			do {
				curl_multi_exec($multi, $running);
				curl_multi_select($multi);
			} while ($running);
			$codes = [];
			foreach ($handles as $curl) {
				$codes[] = curl_getinfo($curl, CURLINFO_HTTP_CODE);
				curl_multi_remove_handle($multi, $curl);
			}
			sort($codes);
			$this->assertSame(204, $codes[0]);
			$this->assertSame([], array_diff(array_slice($codes, 1), [409, 423]));
			$refused += count($codes) - 1;
		}
		$this->assertSame(12, $refused);
		$place =
			self::$door->hub
			. '/store/[data]/filesync/1/upload/'
			. basename($session)
			. '/set/data/by-digest/'
			. substr(basename($upload), 0, 2)
			. '/'
			. basename($upload);
		$this->assertSame(hash('sha256', $bytes), hash_file('sha256', $place));
		$this->assertSame(0600, fileperms($place) & 0777);
	}

	public function test_what_was_told_survives_a_hub_that_is_killed_while_bytes_come(): void
	{
		self::$door->makeKey();
		$session = self::$door->begin();
		$bytes = random_bytes(300000);
		$upload = self::$door->create($session, $bytes);
		self::$door->patch($upload, 0, substr($bytes, 0, 100000));
		$parts = parse_url($upload);
		$socket = stream_socket_client("tcp://{$parts['host']}:{$parts['port']}");
		fwrite($socket, implode("\r\n", [
			"PATCH {$parts['path']} HTTP/1.1",
			"Host: {$parts['host']}",
			'Filesync-Key: ' . self::$door->key,
			'Tus-Resumable: 1.0.0',
			'Content-Type: application/offset+octet-stream',
			'Upload-Offset: 100000',
			'Content-Length: 200000',
			'',
			substr($bytes, 100000, 50000),
		]));
		self::$door->pair->cut('b');
		self::$door->pair->serve('b');
		$this->assertSame(100000, self::$door->offset($upload));
		// The same key goes on, whatever else the client has lost.
		$this->assertSame($session, self::$door->begin());
		$said = self::$door->say('POST', "$session/lacking", ['sha256' => [hash('sha256', $bytes)]]);
		$this->assertSame([hash('sha256', $bytes) => 100000], $said['partial']);
		$this->assertSame(204, self::$door->patch($upload, 100000, substr($bytes, 100000))['status']);
		$this->assertSame([], self::$door->say('POST', "$session/lacking", ['sha256' => [hash(
			'sha256',
			$bytes,
		)]])['lacking']);
	}

	public function test_the_page_shows_curl_as_it_works(): void
	{
		$set = self::$door->pair->folder . '/set-curl';
		self::lose();
		self::$door->pair->command('b', 'restore', 'alice', self::$set);
		// Its loop does not take names with blanks.
		self::$door->pair->command(
			'b',
			'backup',
			'alice',
			$set,
			'--exclude',
			'two words.bin',
			'--exclude',
			'*/two words.bin',
		);
		self::lose();
		$this->assertSame(1, preg_match(
			'/## With curl\n\n```sh\n(.*?)```/s',
			file_get_contents(__DIR__ . '/../../docs/upload-door.md'),
			$found,
		));
		$script = strtr($found[1], [
			'https://hub.example' => self::$door->pair->urls['b'],
			'fsr_…' => self::$door->makeKey(),
			'cd alice' => "cd $set",
		]);
		$said = implode("\n", Pair::run(['bash', '-euc', $script]));
		$this->assertStringContainsString('"state": "restoring"', $said);
		self::$door->work();
		$rows = self::$door->pair->rows(
			'b',
			'SELECT filename, content FROM attach WHERE uid = 1 AND is_dir = 0 ORDER BY filename',
		);
		$this->assertSame(['empty', 'one.txt'], array_column($rows, 'filename'));
		$this->assertSame('the bytes', file_get_contents(self::$door->hub . "/{$rows[1]['content']}"));
	}

	public function test_a_key_begins_one_restore_and_a_channel_sends_one_set(): void
	{
		$first = self::$door->makeKey();
		$session = self::$door->begin('tags');
		$this->assertSame($session, self::$door->begin('tags'), 'the same again');
		$said = self::$door->say('POST', '/restore', [
			'set' => ['filesync_set' => 1, 'channel' => ['hash' => self::$door->channelHash()]],
			'lists' => ['tagmanifest-sha256.txt' => hash('sha256', 'others')],
		]);
		$this->assertSame([409, 'set_changed'], [$said['status'], $said['error']]);
		$second = self::$door->makeKey();
		$said = self::$door->say('GET', $session);
		$this->assertSame([404, 'no_session'], [$said['status'], $said['error']], "a session is its key's alone");
		$said = $this->refused('restore_running', 409);
		self::$door->key = $first;
		$this->assertSame(204, self::$door->ask('DELETE', $session)['status']);
		$said = self::$door->say('GET', $session);
		$this->assertSame(['ended', 'ended'], [$said['state'], $said['code']]);
		$this->refused('key_used', 403);
		self::$door->key = $second;
		self::$door->begin();
		// Another channel of the account, up to the bound.
		self::$door->pair->command('b', 'config', 'set', 'upload_sessions', '1');
		self::$door->inHub(
			'if (! channelx_by_n(2)) { TestHub\Maker::channel(TestHub\Maker::identity("bob"), "bob"); }',
		);
		self::$door->pair->execute(
			'b',
			'UPDATE channel SET channel_account_id = (SELECT channel_account_id FROM channel WHERE channel_id = 1)',
		);
		self::$door->makeKey(2);
		$this->assertStringContainsString('1 sets', $this->refused('too_many_sessions', 409, 2)['message']);
		self::$door->pair->command('b', 'config', 'clear', 'upload_sessions');
		$said = self::$door->say('POST', '/restore', [
			'set' => ['filesync_set' => 1, 'channel' => ['hash' => self::$door->channelHash()]],
			'lists' => ['tagmanifest-sha256.txt' => hash('sha256', 'x')],
		]);
		$this->assertSame([409, 'set_other_channel'], [$said['status'], $said['error']]);
		$said = self::$door->say('POST', '/restore', [
			'set' => ['filesync_set' => 2, 'channel' => ['hash' => self::$door->channelHash(2)]],
			'lists' => ['tagmanifest-sha256.txt' => hash('sha256', 'x')],
		]);
		$this->assertSame([409, 'set_newer'], [$said['status'], $said['error']]);
	}

	public function test_each_bound_is_told_before_the_first_byte_with_how_much_is_short(): void
	{
		$pair = self::$door->pair;
		self::$door->makeKey();
		$session = self::$door->begin();
		$pair->command('b', 'config', 'set', 'upload_max_bytes', '2097152');
		$said = self::$door->say('POST', "$session/room", ['bytes' => 3 << 20, 'largest' => 1]);
		$this->assertSame(
			[
				507,
				'quota_short',
				1 << 20,
				'3.0 MiB are to be sent, 2.0 MiB are left for this account: short by 1.0 MiB.',
			],
			[$said['status'], $said['error'], $said['short_bytes'], strstr($said['message'], ' Send', true)],
		);
		$this->assertSame(200, self::$door->say('POST', "$session/room", ['bytes' => 2 << 20])['status']);
		$create = fn (int $size, string $name) => self::$door->tus('POST', "$session/upload", [
			'Upload-Length' => (string) $size,
			'Upload-Metadata' => Doorstep::metadata($name),
		]);
		$this->assertSame(201, $create(1 << 20, 'a')['status']);
		$said = $create((1 << 20) + 1, 'b');
		$this->assertSame([507, 'quota_short'], [$said['status'], $said['error']]);
		$this->assertSame(1, json_decode($said['body'], true)['short_bytes']);
		$this->assertSame(201, $create(1 << 20, 'c')['status']);
		$this->assertSame(507, $create(1, 'd')['status'], 'sizes count as they are stated');
		$pair->command('b', 'config', 'set', 'upload_max_bytes', (string) (1 << 58));
		$pair->command('b', 'config', 'set', 'upload_disk_percent', '1');
		$said = $create(1 << 50, 'e');
		$this->assertSame([507, 'disk_short'], [$said['status'], $said['error']]);
		$this->assertStringContainsString(
			"left for that on this hub's disk: short by",
			json_decode($said['body'], true)['message'],
		);
		$pair->command('b', 'config', 'set', 'upload_open_entries', '2');
		$said = $create(1, 'f');
		$this->assertSame([409, 'too_many_open'], [$said['status'], $said['error']]);
		$this->assertStringContainsString('2 files have begun to arrive', json_decode($said['body'], true)['message']);
		$pair->command('b', 'config', 'clear', 'upload_open_entries');
		$pair->command('b', 'config', 'set', 'file_max_bytes', '1048576');
		$said = self::$door->say('POST', "$session/room", ['bytes' => 1, 'largest' => 2 << 20]);
		$this->assertSame(
			[413, 'file_too_large', 'A file of 2.0 MiB is above the limit of this hub for one file, 1.0 MiB.'],
			[$said['status'], $said['error'], strstr($said['message'], ' Leave', true)],
		);
		$this->assertSame(413, $create((1 << 20) + 1, 'g')['status']);
		$pair->command('b', 'config', 'set', 'restore_door', '0', '--scope', 'channel:1');
		$said = self::$door->say('GET', $session);
		$this->assertSame([403, 'door_closed'], [$said['status'], $said['error']]);
		$pair->command('b', 'config', 'clear', 'restore_door', '--scope', 'channel:1');
		$this->assertSame(200, self::$door->say('GET', $session)['status']);
		$pair->command('b', 'config', 'set', 'upload_requests_per_second', '3');
		$codes = array_map(fn () => self::$door->say('GET', $session), range(1, 30));
		$few = array_values(array_filter($codes, fn ($said) => $said['status'] === 429));
		$this->assertNotSame([], $few);
		$this->assertSame('too_many_requests', $few[0]['error']);
		$this->assertStringContainsString('3 requests in this second', $few[0]['message']);
	}

	public function test_the_bytes_of_a_session_that_nobody_goes_on_with_are_freed(): void
	{
		foreach (['touched' => 48 * 3600, 'created' => 14 * 86400] as $column => $seconds) {
			self::$door->makeKey();
			$session = self::$door->begin();
			$upload = self::$door->create($session, str_repeat('x', 100));
			self::$door->patch($upload, 0, str_repeat('x', 50));
			self::$door->pair->execute('b', "UPDATE filesync_door SET $column = $column - $seconds + 60");
			self::$door->inHub('FileSync\Addon\Work\Housekeeping::often();');
			$this->assertNotSame([], self::$door->onDisk());
			self::$door->pair->execute('b', "UPDATE filesync_door SET $column = $column - 60");
			self::$door->inHub('FileSync\Addon\Work\Housekeeping::often();');
			$this->assertSame([], self::$door->onDisk(), $column);
			$said = self::$door->patch($upload, 50, 'x');
			$this->assertSame([410, 'session_expired'], [$said['status'], $said['error']]);
		}
	}

	public function test_a_key_that_began_nothing_in_seven_days_opens_nothing(): void
	{
		self::$door->makeKey();
		self::$door->pair->execute('b', 'UPDATE filesync_door_key SET expires = expires - 604801');
		$this->refused('key_wrong', 401);
		self::$door->makeKey();
		$session = self::$door->begin();
		self::$door->pair->execute('b', 'UPDATE filesync_door_key SET expires = expires - 604801');
		$this->assertSame(200, self::$door->say('GET', $session)['status'], 'what it began it may end');
		self::$door->inHub('FileSync\Addon\Door\Key::revoke(1, substr("' . self::$door->key . '", 4, 16));');
		$this->refused('key_wrong', 401);
		$this->assertSame([], self::$door->onDisk());
	}

	private function refused(string $error, int $status, int $channelId = 1): array
	{
		$said = self::$door->say('POST', '/restore', [
			'set' => ['filesync_set' => 1, 'channel' => ['hash' => self::$door->channelHash($channelId)]],
			'lists' => ['tagmanifest-sha256.txt' => hash('sha256', 'tags')],
		]);
		$this->assertSame([$status, $error], [$said['status'], $said['error']], json_encode($said));

		return $said;
	}

	/** Has what was sent restored; returns how it ended. */
	private function finished(array $options = []): array
	{
		$id = self::$door->pair->rows('b', "SELECT id FROM filesync_door WHERE state = 'open'")[0]['id'];
		$said = self::$door->say('POST', "/restore/$id/finish", ['options' => (object) $options]);
		$this->assertSame(202, $said['status'], json_encode($said));
		self::$door->work();

		return self::$door->say('GET', "/restore/$id");
	}

	/** Every file has its name, its folder and its bytes. */
	private function assertWhole(): void
	{
		$in = self::$door->pair->folder . '/in';
		$expected = [
			'empty' => hash_file('sha256', "$in/empty"),
			'Papers/one.txt' => hash_file('sha256', "$in/one.txt"),
			'Papers/two words.bin' => hash_file('sha256', "$in/two words.bin"),
			'two words.bin' => hash_file('sha256', "$in/two words.bin"),
		];
		$here = [];
		$folders = array_column(
			self::$door->pair->rows('b', 'SELECT hash, filename FROM attach WHERE uid = 1 AND is_dir = 1'),
			'filename',
			'hash',
		);
		foreach (self::$door->pair->rows('b', 'SELECT * FROM attach WHERE uid = 1 AND is_dir = 0') as $row) {
			$name = ($row['folder'] === '' ? '' : $folders[$row['folder']] . '/') . $row['filename'];
			$here[$name] = hash_file('sha256', self::$door->hub . "/{$row['content']}");
		}
		ksort($here);
		ksort($expected);
		$this->assertSame($expected, $here);
	}

	/** @return array{int, string} The client's exit code, and what it printed. */
	private static function client(string ...$words): array
	{
		$set = $words['set'] ?? self::$set;
		unset($words['set']);
		$command = [
			'python3',
			__DIR__ . '/../tus/client.py',
			$set,
			self::$door->pair->urls['b'],
			...array_values($words),
		];
		$process = proc_open($command, [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes, null, [
			'FILESYNC_KEY' => self::$door->key,
			'PATH' => (string) getenv('PATH'),
		]);
		$lines = (string) stream_get_contents($pipes[1]);

		return [proc_close($process), $lines];
	}

	/** Removes the files of alice, as if they had never been here. */
	private static function lose(): void
	{
		self::$door->pair->execute('b', 'DELETE FROM attach WHERE uid = 1');
		foreach (['file', 'digest', 'ended', 'kept'] as $table) {
			self::$door->pair->execute('b', "DELETE FROM filesync_$table");
		}
		Pair::run(['rm', '-rf', self::$door->hub . '/store/alice']);
	}

	private static function copyOfSet(): string
	{
		$copy = self::$door->pair->folder . '/copy-' . ++self::$count;
		Pair::run(['cp', '-a', self::$set, $copy]);

		return $copy;
	}

	/** Returns a copy of the set that nobody signed. */
	private static function unsigned(): string
	{
		$set = self::copyOfSet();
		unlink("$set/channel-signature.json");
		$about = json_decode(file_get_contents("$set/set.json"), true);
		$about['signed_by'] = null;
		file_put_contents("$set/set.json", json_encode($about));
		self::relist($set);

		return $set;
	}

	/** Writes the list of lists of a set again. */
	private static function relist(string $set): void
	{
		$lines = '';
		foreach (explode("\n", trim(file_get_contents("$set/tagmanifest-sha256.txt"))) as $line) {
			$name = substr($line, 66);
			$lines .= hash_file('sha256', "$set/$name") . "  $name\n";
		}
		file_put_contents("$set/tagmanifest-sha256.txt", $lines);
	}

	private static function sorted(array $counts): array
	{
		$counts = array_filter($counts);
		ksort($counts);

		return $counts;
	}
}
