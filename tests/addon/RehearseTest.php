<?php

use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Rehearsal\Outcome;
use FileSync\Addon\Rehearsal\Outcomes;
use FileSync\Addon\Rehearsal\Rehearsal;
use TestHub\Databases;

/** A rehearsal plays the product through on this hub; with the stand-in for the extension, and in this process. */
final class RehearseTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		FileSync\Photo::$isKnown = FileSync\Photo::$makesPictures = true;
	}

	protected function tearDown(): void
	{
		FileSync\Photo::$isKnown = FileSync\Photo::$makesPictures = false;
		Rehearsing::with(null);
		parent::tearDown();
	}

	public function test_all_goes_well_on_the_test_hub_and_is_remembered(): void
	{
		$outcome = $this->rehearse();
		$this->assertSame([], $outcome->failed());
		$this->assertTrue($outcome->hasPassed());
		$this->assertGreaterThan(25, count($outcome->steps));
		$this->assertEquals($outcome, Outcomes::current());
		$this->assertSame([], Table::select('filesync_scratch', []));
		$this->assertSame([], Table::select('outq', []));
		$this->assertSame([], Table::select('attach', []));
	}

	public function test_thumbnails_that_are_not_made_but_fetched_are_seen(): void
	{
		FileSync\Photo::$isKnown = false;
		$this->assertSame(
			['make thumbnails' => 'scale 1 was not made, but fetched'],
			array_column($this->rehearse()->failed(), 'seen', 'name'),
		);
	}

	public function test_killed_at_any_instant_nothing_stays_after_the_next_sweep(): void
	{
		// What every hub with filesync soon has.
		FileSync\Addon\Revision\Site::component($this->channel->id);
		FileSync\Addon\Hub\Store::dataRoot($this->channel->id, true);
		$before = $this->left();
		$instants = $this->instantsOf(fn () => $this->rehearse());
		$this->assertGreaterThan(1000, $instants);
		foreach (self::sample($instants, 6) as $instant) {
			$this->killedAt($instant, fn () => $this->rehearse());
			$this->expireLeases();
			$this->assertSame([], Scratch::sweep());
			$this->assertSame($before, $this->left(), "killed at instant $instant of $instants");
		}
	}

	/** @return array<string, mixed> What a rehearsal may not leave; the key for tickets is the hub's own. */
	private function left(): array
	{
		$left = [];
		foreach (Databases::tables(DBA::$dba->db, DBA::$dba->dsn) as $table) {
			if (! in_array($table, ['filesync_key', 'filesync_lease', 'filesync_rehearsal', 'workerq'], true)) {
				$left[$table] = dbq("select count(*) as number from $table")[0]['number'];
			}
		}
		$files = new RecursiveIteratorIterator(
			new RecursiveDirectoryIterator('store', FilesystemIterator::SKIP_DOTS),
			RecursiveIteratorIterator::SELF_FIRST,
		);
		foreach ($files as $path => $file) {
			$left['files'][] = $path;
		}

		return $left;
	}

	private function rehearse(): Outcome
	{
		$none = static function (): void {};

		return Rehearsal::run($none, $none, $none, fn () => [
			'status' => 0,
			'headers' => [],
			'body' => '',
			'error' => 'nobody is there',
		]);
	}
}
