<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Photo;
use FileSync\TransferBatch;

/** Of a photo only what nobody can make again travels: the original, and the crops 4 and 7. */
final class ScalesTest extends AddonTestCase
{
	private const SCALES = [0 => 'original', 1 => 'theirs 1', 2 => 'theirs 2', 3 => 'theirs 3', 4 => 'crop', 5 => 'theirs 5', 6 => 'theirs 6'];

	protected function setUp(): void
	{
		parent::setUp();
		Photo::$isKnown = true;
		Config::set('make_scales', '1');
	}

	protected function tearDown(): void
	{
		Photo::$isKnown = false;
		parent::tearDown();
	}

	public function test_scales_are_made_of_the_original_and_of_the_crop_and_their_rows_say_what_they_are(): void
	{
		$this->receive($this->photo('p1', self::SCALES));
		$this->work();
		$this->assertEqualsCanonicalizing(['p1-0', 'p1-4'], $this->fetched());
		foreach ([1 => 'original', 2 => 'original', 3 => 'original', 5 => 'crop', 6 => 'crop'] as $scale => $source) {
			$this->assertSame("scale $scale of $source", file_get_contents("store/alice/p1-$scale"));
			$row = Table::first('photo', ['resource_id' => 'p1', 'imgscale' => $scale]);
			$this->assertSame([100 * $scale, 50 * $scale, strlen("scale $scale of $source")], [(int) $row['width'], (int) $row['height'], (int) $row['filesize']]);
		}
		$this->assertSame([], glob('store/*data*/filesync/1/*.partial'));
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing'));
	}

	public function test_a_new_name_makes_nothing_anew_and_new_bytes_all(): void
	{
		$this->receive($this->photo('p1', self::SCALES));
		$this->work();
		$made = filemtime('store/alice/p1-1');
		touch('store/alice/p1-1', $made - 100);
		$this->receive($this->photo('p1', self::SCALES, ['filename' => 'new.jpg']));
		$this->work();
		clearstatcache();
		$this->assertSame($made - 100, filemtime('store/alice/p1-1'));
		$this->assertSame('new.jpg', Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 1])['filename']);
		$this->receive($this->photo('p1', ['turned'] + self::SCALES, ['edited' => '2024-06-01 10:00:00']));
		$this->work();
		$this->assertSame('scale 1 of turned', file_get_contents('store/alice/p1-1'));
	}

	public function test_what_cannot_be_made_is_fetched_and_so_is_all_where_the_admin_says_so(): void
	{
		Photo::$isKnown = false;
		$this->receive($this->photo('p1', self::SCALES));
		$this->work();
		$this->assertSame('theirs 1', file_get_contents('store/alice/p1-1'));
		$this->assertSame('theirs 6', file_get_contents('store/alice/p1-6'));
		Photo::$isKnown = true;
		Config::set('make_scales', '0');
		$this->receive($this->photo('p2', self::SCALES));
		$this->work();
		$this->assertSame('theirs 2', file_get_contents('store/alice/p2-2'));
	}

	public function test_scales_wait_for_what_they_are_made_of(): void
	{
		$this->receive($this->photo('p1', self::SCALES));
		TransferBatch::$answers['p1-4'] = ['kind' => 'Network', 'temporary' => true, 'message' => 'cut off'];
		$this->work();
		$this->assertSame(['published', 'to_make'], [$this->transfer('p1', 1)['state'], $this->transfer('p1', 5)['state']]);
		$this->assertSame(75, $this->runVerb('missing')[0]);
		TransferBatch::$answers['p1-4'] = 'crop';
		Table::update('filesync_transfer', ['next_at' => 0], ['state' => 'waiting']);
		$this->work();
		$this->assertSame('scale 5 of crop', file_get_contents('store/alice/p1-5'));
	}

	public function test_killed_at_any_instant_the_scales_are_there_in_the_end(): void
	{
		$instants = 60;
		foreach (self::sample($instants, 12) as $instant) {
			dbq('DELETE FROM filesync_transfer');
			dbq('DELETE FROM attach');
			dbq('DELETE FROM photo');
			$this->receive($this->photo('p1', [0 => 'original', 1 => 'theirs 1', 2 => 'theirs 2'], ['edited' => '2024-07-01 10:00:' . sprintf('%02d', $instant % 60)]));
			$this->killedAt($instant, fn () => $this->work());
			foreach ([1, 2] as $again) {
				$this->expireLeases();
				$this->work();
			}
			foreach ([1, 2] as $scale) {
				$this->assertContains(file_get_contents("store/alice/p1-$scale"), ["scale $scale of original", "theirs $scale"], "killed at instant $instant");
				$this->assertSame(filesize("store/alice/p1-$scale"), (int) Table::first('photo', ['resource_id' => 'p1', 'imgscale' => $scale])['filesize']);
			}
			$this->assertSame([], glob('store/*data*/filesync/1/*.partial'));
		}
	}

	public function test_thumbnails_that_the_hub_keeps_in_its_database_are_made_too(): void
	{
		set_config('system', 'photo_storage_type', 0);
		$this->receive($this->photo('p1', [0 => 'original', 1 => 'theirs 1']));
		$this->work();
		$row = Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 1]);
		$this->assertSame([0, 'scale 1 of original'], [(int) $row['os_storage'], $row['content']]);
	}

	public function test_repair_finds_wrong_scales_and_makes_them_anew_but_never_a_crop(): void
	{
		$this->receive($this->photo('p1', self::SCALES), $this->photo('p2', [0 => 'another', 1 => '', 2 => '', 3 => '']));
		$this->work();
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'photos', '--dry-run'));
		unlink('store/alice/p1-1');
		file_put_contents('store/alice/p1-2', 'original');
		Table::update('photo', ['filesize' => 8], ['resource_id' => 'p1', 'imgscale' => 2]);
		Table::delete('photo', ['resource_id' => 'p1', 'imgscale' => 3]);
		Table::update('photo', ['width' => 5], ['resource_id' => 'p1', 'imgscale' => 5]);
		Table::update('photo', ['os_storage' => 0, 'content' => 'bytes'], ['resource_id' => 'p2', 'imgscale' => 1]);
		file_put_contents('store/alice/p2-2', 'short');
		[$code, $text] = $this->runVerb('repair', 'photos', '--dry-run', '--json');
		$found = array_column(array_map(fn ($line) => json_decode($line, true), explode("\n", trim($text))), 'faults', 'hash');
		$this->assertSame([1 => 'no file', 2 => '400 x 200, should be 200 x 100', 3 => 'no row', 5 => 'the row says 5 x 250'], $found['p1']);
		$this->assertSame([1 => 'kept in the database, as on old hubs', 2 => '5 bytes, the row says 18'], $found['p2']);
		$this->assertSame([0, true], [$code, ! is_file('store/alice/p1-1')]);
		[$code, $text] = $this->runVerb('repair', 'photos');
		$this->assertStringContainsString('made 6 scales again', $text);
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'photos'));
		$this->assertSame('scale 3 of original', file_get_contents('store/alice/p1-3'));
		$this->assertSame(['p1', 'p1'], array_column(Table::select('photo', ['resource_id' => 'p1', 'imgscale' => [3, 5]]), 'resource_id'));

		unlink('store/alice/p1-4');
		[$code, $text] = $this->runVerb('repair', 'photos');
		$this->assertSame(1, $code);
		$this->assertStringContainsString('p1 scale 4', $text);
		$this->assertFileDoesNotExist('store/alice/p1-4');
	}

	/** Returns what was asked for at the origin. */
	private function fetched(): array
	{
		return array_map(fn ($transfer) => "{$transfer['hash']}-{$transfer['scale']}", TransferBatch::$added);
	}
}
