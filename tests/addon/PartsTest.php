<?php

use FileSync\Addon\Door\Doors;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\GetfileController;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Send\Intentions;
use PHPUnit\Framework\Attributes\DataProvider;

/** Each part of filesync can be off on a hub, and the others do what they can without it. */
final class PartsTest extends AddonTestCase
{
	private const PARTS = [
		'receiver',
		'sender',
		'posts',
		'photos',
		'serving',
		'comparison',
		'pages',
		'sets',
		'channels',
	];

	public function test_those_are_all_parts(): void
	{
		$this->assertSame(self::PARTS, Parts::ALL);
	}

	/**
	 * @param list<string> $off
	 *
	 * @dataProvider pairs
	 */
	#[DataProvider('pairs')]
	public function test_what_works_without_some_parts(array $off): void
	{
		$here = $this->photo('here', [0 => 'original']);
		$this->receive($here, $this->photo('posted', [0 => 'with a post']));
		$this->work();
		$this->assertSame('original', $this->shown('here'));
		$this->storePost('posted');
		Run::ask($this->channel->id, self::ORIGIN)->save(['next_at' => time() - 10]);
		dbq('DELETE FROM workerq');
		$this->without(...$off);
		$on = fn (string ...$parts) => ! array_intersect($off, $parts);
		$this->assertEqualsCanonicalizing(
			array_unique([
				...$off,
				...($on('receiver') ? [] : ['comparison']),
				...($on('posts') ? [] : ['channels']),
			]),
			Parts::off(),
		);

		$info = [];
		call_hooks('zotinfo', $info);
		$said = $info['filesync'] ?? null;
		$this->assertSame($on('receiver'), $said !== null, 'who does not receive does not introduce itself');
		if ($said) {
			$features = [
				...($on('serving') ? ['ticket', 'range', 'pack'] : []),
				...($on('serving', 'comparison', 'receiver') ? ['inventory'] : []),
				...($on('serving', 'receiver') ? ['bulk'] : []),
			];
			$this->assertSame([$features, $on('serving')], [$said['features'], isset($said['endpoint'])]);
		}

		$getfile = [
			'module' => 'getfile',
			'installed' => true,
			'controller' => new Zotlabs\Module\Getfile(),
		];
		call_hooks('module_loaded', $getfile);
		$this->assertSame($on('serving'), $getfile['controller'] instanceof GetfileController);
		$page = ['module' => 'filesync', 'installed' => false, 'controller' => null];
		call_hooks('module_loaded', $page);
		$this->assertSame($on('pages'), $page['installed']);
		$html = '';
		filesync_plugin_admin($html);
		$this->assertStringContainsString($off ? 'does without' : '"versions"', $html);

		$this->assertSame($on('sender'), $this->sendsItself());
		$this->assertSame($on('posts'), $this->relocates());
		Reconcile::plan();
		$this->assertSame($on('comparison', 'receiver'), $this->hasJob('reconcile'));

		$this->receive($this->photo('new', [0 => 'new original', 1 => 'new scale']));
		$this->assertSame($on('receiver'), $this->transfer('new') !== null, 'others receive as without filesync');
		if (! $on('receiver')) {
			$this->assertNotNull($this->attach('new'), 'by core');
			$this->assertSame([], Table::select('filesync_packet', []));
		} else {
			$this->assertSame($on('photos') ? 'to_make' : 'staged', $this->transfer('new', 1)['state']);
			$this->receive($this->deletion('here'), $this->deletion('posted'));
			$this->assertNull($this->attach('here'));
			$this->assertSame($on('posts'), $this->attach('posted') === null);
			$held = array_column(Table::select('filesync_packet', []), 'hash');
			$this->assertSame($on('posts') ? [] : ['posted'], $held);
		}
		$this->work();
		$this->assertSame($on('receiver'), $this->shown('new') === 'new original');
	}

	public static function pairs(): array
	{
		$sets = ['nothing' => [[]]];
		foreach (self::PARTS as $n => $one) {
			$sets[$one] = [[$one]];
			foreach (array_slice(self::PARTS, $n + 1) as $other) {
				$sets["$one and $other"] = [[$one, $other]];
			}
		}

		return $sets;
	}

	public function test_a_delete_that_waits_for_the_posts_is_made_once_they_work_however_long_that_takes(): void
	{
		$this->receive($this->photo('posted', [0 => 'original']));
		$this->work();
		$this->storePost('posted');
		$this->without(Parts::POSTS);
		$this->receive($this->deletion('posted'));
		for ($n = 0; $n < 10; $n++) {
			Table::update('filesync_packet', ['next_at' => 0], ['hash' => 'posted']);
			$this->work();
		}
		$packet = Table::first('filesync_packet', ['hash' => 'posted']);
		$this->assertSame(['staged', 0], [$packet['state'], (int) $packet['attempts']]);
		$this->assertStringContainsString('posts', $packet['reason']);
		$this->assertSame('original', $this->shown('posted'));
		$this->without();
		Table::update('filesync_packet', ['next_at' => 0], ['hash' => 'posted']);
		$this->work();
		$this->assertNull($this->attach('posted'));
		$this->assertSame([], Table::select('filesync_packet', []));
		$this->assertSame([], Table::select('item', ['resource_id' => 'posted']));
	}

	public function test_what_waits_for_a_part_is_tried_as_soon_as_it_is_back(): void
	{
		$this->receive($this->photo('posted', [0 => 'original']));
		$this->work();
		$this->storePost('posted');
		$this->without(Parts::POSTS);
		$this->receive($this->deletion('posted'));
		Table::update('filesync_packet', ['next_at' => 0], ['hash' => 'posted']);
		$this->work();
		call_hooks('cron');
		$this->work();
		$this->assertSame('original', $this->shown('posted'));
		$this->without();
		call_hooks('cron');
		$this->work();
		$this->assertNull($this->attach('posted'));
		$this->assertSame([], Table::select('filesync_packet', []));
	}

	public function test_posts_of_a_packet_wait_and_the_file_does_not(): void
	{
		$this->without(Parts::POSTS);
		$post = $this->item(self::ORIGIN . '/item/1', self::ORIGIN . '/item/1');
		$other = $this->item(self::ORIGIN . '/item/2', self::ORIGIN . '/item/2');
		$this->receive($this->file('f1', 'bytes') + ['item' => [$post]]);
		// And of many that are taken in together.
		$this->receive($this->file('f2', 'bytes') + ['item' => [$other]], $this->file('f3', 'bytes'));
		$this->work();
		$this->assertSame(['bytes', 'bytes', []], [
			$this->shown('f1'),
			$this->shown('f2'),
			Table::select('item', []),
		]);
		$this->without();
		$this->work();
		$this->assertSame(
			[self::ORIGIN . '/item/1', self::ORIGIN . '/item/2'],
			array_column(Table::select('item', [], 'mid'), 'mid'),
		);
	}

	public function test_what_was_staged_before_waits_without_a_receiver_and_costs_no_work(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->without(Parts::RECEIVER);
		FileSync\Addon\Work\Housekeeping::often();
		dbq('DELETE FROM workerq');
		dbq('DELETE FROM filesync_outbox');
		$this->expireLeases();
		FileSync\Addon\Transfer\Doorbell::ring();
		$this->assertFalse($this->hasJob('work'));
		$this->work();
		$this->assertNull($this->shown('f1'));
		$this->without();
		$this->work();
		$this->assertSame('bytes', $this->shown('f1'));
	}

	public function test_announcements_wait_for_the_sender(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->without(Parts::SENDER);
		Outbox::add($this->channel->id, 'announce', 'f1');
		$this->work();
		$this->assertSame([], $this->outgoing());
		$this->without();
		$this->work();
		$this->assertSame(['f1'], $this->outgoing());
	}

	public function test_scales_that_waited_to_be_made_are_fetched(): void
	{
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'their scale']));
		$this->assertSame('to_make', $this->transfer('p1', 1)['state']);
		$this->without(Parts::PHOTOS);
		FileSync\Photo::$isKnown = true;
		try {
			$this->work();
			$this->work();
		} finally {
			FileSync\Photo::$isKnown = false;
		}
		$this->assertSame('their scale', file_get_contents(
			Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 1])['content'],
		));
	}

	public function test_commands_that_need_a_part_say_that_it_is_off(): void
	{
		$this->without(Parts::COMPARISON, Parts::POSTS, Parts::PHOTOS);
		$this->assertSame(75, $this->runVerb('backfill')[0]);
		$this->assertSame(75, $this->runVerb('repair', 'items')[0]);
		$this->assertSame(75, $this->runVerb('repair', 'photos')[0]);
		foreach ([
			Parts::RECEIVER => [['verify']],
			Parts::SETS => [
				['backup', 'alice', 'set'],
				['verify-set', 'set'],
				['list', 'set'],
				['prune', 'set', '--older-than', '9d'],
				['restore', 'alice', 'set'],
			],
			Parts::CHANNELS => [['import-dump', 'alice.json']],
		] as $part => $lines) {
			foreach ($lines as $line) {
				$this->without($part);
				$this->assertSame(75, $this->runVerb(...$line)[0], "$line[0] without $part");
				$this->without();
				$this->assertNotSame(75, $this->runVerb(...$line)[0], $line[0]);
			}
		}
	}

	public function test_doors_that_open_for_nobody_are_said_to_be_closed(): void
	{
		$this->assertSame([true, true, true, true], $this->doors());
		$this->without(Parts::CHANNELS);
		$this->assertSame([true, true, false, true], $this->doors(), 'a channel cannot be brought, a set can');
		$this->without(Parts::POSTS);
		$this->assertSame([true, true, false, true], $this->doors());
		$this->without(Parts::SETS);
		$this->assertSame([false, false, false, false], $this->doors());
		$this->without();
		// Another process of the command line lacks the extension.
		$this->assertSame(
			'["closed","closed","closed","closed"]',
			$this->inHub(
				'array_map(fn ($name) => json_decode((string) FileSync\Addon\Door\Doors::answer('
				. 'new FileSync\Addon\Hub\Request("GET", ["filesync", "v1"], []))->body, true)[$name], '
				. '["door", "reading_door", "creating_door", "drill"])',
			),
		);
	}

	/** @return list<bool> Whether the doors for sets, for reading, for channels and for drills are said to be open. */
	private function doors(): array
	{
		$about = json_decode((string) Doors::answer(new Request('GET', ['filesync', 'v1'], []))->body, true);

		return array_map(fn ($name) => $about[$name] === 'open', ['door', 'reading_door', 'creating_door', 'drill']);
	}

	public function test_while_nobody_has_looked_nothing_works(): void
	{
		Look::forget();
		Zotlabs\Lib\Config::Set('system', 'filesync_looked', 'no result');
		(new ReflectionProperty(Look::class, 'examined'))->setValue(null, [getcwd() => true]);
		$this->assertSame(Parts::ALL, Parts::off());
		// The next process of the command line looks.
		$this->assertSame('[]', $this->inHub('FileSync\Addon\Hub\Parts::off()'));
	}

	/** Returns as JSON what an expression is in another process of the command line. */
	private function inHub(string $expression): string
	{
		return (string) exec(
			escapeshellarg(PHP_BINARY) . ' -r '
				. escapeshellarg(
					"require 'include/cli_startup.php'; cli_startup(); echo \"\\n\", json_encode($expression);",
				),
		);
	}

	public function test_a_look_is_good_until_a_file_of_core_changes(): void
	{
		$print = Look::print();
		$this->assertSame($print, Look::print());
		foreach (is_link('Zotlabs') ? ['Zotlabs'] : [] as $link) {
			$core = realpath($link);
			unlink($link);
			exec('cp -r ' . escapeshellarg($core) . " $link");
		}
		$copied = Look::print();
		$this->assertNotSame($print, $copied);
		$path = 'Zotlabs/Module/Photos.php';
		file_put_contents($path, strtr(file_get_contents($path), ['attach_delete(' => '\attach_delete(']));
		$this->assertNotSame($copied, Look::print());
		Look::renewIfDue();
		$this->assertSame([Parts::SENDER], Parts::off());
		$this->assertSame(
			['Zotlabs\Module\attach_delete'],
			array_column(array_filter(Look::failed(), fn ($one) => in_array('sender', $one['parts'], true)), 'name'),
		);
		$print = Look::print();
		Zotlabs\Lib\Config::Set('system', 'db_version', 1270);
		$this->assertNotSame($print, Look::print(), 'an update of the hub may change its tables');
	}

	public function test_a_web_request_goes_by_the_last_look_and_has_another_process_look_again(): void
	{
		Look::keep('of another time', [[
			'kind' => 'test',
			'name' => 'one',
			'parts' => ['serving'],
			'found' => '',
			'where' => '',
		]]);
		$kept = Zotlabs\Lib\Config::Get('system', 'filesync_looked');
		dbq('DELETE FROM workerq');
		$this->fromWebServer('/getfile');
		$this->fromWebServer('/getfile');
		$stored = fn () => Table::first('config', ['cat' => 'system', 'k' => 'filesync_looked'])['v'];
		$this->assertSame($kept, $stored());
		$this->assertTrue($this->hasJob('look'));
		$this->assertCount(1, dbq('SELECT * FROM workerq'), 'one is enough');
		FileSync\Addon\Work\Worker::daemon('look');
		$said = json_decode($stored(), true);
		$this->assertSame(Look::print(), $said['print']);
		$this->assertNotContains('serving', array_merge(...array_column($said['failed'], 'parts')));
		dbq('DELETE FROM workerq');
		$this->fromWebServer('/getfile');
		$this->assertFalse($this->hasJob('look'), 'the look is good');
	}

	/** Has PHP's own web server answer a request as this hub. */
	private function fromWebServer(string $path): void
	{
		$free = stream_socket_server('tcp://127.0.0.1:0');
		$address = stream_socket_get_name($free, false);
		fclose($free);
		$server = proc_open(
			[PHP_BINARY, '-S', $address, '-t', '.', 'index.php'],
			[2 => ['file', '/dev/null', 'w']],
			$pipes,
		);
		try {
			for ($until = microtime(true) + 20; ! ($socket = @stream_socket_client("tcp://$address"));) {
				$this->assertLessThan($until, microtime(true), 'the web server does not start');
				usleep(10000);
			}
			fwrite($socket, "GET $path HTTP/1.0\r\n\r\n");
			$this->assertStringStartsWith('HTTP/', (string) stream_get_contents($socket));
		} finally {
			proc_terminate($server, SIGKILL);
			proc_close($server);
		}
	}

	/** Has the hub's last look say that assumptions of these parts failed, and of no others. */
	private function without(string ...$parts): void
	{
		Look::keep(Look::print(), array_map(
			fn ($part) => ['kind' => 'test', 'name' => $part, 'parts' => [$part], 'found' => '', 'where' => ''],
			$parts,
		));
	}

	private function storePost(string $hash): void
	{
		$xchan = $this->channel->hash;
		item_store([
			'uid' => $this->channel->id,
			'aid' => 1,
			'mid' => z_root() . "/item/$hash",
			'parent_mid' => z_root() . "/item/$hash",
			'uuid' => $hash,
			'owner_xchan' => $xchan,
			'author_xchan' => $xchan,
			'body' => 'a post',
			'resource_id' => $hash,
			'resource_type' => 'photo',
			'item_hidden' => 1,
			'item_thread_top' => 1,
		]);
		$this->assertNotNull(Table::first('item', ['resource_id' => $hash]));
	}

	/** Tells whether a change of the owner is sent by us, or by core. */
	private function sendsItself(): bool
	{
		$byCore = Zotlabs\Module\attach_export_data($this->channel->row(), 'here');
		Intentions::flush();
		$sent = $this->outgoing();
		$this->assertSame($byCore === [] ? ['here'] : [], $sent);

		return $byCore === [];
	}

	/** Tells whether a post that was written at another clone gets our URLs, and core is kept from giving it any. */
	private function relocates(): bool
	{
		$data = [
			'item' => [
				'uid' => $this->channel->id,
				'mid' => self::ORIGIN . '/item/2',
				'author_xchan' => $this->channel->hash,
				'body' => self::ORIGIN . '/photo/here',
				'edited' => '2024-05-02 10:00:00',
			],
			'allow_exec' => false,
		];
		call_hooks('item_store_before', $data);
		$isOurs = str_starts_with($data['item']['body'], z_root());
		$this->assertSame($isOurs, isset($data['item']['sig']));
		$this->assertSame(
			$isOurs ? null : ['url' => self::ORIGIN],
			FileSync\Addon\Posts\ItemRelocation::forCore($this->channel->row(), ['url' => self::ORIGIN]),
		);

		return $isOurs;
	}

	private function hasJob(string $work): bool
	{
		return (bool) array_filter(
			dbq('SELECT workerq_data FROM workerq'),
			fn ($row) => (
				str_contains($row['workerq_data'], '"filesync"') && str_contains($row['workerq_data'], "\"$work\"")
			),
		);
	}

	/** @return list<string> The hashes of the files in packets since the last call. */
	private function outgoing(): array
	{
		$hashes = [];
		foreach (dbq('SELECT outq_notify FROM outq') as $row) {
			$packet = json_decode(json_decode($row['outq_notify'], true)['data'] ?? '', true);
			foreach ($packet['file'] ?? [] as $entry) {
				$hashes[] = end($entry['attach'])['hash'];
			}
		}
		dbq('DELETE FROM outq');

		return $hashes;
	}
}
