<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Transfer\Queue;
use FileSync\Photo;
use FileSync\Store;
use FileSync\TransferBatch;

/** I1, I2 and I4: new files that become whole in one step are published together. */
final class TogetherTest extends AddonTestCase
{
	private const PHOTO = ['original', 'theirs 1', 'theirs 2', 'theirs 3'];
	/** Beside this one its scales are few bytes. */
	private const GIVEN = [
		'large large large large large large large large large ',
		'theirs 1',
		'theirs 2',
		'theirs 3',
	];

	protected function tearDown(): void
	{
		Photo::$isKnown = false;
		Store::$duringSync = Photo::$facts = null;
		parent::tearDown();
	}

	public function test_new_files_of_one_step_get_their_names_together(): void
	{
		$this->receive(
			$this->file('f1', 'one'),
			$this->file('f2', 'two', [], ['d1' => 'Folder']),
			$this->file('f3', 'three', ['allow_cid' => '<friend>'], ['d1' => 'Folder']),
		);
		$this->workTogether();
		$this->assertSame([3], array_map('count', Store::$syncs), 'one sync for the names of all');
		$this->assertShown(['f1' => 'one', 'f2' => 'two', 'f3' => 'three']);
		$this->assertSame('<friend>', $this->attach('f3')['allow_cid']);
		$this->assertSame(
			['127.0.0.1', 'getfile'],
			[
				parse_url(json_decode($this->transfer('f2')['result'], true)['origin'], PHP_URL_HOST),
				json_decode($this->transfer('f2')['result'], true)['rung'],
			],
		);
	}

	public function test_what_is_not_plainly_new_is_published_alone_beside(): void
	{
		$this->receive($this->file('f1', 'old'));
		$this->work();
		$this->receive(
			$this->file('f1', 'newer', ['edited' => '2024-06-01 10:00:00']),
			$this->profilePhoto($this->photo('p1', [0 => 'photo', 1 => 'small'])),
			$this->photo('p2', [0 => 'no picture']),
			$this->file('f2', 'two'),
			$this->file('f3', 'three'),
			$this->file('f4', 'in the way'),
		);
		// Somebody puts a file where one of them belongs, at the last moment.
		TransferBatch::$duringStep = fn () => is_file('store/alice/f4') || file_put_contents('store/alice/f4', 'mine');
		$this->workTogether();
		$this->assertSame([2], array_map('count', Store::$syncs));
		$this->assertShown(['f2' => 'two', 'f3' => 'three', 'f1' => 'newer', 'p1' => 'photo', 'f4' => 'in the way']);
		$this->assertSame('small', file_get_contents('store/alice/p1-1'));
		$this->assertSame([0, 'no picture'], [(int) $this->attach('p2')['is_photo'], $this->shown('p2')]);
		$this->assertEqualsCanonicalizing(['old', 'mine'], $this->kept());
	}

	public function test_new_photos_are_published_together_and_so_are_their_scales(): void
	{
		$this->makeScales();
		$this->receive(
			$this->photoFor('<friend>', 'p1'),
			$this->photo('p2', self::PHOTO),
			$this->file('f1', 'one'),
		);
		$this->workTogether();
		$this->assertSame([3, 6], array_map('count', Store::$syncs), 'photos and files, then what was made');
		$this->assertPhotos(['p1', 'p2']);
		$this->assertShown(['p1' => 'original', 'p2' => 'original', 'f1' => 'one']);
		$rows = Table::select('photo', ['resource_id' => 'p1'], 'imgscale', 0, 'imgscale, allow_cid, os_storage');
		$this->assertSame([0, 1, 2, 3], array_map('intval', array_column($rows, 'imgscale')));
		$this->assertSame(['<friend>'], array_unique(array_column($rows, 'allow_cid')));
		$this->assertSame([1], array_unique(array_map('intval', array_column($rows, 'os_storage'))));
	}

	public function test_a_scale_that_is_not_plainly_new_is_published_alone_beside(): void
	{
		$this->makeScales();
		$this->receive($this->photo('p1', self::PHOTO), $this->photo('p2', self::PHOTO));
		// Somebody puts one of the files there.
		file_put_contents('store/alice/p1-2', 'mine');
		$this->workTogether();
		$this->assertSame([2, 5], array_map('count', Store::$syncs));
		$this->assertPhotos(['p1', 'p2']);
		$this->assertSame(['mine'], $this->kept());
	}

	public function test_access_that_is_narrowed_while_scales_are_published_holds_for_them(): void
	{
		$this->makeScales();
		$this->receive($this->photo('p1', self::PHOTO));
		Store::$duringSync = fn () => $this->receive($this->photoFor('<bob>', 'p1'));
		$this->workTogether();
		$this->workTogether();
		$this->assertPhotos(['p1']);
		$rows = Table::select('photo', ['resource_id' => 'p1'], 'imgscale', 0, 'allow_cid');
		$this->assertSame(array_fill(0, 4, '<bob>'), array_column($rows, 'allow_cid'));
	}

	public function test_what_is_accepted_of_access_while_they_are_published_holds_for_them(): void
	{
		$this->makeScales();
		$this->receive($this->photo('p1', self::PHOTO), $this->photo('p2', self::PHOTO), $this->file('f1', 'one'));
		Store::$duringSync = function (): void {
			foreach (['p1', 'f1'] as $hash) {
				['attach' => $last, 'folders' => $folders] = json_decode($this->transfer($hash)['entry'], true);
				$row = Access::lists($last) + array_intersect_key($last, ['term' => 1, 'folder' => 1, 'filename' => 1]);
				Queue::amend(1, $hash, ['allow_cid' => '<bob>'] + $row, $folders, $this->channel->hash);
			}
		};
		$this->workTogether();
		$this->assertPhotos(['p1', 'p2']);
		$this->assertShown(['p1' => 'original', 'p2' => 'original', 'f1' => 'one']);
		$rows = Table::select('photo', ['resource_id' => 'p1'], 'imgscale', 0, 'allow_cid');
		$this->assertSame(array_fill(0, 4, '<bob>'), array_column($rows, 'allow_cid'));
		$this->assertSame(['<bob>', '<bob>', ''], array_map(
			fn ($hash) => $this->attach($hash)['allow_cid'],
			['p1', 'f1', 'p2'],
		));
	}

	public function test_one_file_is_no_group(): void
	{
		$this->receive($this->file('f1', 'one'));
		$this->workTogether();
		$this->assertSame([], Store::$syncs);
		$this->assertShown(['f1' => 'one']);
	}

	public function test_together_they_use_no_more_of_the_account_than_it_has(): void
	{
		$this->receive($this->file('f1', 'four'), $this->file('f2', 'five'));
		Table::update(
			'account',
			['account_service_class' => 'small'],
			['account_id' => $this->channel->accountId],
		);
		set_config('service_class', 'small', ['attach_upload_limit' => 7]);
		unset(App::$config['service_class']);
		$this->workTogether();
		$this->assertSame([], Store::$syncs);
		$states = [$this->transfer('f1')['state'], $this->transfer('f2')['state']];
		$this->assertEqualsCanonicalizing(['published', 'parked'], $states);
	}

	public function test_killed_at_any_instant_the_next_worker_ends_whole(): void
	{
		$bytes = ['f1' => 'one', 'f2' => 'two', 'p1' => 'original'];
		$prepare = function (): void {
			$this->tearDown();
			$this->setUp();
			$this->makeScales();
			$this->receive(
				$this->file('f1', 'one', [], ['d1' => 'Folder']),
				$this->file('f2', 'two', [], ['d1' => 'Folder']),
				$this->photo('p1', self::PHOTO),
			);
		};
		$prepare();
		$instants = $this->instantsOf($this->workTogether(...));
		$this->assertSame([3, 3], array_map('count', Store::$syncs));
		foreach (self::sample($instants, 12) as $instant) {
			$prepare();
			$this->killedAt($instant, $this->workTogether(...));
			$message = "killed at instant $instant of $instants";
			foreach ($bytes as $hash => $text) {
				$this->assertContains($this->shown($hash), [null, $text], $message);
			}
			for ($round = 0; $round < 2; $round++) {
				$this->expireLeases();
				$this->workTogether();
			}
			FileSync\Addon\Work\Housekeeping::often();
			$this->assertShown($bytes, $message);
			$this->assertPhotos(['p1'], $message);
			$this->assertSame([], $this->kept(), $message);
		}
	}

	public function test_scales_that_the_origin_gives_are_published_together_before_or_after_their_photos(): void
	{
		foreach (['with their photos' => false, 'before them' => true] as $when => $areEarly) {
			$this->tearDown();
			$this->setUp();
			$this->receiveGiven($areEarly, $this->photo('p1', self::GIVEN), $this->photo('p2', self::GIVEN));
			$this->workTogether();
			$this->assertSame([2, 6], array_map('count', Store::$syncs), $when);
			$this->assertGiven(['p1', 'p2'], $when);
		}
	}

	public function test_a_scale_that_is_given_and_not_plainly_new_is_published_alone_beside(): void
	{
		foreach ([false, true] as $areEarly) {
			$this->tearDown();
			$this->setUp();
			$this->receiveGiven($areEarly, $this->photo('p1', self::GIVEN), $this->photo('p2', self::GIVEN));
			file_put_contents('store/alice/p1-2', 'mine');
			$this->workTogether();
			$this->assertSame([2, 5], array_map('count', Store::$syncs));
			$this->assertGiven(['p1', 'p2']);
			$this->assertSame(['mine'], $this->kept());
		}
	}

	public function test_given_scales_whose_rows_cannot_be_written_together_are_published_alone(): void
	{
		foreach ([false, true] as $areEarly) {
			$this->tearDown();
			$this->setUp();
			$this->receiveGiven($areEarly, $this->photo('p1', self::GIVEN), $this->photo('p2', self::GIVEN));
			$failed = 0;
			$this->whileFailing(
				function (string $sql) use (&$failed): bool {
					$isFailing = str_starts_with($sql, 'INSERT INTO photo ') && substr_count($sql, "-2', ") > 1;
					$failed += (int) $isFailing;

					return $isFailing;
				},
				$this->workTogether(...),
			);
			$this->assertGreaterThan(0, $failed);
			$this->assertGiven(['p1', 'p2']);
		}
	}

	public function test_access_that_is_narrowed_while_given_scales_are_published_holds_for_them(): void
	{
		foreach ([false, true] as $areEarly) {
			$this->tearDown();
			$this->setUp();
			$this->receiveGiven($areEarly, $this->photo('p1', self::GIVEN), $this->photo('p2', self::GIVEN));
			// The first names are those of the photos.
			Store::$duringSync = function (): void {
				Store::$duringSync = fn () => $this->receive($this->given(
					$this->photoFor('<bob>', 'p1', self::GIVEN),
				));
			};
			$this->workTogether();
			$this->assertNull(Store::$duringSync);
			$this->workTogether();
			$this->assertGiven(['p1', 'p2']);
			$rows = Table::select('photo', ['resource_id' => 'p1'], 'imgscale', 0, 'allow_cid');
			$this->assertSame(array_fill(0, 4, '<bob>'), array_column($rows, 'allow_cid'));
		}
	}

	public function test_killed_at_any_instant_given_scales_are_there_in_the_end(): void
	{
		foreach ([false, true] as $areEarly) {
			$prepare = function () use ($areEarly): void {
				$this->tearDown();
				$this->setUp();
				$this->receiveGiven($areEarly, $this->photo('p1', self::GIVEN), $this->photo('p2', self::GIVEN));
			};
			$prepare();
			$instants = $this->instantsOf($this->workTogether(...));
			foreach (self::sample($instants, 10) as $instant) {
				$prepare();
				$this->killedAt($instant, $this->workTogether(...));
				$message = "killed at instant $instant of $instants";
				$this->assertContains($this->shown('p1'), [null, self::GIVEN[0]], $message);
				for ($round = 0; $round < 2; $round++) {
					$this->expireLeases();
					$this->workTogether();
				}
				FileSync\Addon\Work\Housekeeping::often();
				$this->assertGiven(['p1', 'p2'], $message);
				$this->assertSame([], $this->kept(), $message);
			}
		}
	}

	/** Takes in photos whose scales are fetched, and has these arrive first, if they are early. */
	private function receiveGiven(bool $areEarly, array ...$photos): void
	{
		$this->makeScales();
		Photo::$facts = fn () => ['mimetype' => 'image/jpeg', 'width' => 300, 'height' => 200];
		Peers::answered(self::ORIGIN, ['features' => ['ticket']]);
		$this->receive(...array_map($this->given(...), $photos));
		$names = array_map(fn (array $photo): string => end($photo['attach'])['hash'] . '-0', $photos);
		$slow = $areEarly ? array_fill_keys($names, ['slow' => 1]) : [];
		TransferBatch::$answers = $slow + TransferBatch::$answers;
		$steps = 0;
		TransferBatch::$duringStep = function () use (&$steps, $names, $slow): void {
			if (++$steps === 3) {
				$verified = ['state' => 'verified', 'token' => '', 'lease_until' => 0];
				$this->assertSame(count($slow) * 3, Table::count('filesync_transfer', $verified));
				TransferBatch::$answers = array_fill_keys($names, self::GIVEN[0]) + TransferBatch::$answers;
			}
		};
	}

	private function given(array $entry): array
	{
		return ['photo' => array_map(fn ($row) => ['width' => 300, 'height' => 200] + $row, $entry['photo'])] + $entry;
	}

	/** @param list<string> $hashes */
	private function assertGiven(array $hashes, string $message = ''): void
	{
		$this->assertPhotos($hashes, $message);
		$this->assertShown(array_fill_keys($hashes, self::GIVEN[0]), $message);
		foreach ($hashes as $hash) {
			$scales = array_map(fn (int $n): string => file_get_contents("store/alice/$hash-$n"), [1, 2, 3]);
			$this->assertSame(array_slice(self::GIVEN, 1), $scales, "$message $hash");
		}
	}

	private function makeScales(): void
	{
		Photo::$isKnown = true;
		Config::set('make_scales', '1');
	}

	/** Returns the entry of a photo that only some may see. */
	private function photoFor(string $who, string $hash, array $bytes = self::PHOTO): array
	{
		$entry = $this->photo($hash, $bytes, ['allow_cid' => $who]);

		return ['photo' => array_map(fn ($row) => ['allow_cid' => $who] + $row, $entry['photo'])] + $entry;
	}

	/** Returns the entry of a photo that is the channel's own. */
	private function profilePhoto(array $entry): array
	{
		return ['photo' => array_map(fn ($row) => ['photo_usage' => 1] + $row, $entry['photo'])] + $entry;
	}

	/**
	 * Asserts that photos have their scales, each once, made here or, if a worker died making them, fetched.
	 *
	 * @param list<string> $hashes
	 */
	private function assertPhotos(array $hashes, string $message = ''): void
	{
		foreach ($hashes as $hash) {
			foreach ([1, 2, 3] as $scale) {
				$bytes = file_get_contents("store/alice/$hash-$scale");
				$this->assertContains($bytes, ["scale $scale of original", "theirs $scale"], $message);
				$rows = Table::select('photo', ['resource_id' => $hash, 'imgscale' => $scale]);
				$this->assertSame([strlen($bytes)], array_map('intval', array_column($rows, 'filesize')), $message);
				$this->assertSame(
					hash('sha256', $bytes),
					Table::first('filesync_digest', ['hash' => $hash, 'scale' => $scale])['sha256'],
					$message,
				);
			}
		}
	}

	private function workTogether(): void
	{
		TransferBatch::$together = 64;
		$this->work();
	}

	/** @param array<string, string> $bytes By hash. */
	private function assertShown(array $bytes, string $message = ''): void
	{
		foreach ($bytes as $hash => $text) {
			$this->assertSame($text, $this->shown($hash), "$message $hash");
			$this->assertSame('published', $this->transfer($hash)['state'], "$message $hash");
			$this->assertSame(strlen($text), (int) $this->attach($hash)['filesize'], "$message $hash");
		}
		$this->assertSame([], glob('store/*data*/filesync/1/*.{partial,index}', GLOB_BRACE), $message);
		$this->assertSame(
			[],
			Table::select('filesync_transfer', ['state' => ['leased', 'verified', 'publishing']]),
			$message,
		);
	}
}
