<?php

use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Photo;
use FileSync\TransferBatch;

/** Each shape that older hubs, or losses, left: found, mended, taken back, and never found again once it is mended. */
final class RepairFilesTest extends AddonTestCase
{
	private const OLD_HASH = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';

	private int $uid;

	protected function setUp(): void
	{
		parent::setUp();
		$this->uid = $this->channel->id;
	}

	public function test_a_channel_as_hubs_make_it_has_nothing_to_mend(): void
	{
		Photo::$isKnown = true;
		$this->receive(
			$this->file('f1', 'bytes', [], ['d1' => 'Folder', 'd2' => 'Inner']),
			$this->photo('p1', [0 => 'original', 1 => 'a', 2 => 'b', 3 => 'c']),
		);
		$this->work();
		Photo::$isKnown = false;
		$this->age('store/alice/p1');
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'files'));
	}

	public function test_bytes_in_the_database_come_out_to_where_they_belong(): void
	{
		$bytes = "raw \x00\xff\\x41 bytes";
		$this->legacy([
			'hash' => self::OLD_HASH,
			'filename' => 'old.bin',
			'os_storage' => 0,
			'content' => $bytes,
			'filesize' => strlen($bytes),
		]);
		$this->finds(['database' => self::OLD_HASH]);
		$this->assertSame($bytes, $this->shown(self::OLD_HASH));
		$this->assertSame('store/alice/' . self::OLD_HASH, $this->attach(self::OLD_HASH)['content']);
		$this->takesBack();
		$this->assertSame([0, $bytes], [
			(int) $this->attach(self::OLD_HASH)['os_storage'],
			$this->attach(self::OLD_HASH)['content'],
		]);
		$this->assertFileDoesNotExist('store/alice/' . self::OLD_HASH);
	}

	public function test_bytes_in_the_database_replace_no_others_on_disk(): void
	{
		$this->legacy(['hash' => 'f1', 'os_storage' => 0, 'content' => 'of the database', 'filesize' => 15]);
		file_put_contents('store/alice/f1', 'other');
		[$code] = $this->runVerb('repair', 'files', '--json');
		$this->assertSame(1, $code);
		$this->assertSame(['other', 'of the database'], [
			file_get_contents('store/alice/f1'),
			$this->attach('f1')['content'],
		]);
	}

	public function test_a_row_that_claims_more_bytes_than_the_database_holds_is_not_called_whole(): void
	{
		$this->legacy(['hash' => 'f1', 'os_storage' => 0, 'content' => '', 'filesize' => 7]);
		$this->legacy(['hash' => 'f2', 'os_storage' => 0, 'content' => 'cut', 'filesize' => 7]);
		$this->legacy(['hash' => 'f3', 'os_storage' => 0, 'content' => '', 'filesize' => 0]);
		TransferBatch::$answers['f2-0'] = 'cut off';
		$this->assertSame(1, $this->runVerb('repair', 'files')[0]);
		$this->assertSame(['0', '7', null], [
			(string) $this->attach('f1')['os_storage'],
			(string) $this->attach('f1')['filesize'],
			$this->shown('f1'),
		]);
		$this->assertSame(['7', ''], [(string) $this->attach('f2')['filesize'], $this->shown('f3')]);
		$this->work();
		$this->assertSame('cut off', $this->shown('f2'), 'a clone has all of it');
	}

	public function test_a_row_without_place_a_stale_one_and_a_path_without_prefix_are_filled_in(): void
	{
		$this->legacy([
			'hash' => 'd1',
			'filename' => 'Folder',
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
			'content' => 'store/alice/d1',
			'os_path' => 'd1',
			'display_path' => 'Folder',
		]);
		mkdir('store/alice/d1');
		$this->legacy(['hash' => 'f1', 'filename' => 'a.txt', 'folder' => 'd1', 'content' => 'd1/f1'], 'one');
		$this->legacy([
			'hash' => 'f2',
			'filename' => 'b.txt',
			'folder' => 'd1',
			'content' => 'store/alice/d1/f2',
			'os_path' => 'd1/f2',
			'display_path' => 'Old name/b.txt',
		], 'two');
		$this->finds(['place' => 'f1', 'prefix' => 'f1', 'place 2' => 'f2']);
		$this->assertSame(['d1/f1', 'Folder/a.txt', 'store/alice/d1/f1'], [
			$this->attach('f1')['os_path'],
			$this->attach('f1')['display_path'],
			$this->attach('f1')['content'],
		]);
		$this->assertSame('Folder/b.txt', $this->attach('f2')['display_path']);
		$this->takesBack();
		$this->assertSame(['', 'd1/f1', 'Old name/b.txt'], [
			$this->attach('f1')['os_path'],
			$this->attach('f1')['content'],
			$this->attach('f2')['display_path'],
		]);
	}

	public function test_a_folder_without_row_is_made_for_the_owner_only(): void
	{
		mkdir('store/alice/lost');
		$this->legacy([
			'hash' => 'f1',
			'filename' => 'a.txt',
			'folder' => 'lost',
			'content' => 'store/alice/lost/f1',
			'os_path' => 'lost/f1',
			'display_path' => 'Gone/a.txt',
		], 'one');
		$this->finds(['folder' => 'f1', 'place' => 'f1'], ['folder' => 'f1']);
		$folder = $this->attach('lost');
		$this->assertSame(['1', 'recovered-lost', "<{$this->channel->hash}>"], [
			(string) $folder['is_dir'],
			$folder['filename'],
			$folder['allow_cid'],
		]);
		$this->assertSame(['recovered-lost/a.txt', 'one'], [$this->attach('f1')['display_path'], $this->shown('f1')]);
		$this->takesBack();
		$this->assertNull($this->attach('lost'));
	}

	public function test_folders_in_a_ring_are_told_and_left(): void
	{
		foreach (['d1' => 'd2', 'd2' => 'd1'] as $hash => $folder) {
			$this->legacy([
				'hash' => $hash,
				'filename' => $hash,
				'folder' => $folder,
				'is_dir' => 1,
				'content' => "store/alice/$hash",
				'os_path' => $hash,
				'display_path' => $hash,
			]);
		}
		[$code, $text] = $this->runVerb('repair', 'files');
		$this->assertSame(1, $code);
		$this->assertStringContainsString("its folders are inside each other (needs attention)\n2 need", strtr($text, [
			'mended 0; 2 need' => '2 need',
		]));
	}

	public function test_of_two_rows_of_a_file_the_whole_one_stays_with_the_categories_of_both(): void
	{
		$this->legacy([
			'hash' => 'f1',
			'filename' => 'a.txt',
			'content' => 'store/alice/elsewhere/f1',
			'os_path' => 'f1',
			'display_path' => 'a.txt',
		]);
		$first = (int) $this->attach('f1')['id'];
		FileSync\Addon\Hub\Store::setTerms($this->uid, $first, [['ttype' => 4, 'term' => 'holiday', 'url' => '']]);
		$this->legacy([
			'hash' => 'f1',
			'filename' => 'a.txt',
			'content' => 'store/alice/f1',
			'os_path' => 'f1',
			'display_path' => 'a.txt',
		], 'whole');
		$this->finds(['twice' => 'f1']);
		$this->assertSame([1, 'whole', 'holiday'], [
			Table::count('attach', ['hash' => 'f1']),
			$this->shown('f1'),
			Table::first('term', ['oid' => (int) $this->attach('f1')['id']])['term'],
		]);
		$this->takesBack();
		$this->assertSame([2, 'holiday'], [
			Table::count('attach', ['hash' => 'f1']),
			Table::first('term', ['oid' => $first])['term'],
		]);
	}

	public function test_of_two_files_of_one_name_the_later_one_gets_another_and_the_clones_hear_of_it(): void
	{
		$this->legacy([
			'hash' => 'f1',
			'filename' => 'a.txt',
			'content' => 'store/alice/f1',
			'os_path' => 'f1',
			'display_path' => 'a.txt',
		], 'one');
		$this->legacy([
			'hash' => 'f2',
			'filename' => 'a.txt',
			'content' => 'store/alice/f2',
			'os_path' => 'f2',
			'display_path' => 'a.txt',
		], 'two');
		$this->finds(['name' => 'f2']);
		$this->assertSame(['a.txt', 'a(1).txt', 'a(1).txt'], [
			$this->attach('f1')['filename'],
			$this->attach('f2')['filename'],
			$this->attach('f2')['display_path'],
		]);
		$this->assertSame(1, Table::count('filesync_reconcile', ['role' => 'ask', 'next_at <=' => Clock::now()]));
	}

	public function test_a_photo_without_a_files_row_becomes_a_file_in_its_album(): void
	{
		$this->legacy([
			'hash' => 'd1',
			'filename' => 'Summer',
			'is_dir' => 1,
			'filetype' => 'multipart/mixed',
			'content' => 'store/alice/d1',
			'os_path' => 'd1',
			'display_path' => 'Summer',
		]);
		mkdir('store/alice/d1');
		$this->photoRow([
			'resource_id' => self::OLD_HASH,
			'album' => 'Summer',
			'filename' => '',
			'os_storage' => 0,
			'content' => "jpeg\x00bytes",
			'filesize' => 10,
			'deny_cid' => '<bob>',
		]);
		$this->photoRow([
			'resource_id' => self::OLD_HASH,
			'album' => 'Summer',
			'imgscale' => 2,
			'os_storage' => 0,
			'content' => 'small',
			'filesize' => 5,
		]);
		$this->photoRow([
			'resource_id' => 'avatar-of-bob',
			'photo_usage' => PHOTO_XCHAN,
			'os_storage' => 0,
			'content' => 'bob',
			'filesize' => 3,
		]);
		$this->finds(['photo' => self::OLD_HASH, 'thumbnail' => self::OLD_HASH], ['photo' => self::OLD_HASH]);
		$row = $this->attach(self::OLD_HASH);
		$this->assertSame(['d1', self::OLD_HASH . '.jpeg', '1', '10', '<bob>'], [
			$row['folder'],
			$row['filename'],
			(string) $row['is_photo'],
			(string) $row['filesize'],
			$row['deny_cid'],
		]);
		$this->assertSame(["jpeg\x00bytes", 'small'], [
			$this->shown(self::OLD_HASH),
			file_get_contents($row['content'] . '-2'),
		]);
		$photo = Table::first('photo', ['resource_id' => self::OLD_HASH, 'imgscale' => 2]);
		$this->assertSame(['Summer/' . self::OLD_HASH . '.jpeg', $row['content'] . '-2', '1'], [
			$photo['display_path'],
			$photo['content'],
			(string) $photo['os_storage'],
		]);
		$this->takesBack();
		$this->assertNull($this->attach(self::OLD_HASH));
		$this->assertSame(['small', '0'], [
			Table::first('photo', ['resource_id' => self::OLD_HASH, 'imgscale' => 2])['content'],
			(string) Table::first('photo', ['resource_id' => self::OLD_HASH, 'imgscale' => 2])['os_storage'],
		]);
	}

	public function test_bytes_that_are_gone_are_fetched_from_a_clone(): void
	{
		$this->legacy([
			'hash' => 'f1',
			'filename' => 'a.txt',
			'content' => 'store/alice/f1',
			'os_path' => 'f1',
			'display_path' => 'a.txt',
			'filesize' => 5,
		]);
		TransferBatch::$answers['f1-0'] = 'bytes';
		$this->assertStringContainsString('bytes     f1 of channel', $this->runVerb('repair', 'files', '--dry-run')[1]);
		$this->assertSame(0, $this->runVerb('repair', 'files')[0]);
		$this->work();
		$this->assertSame('bytes', $this->shown('f1'));
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'files'));
	}

	public function test_a_file_without_row_becomes_one_that_only_its_owner_sees_unless_it_was_deleted(): void
	{
		file_put_contents('store/alice/' . self::OLD_HASH, 'lost and found');
		file_put_contents('store/alice/' . self::OLD_HASH . '-1', 'its thumbnail');
		file_put_contents('store/alice/young-file', 'an upload that is under way');
		$this->receive($this->file('f1', 'deleted'));
		$this->work();
		$this->receive($this->deletion('f1'));
		file_put_contents('store/alice/f1', 'deleted');
		$this->age('store/alice/' . self::OLD_HASH, 'store/alice/' . self::OLD_HASH . '-1', 'store/alice/f1');
		$this->finds(['orphan' => self::OLD_HASH]);
		$row = $this->attach(self::OLD_HASH);
		$this->assertSame(['recovered-01234567', "<{$this->channel->hash}>", 'lost and found'], [
			$row['filename'],
			$row['allow_cid'],
			$this->shown(self::OLD_HASH),
		]);
		$this->takesBack();
		$this->assertNull($this->attach(self::OLD_HASH));
		$this->assertFileExists('store/alice/' . self::OLD_HASH);
	}

	public function test_what_was_changed_since_is_not_taken_back(): void
	{
		$this->legacy(['hash' => 'f1', 'os_storage' => 0, 'content' => 'old', 'filesize' => 3]);
		$this->legacy(['hash' => 'f2', 'os_storage' => 0, 'content' => 'two', 'filesize' => 3]);
		[, $text] = $this->runVerb('repair', 'files');
		file_put_contents('store/alice/f1', 'new');
		preg_match('/^undo (\w+) reverts this$/m', $text, $run);
		[$code, $text] = $this->runVerb('undo', $run[1]);
		$this->assertSame(1, $code);
		$this->assertStringContainsString('its bytes were changed since', $text);
		$this->assertSame(['new', '0'], [$this->shown('f1'), (string) $this->attach('f2')['os_storage']]);
	}

	public function test_a_repair_that_is_cut_off_goes_on(): void
	{
		foreach (range(1, 5) as $n) {
			$this->legacy(['hash' => "f$n", 'os_storage' => 0, 'content' => "bytes $n", 'filesize' => 7]);
		}
		$this->assertSame(
			[75, "mended 0; out of time, run it again for the rest\n"],
			$this->runVerb('repair', 'files', '--seconds', '0'),
		);
		$count = $this->whileFailing(fn ($sql, $number) => $number === 25, fn () => $this->runVerb('repair', 'files'));
		$this->assertGreaterThan(25, $count);
		$this->runVerb('repair', 'files');
		foreach (range(1, 5) as $n) {
			$this->assertSame("bytes $n", $this->shown("f$n"));
		}
	}

	public function test_what_is_sure_is_mended_before_the_first_comparison_and_only_then(): void
	{
		$this->legacy(['hash' => 'f1', 'os_storage' => 0, 'content' => 'bytes', 'filesize' => 5]);
		$this->legacy([
			'hash' => 'f2',
			'filename' => 'a.txt',
			'folder' => 'lost',
			'content' => 'store/alice/f2',
			'os_path' => 'f2',
			'display_path' => 'a.txt',
		], 'two');
		$run = FileSync\Addon\Inventory\Run::ask($this->channel->id, self::ORIGIN);
		$this->assertFalse(
			FileSync\Addon\Repair\Legacy::prepare($this->channel, 0),
			'a slice that is over begins nothing',
		);
		$this->assertSame('0', (string) $this->attach('f1')['os_storage']);
		FileSync\Addon\Reconcile\Reconcile::goOn($run->id, Clock::now() + 30);
		$this->assertSame(['bytes', null], [$this->shown('f1'), $this->attach('lost')]);
		$this->assertCount(1, FileSync\Addon\Repair\Journal::runs());
		dbq("UPDATE attach SET os_storage = 0 WHERE hash = 'f1'");
		FileSync\Addon\Reconcile\Reconcile::goOn($run->id, Clock::now() + 30);
		$this->assertSame('0', (string) $this->attach('f1')['os_storage']);
	}

	/** Looks without changing anything, then mends, then looks again: nothing is left. */
	private function finds(array $expected, ?array $dry = null): void
	{
		$shapes = fn (string $text) => array_map(
			fn ($line) => [($one = json_decode($line, true))['shape'], $one['hash'], $one['mend']],
			explode("\n", trim($text)),
		);
		$listed = fn (array $faults) => array_map(
			fn ($shape, $hash) => [strtok($shape, ' '), $hash, true],
			array_keys($faults),
			$faults,
		);
		$before = $this->rows();
		[$code, $text] = $this->runVerb('repair', 'files', '--dry-run', '--json');
		$this->assertSame([0, $listed($dry ?? $expected), $before], [$code, $shapes($text), $this->rows()]);
		[$code, $text] = $this->runVerb('repair', 'files', '--json');
		$this->assertSame([0, $listed($expected)], [$code, $shapes($text)]);
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'files'));
		$this->before = $before;
	}

	private array $before = [];

	/** Takes the last repair back: all rows are what they were. */
	private function takesBack(): void
	{
		$this->assertSame(0, $this->runVerb('undo', FileSync\Addon\Repair\Journal::runs()[0]['run'])[0]);
		$this->assertSame($this->before, $this->rows());
		$this->assertSame([], FileSync\Addon\Repair\Journal::runs());
	}

	private function rows(): array
	{
		return array_map(fn ($table) => Table::select($table, ['uid' => $this->uid], 'id'), ['attach', 'photo']);
	}

	private function legacy(array $columns, ?string $bytes = null): void
	{
		if ($bytes !== null) {
			file_put_contents(
				str_starts_with($columns['content'], 'store')
					? $columns['content']
					: 'store/alice/' . $columns['content'],
				$bytes,
			);
			$columns += ['filesize' => strlen($bytes)];
		}
		$columns += ['filename' => $columns['hash'] . '.bin', 'os_path' => '', 'display_path' => ''];
		// An old row of a file in the root knows its place, or not.
		$columns = (int) ($columns['os_storage'] ?? 1) === 0
			? ['os_path' => $columns['hash'], 'display_path' => $columns['filename']] + $columns
			: $columns;
		Table::insert('attach', ['uid' => $this->uid, 'aid' => 1] + $columns + array_diff_key($this->row($columns), [
			'id' => 1,
			'term' => 1,
		]));
	}

	private function photoRow(array $columns): void
	{
		$owner = ['uid' => $this->uid, 'aid' => 1];
		$times = [
			'created' => '2014-05-01 10:00:00',
			'edited' => '2014-05-01 10:00:00',
			'expires' => '2014-05-02 10:00:00',
		];
		Table::insert('photo', $columns + $owner + $times + (require __DIR__ . '/../shared/photo-row.php'));
	}

	private function age(string ...$paths): void
	{
		foreach ($paths as $path) {
			touch($path, Clock::now() - 100000);
		}
	}
}
