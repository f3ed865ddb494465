<?php

use FileSync\Addon\Hub\Config;
use FileSync\Addon\Peers\Peers;
use FileSync\TransferBatch;

/** Bytes that are here already are not fetched again, and publishing them changes rows only. */
final class UnchangedTest extends AddonTestCase
{
	public function test_unchanged_bytes_get_the_new_date_and_stay_where_they_are(): void
	{
		$this->receive($this->photo('p1', [0 => 'bytes', 1 => 'small']));
		$this->work();
		$inode = fileinode('store/alice/p1');
		$this->receive($this->photo('p1', [0 => 'bytes', 1 => 'small'], ['edited' => '2024-06-01 10:00:00']));
		foreach ([0 => 'bytes', 1 => 'small'] as $scale => $bytes) {
			TransferBatch::$answers["p1-$scale"] = self::unchanged($bytes);
		}
		$this->work();
		$this->assertSame(['published', 'published'], [
			$this->transfer('p1')['state'],
			$this->transfer('p1', 1)['state'],
		]);
		$this->assertSame(['2024-06-01 10:00:00', 'bytes', $inode], [
			$this->attach('p1')['edited'],
			$this->shown('p1'),
			fileinode('store/alice/p1'),
		]);
		$this->assertSame('unchanged', json_decode($this->transfer('p1')['result'], true)['rung']);
		$this->assertSame([], $this->kept());
		$this->assertSame([], glob('store/*data*/filesync/1/*.partial'));
	}

	public function test_bytes_that_changed_here_meanwhile_stand_where_the_other_hub_only_has_those_before(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->receive($this->file('f1', 'bytes', ['edited' => '2024-06-01 10:00:00']));
		TransferBatch::$answers['f1-0'] = self::unchanged('bytes');
		TransferBatch::$duringStep = function () {
			TransferBatch::$duringStep = null;
			file_put_contents('store/alice/f1', 'BYTES');
			touch('store/alice/f1', time() - 5);
			TransferBatch::$duringStep = fn () => TransferBatch::$answers['f1-0'] = 'bytes';
		};
		$this->work();
		$this->assertSame(['dropped', 'BYTES', []], [
			$this->transfer('f1')['state'],
			$this->shown('f1'),
			$this->kept(),
		]);
	}

	public function test_the_extension_is_told_which_bytes_are_here(): void
	{
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertArrayNotHasKey('have_sha256', TransferBatch::$added[0]);
		$this->receive($this->file('f1', 'bytes', ['edited' => '2024-06-01 10:00:00']));
		$this->receive($this->file('f2', 'bytes'));
		TransferBatch::$answers['f1-0'] = self::unchanged('bytes');
		$this->work();
		$wishes = array_column(array_slice(TransferBatch::$added, 1), null, 'hash');
		$this->assertSame(hash('sha256', 'bytes'), $wishes['f1']['have_sha256']);
		$this->assertSame(['f1'], $wishes['f2']['copies']);
		$this->assertArrayNotHasKey('have_sha256', $wishes['f2']);
		$this->assertArrayNotHasKey('copies', $wishes['f1']);
		$this->assertSame(realpath('store/alice'), end(TransferBatch::$options)['store_root']);
		file_put_contents('store/alice/f1', 'BYTES');
		touch('store/alice/f1', time() - 5);
		$this->receive($this->file('f1', 'bytes', ['edited' => '2024-06-02 10:00:00']));
		$this->work();
		$this->assertArrayNotHasKey('have_sha256', end(TransferBatch::$added), 'changed since');
	}

	public function test_rate_ranges_and_pieces_reach_the_extension(): void
	{
		Config::set('bytes_per_second', '70000');
		Config::set('ranges', '2');
		Peers::learn(['url' => self::ORIGIN, 'dav' => 'untried', 'reason' => null, 'piece_bytes' => 1048576], null);
		$this->receive($this->file('f1', 'bytes'));
		$this->work();
		$this->assertSame([70000, 2], [
			TransferBatch::$options[0]['bytes_per_second'],
			TransferBatch::$options[0]['ranges'],
		]);
		$this->assertSame(1048576, TransferBatch::$added[0]['origins'][0]['piece_bytes']);
		Config::set('bytes_per_second', '1');
		$this->receive($this->file('f2', 'more'));
		$this->work();
		$this->assertSame(65536, end(TransferBatch::$options)['bytes_per_second']);
	}

	private static function unchanged(string $bytes): array
	{
		return [
			'state' => 'complete',
			'size_bytes' => strlen($bytes),
			'received_bytes' => 0,
			'sha256' => hash('sha256', $bytes),
			'rung' => 'unchanged',
			'origin' => self::ORIGIN,
			'proof' => ['facts'],
			'edited' => '2024-06-01 10:00:00',
		];
	}
}
