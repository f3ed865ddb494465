<?php

require_once __DIR__ . '/Pair.php';

use PHPUnit\Framework\TestCase;
use TestHub\Pair;

/**
 * What filesync answers at a hub's front door, over HTTP: each page and endpoint, asked by nobody, by a stranger and by
 * who may. Environment EXTENSION names the extension to load.
 */
final class DoorTest extends TestCase
{
	const TOKEN = 'a-token-of-sufficient-length';

	/** @var Pair */
	private static $pair;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		$folder = sys_get_temp_dir() . '/doortest-' . getmypid();
		mkdir($folder);
		self::$pair = new Pair($folder, ['addon' => __DIR__ . '/../../php', 'extension' => $extension]);
		Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$pair->hub('b'),
			PHP_BINARY,
			'-r',
			'require "include/cli_startup.php"; cli_startup(); set_config("testhub", "without_workers", 1);',
		]);
		file_put_contents("$folder/file.txt", 'bytes');
		self::$pair->upload('b', '', ["$folder/file.txt"]);
		self::$pair->serve('b');
	}

	public static function tearDownAfterClass(): void
	{
		self::$pair->stop();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$pair->folder]);
	}

	protected function setUp(): void
	{
		self::$pair->execute('b', 'DELETE FROM filesync_refusal');
	}

	public function test_the_numbers_for_prometheus_are_there_once_a_token_is_set_and_for_who_has_it(): void
	{
		$ask = fn (array $headers = [], string $method = 'GET') => $this->ask($method, '/filesync/metrics', $headers);
		$this->assertSame(404, $ask()['status']);
		self::$pair->command('b', 'config', 'set', 'metrics_token', self::TOKEN);
		$this->assertSame(401, $ask()['status']);
		$this->assertSame(401, $ask(['Authorization: Bearer ' . strrev(self::TOKEN)])['status']);
		$this->assertSame(405, $ask(['Authorization: Bearer ' . self::TOKEN], 'DELETE')['status']);
		$answer = $ask(['Authorization: Bearer ' . self::TOKEN]);
		$this->assertSame([200, 'text/plain; version=0.0.4; charset=utf-8'], [$answer['status'], $answer['type']]);
		$this->assertMatchesRegularExpression('/^filesync_ready 1$/m', $answer['body']);
	}

	public function test_who_brings_no_credential_leaves_neither_a_row_nor_a_line_behind(): void
	{
		$hash = self::$pair->rows('b', 'SELECT hash FROM attach')[0]['hash'];
		$body = json_encode([
			'filesync' => 2,
			'channel' => 'x',
			'key_id' => 'https://c.example/channel/x',
			'time' => time(),
			'nonce' => str_repeat('a', 32),
			'files' => [['hash' => $hash, 'scale' => 0]],
			'do' => 'round',
		]);
		$json = ['Content-Type: application/json'];
		$before = $this->everything();
		foreach ([
			['GET', '/filesync'],
			['POST', '/filesync', [], 'retry=1'],
			['GET', '/filesync/state'],
			['GET', '/filesync/metrics'],
			['GET', '/filesync/nothing'],
			['POST', '/getfile/ticket', $json, $body],
			['POST', '/getfile/ticket', $json, '{'],
			['POST', '/getfile/ticket', $json, str_repeat('[', 70000)],
			['POST', '/getfile/ticket', [], 'a=b'],
			['POST', '/getfile/ticket', $json, str_replace('"filesync":2', '"filesync":1', $body)],
			['POST', '/getfile/inventory', $json, $body],
			['GET', '/getfile/ticket'],
			['GET', "/getfile/$hash"],
			['HEAD', "/getfile/$hash"],
			['PUT', "/getfile/$hash"],
			['POST', '/getfile', [], "hash=%ff%00&resource=$hash"],
			['PUT', '/dav/alice/file.txt', [], 'other'],
			['PUT', '/dav/alice/new.txt', [], 'other'],
			['DELETE', '/dav/alice/file.txt'],
			['MOVE', '/dav/alice/file.txt'],
			['POST', '/dav/alice/file.txt'],
			['DELETE', '/cloud/alice/file.txt'],
			['PUT', '/cloud/alice/file.txt', [], 'other'],
			['POST', '/attach_edit', [], 'delete=1'],
			['POST', '/photos/alice', [], 'x=y'],
			['POST', '/file_upload', [], 'x=y'],
			['POST', '/item', [], 'body=x'],
		] as $request) {
			$answer = $this->ask(...$request);
			$this->assertSame($before, $this->everything(), "$request[0] $request[1], answered with $answer[status]");
			$this->assertNotSame(500, $answer['status'], "$request[0] $request[1]");
		}
	}

	public function test_wrong_credentials_are_counted_in_one_row_and_told_in_one_line_a_minute(): void
	{
		$hash = self::$pair->rows('b', 'SELECT hash FROM attach')[0]['hash'];
		$channel = self::$pair->rows('b', 'SELECT channel_hash FROM channel')[0]['channel_hash'];
		$body = fn () => json_encode([
			'filesync' => 2,
			'channel' => $channel,
			'key_id' => self::$pair->urls['a'] . '/channel/alice',
			'time' => time(),
			'nonce' => bin2hex(random_bytes(16)),
			'files' => [['hash' => $hash, 'scale' => 0]],
			'do' => 'round',
		]);
		$signed = fn (string $with) => ['Content-Type: application/json', "Filesync-Signature: $with"];
		self::$pair->command('b', 'config', 'set', 'metrics_token', self::TOKEN);
		$tables = array_diff(self::$pair->tables('b'), ['filesync_refusal']);
		$before = $this->everything($tables);
		for ($n = 0; $n < 10; $n++) {
			foreach ([
				[401, ['POST', '/getfile/ticket', $signed('sha512.' . str_repeat('A', 340)), $body()]],
				[401, ['POST', '/getfile/inventory', $signed('x'), $body()]],
				[403, ['POST', '/getfile/ticket', $signed('x'), str_replace($channel, 'another', $body())]],
				[401, ['GET', "/getfile/$hash", ['Filesync-Ticket: x.y']]],
				[401, ['GET', '/filesync/metrics', ['Authorization: Bearer no-token-at-all']]],
			] as [$status, $request]) {
				$this->assertSame($status, $this->ask(...$request)['status'], "$request[0] $request[1]");
			}
		}
		$this->assertEquals(
			[['address' => '127.0.0.1', 'number' => 50]],
			self::$pair->rows('b', "SELECT address, number FROM filesync_refusal WHERE address <> 'all'"),
		);
		$after = $this->everything($tables);
		$this->assertStringContainsString(
			'wrong signature',
			$line = substr($after['hub.log'], strlen($before['hub.log'])),
		);
		$this->assertSame(1, substr_count($line, "\n"), $line);
		$this->assertSame(['hub.log' => ''] + $before, ['hub.log' => ''] + $after);
		self::$pair->execute('b', 'UPDATE filesync_refusal SET updated = updated - 61');
		$this->ask('GET', '/filesync/metrics', ['Authorization: Bearer no-token-at-all']);
		$this->assertStringContainsString('refused 50 requests with a wrong credential; the last came from 127.0.0.1', substr(
			$this->everything()['hub.log'],
			strlen($after['hub.log']),
		));
	}

	/**
	 * Returns what a request could leave behind: the rows of all our tables, what waits for workers and other hubs, and
	 * our lines in the log.
	 */
	private function everything(?array $tables = null): array
	{
		$rows = [];
		foreach ($tables ?? self::$pair->tables('b') as $table) {
			if (str_starts_with($table, 'filesync_') || in_array($table, ['attach', 'workerq', 'outq'], true)) {
				$rows[$table] = self::$pair->rows('b', "SELECT * FROM $table ORDER BY 1");
			}
		}
		return $rows
		+ ['hub.log' => implode('', preg_grep('/filesync/', @file(self::$pair->hub('b') . '/hub.log') ?: []))];
	}

	private function ask(string $method, string $path, array $headers = [], string $body = ''): array
	{
		$curl = curl_init(self::$pair->urls['b'] . $path);
		curl_setopt_array($curl, [
			CURLOPT_RETURNTRANSFER => true,
			CURLOPT_CUSTOMREQUEST => $method,
			CURLOPT_NOBODY => $method === 'HEAD',
			CURLOPT_HTTPHEADER => array_merge($headers, ['Expect:']),
		] + ($body === '' ? [] : [CURLOPT_POSTFIELDS => $body]));
		$answer = (string) curl_exec($curl);
		return [
			'status' => curl_getinfo($curl, CURLINFO_HTTP_CODE),
			'type' => curl_getinfo($curl, CURLINFO_CONTENT_TYPE),
			'body' => $answer,
		];
	}
}
