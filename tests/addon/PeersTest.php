<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Status\Report;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

/** A hub that gains or loses filesync is noticed, and costs no failed transfer. */
final class PeersTest extends AddonTestCase
{
	private const SAID = [
		'v' => 1,
		'version' => '0.1.0',
		'features' => ['ticket', 'range'],
		'endpoint' => self::ORIGIN . '/getfile/ticket',
		'time' => 1,
	];

	public function test_what_is_sent_says_who_sends_beside_the_rows_and_never_within(): void
	{
		$this->receive($this->file('f1', 'bytes', [], ['d1' => 'Folder']));
		$this->work();
		foreach (['Zotlabs\Module', 'Zotlabs\Storage', 'Zotlabs\Daemon'] as $namespace) {
			$this->assertSame(
				[],
				($namespace . '\attach_export_data')($this->channel->row(), 'f1'),
				'core sends nothing itself',
			);
			[$entry] = $this->sent();
			$said = $entry['filesync'];
			$this->assertSame([
				1,
				FileSync\Addon\Hub\Runtime::version(),
				['ticket', 'range', 'pack', 'inventory', 'bulk'],
				'http://127.0.0.1:9000/getfile/ticket',
			], [
				$said['v'],
				$said['version'],
				$said['features'],
				$said['endpoint'],
			]);
			$this->assertSame([5, hash('sha256', 'bytes')], [$said['size_bytes'], $said['sha256']]);
			$this->assertEqualsWithDelta(time(), $said['time'], 60);
			$columns = array_flip([...db_columns('attach'), 'term']);
			array_map(fn ($row) => $this->assertSame([], array_diff_key($row, $columns)), $entry['attach']);
		}
		$this->assertArrayNotHasKey('size_bytes', $this->sent('d1')[0]['filesync']);
		Config::set('enabled', '0', 'channel:1');
		$this->assertArrayNotHasKey('filesync', Zotlabs\Module\attach_export_data($this->channel->row(), 'f1'));
	}

	public function test_the_digest_of_the_bytes_that_are_here_is_told(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		Table::delete('filesync_digest', ['uid' => 1]);
		$this->assertSame(hash('sha256', 'bytes'), $this->sent('f1')[0]['filesync']['sha256']);
		file_put_contents('store/alice/f1', 'BYTES');
		touch('store/alice/f1', time() - 100);
		$this->assertSame(hash('sha256', 'BYTES'), $this->sent('f1')[0]['filesync']['sha256']);
	}

	public function test_a_packet_tells_that_its_hub_speaks_filesync(): void
	{
		$this->receive(['filesync' => self::SAID] + $this->file('f1', 'bytes'));
		$this->assertSame(['yes', '0.1.0', ['ticket', 'range']], $this->known());
		$this->assertTrue(Peers::mayAsk(self::ORIGIN));
	}

	public function test_a_packet_takes_nothing_away_from_what_a_hub_says_itself(): void
	{
		Peers::learn($this->origin([
			'filesync' => 'open',
			'version' => '0.1.0',
			'features' => ['ticket', 'range', 'inventory'],
		]), null);
		foreach ([['v' => 9], ['features' => ['ticket']], ['features' => []], ['version' => '9']] as $lie) {
			$this->receive(['filesync' => $lie + self::SAID] + $this->deletion('nothing'));
			$this->assertSame(['yes', '0.1.0', ['ticket', 'range', 'inventory']], $this->known());
		}
	}

	/** @dataProvider odd */
	#[DataProvider('odd')]
	public function test_what_is_not_understood_tells_nothing(mixed $said, string $expected): void
	{
		$this->receive(['filesync' => $said] + $this->file('f1', 'bytes'));
		$this->assertSame($expected, $this->known()[0]);
		$this->assertNotNull($this->transfer('f1'), 'the packet is taken in all the same');
	}

	public static function odd(): array
	{
		return [
			'a newer version' => [['v' => 2] + self::SAID, 'unknown'],
			'without tickets' => [['features' => ['range']] + self::SAID, 'unknown'],
			'features that we do not know' => [
				['features' => ['ticket', 'teleport', '<b>', 5, []]] + self::SAID,
				'yes',
			],
			'a version that is none' => [['version' => "<b>\n"] + self::SAID, 'yes'],
			'another hub' => [['endpoint' => 'https://evil.example/getfile/ticket'] + self::SAID, 'unknown'],
			'no endpoint' => [['endpoint' => []] + self::SAID, 'unknown'],
			'text' => ['yes', 'unknown'],
			'nothing' => [null, 'unknown'],
		];
	}

	public function test_what_is_said_of_a_hub_changes_nothing_that_is_known_of_it(): void
	{
		$hear = function (array $said, string $url = self::ORIGIN) {
			$info = ['site' => ['url' => $url], 'filesync' => $said];
			call_hooks('import_xchan', $info);
		};
		$hear(self::SAID);
		$hear(['endpoint' => 'https://stranger.example/getfile/ticket'] + self::SAID, 'https://stranger.example');
		$this->assertSame(0, Table::count('filesync_peer', []), 'no row for a hub that was never asked');
		Peers::hear(self::ORIGIN, self::SAID);
		$before = Table::select('filesync_peer', []);
		foreach ([
			['v' => 9],
			['features' => []],
			['version' => 'x'],
			['endpoint' => 'https://stranger.example'],
		] as $lie) {
			$hear($lie + self::SAID);
		}
		foreach ([
			['site' => 'x', 'filesync' => 'y'],
			['site' => ['url' => "\xff"], 'filesync' => []],
			['site' => ['url' => []], 'filesync' => []],
			'text',
		] as $odd) {
			call_hooks('import_xchan', $odd);
		}
		$this->assertSame($before, Table::select('filesync_peer', []));
	}

	public function test_a_hub_that_did_not_speak_filesync_is_asked_again_once_an_hour_if_it_is_said_to(): void
	{
		Peers::learn($this->origin(['filesync' => 'refused', 'filesync_reason' => 'a page']), null);
		$info = ['site' => ['url' => self::ORIGIN], 'filesync' => self::SAID];
		call_hooks('import_xchan', $info);
		$this->assertFalse(Peers::mayAsk(self::ORIGIN), 'it was asked just now');
		dbq('UPDATE filesync_peer SET known_until = known_until - 3601');
		call_hooks('import_xchan', $info);
		$this->assertTrue(Peers::mayAsk(self::ORIGIN));
		$this->assertNull(Peers::offers(self::ORIGIN, 'ticket'), 'nobody has heard itself yet');
		$own = ['id' => 'x'];
		call_hooks('zotinfo', $own);
		$this->assertSame(1, $own['filesync']['v']);
	}

	public function test_an_unknown_hub_is_asked_once_a_day(): void
	{
		$this->assertTrue(Peers::mayAsk(self::ORIGIN));
		Peers::learn($this->origin(['filesync' => 'untried']), null);
		$this->assertTrue(Peers::mayAsk(self::ORIGIN));
		Peers::learn($this->origin(['filesync' => 'refused', 'filesync_reason' => 'a page']), null);
		dbq('UPDATE filesync_peer SET known_until = known_until - 86300');
		$this->assertFalse(Peers::mayAsk(self::ORIGIN));
		Peers::learn($this->origin(['filesync' => 'refused', 'filesync_reason' => null]), null);
		dbq('UPDATE filesync_peer SET known_until = known_until - 101');
		$this->assertTrue(Peers::mayAsk(self::ORIGIN), 'a hub that was not asked has not refused again');
	}

	public function test_a_refusal_of_one_that_spoke_holds_for_ten_minutes_or_until_it_speaks_again(): void
	{
		Peers::hear(self::ORIGIN, self::SAID);
		Peers::learn($this->origin(['filesync' => 'refused', 'filesync_reason' => 'nothing answered']), null);
		$this->assertSame('no', $this->known()[0]);
		$this->assertFalse(Peers::mayAsk(self::ORIGIN));
		Peers::hear(self::ORIGIN, self::SAID);
		$this->assertTrue(Peers::mayAsk(self::ORIGIN));
		Peers::learn($this->origin(['filesync' => 'refused', 'filesync_reason' => 'nothing answered']), null);
		$this->assertFalse(Peers::mayAsk(self::ORIGIN));
		dbq('UPDATE filesync_peer SET known_until = known_until - 601');
		$this->assertSame('unknown', $this->known()[0]);
		$this->assertTrue(Peers::mayAsk(self::ORIGIN));
		Peers::learn($this->origin([
			'filesync' => 'open',
			'version' => '0.2.0',
			'features' => ['ticket', 'x'],
			'skew_seconds' => -7,
		]), 'filesync');
		$this->assertSame(['yes', '0.2.0', ['ticket', 'x']], $this->known());
		$this->assertSame([-7, 'filesync'], [$this->report()['skew_seconds'], $this->report()['rung']]);
	}

	public function test_those_that_failed_last_are_asked_last(): void
	{
		$hubs = array_map(fn ($url) => ['url' => $url], [
			'https://a.example',
			'https://b.example',
			'https://c.example',
		]);
		$order = fn () => implode(array_map(fn ($hub) => $hub['url'][8], Peers::byHealth($hubs)));
		$this->assertSame('abc', $order());
		Peers::learn($this->origin(['url' => 'https://a.example', 'failures' => 3]), null);
		Peers::learn($this->origin(['url' => 'https://b.example', 'failures' => 1]), null);
		$this->assertSame('cba', $order());
		dbq('UPDATE filesync_peer SET last_failed = last_failed - 10');
		Peers::learn($this->origin(['url' => 'https://a.example', 'received_bytes' => 10]), 'getfile');
		$this->assertSame('acb', $order());
		$this->assertSame(10, Table::count('filesync_peer', []) + 8);
	}

	public function test_the_batch_asks_for_tickets_where_they_are_given_and_every_clone_is_a_source(): void
	{
		Maker::hubloc(InProcess::$identity, 'http://127.0.0.1:9002', 'alice');
		$said = ['sha256' => hash('sha256', 'bytes'), 'size_bytes' => 5] + self::SAID;
		$this->receive(['filesync' => $said] + $this->file('f1', 'bytes'));
		TransferBatch::$learnt = [
			self::ORIGIN => ['filesync' => 'refused', 'filesync_reason' => 'gone'],
			'http://127.0.0.1:9002' => ['failures' => 2],
		];
		$this->work();
		$this->assertSame(hash('sha256', 'bytes'), TransferBatch::$added[0]['sha256']);
		$this->assertSame(
			[[self::ORIGIN, true], ['http://127.0.0.1:9002', true]],
			array_map(fn ($origin) => [$origin['url'], $origin['filesync']], TransferBatch::$added[0]['origins']),
		);
		$this->receive($this->file('f2', 'bytes'));
		$this->work();
		$this->assertSame(
			[[self::ORIGIN, false], ['http://127.0.0.1:9002', true]],
			array_map(fn ($origin) => [$origin['url'], $origin['filesync']], TransferBatch::$added[1]['origins']),
		);
		$this->receive(['filesync' => $said] + $this->file('f3', 'bytes'));
		TransferBatch::$learnt = [self::ORIGIN => ['filesync' => 'open', 'failures' => 2]];
		$this->work();
		$this->assertTrue(TransferBatch::$added[2]['origins'][0]['filesync']);
		$this->assertSame(['getfile', 0], [
			Report::status()['clones'][0]['rung'],
			Report::status()['clones'][0]['failures'],
		]);
	}

	public function test_the_length_of_pieces_is_kept_for_hours_and_forgotten_once_they_have_grown(): void
	{
		Peers::learn($this->origin(['piece_bytes' => 1048576]), null);
		$this->assertSame(1048576, Peers::pieceBytes(self::ORIGIN));
		$this->assertLessThanOrEqual(
			6 * 3600,
			(int) dbq('SELECT piece_until FROM filesync_peer')[0]['piece_until'] - time(),
		);
		Peers::learn($this->origin([]), null);
		$this->assertSame(1048576, Peers::pieceBytes(self::ORIGIN), 'nothing was said of it');
		Peers::learn($this->origin(['piece_bytes' => null]), null);
		$this->assertSame(0, Peers::pieceBytes(self::ORIGIN), 'longer ones came through');
		Peers::learn($this->origin(['piece_bytes' => 1048576]), null);
		dbq('UPDATE filesync_peer SET piece_until = piece_until - 9');
		$until = dbq('SELECT piece_until FROM filesync_peer')[0]['piece_until'] ?? 0;
		Peers::learn($this->origin(['piece_bytes' => 1048576]), null);
		$this->assertSame(
			$until,
			dbq('SELECT piece_until FROM filesync_peer')[0]['piece_until'] ?? null,
			'known already',
		);
		dbq('UPDATE filesync_peer SET piece_until = 1');
		$this->assertSame(0, Peers::pieceBytes(self::ORIGIN));
	}

	public function test_the_command_shows_each_hub(): void
	{
		Peers::hear(self::ORIGIN, self::SAID);
		exec(self::cli() . ' status', $lines);
		$this->assertStringContainsString(self::ORIGIN . ': filesync: yes 0.1.0', implode("\n", $lines));
	}

	public function test_a_hub_where_a_channel_has_nothing_is_read_as_before_by_the_others(): void
	{
		Peers::learn($this->origin(['dav' => 'refused', 'reason' => 'no session cookie', 'received_bytes' => 0]), null);
		$this->assertTrue(Peers::mayUseDav(self::ORIGIN));
		Peers::learn($this->origin(['dav' => 'refused', 'reason' => 'status 401', 'received_bytes' => 5]), null);
		$this->assertFalse(Peers::mayUseDav(self::ORIGIN));
	}

	private function origin(array $keys): array
	{
		return $keys + ['url' => self::ORIGIN, 'dav' => 'untried', 'reason' => null];
	}

	private function report(): array
	{
		return Report::status()['clones'][0] ?? ['filesync' => 'unknown', 'version' => null, 'features' => []];
	}

	private function known(): array
	{
		return array_values(array_intersect_key($this->report(), array_flip(['filesync', 'version', 'features'])));
	}
}
