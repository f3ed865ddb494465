<?php

use FileSync\Addon\Doctor\Doctor;
use FileSync\Addon\Doctor\Findings;
use FileSync\Addon\Door\Doors;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Request;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Serve\Serve;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

/** `doctor` says what is wrong with this hub's own set-up, and how to mend it. */
final class DoctorTest extends AddonTestCase
{
	/**
	 * What the clone answers, what is changed in the web server's account of itself, and what it gives for other paths.
	 */
	public array $clone = ['info' => ['site' => []], 'clock' => 0, 'error' => ''];
	public array $probe = [];
	public ?Closure $plain = null;
	/** What stands before the doors: gets their answer, method, headers and the length of the body. */
	public ?Closure $way = null;

	protected function setUp(): void
	{
		parent::setUp();
		set_config('system', 'addon', 'filesync');
		call_hooks('cron');
		$this->receive($this->file('f1', 'the bytes'));
		$this->work();
	}

	public function test_a_hub_that_is_right_has_no_findings(): void
	{
		$found = $this->examine(fn ($answer) => $answer, $findings);
		$this->assertSame([], array_filter($findings, fn ($one) => $one['ok'] === false), json_encode($findings));
		$this->assertSame(
			[],
			array_diff([
				'hub',
				'assumptions',
				'registered',
				'overrides',
				'extension',
				'php',
				'tables',
				'space',
				'store',
				'cron',
				'workers',
				'reachable',
				'extension-web',
				'tickets',
				'authorization',
				'ranges',
				'headers',
				'length',
				'source',
				'private',
				'doors',
				'methods',
				'bodies',
				'clone',
			], array_keys(array_filter($found))),
		);
	}

	public function test_without_a_file_what_a_file_is_needed_for_is_not_known(): void
	{
		attach_delete(1, 'f1');
		$this->assertNull($this->examine(fn ($answer) => $answer)['ranges']);
	}

	/** @dataProvider set_ups */
	#[DataProvider('set_ups')]
	public function test_what_is_wrong_is_said_with_its_remedy(Closure $change, array $expected): void
	{
		$found = $this->examine($change, $findings);
		$this->assertSame($expected, array_intersect_key($found, $expected));
		foreach ($findings as $one) {
			$this->assertSame($one['ok'] !== true, $one['remedy'] !== '', $one['check']);
		}
	}

	public static function set_ups(): array
	{
		$onRead = fn (Closure $change) => fn ($answer, $method) => $method === 'POST' ? $answer : $change($answer);

		return [
			'it cannot reach itself' => [
				fn () => ['status' => 0, 'headers' => [], 'body' => '', 'error' => 'no route'],
				['reachable' => false],
			],
			'getfile/ticket is a page' => [
				fn () => ['status' => 200, 'headers' => [], 'body' => '<html>', 'error' => ''],
				['tickets' => false],
			],
			'Authorization is dropped' => [fn ($answer, $method, $headers) => $answer, ['authorization' => false]],
			'the header for the web server is passed on' => [
				$onRead(
					fn ($answer) => ['status' => 200, 'body' => '', 'headers' => ['x-accel-redirect' => '/x']]
					+ $answer,
				),
				['ranges' => false],
			],
			'ranges are ignored' => [
				$onRead(fn ($answer) => ['status' => 200, 'body' => 'the bytes'] + $answer),
				['ranges' => false],
			],
			'another byte' => [$onRead(fn ($answer) => ['body' => 'X'] + $answer), ['ranges' => false]],
			'compressed' => [
				$onRead(
					fn ($answer) => [
						'body' => "\x1f\x8b",
						'headers' => ['content-encoding' => 'gzip'] + $answer['headers'],
					] + $answer,
				),
				['ranges' => false],
			],
			'sniffing is allowed' => [
				$onRead(
					fn ($answer) => ['headers' => array_diff_key($answer['headers'], ['x-content-type-options' => 1])]
					+ $answer,
				),
				['ranges' => true, 'headers' => false],
			],
		];
	}

	/** @dataProvider ways */
	#[DataProvider('ways')]
	public function test_what_keeps_owners_programs_out_is_found(Closure $way, array $expected, string $words): void
	{
		$this->way = $way;
		$found = $this->examine(fn ($answer) => $answer, $findings);
		$this->assertSame($expected, array_intersect_key($found, ['doors' => 1, 'methods' => 1, 'bodies' => 1]));
		$said = array_column(array_filter($findings, fn ($one) => isset($expected[$one['check']])), null, 'check');
		$this->assertStringContainsString($words, implode("\n", array_column($said, 'finding')));
		foreach ($said as $one) {
			$this->assertSame($one['ok'] !== true, $one['remedy'] !== '', $one['check']);
		}
	}

	public static function ways(): array
	{
		$page = fn (int $status) => ['status' => $status, 'headers' => [], 'body' => '<html>', 'error' => ''];
		$limit = fn (int $most) => fn ($answer, $method, $names, $length) => $length > $most ? $page(413) : $answer;
		$without = fn ($answer, $method, $names) => match ($names['x-http-method-override'] ?? $method) {
			$method => $answer,
			default => ['headers' => ['filesync-error' => 'method_wrong'], 'status' => 405] + $answer,
		};

		return [
			'another page' => [fn () => $page(404), ['doors' => false], 'status 404'],
			'a page with 200' => [fn () => $page(200), ['doors' => false], 'do not reach filesync'],
			'nobody answers' => [fn () => ['status' => 0] + $page(0), [], ''],
			'PATCH is refused' => [
				fn ($answer, $method) => $method === 'PATCH' ? $page(403) : $answer,
				['doors' => true, 'methods' => true, 'bodies' => true],
				'PATCH with status 403, and programs send POST instead',
			],
			'and so is what stands for it' => [
				fn ($answer, $method, $names) => $method === 'PATCH' ? $page(501) : $without($answer, $method, $names),
				['doors' => true, 'methods' => false, 'bodies' => true],
				'drops the header X-HTTP-Method-Override',
			],
			'requests of 1 MiB' => [
				$limit(1 << 20),
				['doors' => true, 'methods' => true, 'bodies' => true],
				'requests of 1024 KiB arrive',
			],
			'requests of 64 KiB' => [
				$limit(100_000),
				['doors' => true, 'methods' => true, 'bodies' => false],
				'requests of 64 KiB arrive',
			],
			'hardly any requests' => [
				$limit(1000),
				['doors' => true, 'methods' => true, 'bodies' => false],
				'no requests of 16 KiB',
			],
		];
	}

	public function test_doors_that_the_admin_closed_are_left_alone(): void
	{
		Config::set('restore_door', '0');
		$found = $this->examine(fn ($answer) => $answer);
		$this->assertSame(
			['doors' => true],
			array_intersect_key($found, ['doors' => 1, 'methods' => 1, 'bodies' => 1]),
		);
		Config::set('backup_door', '0');
		$found = $this->examine(fn ($answer) => $answer);
		$this->assertSame([], array_intersect_key($found, ['doors' => 1, 'methods' => 1, 'bodies' => 1]));
	}

	/** @dataProvider faults */
	#[DataProvider('faults')]
	public function test_each_fault_of_the_hub_is_found(Closure $break, array $expected, string $words): void
	{
		$break($this);
		$found = $this->examine(fn ($answer) => $answer, $findings);
		$this->assertSame($expected, array_intersect_key($found, $expected), json_encode($findings));
		$said = array_values(array_filter(
			$findings,
			fn ($one) => isset($expected[$one['check']]) || array_key_exists($one['check'], $expected),
		));
		$this->assertStringContainsString($words, implode("\n", array_column($said, 'finding')));
		$this->assertNotContains('', array_column(array_filter($said, fn ($one) => $one['ok'] !== true), 'remedy'));
	}

	public static function faults(): array
	{
		$transfer = fn ($test, $due, $size = 3) => [
			$test->receive($test->file('f9', str_repeat('x', 3))),
			dbq("UPDATE filesync_transfer SET next_at = $due, size_bytes = $size WHERE hash = 'f9'"),
		];

		return [
			'a hook is missing' => [
				fn () => dbq("DELETE FROM hook WHERE hook = 'cron' AND file like 'addon/filesync/%'"),
				['registered' => false],
				'hook cron',
			],
			'the page for the admin is missing' => [
				fn () => dbq("UPDATE addon SET plugin_admin = 0 WHERE aname = 'filesync'"),
				['registered' => false],
				'its page for the admin',
			],
			'it is not installed' => [
				fn () => dbq("DELETE FROM addon WHERE aname = 'filesync'"),
				['registered' => false],
				'not installed',
			],
			'it is not switched on' => [
				fn () => set_config('system', 'addon', 'skeleton'),
				['registered' => false],
				'not switched on',
			],
			'the hub has changed' => [
				fn () => dbq('ALTER TABLE outq RENAME COLUMN outq_posturl TO outq_url'),
				['assumptions' => false],
				'outq.outq_posturl',
			],
			'a table is missing' => [fn () => dbq('DROP TABLE filesync_kept'), ['tables' => false], 'filesync_kept'],
			'a column is missing' => [
				fn () => dbq('ALTER TABLE filesync_peer DROP COLUMN rung'),
				['tables' => false],
				'filesync_peer.rung',
			],
			'tables are behind' => [fn () => set_config('filesync', 'schema', 2), ['tables' => false], 'step 2'],
			'there is no room' => [
				fn () => Config::set('headroom_bytes', '900000000000000000'),
				['space' => false],
				'are free',
			],
			'there is no room for what comes' => [
				fn ($test) => $transfer($test, time(), 900000000000000000),
				['space' => false],
				'are still to arrive',
			],
			'cron stands still' => [
				fn () => Config::set('cron_at', (string) (time() - 7200), 'state'),
				['cron' => false],
				'last ran',
			],
			'cron never ran' => [
				fn () => [Config::clear('cron_at', 'state'), dbq('UPDATE addon SET tstamp = ' . (time() - 7200))],
				['cron' => false],
				'has not run',
			],
			'cron had no turn yet' => [
				fn () => [Config::clear('cron_at', 'state'), dbq('UPDATE addon SET tstamp = ' . time())],
				['cron' => null],
				'has not run',
			],
			'nobody works' => [fn ($test) => $transfer($test, time() - 7200), ['workers' => false], '0 of 2 workers'],
			'the disk failed' => [
				fn () => FileSync\Addon\Transfer\Queue::pause('no room'),
				['paused' => false],
				'no room',
			],
			'another addon imports' => [
				function () {
					mkdir('addon/hzfiles');
					file_put_contents(
						'addon/hzfiles/helper.php',
						'<?php function hzfiles_import($channel, $files) { return sync_files($channel, $files); }',
					);
					dbq("INSERT INTO addon (aname, installed, tstamp, plugin_admin) VALUES ('hzfiles', 1, 0, 0)");
				},
				['addons' => null],
				'hzfiles',
			],
			'the clone is away' => [
				fn ($test) => $test->clone = ['info' => null, 'clock' => null, 'error' => 'no answer'],
				['clone' => false],
				'no answer',
			],
			'a row that the channel did not sign' => [
				fn ($test) => Maker::hubloc(['prvkey' => null] + InProcess::$identity, 'https://far.example', 'alice'),
				['locations' => false, 'clone' => true],
				'lives at https://far.example',
			],
			"this hub's own row is damaged" => [
				fn ($test) => Table::update('hubloc', ['hubloc_url_sig' => 'x'], ['hubloc_url' => z_root()]),
				['locations' => false, 'clone' => true],
				'lives at http://127.0.0.1:9000',
			],
			'the clone is on a private network' => [
				fn ($test) => [Config::clear('allow_private_addresses'), $test->clone['private'] = true],
				['clone' => true, 'address' => false],
				'private address',
			],
			'the clone has another clock' => [
				fn ($test) => $test->clone['clock'] = 400,
				['clone' => true, 'clock' => false],
				'400 s ahead',
			],
			'the web server runs another version' => [
				fn ($test) => $test->probe['version'] = '0.0.9',
				['addon-web' => false],
				'0.0.9',
			],
			'the web server lacks the extension' => [
				fn ($test) => $test->probe['problem'] = 'the PHP extension filesync is not loaded',
				['extension-web' => false],
				'not loaded',
			],
			'the web server runs files that were replaced' => [
				fn ($test) => $test->probe['outdated'] = true,
				['addon-web' => false],
				'have been replaced',
			],
			'the web server lacks a function' => [
				fn ($test) => $test->probe['missing'] = ['link'],
				['php-web' => false],
				'in the web server: PHP functions are missing: link',
			],
			'the web server lacks an extension of the hub' => [
				fn ($test) => $test->probe['extensions'] = ['bcmath or gmp'],
				['php-web' => false],
				'in the web server: the hub needs PHP extensions that are missing: bcmath or gmp',
			],
			'the command line lacks extensions of the hub' => [
				fn () => file_put_contents(
					'composer.json',
					'{"require": {"php": ">=8", "ext-json": "*", "ext-nowhere": "*"}}',
				),
				['php' => false, 'php-web' => false],
				'the hub needs PHP extensions that are missing: nowhere',
			],
			'no channel is served' => [
				fn () => Config::set('enabled', '0', 'channel:1'),
				['serving' => null],
				'serves no channel',
			],
			'its memory is small' => [
				fn ($test) => $test->probe['memory_limit'] = '32M',
				['memory-web' => false],
				'32M',
			],
			'sources are handed out' => [
				fn ($test) => $test->plain = fn ($path) => [
					'status' => 200,
					'body' => str_ends_with($path, '.php') ? "<?php\n" : '',
				],
				['source' => false],
				'Queue.php',
			],
			'the store is open' => [
				fn ($test) => $test->plain = fn ($path) => [
					'status' => 200,
					'body' => (string) @file_get_contents(rawurldecode(substr($path, 1))),
				],
				['private' => false],
				'store',
			],
		];
	}

	public function test_a_channel_folder_that_may_not_be_written_is_found(): void
	{
		if (posix_geteuid() === 0) {
			// Whoever may write everywhere is told at least that somebody else owns the folder.
			chown('store', 65534);
			$this->assertNull($this->examine(fn ($answer) => $answer)['user']);
			chown('store', 0);
			return;
		}
		chmod('store/alice', 0500);
		$this->assertFalse($this->examine(fn ($answer) => $answer)['store']);
		chmod('store/alice', 0700);
	}

	public function test_whether_who_runs_the_hub_may_change_the_addon_is_told(): void
	{
		$isRoot = posix_geteuid() === 0;
		if ($isRoot) {
			chown('store', 65534);
			$this->assertTrue($this->examine(fn ($answer) => $answer)['code']);
			chown('addon', 65534);
		}
		$this->assertNull($this->examine(fn ($answer) => $answer, $findings)['code']);
		$code = array_column($findings, null, 'check')['code'];
		$this->assertStringContainsString('/addon', $code['finding']);
		$this->assertStringContainsString('chown root:', $code['remedy']);
		set_config('system', 'addon', 'skeleton');
		$this->examine(fn ($answer) => $answer, $findings);
		$this->assertStringContainsString(
			'sudo -u ' . posix_getpwuid(fileowner('store'))['name'] . ' php util/addons install',
			array_column($findings, null, 'check')['registered']['remedy'],
		);
		if ($isRoot) {
			chown('store', 0);
			chown('addon', 0);
		}
	}

	public function test_files_that_went_missing_or_changed_are_named(): void
	{
		$copy = sys_get_temp_dir() . '/addon-' . getmypid();
		exec('cp -r ' . escapeshellarg(realpath('addon/filesync')) . ' ' . escapeshellarg($copy));
		unlink('addon/filesync');
		rename($copy, 'addon/filesync');
		exec(
			'cd addon/filesync && find . -type f | sed "s,^./,," | LC_ALL=C sort | xargs sha256sum > ../MANIFEST && mv ../MANIFEST .',
		);
		$this->assertTrue($this->filesFinding()['ok']);
		unlink('addon/filesync/Receive/Undo.php');
		file_put_contents('addon/filesync/Revision/Kept.php', "\n", FILE_APPEND);
		$found = $this->filesFinding();
		$this->assertSame(false, $found['ok']);
		$this->assertStringContainsString('Receive/Undo.php (missing), Revision/Kept.php (changed)', $found['finding']);

		unlink('addon/filesync/overrides/hubzilla.php');
		exec(
			escapeshellarg(PHP_BINARY)
			. ' -r '
			. escapeshellarg('require "include/cli_startup.php"; cli_startup(); echo "alive";')
			. ' 2>&1',
			$lines,
		);
		$this->assertStringContainsString('alive', implode("\n", $lines));
		$lost = array_column(json_decode(exec(self::cli() . ' doctor --json --only overrides'), true), null, 'check');
		$this->assertFalse($lost['overrides']['ok']);
	}

	private function filesFinding(): array
	{
		return json_decode(exec(self::cli() . ' doctor --json --only files'), true)[0];
	}

	public function test_the_command_says_it_and_its_status_too(): void
	{
		exec(self::cli() . ' doctor --json', $lines, $status);
		$findings = array_column(json_decode($lines[0], true), null, 'check');
		$this->assertSame([1, false], [$status, $findings['extension']['ok']]);
		$this->assertStringContainsString('not loaded', $findings['extension']['finding']);
		exec(self::cli() . ' doctor --only hub,tables', $two, $status);
		$this->assertSame([0, 2], [$status, count($two)]);
		exec(self::cli() . ' doctor --only hub,paused,ranges', $three, $status);
		$this->assertSame([0, 5], [$status, count($three)], 'each named check says something');
		$this->assertStringContainsString('?     paused         this check had nothing to say', implode("\n", $three));
		$this->assertStringContainsString('?     ranges         this check had nothing to say', implode("\n", $three));
		foreach (['doctor --only Hub', 'doctor --only hub --assumptions'] as $wrong) {
			exec(self::cli() . " $wrong 2>&1 >/dev/null", $said, $status);
			$this->assertSame(2, $status, $wrong);
		}
		dbq('ALTER TABLE filesync_setting RENAME TO away');
		exec(self::cli() . ' doctor', $said, $status);
		$this->assertStringContainsString('tables are missing: filesync_setting', implode("\n", $said));
		dbq('ALTER TABLE away RENAME TO filesync_setting');
		Config::set('enabled', '0');
		$nobody = fn () => $this->fail('nothing is asked');
		$this->assertNull(array_column((new Doctor($nobody, $nobody))->examine(), 'ok', 'check')['serving']);
	}

	public function test_where_files_are_not_served_no_ticket_is_missed(): void
	{
		$this->rename('zotinfo', 'Zotlabs/Lib/Libzot.php');
		$found = $this->examine(
			fn () => ['status' => 200, 'headers' => [], 'body' => '<html>', 'error' => ''],
			$findings,
		);
		$this->assertSame([false, null], [$found['assumptions'], $found['serving']]);
		$this->assertArrayNotHasKey('tickets', $found);
		$this->assertTrue($found['source'] && $found['reachable']);
		$this->assertStringContainsString(
			'without serving files here',
			array_column($findings, 'finding', 'check')['serving'],
		);
	}

	public function test_where_filesync_does_without_every_part_nothing_more_is_tried(): void
	{
		$this->rename('daemon_addon', 'Zotlabs/Daemon/Addon.php');
		$nobody = fn () => $this->fail('nothing is asked');
		$found = array_column((new Doctor($nobody, $nobody))->examine(), null, 'check');
		$this->assertSame([true, false, null], array_map(
			fn ($check) => $found[$check]['ok'],
			['hub', 'assumptions', 'serving'],
		));
		$this->assertStringEndsWith('doctor --assumptions', $found['serving']['remedy']);
	}

	public function test_what_fails_where_the_hub_differs_is_not_laid_to_a_missing_file_of_ours(): void
	{
		$this->rename('zotinfo', 'Zotlabs/Lib/Libzot.php');
		$findings = new Findings();
		Look::again();
		$findings->attempt('test', fn () => throw new Error('Call to undefined function x()'));
		$this->assertStringEndsWith('doctor --assumptions', $findings->all()[0]['remedy']);
	}

	public function test_who_takes_the_place_of_filesync_in_the_web_server_is_named(): void
	{
		$this->probe = ['takers' => ['Zotlabs\Lib\sync_files' => 'addon/other/other.php:3']];
		$found = $this->examine(fn ($answer) => $answer, $findings);
		$this->assertFalse($found['overrides-web']);
		$this->assertStringContainsString(
			'Zotlabs\Lib\sync_files (addon/other/other.php:3)',
			array_column($findings, 'finding', 'check')['overrides-web'],
		);
	}

	/** Lets this hub call a hook by another name. */
	private function rename(string $hook, string $file): void
	{
		$core = realpath('Zotlabs');
		unlink('Zotlabs');
		exec('cp -r ' . escapeshellarg($core) . ' Zotlabs');
		$code = file_get_contents($file);
		$this->assertStringContainsString("'$hook'", $code);
		file_put_contents($file, str_replace("'$hook'", "'renamed'", $code));
	}

	public function test_the_list_of_checks_names_each_that_the_doctor_has_and_no_other(): void
	{
		$names = [];
		foreach (glob(dirname(__DIR__, 2) . '/php/Doctor/*.php') as $file) {
			preg_match_all(
				"/(?:note|attempt|memory|lacks|taken)\(\s*(?:\\\$findings,\s*)?'([a-z-]+)'/",
				file_get_contents($file),
				$found,
			);
			$names = [...$names, ...$found[1]];
		}
		$this->assertEqualsCanonicalizing(Findings::CHECKS, array_unique($names));
		$this->assertSame(array_unique(Findings::CHECKS), Findings::CHECKS);
	}

	/** Examines this hub, whose web server answers as it is changed to; returns what is right by check. */
	private function examine(Closure $change, ?array &$findings = null): array
	{
		$isDropped = (new ReflectionFunction($change))->getNumberOfParameters() === 3;
		$findings = (new Doctor(
			function (string $method, string $path, array $headers, string $body = '') use ($change, $isDropped) {
				$names = [];
				foreach ($headers as $line) {
					[$name, $value] = explode(': ', $line, 2);
					$names[strtolower($name)] = $value;
				}
				if (str_starts_with($path, '/filesync/v1')) {
					$request = new Request($method, explode('/', ltrim($path, '/')), $names);
					$response = Doors::answer($request);
					$answer = [
						'status' => $response->status,
						'headers' => array_change_key_case($response->headers),
						'body' => $response->body,
						'error' => '',
					];

					return $this->way ? ($this->way)($answer, $method, $names, strlen($body)) : $answer;
				}
				if (! str_starts_with($path, '/getfile/')) {
					return (
						($this->plain ? ($this->plain)($path) : ['status' => 404, 'body' => ''])
						+ ['headers' => [], 'error' => '']
					);
				}
				$request = new Request(
					$method,
					explode('/', ltrim($path, '/')),
					$isDropped ? array_diff_key($names, ['authorization' => 1]) : $names,
					[],
					$body,
				);
				$response = Serve::answer($request);
				$file = $response->file;
				$bytes = $file
					? file_get_contents(
						$file['root'] . '/' . $file['path'],
						false,
						null,
						$file['offset'],
						$file['length'],
					)
					: $response->body;
				$answer = [
					'status' => $response->status,
					'headers' => array_change_key_case($response->headers),
					'body' => $method === 'HEAD' ? '' : $bytes,
					'error' => '',
				];

				if ($this->probe && $method === 'POST') {
					$said = json_decode($answer['body'], true);
					$answer['body'] = json_encode(['probe' => $this->probe + $said['probe']] + $said);
				}

				return $change(...array_slice(
					[$answer, $method, $headers],
					0,
					(new ReflectionFunction($change))->getNumberOfParameters(),
				));
			},
			fn () => $this->clone,
		))->examine();
		$this->assertSame([], array_diff(array_column($findings, 'check'), Findings::CHECKS));

		return array_column($findings, 'ok', 'check');
	}
}
