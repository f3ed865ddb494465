<?php

use FileSync\Addon\Hub\Begun;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Revision\Revisions;

/** Whoever deletes a file of the owner's, by the hub's own function: it is remembered, and sent once. */
final class DeletedAnywhereTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		$this->receive(
			$this->file('f1', 'one', [], ['d1' => 'A', 'd2' => 'B']),
			$this->file('f2', 'two', [], ['d1' => 'A']),
			$this->file('f3', 'three'),
		);
		$this->work();
		$this->sent();
	}

	protected function tearDown(): void
	{
		unset($_SERVER['REQUEST_METHOD']);
		parent::tearDown();
	}

	public function test_a_file_is_sent_once_and_does_not_come_back(): void
	{
		attach_delete(1, 'f3');
		$this->assertSame([['f3', []]], $this->deletes());
		$this->receive($this->file('f3', 'three'));
		$this->work();
		$this->assertNull($this->attach('f3'));
	}

	public function test_a_folder_is_one_delete_with_all_beneath(): void
	{
		attach_delete(1, 'd1');
		$sent = $this->sent();
		$this->assertCount(1, $sent);
		$beneath = $sent[0]['filesync']['beneath'];
		$this->assertSame('d1', $sent[0]['attach'][0]['hash']);
		$this->assertEqualsCanonicalizing(['d2', 'f1', 'f2'], array_keys($beneath));
		$this->assertNotSame([[], []], [$beneath['f1'], $beneath['f2']], 'what the delete has seen of each');
		$this->assertSame(
			['gone', 'gone', 'gone', 'gone', 'here'],
			array_map(fn ($hash) => Revisions::find(1, $hash)['state'], ['d1', 'd2', 'f1', 'f2', 'f3']),
		);
	}

	public function test_what_is_deleted_beneath_a_folder_that_stays_is_sent_by_itself(): void
	{
		attach_delete(1, 'f1');
		attach_delete(1, 'f2');
		$this->assertEqualsCanonicalizing([['f1', []], ['f2', []]], $this->deletes());
	}

	public function test_what_two_calls_delete_is_sent_once(): void
	{
		Zotlabs\Module\attach_delete(1, 'd1');
		attach_delete(1, 'd1');
		attach_delete(1, 'f1');
		Zotlabs\Module\attach_export_data($this->channel->row(), 'd1', true);
		$this->assertSame(['d1'], array_column($this->deletes(), 0));
	}

	public function test_a_folder_that_is_still_there_does_not_hide_what_is_gone(): void
	{
		$sound = DBA::$dba;
		$this->whileFailing(
			fn (string $sql) => str_starts_with($sql, 'DELETE FROM attach') && str_contains($sql, "'d1'"),
			fn () => attach_delete(1, 'd1'),
		);
		$this->assertSame($sound, DBA::$dba);
		$this->assertNotNull($this->attach('d1'));
		$this->assertEqualsCanonicalizing(['d2', 'f1', 'f2'], array_column($this->deletes(), 0));
	}

	public function test_a_delete_that_another_process_is_about_to_make_is_not_forgotten(): void
	{
		FileSync\Addon\Send\Watch::beforeDelete(1, 'f1');
		$other = Begun::take();
		FileSync\Addon\Send\Watch::mark(1, 'f2');
		FileSync\Addon\Send\Intentions::flush();
		$this->assertNotNull(Table::first('filesync_outbox', ['kind' => 'deleting', 'name' => 'f1']));
		Begun::add(1, $other[1]);
		attach_delete(1, 'f1');
		$this->assertSame(['f1'], array_column($this->deletes(), 0));

		// It was never made: after a while nobody waits for it.
		FileSync\Addon\Send\Watch::beforeDelete(1, 'f2');
		Begun::take();
		dbq('UPDATE filesync_outbox SET created = created - 300');
		call_hooks('cron');
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => ['intent', 'deleting']]));
		$this->assertNotNull($this->attach('f2'));
	}

	public function test_a_delete_that_a_killed_process_made_is_sent_by_cron(): void
	{
		attach_delete(1, 'd1');
		Begun::take();
		dbq('UPDATE filesync_outbox SET created = created - 300');
		call_hooks('cron');
		$this->work();
		$this->assertSame(['d1'], array_column($this->deletes(), 0));
	}

	public function test_a_delete_that_came_from_a_clone_is_not_ours(): void
	{
		$this->receive($this->deletion('d1'));
		$this->assertSame([], $this->deletes());
		Config::set('delete_max_files', '0');
		$this->receive($this->deletion('f3'));
		$this->assertSame(0, $this->runVerb('packets', 'accept', 'all')[0]);
		$this->assertNull($this->attach('f3'));
		$this->assertSame([], $this->deletes());
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => 'deleting']));
	}

	public function test_with_its_post_a_photo_is_deleted_for_the_clones_too(): void
	{
		$this->receive($this->photo('p1', [0 => 'original']));
		$this->work();
		$this->sent();
		$item = item_store([
			'uid' => 1,
			'aid' => 1,
			'uuid' => 'u1',
			'mid' => 'm1',
			'parent_mid' => 'm1',
			'resource_type' => 'photo',
			'resource_id' => 'p1',
			'item_wall' => 1,
			'author_xchan' => $this->channel->hash,
			'owner_xchan' => $this->channel->hash,
		])['item_id'];
		// As somebody else: core tells the clones whoever deletes.
		App::set_channel(['channel_id' => 7] + $this->channel->row());
		delete_item_lowlevel(q('SELECT * FROM item WHERE id = %d', $item)[0]);
		App::set_channel(null);
		$ours = array_filter($this->sent(), fn ($entry) => isset($entry['filesync']));
		$this->assertSame(['p1'], array_map(fn ($entry) => $entry['attach'][0]['hash'], array_values($ours)));
	}

	public function test_what_somebody_else_removes_here_stays_elsewhere(): void
	{
		App::set_channel(['channel_id' => 7] + $this->channel->row());
		attach_delete(1, 'f3');
		Zotlabs\Module\attach_delete(1, 'd1');
		App::set_channel(null);
		$this->assertSame([], $this->deletes());
		$this->assertSame('here', Revisions::find(1, 'f3')['state']);
	}

	public function test_a_channel_that_leaves_takes_no_file_with_it_elsewhere(): void
	{
		$row = $this->channel->row();
		attach_delete(1, 'f3');
		call_hooks('channel_remove', $row);
		Zotlabs\Module\attach_delete(1, 'f1');
		attach_delete(1, 'd1');
		$this->assertSame([], $this->deletes());
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => ['intent', 'deleting', 'deleted']]));
	}

	public function test_a_channel_that_is_not_served_is_left_alone(): void
	{
		Config::set('enabled', '0', 'channel:1');
		attach_delete(1, 'f3');
		$this->assertSame([], $this->deletes());
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => ['intent', 'deleting', 'deleted']]));
	}

	/** Returns what was deleted in the packets since, each with the hashes of what went with it. */
	private function deletes(): array
	{
		$deletes = array_filter($this->sent(), fn ($entry) => ! empty($entry['attach'][0]['deleted']));

		return array_values(array_map(fn ($entry) => [
			$entry['attach'][0]['hash'],
			array_keys($entry['filesync']['beneath'] ?? []),
		], $deletes));
	}
}
