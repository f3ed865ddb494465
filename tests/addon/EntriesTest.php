<?php

use FileSync\Addon\Backup\AccessNames;
use FileSync\Addon\Backup\Description;
use FileSync\Addon\Backup\Entries;
use FileSync\Addon\Backup\Entry;
use FileSync\Addon\Backup\Lack;
use FileSync\Addon\Backup\LonelyPhotos;
use FileSync\Addon\Hub\Table;

require_once __DIR__ . '/BackupTestCase.php';

/** What a set says of a file is what the hub's rows say. */
final class EntriesTest extends BackupTestCase
{
	public function test_a_file_comes_with_its_folders_categories_and_access(): void
	{
		$this->folder('d1', 'Ferien', '', ['allow_cid' => '<friend>']);
		$this->folder('d2', '2024: "Mai"?', 'd1');
		$this->stored('f1', 'a/b', 'the bytes', 'd2', ['allow_gid' => '<group-1>', 'deny_cid' => '<bob>']);
		$id = (int) $this->attach('f1')['id'];
		foreach ([[2, 3, 'pets'], [1, 3, 'not of the file']] as [$type, $kind, $term]) {
			Table::insert('term', [
				'uid' => $this->channel->id,
				'oid' => $id,
				'otype' => $type,
				'ttype' => $kind,
				'term' => $term,
				'url' => 'http://127.0.0.1:9000/cloud/alice/?cat=pets',
			]);
		}
		$entry = $this->entry('f1');
		$this->assertFalse($entry->isFolder);
		$this->assertSame(['Ferien', '2024: "Mai"?', 'a/b'], $entry->names);
		$this->assertSame('store/alice/d1/d2/f1', $entry->path);
		$this->assertSame(9, $entry->sizeBytes);
		$this->assertSame([], $entry->lacks);
		$metadata = json_decode($entry->metadata, true);
		$this->assertSame(['kind', 'hash', 'attach'], array_keys($metadata));
		$this->assertSame(['d1', 'd2', 'f1'], array_column($metadata['attach'], 'hash'));
		$columns = [
			'hash',
			'creator',
			'filename',
			'filetype',
			'filesize',
			'revision',
			'folder',
			'flags',
			'is_dir',
			'is_photo',
			'created',
			'edited',
			'allow_cid',
			'allow_gid',
			'deny_cid',
			'deny_gid',
			'term',
		];
		foreach ($metadata['attach'] as $row) {
			$this->assertSame($columns, array_keys($row));
		}
		$file = $metadata['attach'][2];
		$this->assertSame(9, $file['filesize']);
		$this->assertSame(0, $file['is_dir']);
		$this->assertSame('<group-1>', $file['allow_gid']);
		$this->assertSame('2024-05-01 10:00:00', $file['edited']);
		$this->assertSame(
			[['otype' => 2, 'ttype' => 3, 'term' => 'pets', 'url' => 'http://127.0.0.1:9000/cloud/alice/?cat=pets']],
			$file['term'],
		);
	}

	public function test_what_is_said_of_a_file_stays_when_its_folder_gets_another(): void
	{
		$this->folder('d1', 'Ferien');
		$this->stored('f1', 'one.txt', 'the bytes', 'd1');
		$before = [$this->entry('f1')->metadata, $this->entry('d1')->metadata];
		// So hubs do with every file that comes into a folder, changes there or goes.
		Table::update('attach', ['edited' => '2024-06-01 00:00:00'], ['uid' => $this->channel->id, 'hash' => 'd1']);
		$this->assertSame($before[0], $this->entry('f1')->metadata);
		$this->assertStringContainsString('"edited":"2024-06-01 00:00:00"', $this->entry('d1')->metadata);
		$this->assertNotSame($before[1], $this->entry('d1')->metadata);
	}

	public function test_a_folder_is_an_entry_of_its_own(): void
	{
		$this->folder('d1', 'empty');
		$entry = $this->entry('d1');
		$this->assertTrue($entry->isFolder);
		$this->assertSame(['empty'], $entry->names);
		$this->assertNull($entry->path);
		$this->assertSame('folder', json_decode($entry->metadata, true)['kind']);
	}

	public function test_a_photo_comes_with_the_rows_of_its_original_and_its_crops(): void
	{
		$this->storedPhoto('p1', 'cat.jpg', [
			0 => 'original',
			1 => 'scale',
			4 => 'profile',
			6 => 'small',
			7 => 'cover',
		]);
		$entry = $this->entry('p1');
		$photos = json_decode($entry->metadata, true)['photo'];
		$this->assertSame([0, 4, 7], array_column($photos, 'imgscale'));
		$this->assertSame([0, 1, 16], array_column($photos, 'photo_usage'));
		$this->assertSame('photo p1', $photos[0]['description']);
		$this->assertSame(20, $photos[0]['width']);
		$this->assertArrayNotHasKey('content', $photos[0]);
		$this->assertArrayNotHasKey('id', $photos[0]);
		$this->assertSame([4, 7], array_map(fn ($crop) => $crop->scale, $entry->crops));
		$this->assertSame('store/alice/p1-7', $entry->crops[1]->facts->path);
	}

	public function test_all_posts_of_a_file_come_with_their_conversations(): void
	{
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original']);
		$this->stranger('fred');
		$photo = ['resource_id' => 'p1', 'resource_type' => 'photo'];
		$first = $this->posted('first', ['item_hidden' => 1, 'obj' => '{"type":"Image"}'] + $photo);
		$this->posted('comment', ['parent' => $first, 'author_xchan' => 'hash-of-fred', 'item_unseen' => 1]);
		$this->posted('gone', ['parent' => $first, 'item_deleted' => 1]);
		$second = $this->posted('second', $photo);
		$this->posted('share', ['resource_id' => 'p1', 'resource_type' => 'attach']);
		$this->posted('deleted', ['item_deleted' => 1] + $photo);
		$this->posted('other', ['resource_id' => 'p2', 'resource_type' => 'photo']);
		Table::insert('term', [
			'uid' => $this->channel->id,
			'oid' => $second,
			'otype' => 1,
			'ttype' => 1,
			'term' => 'cats',
			'url' => 'http://127.0.0.1:9000/search?tag=cats',
		]);
		Table::insert('iconfig', ['iid' => $second, 'cat' => 'system', 'k' => 'noted', 'v' => 'yes', 'sharing' => 0]);

		$entry = $this->entry('p1');
		$this->assertSame(4, $entry->posts);
		$items = json_decode($entry->metadata, true)['item'];
		$this->assertSame(
			['first', 'comment', 'second', 'share'],
			array_map(fn ($item) => basename($item['message_id']), $items),
		);
		$this->assertSame('sha256.signature-of-first', $items[0]['signature']);
		$this->assertSame(['type' => 'Image'], $items[0]['object']);
		$this->assertSame(1, $items[0]['item_hidden']);
		$this->assertSame('fred', $items[1]['author']['name']);
		$this->assertSame(
			[['cats', 'hashtag']],
			array_map(fn ($tag) => [$tag['tag'], $tag['type']], $items[2]['tags']),
		);
		$this->assertSame('noted', $items[2]['meta'][0]['key']);
		foreach ($items as $item) {
			$this->assertSame([], array_intersect(['id', 'parent', 'uid', 'aid', 'item_unseen'], array_keys($item)));
		}
	}

	public function test_posts_beyond_the_bounds_are_counted(): void
	{
		$this->stored('f1', 'one', 'bytes');
		$this->stored('f2', 'two', 'bytes');
		foreach (['f1', 'f2'] as $hash) {
			$root = $this->posted("root-$hash", ['resource_id' => $hash, 'resource_type' => 'attach']);
			for ($n = 0; $n < ($hash === 'f1' ? 7 : 1); $n++) {
				$this->posted("$hash-$n", ['parent' => $root, 'body' => str_repeat('x', 900000)]);
			}
		}
		[$one, $two] = $this->entries();
		$this->assertSame([5, 2], [$one->posts, $two->posts]);
		$this->assertLessThan(Entries::MOST_BYTES, strlen($one->metadata));
		$this->assertSame(['posts', 'too_many'], [$one->lacks[0]->what, $one->lacks[0]->why]);
		$this->assertStringContainsString(
			'one has more posts and comments than a set holds for one file: 3 ',
			$one->lacks[0]->words,
		);
		$this->assertSame([], $two->lacks);
	}

	public function test_all_rows_are_read_in_pages(): void
	{
		for ($n = 0; $n < 450; $n++) {
			$this->stored("f$n", "file $n", '');
		}
		$seen = [];
		foreach ((new Entries($this->channel))->pages() as $after => $entries) {
			$this->assertLessThanOrEqual(200, count($entries));
			$seen = [...$seen, ...array_map(fn ($entry) => $entry->hash, $entries)];
			if (count($seen) === 200) {
				// What is deleted or added meanwhile shifts no page.
				Table::delete('attach', ['hash' => ['f5', 'f7']]);
				$this->stored('late', 'late', '');
			}
		}
		$this->assertCount(451, $seen);
		$this->assertSame('late', end($seen));
	}

	public function test_a_second_row_of_a_hash_is_left_out(): void
	{
		$this->stored('f1', 'first', 'bytes');
		$this->stored('f1', 'second', 'bytes');
		$entries = $this->entries();
		$this->assertCount(1, $entries);
		$this->assertSame(['first'], $entries[0]->names);
	}

	public function test_bytes_in_the_database_are_named_by_their_row(): void
	{
		$this->stored('f1', 'old', 'x', '', [
			'os_storage' => 0,
			'content' => str_repeat("\0bytes", 100),
			'filesize' => 600,
		]);
		$entry = $this->entry('f1');
		$this->assertNull($entry->path);
		$this->assertSame((int) $this->attach('f1')['id'], $entry->rowWithBytes);
		$this->assertStringNotContainsString('bytes', $entry->metadata);
	}

	public function test_a_folder_without_a_row_is_lacking(): void
	{
		$this->folder('d1', 'inner');
		$this->stored('f1', 'file', 'bytes', 'd1');
		Table::update('attach', ['folder' => 'vanished'], ['hash' => 'd1']);
		$entry = $this->entry('f1');
		$this->assertSame(['inner', 'file'], $entry->names);
		$this->assertSame(['folder', 'no_row'], [$entry->lacks[0]->what, $entry->lacks[0]->why]);
	}

	public function test_what_filesync_knows_of_the_versions_comes_along_while_it_is_true(): void
	{
		$this->stored('f1', 'file', 'bytes');
		$this->sent('f1');
		$known = json_decode($this->entry('f1')->metadata, true)['filesync'];
		$this->assertSame(1, $known['v']);
		$this->assertNotEmpty($known['revision']['bytes']['seen']);
		Table::update('attach', ['filename' => 'other'], ['hash' => 'f1']);
		$this->assertArrayNotHasKey('filesync', json_decode($this->entry('f1')->metadata, true));
	}

	public function test_photos_that_are_no_files_are_found(): void
	{
		$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 4 => 'crop']);
		$this->photoRow('avatar', 4, ['content' => 'bytes', 'os_storage' => 0]);
		$this->photoRow('avatar', 5, ['content' => 'bytes', 'os_storage' => 0]);
		$this->photoRow('old', 0, ['content' => 'bytes', 'os_storage' => 0]);
		$this->photoRow('of-bob', 4, ['content' => 'bytes', 'os_storage' => 0, 'photo_usage' => 2]);
		$lacks = iterator_to_array(LonelyPhotos::of($this->channel), false);
		$this->assertSame(['avatar', 'old'], array_map(fn ($lack) => $lack->hash, $lacks));
		$this->assertSame('photo', $lacks[0]->listed()['what']);
	}

	public function test_names_of_groups_and_people_are_looked_up(): void
	{
		$this->stranger('fred');
		Table::insert('pgrp', ['uid' => $this->channel->id, 'hash' => 'group-1', 'gname' => 'Friends']);
		Table::insert('pgrp', ['uid' => 99, 'hash' => 'group-2', 'gname' => "Somebody else's"]);
		$names = new AccessNames($this->channel);
		$names->add('group-1', 'group-2', 'hash-of-fred', 'nobody', 'token:abc');
		$this->assertSame(['<group-1>' => 'Friends', '<hash-of-fred>' => 'fred'], $names->all());
	}

	public function test_what_a_set_lacks_fits_into_what_is_read_of_it_again(): void
	{
		$lacks = (function () {
			for ($n = 0; $n < 12000; $n++) {
				yield new Lack('file', 'no_bytes', str_repeat("a \"long\" path/\n", 40), "hash-$n");
			}
		})();
		for ($n = 0; $n < 3000; $n++) {
			$hash = sprintf('%0200d', $n);
			$rows[] = ['uid' => $this->channel->id, 'hash' => $hash, 'gname' => str_repeat('"', 250)];
			$this->folder("d$n", 'x', '', ['allow_gid' => "<$hash>"]);
		}
		foreach ($rows as $row) {
			Table::insert('pgrp', $row);
		}
		$about = json_decode(Description::of($this->channel, $lacks), true);
		$this->assertLessThan(4 << 20, strlen((string) json_encode($about, JSON_PRETTY_PRINT)));
		$listed = count($about['lacks']) - 1;
		$this->assertGreaterThan(1000, $listed);
		$this->assertSame(
			['what' => 'others', 'why' => 'too_many', 'words' => (12000 - $listed) . ' more are not listed.'],
			$about['lacks'][$listed],
		);
		$this->assertGreaterThan(1000, count($about['access_names']));
	}

	private function entry(string $hash): Entry
	{
		return (new Entries($this->channel))->of([$hash])[$hash];
	}

	/** @return list<Entry> */
	private function entries(): array
	{
		return array_merge(...iterator_to_array((new Entries($this->channel))->pages(), false));
	}

	private function stranger(string $name): void
	{
		Table::insert('xchan', [
			'xchan_hash' => "hash-of-$name",
			'xchan_guid' => $name,
			'xchan_guid_sig' => '',
			'xchan_pubkey' => '',
			'xchan_name' => $name,
			'xchan_network' => 'zot6',
		]);
	}
}
