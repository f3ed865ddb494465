<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Worker;
use FileSync\TransferBatch;
use TestHub\Maker;

/** What is on its way for one channel takes no more of the disk than the channel may. */
final class UnderWayTest extends AddonTestCase
{
	public function test_what_is_claimed_at_once_stays_within_the_bound_and_the_rest_waits_for_room(): void
	{
		Config::set('under_way_max_bytes', '1000');
		$this->receive($this->file('f1', str_repeat('a', 400)), $this->file('f2', str_repeat('b', 400)), $this->file('f3', str_repeat('c', 400)));
		Table::update('filesync_transfer', ['created' => Config::now() + 1], ['hash' => 'f3']);
		$this->work();
		$this->assertEqualsCanonicalizing(['f1', 'f2'], array_column(TransferBatch::$added, 'hash'));
		$row = $this->transfer('f3');
		$this->assertSame(['waiting', 'Storage', 0], [$row['state'], $row['kind'], (int) $row['attempts']]);
		$this->assertSame('unfinished files of this channel would take 1200 bytes on disk, and may take 1000 (under_way_max_bytes)', $row['reason']);
		Table::update('filesync_transfer', ['next_at' => 0], ['hash' => 'f3']);
		$this->work();
		$this->assertSame(str_repeat('c', 400), $this->shown('f3'));
	}

	public function test_what_arrived_of_other_files_counts_as_it_lies_on_disk(): void
	{
		Config::set('under_way_max_bytes', '100000');
		$this->receive($this->file('f1', str_repeat('a', 60000)));
		file_put_contents('store/[data]/filesync/1/other-0.1.partial', str_repeat('x', 60000));
		$this->work();
		$this->assertSame(['waiting', []], [$this->transfer('f1')['state'], TransferBatch::$added]);
		// A hole takes no room.
		ftruncate($file = fopen('store/[data]/filesync/1/other-0.1.partial', 'w'), 60000);
		fclose($file);
		clearstatcache();
		Table::update('filesync_transfer', ['next_at' => 0], []);
		$this->work();
		$this->assertNotNull($this->shown('f1'));
	}

	public function test_a_claim_of_most_of_the_disk_waits_and_takes_no_other_channels_room(): void
	{
		$bob = Maker::channel(Maker::identity('bob', 2048), 'bob');
		Maker::hubloc(['hash' => $bob['channel_hash'], 'guid' => $bob['channel_guid'], 'guid_sig' => ''], self::ORIGIN, 'bob');
		$this->receive($this->file('huge', 'x', ['filesize' => 7 << 37]), $this->file('small', 'y'));
		Zotlabs\Lib\sync_files($bob, [['original_channel' => 'bob'] + $this->file('his', 'z', ['filesize' => 1])]);
		$this->work();
		$this->assertSame(['waiting', 'y'], [$this->transfer('huge')['state'], $this->shown('small')]);
		$this->assertStringContainsString('under_way_max_bytes', $this->transfer('huge')['reason']);
		$this->assertSame('z', file_get_contents('store/bob/his'));
	}
}
