<?php

use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Offer;
use FileSync\Addon\Order\Ruling;
use FileSync\Addon\Order\Verdict;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

/** What a packet changes follows from the record, our row and the offer alone: no database, no clock. */
final class RulingTest extends TestCase
{
	private const OURS = 'aaaaaaaaaaaaaaaa';
	private const THEIRS = 'bbbbbbbbbbbbbbbb';
	private const HUB = 'https://other.example';
	/** The values of a file here, and those that a packet may have in their place. */
	private const HERE = ['bytes' => '4:2024-06-05 10:00:00', 'place' => "\nhere.txt", 'access' => 'here'];
	private const THERE = ['bytes' => '5:2024-06-03 10:00:00', 'place' => "\nthere.txt", 'access' => 'there'];

	/** The room loads on its own, as soon as there is a hub's class App. */
	public static function setUpBeforeClass(): void
	{
		require_once __DIR__ . '/../testhub/core/include/app.php';
		foreach (glob(__DIR__ . '/../../php/Order/*.php') as $file) {
			require_once $file;
		}
	}

	/** @dataProvider orders */
	#[DataProvider('orders')]
	public function test_each_group_is_decided_by_what_its_values_have_seen(
		string $group,
		array $ours,
		array $theirs,
		bool $isOther,
		string $verdict,
		bool $deservesAnswer,
	): void {
		$file = self::record([$group => ['vector' => $ours]]);
		$print = $isOther ? self::THERE[$group] : self::HERE[$group];
		$ruling = Ruling::on(
			$file,
			self::row('here.txt'),
			self::offer([$group => [$print, $theirs]]),
			self::OURS,
			'me',
		);
		$this->assertSame($verdict, $ruling->$group->verdict->name);
		foreach (array_diff(Judge::GROUPS, [$group]) as $other) {
			$this->assertSame(Verdict::Same, $ruling->$other->verdict, 'the other groups stay as they are');
		}
		$this->assertSame($deservesAnswer, $ruling->deservesAnswer());
		$this->assertFalse($ruling->isOurChange());
		$this->assertSame($print, $ruling->file['peers'][self::HUB][$group]['print']);
	}

	public static function orders(): array
	{
		[$old, $ours, $theirs] = [[self::OURS => 1], [self::OURS => 2], [self::OURS => 1, self::THEIRS => 1]];
		$all = [];
		foreach (array_keys(self::HERE) as $group) {
			// Neither has seen the other: the later date of bytes, else the greater fingerprint.
			$isOurs = $group === 'bytes';
			$all += [
				"$group: one value" => [$group, $ours, $theirs, false, 'Same', false],
				"$group: theirs has seen ours" => [$group, $old, $theirs, true, 'Take', false],
				"$group: ours has seen theirs" => [$group, $ours, $old, true, 'Stay', true],
				"$group: both changed" => [
					$group,
					$ours,
					$theirs,
					true,
					$isOurs ? 'Won' : 'Lost',
					$isOurs || $group === 'access',
				],
			];
		}

		return $all
		+ [
			'bytes: one vector, two values' => ['bytes', $ours, $ours, true, 'Same', false],
			'place: one vector, two values' => ['place', $ours, $ours, true, 'Lost', false],
			'access: one vector, two values' => ['access', $ours, $ours, true, 'Lost', true],
		];
	}

	public function test_bytes_that_replace_ours_are_wanted_and_ours_stay_until_they_are_here(): void
	{
		$offer = self::offer(['bytes' => [self::THERE['bytes'], [self::OURS => 1, self::THEIRS => 1]]]);
		$ruling = Ruling::on(self::record(), self::row('here.txt'), $offer, self::OURS, 'me');
		$this->assertSame(self::HERE['bytes'], $ruling->file['bytes']['print']);
		$this->assertSame(self::THERE['bytes'], $ruling->file['wanted']['print']);
		$this->assertSame([self::OURS => 1, self::THEIRS => 1], $ruling->wanted()['seen']);
		$this->assertArrayNotHasKey('past', $ruling->wanted());
		// A second packet is compared with the wanted bytes, not with those here.
		$again = Ruling::on($ruling->file, self::row('here.txt'), $offer, self::OURS, 'me');
		$this->assertSame(Verdict::Same, $again->bytes->verdict);
		$this->assertSame([self::HERE['bytes'], self::THERE['bytes']], [
			$again->file['bytes']['print'],
			$again->file['wanted']['print'],
		]);
		$this->assertFalse($again->isOnlyDated());
	}

	public function test_the_row_has_of_each_group_what_stands(): void
	{
		foreach ([
			[[self::OURS => 2], [self::OURS => 1], 'here.txt', '<friend>'],
			[[self::OURS => 1], [self::OURS => 1, self::THEIRS => 1], 'there.txt', '<other>'],
		] as [$ours, $theirs, $name, $allowed]) {
			$ruling = Ruling::on(
				self::record(['place' => ['vector' => $ours], 'access' => ['vector' => $ours]]),
				self::row('here.txt', '<friend>'),
				self::offer(
					[
						'place' => [self::THERE['place'], $theirs],
						'access' => [self::THERE['access'], $theirs],
					],
					self::row('there.txt', '<other>'),
				),
				self::OURS,
				'me',
			);
			$this->assertSame([$name, $allowed], [$ruling->row['filename'], $ruling->row['allow_cid']]);
		}
	}

	public function test_of_two_accesses_that_have_not_seen_each_other_only_what_both_allow_is_left(): void
	{
		foreach (['<friend><both>', ''] as $ours) {
			$row = self::row('here.txt', $ours);
			$term = ['ttype' => 3, 'term' => 'tag', 'url' => ''];
			$ruling = Ruling::on(
				self::record(['access' => ['vector' => [self::OURS => 2]]]),
				$row,
				self::offer(
					['access' => [self::THERE['access'], [self::OURS => 1, self::THEIRS => 1]]],
					['term' => [$term]] + self::row('there.txt', '<both>'),
				),
				self::OURS,
				'me',
			);
			$this->assertSame(['<both>', [$term]], [$ruling->row['allow_cid'], $ruling->row['term']]);
			$this->assertSame(Access::print($ruling->row, $ruling->row['term']), $ruling->file['access']['print']);
			$this->assertFalse($ruling->keepsAccess());
			$this->assertSame('<both>', $ruling->withAccess(self::row('photo', '<both><more>'))['allow_cid']);
		}
	}

	public function test_accesses_that_come_of_the_same_changes_are_merged_whichever_prevails(): void
	{
		foreach (['aaaa', 'zzzz'] as $print) {
			$ruling = Ruling::on(
				self::record(),
				self::row('here.txt', '<friend><both>'),
				self::offer(['access' => [$print, [self::OURS => 1]]], self::row('here.txt', '<both>')),
				self::OURS,
				'me',
			);
			$this->assertSame([Verdict::Lost, '<both>'], [$ruling->access->verdict, $ruling->row['allow_cid']]);
		}
	}

	public function test_a_photo_keeps_its_own_access_where_the_packets_stands(): void
	{
		$photo = self::row('photo', '<more>');
		$offer = self::offer(['access' => [self::THERE['access'], [self::OURS => 1, self::THEIRS => 1]]]);
		$ruling = Ruling::on(self::record(), self::row('here.txt', '<friend>'), $offer, self::OURS, 'me');
		$this->assertSame($photo, $ruling->withAccess($photo));
		$ruling = Ruling::on(
			self::record(['access' => ['vector' => [self::OURS => 2]]]),
			self::row('here.txt', '<friend>'),
			self::offer(['access' => [self::THERE['access'], [self::OURS => 1]]]),
			self::OURS,
			'me',
		);
		$this->assertSame('<me>', $ruling->withAccess($photo)['allow_cid'], 'ours stands, and they share nobody');
	}

	public function test_without_a_row_a_value_that_does_not_stand_becomes_a_change_of_our_own(): void
	{
		$offer = self::offer(['place' => [self::THERE['place'], [self::OURS => 1]]]);
		$file = self::record(['place' => ['vector' => [self::OURS => 2]]]);
		$this->assertFalse(Ruling::on($file, self::row('here.txt'), $offer, self::OURS, 'me')->isOurChange());
		$ruling = Ruling::on($file, null, $offer, self::OURS, 'me');
		$this->assertTrue($ruling->isOurChange());
		$this->assertSame([Verdict::Take, self::THERE['place'], [self::OURS => 3], self::OURS], [
			$ruling->place->verdict,
			$ruling->file['place']['print'],
			$ruling->file['place']['vector'],
			$ruling->file['place']['by'],
		]);
		// It has seen both values, and so it replaces both everywhere.
		$offer = self::offer(['bytes' => [self::THERE['bytes'], [self::OURS => 1, self::THEIRS => 1]]]);
		$file = self::record(['bytes' => ['vector' => [self::OURS => 2]]]);
		$ruling = Ruling::on($file, null, $offer, self::OURS, 'me');
		$this->assertSame([self::OURS => 3, self::THEIRS => 1], $ruling->file['wanted']['vector']);
	}

	/** @dataProvider dead */
	#[DataProvider('dead')]
	public function test_only_what_a_delete_has_seen_is_of_the_dead(
		string $state,
		?array $seen,
		array $prints,
		bool $isOfTheDead,
	): void {
		$file = ['state' => $state, 'gone' => [self::OURS => 2]] + self::record();
		$offer = $seen === null
			? self::unversioned($prints)
			: self::offer(array_map(fn ($print) => [$print, $seen], $prints));
		$this->assertSame($isOfTheDead, Ruling::on($file, null, $offer, self::OURS, 'me')->isOfTheDead());
	}

	public static function dead(): array
	{
		$new = ['bytes' => self::THERE['bytes']] + self::HERE;

		return [
			'what the delete has seen' => ['gone', [self::OURS => 1], self::THERE, true],
			'just what it has seen' => ['gone', [self::OURS => 2], self::THERE, true],
			'more than it has seen' => ['gone', [self::OURS => 2, self::THEIRS => 1], self::THERE, false],
			'of a file that is only unknown' => ['unknown', [self::OURS => 1], self::THERE, false],
			'a hub without vectors repeats it' => ['gone', null, self::HERE, true],
			'a hub without vectors has other bytes' => ['gone', null, $new, false],
		];
	}

	public function test_a_hub_without_vectors_that_had_our_bytes_sends_nothing_new_with_older_ones(): void
	{
		$past = [['print' => self::THERE['bytes'], 'vector' => [self::OURS => 1]]];
		$file = self::record(['bytes' => ['vector' => [self::OURS => 2], 'past' => $past]]);
		foreach ([[self::HERE['bytes'], Verdict::Stay], [self::THERE['bytes'], Verdict::Take]] as [$had, $place]) {
			$offer = self::unversioned(
				['bytes' => self::THERE['bytes'], 'place' => self::THERE['place']] + self::HERE,
				['bytes' => $had] + self::HERE,
				60,
			);
			$ruling = Ruling::on($file, self::row('here.txt'), $offer, self::OURS, 'me');
			$this->assertSame([Verdict::Stay, $place], [$ruling->bytes->verdict, $ruling->place->verdict]);
			$this->assertTrue($ruling->deservesAnswer());
		}
	}

	public function test_a_widened_access_is_remembered_once_for_each_hub_and_the_ruling_stays_as_it_is(): void
	{
		$narrow = self::row('here.txt', '<friend>');
		$offer = self::offer(
			['access' => [self::THERE['access'], [self::OURS => 1, self::THEIRS => 1]]],
			self::row('here.txt', ''),
		);
		$ruling = Ruling::on(self::record(), $narrow, $offer, self::OURS, 'me');
		$file = $ruling->rememberingAccess($narrow, 1000);
		$this->assertSame([self::HUB, 1000, '<friend>'], [
			$file['here']['before']['hub'],
			$file['here']['before']['at'],
			$file['here']['before']['access']['allow_cid'],
		]);
		$this->assertArrayNotHasKey('before', $ruling->file['here']);
		foreach ([[self::HUB, 1000], ['https://third.example', 2000]] as [$hub, $at]) {
			$wider = self::offer(
				['access' => ['wider', [self::OURS => 1, self::THEIRS => 2]]],
				self::row('here.txt', ''),
			);
			$wider = new Offer($hub, $wider->row, $wider->values, $wider->seen);
			$again = Ruling::on($file, $narrow, $wider, self::OURS, 'me')->rememberingAccess($narrow, 2000);
			$this->assertSame([$hub, $at], [$again['here']['before']['hub'], $again['here']['before']['at']]);
		}
		$same = Ruling::on(self::record(), $narrow, self::offer([], $narrow), self::OURS, 'me');
		$this->assertArrayNotHasKey('before', $same->rememberingAccess($narrow, 1000)['here']);
	}

	private static function record(array $values = []): array
	{
		$record = ['uid' => 1, 'hash' => 'f1', 'is_dir' => 0, 'state' => 'here'];
		foreach (self::HERE as $group => $print) {
			$record[$group] = ($values[$group] ?? [])
			+ [
				'print' => $print,
				'vector' => [self::OURS => 1],
				'by' => self::OURS,
				'at' => 'here.example',
				'edited' => '2024-06-05 10:00:00',
				'past' => [],
			];
		}

		return $record + ['wanted' => [], 'gone' => [], 'here' => [], 'facts' => [], 'peers' => []];
	}

	/** @param array<string, array{string, array}> $values Fingerprint and vector, by group; the others are as here. */
	private static function offer(array $values, ?array $row = null): Offer
	{
		$told = [];
		foreach (self::HERE as $group => $print) {
			[$print, $vector] = $values[$group] ?? [$print, [self::OURS => 1]];
			$told[$group] = [
				'print' => $print,
				'vector' => $vector,
				'by' => (string) array_key_last($vector),
				'at' => 'other.example',
				'edited' => '2024-06-03 10:00:00',
			];
		}
		$seen = FileSync\Addon\Order\Vector::join(...array_column($told, 'vector'));

		return new Offer(self::HUB, $row ?? self::row('there.txt'), $told, $seen);
	}

	private static function unversioned(array $prints, array $had = self::HERE, int $secondsBefore = 0): Offer
	{
		$none = ['vector' => [], 'by' => '', 'at' => 'other.example', 'edited' => '2024-06-03 10:00:00'];
		$values = array_map(fn ($print) => ['print' => $print] + $none, $prints);

		return new Offer(self::HUB, self::row('there.txt'), $values, null, $had, $secondsBefore);
	}

	private static function row(string $name, string $allowCid = ''): array
	{
		return [
			'hash' => 'f1',
			'folder' => '',
			'filename' => $name,
			'filesize' => 4,
			'edited' => '2024-06-03 10:00:00',
			'term' => [],
			'allow_cid' => $allowCid,
			'allow_gid' => '',
			'deny_cid' => '',
			'deny_gid' => '',
		];
	}
}
