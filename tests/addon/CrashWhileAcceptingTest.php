<?php

use FileSync\Addon\Hub\Table;
use PHPUnit\Framework\Attributes\DataProvider;

/** I4: a packet that was not acknowledged comes again; what the first try did must not be in its way. */
final class CrashWhileAcceptingTest extends AddonTestCase
{
	/** @dataProvider changes */
	#[DataProvider('changes')]
	public function test_killed_at_any_instant_and_sent_again_it_ends_the_same(
		Closure $prepare,
		Closure $change,
		Closure $check,
	): void {
		$prepare->call($this);
		$instants = $this->instantsOf(fn () => $change->call($this));
		$check->call($this, 'undisturbed');
		foreach (self::sample($instants, 12) as $instant) {
			$this->tearDown();
			$this->setUp();
			$prepare->call($this);
			$this->killedAt($instant, fn () => $change->call($this));
			// In a delete core removes the file before its row.
			foreach ($this->dataName() === 'delete of a folder'
				? []
				: Table::select('attach', ['is_dir' => 0]) as $row) {
				$this->assertFileExists(
					$row['content'],
					"killed at instant $instant of $instants a row points at nothing",
				);
			}
			$change->call($this);
			$check->call($this, "killed at instant $instant of $instants");
		}
	}

	public static function changes(): array
	{
		$prepare = function () {
			$this->receive(
				$this->photo('p1', [0 => 'original', 1 => 'small']),
				$this->file('f1', 'inside', [], ['d1' => 'One', 'd2' => 'Two']),
			);
			$this->work();
		};

		return [
			'new file' => [
				$prepare,
				fn () => $this->receive($this->file(
					'f2',
					'two',
					['term' => [['ttype' => 3, 'term' => 'x', 'url' => '']]],
					['d3' => 'Three', 'd4' => 'Four'],
				)),
				function (string $message) {
					$this->work();
					$this->assertSame('two', $this->shown('f2'), $message);
					$this->assertCount(1, Table::select('attach', ['hash' => 'd4']), $message);
					$this->assertCount(1, Table::select('term', []), $message);
				},
			],
			'move' => [
				$prepare,
				function () {
					$entry = $this->photo(
						'p1',
						[0 => 'original', 1 => 'small'],
						['folder' => 'd1', 'filename' => 'moved.jpg'],
					);
					array_unshift($entry['attach'], $this->row([
						'hash' => 'd1',
						'filename' => 'One',
						'folder' => '',
						'is_dir' => 1,
						'filetype' => 'multipart/mixed',
					]));
					$this->receive($entry);
				},
				function (string $message) {
					$this->assertSame('One/moved.jpg', $this->attach('p1')['display_path'], $message);
					$this->assertSame('original', $this->shown('p1'), $message);
					$this->assertSame(
						'small',
						file_get_contents(Table::first('photo', ['imgscale' => 1])['content']),
						$message,
					);
				},
			],
			'delete of a folder' => [
				$prepare,
				fn () => $this->receive($this->deletion('d1'), $this->deletion('p1')),
				function (string $message) {
					$this->assertSame([], Table::select('attach', []), $message);
					$this->assertEqualsCanonicalizing(['inside', 'original'], $this->kept(), $message);
					$this->assertSame([], dbq('select * from outq'), $message);
				},
			],
		];
	}
}
