<?php

use FileSync\Addon\Hub\Backoff;

/** What waits before its next try waits as long as it always did. */
final class BackoffTest extends AddonTestCase
{
	public function test_each_kind_of_wait_is_as_long_as_it_was(): void
	{
		$waits = fn (Backoff $backoff, array $steps) => array_map($backoff->seconds(...), $steps);
		// A transfer by the settings' defaults, from the first attempt on; the last one is beyond all doublings.
		$this->assertSame(
			[60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600, 21600],
			$waits(Backoff::doubling(60, 20, 21600), [...range(0, 10), 40]),
		);
		// With a hub's own wish for its first wait, and without a bound.
		$this->assertSame([1, 2, 4, 1048576, 1048576], $waits(Backoff::doubling(1, 20, 4000000), [0, 1, 2, 20, 21]));
		// A publish: full disks do not count as attempts.
		$this->assertSame(
			[30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 7680, 7680],
			$waits(Backoff::doubling(30, 8), range(0, 10)),
		);
		// A held packet.
		$this->assertSame(
			[120, 240, 480, 960, 1920, 3840, 7680, 15360, 15360],
			$waits(Backoff::doubling(60, 8), range(1, 9)),
		);
		// A follow-up.
		$this->assertSame([60, 120, 180], $waits(Backoff::rising(60), range(1, 3)));
		// A comparison that failed, and one whose peer asks for patience.
		$this->assertSame(
			[120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600, 21600],
			$waits(Backoff::doubling(60, 10, 21600), range(1, 11)),
		);
		$this->assertSame(
			[1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60],
			$waits(Backoff::doubling(1, 10, 60), range(0, 11)),
		);
	}

	public function test_settings_beyond_all_numbers_still_end_at_the_most(): void
	{
		$this->assertSame(21600, Backoff::doubling(PHP_INT_MAX, 20, 21600)->seconds(20));
	}

	public function test_chance_adds_at_most_a_quarter(): void
	{
		$seen = array_map(fn () => Backoff::doubling(60, 8)->spread(1), range(1, 400));
		$this->assertSame([true, true], [min($seen) >= 120, max($seen) <= 150]);
		$this->assertGreaterThan(1, count(array_unique($seen)));
		$this->assertSame(3, Backoff::doubling(3, 0)->spread(5), 'a quarter of so little is nothing');
	}
}
