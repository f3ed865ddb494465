<?php

use Converge\Clock;
use Converge\Test;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

foreach (['HubProcess', 'Difference', 'Test'] as $class) {
	require_once __DIR__ . "/$class.php";
}

/**
 * What went wrong between clones, each as the few steps that it takes. Hubs a and b have filesync; c has not where a
 * test says so.
 */
final class CasesTest extends TestCase
{
	private ?Test $hubs = null;
	private string $folder;

	protected function setUp(): void
	{
		$this->folder = sys_get_temp_dir() . '/cases-' . getmypid() . '-' . bin2hex(random_bytes(4));
		mkdir($this->folder);
	}

	protected function tearDown(): void
	{
		$this->hubs?->stop();
		exec('rm -rf ' . escapeshellarg($this->folder));
	}

	public function test_a_seed_gives_the_same_run_again(): void
	{
		$runs = array_map(fn () => popen(
			'SEED=9 OPERATIONS=60 ' . escapeshellarg(PHP_BINARY) . ' ' . escapeshellarg(__DIR__ . '/run'),
			'r',
		), [0, 1]);
		$digests = array_map(fn ($run) => preg_match('/ run ([0-9a-f]{12}), /', stream_get_contents($run), $found)
			? $found[1]
			: null, $runs);
		array_map('pclose', $runs);
		$this->assertNotNull($digests[0]);
		$this->assertSame($digests[0], $digests[1]);
	}

	public function test_a_change_that_a_stock_peer_relays_before_it_arrives_is_taken_once(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		$this->act('a', 'put', ['hash' => $hash, 'bytes' => 'the second version']);
		$this->hubs->give('a', 'c');
		// The stock hub tells what it has, now the change of another, as its own.
		$this->act('c', 'categories', ['hash' => $hash, 'terms' => ['trip']]);
		$this->assertGreaterThan(0, $this->hubs->give('c', 'b'));
		$this->hubs->work('b');
		$this->hubs->give('a', 'b');
		$this->becomesOne();
		$this->assertSame(['the second version'], $this->shown('b'));
		$this->assertSame(['trip'], $this->row('b', $hash)['terms']);
	}

	public function test_bytes_in_the_first_word_of_a_stock_peer_lose_none_of_ours(): void
	{
		$this->start('c');
		$hash = $this->act('a', 'create', ['folder' => '', 'name' => 'first.txt', 'bytes' => 'the first version']);
		$this->hubs->quiet();
		$this->act('c', 'put', ['hash' => $hash, 'bytes' => 'the second version']);
		$this->becomesOne();
		$this->assertContains('the second version', $this->shown('b'));
		$this->assertLessThanOrEqual(2, count($this->shown('b')));
	}

	public function test_a_file_that_a_stock_peer_changed_more_often_than_is_remembered_is_overwritten_without_a_conflict(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		for ($n = 0; $n < 150; $n++) {
			$this->act('c', 'put', ['hash' => $hash, 'bytes' => "version $n of the stock hub"]);
			foreach (['a', 'b'] as $hub) {
				$this->hubs->give('c', $hub);
				$this->hubs->work($hub);
			}
		}
		$this->act('a', 'put', ['hash' => $hash, 'bytes' => 'the last version']);
		$this->becomesOne();
		$this->assertSame(['the last version'], $this->shown('b'));
	}

	public function test_a_change_of_a_stock_peer_that_comes_after_what_was_made_of_it_is_old_news(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		$this->act('c', 'put', ['hash' => $hash, 'bytes' => 'of the stock hub']);
		$this->act('c', 'rename', ['hash' => $hash, 'name' => 'stock.txt']);
		$this->hubs->give('c', 'b');
		while ($this->shown('b') !== ['of the stock hub']) {
			Clock::pass(60);
			$this->hubs->work('b');
		}
		$this->act('b', 'put', ['hash' => $hash, 'bytes' => 'made of it']);
		$this->act('b', 'rename', ['hash' => $hash, 'name' => 'made of it.txt']);
		$this->hubs->give('b', 'a');
		$this->hubs->give('c', 'a');
		for ($n = 0; $n < 3; $n++) {
			Clock::pass(60);
			$this->hubs->work('a');
		}
		$this->becomesOne();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertSame(
				[['made of it'], 'made of it.txt'],
				[$this->shown($hub), $this->row($hub, $hash)['name']],
				$hub,
			);
		}
	}

	public function test_a_file_that_a_hub_whose_clock_is_behind_moved_before_another_had_it_arrives(): void
	{
		$this->start('c');
		$hash = $this->act('c', 'create', ['folder' => '', 'name' => 'first.txt', 'bytes' => 'the first version']);
		$this->hubs->give('c', 'b');
		while (! $this->shown('b')) {
			Clock::pass(60);
			$this->hubs->work('b');
		}
		$folder = $this->act('b', 'mkdir', ['folder' => '', 'name' => 'Holiday']);
		// Core dates what it moves, by a clock that is ten minutes behind here.
		$this->act('b', 'davmove', ['hash' => $hash, 'folder' => $folder]);
		$this->hubs->give('b', 'c');
		$this->hubs->give('b', 'a');
		$this->hubs->give('c', 'a');
		$this->hubs->quiet();
		$this->assertSame(['the first version'], $this->shown('a'));
		$this->assertSame($folder, $this->row('a', $hash)['folder']);
		$this->becomesOne();
	}

	public function test_our_own_packet_that_comes_back_changes_nothing(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		$this->act('a', 'put', ['hash' => $hash, 'bytes' => 'the second version']);
		$this->hubs->give('a', 'c');
		$this->act('c', 'repeat', ['hash' => $hash]);
		// Meanwhile it goes on here.
		$this->act('a', 'put', ['hash' => $hash, 'bytes' => 'the third version']);
		$this->act('a', 'rename', ['hash' => $hash, 'name' => 'third.txt']);
		$this->assertGreaterThan(0, $this->hubs->give('c', 'a'));
		$this->hubs->work('a');
		$this->assertSame(['the third version'], $this->shown('a'));
		$this->becomesOne();
		$this->assertSame(['the third version'], $this->shown('b'));
		$this->assertSame('third.txt', $this->row('b', $hash)['name']);
	}

	public function test_what_a_stock_peer_says_that_was_restored_to_yesterday_is_old_news_and_it_is_told_ours(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		$this->hubs->snapshot('c');
		Clock::pass(86400);
		$this->act('a', 'put', ['hash' => $hash, 'bytes' => 'the version of today']);
		$this->act('b', 'rename', ['hash' => $hash, 'name' => 'today.txt']);
		$gone = $this->act('a', 'create', ['folder' => '', 'name' => 'later.txt', 'bytes' => 'made today']);
		$this->hubs->quiet();
		$this->hubs->restore();
		$this->act('c', 'repeat', ['hash' => $hash]);
		$this->hubs->quiet();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertSame('today.txt', $this->row($hub, $hash)['name'], $hub);
			$this->assertContains('the version of today', $this->shown($hub), $hub);
		}
		$this->becomesOne();
		$this->assertSame('later.txt', $this->row('c', $gone)['name'], 'the exchange brings what it lost');
		$this->assertCount(2, $this->shown('a'), 'no conflict copies');
	}

	public function test_a_rename_there_and_back_ends_where_it_began_in_whichever_order_it_arrives(): void
	{
		$hash = $this->fileOn('a');
		$this->act('a', 'rename', ['hash' => $hash, 'name' => 'there.txt']);
		$this->act('a', 'rename', ['hash' => $hash, 'name' => 'first.txt']);
		$this->hubs->give('a', 'b', isReversed: true);
		$this->assertSame('first.txt', $this->row('b', $hash)['name']);
		$this->hubs->give('a', 'c');
		$this->becomesOne();
		$this->assertSame('first.txt', $this->row('c', $hash)['name']);
	}

	public function test_a_rename_there_and_back_on_a_stock_peer_is_two_changes(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		$this->act('c', 'rename', ['hash' => $hash, 'name' => 'there.txt']);
		$this->hubs->give('c', 'a');
		$this->assertSame('there.txt', $this->row('a', $hash)['name']);
		$this->act('c', 'rename', ['hash' => $hash, 'name' => 'first.txt']);
		$this->hubs->give('c', 'a');
		$this->assertSame('first.txt', $this->row('a', $hash)['name']);
		$this->becomesOne();
		$this->assertSame('first.txt', $this->row('b', $hash)['name']);
	}

	public function test_a_hash_that_is_made_again_after_its_delete_is_there_again(): void
	{
		$hash = $this->fileOn('a');
		$this->act('a', 'delete', ['hash' => $hash]);
		$this->hubs->quiet();
		$this->assertSame([], $this->shown('b'));
		$this->act('a', 'recreate', ['hash' => $hash, 'name' => 'again.txt', 'bytes' => 'made again']);
		$this->becomesOne();
		$this->assertSame(['made again'], $this->shown('b'));
	}

	public function test_a_delete_that_comes_after_the_file_was_made_again_does_not_take_it_away(): void
	{
		$hash = $this->fileOn('a');
		$this->act('a', 'delete', ['hash' => $hash]);
		$this->act('a', 'recreate', ['hash' => $hash, 'name' => 'again.txt', 'bytes' => 'made again']);
		foreach (['b', 'c'] as $hub) {
			$this->hubs->give('a', $hub, isReversed: true);
			$this->hubs->work($hub);
		}
		$this->becomesOne();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertSame(['made again'], $this->shown($hub), $hub);
		}
	}

	public function test_a_stock_peer_that_did_not_hear_of_a_delete_does_not_bring_the_file_back(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		$this->act('a', 'delete', ['hash' => $hash]);
		$this->hubs->give('a', 'b');
		$this->act('c', 'repeat', ['hash' => $hash]);
		foreach (['a', 'b'] as $hub) {
			$this->hubs->give('c', $hub);
			$this->hubs->work($hub);
		}
		$this->becomesOne();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertSame([], $this->shown($hub), $hub);
		}
	}

	public function test_a_hub_that_missed_a_delete_hears_of_it_when_it_tells_of_the_file(): void
	{
		$hash = $this->fileOn('a');
		$this->act('a', 'delete', ['hash' => $hash]);
		$this->hubs->lose('a', 'b');
		$this->hubs->quiet();
		$this->act('b', 'repeat', ['hash' => $hash]);
		$this->hubs->quiet();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertSame([], $this->shown($hub), $hub);
		}
	}

	public function test_new_bytes_of_a_stock_peer_that_did_not_hear_of_a_delete_are_not_lost(): void
	{
		$hash = $this->fileOn('a', stock: 'c');
		$this->act('a', 'delete', ['hash' => $hash]);
		$this->hubs->give('a', 'b');
		$this->act('c', 'put', ['hash' => $hash, 'bytes' => 'new in spite of it']);
		foreach (['a', 'b'] as $hub) {
			$this->hubs->give('c', $hub);
			$this->hubs->work($hub);
		}
		$this->becomesOne();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertSame(['new in spite of it'], $this->shown($hub), $hub);
		}
	}

	public function test_two_clones_that_overwrite_a_file_at_once_keep_both(): void
	{
		$hash = $this->fileOn('a');
		$this->act('a', 'put', ['hash' => $hash, 'bytes' => 'from a']);
		$this->act('b', 'put', ['hash' => $hash, 'bytes' => 'from b']);
		$this->becomesOne();
		$this->assertEqualsCanonicalizing(['from a', 'from b'], $this->shown('c'));
	}

	public function test_a_folder_made_on_two_clones_under_one_name_loses_no_file(): void
	{
		$this->start();
		$one = $this->act('a', 'mkdir', ['folder' => '', 'name' => 'Holiday']);
		$other = $this->act('b', 'mkdir', ['folder' => '', 'name' => 'Holiday']);
		$this->act('a', 'create', ['folder' => $one, 'name' => 'x.txt', 'bytes' => 'x of a']);
		$this->act('b', 'create', ['folder' => $other, 'name' => 'x.txt', 'bytes' => 'x of b']);
		$this->becomesOne();
		$this->assertEqualsCanonicalizing(['x of a', 'x of b'], $this->shown('c'));
	}

	public function test_a_copied_folder_arrives_with_all_beneath_it(): void
	{
		$this->start();
		$folder = $this->act('a', 'mkdir', ['folder' => '', 'name' => 'Holiday']);
		$this->act('a', 'create', ['folder' => $folder, 'name' => 'x.txt', 'bytes' => 'x']);
		$this->hubs->quiet();
		$this->act('a', 'copy', ['hash' => $folder, 'folder' => '']);
		$this->becomesOne();
		$this->assertSame(['x', 'x'], $this->shown('b'));
	}

	public function test_a_folder_that_webdav_moves_arrives_with_all_beneath_it(): void
	{
		$this->start();
		$folder = $this->act('a', 'mkdir', ['folder' => '', 'name' => 'Holiday']);
		$target = $this->act('a', 'mkdir', ['folder' => '', 'name' => 'Years']);
		$file = $this->act('a', 'create', ['folder' => $folder, 'name' => 'x.txt', 'bytes' => 'x']);
		$this->hubs->quiet();
		$this->act('a', 'davmove', ['hash' => $folder, 'folder' => $target]);
		$this->hubs->quiet();
		$this->assertSame($target, $this->row('b', $folder)['folder']);
		$this->assertSame("store/alice/$target/$folder/$file", $this->row('b', $file)['path']);
		$this->becomesOne();
	}

	public function test_hubs_to_which_one_tells_made_up_changes_end_with_the_same(): void
	{
		$hash = $this->fileOn('a');
		$other = $this->act('a', 'create', ['folder' => '', 'name' => 'other.txt', 'bytes' => 'the other file']);
		$this->hubs->quiet();
		foreach ([1, 2, 3] as $round) {
			$this->act('b', 'put', ['hash' => $hash, 'bytes' => "round $round of b"]);
			foreach (['a' => [900, 3, ''], 'c' => [700, 1 << 40, '~']] as $to => [$count, $each, $kind]) {
				// Each is told something else, of components that nobody has and of its own.
				$this->hubs->forge('b', $to, function ($said) use ($count, $each, $kind, $to, $round) {
					foreach (array_keys($said['revision'] ?? []) as $group) {
						for ($n = 0; $n < $count; $n++) {
							$said['revision'][$group]['seen'][$kind . substr(hash('sha256', "$to $round $n"), 0, 16)] =
								$each;
						}
						$said['revision'][$group]['seen'][substr(hash('sha256', "1$to"), 0, 16)] = $each;
					}
					return $said;
				});
				$this->hubs->give('b', $to);
			}
			$this->hubs->quiet();
		}
		$this->act('c', 'rename', ['hash' => $hash, 'name' => 'of c.txt']);
		$this->hubs->quiet();
		$this->act('a', 'put', ['hash' => $hash, 'bytes' => 'the last version']);
		$this->hubs->quiet();
		$this->act('a', 'delete', ['hash' => $other]);
		$this->becomesOne();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertContains('the last version', $this->shown($hub));
			$this->assertSame('of c.txt', $this->row($hub, $hash)['name']);
			$this->assertArrayNotHasKey($other, $this->hubs->hub($hub)->ask('rows'));
		}
	}

	/** @dataProvider stocks */
	#[DataProvider('stocks')]
	public function test_what_one_clone_overwrote_and_deleted_comes_back_on_all_hubs_at_one_word(string $stock): void
	{
		$this->start($stock);
		$this->hubs->hub('a')->ask('set', ['displaced_max_files_day', '5']);
		$folder = $this->act('a', 'mkdir', ['folder' => '', 'name' => 'Holiday']);
		$files = [];
		for ($n = 0; $n < 12; $n++) {
			$files[] = $this->act('a', 'create', [
				'folder' => $n % 2 ? $folder : '',
				'name' => "file $n.txt",
				'bytes' => "ours $n",
			]);
		}
		$this->hubs->quiet();
		foreach ($stock === 'b' ? $files : [] as $hash) {
			// So that its first word about each is none that is taken with care.
			$this->act('b', 'repeat', ['hash' => $hash]);
		}
		$this->hubs->quiet();
		foreach ($files as $n => $hash) {
			$n % 3 ? $this->act('b', 'put', ['hash' => $hash, 'bytes' => "rubbish $n"]) : $this->act('b', 'delete', [
					'hash' => $hash,
				]);
		}
		$this->act('b', 'create', ['folder' => '', 'name' => 'new.txt', 'bytes' => 'a new file']);
		$this->hubs->quiet();
		$this->assertCount(7, preg_grep('/^ours/', $this->shown('a')));
		$this->assertContains('a new file', $this->shown('a'));
		$this->assertSame([12], $this->hubs->hub('a')->ask('answer', [false]));
		$this->hubs->collect('a', false);
		$this->hubs->quiet();
		foreach (['a', 'b', 'c'] as $hub) {
			$this->assertEqualsCanonicalizing(
				['a new file', ...array_map(fn ($n) => "ours $n", range(0, 11))],
				$this->shown($hub),
				$hub,
			);
		}
		$this->becomesOne();
	}

	public static function stocks(): array
	{
		return ['all with filesync' => [''], 'one without' => ['c'], 'the clone itself without' => ['b']];
	}

	/** Starts three hubs with a file that all have; returns its hash. */
	private function fileOn(string $hub, string $stock = ''): string
	{
		$this->start($stock);
		$hash = $this->act($hub, 'create', ['folder' => '', 'name' => 'first.txt', 'bytes' => 'the first version']);
		$this->hubs->quiet();
		if ($stock !== '') {
			// So that all know what it had: the first word of a hub without filesync is taken with more care.
			$this->act($stock, 'repeat', ['hash' => $hash]);
			$this->hubs->quiet();
		}
		foreach (['a', 'b', 'c'] as $each) {
			$this->assertSame(['the first version'], $this->shown($each));
		}

		return $hash;
	}

	private function start(string $stock = ''): void
	{
		$this->hubs = new Test(1, 0, $this->folder, $stock, isReliable: true);
		$this->hubs->start();
	}

	private function act(string $hub, string $op, array $what): string
	{
		Clock::pass(60);

		return $this->hubs->operate($hub, ['op' => $op] + $what)['hash'];
	}

	/** All that is on its way arrives and one exchange later the hubs are the same. */
	private function becomesOne(): void
	{
		$this->hubs->quiet();
		$this->hubs->exchange();
		$this->hubs->check();
	}

	private function row(string $hub, string $hash): array
	{
		return $this->hubs->hub($hub)->ask('rows')[$hash];
	}

	/** Returns the bytes of all files that a hub shows. */
	private function shown(string $hub): array
	{
		$files = array_filter($this->hubs->hub($hub)->ask('rows'), fn ($row) => ! $row['is_dir']);

		return array_map(
			fn ($row) => (string) @file_get_contents("$this->folder/$hub/{$row['path']}"),
			array_values($files),
		);
	}
}
