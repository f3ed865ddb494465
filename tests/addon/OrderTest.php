<?php

use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Order\Verdict;
use PHPUnit\Framework\Attributes\DataProvider;

/** The order of changes is that of what each has seen; clocks play no part. */
final class OrderTest extends AddonTestCase
{
	private const A = 'aaaaaaaaaaaaaaaa';
	private const B = 'bbbbbbbbbbbbbbbb';

	public function test_vectors_compare_by_what_they_have_seen(): void
	{
		foreach ([
			[[], [], 'equal'],
			[['a' => 1], [], 'after'],
			[['a' => 1], ['a' => 2], 'before'],
			[['a' => 1], ['b' => 1], 'concurrent'],
			[['a' => 2, 'b' => 1], ['a' => 1, 'b' => 1], 'after'],
			[['a' => 2], ['a' => 1, 'b' => 1], 'concurrent'],
		] as [$one, $other, $expected]) {
			$this->assertSame($expected, Vector::compare($one, $other));
		}
		$this->assertSame(['a' => 2, 'b' => 1], Vector::join(['a' => 2], ['b' => 1, 'a' => 1]));
		$this->assertSame('after', Vector::compare(Vector::next(['a' => 3, 'b' => 1], 'b'), ['a' => 3, 'b' => 1]));
	}

	public function test_what_is_no_vector_is_not_read(): void
	{
		$this->assertSame([self::A => 1], Vector::read([self::A => 1]));
		foreach ([
			null,
			'x',
			['x' => 1],
			[self::A => '1'],
			[self::A => 0],
			[self::A => 1 << 61],
			[self::A => [1]],
			array_fill_keys(array_map(fn ($n) => sprintf('%016x', $n), range(1, 1025)), 1),
		] as $said) {
			$this->assertNull(Vector::read($said));
		}
	}

	public function test_every_clone_ends_with_the_same_value_in_whatever_order_two_changes_come(): void
	{
		$start = self::value('old', [self::A => 1], '2024-01-01 00:00:00');
		$one = Judge::changed($start, '9:2024-01-02 00:00:00', '2024-01-02 00:00:00', self::A, 'a');
		$other = Judge::changed($start, '3:2024-01-03 00:00:00', '2024-01-03 00:00:00', self::B, 'b');
		foreach ([[$one, $other], [$other, $one]] as [$first, $second]) {
			[$verdict, $value] = Judge::versioned($first, $second);
			$this->assertSame($first === $one ? Verdict::Lost : Verdict::Won, $verdict);
			$this->assertSame(['3:2024-01-03 00:00:00', [self::A => 2, self::B => 1]], [
				$value['print'],
				$value['vector'],
			]);
			$this->assertSame([Verdict::Take, '3:2024-01-03 00:00:00'], [
				Judge::versioned($start, $value)[0],
				Judge::versioned($start, $value)[1]['print'],
			]);
			$this->assertSame([Verdict::Stay, '3:2024-01-03 00:00:00'], [
				Judge::versioned($value, $start)[0],
				Judge::versioned($value, $start)[1]['print'],
			]);
		}
	}

	public function test_equal_values_are_never_in_conflict(): void
	{
		[$verdict, $value] = Judge::versioned(self::value('x', [self::A => 1]), self::value('x', [self::B => 1]));
		$this->assertSame([Verdict::Same, [self::A => 1, self::B => 1]], [$verdict, $value['vector']]);
	}

	public function test_a_change_of_a_hub_without_vectors_has_the_same_name_on_every_clone(): void
	{
		$names = [];
		foreach ([[self::A => 1], [self::A => 1, self::B => 3]] as $vector) {
			[$verdict, $value] = Judge::unversioned(
				self::value('old', $vector),
				self::value('new', []),
				'old',
				0,
				'https://stock',
			);
			$this->assertSame(Verdict::Take, $verdict);
			$names[] = $value['by'];
		}
		$this->assertSame($names[0], $names[1]);
		$this->assertNotSame(
			$names[0],
			Judge::unversioned(self::value('old', []), self::value('new', []), 'old', 0, 'https://another')[1]['by'],
		);
	}

	public function test_a_relayed_change_that_came_before_its_own_packet_joins_it(): void
	{
		$ours = self::value('old', [self::A => 1]);
		[, $relayed] = Judge::unversioned($ours, self::value('new', []), 'old', 0, 'https://stock');
		[$verdict, $joined] = Judge::versioned($relayed, self::value('new', [self::A => 1, self::B => 1]));
		$this->assertSame([Verdict::Same, 'new', 1], [$verdict, $joined['print'], $joined['vector'][self::B]]);
	}

	public function test_a_value_that_was_here_before_is_old_news_unless_the_hub_had_ours(): void
	{
		$ours = Judge::changed(self::value('old', [self::A => 1]), 'new', '2024-01-02 00:00:00', self::A, 'a');
		$this->assertSame(
			Verdict::Stay,
			Judge::unversioned($ours, self::value('old', []), 'old', 0, 'https://stock')[0],
		);
		$this->assertSame(
			Verdict::Stay,
			Judge::unversioned($ours, self::value('old', []), null, 0, 'https://stock')[0],
		);
		[$verdict, $back] = Judge::unversioned($ours, self::value('old', []), 'new', 0, 'https://stock');
		$this->assertSame([Verdict::Take, 'after'], [$verdict, Vector::compare($back['vector'], $ours['vector'])]);
		$this->assertSame(
			Verdict::Stay,
			Judge::unversioned($ours, self::value('old', []), 'new', 60, 'https://stock')[0],
			'bytes of an older date do not count as a revert',
		);
		[, $forth] = Judge::unversioned($back, self::value('new', []), 'old', 0, 'https://stock');
		[$again, $value] = Judge::unversioned($forth, self::value('old', []), 'new', 0, 'https://stock');
		$this->assertSame(
			[Verdict::Take, 'after'],
			[$again, Vector::compare($value['vector'], $forth['vector'])],
			'there and back, and there again',
		);
	}

	public function test_a_clock_ten_minutes_behind_does_not_hide_a_change(): void
	{
		$ours = self::value('old', [self::A => 1], '2024-01-01 10:10:00');
		$this->assertSame(
			Verdict::Take,
			Judge::unversioned($ours, self::value('new', [], '2024-01-01 10:00:00'), 'old', 600, 'https://stock')[0],
		);
		$this->assertSame(
			Verdict::Stay,
			Judge::unversioned($ours, self::value('new', [], '2023-12-31 10:10:00'), 'old', 86400, 'https://stock')[0],
			'a state of yesterday',
		);
	}

	public function test_a_change_that_has_not_seen_ours_loses_nothing(): void
	{
		$ours = Judge::changed(self::value('old', [self::A => 1]), 'mine', '2024-01-02 00:00:00', self::A, 'a');
		[$verdict, $value] = Judge::unversioned($ours, self::value('theirs', []), 'old', 0, 'https://stock');
		$this->assertSame([Verdict::Lost, 'theirs'], [$verdict, $value['print']]);
	}

	/** @dataProvider accesses */
	#[DataProvider('accesses')]
	public function test_the_narrower_access_lets_in_only_whom_both_let_in(
		array $one,
		array $other,
		array $expected,
	): void {
		foreach ([[$one, $other], [$other, $one]] as [$first, $second]) {
			$this->assertSame(
				self::lists(...$expected),
				Access::narrower(self::lists(...$first), self::lists(...$second), 'owner'),
			);
		}
	}

	public static function accesses(): array
	{
		return [
			'public and some' => [['', '', '', ''], ['<x>', '', '', ''], ['<x>', '', '', '']],
			'some and fewer' => [['<x><y>', '', '', ''], ['<x>', '', '', ''], ['<x>', '', '', '']],
			'neither contains the other' => [['<x><y>', '', '', ''], ['<y><z>', '', '', ''], ['<y>', '', '', '']],
			'nobody is left' => [['<x>', '', '', ''], ['<y>', '', '', ''], ['<owner>', '', '', '']],
			'people and a group' => [['<x>', '', '', ''], ['', '<g>', '', ''], ['<owner>', '', '', '']],
			'denied adds up' => [['', '', '<x>', ''], ['', '', '', '<g>'], ['', '', '<x>', '<g>']],
			'allowed and denied' => [['<x><y>', '', '', ''], ['', '', '<y>', ''], ['<x><y>', '', '<y>', '']],
		];
	}

	public function test_the_order_of_entries_and_the_urls_of_categories_make_no_other_access(): void
	{
		$this->assertSame(Access::print(self::lists('<x><y>', '', '', ''), [[
			'ttype' => '3',
			'term' => 'a',
			'url' => 'https://a/',
		]]), Access::print(self::lists('<y><x>', '', '', ''), [['ttype' => 3, 'term' => 'a', 'url' => 'https://b/']]));
		$this->assertNotSame(
			Access::print(self::lists('<x>', '', '', ''), []),
			Access::print(self::lists('', '', '<x>', ''), []),
		);
	}

	private static function value(string $print, array $vector, string $edited = '2024-01-01 00:00:00'): array
	{
		return [
			'print' => $print,
			'vector' => $vector,
			'by' => (string) array_key_last($vector),
			'at' => '',
			'edited' => $edited,
			'past' => [],
		];
	}

	private static function lists(string $allowCid, string $allowGid, string $denyCid, string $denyGid): array
	{
		return ['allow_cid' => $allowCid, 'allow_gid' => $allowGid, 'deny_cid' => $denyCid, 'deny_gid' => $denyGid];
	}
}
