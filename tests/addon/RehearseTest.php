<?php

use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Rehearsal\Outcome;
use FileSync\Addon\Rehearsal\Outcomes;
use FileSync\Addon\Rehearsal\Rehearsal;

/** A rehearsal plays the product through on this hub; with the stand-in for the extension, and in this process. */
final class RehearseTest extends AddonTestCase
{
	protected function setUp(): void
	{
		parent::setUp();
		FileSync\Photo::$isKnown = false;
	}

	protected function tearDown(): void
	{
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
