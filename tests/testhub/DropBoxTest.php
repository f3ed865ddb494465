<?php

require_once __DIR__ . '/Doorstep.php';
require_once __DIR__ . '/Fpm.php';
require_once __DIR__ . '/core/TestHub/Sabre.php';
require_once __DIR__ . '/../doors/Sequence.php';

use Doors\Sequence;
use PHPUnit\Framework\TestCase;
use TestHub\Doorstep;
use TestHub\Fpm;
use TestHub\Pair;
use TestHub\Sabre;

/**
 * The drop box of a hub at its front door: who is let in, what it takes and what it says, its bounds, and what a user
 * with the password and bad intentions gets. tests/doors/run has whole sets come back through it.
 *
 * Environment EXTENSION names the extension to load; HUBZILLA_ROOT a hub's tree that has SabreDAV. FULL=1 reaches the
 * bounds as they are by default, with COUNT files in place of 100,000.
 */
final class DropBoxTest extends TestCase
{
	private const LOCK =
		'<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>'
			. '</D:locktype><D:owner>OWNER</D:owner></D:lockinfo>';

	private static ?Doorstep $door = null;
	private static string $set;
	private static string $password = '';
	private static string $rest = '';

	public static function setUpBeforeClass(): void
	{
		if (Sabre::folder() === null) {
			self::markTestSkipped(
				'the test hub lacks SabreDAV: HUBZILLA_ROOT names the tree of a hub, whose folder vendor has it',
			);
		}
		$folder = sys_get_temp_dir() . '/dropboxtest-' . getmypid();
		self::$door = new Doorstep($folder);
		$pair = self::$door->pair;
		mkdir("$folder/in");
		file_put_contents("$folder/in/one.txt", 'the bytes');
		file_put_contents("$folder/in/two words.bin", str_repeat("second \0\xFF", 40000));
		$pair->upload('b', 'Papers', ["$folder/in/one.txt", "$folder/in/two words.bin"]);
		self::$set = "$folder/set";
		$pair->command('b', 'backup', 'alice', self::$set);
		self::assertFileExists(self::$set . '/channel-signature.json');
	}

	public static function tearDownAfterClass(): void
	{
		self::$door?->close();
	}

	protected function setUp(): void
	{
		self::$door->inHub(
			'FileSync\Addon\Door\Session::forget(1); FileSync\Addon\Door\Session::forget(2); FileSync\Addon\Restore\Job::forget(1);'
			. ' foreach (["upload_open_entries", "upload_max_bytes", "restore_door", "upload_requests_per_second"] as $name)'
			. ' FileSync\Addon\Hub\Config::clear($name);'
			. ' FileSync\Addon\Hub\Config::set("upload_requests_per_second", "10000");',
		);
		self::$door->pair->execute('b', 'DELETE FROM filesync_refusal');
		self::$password = self::makePassword();
	}

	public function test_only_its_password_opens_it(): void
	{
		$key = self::$door->makeKey();
		$made = self::$password;
		$this->assertMatchesRegularExpression('/^[0-9a-f]{32}$/D', $made, '128 bits, of letters and digits');
		$this->assertSame(207, self::dav('PROPFIND', '')['status']);
		foreach (['', 'x', $key, substr($made, 1), strtoupper($made) . 'x', "$made:x", 'alice'] as $wrong) {
			self::$password = $wrong;
			foreach (['PROPFIND', 'GET', 'PUT', 'OPTIONS', 'DELETE', 'LOCK'] as $n => $method) {
				self::$door->pair->execute('b', 'DELETE FROM filesync_refusal');
				$said = self::dav($method, $n % 2 ? 'Status.txt' : '');
				$this->assertSame([401, 'password_wrong'], [$said['status'], $said['error']], "$wrong $method");
				$this->assertStringStartsWith('Basic realm="', self::$door->headers['www-authenticate']);
			}
		}
		self::$password = $made;
		// The name is that of the channel, and the box of another channel is closed to it.
		foreach (['bob', 'ALICE', '', 'alice@127.0.0.1'] as $user) {
			self::$door->pair->execute('b', 'DELETE FROM filesync_refusal');
			$said = self::ask('PROPFIND', self::box(), ['Authorization' => 'Basic ' . base64_encode("$user:$made")]);
			$this->assertSame(401, $said['status'], $user);
		}
		foreach (['bob', 'alice%00', 'Alice', 'alice bob'] as $nick) {
			self::$door->pair->execute('b', 'DELETE FROM filesync_refusal');
			$said = self::dav('PROPFIND', "../$nick/");
			$this->assertSame(401, $said['status'], $nick);
		}
		$kept = json_encode([
			self::$door->pair->rows('b', 'SELECT * FROM filesync_door_key'),
			file_get_contents(self::$door->hub . '/hub.log'),
		]);
		$this->assertStringNotContainsString($made, $kept, 'only a digest is kept');
		// Another password takes the place of this one.
		self::makePassword();
		$this->assertSame(401, self::dav('PROPFIND', '')['status']);
	}

	public function test_ten_wrong_passwords_a_minute_and_no_more(): void
	{
		$right = self::$password;
		$log = filesize(self::$door->hub . '/hub.log');
		for ($n = 0; $n < 14; $n++) {
			self::$password = "wrong $n";
			$status[] = self::dav('PROPFIND', '')['status'];
		}
		$this->assertSame([...array_fill(0, 10, 401), ...array_fill(0, 4, 429)], $status);
		$this->assertSame('60', self::$door->headers['retry-after']);
		self::$password = $right;
		$this->assertSame(
			429,
			self::dav('PROPFIND', '')['status'],
			'also with the right one: nobody learns that it is',
		);
		$lines = explode("\n", (string) file_get_contents(self::$door->hub . '/hub.log', false, null, $log));
		$this->assertCount(1, preg_grep('/wrong drop-box password/', $lines), 'one line');
		// A minute later.
		self::$door->pair->execute('b', 'UPDATE filesync_refusal SET updated = updated - 61');
		$this->assertSame(207, self::dav('PROPFIND', '')['status']);
	}

	public function test_the_admin_closes_it(): void
	{
		self::$door->pair->command('b', 'config', 'set', 'restore_door', '0');
		$said = self::dav('PROPFIND', '');
		$this->assertSame([403, 'door_closed'], [$said['status'], $said['error']]);
	}

	public function test_it_takes_files_and_gives_none_back(): void
	{
		$this->assertSame(201, self::put('a file', 'the bytes')['status']);
		$said = self::dav('GET', 'a file');
		$this->assertSame(403, $said['status']);
		$this->assertStringNotContainsString('the bytes', $said['body']);
		$this->assertStringContainsString('gives none back', $said['body']);
		$this->assertSame(403, self::dav('GET', 'a file', ['Range' => 'bytes=0-3'])['status']);
		$this->assertSame(405, self::dav('COPY', 'a file', ['Destination' => self::box() . 'b'])['status']);
		$this->assertSame(405, self::dav('REPORT', '')['status']);
		$this->assertSame(405, self::dav('POST', '', ['Content-Type' => 'text/plain'], 'x')['status']);
		$said = self::dav('HEAD', 'a file');
		$this->assertSame([200, '9'], [$said['status'], self::$door->headers['content-length']]);
		$said = self::dav('GET', 'Status.txt');
		$this->assertSame(200, $said['status']);
		$this->assertSame(['nosniff', 'no-store'], [
			self::$door->headers['x-content-type-options'],
			self::$door->headers['cache-control'],
		]);
		$this->assertStringContainsString('Here: 1 file, 9 B', $said['body']);
		$this->assertSame(403, self::put('Status.txt', 'mine')['status']);
		$this->assertSame(403, self::put('STATUS.TXT', 'mine')['status']);
		// Who makes folders equal takes it away, and it is there again.
		$this->assertSame(204, self::dav('DELETE', 'Status.txt')['status']);
		$this->assertSame(200, self::dav('GET', 'Status.txt')['status']);
		$this->assertSame(403, self::dav('DELETE', '')['status']);
		$this->assertSame(['Status.txt', 'a file'], self::names(''));
	}

	public function test_what_came_is_listed_with_size_and_time_and_can_be_renamed_and_removed(): void
	{
		$said = self::put('new', 'the bytes', ['X-OC-Mtime' => '1714726800']);
		$this->assertSame([201, 'accepted'], [$said['status'], self::$door->headers['x-oc-mtime']]);
		$this->assertSame(201, self::dav('MKCOL', 'Földer & co')['status']);
		$this->assertSame(405, self::dav('MKCOL', 'Földer & co')['status']);
		$this->assertSame(409, self::dav('MKCOL', 'none/deeper')['status']);
		$this->assertSame(409, self::put('none/file', 'x')['status']);
		$this->assertSame(201, self::move('new', 'Földer & co/moved')['status']);
		$this->assertSame(404, self::dav('PROPFIND', 'new')['status']);
		$found = self::dav('PROPFIND', 'Földer & co/moved', ['Depth' => '0'])['body'];
		$this->assertStringContainsString('<d:getcontentlength>9<', $found);
		$this->assertStringContainsString('Fri, 03 May 2024 09:00:00 GMT', $found);
		$this->assertSame(201, self::move('Földer & co', 'other')['status']);
		$this->assertSame(['moved'], self::names('other'));
		self::put('second', 'more');
		$this->assertSame(412, self::move('second', 'other/moved', ['Overwrite' => 'F'])['status']);
		$this->assertSame(204, self::move('second', 'other/moved')['status']);
		$this->assertCount(1, self::onDisk(), 'what was overwritten is freed');
		$this->assertSame(204, self::dav('DELETE', 'other')['status']);
		$this->assertSame([], self::onDisk());
		$this->assertSame(['Status.txt'], self::names(''));
		$this->assertSame(0, self::countRows('filesync_box_name') + self::countRows('filesync_door_entry'));
		// The same bytes under two names are there once, until both are gone.
		self::put('a', 'same');
		self::put('b', 'same');
		$this->assertCount(1, self::onDisk());
		self::dav('DELETE', 'a');
		$this->assertCount(1, self::onDisk());
		self::put('b', 'other');
		$this->assertCount(1, self::onDisk());
	}

	public function test_times_that_windows_sets_are_accepted(): void
	{
		self::put('a', 'bytes');
		$body =
			'<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>'
			. '<Z:Win32LastModifiedTime>Fri, 03 May 2024 09:00:00 GMT</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>'
			. '</D:prop></D:set></D:propertyupdate>';
		$said = self::dav('PROPPATCH', 'a', [], $body);
		$this->assertSame([207, 0], [$said['status'], substr_count($said['body'], '403')], $said['body']);
		$this->assertStringContainsString('Fri, 03 May 2024 09:00:00 GMT', self::dav('PROPFIND', 'a')['body']);
		// What nobody keeps is not accepted.
		$said = self::dav('PROPPATCH', 'a', [], strtr($body, ['Win32FileAttributes' => 'getcontentlength']));
		$this->assertStringContainsString('403', $said['body']);
	}

	public function test_a_body_that_is_not_all_there_is_refused(): void
	{
		self::put('first', 'x');
		$fpm = new Fpm(self::$door->hub, self::$door->pair->urls['b']);
		$path = '/filesync/dav/alice/';
		$headers = ['Authorization' => 'Basic ' . base64_encode('alice:' . self::$password)];
		try {
			// A web server that drops what comes without a length: all that is left is the header.
			$said = $fpm->ask('PUT', "{$path}chunked", $headers + ['Transfer-Encoding' => 'chunked']);
			$this->assertSame([411, 'empty_body'], [$said['status'], $said['headers']['filesync-error']]);
			// Or not even that.
			$said = $fpm->ask('PUT', "{$path}silent", $headers + ['Content-Length' => '']);
			$this->assertSame([411, 'empty_body'], [$said['status'], $said['headers']['filesync-error'] ?? '']);
			// One that hands on a body that was cut. LOCK has a length, too, which is not that of the file.
			$said = $fpm->ask('PUT', "{$path}cut", $headers + ['X-Expected-Entity-Length' => '8'], 'bytes');
			$this->assertSame([400, 'body_cut'], [$said['status'], $said['headers']['filesync-error']]);
			$said = $fpm->ask(
				'LOCK',
				"{$path}locked",
				$headers + ['X-Expected-Entity-Length' => '8', 'Content-Type' => 'application/xml'],
				self::LOCK,
			);
			$this->assertSame(201, $said['status'], $said['body']);
		} finally {
			$fpm->stop();
		}
		$this->assertSame(['Status.txt', 'first', 'locked'], self::names(''));
		$status = self::dav('GET', 'Status.txt')['body'];
		$this->assertStringContainsString('chunked: The body came without a length', $status);
		$this->assertStringContainsString('cut: Only 5 of 8 bytes came', $status);
	}

	public function test_what_does_not_fit_into_the_temporary_folder_is_refused_before_it_is_read(): void
	{
		if (posix_geteuid() !== 0) {
			$this->markTestSkipped('only root mounts a small folder');
		}
		$small = self::$door->pair->folder . '/small';
		@mkdir($small);
		exec('mount -t tmpfs -o size=1m,mode=1777 tmpfs ' . escapeshellarg($small), $lines, $code);
		if ($code !== 0) {
			$this->markTestSkipped('nothing can be mounted here');
		}
		self::put('first', 'x');
		$fpm = new Fpm(self::$door->hub, self::$door->pair->urls['b'], ['sys_temp_dir' => $small]);
		$headers = ['Authorization' => 'Basic ' . base64_encode('alice:' . self::$password)];
		try {
			$said = $fpm->ask('PUT', '/filesync/dav/alice/large', $headers, str_repeat('x', 2 << 20));
			$this->assertSame(
				[507, 'temp_short'],
				[$said['status'], $said['headers']['filesync-error']],
				$said['body'],
			);
			$this->assertStringContainsString($small, $said['body']);
			$said = $fpm->ask('PUT', '/filesync/dav/alice/small', $headers, str_repeat('x', 1 << 19));
			$this->assertSame(201, $said['status'], $said['body']);
		} finally {
			$fpm->stop();
			exec('umount ' . escapeshellarg($small));
		}
	}

	public function test_an_empty_file_is_a_placeholder_unless_the_set_has_one(): void
	{
		$this->assertSame(201, self::put('a', '')['status']);
		$said = self::lock('b');
		$this->assertSame(201, $said['status']);
		$token = self::$door->headers['lock-token'];
		$this->assertSame(423, self::put('b', 'bytes')['status']);
		$this->assertSame(204, self::put('b', 'bytes', ['If' => "($token)"])['status']);
		$this->assertSame(204, self::dav('UNLOCK', 'b', ['Lock-Token' => $token])['status']);
		$this->assertSame(['a' => 'empty', 'b' => 'data'], self::kinds());
	}

	public function test_files_and_their_metadata_come_back_without_lists_for_the_owner_alone(): void
	{
		self::lose();
		foreach (self::filesOf('data') as $n => $path) {
			self::put("file $n", (string) file_get_contents(self::$set . "/$path"));
		}
		self::$door->inHub('FileSync\Addon\Box\Round::tend();');
		self::$door->work();
		$this->assertSame([], self::$door->pair->rows('b', 'SELECT hash FROM attach WHERE uid = 1'), 'more may come');
		$this->assertStringContainsString('The lists of the set have not come', self::dav('GET', 'Status.txt')['body']);
		self::pass(3700);
		self::$door->work();
		$rows = self::$door->pair->rows('b', 'SELECT filename, allow_cid FROM attach WHERE uid = 1');
		$this->assertEqualsCanonicalizing(['Papers', 'one.txt', 'two words.bin'], array_column($rows, 'filename'));
		$this->assertSame(
			['<' . self::$door->channelHash() . '>'],
			array_values(array_unique(array_column($rows, 'allow_cid'))),
		);
		$this->assertStringContainsString('Restored: 2 restored', self::dav('GET', 'Status.txt')['body']);
		// An hour later it leaves, and the password still opens the box: more may come.
		$this->assertCount(6, self::names(''));
		self::pass(3700);
		$this->assertSame(['Status.txt'], self::names(''));
	}

	public function test_a_whole_set_is_restored_at_once_and_its_box_closes_when_nobody_looks_any_more(): void
	{
		self::lose();
		$files = self::filesOf('');
		shuffle($files);
		foreach ($files as $n => $path) {
			self::put("file $n", (string) file_get_contents(self::$set . "/$path"));
		}
		$rows = self::$door->pair->rows('b', 'SELECT state FROM filesync_door');
		$this->assertSame(['restoring'], array_column($rows, 'state'));
		$this->assertSame(201, self::put('more', 'x')['status'], 'more comes meanwhile');
		self::$door->work();
		$this->assertCount(3, self::$door->pair->rows('b', 'SELECT hash FROM attach WHERE uid = 1'));
		$this->assertCount(count($files) + 2, self::names(''), 'what was restored stays in sight');
		self::pass(3700);
		self::$door->work();
		self::pass(700);
		self::$door->work();
		$said = self::dav('PROPFIND', '');
		$this->assertSame(401, $said['status'], 'the password ends with the restore');
		$this->assertSame([], self::onDisk());
		$this->assertSame(0, self::countRows('filesync_box_name') + self::countRows('filesync_box_part'));
	}

	public function test_what_file_managers_ask_brings_a_set_back_in_any_order(): void
	{
		foreach (['finder-like', 'explorer-like', 'davfs2-like'] as $like) {
			self::$door->inHub('FileSync\Addon\Door\Session::forget(1); FileSync\Addon\Restore\Job::forget(1);');
			self::lose();
			self::$password = self::makePassword();
			$files = self::filesOf('');
			shuffle($files);
			$sequence = new Sequence($like, self::box(), self::$password);
			$sequence->breakOff(self::$set, $files[1]);
			foreach ($files as $path) {
				$sequence->send(self::$set, $path);
			}
			self::$door->work();
			$here = [];
			foreach (self::$door->pair->rows('b', 'SELECT * FROM attach WHERE uid = 1 AND is_dir = 0') as $row) {
				$here[$row['filename']] = hash_file('sha256', self::$door->hub . "/{$row['content']}");
			}
			$expected = [];
			foreach (['one.txt', 'two words.bin'] as $name) {
				$expected[$name] = hash_file('sha256', self::$door->pair->folder . "/in/$name");
			}
			$this->assertEquals($expected, $here, $like);
		}
	}

	public function test_a_hub_that_is_gone_is_left_out_by_the_name_of_a_folder(): void
	{
		self::lose();
		self::$door->pair->cut('a');
		try {
			foreach (self::filesOf('') as $n => $path) {
				self::put("file $n", (string) file_get_contents(self::$set . "/$path"));
			}
			self::$door->work();
			$status = self::dav('GET', 'Status.txt')['body'];
			$this->assertStringContainsString('cannot say what was deleted there', $status);
			$this->assertStringContainsString('for example: without hub.example', $status);
			$this->assertSame(201, self::dav('MKCOL', 'without elsewhere.test')['status']);
			self::$door->work();
			$this->assertStringContainsString(
				'does not live on "elsewhere.test"',
				self::dav('GET', 'Status.txt')['body'],
			);
			$this->assertSame(201, self::move('without elsewhere.test', 'without 127.0.0.1')['status']);
			self::$door->work();
			$this->assertStringContainsString('Restored: 2 restored', self::dav('GET', 'Status.txt')['body']);
		} finally {
			self::$door->pair->serve('a');
		}
	}

	public function test_a_set_of_another_channel_is_said_in_words(): void
	{
		$set = json_decode((string) file_get_contents(self::$set . '/set.json'), true);
		$set['channel']['hash'] = 'bob';
		$set['signed_by'] = null;
		$manifest = (string) file_get_contents(self::$set . '/manifest-sha256.txt');
		self::put('set.json', (string) json_encode($set));
		self::put('manifest', $manifest);
		self::put(
			'tags',
			hash('sha256', $manifest)
			. "  manifest-sha256.txt\n"
			. hash('sha256', (string) json_encode($set))
			. "  set.json\n",
		);
		foreach (self::filesOf('data') as $n => $path) {
			self::put("file $n", (string) file_get_contents(self::$set . "/$path"));
		}
		self::$door->work();
		$this->assertStringContainsString('you are restoring to alice', self::dav('GET', 'Status.txt')['body']);
	}

	public function test_names_of_every_sort_are_names_and_no_paths(): void
	{
		self::put('here', 'x');
		$before = self::tree();
		foreach ([
			'..%2f..%2f..%2fhtconfig.php',
			'%2e%2e/%2e%2e/hub.json',
			'/etc/passwd',
			'..%5c..%5cx',
			'a%00b',
			'a%0Ab',
			'a%7Fb',
			'C:%5Cx',
			'%E2%80%AEgnp.exe',
			'%FF%FE',
			str_repeat('x', 256),
			str_repeat('x/', 2000) . 'x',
			'.htaccess',
			'x.php',
			'store/[data]/x',
			'%2e',
			'%2e%2e',
			'con',
			'%27%20OR%201=1%20--',
			'%3Cscript%3Ealert(1)%3C/script%3E',
		] as $name) {
			foreach (['PUT', 'MKCOL', 'DELETE'] as $method) {
				$said = self::ask($method, self::box() . $name, self::login(), $method === 'PUT' ? 'hostile' : null);
				$this->assertContains(
					$said['status'],
					[201, 204, 400, 401, 403, 404, 405, 409],
					"$method $name: {$said['body']}",
				);
			}
		}
		$this->assertSame(
			[],
			array_filter(array_diff(self::tree(), $before), fn ($path) => ! str_contains($path, '/upload/')),
		);
		$this->assertSame(
			[],
			array_filter(array_diff($before, self::tree()), fn ($path) => ! str_contains($path, '/upload/')),
		);
		$this->assertSame(
			'200',
			trim(implode('', Pair::run([
				'curl',
				'-s',
				'-o',
				'/dev/null',
				'-w',
				'%{http_code}',
				self::$door->pair->urls['b'],
			]))),
		);
	}

	public function test_nothing_leaves_the_box(): void
	{
		self::put('mine', 'x');
		$url = self::$door->pair->urls['b'];
		foreach ([
			"$url/filesync/dav/bob/x",
			"$url/filesync/dav/alice/../bob/x",
			"$url/filesync/dav/alice/%2e%2e/%2e%2e/x",
			"$url/cloud/alice/x",
			"$url/store/x.php",
			'http://elsewhere.test/x',
			'file:///etc/cron.d/x',
			'/filesync/dav/bob/x',
			'',
		] as $to) {
			$said = self::ask('MOVE', self::box() . 'mine', self::login() + ['Destination' => $to]);
			$this->assertGreaterThanOrEqual(400, $said['status'], $to);
			$this->assertLessThan(500, $said['status'], "$to: {$said['body']}");
		}
		$this->assertSame(['Status.txt', 'mine'], self::names(''));
	}

	public function test_a_listing_is_one_folder_deep(): void
	{
		self::dav('MKCOL', 'a');
		self::dav('MKCOL', 'a/b');
		self::put('a/b/c', 'x');
		foreach (['infinity', '1', '7', ''] as $depth) {
			$said = self::dav('PROPFIND', '', ['Depth' => $depth]);
			$this->assertSame([207, 0], [$said['status'], substr_count($said['body'], '/a/b/')], $depth);
		}
		$this->assertSame(413, self::dav('PROPFIND', '', [], str_repeat('<a>', 30000))['status']);
		$bomb =
			'<!DOCTYPE a [<!ENTITY a "'
			. str_repeat('x', 50000)
			. '"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><D:propfind xmlns:D="DAV:">&b;&b;</D:propfind>';
		$this->assertLessThan(500, self::dav('PROPFIND', '', [], $bomb)['status']);
		$read = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:lastmodified>&a;</D:lastmodified></D:prop></D:set></D:propertyupdate>';
		$this->assertStringNotContainsString('root:', self::dav('PROPPATCH', 'a/b/c', [], $read)['body']);
	}

	public function test_empty_files_are_as_many_as_may_be_open(): void
	{
		$most = getenv('FULL') ? 10000 : 20;
		getenv('FULL') || self::$door->pair->command('b', 'config', 'set', 'upload_open_entries', (string) $most);
		$statuses = self::putMany(getenv('FULL') ? (int) (getenv('COUNT') ?: 100000) : 30);
		$this->assertSame($most, $statuses[201]);
		$this->assertSame([201, 507], array_keys($statuses));
		$this->assertSame(507, self::lock('one more')['status']);
		$this->assertStringContainsString("$most files are empty or on their way", self::put('more', '')['body']);
		// Others go on, and so does who sends their bytes.
		$this->assertSame(207, self::dav('PROPFIND', '')['status']);
		$this->assertSame(204, self::put('f0', '')['status']);
		self::dav('DELETE', 'f0');
		$this->assertSame(201, self::put('bytes', 'x')['status']);
	}

	public function test_locks_that_nobody_gives_back_are_bounded(): void
	{
		self::$door->pair->command('b', 'config', 'set', 'upload_open_entries', '20');
		for ($n = 0; $n < 20; $n++) {
			self::put("lock$n", 'x');
			$statuses[] = self::lock("lock$n", ['Timeout' => 'Infinite'])['status'];
		}
		$this->assertSame(array_fill(0, 20, 200), $statuses);
		self::put('more', 'x');
		$said = self::lock('more');
		$this->assertSame(507, $said['status']);
		$this->assertStringContainsString('20 names are locked', $said['body']);
		$this->assertSame(507, self::lock('more', [], str_repeat('x', 5000))['status']);
		// They end, whatever was asked for.
		$this->assertSame(201, self::put('free', 'x')['status']);
		$locks = glob(self::$door->hub . '/store/*/filesync/1/upload/*/locks')[0];
		file_put_contents($locks, preg_replace(
			'/(created";i:)(\d+)/',
			'${1}1000000000',
			(string) file_get_contents($locks),
		));
		$this->assertSame(200, self::lock('more')['status']);
		$this->assertSame(204, self::put('lock1', 'another')['status']);
	}

	public function test_a_set_that_lies_about_sizes_or_has_no_end_is_bounded(): void
	{
		self::$door->pair->command('b', 'config', 'set', 'upload_max_bytes', '1048576');
		$this->assertSame(
			[507, 'quota_short'],
			array_slice(array_values(self::put('large', str_repeat('x', 2 << 20))), 0, 2),
		);
		$this->assertSame(201, self::put('small', str_repeat('x', 1 << 19))['status']);
		$this->assertSame(507, self::put('second', str_repeat('y', 1 << 20))['status']);
		// Metadata that names what is not its own, a million levels, or another type in each place.
		foreach ([
			str_repeat('{"a":', 100000),
			'{"filesync_set":1,"kind":"file","hash":"../../x","attach":[]}',
			'{"filesync_set":1,"kind":"file","hash":"a","attach":[],"parts":[{"path":"x","sha256":"'
				. str_repeat('0', 64)
				. '","size":-1}]}',
			'{"filesync_set":1,"kind":"file","hash":"b","attach":[],"parts":"x"}',
			'{"filesync_set":"1","kind":["file"],"hash":{},"attach":5}',
			str_repeat('a', 64) . "  data/files/../../x\n",
			str_repeat('a', 64) . '  set.json',
		] as $n => $text) {
			$this->assertSame(201, self::put("odd $n", $text)['status'], $text);
		}
		self::pass(3700);
		self::$door->work();
		$this->assertSame(207, self::dav('PROPFIND', '')['status']);
		$this->assertSame([], self::$door->pair->rows('b', "SELECT hash FROM attach WHERE hash IN ('a', 'b')"));
	}

	public function test_two_at_once_see_one_box(): void
	{
		$multi = curl_multi_init();
		$handles = [];
		for ($n = 0; $n < 12; $n++) {
			$handles[$n] = $curl = curl_init(self::box() . "file$n");
			curl_setopt_array($curl, [
				CURLOPT_CUSTOMREQUEST => 'PUT',
				CURLOPT_POSTFIELDS => "bytes $n",
				CURLOPT_RETURNTRANSFER => true,
				CURLOPT_USERPWD => 'alice:' . self::$password,
			]);
			curl_multi_add_handle($multi, $curl);
		}
		do {
			curl_multi_exec($multi, $running);
			curl_multi_select($multi);
		} while ($running);
		foreach ($handles as $curl) {
			$this->assertSame(201, curl_getinfo($curl, CURLINFO_RESPONSE_CODE), (string) curl_multi_getcontent($curl));
		}
		$this->assertCount(1, self::$door->pair->rows('b', "SELECT id FROM filesync_door WHERE state = 'open'"));
		$this->assertCount(13, self::names(''));
	}

	public function test_one_set_at_a_time_comes_to_a_channel(): void
	{
		self::$door->makeKey();
		$session = self::$door->begin();
		$said = self::put('a', 'x');
		$this->assertSame([403, 'restore_running'], [$said['status'], $said['error']]);
		self::$door->say('DELETE', $session);
		$this->assertSame(201, self::put('a', 'x')['status']);
		self::$door->makeKey();
		$said = self::$door->say('POST', '/restore', [
			'set' => ['filesync_set' => 1, 'channel' => ['hash' => self::$door->channelHash()]],
			'lists' => ['tagmanifest-sha256.txt' => str_repeat('0', 64)],
		]);
		$this->assertSame([409, 'restore_running'], [$said['status'], $said['error']]);
	}

	public function test_doctor_sends_itself_files_of_many_names_and_bodies(): void
	{
		$said = json_decode(
			self::$door->pair->command('b', 'doctor', '--only', 'names,chunked,temporary', '--json'),
			true,
		);
		$this->assertSame(
			['names' => true, 'chunked' => true, 'temporary' => true],
			array_column($said['findings'] ?? $said, 'ok', 'check'),
			json_encode($said),
		);
		$this->assertStringContainsString(sys_get_temp_dir(), json_encode($said, JSON_UNESCAPED_SLASHES));
		// Nobody else is told.
		$said = self::ask('PUT', self::box() . 'x', ['Filesync-Probe' => str_repeat('0', 32)], 'x');
		$this->assertSame(401, $said['status']);
		$this->assertSame([], self::onDisk());
	}

	private static function makePassword(): string
	{
		return self::$door->inHub('echo FileSync\Addon\Door\Key::makeBox(1);');
	}

	/** Lets time pass in which nobody asks for anything, and cron run. */
	private static function pass(int $seconds): void
	{
		self::$door->pair->execute(
			'b',
			"UPDATE filesync_door SET asked = asked - $seconds, touched = touched - $seconds",
		);
		self::$door->inHub('FileSync\Addon\Box\Round::tend();');
	}

	private static function box(): string
	{
		return self::$door->pair->urls['b'] . '/filesync/dav/alice/';
	}

	private static function login(): array
	{
		return ['Authorization' => 'Basic ' . base64_encode('alice:' . self::$password)];
	}

	private static function ask(string $method, string $url, array $headers = [], ?string $body = null): array
	{
		return self::$door->ask($method, $url, $headers + ['Filesync-Key' => ''], $body);
	}

	private static function dav(string $method, string $path, array $headers = [], ?string $body = null): array
	{
		$path = implode('/', array_map(rawurlencode(...), explode('/', $path)));

		return self::ask($method, self::box() . $path, $headers + self::login(), $body);
	}

	private static function put(string $path, string $bytes, array $headers = []): array
	{
		return self::dav('PUT', $path, $headers + ['Content-Type' => 'application/octet-stream'], $bytes);
	}

	private static function move(string $from, string $to, array $headers = []): array
	{
		$to = implode('/', array_map(rawurlencode(...), explode('/', $to)));

		return self::dav('MOVE', $from, $headers + ['Destination' => self::box() . $to]);
	}

	private static function lock(string $path, array $headers = [], string $owner = 'me'): array
	{
		return self::dav('LOCK', $path, $headers + ['Content-Type' => 'application/xml'], strtr(self::LOCK, [
			'OWNER' => $owner,
		]));
	}

	/**
	 * Puts empty files, some at once (with FULL as many as COUNT says, 100,000 without).
	 *
	 * @return array<int, int> How often each status was answered.
	 */
	private static function putMany(int $count): array
	{
		$statuses = [];
		$empty = self::$door->pair->folder . '/none';
		touch($empty);
		foreach (array_chunk(range(0, $count - 1), 1000) as $some) {
			$lines = '';
			foreach ($some as $n) {
				$lines .= 'url = "' . self::box() . "f$n\"\nupload-file = \"$empty\"\noutput = /dev/null\n";
			}
			$config = self::$door->pair->folder . '/curl';
			file_put_contents($config, $lines);
			foreach (Pair::run([
				'curl',
				'-sS',
				'--no-progress-meter',
				'--parallel',
				'--parallel-max',
				'4',
				'-u',
				'alice:' . self::$password,
				'-w',
				'%{http_code}\n',
				'-K',
				$config,
			]) as $status) {
				$statuses[(int) $status] = 1 + ($statuses[(int) $status] ?? 0);
			}
		}
		ksort($statuses);

		return $statuses;
	}

	/** @return list<string> Names in a folder, as they are listed, sorted. */
	private static function names(string $folder): array
	{
		$body = self::dav('PROPFIND', $folder, ['Depth' => '1'])['body'];
		preg_match_all('#<d:href>([^<]+)</d:href>#', $body, $found);
		$names = array_map(fn ($href) => rawurldecode(basename($href)), array_slice($found[1], 1));
		sort($names);

		return $names;
	}

	/** @return array<string, string> */
	private static function kinds(): array
	{
		return array_column(
			self::$door->pair->rows('b', 'SELECT name, kind FROM filesync_box_name ORDER BY name'),
			'kind',
			'name',
		);
	}

	private static function countRows(string $table): int
	{
		return count(self::$door->pair->rows('b', "SELECT id FROM $table"));
	}

	/** @return list<string> Files with bytes that the box holds. */
	private static function onDisk(): array
	{
		return array_values(
			preg_grep('#^set/data/|^partial/#', self::$door->onDisk('')) ?: preg_grep(
				'#/(set/data|partial)/#',
				self::$door->onDisk(),
			),
		);
	}

	/** @return list<string> Files of the set beneath a folder. */
	private static function filesOf(string $folder): array
	{
		$files = Pair::run(['find', self::$set . "/$folder", '-type', 'f', '!', '-name', '.lock', '-printf', '%P\n']);

		return array_map(fn ($path) => ltrim("$folder/$path", '/'), $files);
	}

	private static function lose(): void
	{
		self::$door->pair->execute('b', 'DELETE FROM attach WHERE uid = 1');
		foreach (['file', 'digest', 'ended', 'kept'] as $table) {
			self::$door->pair->execute('b', "DELETE FROM filesync_$table");
		}
		Pair::run(['rm', '-rf', self::$door->hub . '/store/alice']);
	}

	/** @return list<string> All paths of the hub's folder, but for what changes with every request. */
	private static function tree(): array
	{
		return array_values(array_filter(
			Pair::run(['find', self::$door->hub, '-printf', '%p %y\n']),
			fn ($path) => ! preg_match('#/(sessions|hub\.sqlite|.*\.log|locks|partial)#', $path),
		));
	}
}
