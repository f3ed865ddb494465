<?php

use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\CorePictures;
use FileSync\Addon\Hub\Forbidden;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Import\PictureProcess;
use FileSync\Addon\Import\Pictures;
use PHPUnit\Framework\Attributes\DataProvider;

/** I6: what an import left to be fetched, from hosts that anybody chose, costs the worker neither memory nor time. */
final class PicturesTest extends AddonTestCase
{
	private const PERSON = 'person';
	private const URL = 'https://far.example/picture';

	/** @var list<string> */
	private array $asked = [];
	/** @var list<int> Processes that answer requests. */
	private array $servers = [];

	protected function setUp(): void
	{
		parent::setUp();
		// Where the hosts of these tests are.
		Config::set('allow_private_addresses', '1');
		$default = fn (int $size): string => z_root() . '/' . get_default_profile_photo($size);
		Table::insert('xchan', [
			'xchan_hash' => self::PERSON,
			'xchan_photo_l' => $default(300),
			'xchan_photo_m' => $default(80),
			'xchan_photo_s' => $default(48),
		] + Table::first('xchan', ['xchan_hash' => $this->channel->hash]));
	}

	protected function tearDown(): void
	{
		foreach ($this->servers as $server) {
			posix_kill($server, SIGKILL);
			pcntl_waitpid($server, $status);
		}
		parent::tearDown();
	}

	/** @dataProvider shapes */
	#[DataProvider('shapes')]
	public function test_a_picture_is_shown_in_its_sizes(int $width, int $height): void
	{
		$this->answer(['status' => 200, 'headers' => ['etag' => '"e"'], 'body' => $this->png($width, $height)]);
		CorePictures::fetch($this->channel->id, 'xchan', self::PERSON, self::URL);
		$person = $this->person();
		$this->assertMatchesRegularExpression(
			'#^http://127.0.0.1:9000/photo/[0-9a-f-]{36}-4$#',
			$person['xchan_photo_l'],
		);
		$this->assertSame('image/png', $person['xchan_photo_mimetype']);
		$rows = Table::select('photo', ['xchan' => self::PERSON], 'imgscale');
		$this->assertSame(
			[[4, 300, 300], [5, 80, 80], [6, 48, 48]],
			array_map(fn ($row) => [(int) $row['imgscale'], (int) $row['width'], (int) $row['height']], $rows),
		);
		$this->assertSame([300, 300], array_slice(getimagesize($rows[0]['content']), 0, 2));
		$this->assertSame([self::URL], $this->asked);
		CorePictures::fetch($this->channel->id, 'xchan', self::PERSON, self::URL);
		$this->assertSame([self::URL], $this->asked, 'it has one by now');
	}

	public static function shapes(): array
	{
		return ['wide' => [700, 200], 'high' => [200, 700], 'nearly square' => [200, 210]];
	}

	/** @dataProvider refused */
	#[DataProvider('refused')]
	public function test_what_is_no_picture_of_a_person_is_not_shown(array $answer, Closure $body): void
	{
		$before = $this->person();
		$this->answer($answer + ['body' => $body($this)]);
		CorePictures::fetch($this->channel->id, 'xchan', self::PERSON, self::URL);
		$this->assertSame($before, $this->person());
		$this->assertSame([], Table::select('photo', ['xchan' => self::PERSON]));
	}

	public static function refused(): array
	{
		return [
			'a page' => [['status' => 200], fn () => '<html>'],
			'a failure' => [['status' => 500], fn ($test) => $test->png(10, 10)],
			'no whole answer' => [['status' => 0, 'error' => 'a body of more than 5242880 bytes'], fn () => ''],
			'more pixels than fit' => [
				['status' => 200],
				function ($test) {
					$png = $test->png(1, 1);

					return substr_replace($png, pack('NN', 60000, 60000), 16, 8);
				},
			],
			'a damaged one' => [['status' => 200], fn ($test) => substr($test->png(300, 300), 0, 60)],
		];
	}

	public function test_it_is_followed_where_it_moved_and_each_address_is_checked(): void
	{
		$png = $this->png(20, 20);
		Client::$wire = function ($method, $url) use ($png) {
			$this->asked[] = $url;

			return match ($url) {
				self::URL => ['status' => 302, 'headers' => ['location' => 'https://far.example/new']],
				'https://far.example/new' => ['status' => 200, 'headers' => [], 'body' => $png],
			};
		};
		CorePictures::fetch($this->channel->id, 'xchan', self::PERSON, self::URL);
		$this->assertSame([self::URL, 'https://far.example/new'], $this->asked);
		$this->assertStringEndsWith('-4', $this->person()['xchan_photo_l']);
	}

	public function test_it_is_not_followed_for_ever_nor_where_nothing_may_be_asked(): void
	{
		$before = $this->person();
		$this->answer(['status' => 302, 'headers' => ['location' => self::URL]]);
		CorePictures::fetch($this->channel->id, 'xchan', self::PERSON, self::URL);
		$this->assertCount(4, $this->asked);
		Client::$wire = fn () => throw new Forbidden('a private address', 403);
		CorePictures::fetch($this->channel->id, 'xchan', self::PERSON, self::URL);
		$this->assertSame($before, $this->person());
		Client::$wire = null;
		Config::clear('allow_private_addresses');
		$server = $this->server(fn () => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		CorePictures::fetch($this->channel->id, 'xchan', self::PERSON, "$server/x");
		$this->assertFileDoesNotExist('asked');
	}

	/** A process that is at it too long is ended; the pictures behind that one are fetched by the next. */
	public function test_a_host_that_takes_too_long_keeps_nobody(): void
	{
		$server = $this->server(
			function (string $request, $to): string {
				if (str_contains($request, '/slow')) {
					// Until whoever asked is gone.
					stream_get_contents($to);
				}

				return $this->png(20, 20);
			},
			true,
		);
		$pictures = [['xchan', self::PERSON, "$server/slow"], ['xchan', self::PERSON, "$server/good"]];
		$begun = PictureProcess::run((string) json_encode([$this->channel->id, $pictures]), 1);
		$this->assertSame(1, $begun);
		$this->assertNull(Pictures::fetch($this->channel->id, (string) json_encode(array_slice($pictures, $begun))));
		$this->assertStringEndsWith('-4', $this->person()['xchan_photo_l']);
	}

	/** A body without an end, and one that only unpacked is large. */
	public function test_what_a_host_sends_is_not_this_process_memory(): void
	{
		$before = $this->person();
		$server = $this->server(function (string $request, $to): string {
			if (str_contains($request, '/packed')) {
				fwrite($to, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Encoding: gzip\r\n\r\n");
				return (string) gzencode(str_repeat("\0", 50 << 20), 1);
			}
			fwrite($to, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n");
			while (@fwrite($to, str_repeat("\0", 1 << 16))) {
			}

			return '';
		});
		memory_reset_peak_usage();
		$peak = memory_get_peak_usage();
		$pictures = [['xchan', self::PERSON, "$server/endless"], ['xchan', self::PERSON, "$server/packed"]];
		$this->assertNull(Pictures::fetch($this->channel->id, (string) json_encode($pictures)));
		$this->assertLessThan(1 << 20, memory_get_peak_usage() - $peak);
		$this->assertFileExists('asked');
		$this->assertSame($before, $this->person());
	}

	public function test_a_list_that_says_nothing_is_done(): void
	{
		$this->assertNull(Pictures::fetch($this->channel->id, '[]'));
		$this->assertNull(Pictures::fetch($this->channel->id, 'x'));
	}

	public function png(int $width, int $height): string
	{
		ob_start();
		imagepng(imagecreatetruecolor($width, $height));

		return (string) ob_get_clean();
	}

	private function answer(array $answer): void
	{
		Client::$wire = function ($method, $url) use ($answer) {
			$this->asked[] = $url;

			return $answer;
		};
	}

	private function person(): array
	{
		return Table::first('xchan', ['xchan_hash' => self::PERSON]);
	}

	/** Starts a host that answers each request; returns its address. It notes in file `asked` that it was asked. */
	private function server(Closure $answer, bool $isPicture = false): string
	{
		$listen = stream_socket_server('tcp://127.0.0.1:0');
		$name = stream_socket_get_name($listen, false);
		$child = pcntl_fork();
		if ($child === 0) {
			while ($to = @stream_socket_accept($listen, 60)) {
				if (pcntl_fork() === 0) {
					try {
						touch('asked');
						$body = $answer((string) fgets($to), $to);
						$head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n";
						@fwrite($to, ($isPicture ? $head : '') . $body);
						fclose($to);
					} finally {
						posix_kill(getmypid(), SIGKILL);
					}
				}
				fclose($to);
			}
			posix_kill(getmypid(), SIGKILL);
		}
		fclose($listen);
		$this->servers[] = $child;

		return "http://$name";
	}
}
