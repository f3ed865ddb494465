<?php

require_once __DIR__ . '/Pair.php';
require_once __DIR__ . '/core/TestHub/MessageSignature.php';

use PHPUnit\Framework\TestCase;
use TestHub\MessageSignature;
use TestHub\Pair;

/**
 * The test hub itself, the one that environment TESTHUB names: that it answers as hubs do, and that its faults happen
 * when they are switched on. What differs between hubs is in VariantTest, unless it takes a server to see it.
 */
final class HubTest extends TestCase
{
	private static $pair;
	private static $identity;
	private static $files = [];
	/** Whether these hubs are of 10.x. */
	private static $isTen;

	public static function setUpBeforeClass(): void
	{
		$folder = sys_get_temp_dir() . '/hubtest-' . getmypid();
		mkdir($folder);
		self::$pair = new Pair($folder);
		self::$identity = json_decode(file_get_contents($folder . '/a/identity.json'), true);
		self::$isTen = json_decode(file_get_contents($folder . '/a/hub.json'), true)['testhub'] >= 10;
		file_put_contents($folder . '/big.bin', random_bytes(300000));
		$picture = imagecreatetruecolor(1300, 900);
		imagefilledellipse($picture, 400, 400, 700, 500, 0x2080c0);
		imagejpeg($picture, $folder . '/lake.jpg');
		self::$pair->serve('a');
		self::$pair->serve('b');
		foreach (self::$pair->upload(
			'a',
			'Holiday/2024/Lake',
			[$folder . '/big.bin', $folder . '/lake.jpg'],
		) as $file) {
			self::$files[basename($file['file'])] = $file;
		}
		self::$pair->settle();
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	protected function tearDown(): void
	{
		self::$pair->faults('a', []);
		self::$pair->faults('b', []);
	}

	public function test_a_stock_pair_ends_with_the_same_files_and_all_scales(): void
	{
		$digests = function ($hub) {
			return Pair::run([
				'sh',
				'-c',
				'cd "$1/store" && find alice -type f -exec sha256sum {} + | sort',
				'sh',
				self::$pair->hub($hub),
			]);
		};
		$this->assertCount(5, $digests('a'));
		$this->assertSame($digests('a'), $digests('b'));
		$rows = 'SELECT DISTINCT hash, filename, filesize, display_path, os_path, content FROM attach ORDER BY hash';
		$this->assertSame(self::$pair->rows('a', $rows), self::$pair->rows('b', $rows));
		$this->assertStringContainsString(
			self::$pair->urls['b'] . '/photos/',
			self::$pair->rows('b', 'SELECT body FROM item')[0]['body'],
		);
	}

	public function test_getfile_sends_the_bytes_without_saying_how_many(): void
	{
		$answer = $this->getfile('big.bin');
		$this->assertSame(200, $answer['status']);
		$this->assertSame($this->bytes('big.bin'), $answer['body']);
		$this->assertArrayNotHasKey('content-length', $answer['headers']);
		$this->assertSame('chunked', $answer['headers']['transfer-encoding']);
	}

	public function test_getfile_believes_the_bare_body_signature_but_not_the_prefixed_one(): void
	{
		self::$pair->faults('a', [['on' => ['getfile'], 'strip_authorization' => true]]);
		$this->assertSame($this->bytes('big.bin'), $this->getfile('big.bin')['body']);
		$prefixed = $this->getfile('big.bin', ['signature' => 'sha256.' . $this->bodySignature(gmdate('Y-m-d H:i:s'))]);
		$this->assertSame([200, ''], [$prefixed['status'], $prefixed['body']]);
	}

	public function test_getfile_answers_an_unknown_file_with_a_page(): void
	{
		$answer = $this->getfile('big.bin', ['resource' => 'no-such-file']);
		$this->assertSame(200, $answer['status']);
		$this->assertStringStartsWith('<!DOCTYPE html', $answer['body']);
	}

	public function test_getfile_sends_a_photo_scale(): void
	{
		$answer = $this->getfile('lake.jpg', ['resolution' => 3]);
		$this->assertSame(320, getimagesizefromstring($answer['body'])[0]);
	}

	public function test_dav_is_closed_without_a_session_and_opened_by_a_signed_api_request(): void
	{
		$this->assertSame(401, $this->dav('big.bin', [])['status']);
		$cookie = $this->login();
		$this->assertSame($this->bytes('big.bin'), $this->dav('big.bin', ['Cookie: ' . $cookie])['body']);
		$this->assertSame(
			self::$isTen ? 200 : 500,
			$this->dav('big.bin', ['Cookie: ' . $cookie, 'Authorization: Signature keyId="x"'])['status'],
		);
		$this->assertSame(
			self::$isTen ? 401 : 500,
			$this->dav('big.bin', ['Authorization: Signature keyId="x"'])['status'],
		);
		$signed = $this->signed(
			'get',
			self::$pair->urls['a'] . '/dav/alice/' . self::$files['big.bin']['display_path'],
		);
		$this->assertSame(self::$isTen ? 200 : 500, $this->dav('big.bin', $signed)['status']);
		$this->request(self::$pair->urls['a'] . '/logout', ['Cookie: ' . $cookie]);
		$this->assertSame(401, $this->dav('big.bin', ['Cookie: ' . $cookie])['status']);
	}

	public function test_a_wrong_signature_logs_nobody_in(): void
	{
		$url = self::$pair->urls['a'] . '/api/z/1.0/filemeta?file_id=' . self::$files['big.bin']['hash'];
		$headers = $this->signed('get', $url);
		$headers[1] = preg_replace('~X-API-Request: .*~', 'X-API-Request: elsewhere', $headers[1]);
		$this->assertSame(401, $this->request($url, $headers)['status']);
	}

	public function test_a_signature_of_rfc_9421_logs_in_on_a_10(): void
	{
		$url = self::$pair->urls['a'] . '/api/z/1.0/filemeta?file_id=' . self::$files['big.bin']['hash'];
		$signed = fn ($now, $keyId = '/channel/alice') => MessageSignature::sign(
			'GET',
			$url,
			['X-API-Token' => bin2hex(random_bytes(8)), 'X-API-Request' => $url],
			self::$identity['prvkey'],
			self::$pair->urls['b'] . $keyId,
			$now,
		);
		$right = $signed(time());
		$this->assertSame(self::$isTen ? 200 : 401, $this->request($url, $right)['status']);
		$others = [
			'over' => $signed(time() - 3700),
			'not yet' => $signed(time() + 600),
			'of another' => $signed(time(), '/channel/bob'),
			'of other headers' => preg_replace('/^X-API-Token: .*/', 'X-API-Token: x', $right),
			'of a header that is not there' => preg_grep('/^X-API-Token/', $right, PREG_GREP_INVERT),
			'of another algorithm' => str_replace('rsa-v1_5-sha256', 'rsa-v1_5-sha512', $right),
			'of nobody' => preg_grep('/^Signature:/', $right, PREG_GREP_INVERT),
		];
		foreach ($others as $what => $headers) {
			$this->assertSame(401, $this->request($url, array_values($headers))['status'], $what);
		}
		$this->assertSame(401, $this->request($url . '&x=1', $right)['status']);
	}

	public function test_the_posts_of_a_clone_are_imported_whichever_way_the_request_is_signed(): void
	{
		$mid = Pair::run([PHP_BINARY, __DIR__ . '/bin/post.php', self::$pair->hub('a'), '{"body":"a post"}'])[0];
		self::$pair->settle();
		foreach ([0, 1] as $isMessageSignature) {
			$this->assertCount(
				self::$isTen ? 2 : 1,
				self::$pair->rows('b', "SELECT id FROM item WHERE parent_mid = '$mid'"),
			);
			self::$pair->execute('b', "DELETE FROM item WHERE parent_mid = '$mid'");
			// By the program that hub b runs, in its folder.
			Pair::run([
				__DIR__ . '/bin/in-hub',
				self::$pair->hub('b'),
				PHP_BINARY,
				'-r',
				'require "include/cli_startup.php"; cli_startup(); set_config("system", "send_rfc9421", $argv[1]);
				Zotlabs\Daemon\Content_importer::run(6, ["Content_importer", "0", "2020-01-01", "now", "alice", $argv[2]]);',
				(string) $isMessageSignature,
				urlencode(self::$pair->urls['a']),
			]);
		}
		$this->assertCount(
			self::$isTen ? 2 : 1,
			self::$pair->rows('b', "SELECT id FROM item WHERE parent_mid = '$mid'"),
		);
		$asked = array_filter(self::$pair->accesses('a'), fn ($access) => str_ends_with(
			$access['path'],
			'/export_page',
		));
		$this->assertSame([200, 200], array_column($asked, 'status'));
	}

	public function test_dav_says_of_a_file_without_bytes_that_it_is_not_found_on_a_10(): void
	{
		$place =
			self::$pair->hub('a')
			. '/'
			. self::$pair->rows('a', "SELECT content FROM attach WHERE filename = 'big.bin'")[0]['content'];
		rename($place, "$place.away");
		$this->assertSame(self::$isTen ? 404 : 500, $this->dav('big.bin', ['Cookie: ' . $this->login()])['status']);
		rename("$place.away", $place);
	}

	public function test_dav_lists_a_folder_for_whoever_has_the_password(): void
	{
		$channel = self::$pair->rows(
			'a',
			"SELECT channel_id FROM channel WHERE channel_address = 'alice'",
		)[0]['channel_id'];
		self::$pair->execute(
			'a',
			"INSERT INTO pconfig (uid, cat, k, v) VALUES ($channel, 'testhub', 'password', 'open sesame')",
		);
		$list = fn (string $path, string $password, string $depth) => $this->request(
			self::$pair->urls['a'] . "/dav/alice/$path",
			['Authorization: Basic ' . base64_encode("alice:$password"), "Depth: $depth"],
			null,
			'PROPFIND',
		);
		$this->assertSame(401, $list('', 'open', '1')['status']);
		$path = self::$files['big.bin']['display_path'];
		$folder = dirname($path) === '.' ? '' : dirname($path) . '/';
		foreach (['1' => 2, '0' => 1] as $depth => $least) {
			$answer = $list($folder, 'open sesame', (string) $depth);
			$this->assertSame(207, $answer['status']);
			$found = simplexml_load_string($answer['body'])->children('DAV:');
			$this->assertGreaterThanOrEqual($least, count($found));
		}
		$size = self::$pair->rows('a', "SELECT filesize FROM attach WHERE filename = 'big.bin'")[0]['filesize'];
		$answer = $list($path, 'open sesame', '0');
		$this->assertStringContainsString("<d:getcontentlength>$size<", $answer['body']);
		$this->assertStringContainsString(
			'<d:href>/dav/alice/' . str_replace('%2F', '/', rawurlencode($path)),
			$answer['body'],
		);
		$this->assertSame(404, $list('nothing', 'open sesame', '1')['status']);
	}

	public function test_dav_renames_moves_and_deletes(): void
	{
		$cookie = 'Cookie: ' . $this->login();
		$dav = self::$pair->urls['a'] . '/dav/alice/';
		$paths = fn ($hub) => array_column(
			self::$pair->rows(
				$hub,
				"SELECT display_path FROM attach WHERE display_path LIKE 'Journey%' ORDER BY display_path",
			),
			'display_path',
		);
		self::$pair->upload('a', 'Journey/One', [self::$files['big.bin']['file']]);
		self::$pair->upload('a', 'Journey/Two', [self::$files['lake.jpg']['file']]);
		$this->assertSame(
			201,
			$this->request($dav . 'Journey/One', [$cookie, "Destination: {$dav}Journey/Three"], null, 'MOVE')['status'],
		);
		$this->assertSame(
			201,
			$this->request(
				$dav . 'Journey/Two/lake.jpg',
				[$cookie, "Destination: {$dav}Journey/Three/lake.jpg"],
				null,
				'MOVE',
			)['status'],
		);
		$this->assertSame(
			self::$isTen
				? ['Journey', 'Journey/Three', 'Journey/Three/big.bin', 'Journey/Three/lake.jpg', 'Journey/Two']
				: ['Journey', 'Journey/One/big.bin', 'Journey/Three', 'Journey/Three/lake.jpg', 'Journey/Two'],
			$paths('a'),
		);
		$this->assertSame(204, $this->request($dav . 'Journey', [$cookie], null, 'DELETE')['status']);
		$this->assertSame([], $paths('a'));
		self::$pair->settle();
		$this->assertSame([], self::$pair->rows('b', "SELECT id FROM attach WHERE filename = 'Journey'"));
	}

	public function test_the_theme_of_a_10_has_a_door_of_its_own(): void
	{
		$spa = self::$pair->urls['a'] . '/spa/files';
		$hash = self::$files['big.bin']['hash'];
		$row = fn () => self::$pair->rows('a', "SELECT filename, allow_cid FROM attach WHERE hash = '$hash'")[0];
		$this->assertSame(self::$isTen ? 403 : 404, $this->request("$spa/$hash", [], null, 'DELETE')['status']);
		if (! self::$isTen) {
			return;
		}
		$cookie = 'Cookie: ' . $this->login();
		$put = fn ($changes) => $this->request(
			"$spa/$hash",
			[$cookie, 'Content-Type: application/json'],
			json_encode($changes),
			'PUT',
		);
		$this->assertSame(
			'{"success":true,"hash":"' . $hash . '"}',
			$put(['name' => 'large.bin', 'allow_cid' => '<x>'])['body'],
		);
		$this->assertSame(['filename' => 'large.bin', 'allow_cid' => '<x>'], $row());
		$put(['name' => 'big.bin', 'allow_cid' => '']);
		$this->assertSame(['filename' => 'big.bin', 'allow_cid' => ''], $row());
		$upload = ['userfile' => new CURLFile(self::$files['big.bin']['file'], '', 'more.bin'), 'folder' => ''];
		$more = json_decode($this->request($spa, [$cookie], $upload)['body'], true)['hash'];
		self::$pair->settle();
		$this->assertCount(1, self::$pair->rows('b', "SELECT id FROM attach WHERE hash = '$more'"));
		$this->request("$spa/$more", [$cookie], null, 'DELETE');
		self::$pair->settle();
		$this->assertSame([], self::$pair->rows('b', "SELECT id FROM attach WHERE hash = '$more'"));
	}

	public function test_dav_serves_ranges(): void
	{
		$cookie = 'Cookie: ' . $this->login();
		$all = $this->bytes('big.bin');
		$middle = $this->dav('big.bin', [$cookie, 'Range: bytes=1000-1999']);
		$this->assertSame([206, 'bytes 1000-1999/300000', '1000'], [
			$middle['status'],
			$middle['headers']['content-range'],
			$middle['headers']['content-length'],
		]);
		$this->assertSame(substr($all, 1000, 1000), $middle['body']);
		$this->assertSame(substr($all, -10), $this->dav('big.bin', [$cookie, 'Range: bytes=-10'])['body']);
		$this->assertSame(substr($all, 299000), $this->dav('big.bin', [$cookie, 'Range: bytes=299000-999999'])['body']);
		$this->assertSame(416, $this->dav('big.bin', [$cookie, 'Range: bytes=300000-'])['status']);
		$this->assertSame('"' . self::$files['big.bin']['hash'] . '"', $middle['headers']['etag']);
	}

	public function test_the_api_tells_and_sends_a_file_in_pieces(): void
	{
		$cookie = ['Cookie: ' . $this->login()];
		$api = self::$pair->urls['a'] . '/api/z/1.0/';
		$hash = self::$files['big.bin']['hash'];
		$meta = json_decode($this->request($api . 'filemeta?file_id=' . $hash, $cookie)['body'], true);
		$this->assertSame(300000, $meta['attach']['filesize']);
		$this->assertArrayNotHasKey('content', $meta['attach']);
		$piece = json_decode(
			$this->request($api . "filedata?file_id=$hash&start=299990&length=100", $cookie)['body'],
			true,
		)['attach'];
		$this->assertSame([10, substr($this->bytes('big.bin'), -10)], [
			$piece['length'],
			base64_decode($piece['content']),
		]);
		$photo = json_decode(
			$this->request($api . 'photo?scale=2&photo_id=' . self::$files['lake.jpg']['hash'], $cookie)['body'],
			true,
		)['photo'];
		$this->assertSame(640, getimagesizefromstring(base64_decode($photo['content']))[0]);
		$unknown = $this->request($api . 'filemeta?file_id=none', $cookie);
		$this->assertSame([200, ''], [$unknown['status'], $unknown['body']]);
	}

	public function test_faults_of_the_bytes(): void
	{
		$all = $this->bytes('big.bin');
		$cookie = 'Cookie: ' . $this->login();
		self::$pair->faults('a', [['flip' => 1500]]);
		foreach ([$this->getfile('big.bin')['body'], $this->dav('big.bin', [$cookie])['body']] as $body) {
			$this->assertSame([1500 => $all[1500] ^ "\x01"], array_diff_assoc(str_split($body), str_split($all)));
		}
		self::$pair->faults('a', [['cut_after_bytes' => 5000]]);
		foreach ([$this->getfile('big.bin'), $this->dav('big.bin', [$cookie])] as $broken) {
			$this->assertSame([substr($all, 0, 5000), true], [$broken['body'], $broken['broken']]);
		}
		self::$pair->faults('a', [['on' => ['dav'], 'shift_range' => 7]]);
		$this->assertSame(substr($all, 107, 100), $this->dav('big.bin', [$cookie, 'Range: bytes=100-199'])['body']);
		self::$pair->faults('a', [['on' => ['dav'], 'ignore_range' => true]]);
		$this->assertSame([200, 300000], [
			($whole = $this->dav('big.bin', [$cookie, 'Range: bytes=100-199']))['status'],
			strlen($whole['body']),
		]);
		self::$pair->faults('a', [['on' => ['getfile'], 'gzip' => true]]);
		$this->assertSame($all, gzdecode($this->getfile('big.bin')['body']));
	}

	public function test_faults_instead_of_an_answer(): void
	{
		$cookie = 'Cookie: ' . $this->login();
		self::$pair->faults('a', [['status' => 503, 'retry_after' => 7]]);
		$busy = $this->getfile('big.bin');
		$this->assertSame([503, '7'], [$busy['status'], $busy['headers']['retry-after']]);
		self::$pair->faults('a', [['on' => ['getfile'], 'empty_200' => true, 'times' => 1]]);
		$this->assertSame(['', 300000], [$this->getfile('big.bin')['body'], strlen($this->getfile('big.bin')['body'])]);
		self::$pair->faults('a', [['on' => ['dav'], 'two_factor' => true]]);
		$this->assertSame([200, 'text/html; charset=utf-8'], [
			($page = $this->dav('big.bin', [$cookie]))['status'],
			$page['headers']['content-type'],
		]);
		self::$pair->faults('a', [['hash' => self::$files['big.bin']['hash'], 'skip' => true]]);
		$this->assertSame(['', 404], [$this->getfile('big.bin')['body'], $this->dav('big.bin', [$cookie])['status']]);
		$this->assertSame(200, $this->dav('lake.jpg', [$cookie])['status']);
	}

	public function test_a_hub_that_is_cut_off_comes_back(): void
	{
		self::$pair->cut('a');
		$this->assertSame(0, $this->dav('big.bin', [])['status']);
		self::$pair->serve('a');
		$this->assertSame(401, $this->dav('big.bin', [])['status']);
	}

	public function test_the_stock_receiver_loses_a_good_file_when_the_origin_is_down(): void
	{
		$hash = self::$files['big.bin']['hash'];
		$path =
			self::$pair->hub('b')
			. '/'
			. self::$pair->rows('b', "SELECT content FROM attach WHERE hash = '$hash'")[0]['content'];
		$this->assertSame(300000, filesize($path));
		self::$pair->faults('a', [['on' => ['getfile'], 'empty_200' => true]]);
		Pair::run([PHP_BINARY, __DIR__ . '/bin/file.php', self::$pair->hub('a'), $hash, 'rename', 'other.bin']);
		self::$pair->settle();
		clearstatcache();
		$this->assertSame(0, filesize($path));
		self::$pair->faults('a', []);
		Pair::run([PHP_BINARY, __DIR__ . '/bin/file.php', self::$pair->hub('a'), $hash, 'rename', 'big.bin']);
		self::$pair->settle();
		clearstatcache();
		$this->assertSame(300000, filesize($path));
	}

	private function bytes(string $name): string
	{
		return file_get_contents(self::$files[$name]['file']);
	}

	private function bodySignature(string $time): string
	{
		openssl_sign(self::$identity['hash'] . '.' . $time, $signature, self::$identity['prvkey'], 'sha256');
		return rtrim(strtr(base64_encode($signature), '+/', '-_'), '=');
	}

	/** Returns headers of a request that is signed as clone b: X-API-Token, X-API-Request, Authorization. */
	private function signed(string $method, string $url): array
	{
		$parts = parse_url($url);
		$head = [
			'X-API-Token' => bin2hex(random_bytes(8)),
			'X-API-Request' => $url,
			'Host' => $parts['host'] . ':' . $parts['port'],
			'(request-target)' =>
				$method . ' ' . $parts['path'] . (isset($parts['query']) ? '?' . $parts['query'] : ''),
		];
		$lines = [];
		foreach ($head as $name => $value) {
			$lines[] = strtolower($name) . ': ' . $value;
		}
		openssl_sign(implode("\n", $lines), $signature, self::$identity['prvkey'], 'sha512');
		return [
			'X-API-Token: ' . $head['X-API-Token'],
			'X-API-Request: ' . $url,
			sprintf(
				'Authorization: Signature keyId="%s",algorithm="rsa-sha512",headers="%s",signature="%s"',
				self::$pair->urls['b'] . '/channel/alice',
				strtolower(implode(' ', array_keys($head))),
				base64_encode($signature),
			),
		];
	}

	private function login(): string
	{
		$url = self::$pair->urls['a'] . '/api/z/1.0/filemeta?file_id=' . self::$files['big.bin']['hash'];
		$answer = $this->request($url, $this->signed('get', $url));
		$this->assertSame(200, $answer['status']);
		return strtok($answer['headers']['set-cookie'], ';');
	}

	private function getfile(string $name, array $fields = []): array
	{
		$time = gmdate('Y-m-d H:i:s');
		$url = self::$pair->urls['a'] . '/getfile';
		$fields += [
			'hash' => self::$identity['hash'],
			'time' => $time,
			'resource' => self::$files[$name]['hash'],
			'revision' => 0,
			'signature' => $this->bodySignature($time),
		];
		return $this->request($url, $this->signed('post', $url), $fields);
	}

	private function dav(string $name, array $headers): array
	{
		return $this->request(self::$pair->urls['a'] . '/dav/alice/' . self::$files[$name]['display_path'], $headers);
	}

	/** @param array|string|null $fields Of a form, or the body. */
	private function request(string $url, array $headers = [], $fields = null, string $method = ''): array
	{
		$received = [];
		$body = '';
		$ch = curl_init($url);
		curl_setopt_array($ch, [
			CURLOPT_HTTPHEADER => array_merge($headers, ['Expect:']),
			CURLOPT_HEADERFUNCTION => function ($ch, $line) use (&$received) {
				if (strpos($line, ':')) {
					list($name, $value) = explode(':', $line, 2);
					$received[strtolower($name)] = trim($value);
				}
				return strlen($line);
			},
			CURLOPT_WRITEFUNCTION => function ($ch, $data) use (&$body) {
				$body .= $data;
				return strlen($data);
			},
		]
		+ ($fields === null ? [] : [CURLOPT_POSTFIELDS => $fields])
		+ ($method === '' ? [] : [CURLOPT_CUSTOMREQUEST => $method]));
		$done = curl_exec($ch);
		return [
			'status' => curl_getinfo($ch, CURLINFO_HTTP_CODE),
			'headers' => $received,
			'body' => $body,
			'broken' => ! $done,
		];
	}
}
