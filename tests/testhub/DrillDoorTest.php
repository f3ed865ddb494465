<?php

require_once __DIR__ . '/Doorstep.php';

use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Pair;

/**
 * A set that comes through the upload door is tried: its sample is chosen before its bytes come, whoever has the key
 * reads it back at the hub's front door, and nothing is left, whoever is killed.
 *
 * Environment EXTENSION names the extension to load.
 */
final class DrillDoorTest extends TestCase
{
	private static Doorstep $door;
	private static string $set;

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/drilldoortest-' . getmypid();
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
	}

	public static function tearDownAfterClass(): void
	{
		self::$door->close();
	}

	protected function setUp(): void
	{
		self::$door->inHub('FileSync\Addon\Door\Session::forget(1);');
	}

	public function test_a_drill_takes_its_sample_alone_and_whoever_reads_it_needs_nothing_of_the_channel(): void
	{
		self::$door->makeKey();
		$this->assertSame('open', self::$door->say('GET', '')['drill']);
		$before = [self::$door->rows(), self::$door->tree()];
		$session = self::$door->describe(self::$set, ['drill' => true]);
		$said = self::$door->say('POST', "$session/sample", ['percent' => 100, 'seed' => 'one']);
		$this->assertSame([202, 'choosing'], [$said['status'], $said['state']]);
		$said = self::$door->say('POST', "$session/room", []);
		$this->assertSame([409, 'drilling'], [$said['status'], $said['error']]);
		self::$door->work();
		$said = self::$door->say('GET', $session);
		$this->assertSame(['open', '', 4, 1, 'one', false, null], [
			$said['state'],
			$said['code'],
			$said['drill']['sample']['files'],
			$said['drill']['sample']['folders'],
			$said['drill']['sample']['seed'],
			$said['drill']['readable'],
			$said['drill']['certificate'],
		]);
		// What the channel has does not count: it is the set that is tried.
		$needed = self::$door->say('POST', "$session/needed", [])['sha256'];
		$some = array_values(array_diff(array_unique($needed), [hash('sha256', '')]));
		$this->assertCount(2, $some);
		$this->assertSame($some, self::$door->say('POST', "$session/lacking", ['sha256' => $some])['lacking']);
		$this->sendBytes($session, $needed);
		$said = self::$door->say('POST', "$session/drill", []);
		$this->assertSame([202, 'drilling'], [$said['status'], $said['state']]);
		$worker = $this->drilling($session);
		$placed = self::$door->say('POST', "$session/placed", []);
		$this->assertSame([4, null, true], [count($placed['files']), $placed['after'], $placed['access']]);
		$ticket = self::$door->say('POST', "$session/ticket", []);
		$this->assertNotSame(self::$door->channelHash(), $ticket['hash']);
		foreach ($placed['files'] as $file) {
			$own = json_decode(file_get_contents(self::metadataOf($file['hash'])), true);
			$this->assertSame(end($own['attach'])['filename'], $file['name']);
			$this->assertSame($own['parts'][0]['sha256'], self::getfile($ticket, $file['there']), $file['name']);
			$this->assertSame(
				hash('sha256', ''),
				self::getfile(['signature' => 'x'] + $ticket, $file['there']),
			);
		}
		$said = self::$door->say('POST', "$session/read", []);
		$this->assertSame([202, false], [$said['status'], $said['drill']['readable']]);
		proc_close($worker);
		$said = self::$door->say('GET', $session);
		$this->assertSame(['done', true, 4], [
			$said['state'],
			$said['drill']['certificate']['passed'],
			$said['drill']['certificate']['files'],
		]);
		$this->assertArrayNotHasKey('bytes', $said['drill']['certificate']['proofs'], 'that was read from outside');
		$said = self::$door->say('POST', "$session/ticket", []);
		$this->assertSame([409, 'not_readable'], [$said['status'], $said['error']]);
		$this->assertSame($before, [self::$door->rows(), self::$door->tree()]);
		$this->assertNothingIsLeft();
	}

	public function test_a_drill_that_is_killed_begins_again_and_one_that_nobody_reads_is_removed(): void
	{
		$session = $this->readyToDrill();
		$this->kill($this->drilling($session));
		$first = self::scratches();
		$this->assertCount(1, $first);
		self::$door->pair->execute('b', 'UPDATE filesync_lease SET expires = 0');
		$worker = $this->drilling($session, $first[0]);
		$this->assertCount(1, self::scratches());
		$this->assertNotSame($first, self::scratches(), 'what the killed one left is gone');
		// The command is killed: nothing is heard of it.
		self::$door->pair->execute('b', 'UPDATE filesync_door SET asked = 0');
		proc_close($worker);
		$said = self::$door->say('GET', $session);
		$this->assertSame(['ended', 'not_read'], [$said['state'], $said['code']]);
		$this->assertNothingIsLeft();
		// One that is asked for without end keeps nobody waiting for ever.
		$session = $this->readyToDrill();
		$worker = $this->drilling($session);
		$live = "filesync_door WHERE state = 'drilling'";
		$drill = json_decode(self::$door->pair->rows('b', "SELECT result FROM $live")[0]['result'], true);
		$this->assertEqualsWithDelta(time() + 900, $drill['read_until'], 120);
		$over = json_encode(['read_until' => time()] + $drill);
		self::$door->pair->execute('b', "UPDATE filesync_door SET result = '$over' WHERE state = 'drilling'");
		proc_close($worker);
		$said = self::$door->say('GET', $session);
		$this->assertSame(['ended', 'not_read'], [$said['state'], $said['code']]);
		$this->assertStringContainsString('not read to its end within 15 minutes', $said['message']);
		$this->assertNothingIsLeft();
		// One that is ended while it is read leaves nothing either.
		$session = $this->readyToDrill();
		$worker = $this->drilling($session);
		$this->assertSame(202, self::$door->ask('DELETE', $session)['status']);
		proc_close($worker);
		$this->assertSame('ended', self::$door->say('GET', $session)['state']);
		$this->assertNothingIsLeft();
	}

	public function test_whoever_waits_behind_the_drill_of_another_ends_its_own_at_once_or_restores(): void
	{
		$take = 'FileSync\Addon\Hub\Lease::take("sent-drill", "somebody else", 180);';
		$session = $this->readyToDrill();
		self::$door->inHub($take);
		self::$door->work();
		$this->assertSame('drilling', self::$door->say('GET', $session)['state']);
		$this->assertSame(204, self::$door->ask('DELETE', $session)['status']);
		$this->assertSame('ended', self::$door->say('GET', $session)['state']);
		self::$door->inHub('FileSync\Addon\Hub\Lease::end("sent-drill");');
		$session = $this->readyToDrill();
		self::$door->inHub($take);
		$drill = self::$door->key;
		self::$door->makeKey();
		$said = self::$door->say('POST', '/restore', ['drill' => true] + self::asked());
		$this->assertSame([409, 'restore_running'], [$said['status'], $said['error']], 'another drill');
		$said = self::$door->say('POST', '/restore', self::asked());
		$this->assertSame([201, 'open'], [$said['status'], $said['state']]);
		self::$door->key = $drill;
		$this->assertSame('ended', self::$door->say('GET', $session)['state']);
		self::$door->inHub('FileSync\Addon\Hub\Lease::end("sent-drill");');
	}

	public function test_what_a_drill_refuses(): void
	{
		self::$door->makeKey();
		$session = self::$door->begin('tags', ['drill' => true]);
		foreach ([
			['sample', [], 409, 'lists_missing'],
			['sample', ['percent' => 0], 400, 'option_wrong'],
			['sample', ['percent' => '5'], 400, 'option_wrong'],
			['sample', ['seed' => "a\nb"], 400, 'option_wrong'],
			['sample', ['trust' => 1], 400, 'option_wrong'],
			['drill', [], 409, 'sample_missing'],
			['needed', [], 409, 'sample_missing'],
			['placed', [], 409, 'not_readable'],
			['ticket', [], 409, 'not_readable'],
			['read', [], 409, 'not_readable'],
			['finish', [], 409, 'begun_otherwise'],
			['plan', [], 409, 'begun_otherwise'],
		] as [$place, $content, $status, $error]) {
			$said = self::$door->say('POST', "$session/$place", $content);
			$this->assertSame([$status, $error], [$said['status'], $said['error']], $place);
		}
		$this->assertSame(405, self::$door->say('GET', "$session/ticket")['status']);
		// The key goes on with what it began, and nobody else does.
		$said = self::$door->say('POST', '/restore', self::asked());
		$this->assertSame([409, 'begun_otherwise'], [$said['status'], $said['error']]);
		$own = self::$door->key;
		foreach ([[1, 'restore', 404, 'no_session'], [1, 'backup', 403, 'key_scope']] as [
			$channel,
			$kind,
			$status,
			$error,
		]) {
			self::$door->makeKey($channel, $kind);
			$said = self::$door->say('POST', "$session/ticket", []);
			$this->assertSame([$status, $error], [$said['status'], $said['error']], $kind);
		}
		// Hidden channels were given numbers, too.
		self::$door->inHub('TestHub\Maker::channel(TestHub\Maker::identity("bob"), "bob");');
		$bob = self::$door->pair->rows('b', "SELECT channel_id FROM channel WHERE channel_address = 'bob'")[0];
		self::$door->makeKey((int) $bob['channel_id']);
		$this->assertSame('no_session', self::$door->say('POST', "$session/ticket", [])['error'], "another channel's");
		$said = self::$door->say('POST', '/restore', ['drill' => true, 'as_copy' => true] + self::asked());
		$this->assertSame([409, 'set_other_channel'], [$said['status'], $said['error']]);
		self::$door->key = $own;
		$this->assertSame(204, self::$door->ask('DELETE', $session)['status']);
		self::$door->makeKey();
		$session = self::$door->begin('tags');
		$said = self::$door->say('POST', "$session/sample", []);
		$this->assertSame([409, 'begun_otherwise'], [$said['status'], $said['error']]);
	}

	public function test_a_drill_for_which_there_is_no_room_says_so_before_its_bytes_are_sent(): void
	{
		self::$door->makeKey();
		$session = self::$door->describe(self::$set, ['drill' => true]);
		self::$door->say('POST', "$session/sample", []);
		self::$door->pair->command('b', 'config', 'set', 'headroom_bytes', (string) (1 << 50));
		self::$door->work();
		self::$door->pair->command('b', 'config', 'clear', 'headroom_bytes');
		$said = self::$door->say('GET', $session);
		$this->assertSame(['open', 'disk_short', null], [
			$said['state'],
			$said['code'],
			$said['drill']['sample'],
		]);
		$this->assertStringContainsString('short by', $said['message']);
	}

	/**
	 * Has a worker drill what was sent; returns its process once somebody can read.
	 *
	 * @param string $before What a killed one left.
	 *
	 * @return resource
	 */
	private function drilling(string $session, string $before = '')
	{
		$code =
			"require 'include/cli_startup.php'; cli_startup(); load_hooks(); call_hooks('init_1');"
			. ' FileSync\Addon\Work\Worker::daemon("drill");';
		$log = ['file', self::$door->pair->folder . '/worker', 'a'];
		$process = proc_open(
			['setsid', __DIR__ . '/bin/in-hub', self::$door->hub, PHP_BINARY, '-r', $code],
			[['file', '/dev/null', 'r'], $log, $log],
			$pipes,
		);
		for ($end = microtime(true) + Pair::PATIENCE; microtime(true) < $end; usleep(50000)) {
			$said = self::$door->say('GET', $session);
			$isReadable = $said['drill']['readable'] && ! in_array($before, self::scratches(), true);
			if ($isReadable || $said['state'] !== 'drilling') {
				break;
			}
		}
		$this->assertTrue($said['drill']['readable'], json_encode($said));

		return $process;
	}

	/** @param resource $process The leader of a group. */
	private function kill($process): void
	{
		posix_kill(-proc_get_status($process)['pid'], SIGKILL);
		proc_close($process);
	}

	private static function scratches(): array
	{
		return array_column(
			self::$door->pair->rows(
				'b',
				"SELECT channel_address FROM channel WHERE channel_address LIKE 'filesync-scratch-%'",
			),
			'channel_address',
		);
	}

	private function assertNothingIsLeft(): void
	{
		$this->assertSame([], self::scratches());
		$this->assertSame([], self::$door->pair->rows('b', 'SELECT nick FROM filesync_scratch'));
		$this->assertSame([], self::$door->onDisk());
		$this->assertSame([], glob(self::$door->hub . '/store/filesync-scratch-*'));
	}

	/** Sends files of the set by their digests. */
	private function sendBytes(string $session, array $digests): void
	{
		$files = [];
		foreach (file(self::$set . '/manifest-sha256.txt') as $line) {
			[$digest, $path] = explode('  ', rtrim($line, "\n"), 2);
			if (in_array($digest, $digests, true)) {
				$files[$digest] = (string) file_get_contents(self::$set . "/$path");
			}
		}
		$said = self::$door->pack($session, Doorstep::tar($files));
		$this->assertSame(200, $said['status'], $said['body']);
	}

	private static function metadataOf(string $hash): string
	{
		return glob(self::$set . "/data/metadata/*/$hash.json")[0];
	}

	/** Asks the hub as its other hubs do; returns the digest of what comes. */
	private static function getfile(array $ticket, string $hash): string
	{
		$curl = curl_init(self::$door->pair->urls['b'] . '/getfile');
		curl_setopt_array($curl, [
			CURLOPT_RETURNTRANSFER => true,
			CURLOPT_COOKIE => $ticket['cookie'],
			CURLOPT_POSTFIELDS => http_build_query(
				array_intersect_key($ticket, array_flip(['hash', 'time', 'signature']))
				+ ['resource' => $hash, 'revision' => 0, 'resolution' => 0],
			),
		]);

		return hash('sha256', (string) curl_exec($curl));
	}

	/** Sends a set, all of it, to be drilled with another key; returns the session. */
	private function readyToDrill(): string
	{
		self::$door->makeKey();
		$session = self::$door->describe(self::$set, ['drill' => true]);
		self::$door->say('POST', "$session/sample", ['percent' => 100]);
		self::$door->work();
		$this->sendBytes($session, self::$door->say('POST', "$session/needed", [])['sha256']);
		self::$door->say('POST', "$session/drill", []);

		return $session;
	}

	/** What begins a restore. */
	private static function asked(): array
	{
		return [
			'set' => ['filesync_set' => 1, 'channel' => ['hash' => self::$door->channelHash()]],
			'lists' => ['tagmanifest-sha256.txt' => hash('sha256', 'tags')],
		];
	}
}
