<?php

use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Posts\ItemRelocation;
use FileSync\Addon\Receive\Undo;
use FileSync\Addon\Revision\Revisions;

/**
 * Deletes that do not come about, what comes back after one, names that core leaves behind, posts with very many links.
 */
final class LeftoversTest extends AddonTestCase
{
	public function test_a_delete_that_does_not_come_about_keeps_nothing(): void
	{
		$this->receive(
			$this->photo('p1', [0 => 'precious', 4 => 'crop']),
			$this->file('f1', 'plain', [], ['d1' => 'Folder']),
		);
		$this->work();
		foreach ([
			'p1' => '/^DELETE FROM attach/',
			'd1' => '/UPDATE filesync_file.*going|INSERT INTO filesync_outbox/',
		] as $hash => $fails) {
			$this->whileFailing(
				fn ($sql) => (
					preg_match('/^UPDATE filesync_file SET state = .gone/', $sql)
					|| preg_match($fails, $sql)
					&& $hash === 'd1'
				),
				fn () => $this->receive($this->deletion($hash)),
			);
		}
		$this->assertSame('plain', $this->shown('f1'));
		$this->assertSame([], Table::select('filesync_kept', ['hash' => 'f1']));
		$this->assertSame('here', Revisions::find(1, 'f1')['state']);
		// Its owner goes on writing in it, in place.
		file_put_contents($this->attach('f1')['content'], 'PLAIN');
		Table::update('filesync_packet', ['next_at' => 0], ['uid' => 1]);
		$this->work();
		$this->assertNotContains('plain', array_map(fn ($row) => $row['hash'], Table::select('filesync_kept', [
			'hash' => 'f1',
		])));
		foreach (Table::select('filesync_kept', ['hash' => 'f1']) as $row) {
			$this->assertSame('PLAIN', file_get_contents('store/[data]/filesync/1/' . $row['path']));
		}
	}

	public function test_what_is_kept_of_a_delete_that_was_cut_off_is_forgotten_as_long_as_the_file_is_here(): void
	{
		$this->receive($this->file('f1', 'precious'));
		$this->work();
		FileSync\Addon\Revision\Kept::keepDeleted($this->channel, FileSync\Addon\Hub\Store::attach(1, 'f1'));
		Table::update('filesync_file', ['state' => 'going', 'updated' => time() - 700], ['hash' => 'f1']);
		$this->assertCount(1, $this->kept());
		FileSync\Addon\Work\Housekeeping::often();
		file_put_contents($this->attach('f1')['content'], 'PRECIOUS');
		$this->assertSame([[], []], [$this->kept(), glob('store/*data*/filesync/1/kept/*')]);
	}

	public function test_an_undo_that_finds_no_room_keeps_nothing_of_what_stays(): void
	{
		$this->receive($this->file('f1', 'first'));
		$this->work();
		$this->receive($this->file('f1', 'second', ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$path = $this->attach('f1')['content'];
		// A folder is where the copy is to be written.
		mkdir("$path.new");
		try {
			Undo::apply(Table::first('filesync_kept', ['hash' => 'f1']));
			$this->fail('it found room');
		} catch (FileSync\Addon\Hub\Postponed) {
		}
		rmdir("$path.new");
		file_put_contents($path, 'SECOND');
		$this->assertSame(['first'], $this->kept());
	}

	public function test_undo_gives_no_access_that_the_deleting_clone_had_just_given(): void
	{
		$this->receive($this->file('f1', 'mine', ['allow_cid' => '<me>']), $this->file('f2', 'mine', [
			'allow_cid' => '<me>',
		]), $this->file('f3', 'mine', ['allow_cid' => '<me>']));
		$this->work();
		foreach (['f1', 'f2', 'f3'] as $hash) {
			$this->receive($this->file($hash, 'mine', ['allow_cid' => '<me><friend>']));
			$this->receive($this->file($hash, 'mine', ['allow_cid' => '']));
			$this->assertSame('', $this->attach($hash)['allow_cid']);
		}
		// The owner of f2 lets everybody see it himself; f3 was narrowed by the clone again.
		Zotlabs\Module\attach_change_permissions(1, 'f2', '<me><friend><another>', '', '', '');
		$this->sent();
		$this->receive($this->file('f3', 'mine', ['allow_cid' => '<me>']));
		foreach (['f1', 'f2', 'f3'] as $hash) {
			$this->receive(['filesync' => ['v' => 1, 'gone' => Revisions::seen(Revisions::find(1, $hash))]]
			+ $this->deletion($hash));
			$this->assertNull($this->attach($hash));
			Undo::apply(Table::first('filesync_kept', ['hash' => $hash]));
		}
		$this->assertSame(
			['<me>', '<me><friend><another>', '<me>'],
			array_map(fn ($hash) => $this->attach($hash)['allow_cid'], ['f1', 'f2', 'f3']),
		);
	}

	public function test_a_rename_by_webdav_leaves_no_old_name_on_the_hub_that_made_it(): void
	{
		$this->receive(
			$this->photo('p1', [0 => 'original', 1 => 'small']),
			$this->file('f1', 'plain', [], ['d1' => 'Folder', 'd2' => 'Deeper']),
		);
		$this->work();
		// As core does: the name alone.
		foreach (['p1' => 'renamed.jpg', 'f1' => 'renamed.bin', 'd1' => 'Renamed'] as $hash => $name) {
			Table::update('attach', ['filename' => $name], ['hash' => $hash]);
			Zotlabs\Storage\attach_export_data($this->channel->row(), $hash);
		}
		$this->assertSame(
			['renamed.jpg', 'Renamed/Deeper/renamed.bin', 'Renamed', 'Renamed/Deeper'],
			array_map(fn ($hash) => $this->attach($hash)['display_path'], ['p1', 'f1', 'd1', 'd2']),
		);
		$this->assertSame(
			[['renamed.jpg', 'renamed.jpg'], ['renamed.jpg', 'renamed.jpg']],
			array_map(fn ($row) => [$row['filename'], $row['display_path']], Table::select('photo', [])),
		);
		$this->assertEqualsCanonicalizing(
			['p1', 'f1', 'd1'],
			array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent()),
		);
		// Nothing more is written where nothing is wrong.
		$this->assertSame(0, $this->writes(fn () => FileSync\Addon\Send\Changes::renamed($this->channel->row(), 'p1'))
		+ $this->writes(fn () => FileSync\Addon\Send\Changes::renamed($this->channel->row(), 'd1')));
	}

	public function test_a_move_takes_no_crop_of_another_channel_along(): void
	{
		$bob = TestHub\Maker::channel(TestHub\Maker::identity('bob', 1024), 'bob');
		$this->receive(
			$this->file('d1file', 'x', [], ['d1' => 'Folder']),
			$this->photo('p1', [0 => 'original', 4 => 'crop']),
			$this->photo('p2', [0 => 'original', 4 => 'crop']),
		);
		$this->work();
		foreach (['p1', 'p2'] as $hash) {
			$apart[$hash] = "store/[data]/[xchan]/p/{$hash[1]}/$hash-4";
			mkdir(dirname($apart[$hash]), 0777, true);
			unlink("store/alice/$hash-4");
			file_put_contents($apart[$hash], "the crop of $hash");
		}
		// That of p1 is bob's; alice's is missing. That of p2 is hers.
		Table::update('photo', ['content' => $apart['p2']], ['resource_id' => 'p2', 'imgscale' => 4]);
		foreach (['p1', 'p2'] as $hash) {
			Zotlabs\Module\attach_move(1, $hash, 'd1');
		}
		$this->assertSame(['the crop of p1', false], [file_get_contents($apart['p1']), is_file('store/alice/d1/p1-4')]);
		$this->assertSame(
			'the crop of p2',
			file_get_contents(Table::first('photo', ['resource_id' => 'p2', 'imgscale' => 4])['content']),
		);
	}

	public function test_a_post_with_very_many_links_takes_few_statements_and_rows(): void
	{
		$wait = function (int $links, string $mid) {
			$hashes = array_map(fn ($n) => hash('md5', "$mid $n"), range(1, $links));
			(new ReflectionMethod(ItemRelocation::class, 'awaitMedia'))->invoke(
				null,
				$this->channel,
				['mid' => $mid, 'body' => self::ORIGIN . '/photo/' . implode(' ' . self::ORIGIN . '/photo/', $hashes)],
				FileSync\Addon\Hub\Items::ownMedia(1, $hashes),
			);
		};
		$counts = [];
		foreach ([100, 4000] as $links) {
			$counts[] = $this->whileFailing(fn () => false, fn () => $wait($links, "post of $links"));
		}
		$this->assertLessThan(30, max($counts));
		$this->assertSame(
			[100, 200],
			array_map(fn ($links) => Table::count('filesync_outbox', [
				'body' => "post of $links",
				'state' => 'held',
			]), [100, 4000]),
		);
		// Again, nothing is added.
		$wait(100, 'post of 100');
		$this->assertSame(300, Table::count('filesync_outbox', ['kind' => 'relocate']));
		// The first that comes has the post looked at again.
		Outbox::release(1, hash('md5', 'post of 100 7'));
		$this->assertSame(1, Table::count('filesync_outbox', ['state' => 'due']));
		// One that is here already by then.
		$this->receive($this->file(hash('md5', 'late 1'), 'x'));
		$wait(2, 'late');
		$this->assertSame(1, Table::count('filesync_outbox', ['body' => 'late']));
	}

	public function test_a_file_that_becomes_known_while_a_post_is_rewritten_is_not_missed(): void
	{
		foreach ([2, 3, 4] as $at) {
			$hash = hash('md5', "shared $at");
			$data = [
				'item' => [
					'uid' => 1,
					'mid' => self::ORIGIN . "/item/$at",
					'author_xchan' => $this->channel->hash,
					'body' => self::ORIGIN . "/photo/$hash",
					'edited' => '2024-05-02 10:00:00',
				],
				'allow_exec' => false,
			];
			$looks = 0;
			// The packet with the file comes in another process, before this look whether it is known.
			$comes = function (string $sql) use (&$looks, $at, $hash) {
				if (
					str_contains($sql, 'DISTINCT hash from filesync_transfer')
					&& str_contains($sql, $hash)
					&& ++$looks === $at
				) {
					$watched = DBA::$dba;
					DBA::$dba = (fn () => $this->inner)->call($watched);
					$this->receive($this->file($hash, 'shared'));
					DBA::$dba = $watched;
				}

				return false;
			};
			$this->whileFailing($comes, function () use (&$data) {
				call_hooks('item_store_before', $data);
			});
			$isWaiting = Table::first('filesync_outbox', ['kind' => 'relocate', 'name' => $hash, 'state' => 'due']);
			$this->assertSame(
				$looks >= $at && ! str_starts_with($data['item']['body'], z_root()),
				$isWaiting !== null,
				"before look $at of $looks",
			);
		}
		$this->assertGreaterThan(2, $looks);
	}

	private function writes(Closure $work): int
	{
		$writes = 0;
		$this->whileFailing(function ($sql) use (&$writes) {
			$writes += preg_match('/^(UPDATE|INSERT|DELETE)/', $sql);

			return false;
		}, $work);

		return $writes;
	}
}
