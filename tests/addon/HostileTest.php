<?php

use FileSync\Addon\Hub\Table;
use FileSync\TransferBatch;
use TestHub\InProcess;

/** I2, I5: packets that pass every check and still mean harm, and disks that are not what they seem. */
final class HostileTest extends AddonTestCase
{
	public function test_an_older_packet_that_comes_late_neither_widens_access_nor_renames(): void
	{
		$old = $this->file('f1', 'bytes', ['filename' => 'old.txt']);
		$this->receive($old);
		$this->receive($this->file('f1', 'newer', [
			'edited' => '2024-06-01 10:00:00',
			'filename' => 'new.txt',
			'allow_cid' => '<me>',
			'term' => [['type' => 3, 'term' => 'x', 'url' => '']],
		]));
		$this->work();
		$this->receive($old);
		$this->work();
		$this->assertSame(['newer', 'new.txt', '<me>', '2024-06-01 10:00:00'], [
			$this->shown('f1'),
			$this->attach('f1')['filename'],
			$this->attach('f1')['allow_cid'],
			$this->attach('f1')['edited'],
		]);
		$this->assertCount(1, Table::select('term', ['otype' => 2]));
	}

	public function test_a_scale_that_comes_later_is_not_more_public_than_the_photo(): void
	{
		$this->receive($this->photo('p1', [0 => 'original']));
		$this->work();
		$this->receive($this->photo('p1', [0 => 'original', 4 => 'crop']));
		Table::update('attach', ['allow_cid' => '<me>'], ['hash' => 'p1']);
		Table::update('photo', ['allow_cid' => '<me>'], ['resource_id' => 'p1']);
		$this->work();
		$this->assertSame(
			['<me>', '<me>'],
			array_column(Table::select('photo', ['resource_id' => 'p1'], 'imgscale'), 'allow_cid'),
		);
	}

	public function test_a_date_in_the_far_future_does_not_shut_out_what_comes_after(): void
	{
		$this->receive($this->photo('p1', [0 => 'first', 1 => 'small'], ['edited' => '9999-12-31 23:59:59']));
		$this->work();
		$this->receive($this->photo('p1', [0 => 'second', 1 => 'smaller'], ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$this->assertSame('second', $this->shown('p1'));
		$this->assertSame('smaller', file_get_contents('store/alice/p1-1'));

		$this->receive($this->file('f1', 'bytes', ['edited' => '9999-12-31 23:59:59']));
		$this->receive($this->file('f1', 'sounder', ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$this->assertSame('sounder', $this->shown('f1'));
	}

	public function test_a_folder_that_arrives_with_the_hash_of_a_file_on_its_way_stays_a_folder(): void
	{
		$this->receive($this->file('x1', 'bytes'));
		$this->receive($this->file('f2', 'other', [], ['x1' => 'Folder']));
		$this->work();
		$this->assertSame([1, 'Folder'], [(int) $this->attach('x1')['is_dir'], $this->attach('x1')['filename']]);
		$this->assertSame('parked', $this->transfer('x1')['state']);
		$this->assertSame('other', $this->shown('f2'));
	}

	public function test_a_category_cannot_carry_a_script(): void
	{
		$this->receive($this->file('f1', 'bytes', [
			'term' => [['type' => 3, 'term' => '<script>x</script>', 'url' => 'javascript:alert(1)']],
		]));
		$this->work();
		$term = Table::first('term', ['otype' => 2]);
		$this->assertSame('', $term['url']);
		$this->assertStringNotContainsString('<', $term['term']);
	}

	public function test_a_name_that_steers_a_terminal_is_stored_and_shown_harmless(): void
	{
		$name = "a\u{202e}gpj.\u{1b}[2Jexe";
		unset(TransferBatch::$answers['f1-0']);
		$entry = $this->file('f1', 'bytes', ['filename' => $name]);
		TransferBatch::$answers['f1-0'] = [
			'kind' => 'NotFound',
			'temporary' => false,
			'message' => "gone\nfilesync: published f1",
		];
		$this->receive($entry);
		$this->work();
		ob_start();
		FileSync\Addon\Console\Command::run(['missing']);
		FileSync\Addon\Console\Command::run(['status']);
		$text = ob_get_clean();
		$this->assertStringNotContainsString("\u{202e}", $text);
		$this->assertStringNotContainsString("\u{1b}", $text);
		$this->assertStringNotContainsString("\nfilesync: published", $text . file_get_contents('hub.log'));
		TransferBatch::$answers['f1-0'] = 'bytes';
		$this->receive($entry);
		$this->work();
		$this->assertSame($name, $this->attach('f1')['filename']);
	}

	public function test_nothing_is_made_or_moved_through_a_folder_that_is_a_symbolic_link(): void
	{
		$this->receive($this->file('f1', 'bytes'), $this->file('f2', 'inside', [], ['d1' => 'Folder']));
		$this->work();
		$outside = InProcess::$folder . '/outside';
		rename('store/alice/d1', $outside);
		symlink($outside, 'store/alice/d1');
		$before = scandir($outside);
		$this->receive($this->file('f3', 'x', [], ['d1' => 'Folder', 'd2' => 'Deeper']));
		$move = $this->file('f1', 'bytes', [], ['d1' => 'Folder']);
		$this->receive($move);
		$this->receive($this->deletion('f2'));
		$this->assertSame($before, scandir($outside));
		$this->assertSame('inside', file_get_contents($outside . '/f2'));
		$this->assertSame('bytes', $this->shown('f1'));
		$this->assertSame([], $this->kept());
	}

	public function test_a_big_file_does_not_push_all_others_out_of_what_is_kept(): void
	{
		foreach (['f1' => 'small', 'f2' => str_repeat('x', 100)] as $hash => $bytes) {
			$this->receive($this->file($hash, $bytes));
			$this->work();
			$this->receive($this->deletion($hash));
		}
		Table::update('filesync_kept', ['created' => time() - (8 * 86400)], ['uid' => 1]);
		Table::update('filesync_kept', ['created' => time() - (9 * 86400)], ['hash' => 'f1']);
		FileSync\Addon\Hub\Config::set('kept_max_bytes', '50');
		FileSync\Addon\Work\Housekeeping::daily();
		$this->assertSame(['small'], $this->kept());
	}

	public function test_two_channels_of_one_hub_with_one_hash_do_not_meet(): void
	{
		$bob = $this->another('bob', self::ORIGIN);
		$entry = $this->photo('p1', [0 => 'same', 1 => 'small']);
		$this->receive($entry);
		Zotlabs\Lib\sync_files($bob, [$entry]);
		$this->work();
		$this->assertSame(
			['same', 'same', 'small', 'small'],
			array_map('file_get_contents', ['store/alice/p1', 'store/bob/p1', 'store/alice/p1-1', 'store/bob/p1-1']),
		);
		// Bob's file has bytes on their way; what is done to alice's is none of his business.
		Zotlabs\Lib\sync_files($bob, [$this->photo(
			'p1',
			[0 => 'newer', 1 => 'small'],
			['edited' => '2024-06-01 10:00:00'],
		)]);
		$this->assertCount(1, $this->sent('p1'));
		Zotlabs\Module\attach_export_data($bob, 'p1');
		$this->assertSame([], $this->sent());
		$arr = ['hash' => 'p1', 'allow_cid' => '<x>'];
		$_SERVER['REQUEST_METHOD'] = 'GET';
		FileSync\Addon\Hub\Reception::quietly(1, function () use (&$arr) {
			call_hooks('photo_upload_begin', $arr);
		});
		$this->assertSame([true, '2024-05-01 10:00:00'], [$arr['nosync'], $arr['edited']]);
		$this->receive($this->deletion('p1'));
		$this->work();
		$this->assertNull($this->attach('p1'));
		$this->assertSame('newer', file_get_contents('store/bob/p1'));
		$this->assertCount(2, Table::select('photo', ['uid' => (int) $bob['channel_id']]));
	}

	public function test_bytes_that_an_old_hub_kept_in_its_database_are_kept_too(): void
	{
		foreach (['f1', 'f2'] as $hash) {
			$this->receive($this->file($hash, 'x'));
			$this->work();
			Table::update(
				'attach',
				['os_storage' => 0, 'content' => "in the database\xff $hash", 'filesize' => 19],
				['hash' => $hash],
			);
		}
		Table::delete('filesync_file', ['uid' => 1]);
		$this->receive($this->file('f1', 'on disk', ['edited' => '2024-06-01 10:00:00']), $this->deletion('f2'));
		$this->work();
		$this->assertSame('on disk', $this->shown('f1'));
		$this->assertNull($this->attach('f2'));
		$this->assertEqualsCanonicalizing(
			["in the database\xff f1", "in the database\xff f2"],
			array_values(array_diff($this->kept(), ['x'])),
		);
	}

	public function test_an_empty_file_arrives(): void
	{
		$this->receive($this->file('f1', ''));
		$this->work();
		$this->assertSame(['', 0, 'published'], [
			$this->shown('f1'),
			(int) $this->attach('f1')['filesize'],
			$this->transfer('f1')['state'],
		]);
	}

	public function test_folders_that_are_missing_on_disk_are_made_again(): void
	{
		$this->receive($this->file('f1', 'bytes', [], ['d1' => 'Folder']));
		$this->work();
		unlink('store/alice/d1/f1');
		rmdir('store/alice/d1');
		rmdir('store/alice');
		$this->receive($this->file('f2', 'root'), $this->file('f1', 'bytes', [], ['d1' => 'Folder']));
		$this->work();
		$this->assertSame(['root', 'bytes'], [$this->shown('f2'), $this->shown('f1')]);
	}

	public function test_what_is_held_is_listed_as_missing(): void
	{
		$this->whileFailing(
			fn ($sql) => preg_match('/\bfrom filesync_transfer\b/i', $sql),
			fn () => $this->receive($this->file('f1', 'bytes', [], ['d1' => 'D'])),
		);
		ob_start();
		$code = FileSync\Addon\Console\Command::run(['missing', '--json']);
		$lines = array_map(fn ($line) => json_decode($line, true), explode("\n", trim(ob_get_clean())));
		$this->assertSame([75, 1, 'f1', 'D/f1.bin', 'held'], [
			$code,
			count($lines),
			$lines[0]['hash'],
			$lines[0]['name'],
			$lines[0]['state'],
		]);
		$this->assertNotNull($lines[0]['next_try']);
		ob_start();
		$this->assertSame(75, FileSync\Addon\Console\Command::run(['status', '--json']));
		ob_end_clean();
	}
}
