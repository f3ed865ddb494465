<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Transfer\Queue;
use FileSync\Photo;
use FileSync\TransferBatch;

/** Of a photo only what nobody can make again travels: the original, and the crops 4 and 7. */
final class ScalesTest extends AddonTestCase
{
	private const SCALES = [
		0 => 'original',
		1 => 'theirs 1',
		2 => 'theirs 2',
		3 => 'theirs 3',
		4 => 'crop',
		5 => 'theirs 5',
		6 => 'theirs 6',
	];

	protected function setUp(): void
	{
		parent::setUp();
		Photo::$isKnown = true;
		Config::set('make_scales', '1');
	}

	protected function tearDown(): void
	{
		Photo::$isKnown = false;
		Photo::$facts = null;
		parent::tearDown();
	}

	public function test_what_a_packet_says_is_stored_once_and_not_once_for_each_scale(): void
	{
		$entry = $this->photo('p1', array_fill_keys(range(0, 9), 'x'), [
			'allow_cid' => '<' . str_repeat('b', 100000) . '>',
		]);
		$folders = [];
		$parent = '';
		for ($n = 0; $n < 20; $n++) {
			$folders[] = $this->row([
				'hash' => "d$n",
				'filename' => "d$n",
				'folder' => $parent,
				'is_dir' => 1,
				'filetype' => 'multipart/mixed',
				'allow_cid' => '<' . str_repeat('a', 10000) . '>',
			]);
			$parent = "d$n";
		}
		$entry['attach'][0]['folder'] = $parent;
		$entry['attach'] = [...$folders, ...$entry['attach']];
		$stored = fn () => Table::sum('filesync_transfer', 'length(entry) + length(pending)', []);
		$this->receive($entry);
		$this->assertLessThan(1.2 * strlen(json_encode($entry)), $stored());
		// Accepted while it is on its way.
		$entry['attach'][20]['allow_cid'] = '<' . str_repeat('c', 100000) . '>';
		$this->receive($entry);
		$this->assertLessThan(1.2 * strlen(json_encode($entry)), $stored());
		$this->work();
		$this->assertSame('x', $this->shown('p1'));
	}

	public function test_a_scale_is_seen_by_those_who_may_see_the_photo_whatever_changed_while_it_came(): void
	{
		Config::set('make_scales', '0');
		$lists = fn (string $hash, int $scale) => Table::first(
			'photo',
			['resource_id' => $hash, 'imgscale' => $scale],
			'',
			'allow_cid, deny_cid',
		);
		$narrow = fn (string $who, array $scales = [0, 1, 2]) => function (array $entry) use ($who, $scales) {
			$entry['attach'][0]['allow_cid'] = in_array(0, $scales, true) ? "<$who>" : '';
			foreach ($entry['photo'] as $n => $photo) {
				$entry['photo'][$n]['allow_cid'] = in_array((int) $photo['imgscale'], $scales, true) ? "<$who>" : '';
			}

			return $entry;
		};
		$photo = fn (string $hash) => $this->photo($hash, [0 => "$hash-0", 1 => "$hash-1", 2 => "$hash-2"]);
		// Its own access, which is narrower than the photo's, is kept.
		$this->receive($narrow('bob', [1])($photo('p1')));
		$this->work();
		$this->assertSame(['', '<bob>', ''], [
			$lists('p1', 0)['allow_cid'],
			$lists('p1', 1)['allow_cid'],
			$lists('p1', 2)['allow_cid'],
		]);
		// A change that is accepted while the bytes are on their way holds for the scales too.
		$this->receive($photo('p2'));
		$this->receive($narrow('bob')($photo('p2')));
		$this->assertSame('staged', $this->transfer('p2', 1)['state']);
		$this->work();
		$this->assertSame(
			array_fill(0, 3, '<bob>'),
			array_map(fn ($scale) => $lists('p2', $scale)['allow_cid'], [0, 1, 2]),
		);
		// What was staged by an earlier version.
		$this->receive($narrow('bob', [0])($photo('p3')));
		$file = json_decode($this->transfer('p3')['entry'], true);
		$old = json_decode($this->transfer('p3', 1)['entry'], true);
		Table::update(
			'filesync_transfer',
			['entry' => json_encode([
				'folders' => $file['folders'],
				'attach' => $file['attach'],
				'photo' => $old['photo'],
			])],
			['hash' => 'p3', 'scale' => 1],
		);
		$this->work();
		$this->assertSame('', $lists('p3', 1)['allow_cid'], 'as it came');
		$this->receive($narrow('bob', [0])($photo('p4')));
		$full = json_decode($this->transfer('p4')['entry'], true);
		Table::update(
			'filesync_transfer',
			['entry' => json_encode([
				'folders' => $full['folders'],
				'attach' => $full['attach'],
				'photo' => $old['photo'],
			])],
			['hash' => 'p4', 'scale' => 1],
		);
		Queue::amend(
			1,
			'p4',
			['allow_cid' => '<carol>', 'term' => []]
			+ array_intersect_key($full['attach'], array_flip([
				'allow_gid',
				'deny_cid',
				'deny_gid',
				'folder',
				'filename',
			])),
			[],
			$this->channel->hash,
		);
		$this->work();
		$this->assertSame('<carol>', $this->attach('p4')['allow_cid']);
		$this->assertSame('<carol>', $lists('p4', 1)['allow_cid']);
	}

	public function test_scales_are_made_of_the_original_and_of_the_crop_and_their_rows_say_what_they_are(): void
	{
		$this->receive($this->photo('p1', self::SCALES));
		$this->work();
		$this->assertEqualsCanonicalizing(['p1-0', 'p1-4'], $this->fetched());
		foreach ([1 => 'original', 2 => 'original', 3 => 'original', 5 => 'crop', 6 => 'crop'] as $scale => $source) {
			$this->assertSame("scale $scale of $source", file_get_contents("store/alice/p1-$scale"));
			$row = Table::first('photo', ['resource_id' => 'p1', 'imgscale' => $scale]);
			$this->assertSame([100 * $scale, 50 * $scale, strlen("scale $scale of $source")], [
				(int) $row['width'],
				(int) $row['height'],
				(int) $row['filesize'],
			]);
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

	public function test_scales_that_are_few_bytes_beside_their_photo_are_taken_from_a_hub_with_filesync(): void
	{
		$large = [str_repeat('large ', 10)] + self::SCALES;
		Photo::$facts = fn () => ['mimetype' => 'image/jpeg', 'width' => 300, 'height' => 200];
		$photo = function (string $hash, array $bytes = [], array $columns = []) use ($large): array {
			$entry = $this->photo($hash, $bytes + $large);
			foreach (array_keys($entry['photo']) as $n) {
				$entry['photo'][$n] = ($columns[$n] ?? []) + ['width' => 300, 'height' => 200] + $entry['photo'][$n];
			}

			return $entry;
		};
		$this->receive($photo('p1'));
		Peers::answered(self::ORIGIN, ['features' => ['ticket']]);
		$this->receive(
			$photo('p2'),
			$photo('p3', ['small']),
			$photo('p4', [], [2 => ['height' => 641]]),
			$photo('p5', [], [3 => ['mimetype' => 'image/png']]),
			$photo('p6', [], [1 => ['filesize' => 0]]),
			$photo('p8', [], [2 => ['width' => 299]]),
		);
		set_config('system', 'jpeg_quality', '75');
		$this->receive($photo('p7'));
		del_config('system', 'jpeg_quality');
		$this->work();
		$this->assertEqualsCanonicalizing(
			['p2-1', 'p2-2', 'p2-3', 'p8-1', 'p8-2', 'p8-3'],
			array_values(array_filter($this->fetched(), fn ($name) => ! preg_match('/-[04]$/', $name))),
		);
		$this->assertSame('theirs 3', file_get_contents('store/alice/p8-3'));
		$this->assertStringStartsWith(
			'scale 2 of ',
			file_get_contents('store/alice/p8-2'),
			'of another size than said',
		);
		$this->assertSame('theirs 2', file_get_contents('store/alice/p2-2'));
		$this->assertSame('scale 5 of crop', file_get_contents('store/alice/p2-5'), 'of what is fetched anyway');
		foreach (['p1', 'p3', 'p4', 'p5', 'p6', 'p7'] as $hash) {
			$this->assertStringStartsWith('scale 2 of ', file_get_contents("store/alice/$hash-2"), $hash);
		}
	}

	public function test_a_scale_that_the_hub_does_not_give_after_all_is_made(): void
	{
		Peers::answered(self::ORIGIN, ['features' => ['ticket']]);
		Photo::$facts = fn () => ['mimetype' => 'image/jpeg', 'width' => 20, 'height' => 10];
		$this->receive($this->photo('p1', [str_repeat('large ', 10), 'theirs 1', 'theirs 2', 'theirs 3']));
		TransferBatch::$answers['p1-1'] = ['kind' => 'Network', 'temporary' => true, 'message' => 'cut off'];
		TransferBatch::$answers['p1-2'] = ['kind' => 'NotFound', 'temporary' => false, 'message' => 'gone'];
		$this->work();
		$this->assertStringStartsWith('scale 1 of large', file_get_contents('store/alice/p1-1'), 'at once');
		$this->assertStringStartsWith('scale 2 of large', file_get_contents('store/alice/p1-2'));
		$this->assertSame('theirs 3', file_get_contents('store/alice/p1-3'));
		$this->assertSame([0, "nothing is missing\n"], $this->runVerb('missing'));
	}

	public function test_scales_wait_for_what_they_are_made_of(): void
	{
		$this->receive($this->photo('p1', self::SCALES));
		TransferBatch::$answers['p1-4'] = ['kind' => 'Network', 'temporary' => true, 'message' => 'cut off'];
		$this->work();
		$this->assertSame(['published', 'to_make'], [
			$this->transfer('p1', 1)['state'],
			$this->transfer('p1', 5)['state'],
		]);
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
			$this->receive($this->photo(
				'p1',
				[0 => 'original', 1 => 'theirs 1', 2 => 'theirs 2'],
				['edited' => '2024-07-01 10:00:' . sprintf('%02d', $instant % 60)],
			));
			$this->killedAt($instant, fn () => $this->work());
			foreach ([1, 2] as $again) {
				$this->expireLeases();
				$this->work();
			}
			foreach ([1, 2] as $scale) {
				$this->assertContains(
					file_get_contents("store/alice/p1-$scale"),
					["scale $scale of original", "theirs $scale"],
					"killed at instant $instant",
				);
				$this->assertSame(
					filesize("store/alice/p1-$scale"),
					(int) Table::first('photo', ['resource_id' => 'p1', 'imgscale' => $scale])['filesize'],
				);
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
		$this->receive(
			$this->photo('p1', self::SCALES),
			$this->photo('p2', [0 => 'another', 1 => '', 2 => '', 3 => '']),
		);
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
		$found = array_column(
			array_map(fn ($line) => json_decode($line, true), explode("\n", trim($text))),
			'faults',
			'hash',
		);
		$this->assertSame(
			[1 => 'no file', 2 => '400 x 200, should be 200 x 100', 3 => 'no row', 5 => 'the row says 5 x 250'],
			$found['p1'],
		);
		$this->assertSame([1 => 'kept in the database, as on old hubs', 2 => '5 bytes, the row says 18'], $found['p2']);
		$this->assertSame([0, true], [$code, ! is_file('store/alice/p1-1')]);
		[$code, $text] = $this->runVerb('repair', 'photos');
		$this->assertStringContainsString('made 6 scales again', $text);
		$this->assertSame([0, "nothing to mend\n"], $this->runVerb('repair', 'photos'));
		$this->assertSame('scale 3 of original', file_get_contents('store/alice/p1-3'));
		$this->assertSame(
			['p1', 'p1'],
			array_column(Table::select('photo', ['resource_id' => 'p1', 'imgscale' => [3, 5]]), 'resource_id'),
		);

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
