<?php

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Intentions;
use FileSync\TransferBatch;
use PHPUnit\Framework\Attributes\DataProvider;

/** I2: late, repeated and concurrent changes lose nothing, and every clone ends with the same. */
final class ChangesTest extends AddonTestCase
{
	private const A = 'aaaaaaaaaaaaaaaa';
	private const C = 'cccccccccccccccc';

	public function test_a_late_packet_changes_nothing_whatever_the_clocks_say(): void
	{
		$this->receiveAll($this->told(
			$this->file('f1', 'first', ['edited' => '2024-06-01 10:10:00', 'filename' => 'first.txt']),
			[self::A => 1],
		));
		$this->receiveAll($this->told(
			$this->file('f1', 'second', [
				'edited' => '2024-06-01 10:00:00',
				'filename' => 'second.txt',
				'allow_cid' => '<friend>',
			]),
			[self::A => 2],
		));
		$this->receiveAll($this->told(
			$this->file('f1', 'first', ['edited' => '2024-06-01 10:10:00', 'filename' => 'first.txt']),
			[self::A => 1],
		));
		$this->assertSame(['second', 'second.txt', '<friend>'], [
			$this->shown('f1'),
			$this->attach('f1')['filename'],
			$this->attach('f1')['allow_cid'],
		]);
	}

	public function test_bytes_changed_on_two_hubs_are_both_kept_and_the_copy_is_the_same_everywhere(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		$this->changeHere('f1', 'mine', '2024-06-02 10:00:00');
		$this->receiveAll($this->told(
			$this->file('f1', 'theirs!', ['edited' => '2024-06-03 10:00:00']),
			[self::A => 2],
		));
		$this->assertSame('theirs!', $this->shown('f1'));
		$copy = Table::first('attach', ['filename like' => 'f1 (conflict %']);
		$this->assertSame(['f1 (conflict 127.0.0.1 2024-06-02 10.00.00).bin', 'mine'], [
			$copy['filename'],
			file_get_contents($copy['content']),
		]);
		$this->assertMatchesRegularExpression(
			'/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/',
			$copy['hash'],
		);
		$said = array_column(
			array_map(fn ($entry) => [
				'hash' => end($entry['attach'])['hash'],
				'seen' => $entry['filesync']['revision']['bytes']['seen'],
			], $this->sent()),
			'seen',
			'hash',
		);
		$this->assertCount(1, $said[$copy['hash']], 'its revision follows from what it is');
		// The other clone that made it announces it too.
		$entry = $this->file($copy['hash'], 'mine', [
			'filename' => $copy['filename'],
			'edited' => '2024-06-02 10:00:00',
		]);
		$this->receiveAll($this->told($entry, $said[$copy['hash']]));
		$this->assertCount(2, Table::select('attach', []));
	}

	public function test_a_stock_hub_that_took_our_version_over_the_one_that_it_told_of_has_nothing_to_wait_for(): void
	{
		$this->receiveAll($this->file('f1', 'ours!', ['edited' => '2024-06-01 10:00:00']));
		$this->receive($this->file('f1', 'gone!', ['edited' => '2024-06-01 10:00:02']));
		$this->assertSame([], $this->sent('f1'), 'held until it is clear which bytes stand');
		TransferBatch::$answers['f1-0'] = [
			'kind' => 'PeerBusy',
			'temporary' => true,
			'message' => 'the hub still shows an older version',
			'facts' => ['hub' => 'http://127.0.0.1:9002', 'older_edited' => '2024-06-01 10:00:00'],
		];
		$this->work();
		$this->assertSame('waiting', $this->transfer('f1')['state'], 'another clone may not have it yet');
		Table::update('filesync_transfer', ['next_at' => 0], ['hash' => 'f1']);
		TransferBatch::$answers['f1-0'] = [
			'kind' => 'PeerBusy',
			'temporary' => true,
			'message' => 'the hub still shows an older version',
			'facts' => ['hub' => 'http://127.0.0.1:9001', 'older_edited' => '2024-06-01 10:00:00'],
		];
		$this->work();
		$this->assertSame('dropped', $this->transfer('f1')['state']);
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing'));
		$this->assertSame('ours!', $this->shown('f1'));
		$this->assertSame(['f1'], array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent()));
	}

	public function test_bytes_that_ours_replaced_are_old_news_however_a_stock_hub_dates_them(): void
	{
		$this->receiveAll($this->file('f1', 'first', ['edited' => '2024-06-01 10:00:00']));
		$this->changeHere('f1', 'other', '2024-06-02 10:00:00');
		$this->sent();
		$this->changeHere('f1', 'third', '2024-06-03 10:00:00');
		Intentions::flush();
		// Not delivered yet. The other hub dates what it has, as it repairs access, and tells that.
		$this->receive($this->file('f1', 'other', ['edited' => '2024-06-04 10:00:00']));
		$this->work();
		$this->assertSame('third', $this->shown('f1'));
		$this->assertCount(1, Table::select('attach', []), 'no conflict copy');
		$sent = $this->sent();
		$this->assertSame('2024-06-03 10:00:00', substr(end($sent)['attach'][0]['edited'], 0, 19));
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing'));
	}

	public function test_bytes_that_prevail_stand_even_if_they_are_written_while_others_are_being_put_in_place(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		$this->receive($this->told(
			$this->file('f1', 'theirs!', ['edited' => '2024-06-03 10:00:00']),
			[self::A => 2],
		));
		// What the brake asks of verified bytes comes after they were found to be newer.
		$isVerified = $isChanged = false;
		$this->whileFailing(
			function (string $sql) use (&$isVerified, &$isChanged): bool {
				$isVerified = $isVerified || str_contains($sql, 'SET sha256');
				if ($isVerified && ! $isChanged && str_contains($sql, 'filesync_held')) {
					$isChanged = true;
					file_put_contents('store/alice/f1', 'mine');
					touch('store/alice/f1', strtotime('2024-06-05 10:00:00'));
					Table::update('attach', ['edited' => '2024-06-05 10:00:00'], ['hash' => 'f1']);
				}

				return false;
			},
			fn () => $this->work(),
		);
		$this->assertTrue($isChanged);
		$this->assertSame('mine', $this->shown('f1'));
		$this->assertSame('dropped', $this->transfer('f1')['state']);
		$this->assertSame(['f1'], array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent('f1')));
	}

	public function test_where_ours_prevails_the_other_hub_is_told_and_keeps_its_own(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		$this->changeHere('f1', 'mine', '2024-06-05 10:00:00');
		$this->sent();
		$this->receiveAll($this->told(
			$this->file('f1', 'theirs!', ['edited' => '2024-06-03 10:00:00']),
			[self::A => 2],
		));
		$this->assertSame('mine', $this->shown('f1'));
		$sent = $this->sent();
		$this->assertCount(1, $sent);
		$seen = $sent[0]['filesync']['revision']['bytes']['seen'];
		$this->assertSame(2, $seen[self::A]);
		$this->assertCount(2, $seen);
	}

	public function test_access_changed_on_two_hubs_ends_with_whom_both_let_in(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		Table::update('attach', ['allow_cid' => '<x><y>'], ['hash' => 'f1']);
		$this->sent('f1');
		$this->receiveAll($this->told($this->file('f1', 'base', [
			'allow_cid' => '<y><z>',
		]), [self::A => 2], ['access']));
		$this->assertSame('<y>', $this->attach('f1')['allow_cid']);
		$this->assertSame('<y>', end($this->sent()[0]['attach'])['allow_cid'], 'the others hear of it');
	}

	public static function accesses(): array
	{
		return [['<x><y>', '<y>'], ['<y>', '<x><y>'], ['<x><y>', '<y><z>'], ['<y><z>', '<x><y>']];
	}

	/** @dataProvider accesses */
	#[DataProvider('accesses')]
	public function test_accesses_that_were_made_of_the_same_changes_in_another_order_end_with_whom_both_let_in(
		string $ours,
		string $theirs,
	): void {
		$seen = [self::C => 1, self::A => 1];
		$this->receiveAll($this->told($this->file('f1', 'base', ['allow_cid' => $ours]), $seen));
		$this->receiveAll($this->told($this->file('f1', 'base', ['allow_cid' => $theirs]), $seen));
		$this->assertSame('<y>', $this->attach('f1')['allow_cid']);
		$this->assertSame(
			'<y>',
			end($this->sent()[0]['attach'])['allow_cid'],
			'the other hears of what was made of both',
		);
		$this->receiveAll($this->told($this->file('f1', 'base', ['allow_cid' => '<y>']), $seen));
		$this->assertSame([], $this->sent(), 'and no more once both say the same');
	}

	public function test_a_photo_whose_rows_are_more_private_than_its_file_stays_so(): void
	{
		$entry = $this->photo('p1', [0 => 'photo', 1 => 'small']);
		foreach ([0, 1] as $scale) {
			$entry['photo'][$scale]['allow_gid'] = '<group>';
		}
		$this->receiveAll($entry, $entry);
		$this->assertSame(['', ['<group>', '<group>']], [
			$this->attach('p1')['allow_gid'],
			array_column(Table::select('photo', ['resource_id' => 'p1']), 'allow_gid'),
		]);
		Table::update('attach', ['allow_cid' => '<x>'], ['hash' => 'p1']);
		$this->sent('p1');
		$this->receiveAll($this->told($entry, [self::A => 1]));
		$owner = '<' . $this->channel->hash . '>';
		$this->assertSame(
			['<x>', [$owner, $owner]],
			[
				$this->attach('p1')['allow_cid'],
				array_column(Table::select('photo', ['resource_id' => 'p1']), 'allow_cid'),
			],
			'nobody is in both',
		);
	}

	public function test_narrowing_reaches_a_file_that_is_still_on_its_way(): void
	{
		$entry = $this->file('f1', 'bytes');
		$this->receive($this->told($entry, [self::A => 1]));
		$this->receive($this->told(
			['attach' => [array_replace($entry['attach'][0], ['allow_cid' => '<friend>'])]] + $entry,
			[self::A => 2],
			['access'],
		));
		$this->work();
		$this->assertSame(['bytes', '<friend>'], [$this->shown('f1'), $this->attach('f1')['allow_cid']]);
	}

	public function test_a_delete_that_has_not_seen_our_change_is_not_done_and_ours_is_told(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		$this->changeHere('f1', 'mine', '2024-06-05 10:00:00');
		$this->sent();
		$this->receiveAll($this->goneAt('f1', [self::A => 2]));
		$this->assertSame('mine', $this->shown('f1'));
		$this->assertCount(1, $this->sent());
		$this->receiveAll($this->goneAt('f1', Revisions::seen(Revisions::find(1, 'f1')) + [self::C => 1]));
		$this->assertNull($this->attach('f1'));
		$this->assertSame(['mine'], $this->kept());
	}

	public function test_what_was_deleted_does_not_come_back_by_a_late_packet_but_by_a_later_change(): void
	{
		$late = $this->told($this->file('f1', 'base'), [self::A => 1]);
		$this->receiveAll($late);
		$this->receiveAll($this->goneAt('f1', [self::A => 2]));
		$this->receiveAll($late, $this->file('f1', 'base'));
		$this->assertNull($this->attach('f1'));
		$this->assertSame([], Table::select('filesync_transfer', ['state' => 'staged']));
		$this->receiveAll($this->told(
			$this->file('f1', 'again', ['edited' => '2024-07-01 10:00:00']),
			[self::A => 3],
		));
		$this->assertSame('again', $this->shown('f1'));
	}

	public function test_what_comes_back_is_known_where_it_lies_though_it_was_elsewhere_when_it_was_deleted(): void
	{
		// A conflict copy has one name of its change wherever it is made; the folder can be another where it was made
		// again.
		$this->receiveAll($this->told($this->file('f1', 'bytes', ['filename' => 'z.bin'], ['folder-9' => 'Nine']), [
			'aaaaaaaa' => 1,
		]));
		$this->receive($this->goneAt('f1', ['aaaaaaaa' => 1, 'bbbbbbbb' => 1]));
		$again = $this->told($this->file('f1', 'newer bytes', ['filename' => 'a.bin'], ['folder-1' => 'One']), [
			'aaaaaaaa' => 1,
		]);
		$again['filesync']['revision']['bytes']['seen']['cccccccc'] = 1;
		$this->receiveAll($again);
		$own = $this->attach('f1');
		$this->assertSame('newer bytes', $this->shown('f1'));
		$this->assertSame($own['folder'] . "\n" . $own['filename'], Revisions::find(1, 'f1')['place']['print']);
	}

	public function test_a_delete_that_came_before_the_file_keeps_it_away(): void
	{
		$this->receiveAll($this->goneAt('f1', [self::A => 2]));
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		$this->assertNull($this->attach('f1'));
	}

	public function test_a_folder_delete_takes_only_what_was_in_it_then(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'old', [], ['d1' => 'Folder']), [
			self::A => 1,
		]), $this->told($this->file('f2', 'new', [], ['d1' => 'Folder']), [self::A => 1]));
		$this->changeHere('f2', 'changed here', '2024-06-05 10:00:00');
		$this->sent();
		$this->receiveAll($this->goneAt('d1', [self::A => 5], ['f1' => [self::A => 1], 'f2' => [self::A => 1]]));
		$this->assertNull($this->attach('f1'));
		$this->assertSame('changed here', $this->shown('f2'));
		$this->assertNotNull($this->attach('d1'));
		$this->assertSame(
			[['d1', 'f2']],
			array_map(fn ($entry) => array_column($entry['attach'], 'hash'), $this->sent()),
			'the folder travels with it',
		);
	}

	public function test_a_folder_that_only_a_file_on_its_way_keeps_is_not_told_before_that_file(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'old', [], ['d1' => 'Folder']), [self::A => 1]));
		$this->receive($this->told(
			$this->file('f1', 'of a third hub', ['edited' => '2024-06-05 10:00:00'], ['d1' => 'Folder']),
			[self::A => 1, self::C => 1],
		));
		$delete = $this->goneAt('d1', [self::A => 5], ['f1' => [self::A => 1]]);
		$this->receive($delete, $delete);
		$this->assertSame([], $this->sent(), 'the hub that deletes would answer');
		$this->work();
		$this->assertSame('of a third hub', $this->shown('f1'));
		$this->assertSame(
			[['d1', 'f1']],
			array_map(fn ($entry) => array_column($entry['attach'], 'hash'), $this->sent()),
		);
	}

	public function test_a_stock_hub_that_never_had_our_change_cannot_delete_it(): void
	{
		$this->receiveAll($this->file('f1', 'base'));
		$this->changeHere('f1', 'mine', '2024-06-05 10:00:00');
		$this->receiveAll($this->deletion('f1'));
		$this->assertSame('mine', $this->shown('f1'));
		$this->assertNotEmpty($this->sent());
		$this->receiveAll($this->deletion('f1'));
		$this->assertNull($this->attach('f1'), 'by now it was told');
	}

	public function test_bytes_that_a_stock_hub_deleted_before_they_came_are_not_waited_for(): void
	{
		$this->receiveAll($this->file('f1', 'base'));
		$this->receive($this->file('f1', 'of the stock hub', ['edited' => '2024-06-05 10:00:00']));
		Table::update('attach', ['filename' => 'mine.bin'], ['hash' => 'f1']);
		$this->assertSame([], $this->sent('f1'), 'newer bytes are on their way');
		$this->receiveAll($this->deletion('f1'));
		$this->assertNull($this->transfer('f1'));
		[$entry] = $this->sent();
		$this->assertSame(['mine.bin', 'base'], [end($entry['attach'])['filename'], $this->shown('f1')]);
	}

	public function test_a_hub_restored_to_yesterday_neither_brings_old_bytes_back_nor_gives_two_changes_one_name(): void
	{
		$this->receiveAll($this->file('f1', 'yesterday', [
			'edited' => '2024-06-01 10:00:00',
		]), $this->file('f1', 'today', ['edited' => '2024-06-02 10:00:00']));
		$this->receiveAll($this->file('f1', 'yesterday', ['edited' => '2024-06-01 10:00:00']));
		$this->assertSame('today', $this->shown('f1'));
		// Another hub has seen more of our changes than we know: we were the one that was restored.
		$before = FileSync\Addon\Revision\Site::component(1);
		$this->receiveAll($this->told(
			$this->file('f1', 'today!', ['edited' => '2024-06-03 10:00:00']),
			[$before => 7] + Revisions::find(1, 'f1')['bytes']['vector'],
		));
		$this->assertNotSame($before, FileSync\Addon\Revision\Site::component(1));
		$this->assertSame('today!', $this->shown('f1'));
	}

	public function test_a_file_that_another_hub_made_again_after_our_delete_is_no_sign_of_a_backup(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		FileSync\Addon\Send\Watch::beforeDelete(1, 'f1');
		attach_delete(1, 'f1');
		[$entry] = $this->sent();
		$before = FileSync\Addon\Revision\Site::component(1);
		$this->assertEquals([self::A => 1, $before => 1], $entry['filesync']['gone']);
		$this->receiveAll($this->told($this->file('f1', 'made again'), $entry['filesync']['gone'] + [self::C => 1]));
		$this->assertSame('made again', $this->shown('f1'));
		$this->assertSame($before, FileSync\Addon\Revision\Site::component(1));
	}

	public function test_our_own_packet_that_comes_back_changes_nothing(): void
	{
		$this->receiveAll($this->file('f1', 'base'));
		$this->changeHere('f1', 'mine', '2024-06-05 10:00:00');
		[$entry] = $this->sent();
		unset($entry['filesync']);
		$known = Revisions::find(1, 'f1');
		$this->receiveAll(['fetch_url' => self::ORIGIN . '/getfile'] + $entry);
		$this->assertSame($known['bytes'], Revisions::find(1, 'f1')['bytes']);
		$this->assertSame([], $this->sent());
	}

	public function test_a_change_is_sent_once_with_what_it_has_seen_and_a_change_of_the_name_leaves_the_bytes_as_they_were(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'base'), [self::A => 1]));
		Table::update('attach', ['filename' => 'renamed.txt'], ['hash' => 'f1']);
		$sent = $this->sent('f1', 'f1');
		$this->assertCount(1, $sent);
		$this->assertSame([self::A => 1], $sent[0]['filesync']['revision']['bytes']['seen']);
		$this->assertCount(2, $sent[0]['filesync']['revision']['place']['seen']);
		$this->assertSame([], $this->sent());
	}

	public function test_what_a_killed_process_changed_is_sent_by_cron_once(): void
	{
		$this->receiveAll($this->file('f1', 'base'), $this->file('f2', 'base'));
		$this->killedAt(1000, function () {
			Intentions::begin(1);
			Table::update('attach', ['filename' => 'renamed.txt'], ['hash' => 'f1']);
			Table::insert('attach', [
				'hash' => 'f3',
				'filename' => 'f3.txt',
				'content' => 'store/alice/f3',
				'os_path' => 'f3',
				'display_path' => 'f3.txt',
			] + array_diff_key($this->attach('f2'), ['id' => 1]));
			file_put_contents('store/alice/f3', 'base');
			posix_kill(getmypid(), SIGKILL);
		});
		FileSync\Addon\Work\Housekeeping::often();
		$this->assertSame([], $this->sent(), 'it may still run');
		Table::update('filesync_outbox', ['created' => Clock::now() - 200], ['kind' => 'intent']);
		FileSync\Addon\Work\Housekeeping::often();
		$this->work();
		$this->assertEqualsCanonicalizing(
			['f1', 'f3'],
			array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent()),
		);
		FileSync\Addon\Work\Housekeeping::often();
		$this->work();
		$this->assertSame([], $this->sent());
	}

	public function test_what_killed_processes_left_of_one_channel_hides_no_other(): void
	{
		$bob = $this->another('bob', self::ORIGIN);
		for ($n = 0; $n < 300; $n++) {
			Outbox::add(
				1,
				'intent',
				"of alice $n",
				json_encode(['since' => '2030-01-01 00:00:00', 'above' => 1 << 30]),
				true,
			);
		}
		Outbox::add(2, 'intent', 'of bob', json_encode(['since' => '2030-01-01 00:00:00', 'above' => 1 << 30]), true);
		Table::update('filesync_outbox', ['created' => Clock::now() - 3000], ['uid' => 1]);
		Table::update('filesync_outbox', ['created' => Clock::now() - 200], ['uid' => 2]);
		$reads = 0;
		$this->whileFailing(
			function ($sql) use (&$reads) {
				$reads += (int) str_contains($sql, 'from filesync_file');

				return false;
			},
			fn () => Intentions::recover(),
		);
		$this->assertSame(0, Table::count('filesync_outbox', ['uid' => 2]));
		$this->assertLessThan(300, $left = Table::count('filesync_outbox', ['uid' => 1]));
		$this->assertLessThan(20, $reads, 'what a channel knows of its files is not read for each of them');
		Intentions::recover();
		$this->assertLessThan($left, Table::count('filesync_outbox', ['uid' => 1]));
	}

	public function test_what_cannot_be_made_of_one_killed_process_keeps_no_other_from_being_sent(): void
	{
		$this->receiveAll($this->file('f1', 'base'));
		Outbox::add(1, 'intent', 'broken', 'no JSON', true);
		$this->killedAt(1000, function () {
			Intentions::begin(1);
			Table::update('attach', ['filename' => 'renamed.txt'], ['hash' => 'f1']);
			posix_kill(getmypid(), SIGKILL);
		});
		Table::update('filesync_outbox', ['created' => Clock::now() - 300], ['name' => 'broken']);
		Table::update(
			'filesync_outbox',
			['created' => Clock::now() - 200],
			['kind' => 'intent', 'name <>' => 'broken'],
		);
		FileSync\Addon\Work\Housekeeping::often();
		$this->work();
		$this->assertSame(['f1'], array_map(fn ($entry) => end($entry['attach'])['hash'], $this->sent()));
		$this->assertEqualsWithDelta(
			Clock::now(),
			(int) Table::first('filesync_outbox', ['name' => 'broken'])['created'],
			30,
			'its turn is after all others',
		);
	}

	public function test_a_delete_by_the_owner_is_sent_with_all_it_took_and_leaves_tombstones(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'old', [], ['d1' => 'Folder']), [self::A => 1]));
		Zotlabs\Storage\attach_delete(1, 'd1');
		[$entry] = $this->sent();
		$this->assertSame([1, ['f1']], [$entry['attach'][0]['deleted'], array_keys($entry['filesync']['beneath'])]);
		$this->assertSame(['gone', 'gone'], [Revisions::find(1, 'd1')['state'], Revisions::find(1, 'f1')['state']]);
	}

	public function test_undo_brings_a_deleted_file_back_on_every_clone(): void
	{
		$this->receiveAll($this->told(
			$this->file(
				'f1',
				'precious',
				['allow_cid' => '<friend>', 'term' => [['ttype' => 3, 'term' => 'trip', 'url' => '']]],
				['d1' => 'Folder'],
			),
			[self::A => 1],
		));
		$this->receiveAll($this->goneAt('d1', [self::A => 2], ['f1' => [self::A => 1]]));
		$this->assertNull($this->attach('f1'));
		[$kept] = Table::select('filesync_kept', []);
		$this->assertSame('127.0.0.1', json_decode($kept['entry'], true)['by']);
		FileSync\Addon\Receive\Undo::apply($kept);
		$this->assertSame(['precious', 'Folder/f1.bin', '<friend>'], [
			$this->shown('f1'),
			$this->attach('f1')['display_path'],
			$this->attach('f1')['allow_cid'],
		]);
		$this->assertSame(['trip'], array_column(Revisions::terms($this->attach('f1')), 'term'));
		$sent = array_column(
			array_map(fn ($entry) => ['hash' => end($entry['attach'])['hash'], 'entry' => $entry], $this->sent()),
			'entry',
			'hash',
		);
		$this->assertCount(2, $sent['f1']['filesync']['revision']['bytes']['seen']);
		$this->receiveAll($this->goneAt('f1', [self::A => 2]));
		$this->assertSame('precious', $this->shown('f1'), 'the delete that is undone does not come back');
	}

	public function test_undo_of_replaced_bytes_keeps_those_it_replaces_and_todays_access(): void
	{
		$this->receiveAll($this->told($this->file('f1', 'first'), [self::A => 1]));
		$this->receiveAll($this->told(
			$this->file('f1', 'second', ['edited' => '2024-06-01 10:00:00', 'allow_cid' => '<friend>']),
			[self::A => 2],
		));
		FileSync\Addon\Receive\Undo::apply(Table::first('filesync_kept', []));
		$this->assertSame(['first', '<friend>'], [$this->shown('f1'), $this->attach('f1')['allow_cid']]);
		$this->assertEqualsCanonicalizing(['first', 'second'], $this->kept());
		$this->assertSame(5, (int) end($this->sent()[0]['attach'])['filesize']);
	}

	/** Takes packets in and fetches what they want. */
	private function receiveAll(array ...$entries): void
	{
		$this->receive(...$entries);
		$this->work();
	}

	/** Changes a file's bytes as its owner does, and ends the request; nothing is read from what is sent. */
	private function changeHere(string $hash, string $bytes, string $edited): void
	{
		file_put_contents($this->attach($hash)['content'], $bytes);
		touch($this->attach($hash)['content'], strtotime($edited));
		Table::update('attach', ['filesize' => strlen($bytes), 'edited' => $edited], ['hash' => $hash]);
		Zotlabs\Storage\attach_export_data($this->channel->row(), $hash);
	}

	/**
	 * Returns an entry with the sibling of a hub whose change has seen so much; groups that are not named have seen one
	 * change less.
	 */
	private function told(array $entry, array $seen, array $groups = ['bytes', 'place', 'access']): array
	{
		$by = (string) array_key_last($seen);
		$revision = [];
		foreach (Judge::GROUPS as $group) {
			$vector = in_array($group, $groups, true) ? $seen : array_filter([$by => $seen[$by] - 1] + $seen);
			$revision[$group] = ['seen' => $vector, 'by' => $by, 'at' => 'a.example'];
		}

		return ['filesync' => ['v' => 1, 'revision' => $revision]] + $entry;
	}

	private function goneAt(string $hash, array $seen, array $beneath = []): array
	{
		return ['filesync' => ['v' => 1, 'gone' => $seen, 'beneath' => $beneath]] + $this->deletion($hash);
	}
}
