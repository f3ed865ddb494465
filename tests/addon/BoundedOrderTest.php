<?php

use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;

/** What a clone makes up about the order of changes is bounded, ends no order, and reaches no other channel. */
final class BoundedOrderTest extends AddonTestCase
{
	private const A = 'aaaaaaaaaaaaaaaa';

	public function test_vectors_that_are_joined_in_any_order_come_out_the_same_and_within_bounds(): void
	{
		mt_srand(5);
		$vectors = [];
		for ($n = 0; $n < 12; $n++) {
			$vectors[] =
				self::madeUp(90, mt_rand(1, 1000), mt_rand(1, 5))
				+ self::madeUp(150, mt_rand(1, 1000), mt_rand(1, 3), '~');
		}
		$one = Vector::join(...$vectors);
		shuffle($vectors);
		$other = [];
		foreach ($vectors as $vector) {
			$other = Vector::join($vector, $other, $vector);
		}
		$this->assertSame($one, $other);
		$this->assertSame([64, 128], [
			count(preg_grep('/^~/', array_keys($one), PREG_GREP_INVERT)),
			count(preg_grep('/^~/', array_keys($one))),
		]);
		foreach ($vectors as $vector) {
			$this->assertContains(Vector::compare($vector, $one), ['before', 'equal']);
			$this->assertContains(Vector::compare($one, $vector), ['after', 'equal']);
		}
	}

	public function test_a_change_on_top_of_a_full_vector_is_seen_and_no_two_changes_have_one_name(): void
	{
		foreach ([self::A, '~' . self::A] as $component) {
			$full = Vector::join(self::madeUp(200, 1, 9), self::madeUp(200, 1, 7, '~'));
			$seen = [];
			for ($n = 0; $n < 300; $n++) {
				$next = Vector::next(
					$full,
					$n % 2 ? $component : ($component[0] === '~' ? '~' : '') . sprintf('%016x', 100000 + $n),
				);
				$this->assertSame('after', Vector::compare($next, $full));
				$this->assertSame('before', Vector::compare($full, $next));
				isset($next[$component]) && ($n % 2) && $this->assertNotContains($next[$component], $seen);
				($n % 2) && ($seen[] = $next[$component]);
				$full = $next;
			}
		}
	}

	public function test_made_up_components_do_not_end_the_order_of_a_file(): void
	{
		$this->receive($this->told('f1', 'first', [self::A => 1]));
		$this->work();
		foreach ([
			[self::madeUp(1000, 1), '2024-06-02'],
			[self::madeUp(800, 2000, 3, '~') + self::madeUp(20, 5000, 4), '2024-06-03'],
		] as [$made, $day]) {
			$this->receive($this->told(
				'f1',
				"bytes of $day",
				$made + [self::A => 9] + Revisions::find(1, 'f1')['bytes']['vector'],
				['edited' => "$day 10:00:00"],
			));
			$this->work();
		}
		$this->sent();
		Zotlabs\Module\attach_change_permissions(1, 'f1', '<friend>', '', '', '');
		$said = $this->sent()[0]['filesync']['revision'];
		$this->assertNotNull(
			FileSync\Addon\Protocol\SiblingReader::readOrder([
				'v' => 1,
				'revision' => json_decode(json_encode($said), true),
			])['revision'],
		);
		$this->assertLessThanOrEqual(192, count((array) $said['access']['seen']));
		$this->assertArrayHasKey(Site::component(1), (array) $said['access']['seen']);
		// An honest hub's next change is after all that was made up, and ours after that.
		$next = Vector::next(Revisions::find(1, 'f1')['bytes']['vector'], self::A);
		$this->receive($this->told('f1', 'the honest bytes', $next, ['edited' => '2024-06-04 10:00:00']));
		$this->work();
		$this->assertSame('the honest bytes', $this->shown('f1'));
		$this->assertNull(Table::first('attach', ['filename like' => '%(conflict %']));
	}

	public function test_a_count_is_believed_only_near_what_is_known(): void
	{
		$this->receive($this->told('f1', 'first', [self::A => 1]));
		$this->work();
		$ours = Site::component(1);
		foreach ([$ours, self::A] as $n => $component) {
			$this->receive($this->told(
				'f1',
				"poisoned $n",
				[$component => 1 << 40] + Revisions::find(1, 'f1')['bytes']['vector'],
				['edited' => '2024-06-0' . (2 + $n) . ' 10:00:00'],
			));
			$this->work();
			$this->assertSame("poisoned $n", $this->shown('f1'));
		}
		$this->assertLessThan(1 << 24, max(Revisions::find(1, 'f1')['bytes']['vector']));
		$this->assertNotSame($ours, Site::component(1));
	}

	public function test_a_delete_that_names_our_changes_does_not_poison_our_count(): void
	{
		$this->receive($this->told('f1', 'first', [self::A => 1]));
		$this->work();
		$ours = Site::component(1);
		$this->receive(['filesync' => ['v' => 1, 'gone' => [self::A => 2, $ours => 1 << 40]]] + $this->deletion('f1'));
		$this->assertNull($this->attach('f1'));
		$this->assertNotSame($ours, Site::component(1));
		FileSync\Addon\Receive\Undo::apply(Table::first('filesync_kept', ['hash' => 'f1']));
		$seen = (array) $this->sent()[0]['filesync']['revision']['bytes']['seen'];
		$this->assertSame(1, $seen[Site::component(1)]);
		$this->assertLessThan(1 << 24, max($seen));
	}

	public function test_a_clone_of_one_channel_changes_no_other_channels_component_and_its_own_once_an_hour(): void
	{
		$bob = Site::component(2);
		$drawn = [Site::component(1)];
		for ($n = 0; $n < 3; $n++) {
			$this->receive($this->told('f1', "version $n", [Site::component(1) => 50 + $n], [
				'edited' => "2024-06-0$n 10:00:00",
			] + ($n ? [] : ['edited' => '2024-05-02 10:00:00'])));
			$this->work();
			$drawn[] = Site::component(1);
		}
		$this->assertCount(2, array_unique($drawn));
		$this->assertSame($bob, Site::component(2));
		// The clock was ahead, or an hour is over.
		foreach ([time() - 3601, time() + 86400] as $n => $moment) {
			Table::update('filesync_setting', ['name' => (string) $moment], ['id' => 'component-1']);
			$before = Site::component(1);
			$this->receive($this->told(
				'f1',
				"later $n",
				[$before => 5000] + Revisions::find(1, 'f1')['bytes']['vector'],
				['edited' => '2024-07-0' . ($n + 1) . ' 10:00:00'],
			));
			$this->assertNotSame($before, Site::component(1));
		}
		FileSync\Addon\Work\Housekeeping::forgetChannel(1);
		$this->assertSame($bob, Site::component(1));
	}

	public function test_deletes_of_what_was_never_here_take_little_and_the_latest_are_remembered(): void
	{
		$many = [];
		for ($n = 0; $n < 30; $n++) {
			$many[] = ['filesync' => ['v' => 1, 'gone' => self::madeUp(1000, $n)]] + $this->deletion("never-$n");
		}
		$this->receive(...$many, ...$many);
		foreach (Table::select('filesync_file', []) as $row) {
			$this->assertLessThan(1024, strlen(implode('', $row)));
		}
		$this->assertSame(30, Table::count('filesync_file', ['state' => Revisions::UNSEEN]));
		// A file that comes after its delete is still known for dead.
		$this->receive(['filesync' => ['v' => 1, 'gone' => [self::A => 3]]] + $this->deletion('late'));
		$this->receive($this->told('late', 'bytes', [self::A => 2]));
		$this->work();
		$this->assertSame([null, 'gone'], [$this->shown('late'), Revisions::find(1, 'late')['state']]);
		$this->receive($this->told('late', 'made again', [self::A => 4]));
		$this->work();
		$this->assertSame('made again', $this->shown('late'));
	}

	public function test_so_many_deletes_of_what_was_never_here_push_out_only_each_other(): void
	{
		for ($n = 0; $n < 10000; $n++) {
			Table::insert('filesync_file', [
				'id' => "old$n",
				'uid' => 1,
				'hash' => "old$n",
				'state' => Revisions::UNSEEN,
				'is_dir' => 0,
				'updated' => $n,
			] + array_fill_keys(['bytes', 'place', 'access', 'wanted', 'gone', 'here', 'facts', 'peers'], '[]'));
		}
		$this->receive($this->told('f1', 'first', [self::A => 1]));
		$this->work();
		$this->receive(['filesync' => ['v' => 1, 'gone' => [self::A => 2]]]
		+ $this->deletion('f1'), $this->deletion('never'));
		$this->assertSame([10000, 'gone', 'gone', null], [
			Table::count('filesync_file', ['state' => Revisions::UNSEEN]),
			Revisions::find(1, 'f1')['state'],
			Revisions::find(1, 'never')['state'],
			Revisions::find(1, 'old0'),
		]);
	}

	public function test_what_many_clones_told_of_a_file_fits_its_row(): void
	{
		$this->receive($this->told('f1', 'first', [self::A => 1]));
		$file = Revisions::find(1, 'f1');
		$file['peers'] = ['https://hub.example' => ['place' => ['print' => str_repeat('x', 100000)]]];
		Revisions::save($file);
		$this->assertSame($file['peers'], Revisions::find(1, 'f1')['peers']);
	}

	/** Returns the entry of a file whose bytes, place and access have seen so much. */
	private function told(string $hash, string $bytes, array $seen, array $columns = []): array
	{
		$revision = array_fill_keys(Judge::GROUPS, ['seen' => $seen, 'by' => self::A, 'at' => 'a.example']);

		return ['filesync' => ['v' => 1, 'revision' => $revision]] + $this->file($hash, $bytes, $columns);
	}

	private static function madeUp(int $count, int $from, int $each = 1, string $kind = ''): array
	{
		$vector = [];
		for ($n = 0; $n < $count; $n++) {
			$vector[$kind . substr(hash('sha256', (string) ($from + $n)), 0, 16)] = $each;
		}

		return $vector;
	}
}
