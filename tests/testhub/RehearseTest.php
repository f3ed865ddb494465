<?php

require_once __DIR__ . '/Pair.php';

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use TestHub\Databases;
use TestHub\Pair;

/**
 * A rehearsal finds by what a hub does that it does something else, where reading it finds nothing: each case edits the
 * files of a test hub, or its tables. Environment EXTENSION names the extension to load.
 */
final class RehearseTest extends TestCase
{
	/** @var string the hub's folder */
	private static $hub;
	private static $server;
	private static $url;

	public static function setUpBeforeClass(): void
	{
		$extension = getenv('EXTENSION') ?: __DIR__ . '/../../target/release/libfilesync.so';
		self::assertFileExists($extension, 'build the extension first, or set EXTENSION');
		self::$hub = sys_get_temp_dir() . '/rehearsetest-' . getmypid();
		$port = self::freePort();
		self::$url = "http://127.0.0.1:$port";
		Pair::run([
			PHP_BINARY,
			__DIR__ . '/bin/make-hub.php',
			self::$hub,
			'--url',
			self::$url,
			'--nick',
			'alice',
			'--addon',
			__DIR__ . '/../../php',
			'--extension',
			$extension,
		]);
		// Files of its own in place of links.
		$boot = realpath(self::$hub . '/boot.php');
		foreach (glob(dirname($boot) . '/*') as $path) {
			@unlink(self::$hub . '/' . basename($path));
			Pair::run(['cp', '-r', $path, self::$hub]);
		}
		copy($boot, self::$hub . '/boot.php');
		self::inHub(PHP_BINARY, 'util/addons', 'install', 'filesync');
		// What core summons meanwhile, workers would do beside: a rehearsal waits for none of it.
		self::inHub(
			PHP_BINARY,
			'-r',
			'require "include/cli_startup.php"; cli_startup(); set_config("testhub", "without_workers", 1);',
		);
		// What every hub with filesync soon has.
		mkdir(self::$hub . '/store/[data]/filesync');
	}

	public static function tearDownAfterClass(): void
	{
		self::cut();
		getenv('KEEP') || Pair::run(['rm', '-rf', self::$hub]);
		Databases::remove(realpath(self::$hub) ?: self::$hub);
	}

	public function test_a_person_sees_each_step_and_a_hub_that_is_right_passes(): void
	{
		[$status, $said] = self::rehearse();
		$this->assertSame(0, $status, $said);
		$this->assertStringStartsWith('filesync ', $said);
		$this->assertStringContainsString("\nok     receive a new file\n", $said);
		$this->assertStringContainsString("ok     the same through this hub's web server: not tried: ", $said);
		$this->assertMatchesRegularExpression(
			'/^\d+ steps in \d+ s: this hub does all that filesync needs$/m',
			$said,
		);
		$this->assertStringNotContainsString('WRONG', $said);
	}

	public function test_on_a_version_that_nobody_tested_it_passes_and_filesync_is_active(): void
	{
		$boot = self::$hub . '/boot.php';
		$code = file_get_contents($boot);
		file_put_contents($boot, preg_replace(
			"/define\('STD_VERSION', .*/",
			"define('STD_VERSION', '11.9.1');",
			$code,
			1,
			$count,
		));
		self::serve();
		self::keepJobsAway(true);
		try {
			$this->assertNotSame('active', self::standing());
			[$status, $steps] = $this->steps();
			$this->assertSame([], array_filter($steps, fn ($step) => ! $step['ok']));
			$this->assertSame(0, $status);
			$this->assertSame('', $steps["the same through this hub's web server"]['seen']);
			$this->assertSame('active', self::standing());
		} finally {
			self::keepJobsAway(false);
			self::cut();
			file_put_contents($boot, $code);
		}
	}

	public function test_on_such_a_version_whose_web_server_serves_nothing_only_serving_is_off(): void
	{
		[$boot, $index] = [self::$hub . '/boot.php', self::$hub . '/index.php'];
		[$code, $door] = [file_get_contents($boot), file_get_contents($index)];
		file_put_contents($boot, preg_replace(
			"/define\('STD_VERSION', .*/",
			"define('STD_VERSION', '11.9.2');",
			$code,
			1,
		));
		file_put_contents($index, strtr($door, [
			"require_once 'boot.php';" => "unset(\$_SERVER['HTTP_FILESYNC_TICKET']); require_once 'boot.php';",
		]));
		self::serve();
		self::keepJobsAway(true);
		try {
			[$status, $steps] = $this->steps();
			$name = "the same through this hub's web server";
			$this->assertSeen($status, $steps, [$name], 'the status of a part is', 'serving');
			$this->assertSame(['active', ['serving']], [self::standing(), self::off()]);
		} finally {
			self::keepJobsAway(false);
			self::cut();
			file_put_contents($boot, $code);
			file_put_contents($index, $door);
		}
	}

	public function test_where_the_hub_reaches_itself_a_ticket_is_served(): void
	{
		self::serve();
		try {
			[$status, $steps] = $this->steps();
		} finally {
			self::cut();
		}
		$this->assertSame(0, $status);
		$this->assertSame('', $steps["the same through this hub's web server"]['seen']);
	}

	/**
	 * @param list<string> $names Of steps that must fail.
	 *
	 * @dataProvider edits
	 */
	#[DataProvider('edits')]
	public function test_what_a_hub_does_otherwise_is_seen(
		string $file,
		string $from,
		string $to,
		array $names,
		string $seen,
		string $part,
	): void {
		$path = self::$hub . '/' . strtr($file, ['VERSION' => getenv('TESTHUB') ?: '8']);
		$code = file_get_contents($path);
		$this->assertStringContainsString($from, $code);
		$before = self::left();
		file_put_contents($path, str_replace($from, $to, $code));
		try {
			[$status, $steps] = $this->steps();
		} finally {
			file_put_contents($path, $code);
		}
		$this->assertSeen($status, $steps, $names, $seen, $part);
		$this->assertSame($before, self::left());
	}

	public static function edits(): array
	{
		$attach = 'include/attach.php';
		$late = "call_hooks('item_store_before', \$data);\n\t\$arr = \$data['item'];";

		return [
			'a move that does nothing' => [
				$attach,
				"function attach_move(\$channel_id, \$resource_id, \$new_folder_hash, \$newname = '', \$recurse = true) {",
				"function attach_move(\$channel_id, \$resource_id, \$new_folder_hash, \$newname = '', \$recurse = true) { return ['success' => true];",
				['send a move by WebDAV', 'send a move by a page'],
				'attach.folder is',
				'sender',
			],
			'a delete that leaves the file' => [
				$attach,
				"function attach_delete(\$channel_id, \$resource, \$is_photo = 0) {",
				"function attach_delete(\$channel_id, \$resource, \$is_photo = 0) { return;",
				[
					'receive a delete, with its post',
					'send a delete by WebDAV',
					'send a delete by a page',
					'send a delete by the hub',
				],
				'the file still has its row',
				'receiver',
			],
			'a delete that leaves the post' => [
				'include/VERSION/items.php',
				"\$item = item_row(\$id);\n\tif (",
				"\$item = item_row(\$id);\n\treturn 1;\n\tif (",
				['receive a delete, with its post'],
				'did not drop',
				'posts',
			],
			'a hook that comes too late' => [
				'include/items.php',
				$late,
				"\$item = \$arr; call_hooks('item_store_before', \$data);",
				['receive a post of the channel', 'receive a post with its file'],
				'its text is',
				'posts',
			],
			'an upload whose hook comes too late' => [
				$attach,
				"\tcall_hooks('photo_upload_begin', \$arr);\n",
				"\tregister_shutdown_function(fn () => call_hooks('photo_upload_begin', \$arr));\n",
				['send an upload', 'send an uploaded photo'],
				'the packet says nothing of the order of changes',
				'sender',
			],
			'an export without rows' => [
				$attach,
				"\$ret = ['fetch_url' => z_root() . '/getfile', 'original_channel' => \$channel['channel_address']];",
				"\$ret = ['fetch_url' => z_root() . '/getfile', 'original_channel' => \$channel['channel_address']]; \$resource_id = strtr(\$resource_id, ['x' => 'y']);",
				[
					'send an upload',
					'send an uploaded photo',
					'send new bytes put by WebDAV',
					'send a name given by WebDAV',
					'send a move by WebDAV',
					'send a delete by WebDAV',
					'send a change of access',
					'send a move by a page',
					'send a delete by a page',
					'send a delete by the hub',
					'tell a comparison of a file',
				],
				'nothing would be sent',
				'sender',
			],
			'access that is not changed' => [
				$attach,
				'function attach_change_permissions(',
				'function attach_change_permissions($channel_id, $resource, $allow_cid, $allow_gid, $deny_cid, $deny_gid, $recurse = false, $sync = false) { } function attach_other_permissions(',
				['send a change of access'],
				'attach.allow_cid is',
				'sender',
			],
			"the hub's own receiver" => [
				'Zotlabs/Lib/Libsync.php',
				"\t\t\t\tsync_files(\$channel, \$arr['file']);",
				"\t\t\t\t\\sync_files(\$channel, \$arr['file']);",
				[
					'receive a new file',
					'receive a photo with a crop',
					'receive new bytes of a file',
					'receive a new name',
					'receive a folder that moved',
					'receive a delete, with its post',
					'receive a post with its file',
					'make thumbnails',
				],
				"the hub's own receiver",
				'receiver',
			],
			"the hub's own relocation of posts" => [
				'Zotlabs/Lib/Libsync.php',
				"\t\t\t\tsync_items(\$channel, \$arr['item'],",
				"\t\t\t\t\\sync_items(\$channel, \$arr['item'],",
				['receive a post of the channel', 'receive an edited post'],
				'its text is',
				'posts',
			],
			'a receiver of posts that does nothing' => [
				'include/import.php',
				'function import_items($channel, $items, $sync = false, $relocate = null) {',
				'function import_items($channel, $items, $sync = false, $relocate = null) { return;',
				[
					'receive a post of the channel',
					'receive a post with its file',
					'receive an edited post',
					'receive a delete, with its post',
				],
				'not stored',
				'posts',
			],
			'another kind of signature' => [
				'Zotlabs/Lib/Libzot.php',
				'openssl_verify($data, base64url_decode($signature), $key, $alg) === 1',
				"openssl_verify(\$data . ' ', base64url_decode(\$signature), \$key, \$alg) === 1",
				[
					'receive a post of the channel',
					'receive a post with its file',
					'receive an edited post',
					// It does not know any more where a channel lives.
					'give a ticket and a part of a file',
					'prove a request to another hub',
				],
				'verif',
				'posts',
			],
			'nobody may write' => [
				'include/channel.php',
				"return \$channel && \$observer_xchan === \$channel['channel_hash'];",
				'return false;',
				[
					'send a file put by WebDAV',
					'send a folder made by WebDAV',
					'send new bytes put by WebDAV',
					'send a name given by WebDAV',
					'send a move by WebDAV',
					'send a delete by WebDAV',
					'send a move by a page',
				],
				'permission denied',
				'sender',
			],
			'a preview that fails' => [
				'Zotlabs/Daemon/Thumbnail.php',
				"\$data = ['attach' => \$attach,",
				"throw new \\Exception('no preview'); \$data = ['attach' => \$attach,",
				['have the hub make a preview'],
				'no preview',
				'photos',
			],
			'a library that makes nothing smaller' => [
				'Zotlabs/Photo/PhotoGd.php',
				'public function doScaleImage(int $new_width, int $new_height): void {',
				'public function doScaleImage(int $new_width, int $new_height): void { return;',
				["make thumbnails with the hub's library"],
				'made 64 x 40 pixels of it',
				'photos',
			],
			'a photo without thumbnails' => [
				'include/photos.php',
				"\$image = \$args['getimagesize'];",
				"return ['success' => true];",
				['have the hub make a photo', 'send an uploaded photo'],
				'there is no row of scale 1',
				'photos',
			],
			'templates that are not filled' => [
				'include/security.php',
				'return json_encode($r);',
				'return $s;',
				['show a page'],
				'does not fill',
				'pages',
			],
			'a function that is gone' => [
				'include/security.php',
				'function get_markup_template(',
				'function other_markup_template(',
				['show a page'],
				'get_markup_template',
				'pages',
			],
			'a function that ends the process' => [
				$attach,
				'function attach_change_permissions(',
				'function attach_change_permissions($channel_id, $resource, $allow_cid, $allow_gid, $deny_cid, $deny_gid, $recurse = false, $sync = false) { echo "bye"; killme(); } function attach_other_permissions(',
				['send a change of access', 'go on after that'],
				'the hub ended the process',
				'sender',
			],
			'a fatal error' => [
				'include/photos.php',
				"\$image = \$args['getimagesize'];",
				'eval(\'class App {}\');',
				['send an uploaded photo', 'go on after that'],
				'the hub ended the process: ',
				'sender',
			],
			'a hub that also sends the file on its own' => [
				$attach,
				"\t\$dosync = empty(\$arr['nosync']);",
				"\t\$dosync = true;",
				['send an upload', 'send an uploaded photo', 'send a file put by WebDAV'],
				'2 packets would be sent to other hubs, in place of one',
				'sender',
			],
			'a hub that sends on what it received' => [
				$attach,
				"function attach_delete(\$channel_id, \$resource, \$is_photo = 0) {",
				"function attach_delete(\$channel_id, \$resource, \$is_photo = 0) { \Zotlabs\Lib\Libsync::build_sync_packet(\$channel_id, ['file' => [['attach' => [['hash' => \$resource, 'deleted' => 1]]]]]);",
				[
					'receive a delete, with its post',
					'send a delete by WebDAV',
					'send a delete by a page',
					'send a delete by the hub',
				],
				'the hub sends on what it received',
				'sender',
			],
			'a packet that is not queued' => [
				'Zotlabs/Lib/Queue.php',
				"return create_table_from_array('outq', [",
				'return array_filter([',
				['queue a packet for another hub'],
				'the hub has queued 0 packets',
				'sender',
			],
			'a start of which nobody is told' => [
				'start.php',
				"\tcall_hooks('init_1');\n",
				'',
				['be called when the hub starts'],
				'did not call filesync',
				'receiver',
			],
			'a job that never comes' => [
				'Zotlabs/Daemon/Addon.php',
				"call_hooks('daemon_addon', \$argv);",
				'',
				['have the hub begin a job of filesync'],
				'did not reach filesync',
				'receiver',
			],
			'a description that no addon completes' => [
				'Zotlabs/Lib/Libzot.php',
				"call_hooks('zotinfo', \$info);",
				'',
				['say what this hub speaks'],
				'does not name filesync',
				'serving',
			],
			'signatures that do not hold' => [
				'Zotlabs/Web/HTTPSig.php',
				'openssl_verify(',
				'(fn () => 0)(',
				['prove a request to another hub'],
				'does not verify a request',
				'comparison',
			],
			'a delete whose hook comes too late' => [
				$attach,
				"call_hooks('attach_delete', \$arr);",
				"register_shutdown_function(fn () => call_hooks('attach_delete', \$arr));",
				['send a delete by the hub'],
				'the delete would not be sent',
				'sender',
			],
			'a preview that is not made' => [
				'Zotlabs/Daemon/Thumbnail.php',
				"if (!\$data['thumbnail'] &&",
				'if (false &&',
				['have the hub make a preview'],
				'made no preview',
				'photos',
			],
			'a hub that tells others' => [
				$attach,
				"\t\$dosync = empty(\$arr['nosync']);",
				"\t\$dosync = empty(\$arr['nosync']); \\Zotlabs\\Daemon\\Notifier::run(3, ['Notifier', 'refresh_all', \$channel['channel_id']]);",
				['send nothing for the scratch channel'],
				'the notifier was to tell others',
				'sender',
			],
		];
	}

	/**
	 * @param list<string> $names
	 *
	 * @dataProvider columns
	 */
	#[DataProvider('columns')]
	public function test_a_column_that_truncates_is_seen(
		string $table,
		string $column,
		int $width,
		array $names,
		string $seen,
		string $part,
	): void {
		$settings = json_decode(file_get_contents(self::$hub . '/hub.json'), true);
		if (Databases::kind($settings['database']) !== 'sqlite') {
			$this->markTestSkipped('by triggers of SQLite');
		}
		$database = Databases::connect($settings['database']);
		foreach (['INSERT', 'UPDATE'] as $event) {
			$database->exec(
				"CREATE TRIGGER short_$event AFTER $event ON $table WHEN length(NEW.$column) > $width BEGIN"
				. " UPDATE $table SET $column = substr(NEW.$column, 1, $width) WHERE rowid = NEW.rowid; END",
			);
		}
		try {
			[$status, $steps] = $this->steps();
		} finally {
			$database->exec('DROP TRIGGER short_INSERT');
			$database->exec('DROP TRIGGER short_UPDATE');
		}
		$this->assertSeen($status, $steps, $names, $seen, $part);
	}

	public static function columns(): array
	{
		$posts = ['receive a post of the channel', 'receive a post with its file', 'receive an edited post'];

		return [
			'names' => ['attach', 'filename', 64, ['receive a new file'], 'attach.filename is', 'receiver'],
			'access' => ['attach', 'allow_cid', 255, ['receive a new file'], 'attach.allow_cid is', 'receiver'],
			'types' => ['attach', 'filetype', 32, ['receive a new file'], 'attach.filetype is', 'receiver'],
			'texts' => ['item', 'body', 60, $posts, 'its text is', 'posts'],
			'signatures' => ['item', 'sig', 64, $posts, 'verif', 'posts'],
			'titles' => [
				'photo',
				'title',
				3,
				['receive a photo with a crop', 'receive a delete, with its post'],
				'photo.title',
				'receiver',
			],
		];
	}

	public function test_one_that_is_killed_leaves_nothing_after_the_next(): void
	{
		$before = self::left();
		foreach ([0.4, 0.9, 1.4] as $seconds) {
			$process = proc_open(
				[__DIR__ . '/bin/in-hub', self::$hub, PHP_BINARY, 'addon/filesync/cli.php', 'rehearse'],
				[['file', '/dev/null', 'r'], ['file', '/dev/null', 'a'], ['file', '/dev/null', 'a']],
				$pipes,
			);
			usleep((int) (1e6 * $seconds));
			proc_terminate($process, SIGKILL);
			proc_close($process);
			self::statement('UPDATE filesync_lease SET expires = 0');
		}
		$this->assertSame(0, self::rehearse()[0]);
		$this->assertSame($before, self::left());
	}

	/**
	 * @param array<string, array> $steps
	 * @param list<string>         $names
	 */
	private function assertSeen(int $status, array $steps, array $names, string $seen, string $part): void
	{
		$this->assertSame(1, $status);
		$failed = array_filter($steps, fn ($step) => ! $step['ok']);
		$this->assertEqualsCanonicalizing($names, array_keys($failed), json_encode($failed));
		$this->assertStringContainsString($seen, $steps[$names[0]]['seen']);
		$this->assertContains($part, $steps[$names[0]]['parts']);
	}

	/** @return array{int, array<string, array>} The status, and the steps by name. */
	private function steps(): array
	{
		[$status, $said] = self::rehearse('--json');
		$outcome = json_decode($said, true);
		$this->assertIsArray($outcome, $said);
		$this->assertSame($status === 0, $outcome['passed']);

		return [$status, array_column($outcome['steps'], null, 'name')];
	}

	private static function standing(): string
	{
		return self::rehearsals()['standing'] ?? 'unknown';
	}

	/** @return list<string> The parts that are off. */
	private static function off(): array
	{
		$kept = self::statement("SELECT v FROM config WHERE cat = 'system' AND k = 'filesync_standing'")->fetchColumn();

		return json_decode((string) $kept, true)['now']['off'];
	}

	/** Keeps the hub from rehearsing on its own: what is looked at is the first rehearsal of a version. */
	private static function keepJobsAway(bool $isSo): void
	{
		$id = hash('sha256', 'summon-rehearse');
		self::statement("DELETE FROM filesync_lease WHERE id = '$id'");
		if ($isSo) {
			self::statement(
				"INSERT INTO filesync_lease (id, name, token, expires) VALUES ('$id', 'summon-rehearse', 'test', "
				. (time() + 3600)
				. ')',
			);
		}
	}

	private static function rehearsals(): array
	{
		$said = Pair::run([
			__DIR__ . '/bin/in-hub',
			self::$hub,
			PHP_BINARY,
			'addon/filesync/cli.php',
			'status',
			'--json',
		], false);

		return json_decode((string) end($said), true) ?? [];
	}

	/**
	 * Rehearses; where the hub is doing so on its own, after that.
	 *
	 * @return array{int, string}
	 */
	private static function rehearse(string ...$options): array
	{
		for (
			$end = microtime(true) + Pair::PATIENCE;
			! isset($status) || ($status === 75 && microtime(true) < $end);
			usleep(200000)
		) {
			$lines = [];
			exec(
				implode(' ', array_map('escapeshellarg', [
					__DIR__ . '/bin/in-hub',
					self::$hub,
					PHP_BINARY,
					'addon/filesync/cli.php',
					'rehearse',
					...$options,
				]))
					. ($options ? ' 2>/dev/null' : ' 2>&1'),
				$lines,
				$status,
			);
		}

		return [$status, implode("\n", $lines) . "\n"];
	}

	/** @return array<string, mixed> What a rehearsal may not leave. */
	private static function left(): array
	{
		$left = [];
		foreach ([
			'channel',
			'xchan',
			'hubloc',
			'attach',
			'photo',
			'item',
			'outq',
			'filesync_scratch',
			'filesync_file',
		] as $table) {
			$left[$table] = (int) self::statement("SELECT count(*) FROM $table")->fetchColumn();
		}
		exec('find ' . escapeshellarg(self::$hub . '/store') . ' | sort', $left['files']);

		return $left;
	}

	private static function statement(string $sql): PDOStatement
	{
		$settings = json_decode(file_get_contents(self::$hub . '/hub.json'), true);

		return Databases::connect($settings['database'])->query($sql);
	}

	private static function inHub(string ...$command): void
	{
		Pair::run([__DIR__ . '/bin/in-hub', self::$hub, ...$command]);
	}

	private static function serve(): void
	{
		$none = ['file', '/dev/null', 'a'];
		self::$server = proc_open(
			[__DIR__ . '/bin/serve', self::$hub],
			[['file', '/dev/null', 'r'], $none, $none],
			$pipes,
		);
		for ($end = microtime(true) + 60; microtime(true) < $end; usleep(20000)) {
			$socket = @fsockopen('127.0.0.1', parse_url(self::$url, PHP_URL_PORT), $code, $message, 1);
			if ($socket) {
				fclose($socket);
				return;
			}
		}
		throw new RuntimeException('the web server does not start');
	}

	private static function cut(): void
	{
		if (self::$server) {
			posix_kill(-proc_get_status(self::$server)['pid'], SIGKILL);
			proc_close(self::$server);
			self::$server = null;
		}
	}

	private static function freePort(): int
	{
		$socket = stream_socket_server('tcp://127.0.0.1:0');
		$port = (int) parse_url('tcp://' . stream_socket_get_name($socket, false), PHP_URL_PORT);
		fclose($socket);

		return $port;
	}
}
