<?php

use FileSync\Addon\Outbox\FollowUps;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Status\Words;

/** Every follow-up that is requested anywhere can be made, and has words for its failure. */
final class FollowUpsTest extends AddonTestCase
{
	/** Kinds whose rows are notes of a process: always held, never called. */
	private const NOTES = ['intent', 'deleting'];

	public function test_every_kind_that_is_requested_has_a_call_and_words(): void
	{
		$requested = [];
		foreach (new RecursiveIteratorIterator(
			new RecursiveDirectoryIterator(dirname(__DIR__, 2) . '/php', FilesystemIterator::SKIP_DOTS),
		) as $file) {
			$text = $file->getExtension() === 'php' ? file_get_contents($file) : '';
			preg_match_all('/Outbox::(?:add(?:Held)?|ensure)\((?:[^,]|\([^)]*\))+, ([^,]*),/', $text, $found);
			foreach ($found[1] as $kind) {
				$kind = preg_match('/^self::(\w+)$/', $kind, $name)
				&& preg_match("/const $name[1] = ('\w+')/", $text, $value)
					? $value[1]
					: $kind;
				preg_match_all("/'(\w+)'/", $kind, $kinds);
				$this->assertNotSame([], $kinds[1], "the kind in $file is not plain: $kind");
				array_push($requested, ...$kinds[1]);
			}
		}
		$calls = array_keys(require dirname(__DIR__, 2) . '/php/followups.php');
		$requested = array_values(array_diff(array_unique($requested), self::NOTES));
		sort($requested);
		sort($calls);
		$this->assertSame($calls, $requested);
		foreach ($calls as $kind) {
			$this->assertNotSame(Words::call('none'), Words::call($kind), $kind);
		}
		$this->assertSame([], array_diff(Outbox::QUICK, $calls));
	}

	public function test_a_kind_that_nobody_knows_is_not_taken_for_done(): void
	{
		$this->expectExceptionMessage('followups.php has no call of the kind nonsense');
		FollowUps::call($this->channel, ['uid' => 1, 'kind' => 'nonsense', 'name' => 'f1', 'body' => '']);
	}

	public function test_a_worker_that_makes_many_calls_does_not_grow(): void
	{
		$call = function (): void {
			try {
				FollowUps::call($this->channel, ['uid' => 1, 'kind' => 'nonsense', 'name' => 'f1', 'body' => '']);
			} catch (LogicException) {
			}
		};
		$call();
		$before = memory_get_usage();
		for ($n = 0; $n < 1000; $n++) {
			$call();
		}
		$this->assertLessThan(100000, memory_get_usage() - $before);
	}
}
