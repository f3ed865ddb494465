<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;

/** I2: what a received delete removes is kept for a while, and nothing is told to others. */
final class DeletionTest extends AddonTestCase
{
	public function test_a_deleted_file_is_kept_and_nothing_is_echoed(): void
	{
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'small', 4 => 'crop']));
		$this->work();
		foreach ([['photo', 1], ['attach', 0]] as $n => [$type, $hidden]) {
			item_store([
				'uid' => 1,
				'aid' => 1,
				'uuid' => "u$n",
				'mid' => "m$n",
				'parent_mid' => "m$n",
				'resource_type' => $type,
				'resource_id' => 'p1',
				'item_hidden' => $hidden,
				'item_wall' => 1,
				'author_xchan' => $this->channel->hash,
				'owner_xchan' => $this->channel->hash,
			]);
		}
		// A 10 tells the clones of every post.
		dbq('delete from outq');
		dbq('delete from workerq');
		$this->receive($this->deletion('p1'));
		$this->assertNull($this->attach('p1'));
		$this->assertSame([], Table::select('photo', []));
		$this->assertSame([], Table::select('item', ['item_deleted' => 0]));
		$this->assertSame([], glob('store/alice/*'));
		$this->assertEqualsCanonicalizing(['original', 'crop'], $this->kept());
		$this->assertSame([], dbq('select * from outq'));
		$this->assertSame([], $this->jobs('Deliver'));
		$this->assertSame([], $this->jobs('Notifier'));
	}

	/** A post that the hub does not drop stays linked, and is tried again, unless the file is back. */
	public function test_a_post_that_the_hub_did_not_drop_is_tried_again(): void
	{
		$links = fn () => array_map(
			fn ($row) => [$row['resource_id'], (int) $row['item_deleted']],
			Table::select('item', ['mid' => ['m1', 'm2']], 'id'),
		);
		foreach (['f1', 'f2'] as $n => $hash) {
			$this->receive($this->file($hash, 'bytes'));
			item_store([
				'uid' => 1,
				'aid' => 1,
				'uuid' => "u$n",
				'mid' => 'm' . ($n + 1),
				'parent_mid' => 'm' . ($n + 1),
				'resource_type' => 'attach',
				'resource_id' => $hash,
				'author_xchan' => $this->channel->hash,
				'owner_xchan' => $this->channel->hash,
			]);
		}
		$this->work();
		$back = $this->attach('f2');
		Zotlabs\Extend\Hook::insert('drop_item', 'DeletionTest::refuse');
		$this->receive($this->deletion('f1'), $this->deletion('f2'));
		$this->assertSame([null, null], [$this->attach('f1'), $this->attach('f2')]);
		$this->assertSame([['f1', 0], ['f2', 0]], $links());
		$this->assertSame(
			['f1', 'f2'],
			array_column(Table::select('filesync_outbox', ['kind' => 'drop'], 'name'), 'name'),
		);
		Fake\Clock::$ahead = 90;
		$this->work();
		$this->assertSame([['f1', 0], ['f2', 0]], $links());
		unset(App::$hooks['drop_item']);
		Table::insert('attach', $back);
		Fake\Clock::$ahead = 1000;
		$this->work();
		$this->assertSame([['', 1], ['f2', 0]], $links());
		$this->assertSame(0, Table::count('filesync_outbox', ['kind' => 'drop']));
	}

	public static function refuse(): void
	{
		throw new RuntimeException('an addon refuses');
	}

	public function test_a_folder_goes_with_all_beneath_and_with_what_was_to_arrive_in_it(): void
	{
		$this->receive(
			$this->file('f1', 'one', [], ['d1' => 'A', 'd2' => 'B']),
			$this->file('f2', 'two', [], ['d1' => 'A']),
		);
		$this->work();
		$this->receive($this->file('f3', 'three', [], ['d1' => 'A', 'd2' => 'B']));
		$this->receive($this->deletion('d1'));
		$this->assertSame([], Table::select('attach', []));
		$this->assertNull($this->transfer('f3'));
		$this->assertEqualsCanonicalizing(['one', 'two'], $this->kept());
		$this->work();
		$this->assertSame([], Table::select('attach', []));
	}

	public function test_a_folder_with_too_much_beneath_waits_for_a_person(): void
	{
		$this->receive($this->file('f1', 'one', [], ['d1' => 'A']), $this->file('f2', 'two', [], ['d1' => 'A']));
		$this->work();
		Config::set('delete_max_files', '1');
		$this->receive($this->deletion('d1'));
		$this->assertSame(['one', 'two'], [$this->shown('f1'), $this->shown('f2')]);
		$this->assertEquals(
			['state' => 'held', 'what' => 'deleted', 'files' => 2],
			Table::first('filesync_held', ['hash' => 'd1'], '', 'state, what, files'),
		);
		Table::delete('filesync_held', ['uid' => 1]);
		Config::set('delete_max_files', '10');
		Config::set('kept_max_bytes', '5');
		$this->receive($this->deletion('d1'));
		$this->assertSame(['one', 1], [$this->shown('f1'), Table::count('filesync_held', ['hash' => 'd1'])]);
	}

	public function test_many_deletes_within_a_day_wait_for_a_person_who_agrees(): void
	{
		Config::set('delete_max_files', '2');
		foreach (['f1', 'f2', 'f3', 'f4'] as $hash) {
			$this->receive($this->file($hash, "bytes of $hash"));
		}
		$this->work();
		$this->receive($this->deletion('f1'), $this->deletion('f2'), $this->deletion('f3'), $this->deletion('f4'));
		$this->assertSame([null, null, 'bytes of f3', 'bytes of f4'], array_map($this->shown(...), [
			'f1',
			'f2',
			'f3',
			'f4',
		]));
		$waiting = array_map(
			fn ($line) => json_decode($line, true),
			explode("\n", trim($this->runVerb('packets', '--json')[1])),
		);
		$this->assertSame([['2 files wait for approval'], 1], [array_column($waiting, 'reason'), count($waiting)]);
		$this->assertMatchesRegularExpression(
			'/^127\.0\.0\.1:9001 deleted 4 files \(44 B\) since \d\d:\d\d UTC$/',
			$waiting[0]['about'],
		);
		$this->assertSame(0, $this->runVerb('packets', 'accept', substr($waiting[0]['id'], 0, 12))[0]);
		$this->assertSame([null, null, "no packet is waiting\n"], [
			$this->shown('f3'),
			$this->shown('f4'),
			$this->runVerb('packets')[1],
		]);
		$this->assertEqualsCanonicalizing(['bytes of f1', 'bytes of f2', 'bytes of f3', 'bytes of f4'], $this->kept());
		Table::update('filesync_kept', ['created' => time() - 90000], ['uid' => 1]);
		$this->receive($this->file('f5', 'bytes of f5'));
		$this->work();
		$this->receive($this->deletion('f5'));
		$this->assertNull($this->shown('f5'), 'a new day');
	}

	public function test_what_a_person_refuses_to_delete_is_given_back_to_the_clone_that_deleted_it(): void
	{
		Config::set('delete_max_files', '0');
		$this->receive($this->file('f1', 'one', [], ['d1' => 'A']));
		$this->work();
		$this->receive($this->deletion('d1'));
		$this->sent();
		$this->assertSame(0, $this->runVerb('packets', 'dismiss', 'all')[0]);
		$this->assertSame('one', $this->shown('f1'));
		$sent = [];
		foreach ($this->sent() as $entry) {
			$sent[end($entry['attach'])['hash']] = $entry['filesync']['revision']['bytes']['seen'] ?? null;
		}
		$this->assertEqualsCanonicalizing(['d1', 'f1'], array_keys($sent));
		$this->assertNotEmpty($sent['f1']);
		$this->assertSame([0, "no packet is waiting\n"], $this->runVerb('packets'));
	}

	public function test_a_delete_twice_and_of_what_is_not_here_is_harmless(): void
	{
		$this->receive($this->file('f1', 'one'));
		$this->receive($this->deletion('f1'), $this->deletion('f1'), $this->deletion('never-here'));
		$this->assertNull($this->transfer('f1'));
		$this->work();
		$this->assertNull($this->attach('f1'));
	}

	public function test_kept_bytes_have_an_age_and_a_size_bound(): void
	{
		foreach (['f1', 'f2', 'f3'] as $n => $hash) {
			$this->receive($this->file($hash, str_repeat('x', 10)));
			$this->work();
			$this->receive($this->deletion($hash));
			Table::update('filesync_kept', ['created' => time() - (86400 * (20 - $n)) + 3600], ['hash' => $hash]);
		}
		Config::set('kept_max_bytes', '25');
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertSame(['f2', 'f3'], array_column(Table::select('filesync_kept', [], 'hash'), 'hash'));
		Config::set('kept_days', '18');
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertSame(['f3'], array_column(Table::select('filesync_kept', []), 'hash'));
		$this->assertCount(1, glob('store/*data*/filesync/1/kept/*'));
	}
}
