<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\TransferBatch;

/** I1: a file that a clone shows has its bytes. I7: a packet is accepted without them. */
final class AcceptTest extends AddonTestCase
{
	public function test_a_new_file_is_shown_only_when_its_bytes_are_here(): void
	{
		$this->receive($this->file(
			'f1',
			'bytes',
			['term' => [['ttype' => 3, 'term' => 'slides', 'url' => 'https://a.example/?cat=slides', 'oid' => 1]]],
			['d1' => 'One', 'd2' => 'Two'],
		));
		$this->assertNull($this->attach('f1'));
		$this->assertSame('staged', $this->transfer('f1')['state']);
		$this->assertDirectoryExists('store/alice/d1/d2');
		$this->assertCount(1, $this->jobs('Addon'));

		$this->work();
		$row = $this->attach('f1');
		$this->assertSame('bytes', $this->shown('f1'));
		$this->assertSame(['store/alice/d1/d2/f1', 'd1/d2/f1', 'One/Two/f1.bin', 5, 'd2', '2024-05-01 10:00:00'], [
			$row['content'],
			$row['os_path'],
			$row['display_path'],
			(int) $row['filesize'],
			$row['folder'],
			$row['edited'],
		]);
		$this->assertSame($this->channel->accountId, (int) $row['aid']);
		$this->assertSame('published', $this->transfer('f1')['state']);
		$this->assertSame(
			['previews'],
			array_column(array_filter($this->jobs('Addon'), fn ($job) => $job[2] !== 'work'), 2),
		);
		FileSync\Addon\Work\Worker::daemon('previews');
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => 'preview']));
		$this->assertSame([], $this->jobs('Thumbnail'), 'a thousand files are not a thousand processes');
		$this->assertSame('slides', Table::first('term', ['oid' => (int) $row['id'], 'otype' => 2])['term']);
		$this->assertSame(['One', 'Two', 'f1.bin'], TransferBatch::$added[0]['origins'][0]['path']);
		$this->assertSame([], glob('store/*data*/filesync/*/*.partial'));
	}

	public function test_a_photo_arrives_with_all_its_scales_the_original_first(): void
	{
		Config::set('make_scales', '0');
		$entry = $this->photo('p1', [0 => 'original', 1 => 'a', 3 => 'ccc', 4 => 'crop']);
		TransferBatch::$answers['p1-0'] = ['kind' => 'Network', 'temporary' => true, 'message' => 'cut off'];
		$this->receive($entry);
		$this->work();
		$this->assertSame([], Table::select('photo', []));
		$this->assertSame(['verified', 'verified'], [
			$this->transfer('p1', 3)['state'],
			$this->transfer('p1', 4)['state'],
		]);
		$this->assertSame('waiting', $this->transfer('p1')['state']);

		TransferBatch::$answers['p1-0'] = 'original';
		Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
		$this->work();
		$rows = Table::select('photo', ['uid' => 1], 'imgscale');
		$this->assertSame(['0', '1', '3', '4'], array_map(fn ($row) => (string) $row['imgscale'], $rows));
		$this->assertSame('store/alice/p1-4', $rows[3]['content']);
		$this->assertSame('crop', file_get_contents('store/alice/p1-4'));
		$this->assertSame('store/alice/p1', $rows[0]['content']);
		$this->assertSame(1, (int) $this->attach('p1')['is_photo']);
	}

	public function test_scales_go_into_the_database_where_the_hub_keeps_them_there(): void
	{
		set_config('system', 'photo_storage_type', 0);
		$bytes = "\xff\xd8\0binary";
		$this->receive($this->photo('p1', [0 => 'original', 2 => $bytes]));
		$this->work();
		$row = Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 2]);
		$this->assertSame([$bytes, 0], [$row['content'], (int) $row['os_storage']]);
		$this->assertFileDoesNotExist('store/alice/p1-2');
		$this->receive($this->photo('p1', [0 => 'original', 2 => $bytes]));
		$this->assertSame('published', $this->transfer('p1', 2)['state']);
	}

	public function test_an_overwrite_keeps_the_old_bytes_and_shows_the_new(): void
	{
		$this->receive($this->file('f1', 'old bytes'));
		$this->work();
		$this->receive($this->file('f1', 'new', ['edited' => '2024-06-01 10:00:00']));
		$this->assertSame('old bytes', $this->shown('f1'));
		$this->work();
		$this->assertSame('new', $this->shown('f1'));
		$this->assertSame(['3', '2024-06-01 10:00:00'], [
			(string) $this->attach('f1')['filesize'],
			$this->attach('f1')['edited'],
		]);
		$this->assertSame(['old bytes'], $this->kept());
	}

	public function test_what_is_unchanged_is_not_fetched_and_a_packet_twice_is_one_transfer(): void
	{
		$entry = $this->photo('p1', [0 => 'original', 1 => 'small']);
		$this->receive($entry, $entry);
		$this->receive($entry);
		$this->assertSame([1, 1], [
			(int) $this->transfer('p1')['generation'],
			(int) $this->transfer('p1', 1)['generation'],
		]);
		$this->work();
		$this->receive($entry);
		$this->assertSame(['published', 'published'], [
			$this->transfer('p1')['state'],
			$this->transfer('p1', 1)['state'],
		]);
		$this->assertCount(2, TransferBatch::$added);
	}

	public function test_older_bytes_are_old_news_but_a_damaged_file_is_fetched(): void
	{
		$this->receive($this->file('f1', 'present', ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$this->receive($this->file('f1', 'older!!', ['edited' => '2024-05-01 10:00:00']));
		$this->assertSame('published', $this->transfer('f1')['state']);
		file_put_contents('store/alice/f1', 'cut');
		$this->receive($this->file('f1', 'present', ['edited' => '2024-06-01 10:00:00']));
		$this->assertSame('staged', $this->transfer('f1')['state']);
		$this->work();
		$this->assertSame('present', $this->shown('f1'));
	}

	public function test_a_newer_packet_overtakes_one_on_its_way(): void
	{
		$this->receive($this->file('f1', 'first'));
		$this->receive($this->file('f1', 'second', ['edited' => '2024-06-01 10:00:00']));
		$this->receive($this->file('f1', 'first'));
		$this->assertSame(['2', '2024-06-01 10:00:00'], [
			(string) $this->transfer('f1')['generation'],
			$this->transfer('f1')['edited'],
		]);
		TransferBatch::$answers['f1-0'] = 'second';
		$this->work();
		$this->assertSame('second', $this->shown('f1'));
	}

	public function test_name_access_and_categories_are_applied_at_once(): void
	{
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'small']));
		$this->work();
		$entry = $this->photo(
			'p1',
			[0 => 'original', 1 => 'small'],
			[
				'filename' => 'renamed.jpg',
				'allow_cid' => '<friend>',
				'term' => [['type' => 3, 'term' => 'cats', 'url' => '']],
			],
		);
		$entry['photo'][0]['allow_cid'] = $entry['photo'][1]['allow_cid'] = '<friend>';
		$this->receive($entry);
		$this->assertSame(
			['renamed.jpg', 'renamed.jpg', '<friend>'],
			array_values(array_intersect_key(
				$this->attach('p1'),
				array_flip(['filename', 'display_path', 'allow_cid']),
			)),
		);
		$this->assertSame(['<friend>', '<friend>'], array_column(Table::select('photo', [], 'imgscale'), 'allow_cid'));
		$this->assertSame(
			['renamed.jpg', 'renamed.jpg'],
			array_column(Table::select('photo', [], 'imgscale'), 'filename'),
		);
		$this->assertSame('cats', Table::first('term', ['otype' => 2])['term']);
	}

	public function test_access_that_narrows_while_the_bytes_are_on_their_way_counts(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->receive($this->file('f1', 'bytes', ['allow_cid' => '<only me>']));
		$this->work();
		$this->assertSame('<only me>', $this->attach('f1')['allow_cid']);
	}

	public function test_a_move_takes_the_file_and_its_scales_along(): void
	{
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'small']));
		$this->work();
		file_put_contents('store/alice/p1.thumb', 'preview');
		$entry = $this->photo('p1', [0 => 'original', 1 => 'small'], ['folder' => 'd1']);
		array_unshift($entry['attach'], $this->row([
			'hash' => 'd1',
			'filename' => 'Folder',
			'folder' => '',
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
		]));
		$this->receive($entry);
		$this->assertSame(
			['store/alice/d1/p1', 'd1/p1', 'Folder/p1.jpg', 'd1'],
			array_map(fn ($column) => $this->attach('p1')[$column], ['content', 'os_path', 'display_path', 'folder']),
		);
		$this->assertSame(
			['store/alice/d1/p1', 'store/alice/d1/p1-1'],
			array_column(Table::select('photo', [], 'imgscale'), 'content'),
		);
		$this->assertSame(
			['original', 'small', 'preview'],
			array_map('file_get_contents', ['store/alice/d1/p1', 'store/alice/d1/p1-1', 'store/alice/d1/p1.thumb']),
		);
		$this->assertFileDoesNotExist('store/alice/p1');
		$this->assertSame('published', $this->transfer('p1')['state']);
	}

	public function test_two_files_of_one_name_get_two_names_that_stay(): void
	{
		$this->receive($this->file('f1', 'one', ['filename' => 'same.txt']), $this->file('f2', 'two', [
			'filename' => 'same.txt',
		]));
		$this->work();
		$this->assertEqualsCanonicalizing(
			['same(1).txt', 'same.txt'],
			array_column(Table::select('attach', [], '', 0, 'filename'), 'filename'),
		);
		$this->receive($this->file('f2', 'two', ['filename' => 'same.txt']), $this->file('f1', 'one', [
			'filename' => 'same.txt',
		]));
		$names = array_column(Table::select('attach', [], 'hash'), 'filename', 'hash');
		$this->receive($this->file('f2', 'two', ['filename' => 'same.txt']));
		$this->assertSame($names, array_column(Table::select('attach', [], 'hash'), 'filename', 'hash'));
	}

	public function test_a_profile_photo_takes_the_flag_from_the_one_before(): void
	{
		foreach (['p1', 'p2'] as $hash) {
			$entry = $this->photo($hash, [0 => 'original', 4 => 'crop' . $hash]);
			$entry['photo'][1]['photo_usage'] = PHOTO_PROFILE;
			$this->receive($entry);
			$this->work();
		}
		$this->assertSame(
			['p2'],
			array_column(Table::select('photo', ['photo_usage' => PHOTO_PROFILE]), 'resource_id'),
		);
		$this->assertSame(
			'2024-05-01 10:00:00',
			Table::first('xchan', ['xchan_hash' => $this->channel->hash])['xchan_photo_date'],
		);
	}

	public function test_a_renamed_folder_takes_its_new_access_and_all_beneath_it_along(): void
	{
		$photo = $this->photo('p1', [0 => 'photo', 1 => 'small'], ['folder' => 'd2']);
		$entry = $this->file('f1', 'bytes', [], ['d1' => 'Folder', 'd2' => 'Deep']);
		$photo['attach'] = [...array_slice($entry['attach'], 0, 2), ...$photo['attach']];
		$this->receive($entry, $photo);
		$this->work();
		$folder =
			['attach' => [array_replace($entry['attach'][0], ['filename' => 'Renamed', 'allow_cid' => '<friend>'])]]
			+ $entry;
		$this->receive($folder);
		$this->assertSame(['Renamed', '<friend>'], [$this->attach('d1')['filename'], $this->attach('d1')['allow_cid']]);
		$this->assertSame(
			['Renamed/Deep', 'Renamed/Deep/f1.bin', 'Renamed/Deep/p1.jpg'],
			array_map(fn ($hash) => $this->attach($hash)['display_path'], ['d2', 'f1', 'p1']),
		);
		$this->assertSame(
			[['Renamed/Deep', 'Renamed/Deep/p1.jpg']],
			array_unique(array_map(fn ($photo) => [$photo['album'], $photo['display_path']], Table::select('photo', [
				'resource_id' => 'p1',
			])), SORT_REGULAR),
		);
		$this->assertSame(
			['', 0],
			[$this->attach('f1')['allow_cid'], count(Table::select('filesync_transfer', ['state' => 'staged']))],
			'only the folder changes, nothing is fetched',
		);
	}

	public function test_a_moved_folder_goes_with_all_beneath_it_on_disk_and_in_the_rows(): void
	{
		$photo = $this->photo('p1', [0 => 'photo', 1 => 'small'], ['folder' => 'd2']);
		$entry = $this->file('f1', 'bytes', [], ['d1' => 'Folder', 'd2' => 'Deep']);
		$photo['attach'] = [...array_slice($entry['attach'], 0, 2), ...$photo['attach']];
		$this->receive($entry, $photo, $this->file('f3', 'x', [], ['d3' => 'Target']));
		$this->work();
		$target = $this->row([
			'hash' => 'd3',
			'filename' => 'Target',
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
			'folder' => '',
		]);
		$this->receive(['attach' => [$target, array_replace($entry['attach'][0], ['folder' => 'd3'])]] + $entry);
		foreach (['f1' => 'bytes', 'p1' => 'photo'] as $hash => $bytes) {
			$this->assertSame(["store/alice/d3/d1/d2/$hash", "d3/d1/d2/$hash", $bytes], [
				$this->attach($hash)['content'],
				$this->attach($hash)['os_path'],
				$this->shown($hash),
			]);
		}
		$this->assertSame(
			['store/alice/d3/d1/d2/p1', 'store/alice/d3/d1/d2/p1-1'],
			array_column(Table::select('photo', ['resource_id' => 'p1'], 'imgscale'), 'content'),
		);
		$this->assertSame('small', file_get_contents('store/alice/d3/d1/d2/p1-1'));
		$this->assertDirectoryDoesNotExist('store/alice/d1');
	}

	public function test_folders_that_were_moved_into_each_other_end_alike_on_every_clone(): void
	{
		$entry = $this->file('f1', 'bytes', [], ['d1' => 'Folder', 'd2' => 'Deep']);
		$this->receive($entry);
		$this->work();
		$deep = array_replace($entry['attach'][1], ['folder' => '']);
		$this->receive(['attach' => [$deep, array_replace($entry['attach'][0], ['folder' => 'd2'])]] + $entry);
		$this->assertSame(['', 'd1', 'd2'], [
			$this->attach('d1')['folder'],
			$this->attach('d2')['folder'],
			$this->attach('f1')['folder'],
		]);
		$this->assertSame('bytes', $this->shown('f1'));
		$this->assertSame('', end($this->sentAfterWork()[0]['attach'])['folder'], 'the others are told');
	}

	private function sentAfterWork(): array
	{
		$this->work();

		return $this->sent();
	}

	public function test_a_storage_limit_parks_before_a_byte_is_asked_for(): void
	{
		Table::update(
			'account',
			['account_service_class' => 'small'],
			['account_id' => $this->channel->accountId],
		);
		set_config('service_class', 'small', ['attach_upload_limit' => 10]);
		unset(App::$config['service_class']);
		$this->receive($this->file('f1', '12345678'), $this->file('f2', '12345678'));
		$this->assertSame(['staged', 'parked', 'quota'], [
			$this->transfer('f1')['state'],
			$this->transfer('f2')['state'],
			$this->transfer('f2')['kind'],
		]);
		TransferBatch::$answers['f1-0'] = '12345678 and more';
		$this->work();
		$this->assertSame(['parked', 'quota'], [$this->transfer('f1')['state'], $this->transfer('f1')['kind']]);
	}

	public function test_what_fails_while_it_is_taken_in_is_held_whole_and_tried_again(): void
	{
		dbq('ALTER TABLE filesync_transfer RENAME TO aside');
		$this->receive($this->file('f1', 'bytes'));
		dbq('ALTER TABLE aside RENAME TO filesync_transfer');
		$this->assertSame('staged', Table::first('filesync_packet', ['hash' => 'f1'])['state']);
		Table::update('filesync_packet', ['next_at' => 0], []);
		$this->work();
		$this->assertSame('bytes', $this->shown('f1'));
		$this->assertNull(Table::first('filesync_packet', []));
	}

	public function test_a_comment_is_not_lost_while_the_packet_of_its_photo_must_wait(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		mkdir('store/alice/d1');
		file_put_contents('store/alice/d1/f1', 'in the way');
		$moved = $this->file('f1', 'bytes', [], ['d1' => 'Folder']);
		$moved['item'] = [$this->item('post', 'post')];
		$this->receive($moved);
		$this->assertSame('parked', Table::first('filesync_packet', ['hash' => 'f1'])['state']);
		Zotlabs\Lib\sync_items($this->channel->row(), [$this->item('comment', 'post')]);
		$this->assertSame(['post', 'comment'], array_column(Table::select('item', [], 'id'), 'mid'));
	}

	public function test_a_comment_that_stands_before_its_post_in_a_packet_is_not_lost(): void
	{
		$entry = $this->file('f1', 'bytes');
		$entry['item'] = [$this->item('comment', 'post'), $this->item('post', 'post')];
		$this->receive($entry);
		Zotlabs\Lib\sync_items($this->channel->row(), [
			$this->item('second comment', 'second'),
			$this->item('second', 'second'),
		]);
		Zotlabs\Daemon\import_items($this->channel->row(), [
			$this->item('third comment', 'third'),
			$this->item('third', 'third'),
		]);
		$this->assertSame(
			['post', 'comment', 'second', 'second comment', 'third', 'third comment'],
			array_column(Table::select('item', [], 'id'), 'mid'),
		);
	}

	public function test_the_channels_key_stands_in_no_table_and_no_log_of_ours(): void
	{
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'small']), $this->file('missing', 'x', [
			'hash' => 'gone',
		]));
		$this->work();
		$this->assertStringContainsString('PRIVATE KEY', TransferBatch::$options[0]['private_key']);
		$needle = substr($this->channel->privateKey(), 100, 60);
		foreach (FileSync\Addon\Schema\Migrations::tables() as $table) {
			$this->assertStringNotContainsString($needle, json_encode(
				Table::select($table, []),
				JSON_UNESCAPED_SLASHES,
			));
		}
		$this->assertStringNotContainsString($needle, file_get_contents('hub.log'));
	}
}
