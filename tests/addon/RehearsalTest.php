<?php

use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Rehearsal\Outcome;
use FileSync\Addon\Rehearsal\Outcomes;

/** What a rehearsal saw is remembered, for exactly the versions with which it was seen. */
final class RehearsalTest extends AddonTestCase
{
	private const GOOD = ['name' => 'a new file', 'ok' => true, 'seen' => '', 'parts' => ['receiver']];
	private const BAD = [
		'name' => 'scales',
		'ok' => false,
		'seen' => 'scale 2 is missing: “größe”',
		'parts' => ['photos', 'sender'],
	];

	protected function setUp(): void
	{
		parent::setUp();
		dbq('DELETE FROM filesync_rehearsal');
	}

	public function test_an_outcome_is_remembered_as_it_was(): void
	{
		$this->assertSame([null, null, []], [Outcomes::last(), Outcomes::current(), Outcomes::failedParts()]);
		$outcome = Outcome::here(1000, 12, [self::GOOD, self::BAD]);
		Outcomes::remember($outcome);
		$this->assertEquals($outcome, Outcomes::last());
		$this->assertEquals($outcome, Outcomes::current());
		$this->assertSame([Parts::SENDER, Parts::PHOTOS], Outcomes::failedParts());
		$this->assertSame(
			[Runtime::hubVersion(), Runtime::phpVersion(), Runtime::version()],
			[$outcome->hub, $outcome->php, $outcome->filesync],
		);
		$this->assertFalse($outcome->hasPassed());
		$this->assertSame([self::BAD], $outcome->failed());
	}

	public function test_a_later_one_for_the_same_versions_replaces_it(): void
	{
		Outcomes::remember(Outcome::here(1000, 12, [self::BAD]));
		Outcomes::remember(Outcome::here(900, 5, [self::GOOD]));
		$this->assertSame([], Outcomes::failedParts());
		$this->assertTrue(Outcomes::current()->hasPassed());
		$this->assertSame(1, Table::count('filesync_rehearsal', []));
	}

	public function test_one_for_other_versions_is_the_last_but_says_nothing_of_these(): void
	{
		$here = Outcome::here(1000, 12, [self::GOOD]);
		Outcomes::remember($here);
		foreach ([
			[$here->hub . '.1', $here->php, $here->filesync],
			[$here->hub, $here->php . '1', $here->filesync],
			[$here->hub, $here->php, $here->filesync . '1'],
		] as $n => $versions) {
			$other = new Outcome(...[...$versions, 2000 + $n, 1, [self::BAD]]);
			Outcomes::remember($other);
			$this->assertEquals($other, Outcomes::last());
			$this->assertEquals($here, Outcomes::current());
			$this->assertSame([], Outcomes::failedParts());
		}
	}

	public function test_one_without_steps_passed_nothing(): void
	{
		Outcomes::remember(Outcome::here(1000, 0, []));
		$this->assertFalse(Outcomes::current()->hasPassed());
		$this->assertSame(Parts::ALL, Outcomes::failedParts());
	}

	public function test_the_oldest_are_forgotten(): void
	{
		foreach (range(1, 60) as $n) {
			Outcomes::remember(new Outcome("11.$n", '8.2', '1', $n, 1, [self::GOOD]));
		}
		$this->assertSame(
			[50, 11],
			[Table::count('filesync_rehearsal', []), Table::least('filesync_rehearsal', 'begun', [])],
		);
	}
}
