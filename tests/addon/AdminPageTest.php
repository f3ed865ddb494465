<?php

use Fake\Page;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Settings;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\AdminPage;
use FileSync\Addon\Transfer\Meter;
use FileSync\TransferBatch;

/** The admin's page describes the state in words, and changes only what an admin of this hub sends from it. */
final class AdminPageTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		Page::$isAdmin = true;
		Page::$isForged = false;
		Page::$said = [];
		$_POST = $_SESSION = [];
	}

	public function test_it_shows_versions_queue_clones_and_errors(): void
	{
		TransferBatch::$answers['gone-0'] = ['kind' => 'NotFound', 'temporary' => false, 'message' => 'status 404'];
		$this->receive($this->file('here', 'the bytes'), $this->file('gone', 'x', ['filename' => "<b>\u{202e}.txt"]));
		TransferBatch::$answers['gone-0'] = ['kind' => 'NotFound', 'temporary' => false, 'message' => 'status 404'];
		$this->work();
		$page = $this->page();
		$this->assertSame([], $page['problems']);
		$this->assertContains(['Addon', Runtime::version()], $page['versions']);
		$this->assertContains(['finished recently', '1', '9 B'], $page['queue']);
		$this->assertSame([['alice', '90 %', '1 of 2 files, 9 B of 10 B', '1 file (stuck: 1)', '']], $page['channels']);
		$this->assertSame(
			['alice', '<b>?.txt', 'no hub has it any more', 'status 404', 'needs attention'],
			array_slice(array_values($page['errors'][0]), 1),
		);
		$this->assertSame(
			array_keys(array_filter(Settings::ALL, fn ($one) => ! isset($one['only']))),
			array_column($page['settings'], 'name'),
		);
		$this->assertStringContainsString(
			"{{\$one.name|escape:'html'}}",
			file_get_contents('addon/filesync/view/tpl/filesync_admin.tpl'),
		);
	}

	public function test_a_channel_is_as_complete_as_its_owner_is_told(): void
	{
		$this->receive($this->file('large', str_repeat('x', 1000)));
		Table::update(
			'filesync_transfer',
			['state' => 'leased', 'token' => 'somebody', 'lease_until' => time() + 60],
			['hash' => 'large'],
		);
		$key = Meter::key($this->transfer('large')['id'], 1);
		Config::set(
			'progress',
			json_encode(['at' => time(), 'rate' => 5, 'rows' => [$key => [500, 5]]]),
			'overview:1',
		);
		$this->assertSame([['alice', '50 %', '0 of 1 file, 500 B of 1000 B', '1 file', '']], $this->page()['channels']);
	}

	public function test_a_stock_clone_is_no_trouble_and_what_the_engine_says_is_behind_a_fold(): void
	{
		$engine = 'unsupported while reading the origin hub\'s reply {url: https://hub.example/getfile/ticket}';
		FileSync\Addon\Peers\Peers::learn([
			'url' => self::ORIGIN,
			'dav' => 'untried',
			'reason' => null,
			'filesync' => 'refused',
			'filesync_reason' => $engine,
		], null);
		Table::insert('filesync_packet', [
			'id' => 'p',
			'uid' => 1,
			'hash' => 'h',
			'state' => 'parked',
			'reason' => $engine,
			'body' => '{}',
			'attempts' => 5,
			'next_at' => 0,
			'created' => 1,
			'updated' => 1,
		]);
		FileSync\Addon\Transfer\Queue::pause($engine);
		$page = $this->page();
		$this->assertSame([self::ORIGIN, 'no', '–', '', $engine], $page['clones'][0]);
		$folds = [$page['clones'][0][4], $page['errors'][0]['details'], $page['problem_details']];
		$this->assertSame([$engine, $engine, $engine], $folds);
		$this->assertSame(3, substr_count(json_encode($page), substr(json_encode($engine), 1, -1)), 'nowhere else');
		preg_match_all(
			'#<details.*?</details>#s',
			file_get_contents('addon/filesync/view/tpl/filesync_admin.tpl'),
			$found,
		);
		foreach (['$row.4', '$one.details', '$problem_details'] as $value) {
			$this->assertCount(1, preg_grep('/' . preg_quote($value) . '/', $found[0]), $value);
		}
	}

	public function test_what_is_being_done_is_no_error(): void
	{
		foreach (['under way: abc', 'Exception: no'] as $n => $reason) {
			Table::insert('filesync_outbox', [
				'id' => str_repeat((string) $n, 64),
				'uid' => 1,
				'kind' => 'announce',
				'name' => 'x',
				'body' => '',
				'state' => 'due',
				'attempts' => 1,
				'next_at' => time() + 60,
				'created' => time(),
				'reason' => $reason,
			]);
		}
		$this->assertSame(
			[['a change could not be sent to the other hubs', 'Exception: no']],
			array_map(fn ($one) => [$one['reason'], $one['details']], $this->page()['errors']),
		);
	}

	public function test_every_value_in_the_markup_is_escaped(): void
	{
		preg_match_all('/\{\{(\$[^}]+)\}\}/', file_get_contents('addon/filesync/view/tpl/filesync_admin.tpl'), $found);
		// Names of settings are ours.
		$this->assertSame(
			['$one.name'],
			array_values(array_unique(array_filter(
				$found[1],
				fn ($value) => ! str_ends_with($value, "|escape:'html'"),
			))),
		);
	}

	public function test_settings_are_saved_and_impossible_ones_named(): void
	{
		$_POST = [
			'filesync_save' => '1',
			'filesync_enabled' => '1',
			'filesync_dav_allowed' => '1',
			'filesync_workers' => ' 4 ',
			'filesync_ranges' => '99',
			'filesync_kept_days' => '30',
			'filesync_x_accel' => 'X-Sendfile',
			'filesync_backup_folder' => '/srv/backup',
			'filesync_excluded' => 'alice, nobody',
		];
		AdminPage::take();
		$this->assertSame('', Config::get('backup_folder'), 'only the command sets it');
		$this->assertSame(['4', '4', '30', 'X-Sendfile', '1'], array_map(fn ($name) => Config::get($name), [
			'workers',
			'ranges',
			'kept_days',
			'x_accel',
			'enabled',
		]));
		$this->assertSame(
			['line' => 'Not saved, invalid value: ranges, nobody', 'is_error' => true],
			$this->page()['left'],
		);
		$this->assertFalse(Config::serves(1));
		$this->assertSame('alice', $this->page()['excluded']);
		$this->assertSame([['alice', 'filesync is switched off', '', '', '']], $this->page()['channels']);

		$_POST = ['filesync_save' => '1', 'filesync_workers' => '2', 'filesync_excluded' => ''];
		AdminPage::take();
		$this->assertSame(['0', '2', ['line' => 'Settings saved.', 'is_error' => false]], [
			Config::get('enabled'),
			Config::get('workers'),
			$this->page()['left'],
		]);
		$this->assertSame([], Config::scopesWhere('workers', '2'));
		$this->assertSame(['filesync is switched off on this hub.'], $this->page()['problems']);
		Config::clear('enabled');
		$this->assertTrue(Config::serves(1));
	}

	public function test_forged_forms_and_others_than_admins_change_nothing(): void
	{
		$_POST = ['filesync_save' => '1', 'filesync_workers' => '4'];
		Page::$isForged = true;
		filesync_plugin_admin_post();
		Page::$isForged = false;
		Page::$isAdmin = false;
		filesync_plugin_admin_post();
		$html = '';
		filesync_plugin_admin($html);
		$this->assertSame(['2', ''], [Config::get('workers'), $html]);
	}

	public function test_what_the_doctor_found_stays_on_the_page(): void
	{
		$this->assertSame(['Not examined yet.', []], [$this->page()['examined'], $this->page()['health']]);
		AdminPage::remember([[
			'check' => 'cron',
			'ok' => false,
			'finding' => 'stands still',
			'remedy' => 'let it run',
		]]);
		$page = $this->page();
		$this->assertStringStartsWith('Examined at 20', $page['examined']);
		$this->assertSame('wrong', $page['health'][0]['mark']);
	}

	public function test_without_tables_or_on_an_unknown_hub_it_still_says_so(): void
	{
		dbq('DROP TABLE filesync_transfer');
		$html = '';
		filesync_plugin_admin($html);
		$this->assertSame('filesync cannot show this page now. The log of this hub says why.', $html);
	}

	private function page(): array
	{
		$html = '';
		filesync_plugin_admin($html);
		$page = json_decode($html, true);

		return array_combine(array_map(fn ($name) => substr($name, 1), array_keys($page)), $page);
	}
}
