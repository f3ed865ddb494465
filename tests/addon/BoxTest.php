<?php

use Fake\Clock;
use FileSync\Addon\Box\Content;
use FileSync\Addon\Box\Guard;
use FileSync\Addon\Box\Kind;
use FileSync\Addon\Box\LeftOut;
use FileSync\Addon\Box\Lists;
use FileSync\Addon\Box\Name;
use FileSync\Addon\Box\Parts;
use FileSync\Addon\Box\Round;
use FileSync\Addon\Box\StatusText;
use FileSync\Addon\Box\Tree;
use FileSync\Addon\Door\BoxSession;
use FileSync\Addon\Door\Entry;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Refusal;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Restore\Intake;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Work\Housekeeping;

/** What a drop box knows and decides; tests/testhub/DropBoxTest.php asks it over HTTP, where SabreDAV is. */
final class BoxTest extends AddonTestCase
{
	private const ASKED = [
		'HTTPS',
		'SERVER_PORT',
		'HTTP_X_FORWARDED_PROTO',
		'HTTP_FORWARDED',
		'HTTP_AUTHORIZATION',
		'REDIRECT_REMOTE_USER',
		'PHP_AUTH_USER',
		'PHP_AUTH_PW',
		'REMOTE_ADDR',
	];

	protected function setUp(): void
	{
		parent::setUp();
		set_config('testhub', 'without_workers', 1);
	}

	protected function tearDown(): void
	{
		foreach (self::ASKED as $name) {
			unset($_SERVER[$name]);
		}
		parent::tearDown();
	}

	public function test_it_opens_by_https_and_within_this_machine_only(): void
	{
		foreach ([
			['https://hub.example', [], false],
			['https://hub.example', ['HTTPS' => 'on'], true],
			['https://hub.example', ['HTTPS' => 'off', 'SERVER_PORT' => '80'], false],
			['https://hub.example', ['SERVER_PORT' => '443'], true],
			['https://hub.example', ['HTTP_X_FORWARDED_PROTO' => 'https'], true],
			['https://hub.example', ['HTTP_X_FORWARDED_PROTO' => 'http', 'HTTPS' => 'on'], false],
			['https://hub.example', ['HTTP_FORWARDED' => 'for=1.2.3.4;proto=https'], true],
			['http://hub.example', ['HTTPS' => 'on'], false],
			['http://hub.example', [], false],
			['http://127.0.0.1.hub.example', [], false],
			['http://localhost', [], true],
			['http://127.0.0.1:8000/social', [], true],
			['http://[::1]:8000', [], true],
		] as [$root, $asked, $expected]) {
			App::set_baseurl($root);
			foreach (self::ASKED as $name) {
				unset($_SERVER[$name]);
			}
			$_SERVER = $asked + $_SERVER;
			$this->assertSame($expected, Web::isPrivate(), $root . json_encode($asked));
		}
		App::set_baseurl('https://hub.example');
		$this->assertSame('not_private', $this->refusal('alice', 'x'));
	}

	public function test_the_password_is_found_wherever_a_web_server_puts_it(): void
	{
		$this->onLoopback();
		$password = Key::makeBox($this->channel->id);
		$pair = 'Basic ' . base64_encode("alice:$password");
		foreach ([
			['HTTP_AUTHORIZATION' => $pair],
			['REDIRECT_REMOTE_USER' => $pair],
			['PHP_AUTH_USER' => 'alice', 'PHP_AUTH_PW' => $password],
		] as $asked) {
			$_SERVER = $asked + array_diff_key($_SERVER, array_fill_keys(self::ASKED, 0));
			$this->assertSame($this->channel->id, Guard::admit('alice')[1]->id);
		}
		$this->assertSame('password_wrong', $this->refusal('alice', ''));
		$this->assertSame('password_wrong', $this->refusal("alice' OR 1=1 --", $password));
	}

	public function test_ten_wrong_ones_close_it_for_a_minute_to_one_address(): void
	{
		$this->onLoopback();
		$password = Key::makeBox($this->channel->id);
		$_SERVER['REMOTE_ADDR'] = '192.0.2.1';
		for ($n = 0; $n < 10; $n++) {
			$this->assertSame('password_wrong', $this->refusal('alice', "wrong $n"));
		}
		$this->assertSame('too_many_wrong', $this->refusal('alice', $password));
		$_SERVER['REMOTE_ADDR'] = '192.0.2.2';
		$this->assertSame('', $this->refusal('alice', $password));
		$_SERVER['REMOTE_ADDR'] = '192.0.2.1';
		Clock::$ahead += 61;
		$this->assertSame('', $this->refusal('alice', $password));
		// Nobody who mistypes now and then is shut out.
		for ($n = 0; $n < 20; $n++) {
			Clock::$ahead += 30;
			$this->assertNotSame('too_many_wrong', $this->refusal('alice', "wrong $n"));
		}
	}

	public function test_who_asks_too_often_waits_and_keeps_few_workers_from_others(): void
	{
		$this->onLoopback();
		$password = Key::makeBox($this->channel->id);
		$this->assertSame(['', 1], $this->tooOften($password));
		// While as many wait as may, in boxes of any channel, nobody else does.
		foreach ([1, 2] as $n) {
			$this->assertTrue(Lease::take("a drop box waits, $n", "other $n", 60));
		}
		$this->assertSame(['too_many_requests', 0], $this->tooOften($password));
		Lease::giveBack('a drop box waits, 2', 'other 2');
		$this->assertSame(['', 1], $this->tooOften($password));
		$this->assertSame(['', 1], $this->tooOften($password), 'and who waited gave the place back');
	}

	/** @return array{string, int} How a request beyond those of a second is refused, and how many seconds it waited. */
	private function tooOften(string $password): array
	{
		$key = Key::ofBox($this->channel->id);
		[Clock::$stoppedAt, $ahead] = [microtime(true), Clock::$ahead];
		$now = FileSync\Addon\Hub\Clock::now();
		Table::update('filesync_door_key', ['used_at' => $now, 'requests' => 20], ['id' => $key->id]);
		$said = $this->refusal('alice', $password);
		$waited = Clock::$ahead - $ahead;

		return [$said, $waited];
	}

	public function test_a_channel_has_one_password_which_ends_with_its_session(): void
	{
		$first = Key::makeBox($this->channel->id);
		$session = $this->begin();
		$second = Key::makeBox($this->channel->id);
		$this->assertNull(Key::findBox($this->channel->id, $first));
		$this->assertSame($session->id, Key::findBox($this->channel->id, $second)->session);
		$this->assertNull(Key::findBox($this->channel->id + 1, $second));
		$this->assertNull(Key::find($second), 'at the doors for programs it opens nothing');
		$this->assertCount(1, Key::of($this->channel->id));
		$session->finish();
		$this->assertNull(Key::findBox($this->channel->id, $second));
		Key::prune();
		$this->assertSame([], Key::of($this->channel->id));
		// One that nobody uses ends after a week.
		$third = Key::makeBox($this->channel->id);
		Clock::$ahead += (7 * 86400) + 1;
		$this->assertNull(Key::findBox($this->channel->id, $third));
	}

	public function test_revoking_the_password_ends_the_box(): void
	{
		Key::makeBox($this->channel->id);
		$session = $this->begin();
		$this->put($session, 'a', 'bytes');
		Key::revoke($this->channel->id, Key::ofBox($this->channel->id)->id);
		$this->assertSame(Session::ENDED, Session::find($session->id)->state);
		$this->assertSame([], dbq('SELECT * FROM filesync_box_name'));
		// So it does where a restore was under way, when that is over.
		Key::makeBox($this->channel->id);
		$session = $this->begin();
		dbq('DELETE FROM filesync_door_key');
		Housekeeping::often();
		$this->assertSame('revoked', Session::find($session->id)->code);
	}

	public function test_a_file_is_known_by_its_content(): void
	{
		$digest = str_repeat('a', 64);
		$metadata = [
			'filesync_set' => 1,
			'kind' => 'file',
			'hash' => 'aa-1',
			'seen' => '2026-11-28T03:15:00Z',
			'attach' => [['hash' => 'aa-1']],
			'parts' => [
				['role' => 'original', 'path' => 'data/files/a', 'size' => 5, 'sha256' => $digest],
				['role' => 'crop', 'base64' => 'AAAA', 'size' => 3, 'sha256' => str_repeat('b', 64)],
			],
		];
		$set = ['filesync_set' => 1, 'run' => 'x', 'channel' => ['hash' => 'h'], 'signed_by' => ['channel' => 'url']];
		foreach ([
			[$metadata, Kind::Metadata, 'aa-1', '2026-11-28T03:15:00Z'],
			[['kind' => 'folder', 'parts' => null] + $metadata, Kind::Metadata, 'aa-1', '2026-11-28T03:15:00Z'],
			[['hash' => '../x'] + $metadata, Kind::Data, '', ''],
			[['hash' => ['x']] + $metadata, Kind::Data, '', ''],
			[['kind' => 'thread'] + $metadata, Kind::Data, '', ''],
			[['filesync_set' => '1'] + $metadata, Kind::Data, '', ''],
			[['attach' => 1] + $metadata, Kind::Data, '', ''],
			[$set, Kind::Set, 'channel', ''],
			[['signed_by' => null] + $set, Kind::Set, '', ''],
			[['signed_by' => ['minisign' => 'x']] + $set, Kind::Set, '', ''],
			[['signs' => 'tagmanifest-sha256.txt', 'sha256' => $digest], Kind::Signature, $digest, ''],
			[
				"$digest  data/files/a\n" . strtr($digest, 'a', 'b') . "  data/files/b\n$digest  data/files/c\n",
				Kind::Manifest,
				'2',
				'',
			],
			[
				"$digest  README.txt\n" . strtr($digest, 'a', 'c') . "  manifest-sha256.txt\n$digest  set.json\n",
				Kind::Tags,
				str_repeat('c', 64),
				$digest,
			],
			["$digest  anything\n", Kind::Data, '', ''],
			['{', Kind::Data, '', ''],
			['{"a":1}', Kind::Data, '', ''],
			[str_repeat('[', 1000000), Kind::Data, '', ''],
			[str_repeat('{"a":', 1000), Kind::Data, '', ''],
			["\0\xFF\xFE", Kind::Data, '', ''],
			['', Kind::Empty, '', ''],
		] as $n => [$text, $kind, $says, $since]) {
			$text = is_array($text) ? json_encode($text) : $text;
			file_put_contents('looked-at', $text);
			$content = Content::of('looked-at', strlen($text));
			$this->assertSame([$kind, $says, $since], [$content->kind, $content->says, $content->since], (string) $n);
			$n === 0 && $this->assertSame([['sha256' => $digest, 'size_bytes' => 5]], $content->parts);
		}
	}

	public function test_lists_fit_each_other_and_signed_ones_come_first(): void
	{
		Key::makeBox($this->channel->id);
		$session = $this->begin();
		$this->assertNull(Lists::of($this->channel, $session));
		[$data, $other] = ['the bytes', 'other bytes'];
		$manifest = hash('sha256', $data) . "  data/files/a\n" . hash('sha256', $other) . "  data/files/b\n";
		$set = json_encode([
			'filesync_set' => 1,
			'run' => 'x',
			'channel' => ['hash' => 'h'],
			'signed_by' => ['channel' => 'u'],
		]);
		$tags = hash('sha256', $manifest) . "  manifest-sha256.txt\n" . hash('sha256', $set) . "  set.json\n";
		$this->put($session, 'tags', $tags);
		// A list of lists of another set, later.
		$this->put($session, 'tags of another', str_repeat('d', 64) . "  manifest-sha256.txt\n");
		$this->put($session, 'manifest', $manifest);
		$this->assertNull(Lists::of($this->channel, $session), 'set.json is missing');
		$this->put($session, 'set', $set);
		$lists = Lists::of($this->channel, $session);
		$this->assertSame(['tagmanifest-sha256.txt' => hash('sha256', $tags)], $lists->digests());
		$this->assertTrue($lists->lacksSignature());
		$this->put($session, 'one', $data);
		$this->put($session, 'two', $other);
		$this->assertFalse($lists->isWhole(), 'the channel signed it, and the signature is missing');
		$this->put($session, 'signature', json_encode([
			'signs' => 'tagmanifest-sha256.txt',
			'sha256' => hash('sha256', $tags),
		]));
		$lists = Lists::of($this->channel, $session);
		$this->assertCount(2, $lists->digests());
		$this->assertTrue($lists->mayBeWhole() && $lists->isWhole());
		Name::drop($session, hash('sha256', $other));
		$missing = array_merge(...iterator_to_array(Lists::of($this->channel, $session)->missing(), false));
		$this->assertSame([hash('sha256', $other) => 'data/files/b'], $missing);
		$this->assertStringContainsString("1 files that the set lists have not come:\n  data/files/b", StatusText::of(
			$this->channel,
			BoxSession::find($session->id),
		));
	}

	public function test_what_is_not_whole_is_restored_after_an_hour_and_leaves_after_another(): void
	{
		Key::makeBox($this->channel->id);
		$session = $this->begin();
		[$here, $away] = ['the bytes', 'bytes that never come'];
		foreach (['aa-1' => $here, 'bb-2' => $away] as $hash => $bytes) {
			$this->put($session, "$hash.json", json_encode([
				'filesync_set' => 1,
				'kind' => 'file',
				'hash' => $hash,
				'attach' => [[]],
				'parts' => [[
					'role' => 'original',
					'path' => 'x',
					'size' => strlen($bytes),
					'sha256' => hash('sha256', $bytes),
				]],
			]));
		}
		$this->put($session, 'aa', $here);
		$this->put($session, 'nobody names this', 'more');
		$this->assertSame(
			[hash_file('sha256', $this->onDisk($session, 'bb-2.json')) => true],
			Parts::waiting($session),
		);
		Clock::$ahead += 3000;
		Round::tend();
		$this->assertNull(Job::of($this->channel->id));
		Clock::$ahead += 700;
		Round::tend();
		$this->assertSame(Session::RESTORING, Session::find($session->id)->state);
		$manifest = file_get_contents(Intake::set($this->channel->id, $session->id) . '/manifest-sha256.txt');
		$this->assertMatchesRegularExpression(
			'#^[0-9a-f]{64}  data/metadata/aa/aa-1\.json\n[0-9a-f]{64}  data/metadata/bb/bb-2\.json\n$#D',
			$manifest,
		);
		$this->assertStringContainsString('More may be put here meanwhile', StatusText::of(
			$this->channel,
			BoxSession::find($session->id),
		));
		Job::change($this->channel->id, ['state' => 'done']);
		Session::find($session->id)->ask();
		Round::tend();
		$this->assertSame(Session::OPEN, Session::find($session->id)->state);
		$this->assertCount(4, iterator_to_array(Name::in($session, Name::ROOT)), 'it stays in sight');
		Clock::$ahead += 3700;
		Round::tend();
		$names = array_map(fn ($name) => $name->name, iterator_to_array(Name::in($session, Name::ROOT)));
		sort($names);
		$this->assertSame(['bb-2.json', 'nobody names this'], $names);
		$this->assertNull(Entry::find($session, hash('sha256', $here)), 'its bytes are freed');
	}

	public function test_the_tree_is_of_names_and_bounded(): void
	{
		Key::makeBox($this->channel->id);
		$tree = new Tree($this->channel, new Request('MKCOL', []), null);
		$this->assertSame(
			['Status.txt'],
			array_map(fn ($node) => $node->name, iterator_to_array($tree->children($tree->root()), false)),
		);
		$this->assertSame(0, count(Session::live()), 'looking begins nothing');
		$at = $tree->root();
		for ($n = 0; $n <= 40; $n++) {
			try {
				$tree->makeFolder($at, 'deeper');
			} catch (Refusal $e) {
				break;
			}
			$at = $tree->find($at, 'deeper');
		}
		$this->assertSame(['too_deep', 40], [$e->kind ?? '', $n]);
		foreach (['', "a\0b", "a\nb", 'a/b', '.', '..', "\xFF", str_repeat('x', 256), 'Status.txt'] as $name) {
			try {
				$tree->reserve($tree->root(), $name);
				$this->fail(json_encode($name));
			} catch (Refusal $e) {
				$this->assertSame('name_refused', $e->kind);
			}
		}
		$tree->makeFolder($tree->root(), 'Without hub.example');
		$tree->makeFolder($tree->root(), 'without a doubt');
		$tree->reserve($tree->root(), 'without file.example');
		$this->assertSame(['hub.example'], LeftOut::of(Session::live()[0]));
	}

	private function onLoopback(): void
	{
		App::set_baseurl('http://127.0.0.1:8000');
	}

	private function refusal(string $nick, string $password): string
	{
		$_SERVER['HTTP_AUTHORIZATION'] = 'Basic ' . base64_encode("alice:$password");
		unset($_SERVER['PHP_AUTH_USER'], $_SERVER['PHP_AUTH_PW'], $_SERVER['REDIRECT_REMOTE_USER']);
		try {
			Guard::admit($nick);
		} catch (Refusal $e) {
			return $e->kind;
		}

		return '';
	}

	private function begin(): BoxSession
	{
		$session = BoxSession::begin($this->channel, [], Session::BOX);
		Key::ofBox($this->channel->id)->bind($session->id);

		return $session;
	}

	/** Does what a PUT does with its bytes. */
	private function put(BoxSession $session, string $name, string $bytes): void
	{
		$sha256 = hash('sha256', $bytes);
		$path = Intake::folder($this->channel->id, $session->id) . '/' . Intake::place($sha256);
		@mkdir(dirname($path), 0700, true);
		file_put_contents($path, $bytes);
		Entry::add($session, $sha256, strlen($bytes), '');
		Entry::completeAll($session, [$sha256]);
		$content = Content::of($path, strlen($bytes));
		Name::put($session, Name::ROOT, $name, $content, $sha256, strlen($bytes), 0);
		Parts::come($session, $sha256, strlen($bytes));
		Parts::add($this->channel, $session, $sha256, $content->parts);
		$session->change();
	}

	private function onDisk(Session $session, string $name): string
	{
		$sha256 = Name::find($session, Name::ROOT, $name)->sha256;

		return Intake::folder($this->channel->id, $session->id) . '/' . Intake::place($sha256);
	}
}
