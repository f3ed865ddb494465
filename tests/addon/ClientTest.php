<?php

use Fake\Hub;
use FileSync\Addon\Hub\Addresses;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Neighbour;
use FileSync\Addon\Hub\OriginApi;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\CloneCall;
use FileSync\Addon\Peers\PeerFailure;
use FileSync\Addon\Reconcile\Reconcile;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

/**
 * What other hubs are asked holds to the address policy, and to bounds of bytes, time and memory, as the fetching of
 * files does.
 */
final class ClientTest extends AddonTestCase
{
	private ?Hub $hub = null;

	protected function setUp(): void
	{
		parent::setUp();
		Client::$wire = null;
		Config::set('allow_private_addresses', '1');
	}

	protected function tearDown(): void
	{
		$this->hub?->stop();
		parent::tearDown();
	}

	public function test_the_addon_and_the_engine_refuse_the_same_addresses(): void
	{
		$told = $found = [];
		foreach (preg_grep('/^[^#]/', file(__DIR__ . '/../shared/addresses.txt', FILE_IGNORE_NEW_LINES)) as $line) {
			[$address, $verdict] = explode("\t", $line);
			$told[$address] = $verdict;
			$found[$address] = Addresses::isPublic($address) ? 'public' : 'special';
		}
		$this->assertGreaterThan(60, count($told));
		$this->assertSame($told, $found);
		$this->assertFalse(Addresses::isPublic('no address'));
	}

	/** @dataProvider disguises */
	#[DataProvider('disguises')]
	public function test_no_spelling_leads_to_a_private_address(string $host): void
	{
		$this->hub = Hub::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
		Config::clear('allow_private_addresses');
		try {
			$answer = Client::ask('GET', "http://$host:{$this->hub->port}/", [], '', 1000, 5);
			$this->fail("$host was asked: " . json_encode($answer));
		} catch (FileSync\Addon\Hub\Forbidden $e) {
			$this->assertStringContainsString(
				trim($host, '[]') === 'localhost' ? 'allow_private_addresses' : '',
				$e->getMessage(),
			);
		}
		$this->assertSame([], $this->hub->asked());
	}

	public static function disguises(): array
	{
		return array_map(fn ($host) => [$host], [
			'127.0.0.1',
			'localhost',
			'[::1]',
			'[::ffff:127.0.0.1]',
			'127.1',
			'0x7f.1',
			'0x7f000001',
			'2130706433',
			'0177.0.0.1',
			'0',
			'LOCALHOST',
			'127.0.0.1.',
			'localhost.',
			'%31%32%37.0.0.1',
			'[::ffff:7f00:1]',
			'[fe80::1%25lo]',
		]);
	}

	public function test_nobody_inside_the_network_is_asked_where_the_admin_does_not_allow_it(): void
	{
		$this->hub = Hub::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
		$root = "http://127.0.0.1:{$this->hub->port}/internal";
		Config::clear('allow_private_addresses');
		foreach ([
			fn () => (new CloneCall($this->channel, $root, 'inventory'))->ask(['do' => 'round']),
			fn () => OriginApi::get($this->channel, $root, '/api/z/1.0/files?start=0'),
		] as $ask) {
			try {
				$ask();
				$this->fail('nothing was thrown');
			} catch (RuntimeException $e) {
				$this->assertStringContainsString('allow_private_addresses', $e->getMessage());
			}
		}
		$said = Neighbour::ask("$root/channel/alice");
		$this->assertSame([null, true], [$said['info'], $said['private']]);
		$this->assertStringContainsString('allow_private_addresses', $said['error']);
		$this->assertSame([], $this->hub->asked());
		Config::set('allow_private_addresses', '1');
		$this->assertSame([], OriginApi::get($this->channel, $root, '/api/z/1.0/files?start=0'));
		$this->assertSame('GET /internal/api/z/1.0/files?start=0 HTTP/1.1', $this->hub->asked()[0]);
	}

	public function test_a_redirect_is_not_followed(): void
	{
		$this->hub = Hub::answering("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
		$this->assertSame(302, $this->get(1000)['status']);
		$this->assertCount(1, $this->hub->asked());
	}

	public function test_a_body_that_never_ends_is_cut_off(): void
	{
		$this->hub = Hub::answering("HTTP/1.1 200 OK\r\n\r\n", str_repeat('x', 65536));
		$before = memory_get_peak_usage();
		$answer = $this->get(1000000);
		$this->assertSame([0, 'a body of more than 1000000 bytes', ''], [
			$answer['status'],
			$answer['error'],
			$answer['body'],
		]);
		$this->assertLessThan(8000000, memory_get_peak_usage() - $before);
	}

	public function test_headers_that_never_end_are_cut_off(): void
	{
		$this->hub = Hub::answering("HTTP/1.1 200 OK\r\n", 'X-More: ' . str_repeat('x', 1000) . "\r\n");
		$this->assertSame([0, 'more headers than 65536 bytes'], [
			($answer = $this->get(1000))['status'],
			$answer['error'],
		]);
	}

	public function test_an_encoded_body_is_not_unpacked(): void
	{
		$bomb = gzencode(str_repeat("\0", 10000000));
		$this->hub = Hub::answering(
			"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " . strlen($bomb) . "\r\n\r\n$bomb",
		);
		$this->assertSame([0, 'an encoded body that was not requested'], [
			($answer = $this->get(100000))['status'],
			$answer['error'],
		]);
		$this->assertStringContainsString("\r\nAccept-Encoding: identity\r\n", $this->hub->asked(false)[0]);
	}

	public function test_a_body_that_breaks_off_is_no_answer(): void
	{
		$this->hub = Hub::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}");
		$this->assertSame([0, ''], [($answer = $this->get(1000))['status'], $answer['body']]);
		$this->assertNotSame('', $answer['error']);
	}

	public function test_nothing_but_http_is_asked_and_http_only_by_those_who_are_http(): void
	{
		foreach ([
			'file:///etc/passwd',
			'gopher://127.0.0.1:1/',
			'ftp://127.0.0.1/',
			'http://user:secret@127.0.0.1/',
			'//127.0.0.1/',
			'no url',
		] as $url) {
			try {
				Client::ask('GET', $url, [], '', 1000, 5);
				$this->fail("$url was asked");
			} catch (FileSync\Addon\Hub\Forbidden $e) {
				$this->assertStringNotContainsString('secret', $e->getMessage());
			}
		}
		set_config('system', 'baseurl', 'https://own.example');
		App::set_baseurl('https://own.example');
		$this->assertFalse(Clones::isPlain());
		$this->expectException(FileSync\Addon\Hub\Forbidden::class);
		Client::ask('GET', 'http://1.1.1.1/', [], '', 1000, 5);
	}

	public function test_the_host_that_is_named_is_the_one_that_hears_it(): void
	{
		$this->hub = Hub::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
		$answer = Client::ask('POST', "http://localhost:{$this->hub->port}/path", ['X-Mine: 1'], 'body', 1000, 5);
		$this->assertSame([200, '{}', '2'], [$answer['status'], $answer['body'], $answer['headers']['content-length']]);
		$asked = $this->hub->asked(false)[0];
		$this->assertStringStartsWith("POST /path HTTP/1.1\r\n", $asked);
		$this->assertStringContainsString("\r\nHost: localhost:{$this->hub->port}\r\n", $asked);
		$this->assertStringContainsString("\r\nX-Mine: 1\r\n", $asked);
		$this->assertStringEndsWith("\r\n\r\nbody", $asked);
	}

	public function test_a_hub_says_who_it_is_and_what_time_it_has(): void
	{
		$said = json_encode(['site' => ['url' => 'http://x.example'], 'filesync' => ['v' => 1]]);
		$this->hub = Hub::answering(
			"HTTP/1.1 200 OK\r\nDate: "
			. gmdate('D, d M Y H:i:s', time() + 500)
			. " GMT\r\nContent-Length: "
			. strlen($said)
			. "\r\n\r\n$said",
		);
		$answer = Neighbour::ask("http://127.0.0.1:{$this->hub->port}/channel/alice");
		$this->assertSame([1, true], [$answer['info']['filesync']['v'], $answer['private']]);
		$this->assertEqualsWithDelta(500, $answer['clock'], 3);
		$this->assertStringContainsString("\r\nAccept: application/x-zot+json\r\n", $this->hub->asked(false)[0]);
		$this->hub->stop();
		$this->hub = Hub::answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
		$this->assertSame([null, 'status 503'], [
			($answer = Neighbour::ask("http://127.0.0.1:{$this->hub->port}/channel/alice"))['info'],
			$answer['error'],
		]);
	}

	public function test_a_login_ends_with_every_cookie_that_it_gave(): void
	{
		$this->hub = Hub::answering(
			"HTTP/1.1 200 OK\r\nSet-Cookie: first=1; path=/\r\nSet-Cookie: PHPSESSID=abc; secure\r\nContent-Length: 2\r\n\r\n[]",
		);
		OriginApi::get($this->channel, "http://127.0.0.1:{$this->hub->port}", '/api/z/1.0/files?start=0');
		$asked = $this->hub->asked(false);
		$this->assertStringStartsWith("GET /logout HTTP/1.1\r\n", $asked[1]);
		$this->assertStringContainsString("\r\nCookie: first=1; PHPSESSID=abc\r\n", $asked[1]);
	}

	public function test_an_answer_that_needs_more_memory_than_there_is_is_not_read(): void
	{
		foreach ([
			'[' . str_repeat('[1],', 2000000) . '1]',
			'{"a":[' . str_repeat('{"a":1},', 1000000) . '1]}',
		] as $text) {
			try {
				Json::read($text);
				$this->fail('it was read');
			} catch (LengthException $e) {
				$this->assertStringContainsString('memory_limit', $e->getMessage());
			}
		}
		$this->assertSame(['a' => ['x,[{"', "\\", 1]], Json::read('{"a":["x,[{\"","\\\\",1]}'));
		$this->assertNull(Json::read('{"a'));
		Client::$wire = fn () => [
			'status' => 200,
			'body' => '{"filesync":1,"x":[' . str_repeat('[1],', 2000000) . '1]}',
		];
		foreach ([
			fn () => (new CloneCall($this->channel, self::ORIGIN, 'inventory'))->ask([]),
			fn () => OriginApi::get($this->channel, self::ORIGIN, '/x'),
		] as $ask) {
			try {
				$ask();
				$this->fail('it was read');
			} catch (RuntimeException $e) {
				$this->assertStringContainsString('memory_limit', $e->getMessage());
			}
		}
	}

	public function test_a_comparison_that_ends_its_process_counts_as_tried(): void
	{
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$run->save(['next_at' => time() - 5]);
		foreach ([1, 2] as $attempt) {
			Table::update('filesync_reconcile', ['next_at' => time() - 5], []);
			Table::update('filesync_lease', ['expires' => 0], []);
			$this->killedAt(null, function () use ($run) {
				Client::$wire = fn () => posix_kill(getmypid(), SIGKILL);
				Reconcile::goOn($run->id, time() + 30);
			});
			$row = Run::find($run->id);
			$this->assertSame($attempt, $row->attempts);
			$this->assertGreaterThan(time() + 50, $row->next_at, 'others come first');
		}
	}

	private function get(int $mostBytes): array
	{
		return Client::ask('GET', "http://127.0.0.1:{$this->hub->port}/", [], '', $mostBytes, 10);
	}
}
