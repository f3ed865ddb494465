<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Tested;
use FileSync\Addon\Send\Announcement;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;

/** I9: a stock clone never hears of what is not whole here, nor of what it told us itself. */
final class SendTest extends AddonTestCase
{
	public function test_a_file_on_its_way_is_not_exported_and_is_announced_once_it_is_here(): void
	{
		$this->receive($this->file('f1', 'old'));
		$this->work();
		$this->assertCount(1, $this->sent('f1'));
		$this->receive($this->file('f1', 'new!', ['edited' => '2024-06-01 10:00:00']));
		foreach (['Zotlabs\Module', 'Zotlabs\Storage', 'Zotlabs\Daemon'] as $namespace) {
			$this->assertSame([], ($namespace . '\attach_export_data')($this->channel->row(), 'f1'));
		}
		$this->assertSame([], $this->sent());
		$this->work();
		$this->assertSame([4], array_map(fn ($entry) => (int) $entry['attach'][0]['filesize'], $this->sent()));
	}

	/** The clone that lost the version that is here would have none, for as long as the newer one does not come. */
	public function test_while_a_newer_version_cannot_be_had_a_clone_that_compares_is_given_the_one_that_is_here(): void
	{
		$this->receive($this->file('f1', 'old'));
		$this->work();
		$given = fn () => Announcement::state($this->channel, 'f1', false);
		$vector = $given()['filesync']['revision']['bytes']['seen'];
		$this->receive($this->file('f1', 'newer', ['edited' => '2024-06-01 10:00:00']));
		TransferBatch::$answers['f1-0'] = ['kind' => 'PeerBusy', 'temporary' => true, 'message' => 'not yet'];
		$sent = count($this->sent());
		for ($try = 1; $try < 5; $try++) {
			$this->work();
			$this->assertNull($given(), "after $try tries");
			Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
		}
		$this->work();
		$this->assertEquals([3, $vector], [
			(int) $given()['attach'][0]['filesize'],
			$given()['filesync']['revision']['bytes']['seen'],
		]);
		foreach (['Corrupt', 'quota'] as $kind) {
			Table::update('filesync_transfer', ['state' => 'parked', 'kind' => $kind], ['hash' => 'f1', 'scale' => 0]);
			$this->assertSame(3, (int) $given()['attach'][0]['filesize'], $kind);
		}
		// A hub without filesync would take it over a newer version that it has.
		$this->assertCount($sent, $this->sent());
		$this->receive($this->file('f2', 'has never been here'));
		Table::update('filesync_transfer', ['state' => 'parked', 'kind' => 'Corrupt'], ['hash' => 'f2']);
		$this->assertNull(Announcement::state($this->channel, 'f2', false));
	}

	public function test_the_repair_of_an_attachments_access_while_receiving_sends_nothing_and_dates_nothing(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$entry = $this->file('f1', 'bytes');
		$entry['item'] = [$this->item('m1', 'm1', [
			'body' => 'see [attachment]f1,0[/attachment]',
			'allow_cid' => '<friend>',
		])];
		$this->receive($entry);
		$this->assertSame('m1', Table::first('item', [])['mid']);
		$this->assertSame(['<friend>', '2024-05-01 10:00:00'], [
			$this->attach('f1')['allow_cid'],
			$this->attach('f1')['edited'],
		]);
		$this->assertSame([], dbq('select * from outq'));
		$this->receive($this->file('f1', 'overwritten', ['edited' => '2024-05-03 10:00:00']));
		$this->work();
		$this->assertSame('overwritten', $this->shown('f1'));
	}

	public function test_items_that_core_cannot_store_now_are_tried_again(): void
	{
		$entry = $this->file('f1', 'bytes');
		$entry['item'] = [['owner' => ['network' => 'zot6'], 'revision' => 0]];
		dbq('ALTER TABLE xchan RENAME TO aside');
		$this->receive($entry);
		dbq('ALTER TABLE aside RENAME TO xchan');
		$this->assertNotNull($this->transfer('f1'));
	}

	public function test_unknown_versions_are_left_alone(): void
	{
		foreach ([
			'7.8' => true,
			'8.8.7' => true,
			'8.9.3' => true,
			'7.2.2' => false,
			'9.0' => false,
			'10.3.43' => false,
			'23.07.01' => false,
			'' => false,
		] as $version => $known) {
			$this->assertSame($known, Tested::has((string) $version), (string) $version);
		}
	}

	/** @dataProvider switches */
	#[DataProvider('switches')]
	public function test_switched_off_or_without_its_tables_the_hub_is_stock(Closure $switchOff): void
	{
		$switchOff();
		$this->receive($this->file('f1', 'bytes'));
		$this->assertSame('f1', $this->attach('f1')['hash'], 'core stored the row at once');
		$this->assertStringContainsString('attachment store failed', file_get_contents('hub.log'));
	}

	public static function switches(): array
	{
		return [
			'site' => [fn () => Config::set('enabled', '0')],
			'channel' => [fn () => Config::set('enabled', '0', 'channel:1')],
			'tables' => [
				fn () => array_map(fn ($table) => dbq("DROP TABLE $table"), FileSync\Addon\Schema\Migrations::tables()),
			],
		];
	}

	public function test_hooks_that_went_missing_come_back(): void
	{
		dbq("DELETE FROM hook WHERE hook = 'cron'");
		sys_boot();
		$this->assertCount(1, dbq("select * from hook where hook = 'cron' and file = 'addon/filesync/filesync.php'"));
		unload_plugin('filesync');
		$this->assertSame([], dbq("select * from hook where file = 'addon/filesync/filesync.php'"));
	}

	public function test_without_the_extension_packets_are_accepted_and_wait(): void
	{
		$folder = TestHub\InProcess::$folder;
		file_put_contents("$folder/packet.json", json_encode([$this->file('f1', 'bytes')]));
		$script =
			'require "boot.php"; sys_boot(); Zotlabs\Lib\sync_files(channelx_by_n(1), json_decode(file_get_contents("packet.json"), true));'
			. '$job = ["Addon", "filesync", "work", "x"]; call_hooks("daemon_addon", $job);';
		exec(escapeshellarg(PHP_BINARY) . ' -r ' . escapeshellarg($script) . ' 2>&1', $output, $code);
		$this->assertSame([0, []], [$code, $output]);
		$this->assertSame('staged', $this->transfer('f1')['state']);
		exec(self::cli() . ' status --json', $status, $code);
		$this->assertSame(75, $code);
		$this->assertStringContainsString('not loaded', json_decode($status[0], true)['problem']);
		exec(self::cli() . ' missing', $missing, $code);
		$this->assertStringContainsString('f1.bin', $missing[0]);
	}
}
