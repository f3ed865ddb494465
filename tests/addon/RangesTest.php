<?php

use FileSync\Addon\Protocol\Ranges;

/** Conditions of a request, as RFC 9110 has them. */
final class RangesTest extends AddonTestCase
{
	public function test_a_range_is_what_was_asked_for_or_the_whole(): void
	{
		$table = [
			'none' => [null, 10, 'whole'],
			'first byte' => ['bytes=0-0', 10, [0, 1]],
			'middle' => ['bytes=3-5', 10, [3, 3]],
			'open end' => ['bytes=4-', 10, [4, 6]],
			'last byte' => ['bytes=9-', 10, [9, 1]],
			'past the end' => ['bytes=4-400', 10, [4, 6]],
			'suffix' => ['bytes=-3', 10, [7, 3]],
			'suffix longer than the file' => ['bytes=-30', 10, [0, 10]],
			'suffix of nothing' => ['bytes=-0', 10, 'unsatisfiable'],
			'begins at the end' => ['bytes=10-', 10, 'unsatisfiable'],
			'begins far behind it' => ['bytes=99999999999999999999999-', 10, 'unsatisfiable'],
			'ends far behind it' => ['bytes=1-99999999999999999999999', 10, [1, 9]],
			'huge suffix' => ['bytes=-99999999999999999999999', 10, [0, 10]],
			'beyond 4 GiB' => ['bytes=5368709120-5368709129', 6442450944, [5368709120, 10]],
			'empty file' => ['bytes=0-', 0, 'unsatisfiable'],
			'suffix of an empty file' => ['bytes=-5', 0, 'unsatisfiable'],
			'backwards' => ['bytes=5-3', 10, 'whole'],
			'several' => ['bytes=0-1,3-4', 10, 'whole'],
			'another unit' => ['lines=0-1', 10, 'whole'],
			'unit in capitals' => ['Bytes=0-1', 10, [0, 2]],
			'spaces' => ['bytes= 0-1 ', 10, [0, 2]],
			'no numbers' => ['bytes=-', 10, 'whole'],
			'words' => ['bytes=a-b', 10, 'whole'],
			'signs' => ['bytes=+1-2', 10, 'whole'],
			'empty' => ['', 10, 'whole'],
			'line end' => ["bytes=0-1\nbytes=2-3", 10, 'whole'],
		];
		foreach ($table as $name => [$range, $size, $expected]) {
			$this->assertSame($expected, Ranges::read($range, $size), $name);
		}
	}

	public function test_unchanged_is_what_the_other_side_has(): void
	{
		$table = [
			[null, false],
			['', false],
			['"abc"', true],
			['W/"abc"', true],
			['*', true],
			['"x", "abc"', true],
			['"abc", "x"', true],
			['"x",W/"abc"', true],
			['abc', false],
			['"abcd"', false],
			['"x"', false],
			['"a"bc"', false],
			['"x" "abc"', false],
		];
		foreach ($table as [$header, $expected]) {
			$this->assertSame($expected, Ranges::isUnchanged($header, 'abc'), (string) $header);
		}
	}

	public function test_a_part_is_given_only_of_the_same_bytes(): void
	{
		$table = [
			[null, true],
			['"abc"', true],
			[' "abc" ', true],
			['W/"abc"', false],
			['"abd"', false],
			['abc', false],
			['Tue, 24 Nov 2026 00:00:00 GMT', false],
			['', false],
		];
		foreach ($table as [$header, $expected]) {
			$this->assertSame($expected, Ranges::mayBePartial($header, 'abc'), (string) $header);
		}
	}
}
