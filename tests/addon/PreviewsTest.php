<?php

use Fake\Clock;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Posts\Previews;

/** The previews of files that were published together are made one after the other, and noted together. */
final class PreviewsTest extends AddonTestCase
{
	/** @var list<string> */
	private static array $made = [];

	protected function setUp(): void
	{
		parent::setUp();
		self::$made = [];
	}

	protected function tearDown(): void
	{
		unset(App::$hooks['thumbnail']);
		parent::tearDown();
	}

	/** As an addon makes one. */
	public static function make(array &$data): void
	{
		$hash = $data['attach']['hash'];
		if (str_starts_with($hash, 'bad')) {
			throw new RuntimeException('no preview of this');
		}
		if ($hash === 'killer') {
			posix_kill(getmypid(), SIGKILL);
		}
		self::$made[] = $hash;
		file_put_contents(dbunescbin($data['attach']['content']) . '.thumb', "preview of $hash");
	}

	public function test_previews_of_many_files_cost_as_many_statements_as_of_few_but_for_the_hubs_own(): void
	{
		$counts = [];
		foreach ([2, 3, 13] as $number) {
			$this->haveFiles(...array_map(fn (int $n): string => "many-$number-$n", range(1, $number)));
			$counts[] = $this->whileFailing(fn () => false, $this->makePreviews(...));
		}
		$this->assertCount(18, self::$made);
		$this->assertNoneWaits();
		$this->assertSame(10, $counts[2] - $counts[1], 'the hub reads the row of each');
	}

	public function test_a_preview_that_cannot_be_made_keeps_no_other_from_being_made_and_is_tried_again_alone(): void
	{
		$this->haveFiles('f1', 'bad', 'f2');
		$this->makePreviews();
		$this->assertEqualsCanonicalizing(['f1', 'f2'], self::$made);
		$left = Table::select('filesync_outbox', ['kind' => 'preview']);
		$this->assertSame(['bad'], array_column($left, 'name'));
		$this->assertEquals([1, 'due'], [$left[0]['attempts'], $left[0]['state']]);
		$this->assertStringContainsString('no preview of this', $left[0]['reason']);
		$this->assertGreaterThan(time() + Clock::$ahead + 30, (int) $left[0]['next_at']);
	}

	public function test_what_there_is_no_time_for_is_as_if_it_had_not_been_begun(): void
	{
		$this->haveFiles('f1', 'f2', 'f3');
		App::$hooks['thumbnail'] = [[__FILE__, 'PreviewsTest::make', 1, 0]];
		Outbox::attemptEach($this->channel, Outbox::next('preview', 20), fn (): bool => true);
		$this->assertCount(1, self::$made);
		$left = Table::select('filesync_outbox', ['kind' => 'preview']);
		$this->assertCount(2, $left);
		foreach ($left as $row) {
			$this->assertEquals([0, 0, '', 'due'], [$row['attempts'], $row['next_at'], $row['reason'], $row['state']]);
		}
		$this->makePreviews();
		$this->assertEqualsCanonicalizing(['f1', 'f2', 'f3'], self::$made);
		$this->assertNoneWaits();
	}

	public function test_a_preview_that_is_wanted_again_while_it_is_made_is_made_again(): void
	{
		$this->haveFiles('f1', 'f2');
		$isAgain = false;
		$this->whileFailing(
			function (string $sql) use (&$isAgain): bool {
				if (! $isAgain && str_starts_with($sql, "SELECT * FROM attach WHERE hash = 'f2'")) {
					$isAgain = true;
					Outbox::add($this->channel->id, 'preview', 'f2');
				}

				return false;
			},
			$this->makePreviews(...),
		);
		$this->assertTrue($isAgain);
		$this->assertSame(['f1' => 1, 'f2' => 2], array_count_values(self::sorted(self::$made)));
		$this->assertNoneWaits();
	}

	public function test_killed_while_previews_are_made_all_are(): void
	{
		$prepare = function (): void {
			$this->tearDown();
			$this->setUp();
			$this->haveFiles('f1', 'f2', 'f3');
		};
		$prepare();
		$instants = $this->instantsOf($this->makePreviews(...));
		foreach (self::sample($instants, 8) as $instant) {
			$prepare();
			$this->killedAt($instant, $this->makePreviews(...));
			// Each of those that were begun waits as after an attempt; the process may be the end of each.
			Clock::$ahead += 400;
			$this->makePreviews();
			foreach (['f1', 'f2', 'f3'] as $hash) {
				$this->assertSame(
					"preview of $hash",
					file_get_contents($this->attach($hash)['content'] . '.thumb'),
					"killed at instant $instant of $instants",
				);
			}
			$this->assertNoneWaits();
		}
	}

	public function test_one_that_kills_every_process_is_parked_and_the_others_are_made(): void
	{
		$this->haveFiles('f1', 'f2', 'killer');
		for ($try = 0; $try < 5; $try++) {
			$this->killedAt(null, $this->makePreviews(...));
			Clock::$ahead += 400;
		}
		$left = Table::select('filesync_outbox', ['kind' => 'preview'], '', 0, 'name, state');
		$this->assertSame(['killer' => 'parked'], array_column($left, 'state', 'name'));
		foreach (['f1', 'f2'] as $hash) {
			$this->assertFileExists($this->attach($hash)['content'] . '.thumb');
		}
	}

	private function makePreviews(): void
	{
		App::$hooks['thumbnail'] = [[__FILE__, 'PreviewsTest::make', 1, 0]];
		Previews::work(time() + Clock::$ahead + 60);
	}

	/** Makes files whose previews are wanted. */
	private function haveFiles(string ...$hashes): void
	{
		FileSync\TransferBatch::$together = 64;
		$this->receive(...array_map(fn (string $hash): array => $this->file($hash, "bytes of $hash"), $hashes));
		$this->work();
		$this->assertSame(count($hashes), Table::count('filesync_outbox', ['kind' => 'preview', 'state' => 'due']));
	}

	/** @param list<string> $names */
	private static function sorted(array $names): array
	{
		sort($names);

		return $names;
	}

	private function assertNoneWaits(): void
	{
		$this->assertSame([], Table::select('filesync_outbox', ['kind' => 'preview']));
	}
}
