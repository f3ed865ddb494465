<?php

require_once __DIR__ . '/Pair.php';
require_once __DIR__ . '/../shared/RestartJpeg.php';

use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * The addon and the extension on both hubs: files travel by tickets, and a ticket opens nothing but what it was given
 * for. Environment EXTENSION names the extension to load.
 */
final class FilesyncTest extends TestCase
{
	const SMALL = 300000;
	const LARGE = 80 << 20;

	/** @var Pair */
	private static $pair;
	private static $count = 0;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		$folder = sys_get_temp_dir() . '/filesynctest-' . getmypid();
		mkdir($folder);
		self::$pair = new Pair($folder, [
			'addon' => __DIR__ . '/../../php',
			'extension' => $extension,
			'both' => true,
			'nicks' => ['b' => 'alice2'],
		]);
		foreach (['a', 'b'] as $hub) {
			foreach ([
				'allow_private_addresses' => 1,
				'retry_first_seconds' => 1,
				'retry_most_seconds' => 1,
			] as $setting => $value) {
				self::$pair->command($hub, 'config', 'set', $setting, $value);
			}
			self::$pair->serve($hub);
		}
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	public function test_files_and_photos_travel_by_tickets_and_are_proven_by_their_digest(): void
	{
		foreach ([0, self::SMALL, self::LARGE] as $size) {
			$given = $this->give('a', $size);
			$this->arrives('b', $given);
			$size && $this->assertSame('filesync', $this->howItCame('b', $given['hash'])['rung']);
			$this->assertContains('sha256', $this->howItCame('b', $given['hash'])['proof']);
		}
		foreach (['made', 'filesync'] as $n => $way) {
			self::$pair->command('b', 'config', 'set', 'make_scales', (string) (1 - $n));
			$photo = $this->givePhoto('a');
			$this->arrives('b', $photo);
			foreach ([1, 2, 3] as $scale) {
				$this->until(function () use ($photo, $scale, $way) {
					return ($this->howItCame('b', $photo['hash'], $scale)['rung'] ?? '') === $way;
				});
				[$theirs, $ours] = [
					$this->path('a', $photo['hash']) . '-' . $scale,
					$this->path('b', $photo['hash']) . '-' . $scale,
				];
				$this->assertSame(array_slice(getimagesize($theirs), 0, 3), array_slice(getimagesize($ours), 0, 3));
				$this->assertSame($way === 'filesync', hash_file('sha256', $theirs) === hash_file('sha256', $ours));
			}
		}
		self::$pair->command('b', 'config', 'clear', 'make_scales');
		$this->assertSame([], array_filter(self::$pair->accesses('a'), function ($access) {
			return preg_match('~^/dav/|^/getfile$|^/api/z/1.0/(file|photo)~', $access['path']);
		}), 'no stock way was used');
	}

	public function test_a_photo_that_the_extension_refuses_gets_its_scales_whether_its_hub_has_them_or_not(): void
	{
		$there = $this->giveRefused(1);
		$this->arrives('b', $there);
		$this->assertSame('filesync', $this->howItCame('b', $there['hash'], 3)['rung']);

		self::$pair->command('b', 'config', 'set', 'paused', '1');
		$gone = $this->giveRefused(6);
		$this->until(fn () => (bool) self::$pair->rows(
			'b',
			"SELECT id FROM filesync_transfer WHERE hash = '$gone[hash]'",
		));
		self::$pair->execute('a', "DELETE FROM photo WHERE resource_id = '$gone[hash]' AND imgscale > 0");
		array_map('unlink', glob($this->path('a', $gone['hash']) . '-*'));
		self::$pair->command('b', 'config', 'clear', 'paused');
		self::$pair->command('b', 'work');
		$this->arrives('b', $gone);
		$this->hasScales($gone['hash'], [[749, 1024], [468, 640], [234, 320]]);

		// Lost here, and the other hub is no more.
		array_map('unlink', glob($this->path('b', $there['hash']) . '-*'));
		self::$pair->execute('b', "DELETE FROM filesync_transfer WHERE hash = '$there[hash]'");
		self::$pair->cut('a');
		try {
			self::$pair->command('b', 'repair', 'photos');
			$this->until(function () use ($there) {
				self::$pair->command('b', 'work');

				return is_file($this->path('b', $there['hash']) . '-3');
			});
			$this->hasScales($there['hash'], [[1024, 749], [640, 468], [320, 234]]);
		} finally {
			self::$pair->serve('a');
		}
		$this->assertSame('nothing to mend', self::$pair->command('b', 'repair', 'photos', '--dry-run'));
	}

	/** Gives hub A a photo with a restart marker twice. */
	private function giveRefused(int $orientation): array
	{
		$path = self::$pair->folder . '/picture-' . ++self::$count . '.jpg';
		file_put_contents($path, RestartJpeg::make(1312, 60, 5, $orientation));

		return $this->given('a', $path);
	}

	/** Says that hub B made the scales 1 to 3 with its own library, in these sizes, and that they end in blue. */
	private function hasScales(string $hash, array $sizes): void
	{
		foreach ($sizes as $n => $size) {
			$scale = $n + 1;
			$this->assertSame('library', $this->howItCame('b', $hash, $scale)['rung']);
			$path = $this->path('b', $hash) . "-$scale";
			$this->assertSame($size, array_slice(getimagesize($path), 0, 2));
			$row = self::$pair->rows(
				'b',
				"SELECT width, height, filesize FROM photo WHERE resource_id = '$hash' AND imgscale = $scale",
			)[0];
			$this->assertSame([...$size, filesize($path)], array_map('intval', array_values($row)));
			$image = imagecreatefromjpeg($path);
			// The stored picture is red above and blue below.
			[$x, $y] = $size[0] < $size[1] ? [5, intdiv($size[1], 2)] : [intdiv($size[0], 2), $size[1] - 1];
			$this->assertGreaterThan(200, imagecolorat($image, $x, $y) & 255);
		}
	}

	public function test_a_hub_that_gives_more_than_its_packet_said_is_held_to_the_limits_too(): void
	{
		foreach (['file_max_bytes' => 1000, 'paused' => 1] as $setting => $value) {
			self::$pair->command('b', 'config', 'set', $setting, $value);
		}
		$given = $this->give('a', self::SMALL);
		$this->until(function () use ($given) {
			return (bool) self::$pair->rows('b', "SELECT id FROM filesync_transfer WHERE hash = '$given[hash]'");
		});
		self::$pair->execute(
			'b',
			"UPDATE filesync_transfer SET size_bytes = 100, entry = replace(replace(entry, '\"filesize\":300000', '\"filesize\":100'), '\"filesize\":\"300000\"', '\"filesize\":100')"
			. " WHERE hash = '$given[hash]'",
		);
		self::$pair->command('b', 'config', 'set', 'paused', '0');
		self::$pair->command('b', 'work');
		$this->until(function () {
			return (
				strpos(
					self::$pair->command('b', 'missing'),
					'the file has 300000 bytes, more than file_max_bytes, 1000',
				) !== false
			);
		});
		$this->assertNull($this->path('b', $given['hash']));
		self::$pair->command('b', 'config', 'clear', 'paused');
		self::$pair->command('b', 'config', 'clear', 'file_max_bytes');
		self::$pair->execute(
			'b',
			"UPDATE filesync_transfer SET state = 'staged', kind = '', next_at = 0 WHERE hash = '$given[hash]'",
		);
		self::$pair->command('b', 'work');
		$this->arrives('b', $given);
	}

	public function test_the_list_of_a_hub_takes_no_memory_of_php_for_each_of_its_files(): void
	{
		$took = [];
		foreach ([1000, 200000] as $count) {
			$said = Pair::run([
				PHP_BINARY,
				'-d',
				'extension=' . realpath(getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so'),
				__DIR__ . '/bin/long-list.php',
				(string) $count,
			])[0];
			$took[] = $one = json_decode($said, true);
			$this->assertSame([$count, ['offset' => 200]], [$one['missing_here'], $one['position']], $said);
		}
		$this->assertLessThan(8 << 20, $took[1]['peak_bytes']);
		$this->assertLessThan(1 << 20, $took[1]['peak_bytes'] - $took[0]['peak_bytes']);
		$this->assertLessThan(1000, $took[1]['row_bytes']);
	}

	public function test_the_other_direction_is_the_same(): void
	{
		$given = $this->give('b', self::SMALL);
		$this->arrives('a', $given);
		$this->assertSame('filesync', $this->howItCame('a', $given['hash'])['rung']);
	}

	public function test_an_overwritten_file_arrives(): void
	{
		$given = $this->give('a', self::SMALL);
		$this->arrives('b', $given);
		sleep(1);
		file_put_contents($newer = self::$pair->folder . '/newer', random_bytes(self::SMALL));
		Pair::run([PHP_BINARY, __DIR__ . '/bin/file.php', self::$pair->hub('a'), $given['hash'], 'put', $newer]);
		$this->arrives('b', ['sha256' => hash_file('sha256', $newer)] + $given);
	}

	public function test_each_knows_the_other(): void
	{
		$this->arrives('b', $this->give('a', self::SMALL));
		$clones = json_decode(self::$pair->command('b', 'status', '--json'), true)['clones'];
		$this->assertSame([self::$pair->urls['a'], 'yes', 'filesync'], [
			$clones[0]['url'],
			$clones[0]['filesync'],
			$clones[0]['rung'],
		]);
		$this->assertLessThan(60, abs($clones[0]['skew_seconds']));
	}

	public function test_doctor_finds_nothing_wrong_with_a_hub_that_works_and_what_a_web_server_does_not_do(): void
	{
		$this->arrives('b', $this->give('a', self::SMALL));
		$right = array_column(json_decode(self::$pair->command('a', 'doctor', '--json'), true), 'ok', 'check');
		// The test hub has neither cron nor a page that says who a channel is.
		$this->assertSame([], array_diff(array_keys($right, false, true), ['cron', 'clone']), json_encode($right));
		$this->assertSame(
			[],
			array_diff([
				'hub',
				'registered',
				'overrides',
				'extension',
				'tables',
				'space',
				'store',
				'workers',
				'reachable',
				'extension-web',
				'limits',
				'tickets',
				'authorization',
				'ranges',
				'headers',
				'length',
				'source',
				'private',
			], array_keys(array_filter($right))),
		);
		self::$pair->command('a', 'config', 'set', 'x_accel', 'X-Sendfile');
		$wrong = array_column(json_decode(self::$pair->command('a', 'doctor', '--json'), true), null, 'check');
		self::$pair->command('a', 'config', 'clear', 'x_accel');
		$this->assertFalse($wrong['ranges']['ok']);
		$this->assertStringContainsString('passed x-sendfile on', $wrong['ranges']['finding']);
	}

	public function test_a_hub_that_loses_filesync_and_gains_it_again_costs_no_failed_transfer(): void
	{
		self::$pair->addon('a', 'uninstall');
		$given = $this->give('a', self::SMALL);
		$this->arrives('b', $given);
		$this->assertSame('getfile', $this->howItCame('b', $given['hash'])['rung']);
		self::$pair->addon('a', 'install');
		$again = $this->give('a', self::SMALL);
		$this->arrives('b', $again);
		$this->assertSame(
			'filesync',
			$this->howItCame('b', $again['hash'])['rung'],
			'its next packet says that it speaks again',
		);
		foreach ([$given, $again] as $file) {
			$this->assertSame(
				[],
				preg_grep('/transfer of ' . $file['hash'] . '/', file(self::$pair->hub('b') . '/hub.log')),
			);
		}
	}

	public function test_a_read_answers_as_http_has_it(): void
	{
		$given = $this->give('a', self::SMALL);
		$bytes = file_get_contents($given['file']);
		$file = $this->ask(['files' => [['hash' => $given['hash'], 'scale' => 0]]])['json']['files'][0];
		$this->assertSame(['ready', self::SMALL, $given['sha256']], [$file['state'], $file['size'], $file['sha256']]);
		$whole = $this->read($file);
		$this->assertSame([200, $given['sha256']], [$whole['status'], hash('sha256', $whole['body'])]);
		$expected = [
			'content-length' => (string) self::SMALL,
			'etag' => '"' . $file['etag'] . '"',
			'accept-ranges' => 'bytes',
			'content-type' => 'application/octet-stream',
			'x-content-type-options' => 'nosniff',
			'content-disposition' => 'attachment',
			'cache-control' => 'private, no-store',
		];
		ksort($expected);
		$this->assertSame($expected, array_intersect_key($whole['headers'], $expected));
		$this->assertSame(
			[],
			array_intersect_key($whole['headers'], ['set-cookie' => 1, 'pragma' => 1, 'expires' => 1]),
		);
		$part = $this->read($file, ['Range: bytes=1000-1999']);
		$this->assertSame([206, 'bytes 1000-1999/' . self::SMALL, substr($bytes, 1000, 1000)], [
			$part['status'],
			$part['headers']['content-range'],
			$part['body'],
		]);
		$this->assertSame(
			substr($bytes, -5),
			$this->read($file, ['Range: bytes=-5', 'If-Range: "' . $file['etag'] . '"'])['body'],
		);
		$this->assertSame(200, $this->read($file, ['Range: bytes=-5', 'If-Range: "other"'])['status']);
		$this->assertSame(
			[304, ''],
			array_values(array_intersect_key($this->read($file, ['If-None-Match: "' . $file['etag'] . '"']), [
				'status' => 1,
				'body' => 1,
			])),
		);
		$past = $this->read($file, ['Range: bytes=' . self::SMALL . '-']);
		$this->assertSame([416, 'bytes */' . self::SMALL, 'application/json'], [
			$past['status'],
			$past['headers']['content-range'],
			$past['headers']['content-type'],
		]);
		$head = $this->read($file, [], 'HEAD');
		$this->assertSame([200, '', (string) self::SMALL], [
			$head['status'],
			$head['body'],
			$head['headers']['content-length'],
		]);
	}

	public function test_a_ticket_opens_nothing_else_and_a_request_nothing_twice(): void
	{
		$given = $this->give('a', self::SMALL);
		$other = $this->givePhoto('a');
		$request = $this->signed(['files' => [['hash' => $given['hash'], 'scale' => 0]]]);
		$first = $this->post('a', $request);
		$file = $first['json']['files'][0];
		$this->assertSame(200, $this->read($file)['status']);
		$this->assertSame([401, 'nonce'], $this->refusal($this->post('a', $request)), 'replayed');
		$this->assertSame([401, 'signature'], $this->refusal($this->post('b', $request)), 'sent to another hub');
		$changed = ['body' => str_replace($given['hash'], $other['hash'], $request['body'])] + $request;
		$this->assertSame([401, 'signature'], $this->refusal($this->post('a', $changed)), 'for another file');
		$changed = ['body' => str_replace('"scale":0', '"scale":1', $request['body'])] + $request;
		$this->assertSame([401, 'signature'], $this->refusal($this->post('a', $changed)), 'for another scale');
		$this->assertSame(
			[403, 'unknown_requester'],
			$this->refusal($this->ask(['channel' => 'another'])),
			'for another channel',
		);
		$this->assertSame([401, 'clock'], $this->refusal($this->ask(['time' => time() - 301])), 'after its time');
		$this->assertSame([400, 'malformed'], $this->refusal($this->ask(['files' => array_fill(0, 800, [
			'hash' => $given['hash'],
			'scale' => 0,
		])])), 'too much');
		$this->assertSame([401, 'ticket'], $this->refusal($this->read(['hash' => $other['hash']]
		+ $file)), 'another file');
		$this->assertSame([401, 'ticket'], $this->refusal($this->read(['ticket' => strrev($file['ticket'])]
		+ $file)), 'a forged one');
		$this->assertSame([401, 'ticket'], $this->refusal($this->read($file, [], 'GET', 'b')), 'another hub');
		foreach ([
			'an expired one' => ['x' => time() - 1],
			'another hub by name' => ['u' => self::$pair->urls['b']],
			'another channel' => ['c' => 'x'],
			'an unknown requester' => ['r' => 'https://c.example/channel/alice'],
		] as $what => $claims) {
			$this->assertSame([401, 'ticket'], $this->refusal($this->read(['ticket' => $this->ticketWith(
				$file,
				$claims,
			)] + $file)), $what);
		}
		$this->assertSame(200, $this->read(['ticket' => $this->ticketWith($file, [])]
		+ $file)['status'], 'a ticket may be used again in its time');
		file_put_contents($this->path('a', $given['hash']), 'changed');
		$this->assertSame([412, 'changed'], $this->refusal($this->read($file)));
		unlink($this->path('a', $given['hash']));
		$this->assertSame([404, 'missing'], $this->refusal($this->read($file)));
	}

	public function test_a_stock_clone_hears_of_what_is_not_whole(): void
	{
		$given = $this->give('a', self::SMALL);
		$this->arrives('b', $given);
		$path = $this->path('a', $given['hash']);
		$stock = $this->stock($given['hash']);
		$this->assertSame([200, $given['sha256']], [$stock['status'], hash('sha256', $stock['body'])]);
		file_put_contents($path, 'short');
		$this->assertSame([503, '', '60'], [
			$this->stock($given['hash'])['status'],
			$this->stock($given['hash'])['body'],
			$this->stock($given['hash'])['headers']['retry-after'],
		]);
		unlink($path);
		$this->assertSame([404, ''], array_values(array_intersect_key($this->stock($given['hash']), [
			'status' => 1,
			'body' => 1,
		])));
		$this->assertSame(
			[200, ''],
			array_values(array_intersect_key($this->stock($given['hash'], ['signature' => 'x']), [
				'status' => 1,
				'body' => 1,
			])),
			'who proves nothing hears what core says',
		);
	}

	/** Gives a hub a new file of random bytes. */
	private function give(string $hub, int $size): array
	{
		$path = self::$pair->folder . '/file-' . ++self::$count . '.bin';
		file_put_contents($path, $size ? random_bytes($size) : '');
		return $this->given($hub, $path);
	}

	private function givePhoto(string $hub): array
	{
		$picture = imagecreatetruecolor(1300, 900);
		for ($n = 0; $n < 30; $n++) {
			imagefilledellipse($picture, random_int(0, 1300), random_int(0, 900), 300, 200, random_int(0, 0xffffff));
		}
		imagejpeg($picture, $path = self::$pair->folder . '/picture-' . ++self::$count . '.jpg');
		return $this->given($hub, $path);
	}

	private function given(string $hub, string $path): array
	{
		$stored = self::$pair->upload($hub, 'Given', [$path])[0];
		return ['hash' => $stored['hash'], 'file' => $path, 'sha256' => hash_file('sha256', $path)];
	}

	private function arrives(string $hub, array $given): void
	{
		$this->until(function () use ($hub, $given) {
			$path = $this->path($hub, $given['hash']);
			return $path !== null && hash_file('sha256', $path) === $given['sha256'];
		});
	}

	private function until(callable $condition): void
	{
		self::$pair->until($condition);
		$this->addToAssertionCount(1);
	}

	private function path(string $hub, string $hash): ?string
	{
		$row = self::$pair->rows($hub, "SELECT content FROM attach WHERE hash = '$hash'")[0] ?? null;
		return $row ? self::$pair->hub($hub) . '/' . $row['content'] : null;
	}

	/** Returns how the bytes came, once the hub is through with them. */
	private function howItCame(string $hub, string $hash, int $scale = 0): array
	{
		$this->until(function () use ($hub, $hash, $scale, &$row) {
			$row =
				self::$pair->rows(
					$hub,
					"SELECT result FROM filesync_transfer WHERE hash = '$hash' AND scale = $scale AND state = 'published'",
				)[0] ?? null;
			return $row !== null;
		});
		return json_decode($row['result'], true);
	}

	/** Returns a ticket that hub A itself would give for other claims. */
	private function ticketWith(array $file, array $claims): string
	{
		$known = json_decode(base64_decode(strtr(strstr($file['ticket'], '.', true), '-_', '+/')), true);
		$code = 'require "include/cli_startup.php"; cli_startup(); require_once "addon/filesync/filesync.php"; echo FileSync\Addon\Protocol\Ticket::issue(json_decode($argv[1], true));';
		return Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('a'),
			PHP_BINARY,
			'-r',
			$code,
			json_encode($claims + array_diff_key($known, ['x' => 1, 'k' => 1])),
		])[0];
	}

	private function identity(): array
	{
		return json_decode(file_get_contents(self::$pair->hub('a') . '/identity.json'), true);
	}

	/** Makes a request for tickets as hub B makes it of hub A. */
	private function signed(array $keys): array
	{
		$identity = $this->identity();
		$body = json_encode(
			$keys
			+ [
				'filesync' => 2,
				'channel' => $identity['hash'],
				'key_id' => self::$pair->urls['b'] . '/channel/alice2',
				'time' => time(),
				'nonce' => bin2hex(random_bytes(16)),
				'files' => [['hash' => 'x', 'scale' => 0]],
			],
		);
		$host = parse_url(self::$pair->urls['a'], PHP_URL_HOST) . ':' . parse_url(self::$pair->urls['a'], PHP_URL_PORT);
		openssl_sign(
			"\xFFfilesync 2 ticket\nPOST\n/getfile/ticket\n$host\n" . hash('sha256', $body),
			$signature,
			$identity['prvkey'],
			OPENSSL_ALGO_SHA512,
		);
		return [
			'body' => $body,
			'headers' => [
				'Content-Type: application/json',
				'Filesync-Signature: sha512.' . rtrim(strtr(base64_encode($signature), '+/', '-_'), '='),
			],
		];
	}

	private function ask(array $keys): array
	{
		return $this->post('a', $this->signed($keys));
	}

	private function post(string $hub, array $request): array
	{
		return $this->http(self::$pair->urls[$hub] . '/getfile/ticket', $request['headers'], [
			CURLOPT_POSTFIELDS => $request['body'],
		]);
	}

	private function read(array $file, array $headers = [], string $method = 'GET', string $hub = 'a'): array
	{
		return $this->http(
			self::$pair->urls[$hub] . '/getfile/' . $file['hash'],
			array_merge($headers, ['Filesync-Ticket: ' . $file['ticket']]),
			[CURLOPT_NOBODY => $method === 'HEAD'],
		);
	}

	private function stock(string $hash, array $fields = []): array
	{
		$identity = $this->identity();
		$time = gmdate('Y-m-d H:i:s');
		openssl_sign($identity['hash'] . '.' . $time, $signature, $identity['prvkey'], OPENSSL_ALGO_SHA256);
		return $this->http(
			self::$pair->urls['a'] . '/getfile',
			[],
			[
				CURLOPT_POSTFIELDS => $fields
					+ [
						'hash' => $identity['hash'],
						'time' => $time,
						'signature' => rtrim(strtr(base64_encode($signature), '+/', '-_'), '='),
						'resource' => $hash,
						'revision' => 0,
					],
			],
		);
	}

	private function refusal(array $answer): array
	{
		$this->assertSame('application/json', $answer['headers']['content-type']);
		$this->assertEqualsWithDelta(time(), $answer['json']['time'], 60);
		return [$answer['status'], $answer['json']['error']];
	}

	private function http(string $url, array $headers, array $options): array
	{
		$found = [];
		$curl = curl_init($url);
		curl_setopt_array(
			$curl,
			$options
			+ [
				CURLOPT_RETURNTRANSFER => true,
				CURLOPT_HTTPHEADER => array_merge($headers, ['Expect:']),
				CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$found) {
					list($name, $value) = explode(':', $line, 2) + [1 => ''];
					$value === '' || ($found[strtolower($name)] = trim($value));
					return strlen($line);
				},
			],
		);
		$body = (string) curl_exec($curl);
		ksort($found);
		return [
			'status' => curl_getinfo($curl, CURLINFO_HTTP_CODE),
			'headers' => $found,
			'body' => $body,
			'json' => json_decode($body, true),
		];
	}
}
