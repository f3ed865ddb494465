<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\GetfileController;
use FileSync\Addon\Hub\Places;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\FilesHere;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Protocol\Ticket;
use FileSync\Addon\Serve\Serve;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Exception\StorageException;
use FileSync\FileDigest;
use FileSync\Store;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

/** Serving to other clones: what is given is whole and the requester's own, and a refusal never looks like a file. */
final class ServeTest extends AddonTestCase
{
	private const BYTES = 'the bytes of the file';

	protected function setUp(): void
	{
		parent::setUp();
		$this->receive(
			$this->photo('p1', [0 => self::BYTES, 1 => 'small', 4 => 'crop']),
			$this->file('f1', '<html></html>', ['filetype' => 'text/html'], ['d1' => 'Folder']),
		);
		$this->work();
		Table::delete('filesync_digest', ['uid' => 1]);
		FileDigest::$count = 0;
	}

	public function test_a_signed_request_gets_facts_and_a_ticket_for_each_file(): void
	{
		$answer = $this->ask(['p1' => 0, 'f1' => 0, 'nobody' => 0]);
		$features = ['ticket', 'range', 'pack', 'inventory', 'bulk'];
		$this->assertSame([2, FileSync\Addon\Hub\Runtime::version(), $features, 600], [
			$answer['filesync'],
			$answer['version'],
			$answer['features'],
			$answer['expires_in'],
		]);
		$this->assertEqualsWithDelta(time(), $answer['time'], 60);
		[$photo, $page, $nothing] = $answer['files'];
		$this->assertSame(
			[
				'hash' => 'p1',
				'scale' => 0,
				'state' => 'ready',
				'size' => strlen(self::BYTES),
				'edited' => '2024-05-01 10:00:00',
				'mimetype' => 'image/jpeg',
			],
			array_intersect_key($photo, array_flip(['hash', 'scale', 'state', 'size', 'edited', 'mimetype'])),
		);
		$this->assertSame(hash('sha256', self::BYTES), $photo['sha256']);
		$this->assertMatchesRegularExpression('/^[0-9a-f]{40}$/', $photo['etag']);
		$this->assertSame('ready', $page['state']);
		$this->assertSame(['hash' => 'nobody', 'scale' => 0, 'state' => 'missing'], $nothing);
		$this->assertSame('ready', $this->ask(['p1' => 4])['files'][0]['state']);
		$this->assertSame('missing', $this->ask(['p1' => 7])['files'][0]['state']);
		$this->assertSame('missing', $this->ask(['d1' => 0])['files'][0]['state'], 'a folder has no bytes');
	}

	public function test_with_a_ticket_the_file_is_read_whole_and_in_ranges(): void
	{
		$file = $this->ask(['p1' => 0])['files'][0];
		$etag = '"' . $file['etag'] . '"';
		$size = strlen(self::BYTES);
		$whole = [
			'Content-Length' => (string) $size,
			'ETag' => $etag,
			'Accept-Ranges' => 'bytes',
			'Content-Type' => 'application/octet-stream',
			'X-Content-Type-Options' => 'nosniff',
			'Content-Disposition' => 'attachment',
			'Cache-Control' => 'private, no-store',
		];
		$this->isAnswered(200, self::BYTES, $whole, $this->read($file));
		$this->isAnswered(
			206,
			'bytes',
			['Content-Range' => "bytes 4-8/$size", 'Content-Length' => '5', 'ETag' => $etag],
			$this->read($file, ['range' => 'bytes=4-8']),
		);
		$this->isAnswered(206, 'file', [], $this->read($file, ['range' => 'bytes=-4', 'if-range' => $etag]));
		$this->isAnswered(200, self::BYTES, $whole, $this->read($file, [
			'range' => 'bytes=-4',
			'if-range' => '"other"',
		]));
		$this->isAnswered(200, self::BYTES, $whole, $this->read($file, ['range' => 'bytes=0-1,3-4']));
		$this->isAnswered(304, '', ['ETag' => $etag], $this->read($file, [
			'if-none-match' => $etag,
			'range' => 'bytes=0-1',
		]));
		$this->isAnswered(
			416,
			null,
			['Content-Range' => "bytes */$size", 'Content-Type' => 'application/json'],
			$this->read($file, ['range' => "bytes=$size-"]),
		);
		$head = $this->read($file, ['range' => 'bytes=0-1'], 'HEAD');
		$this->assertSame([200, (string) $size], [$head->status, $head->headers['Content-Length']]);
	}

	public function test_a_pack_has_the_files_of_its_tickets_but_what_changed_or_is_in_the_database(): void
	{
		Table::update(
			'photo',
			['os_storage' => 0, 'content' => 'in the database', 'filesize' => 15],
			['resource_id' => 'p1', 'imgscale' => 1],
		);
		[$photo, $page] = $this->ask(['p1' => 0, 'f1' => 0])['files'];
		$scale = $this->ask(['p1' => 1])['files'][0];
		$given = [$photo['ticket'], $page['ticket'], $scale['ticket']];
		$answer = $this->pack($given);
		$bytes = $this->body($answer);
		$this->assertSame(
			[200, 'application/x-tar', (string) strlen($bytes)],
			[$answer->status, $answer->headers['Content-Type'], $answer->headers['Content-Length']],
		);
		foreach ([self::BYTES, '<html></html>'] as $file) {
			$this->assertStringContainsString(bin2hex($file), $bytes);
			$this->assertStringContainsString(hash('sha256', $file), $bytes);
		}
		$this->assertStringNotContainsString(bin2hex('in the database'), $bytes);
		file_put_contents($this->attach('f1')['content'], 'changed since');
		$this->assertStringNotContainsString(bin2hex('changed since'), $this->body($this->pack($given)));
		$refusals = fn () => Table::sum('filesync_refusal', 'number', []);
		foreach (['made up', 7] as $wrong) {
			$before = $refusals();
			$this->assertSame(401, $this->pack([...$given, ...array_fill(0, 61, $wrong)])->status);
			$this->assertLessThanOrEqual($before + 2, $refusals(), 'one of its address, and one of all');
		}
		foreach ([[], array_fill(0, 65, 'x'), 'x'] as $malformed) {
			$this->assertSame(400, $this->pack($malformed)->status);
		}
	}

	private function pack(mixed $tickets): Response
	{
		return Serve::answer(new Request('POST', ['getfile', 'pack'], [], [], json_encode(['tickets' => $tickets])));
	}

	private function body(Response $answer): string
	{
		ob_start();
		(fn () => ($this->write)())->call($answer);

		return (string) ob_get_clean();
	}

	public function test_a_page_is_never_served_as_one(): void
	{
		$answer = $this->read($this->ask(['f1' => 0])['files'][0]);
		$this->assertSame(['application/octet-stream', 'attachment', 'nosniff'], [
			$answer->headers['Content-Type'],
			$answer->headers['Content-Disposition'],
			$answer->headers['X-Content-Type-Options'],
		]);
	}

	public function test_scales_that_the_database_holds_are_served(): void
	{
		$bytes = "\x89PNG\0bytes";
		Table::update(
			'photo',
			['os_storage' => 0, 'content' => $bytes, 'filesize' => strlen($bytes)],
			['resource_id' => 'p1', 'imgscale' => 1],
		);
		$file = $this->ask(['p1' => 1])['files'][0];
		$this->assertSame([strlen($bytes), hash('sha256', $bytes)], [$file['size'], $file['sha256']]);
		$this->isAnswered(206, 'PNG', [], $this->read($file, ['range' => 'bytes=1-3']));
	}

	/** I6: an old hub has many of these. */
	public function test_files_that_the_database_holds_are_in_memory_one_at_a_time(): void
	{
		if (! function_exists('memory_reset_peak_usage')) {
			$this->markTestSkipped('PHP before 8.2 cannot measure one piece of work');
		}
		$hashes = array_map(fn (int $n) => "old-$n", range(1, 8));
		$this->receive(...array_map(fn (string $hash) => $this->file($hash, 'x'), $hashes));
		$this->work();
		$content = str_repeat('in the database ', 1 << 17);
		Table::update(
			'attach',
			['os_storage' => 0, 'content' => $content, 'filesize' => strlen($content)],
			['hash' => $hashes],
		);
		$given = [];
		foreach ([
			'tickets' => function () use ($hashes, &$given): void {
				$given = $this->ask(array_fill_keys($hashes, 0))['files'];
			},
			'a pack' => function () use (&$given): void {
				$this->pack(array_column($given, 'ticket'));
			},
			'what a clone is told' => function () use ($hashes): void {
				$here = new FilesHere($this->channel, $hashes);
				foreach ($hashes as $hash) {
					$this->assertSame('whole', $here->facts($hash)->state);
				}
			},
		] as $what => $work) {
			$before = memory_get_usage();
			memory_reset_peak_usage();
			$work();
			$this->assertLessThan(12 << 20, memory_get_peak_usage() - $before, $what);
		}
		$this->assertSame(['ready'], array_unique(array_column($given, 'state')));
		$this->assertSame([hash('sha256', $content)], array_unique(array_column($given, 'sha256')));
	}

	/** @dataProvider refusals */
	#[DataProvider('refusals')]
	public function test_a_request_that_is_not_right_is_refused(int $status, string $error, Closure $make): void
	{
		$answer = Serve::answer($make($this));
		$this->assertSame([$status, $error, 'application/json'], [
			$answer->status,
			json_decode($answer->body, true)['error'],
			$answer->headers['Content-Type'],
		]);
		$this->assertEqualsWithDelta(time(), json_decode($answer->body, true)['time'], 60);
		$this->assertCount(3, json_decode($answer->body, true));
	}

	public static function refusals(): array
	{
		$forged = fn (array $signed) => fn ($test) => $test->ticketRequest(['p1' => 0], [], $signed);
		$with = fn (array $keys) => fn ($test) => $test->ticketRequest(
			['p1' => 0],
			isset($keys['time']) ? ['time' => time() + $keys['time']] : $keys,
		);

		$bare = fn (?string $body) => fn ($test) => new Request(
			'POST',
			['getfile', 'ticket'],
			['filesync-signature' => $test->ticketRequest(['p1' => 0])->header('filesync-signature')],
			[],
			$body,
		);

		return [
			'signed for another host' => [401, 'signature', $forged(['host' => 'elsewhere.example'])],
			'signed for another path' => [401, 'signature', $forged(['path' => '/sub/getfile/ticket'])],
			'another body' => [401, 'signature', $forged(['body' => '{}'])],
			'another key' => [401, 'signature', $forged(['key' => openssl_pkey_new(['private_key_bits' => 2048])])],
			'unsigned' => [
				401,
				'signature',
				fn ($test) => new Request(
					'POST',
					['getfile', 'ticket'],
					[],
					[],
					$test->ticketRequest(['p1' => 0])->body,
				),
			],
			'unknown clone' => [403, 'unknown_requester', $with(['key_id' => 'https://c.example/channel/alice'])],
			'another channel' => [403, 'unknown_requester', $with(['channel' => 'another'])],
			'clock ahead' => [401, 'clock', $with(['time' => 400])],
			'clock behind' => [401, 'clock', $with(['time' => -400])],
			'no nonce' => [400, 'malformed', $with(['nonce' => ''])],
			'no files' => [400, 'malformed', $with(['files' => []])],
			'65 files' => [400, 'malformed', $with(['files' => array_fill(0, 65, ['hash' => 'x', 'scale' => 0])])],
			'a path for a hash' => [400, 'malformed', $with(['files' => [['hash' => '../x', 'scale' => 0]]])],
			'a scale that is none' => [400, 'malformed', $with(['files' => [['hash' => 'x', 'scale' => 10]]])],
			'a list of lists' => [400, 'malformed', $with(['files' => [[]]])],
			'no JSON' => [400, 'malformed', $bare('x')],
			'too long' => [400, 'malformed', $bare(null)],
			'a version that is none' => [400, 'malformed', $with(['filesync' => '2'])],
			'an older version' => [200, 'version', $with(['filesync' => 1])],
			'a newer version' => [200, 'version', $with(['filesync' => 3])],
			'signed as posts are' => [401, 'signature', $forged(['algorithm' => OPENSSL_ALGO_SHA256])],
			'text without the byte that no text has' => [401, 'signature', $forged(['first' => ''])],
			'signed for another use' => [401, 'signature', $forged(['kind' => 'inventory'])],
		];
	}

	public function test_a_clone_that_left_and_a_channel_that_is_switched_off_are_refused(): void
	{
		Table::update('hubloc', ['hubloc_deleted' => 1], ['hubloc_url' => self::ORIGIN]);
		$this->assertSame(403, Serve::answer($this->ticketRequest(['p1' => 0]))->status);
		Table::update('hubloc', ['hubloc_deleted' => 0], ['hubloc_url' => self::ORIGIN]);
		$this->assertSame(200, Serve::answer($this->ticketRequest(['p1' => 0]))->status);
		Config::set('enabled', '0', 'channel:1');
		$this->assertSame(403, Serve::answer($this->ticketRequest(['p1' => 0]))->status);
	}

	public function test_a_request_is_answered_once(): void
	{
		$request = $this->ticketRequest(['p1' => 0]);
		$this->assertSame(200, Serve::answer($request)->status);
		$this->assertSame('nonce', json_decode(Serve::answer($request)->body, true)['error']);
		Housekeeping::often();
		$this->assertSame(
			'nonce',
			json_decode(Serve::answer($request)->body, true)['error'],
			'the nonce is kept as long as its time is accepted',
		);
		dbq('UPDATE filesync_nonce SET expires = 1');
		Housekeeping::often();
		$this->assertSame(0, Table::count('filesync_nonce', []));
	}

	public function test_a_channel_may_not_ask_without_end(): void
	{
		Config::set('ticket_requests_per_minute', '2');
		$statuses = array_map(fn () => Serve::answer($this->ticketRequest(['p1' => 0])), [1, 2, 3]);
		$this->assertSame([200, 200, 429], array_column($statuses, 'status'));
		$this->assertSame('10', $statuses[2]->headers['Retry-After']);
	}

	public function test_a_channels_clones_have_files_read_at_two_places_at_once_and_who_comes_then_asks_again_in_a_second(): void
	{
		foreach ([1, 2, 3] as $n) {
			file_put_contents("store/alice/large$n", '');
			ftruncate(fopen("store/alice/large$n", 'c'), 5000000 + $n);
			$this->receive($this->file("large$n", '', ['filesize' => 5000000 + $n]));
			TransferBatch::$answers["large$n-0"] = 5000000 + $n;
		}
		FileDigest::$digest = str_repeat('ab', 32);
		$this->work();
		Table::delete('filesync_digest', ['uid' => 1]);
		[$asked, $during, $depth] = [[], [], 1];
		FileDigest::$duringStep = function (string $path) use (&$asked, &$during, &$depth) {
			if (str_contains($path, 'large')) {
				// While one is read, another request comes.
				$next = ++$depth;
				$asked[] = Serve::answer($this->ticketRequest(["large$next" => 0]));
				$during[] = Serve::answer($this->ticketRequest(['p1' => 0, 'f1' => 0]));
			}

			return true;
		};
		$first = Serve::answer($this->ticketRequest(['large1' => 0]));
		// Asked from within: the third first.
		$this->assertSame([200, [429, 200]], [$first->status, array_column($asked, 'status')]);
		$this->assertSame(['1', 'busy'], [
			$asked[0]->headers['Retry-After'],
			json_decode($asked[0]->body, true)['error'],
		]);
		$this->assertSame([200, 200], array_column($during, 'status'), 'what is small needs no place');
		FileDigest::$duringStep = null;
		$this->assertSame(200, Serve::answer($this->ticketRequest(['large3' => 0]))->status, 'places are given back');
		$this->assertSame(0, Table::count('filesync_lease', ['name like' => 'place-%', 'expires >' => 0]));
	}

	public function test_a_request_waits_for_a_file_of_this_second_only_where_it_holds_up_nobody(): void
	{
		$this->ask(['f1' => 0, 'p1' => 0]);
		Store::$age = 0;
		touch('store/alice/p1');
		$places = [Places::take('ticket', 1, 2), Places::take('ticket', 1, 2)];
		$this->assertNull(Places::take('ticket', 1, 2));
		$this->assertNotNull(Places::take('ticket', 2, 2), 'another channel has its own');
		$start = microtime(true);
		$answer = Serve::answer($this->ticketRequest(['p1' => 0]));
		$this->assertSame([429, '1'], [$answer->status, $answer->headers['Retry-After']]);
		// As eight clones that ask at once for what is old enough.
		Store::$age = 10;
		$statuses = array_map(
			fn () => Serve::answer($this->ticketRequest(['f1' => 0, 'p1' => 0]))->status,
			range(1, 8),
		);
		$this->assertSame(array_fill(0, 8, 200), $statuses);
		$places[0]->giveBack();
		Store::$age = 0;
		$this->assertSame('ready', $this->ask(['p1' => 0])['files'][0]['state']);
	}

	public function test_where_the_database_fails_the_answer_is_busy_and_no_file(): void
	{
		$file = $this->ask(['p1' => 0])['files'][0];
		$this->whileFailing(fn () => true, function () use ($file) {
			$this->isAnswered(
				503,
				null,
				['Content-Type' => 'application/json'],
				Serve::answer($this->ticketRequest(['p1' => 0])),
			);
			$this->isAnswered(503, null, ['Content-Type' => 'application/json'], $this->read($file));
		});
	}

	public function test_a_ticket_is_for_one_file_one_state_of_it_one_hub_and_ten_minutes(): void
	{
		$file = $this->ask(['p1' => 0])['files'][0];
		$claims = json_decode(base64_decode(strtr(strstr($file['ticket'], '.', true), '-_', '+/')), true);
		$this->isRefused(401, 'ticket', $this->read(['hash' => 'f1'] + $file));
		foreach ([
			'another file' => ['h' => 'f1'],
			'another scale' => ['s' => 1],
			'longer' => ['x' => time() + 6000],
			'another channel' => ['c' => 'x'],
		] as $change) {
			$forged =
				rtrim(strtr(base64_encode(json_encode($change + $claims)), '+/', '-_'), '=')
				. strstr($file['ticket'], '.');
			$this->isRefused(401, 'ticket', $this->read(['ticket' => $forged] + $file));
		}
		$other = $this->ask(['p1' => 1])['files'][0];
		$this->isAnswered(200, 'small', [], $this->read(['hash' => 'p1'] + $other));
		$this->isRefused(401, 'ticket', $this->read(['ticket' => Ticket::issue(['u' => 'http://elsewhere.example']
			+ array_diff_key($claims, ['x' => 0, 'k' => 0]))] + $file));
		$expired = Ticket::issue(['x' => time() - 1] + array_diff_key($claims, ['k' => 0]));
		$this->isRefused(401, 'ticket', $this->read(['ticket' => $expired] + $file));
		foreach ([
			'',
			'x',
			'x.y',
			str_repeat('a', 5000),
			$file['ticket'] . 'A',
			'.' . strrchr($file['ticket'], '.'),
		] as $junk) {
			$this->isRefused(401, 'ticket', $this->read(['ticket' => $junk] + $file));
		}
		$this->isAnswered(200, self::BYTES, [], $this->read($file));
		file_put_contents('store/alice/p1', 'THE bytes of the file, changed');
		$this->isRefused(412, 'changed', $this->read($file));
		unlink('store/alice/p1');
		$this->isRefused(404, 'missing', $this->read($file));
		Table::update('hubloc', ['hubloc_deleted' => 1], ['hubloc_url' => self::ORIGIN]);
		$this->isRefused(401, 'ticket', $this->read($file));
	}

	public function test_keys_change_every_day_and_the_last_one_is_good_for_its_tickets(): void
	{
		$file = $this->ask(['p1' => 0])['files'][0];
		dbq('UPDATE filesync_key SET created = created - 86401');
		$this->assertSame(200, $this->read($file)->status);
		$this->ask(['p1' => 0]);
		$this->assertSame(2, Table::count('filesync_key', []));
		dbq('UPDATE filesync_key SET created = created - 600 WHERE created < ' . (time() - 1000));
		$this->isRefused(401, 'ticket', $this->read($file));
		Housekeeping::daily();
		$this->assertSame(1, Table::count('filesync_key', []));
	}

	public function test_what_is_not_whole_here_is_not_given(): void
	{
		file_put_contents('store/alice/p1', 'short');
		$this->assertSame('unavailable', $this->ask(['p1' => 0])['files'][0]['state']);
		unlink('store/alice/p1');
		$this->assertSame('unavailable', $this->ask(['p1' => 0])['files'][0]['state']);
		symlink('/etc/passwd', 'store/alice/p1');
		$this->assertSame('unavailable', $this->ask(['p1' => 0])['files'][0]['state']);
		$this->receive($this->file('f2', 'on its way'));
		$this->assertSame(
			['state' => 'unavailable', 'retry_after' => 60],
			array_slice($this->ask(['f2' => 0])['files'][0], 2),
		);
	}

	public function test_a_file_of_this_second_is_given_once_no_change_could_go_unnoticed(): void
	{
		Store::$age = 0;
		touch('store/alice/p1');
		$start = microtime(true);
		$this->assertSame('ready', $this->ask(['p1' => 0, 'f1' => 0])['files'][0]['state']);
		$this->assertGreaterThan(0.4, microtime(true) - $start);
		Store::$age = -2;
		touch('store/alice/p1');
		$this->assertSame(
			['hash' => 'p1', 'scale' => 0, 'state' => 'unavailable', 'retry_after' => 2],
			$this->ask(['p1' => 0])['files'][0],
		);
	}

	public function test_a_digest_is_computed_once_for_the_same_bytes(): void
	{
		$this->ask(['p1' => 0]);
		$this->ask(['p1' => 0]);
		$this->assertSame(1, FileDigest::$count);
		file_put_contents('store/alice/p1', strrev(self::BYTES));
		touch('store/alice/p1', time() - 60);
		$this->assertSame(hash('sha256', strrev(self::BYTES)), $this->ask(['p1' => 0])['files'][0]['sha256']);
		FileDigest::$duringStep = function (string $path) {
			FileDigest::$duringStep = null;
			file_put_contents($path, self::BYTES);
			touch($path, time() - 50);

			return true;
		};
		file_put_contents('store/alice/p1', strtoupper(self::BYTES));
		$file = $this->ask(['p1' => 0])['files'][0];
		$this->assertSame('unavailable', $file['state'], 'changed while it was read');
	}

	public function test_a_file_that_cannot_be_read_keeps_no_other_from_a_clone(): void
	{
		FileDigest::$duringStep = fn (string $path) => (
			$path !== realpath('store/alice/p1')
			|| throw new StorageException('input/output error')
		);
		[$photo, $page] = $this->ask(['p1' => 0, 'f1' => 0])['files'];
		$this->assertSame([null, hash('sha256', '<html></html>')], [$photo['sha256'], $page['sha256']]);
		$this->assertSame(['ready', 'ready'], [$photo['state'], $page['state']]);
		$bytes = $this->body($this->pack([$photo['ticket'], $page['ticket']]));
		$this->assertStringContainsString(bin2hex('<html></html>'), $bytes);
		$this->assertStringNotContainsString(bin2hex(self::BYTES), $bytes);
		$this->assertSame(
			['', hash('sha256', '<html></html>')],
			array_column(Table::select('filesync_digest', [], 'hash DESC', 0, 'sha256'), 'sha256'),
		);
	}

	public function test_of_files_that_are_looked_at_together_none_is_taken_for_what_it_was_before_a_change(): void
	{
		$facts = FileSync\Addon\Storage\Facts::of($this->channel, 'p1', 0);
		$known = FileSync\Addon\Storage\KnownDigests::of((int) $this->channel->id, [['hash' => 'p1', 'scale' => 0]]);
		$this->assertSame(hash('sha256', self::BYTES), $known->get($facts, (microtime(true) * 1000) + 60000));
		// As many bytes, written while other files are read.
		Fake\Clock::$ahead += 3;
		$edited = gmdate('Y-m-d H:i:s', FileSync\Addon\Hub\Clock::now());
		file_put_contents('store/alice/p1', strrev(self::BYTES));
		Fake\Clock::$ahead += 5;
		$known->save();
		$this->assertSame(1, Table::count('filesync_digest', ['hash' => 'p1']));
		$this->assertNull(Digests::recorded($this->channel->id, 'p1', strlen(self::BYTES), $edited));
	}

	public function test_a_digest_that_takes_long_is_computed_in_the_background(): void
	{
		$large = (1 << 30) + 1;
		$this->makeSparse('store/alice/p1', $large);
		Table::update('attach', ['filesize' => $large], ['hash' => 'p1']);
		$file = $this->ask(['p1' => 0])['files'][0];
		$this->assertSame(['ready', $large, null], [$file['state'], $file['size'], $file['sha256']]);
		$this->assertSame(0, FileDigest::$count);
		$this->assertSame(200, $this->read($file)->status);
		$this->ask(['p1' => 0]);
		$jobs = array_values(array_filter($this->jobs('Addon'), fn ($job) => $job[2] === 'digest'));
		$this->assertCount(1, $jobs);
		FileDigest::$digest = str_repeat('ab', 32);
		call_hooks('daemon_addon', $jobs[0]);
		$this->assertSame(FileDigest::$digest, $this->ask(['p1' => 0])['files'][0]['sha256']);
		attach_delete(1, 'p1');
		Housekeeping::daily();
		$this->assertSame([], Table::select('filesync_digest', []));
	}

	public function test_several_files_share_the_seconds_of_one_request(): void
	{
		FileDigest::$duringStep = fn () => false;
		$start = microtime(true);
		Digests::of(FileSync\Addon\Storage\Facts::of($this->channel, 'p1', 0), ($start * 1000) + 20);
		$this->assertLessThan(60, microtime(true) - $start);
		$this->assertSame(['p1', ''], array_values(array_intersect_key(Table::first('filesync_digest', []), [
			'hash' => 1,
			'sha256' => 1,
		])));
	}

	public function test_the_web_server_sends_where_it_was_told_to(): void
	{
		$this->assertFalse(FileSync\Addon\Hub\Settings::accepts('x_accel', 'X-Accel-Redirect: /x/'));
		$this->assertTrue(FileSync\Addon\Hub\Settings::accepts('x_accel', 'X-Accel-Redirect:/filesync-files/'));
		Config::set('x_accel', 'X-Accel-Redirect:/filesync-files/');
		$file = $this->ask(['p1' => 0])['files'][0];
		$answer = $this->read($file, ['range' => 'bytes=1-2']);
		$this->assertSame([200, '/filesync-files/store/alice/p1', null, '', false], [
			$answer->status,
			$answer->headers['X-Accel-Redirect'],
			$answer->file,
			$answer->body,
			isset($answer->headers['Content-Length']),
		]);
		$this->assertSame('application/octet-stream', $answer->headers['Content-Type']);
		// What the web server would answer in another way is answered here.
		$this->assertSame(
			206,
			$this->read($file, ['range' => 'bytes=1-2', 'if-range' => '"' . $file['etag'] . '"'])->status,
		);
		$this->assertNotNull($this->read($file, ['range' => 'bytes=1-2,4-5'])->file);
		$this->assertSame(416, $this->read($file, ['range' => 'bytes=99-'])->status);
		Config::set('x_accel', 'X-Sendfile');
		$this->assertSame(realpath('store/alice/p1'), $this->read($file)->headers['X-Sendfile']);
	}

	public function test_all_else_is_the_hubs_own(): void
	{
		foreach ([
			['GET', ['getfile', 'p1']],
			['POST', ['getfile']],
			['POST', ['getfile', 'p1']],
			['GET', ['getfile', 'ticket']],
			['PUT', ['getfile', 'p1'], ['filesync-ticket' => 'x']],
		] as $request) {
			$this->assertNull(Serve::answer(new Request(...$request)));
		}
	}

	public function test_the_controller_is_wrapped_once_whoever_else_wraps_it(): void
	{
		$core = new class extends Zotlabs\Module\Getfile {
			public array $called = [];

			public function init()
			{
				$this->called[] = 'init';
			}

			public function post()
			{
				$this->called[] = 'post';
			}

			public function extra($x)
			{
				return "extra $x";
			}
		};
		$module = ['module' => 'getfile', 'installed' => true, 'controller' => $core];
		call_hooks('module_loaded', $module);
		call_hooks('module_loaded', $module);
		$this->assertInstanceOf(GetfileController::class, $module['controller']);
		$this->assertInstanceOf(Zotlabs\Module\Getfile::class, $module['controller']);
		$module['controller']->init();
		$module['controller']->post();
		$this->assertSame(['init', 'post'], $core->called);
		$this->assertSame('extra 5', $module['controller']->extra(5));
		$this->assertNull($module['controller']->unheardOf());
		$other = ['module' => 'photo', 'installed' => true, 'controller' => $core];
		call_hooks('module_loaded', $other);
		$this->assertSame($core, $other['controller']);
		Config::set('enabled', '0');
		$off = ['module' => 'getfile', 'installed' => true, 'controller' => $core];
		call_hooks('module_loaded', $off);
		$this->assertSame($core, $off['controller']);
	}

	public function test_a_stock_clone_hears_that_a_file_is_not_whole_here(): void
	{
		$this->assertNull($this->stock('p1'), 'a whole file is sent by core');
		$this->assertNull($this->stock('p1', 1));
		$this->assertNull($this->stock('p1-1'));
		$this->assertSame(404, $this->stock('p1', 7)->status);
		$this->assertSame(404, $this->stock('nobody')->status);
		file_put_contents('store/alice/p1', 'short');
		$this->assertSame([503, '60', ''], [
			$this->stock('p1')->status,
			$this->stock('p1')->headers['Retry-After'],
			$this->stock('p1')->body,
		]);
		unlink('store/alice/p1');
		$this->assertSame(404, $this->stock('p1')->status);
		$this->receive($this->file('f2', 'on its way'));
		$this->assertSame(503, $this->stock('f2')->status);
		Store::$age = 0;
		$this->assertNull($this->stock('f1'), 'a file of this second is whole for those who come at once');
	}

	public function test_who_proves_nothing_is_answered_by_core(): void
	{
		$this->assertNotNull($this->stock('nobody'));
		$this->assertNull($this->stock('nobody', null, ['signature' => 'x']));
		$this->assertNull($this->stock('nobody', null, ['time' => gmdate('Y-m-d H:i:s', time() - 600)]));
		$this->assertNull($this->stock('nobody', null, ['hash' => 'another']));
		$this->assertNull($this->stock('../nobody'));
		Maker::channel(Maker::identity('bob', 2048), 'bob');
		Table::update('attach', ['uid' => 2], ['hash' => 'f1']);
		$this->assertNull($this->stock('f1'), 'a file of another channel of this hub');
	}

	public function test_the_proof_may_be_the_header(): void
	{
		$_SERVER =
			[
				'REQUEST_METHOD' => 'POST',
				'REQUEST_URI' => '/getfile',
				'CONTENT_TYPE' => '',
				'CONTENT_LENGTH' => '0',
				'HTTP_ACCEPT' => 'application/x-zot+json',
				'HTTP_SIGTOKEN' => 'abc',
			] + $_SERVER;
		$headers = Zotlabs\Web\HTTPSig::create_sig(
			['Accept' => 'application/x-zot+json', 'Sigtoken' => 'abc'],
			$this->channel->privateKey(),
			self::ORIGIN . '/channel/alice',
			true,
			'sha512',
		);
		$_SERVER['HTTP_AUTHORIZATION'] = substr(end($headers), strlen('Authorization: '));
		$this->assertSame(404, $this->stock('nobody', null, ['signature' => 'x'])->status);
		$_SERVER['HTTP_SIGTOKEN'] = 'abd';
		$this->assertNull($this->stock('nobody', null, ['signature' => 'x']));
		unset($_SERVER['HTTP_AUTHORIZATION'], $_SERVER['HTTP_SIGTOKEN'], $_SERVER['HTTP_ACCEPT']);
	}

	private function ask(array $files, array $keys = []): array
	{
		$answer = Serve::answer($this->ticketRequest($files, $keys));
		$this->assertSame(
			[200, 'application/json', 'no-store'],
			[$answer->status, $answer->headers['Content-Type'], $answer->headers['Cache-Control']],
			$answer->body,
		);

		return json_decode($answer->body, true);
	}

	private function read(array $file, array $headers = [], string $method = 'GET'): Response
	{
		return Serve::answer(
			new Request($method, ['getfile', $file['hash']], $headers + ['filesync-ticket' => $file['ticket']]),
		);
	}

	private function stock(string $resource, ?int $scale = null, array $fields = []): ?Response
	{
		$time = gmdate('Y-m-d H:i:s');
		openssl_sign(
			$this->channel->hash . '.' . $time,
			$signature,
			$this->channel->privateKey(),
			OPENSSL_ALGO_SHA256,
		);
		$form =
			$fields
			+ [
				'hash' => $this->channel->hash,
				'time' => $time,
				'signature' => base64url_encode($signature),
				'resource' => $resource,
				'revision' => '0',
			]
			+ ($scale === null ? [] : ['resolution' => (string) $scale]);

		return Serve::answerStock(new Request('POST', ['getfile'], [], $form));
	}

	private function makeSparse(string $path, int $size): void
	{
		$file = fopen($path, 'c');
		ftruncate($file, $size);
		fclose($file);
	}

	private function isRefused(int $status, string $error, Response $answer): void
	{
		$this->isAnswered($status, null, ['Content-Type' => 'application/json'], $answer);
		$this->assertSame($error, json_decode($answer->body, true)['error']);
	}

	private function isAnswered(int $status, ?string $body, array $headers, Response $answer): void
	{
		$this->assertSame($status, $answer->status, $answer->body);
		$this->assertEquals($headers, array_intersect_key($answer->headers, $headers));
		if ($body !== null) {
			$bytes = $answer->file
				? file_get_contents(
					$answer->file['root'] . '/' . $answer->file['path'],
					false,
					null,
					$answer->file['offset'],
					$answer->file['length'],
				)
				: $answer->body;
			$this->assertSame($body, $bytes);
		}
	}
}
