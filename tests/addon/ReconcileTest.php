<?php

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Reconcile\Intake;
use FileSync\Addon\Reconcile\InventoryRequest;
use FileSync\Addon\Reconcile\Outcome;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Reconcile\StockComparison;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Transfer\Wanted;
use FileSync\Inventory;
use PHPUnit\Framework\Attributes\DataProvider;

/** A comparison with a clone that answers as the test says; tests/reconcile compares two hubs. */
final class ReconcileTest extends AddonTestCase
{
	/** @var array<string, array> What the clone has: entries by hash. */
	private array $there = [];
	/** @var list<array> What it was asked. */
	private array $asked = [];
	private ?array $answer = null;

	protected function setUp(): void
	{
		parent::setUp();
		Client::$wire = fn ($method, $url, $headers, $body) => $this->cloneAnswers($url, $body);
		Peers::hear(self::ORIGIN, [
			'v' => 1,
			'version' => '0.1.0',
			'features' => ['ticket', 'range', 'inventory'],
			'endpoint' => self::ORIGIN . '/getfile/ticket',
		]);
	}

	public function test_what_is_missing_here_is_fetched_after_everything_that_changes_now_and_what_is_missing_there_is_told(): void
	{
		$this->receive($this->file('mine', 'only here'));
		$this->work();
		$this->there['yours'] = $this->file('yours', 'only there', [], ['folder-x' => 'Holiday'])
		+ ['filesync' => $this->sibling(['bytes' => ['aaaaaaaa' => 3]])];
		$this->assertSame('over', $this->compare());
		$this->assertSame(Wanted::LATE, (int) $this->transfer('yours')['priority']);
		$this->assertSame('Holiday', $this->attach('folder-x')['filename']);
		$finish = end($this->asked);
		$this->assertSame(['finish', true], [$finish['do'], $finish['last']]);
		$this->assertContains('mine', $finish['hashes']);
		$this->assertNotContains('yours', $finish['hashes'], 'what is on its way is there');
		$this->assertSame([], $this->sent(), 'no packet leaves');
		$this->work();
		$this->assertSame('only there', $this->shown('yours'));
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->assertEqualsWithDelta(time() + 604800, $run->next_at, 90000);
		$this->assertSame([1, 1, 0], [
			$run->stats['missing_here'],
			$run->stats['missing_there'],
			$run->stats['different'],
		]);
	}

	public function test_where_our_own_changes_are_not_noticed_a_comparison_only_lists(): void
	{
		$this->receive($this->file('mine', 'only here'));
		$this->work();
		$this->there['yours'] = $this->file('yours', 'only there');
		$without = [[
			'kind' => 'hook',
			'name' => 'attach_delete',
			'parts' => [Parts::SENDER],
			'found' => '',
			'where' => '',
		]];
		Look::keep(Look::print(), $without);
		$this->assertSame('over', $this->compare());
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->assertSame([1, 1], [$run->stats['missing_here'], $run->stats['missing_there']]);
		$this->assertEqualsWithDelta(time() + 604800, $run->next_at, 90000);
		$this->assertSame(['round'], array_unique(array_column($this->asked, 'do')), 'it fetches and tells nothing');
		$this->assertNull($this->transfer('yours'));
		// Nor does it fetch what the clone tells it to.
		$this->assertSame(0, $this->tell(['do' => 'finish', 'hashes' => ['yours']])['noted']);
		Run::wish($this->channel->id, self::ORIGIN, ['yours'], 0);
		Reconcile::work(time() + 20);
		$this->assertNull($this->transfer('yours'));
		$this->assertSame([], $this->sent());
		// Once they are noticed again, the next comparison does both.
		Look::keep(Look::print(), []);
		$this->assertSame('over', $this->compare());
		$this->assertNotNull($this->transfer('yours'));
		$this->assertContains('mine', end($this->asked)['hashes']);
	}

	public function test_a_comparison_that_has_begun_to_fetch_goes_on_as_a_list(): void
	{
		$this->there['yours'] = $this->file('yours', 'only there');
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$run->save(['next_at' => Clock::now()]);
		Reconcile::goOn($run->id, Clock::now() + 30, true);
		$this->assertSame('fetching', Run::find($run->id)->state);
		$without = [[
			'kind' => 'hook',
			'name' => 'attach_delete',
			'parts' => [Parts::SENDER],
			'found' => '',
			'where' => '',
		]];
		Look::keep(Look::print(), $without);
		$this->assertSame('over', $this->compare());
		$this->assertNull($this->transfer('yours'));
	}

	public function test_a_stock_hub_is_only_compared_with_where_our_own_changes_are_not_noticed(): void
	{
		Table::update('filesync_peer', ['speaks' => 'no', 'features' => ''], ['speaks' => 'yes']);
		$this->receive($this->file('mine', 'only here'));
		$this->work();
		$exports = [];
		$this->answerAsStock(['yours' => $this->file('yours', 'only there')], $exports);
		$without = [[
			'kind' => 'hook',
			'name' => 'attach_delete',
			'parts' => [Parts::SENDER],
			'found' => '',
			'where' => '',
		]];
		Look::keep(Look::print(), $without);
		$this->assertSame('over', $this->compare());
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->assertSame([1, 1], [$run->stats['missing_here'], $run->stats['missing_there']]);
		$this->assertSame([[], null, []], [$exports, $this->transfer('yours'), $this->sent()]);
	}

	/** @dataProvider deletes */
	#[DataProvider('deletes')]
	public function test_a_file_that_was_deleted_here_does_not_come_back(string $delete): void
	{
		$entry = $this->file('gone', 'bytes') + ['filesync' => $this->sibling(['bytes' => ['aaaaaaaa' => 1]])];
		$this->receive($entry);
		$this->work();
		App::set_channel($this->channel->row());
		$delete($this->channel->id, 'gone');
		FileSync\Addon\Send\Intentions::flush();
		App::set_channel(null);
		$this->assertSame('gone', Revisions::find($this->channel->id, 'gone')['state']);
		$this->there['gone'] = $entry;
		$this->compare();
		$this->work();
		$this->assertNull($this->attach('gone'));
		$this->assertSame(['gone'], end($this->asked)['hashes'], 'the delete is sent to the clone');
	}

	/** @dataProvider deletes */
	#[DataProvider('deletes')]
	public function test_nor_from_a_stock_hub(string $delete): void
	{
		Table::update('filesync_peer', ['speaks' => 'no', 'features' => ''], ['speaks' => 'yes']);
		$this->receive($this->file('gone', 'bytes'));
		$this->work();
		App::set_channel($this->channel->row());
		$delete($this->channel->id, 'gone');
		$this->sent();
		App::set_channel(null);
		$exports = [];
		$this->answerAsStock(['gone' => $this->file('gone', 'bytes')], $exports);
		$this->assertSame('over', $this->compare());
		$this->work();
		$this->assertNull($this->attach('gone'));
	}

	/** Pages and WebDAV, a theme, and who calls core's own function. */
	public static function deletes(): array
	{
		return array_map(fn ($namespace) => [$namespace . 'attach_delete'], [
			'a page' => 'Zotlabs\Module\\',
			'WebDAV' => 'Zotlabs\Storage\\',
			'a theme' => 'Theme\Solidified\Api\Handlers\\',
			'anything' => '',
		]);
	}

	public function test_a_file_that_was_changed_there_while_it_was_deleted_here_comes_back_and_all_hear_of_it(): void
	{
		$entry = $this->file('back', 'bytes') + ['filesync' => $this->sibling(['bytes' => ['aaaaaaaa' => 1]])];
		$this->receive($entry);
		$this->work();
		q("UPDATE attach SET filename = 'ours.bin' WHERE hash = 'back'");
		$this->assertCount(1, $this->sent('back'));
		App::set_channel($this->channel->row());
		Zotlabs\Module\attach_delete($this->channel->id, 'back');
		FileSync\Addon\Send\Intentions::flush();
		App::set_channel(null);
		$this->sent();
		$this->there['back'] = $this->file('back', 'changed there')
		+ ['filesync' => $this->sibling(['bytes' => ['aaaaaaaa' => 2]])];
		$this->compare();
		// It asks while the bytes are on their way.
		$this->assertNull($this->tell(['do' => 'entries', 'hashes' => ['back']])['entries'][0]['entry']);
		$this->assertSame([], $this->sent(), 'nothing is sent about files that are not here');
		$this->work();
		$this->assertSame('changed there', $this->shown('back'));
		$told = array_column($this->sent(), 'filesync')[0]['revision']['place']['seen'];
		$this->assertSame(
			(array) Revisions::find($this->channel->id, 'back')['place']['vector'],
			$told,
		);
		// PHP makes a number of a name of digits.
		$this->assertArrayHasKey(FileSync\Addon\Revision\Site::component(1), $told);
	}

	public function test_what_comes_back_with_what_its_delete_had_seen_is_told_however_early_the_clone_asks(): void
	{
		$this->deletedHereChangedThere('early', false);
		$this->compare();
		$this->assertNull($this->tell(['do' => 'entries', 'hashes' => ['early']])['entries'][0]['entry']);
		$this->work();
		$this->assertSame('changed there', $this->shown('early'));
		$told = array_column($this->sent(), 'filesync')[0]['revision'];
		foreach (Judge::GROUPS as $group) {
			$this->assertSame(
				(array) Revisions::find($this->channel->id, 'early')[$group]['vector'],
				(array) $told[$group]['seen'],
				$group,
			);
		}
	}

	public function test_an_announcement_of_what_is_not_here_yet_waits_for_it(): void
	{
		$this->deletedHereChangedThere('soon', true);
		$this->compare();
		FileSync\Addon\Outbox\Outbox::add($this->channel->id, 'announce', 'soon');
		$this->assertSame([], $this->sent());
		$this->work();
		$this->assertCount(1, $this->sent());
	}

	/** A change that is noted as our own is told, wherever taking it in was cut off and begun again. */
	public function test_killed_while_it_takes_in_what_becomes_a_change_of_its_own_this_hub_tells_it_once_it_hears_it_again(): void
	{
		$takeIn = fn (string $hash) => Intake::take($this->channel, self::ORIGIN, $this->there[$hash]);
		$this->deletedHereChangedThere('whole', true);
		$instants = $this->instantsOf(fn () => $takeIn('whole'));
		$this->work();
		$this->sent();
		foreach (self::sample($instants, 40) as $instant) {
			$hash = "cut-$instant";
			$this->deletedHereChangedThere($hash, true);
			$this->killedAt($instant, fn () => $takeIn($hash));
			$takeIn($hash);
			$this->work();
			$this->assertSame('changed there', $this->shown($hash), "killed at $instant");
			$this->assertSame([$hash], array_map(Intake::hashOf(...), $this->sent()), "killed at $instant");
		}
	}

	public function test_what_waited_for_bytes_that_are_here_is_sent_by_cron(): void
	{
		$this->receive($this->file('here', 'bytes'));
		$this->work();
		FileSync\Addon\Send\Withholding::announceOnceHere($this->channel->id, 'here');
		$this->receive($this->file('coming', 'bytes'));
		FileSync\Addon\Send\Withholding::announceOnceHere($this->channel->id, 'coming');
		q('UPDATE filesync_outbox SET created = created - 1000');
		FileSync\Addon\Send\Intentions::recover();
		FileSync\Addon\Outbox\Outbox::run($this->channel->id, ['announce']);
		$this->assertSame(['here'], array_map(Intake::hashOf(...), $this->sent()));
	}

	/**
	 * A file that the owner renamed, or let somebody see and no longer see, and deleted here, while it was changed on
	 * the clone, which knows nothing of that.
	 */
	private function deletedHereChangedThere(string $hash, bool $isRenamed): void
	{
		$this->receive($this->file($hash, 'bytes') + ['filesync' => $this->sibling(['bytes' => ['aaaaaaaa' => 1]])]);
		$this->work();
		foreach ($isRenamed ? ["filename = 'ours.bin'"] : ["allow_cid = '<someone>'", "allow_cid = ''"] as $change) {
			q("UPDATE attach SET $change WHERE hash = '$hash'");
			$this->assertCount(1, $this->sent($hash));
		}
		App::set_channel($this->channel->row());
		Zotlabs\Module\attach_delete($this->channel->id, $hash);
		FileSync\Addon\Send\Intentions::flush();
		App::set_channel(null);
		$this->sent();
		$this->there[$hash] = $this->file($hash, 'changed there')
		+ ['filesync' => $this->sibling(['bytes' => ['aaaaaaaa' => 2]])];
	}

	public function test_a_row_that_vanished_is_no_delete_and_comes_back(): void
	{
		$entry = $this->file('lost', 'bytes') + ['filesync' => $this->sibling(['bytes' => ['aaaaaaaa' => 1]])];
		$this->receive($entry);
		$this->work();
		unlink($this->attach('lost')['content']);
		dbq("DELETE FROM attach WHERE hash = 'lost'");
		$this->there['lost'] = $entry;
		$this->compare();
		$this->work();
		$this->assertSame('bytes', $this->shown('lost'));
	}

	public function test_nothing_is_compared_twice_where_all_is_equal(): void
	{
		$this->assertSame('over', $this->compare());
		$this->assertSame(['round', 'finish'], array_column($this->asked, 'do'));
		$this->assertSame([], glob('store/[[]data[]]/filesync/*/inventory-*'), 'no snapshot stays');
	}

	public function test_an_entry_of_another_hub_than_the_one_that_was_asked_is_not_taken(): void
	{
		$this->there['x'] = ['fetch_url' => 'http://127.0.0.1:9000/getfile'] + $this->file('x', 'bytes');
		$this->compare();
		$this->assertNull($this->transfer('x'));
	}

	public function test_a_clone_that_does_not_answer_is_asked_again_later_and_later(): void
	{
		$this->answer = ['status' => 503];
		$waits = [];
		for ($n = 0; $n < 3; $n++) {
			$this->assertSame('failed', $this->compare());
			$waits[] = Run::ask($this->channel->id, self::ORIGIN)->next_at - time();
		}
		$this->assertGreaterThan($waits[0] * 1.5, $waits[2]);
		$this->answer = null;
		$this->assertSame('over', $this->compare());
		$this->assertSame('', Run::ask($this->channel->id, self::ORIGIN)->reason);
	}

	public function test_a_comparison_is_due_after_installing_and_once_a_clone_or_this_hub_is_back(): void
	{
		Reconcile::plan();
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->assertEqualsWithDelta(time() + 1000, $run->next_at, 900);
		$run->postpone();
		dbq(
			"INSERT INTO outq (outq_hash, outq_channel, outq_posturl, outq_delivered, outq_created, outq_notify, outq_msg) VALUES ('h', {$this->channel->id}, '"
			. self::ORIGIN
			. "/zot', 0, '2020-01-01 00:00:00', '', '')",
		);
		Reconcile::plan();
		$this->assertGreaterThan(
			time() + 86400,
			Run::ask($this->channel->id, self::ORIGIN)->next_at,
			'not while it is away',
		);
		dbq('DELETE FROM outq');
		Reconcile::plan();
		$this->assertLessThanOrEqual(time(), Run::ask($this->channel->id, self::ORIGIN)->next_at);
		$this->assertCount(1, array_filter($this->jobs('Addon'), fn ($argv) => $argv[2] === 'reconcile'));
		Run::ask($this->channel->id, self::ORIGIN)->postpone();
		Config::set('planned_at', (string) (time() - 86400), 'state');
		Reconcile::plan();
		$this->assertLessThanOrEqual(time(), Run::ask($this->channel->id, self::ORIGIN)->next_at);
	}

	public function test_a_hub_that_comes_and_goes_is_compared_with_early_once_a_day(): void
	{
		$bob = Channel::of($this->another('bob', self::ORIGIN));
		$run = fn () => Run::ask($bob->id, self::ORIGIN);
		$comesBack = function () {
			Peers::learn(['url' => self::ORIGIN, 'dav' => 'open', 'filesync' => 'untried', 'failures' => 1], null);
			Reconcile::plan();
			Peers::learn([
				'url' => self::ORIGIN,
				'dav' => 'open',
				'filesync' => 'open',
				'features' => ['ticket', 'inventory'],
				'received_bytes' => 5,
			], 'filesync');
			Reconcile::plan();
		};
		$run()->postpone();
		$comesBack();
		$this->assertLessThanOrEqual(time(), $run()->next_at);
		$first = $run()->next_at;
		$this->answer = null;
		for ($n = 0; $n < 3; $n++) {
			$this->compare($bob);
			$this->assertGreaterThan(time() + 432000, $run()->next_at, 'the comparison is over');
			$comesBack();
			$this->assertEqualsWithDelta($first + 86400, $run()->next_at, 2);
		}
		Fake\Clock::$ahead = 86400;
		Config::set('planned_at', (string) Clock::now(), 'state');
		$this->compare($bob);
		$comesBack();
		$this->assertGreaterThan($first + 86400 + 80000, $run()->next_at, 'that it was due a day later counts too');
	}

	public function test_a_comparison_that_goes_on_is_left_alone_and_one_that_failed_is_tried_again_once_the_clone_is_back(): void
	{
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$later = time() + 5000;
		$run->save(['attempts' => 3, 'next_at' => $later, 'was_away' => 1, 'stats' => ['missing_here' => 5]]);
		Lease::take("reconcile-{$run->id}", 'another', 60);
		Reconcile::plan();
		$this->assertSame([$later, 5], [
			Run::find($run->id)->next_at,
			Run::find($run->id)->stats['missing_here'],
		]);
		Lease::giveBack("reconcile-{$run->id}", 'another');
		$run->save(['was_away' => 1]);
		Reconcile::plan();
		$this->assertLessThanOrEqual(time(), Run::find($run->id)->next_at);
	}

	public function test_a_channel_that_is_cloned_here_is_compared_at_once(): void
	{
		$imported = ['channel' => $this->channel->row(), 'data' => []];
		call_hooks('import_channel', $imported);
		$this->assertLessThanOrEqual(time(), Run::ask($this->channel->id, self::ORIGIN)->next_at);
		$odd = [];
		call_hooks('import_channel', $odd);
	}

	public function test_a_hub_that_asks_to_wait_a_little_is_asked_again_and_that_is_no_failure(): void
	{
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->answer = ['status' => 429, 'headers' => ['retry-after' => '3']];
		foreach ([3, 3, 4, 8, 16, 32, 60, 60] as $wait) {
			$this->assertSame('on', $this->compare());
			$now = Run::find($run->id);
			$this->assertSame([0, ''], [$now->attempts, $now->reason]);
			$this->assertEqualsWithDelta(time() + $wait, $now->next_at, 1);
		}
		$this->answer = null;
		$this->assertSame('over', $this->compare());
		$this->assertArrayNotHasKey('busy', Run::find($run->id)->stats);
	}

	public function test_what_is_here_is_listed_for_one_clone_at_a_time(): void
	{
		$place = FileSync\Addon\Hub\Places::take('list', 1, 1);
		$answer = $this->request(['do' => 'round']);
		$this->assertSame([429, '1', 'busy'], [
			$answer->status,
			$answer->headers['Retry-After'],
			json_decode($answer->body, true)['error'],
		]);
		$this->assertSame([], Run::all('answer'), 'nothing is begun for who comes again');
		$place->giveBack();
		$session = $this->tell(['do' => 'round'])['session'];
		$place = FileSync\Addon\Hub\Places::take('list', 1, 1);
		$this->assertSame(
			'ready',
			$this->tell(['do' => 'round', 'message' => base64_encode('begin'), 'session' => $session])['state'],
			'what is listed is answered at once',
		);
		$this->tell(['do' => 'entries', 'hashes' => ['x']]);
		$place->giveBack();
		Run::find($session)->save(['state' => 'idle']);
		$this->tell(['do' => 'round', 'session' => $session]);
		$this->assertFalse(Lease::isHeld('place-list-1-1'));
	}

	public function test_with_a_hub_without_filesync_all_differences_are_dealt_with_a_page_at_a_time(): void
	{
		Peers::learn([
			'url' => self::ORIGIN,
			'dav' => 'untried',
			'filesync' => 'refused',
			'filesync_reason' => 'stock',
		], null);
		$mine = array_map(fn ($n) => "mine$n", range(1, 7));
		foreach ($mine as $hash) {
			$this->receive($this->file($hash, "only here $hash"));
		}
		$this->receive($this->file('same', 'same'), $this->file('differs', 'differs'));
		for ($n = 0; $n < 3; $n++) {
			$this->work();
		}
		q("UPDATE attach SET filename = 'ours.bin', edited = '2024-06-01 10:00:00' WHERE hash = 'differs'");
		$this->sent('differs');
		$there = ['same' => $this->file('same', 'same'), 'differs' => $this->file('differs', 'differs')]
		+ array_combine(
			array_map(fn ($n) => "theirs$n", range(1, 45)),
			array_map(fn ($n) => $this->file("theirs$n", "there $n"), range(1, 45)),
		);
		$exports = [];
		$this->answerAsStock($there, $exports);
		$run = Run::ask($this->channel->id, self::ORIGIN);
		$this->assertSame(Outcome::Over, Reconcile::goOn($run->id, time() + 30, true));
		$seen = array_count_values(array_column(
			iterator_to_array(StockComparison::differences(Run::find($run->id)), false),
			'verdict',
		));
		ksort($seen);
		$this->assertSame(['different' => 1, 'missing_here' => 45, 'missing_there' => 7], $seen);
		Run::find($run->id)->abandon(time());
		$sent = [];
		for ($n = 0; $n < 20 && $this->compare() !== 'over'; $n++) {
			$row = Table::first('filesync_reconcile', ['id' => $run->id]);
			$this->assertLessThan(2000, strlen($row['body'] . $row['position']));
			array_push($sent, ...$this->sent());
		}
		array_push($sent, ...$this->sent());
		$this->assertLessThan(20, $n);
		$this->work();
		$this->assertSame('there 45', $this->shown('theirs45'));
		$this->assertSame(46, count(array_unique($exports)));
		$this->assertSame(46, count($exports), 'each once');
		$told = array_map(fn ($entry) => end($entry['attach'])['hash'], $sent);
		sort($told);
		$this->assertSame(['differs', ...$mine], array_values(array_unique($told)));
		$stats = Run::find($run->id)->stats;
		$this->assertSame([45, 7, 1, 1], [
			$stats['missing_here'],
			$stats['missing_there'],
			$stats['different'],
			$stats['present'],
		]);
	}

	public function test_a_comparison_that_an_earlier_version_was_in_the_middle_of_begins_again(): void
	{
		Peers::learn([
			'url' => self::ORIGIN,
			'dav' => 'untried',
			'filesync' => 'refused',
			'filesync_reason' => 'stock',
		], null);
		$this->receive($this->file('mine', 'bytes'));
		$this->work();
		$exports = [];
		$this->answerAsStock(['theirs' => $this->file('theirs', 'there')], $exports);
		$run = Run::ask($this->channel->id, self::ORIGIN);
		foreach (['asking' => ['offset' => 0], 'sending' => ['offset' => 0]] as $state => $position) {
			$run->save([
				'state' => $state,
				'position' => $position,
				'body' => ['missing_here' => ['x'], 'different' => [], 'missing_there' => [], 'send' => ['y']],
			]);
			$this->assertContains($this->compare(), ['over', 'on']);
			$this->assertSame('', Run::find($run->id)->reason);
		}
		$this->assertContains('theirs', $exports);
	}

	public function test_a_clone_is_answered_round_by_round_and_what_it_tells_is_fetched(): void
	{
		$this->receive($this->file('mine', 'bytes'));
		$this->work();
		$first = $this->tell(['do' => 'round', 'message' => base64_encode('begin')]);
		$this->assertSame('ready', $first['state']);
		$this->assertNotSame('', base64_decode($first['message']));
		$again = $this->tell(['do' => 'round', 'message' => base64_encode('begin'), 'session' => $first['session']]);
		$this->assertSame($first['message'], $again['message'], 'the snapshot serves all rounds');
		$key = substr(Inventory::id('mine', '', ''), 0, 16);
		$entries = $this->tell([
			'do' => 'entries',
			'keys' => [$key, '00000000000000ff'],
			'session' => $first['session'],
		])['entries'];
		$this->assertSame([$key, 'mine'], [$entries[0]['for'], $entries[0]['entry']['attach'][0]['hash']]);
		$this->assertNull($entries[1]['entry']);
		$this->there['theirs'] = $this->file('theirs', 'new bytes');
		$this->assertSame(
			1,
			$this->tell([
				'do' => 'finish',
				'hashes' => ['theirs'],
				'last' => true,
				'session' => $first['session'],
			])['noted'],
		);
		$this->assertSame('pull', Run::next()->role);
		Reconcile::work(time() + 30);
		$this->work();
		$this->assertSame('new bytes', $this->shown('theirs'));
		$this->assertNull(Run::next());
	}

	public function test_what_a_clone_tells_while_it_is_told_itself_is_not_forgotten(): void
	{
		$entry = $this->file('mine', 'bytes')
		+ ['filesync' => $this->sibling(array_fill_keys(Judge::GROUPS, ['aaaaaaaa' => 1]))];
		$this->receive($entry);
		$this->work();
		q("UPDATE attach SET filename = 'ours.bin' WHERE hash = 'mine'");
		$this->sent('mine');
		$this->there['mine'] = $entry;
		$wire = Client::$wire;
		Client::$wire = function ($method, $url, $headers, $body) use ($wire) {
			json_decode($body, true)['do'] === 'finish' && Run::wish($this->channel->id, self::ORIGIN, ['later'], 0);

			return $wire($method, $url, $headers, $body);
		};
		Run::wish($this->channel->id, self::ORIGIN, ['mine'], 0);
		$run = Run::ask($this->channel->id, self::ORIGIN, 'pull');
		Reconcile::goOn($run->id, time() + 30);
		$this->assertSame(['entries', 'finish'], array_column($this->asked, 'do'));
		$run = Run::find($run->id);
		$this->assertSame(['later'], $run->body['hashes'] ?? []);
		$this->assertTrue($run->next_at > 0 && $run->next_at <= time());
	}

	public function test_what_is_no_request_of_a_clone_is_refused(): void
	{
		$this->assertSame(400, $this->request(['do' => 'other'])->status);
		$this->assertSame(400, $this->request(['do' => 'round', 'session' => '../x'])->status);
		$this->assertSame(400, $this->request(['do' => 'entries', 'hashes' => ['../x']])->status);
		$this->assertSame(400, $this->request(['do' => 'entries', 'hashes' => array_fill(0, 65, 'x')])->status);
		$this->assertSame(400, $this->request(['do' => 'round', 'message' => base64_encode('no message')])->status);
		$this->assertSame(
			403,
			$this->request(['do' => 'round', 'key_id' => 'http://127.0.0.1:9009/channel/alice'])->status,
		);
		$this->assertSame(401, $this->request(['do' => 'round', 'time' => time() - 1000])->status);
		$this->assertSame(
			410,
			$this->request([
				'do' => 'entries',
				'keys' => ['00000000000000ff'],
				'session' => str_repeat('a', 32),
			])->status,
		);
		$request = $this->signedRequest('inventory', ['do' => 'round']);
		$this->assertSame(
			[200, 401],
			[InventoryRequest::answer($request)->status, InventoryRequest::answer($request)->status],
			'a request holds once',
		);
		$ticket = $this->signedRequest('inventory', ['do' => 'round'], 'ticket');
		$this->assertSame(401, InventoryRequest::answer($ticket)->status, 'a signature for something else');
	}

	private function compare(?Channel $channel = null): string
	{
		$run = Run::ask(($channel ?? $this->channel)->id, self::ORIGIN);
		$run->save(['next_at' => Clock::now()]);

		return Reconcile::goOn($run->id, Clock::now() + 30)->value;
	}

	private function sibling(array $vectors): array
	{
		$revision = array_map(
			fn ($group) => ['seen' => (object) ($vectors[$group] ?? []), 'by' => '', 'at' => ''],
			array_combine(Judge::GROUPS, Judge::GROUPS),
		);

		return ['v' => 1, 'revision' => json_decode(json_encode($revision), true)];
	}

	/** Answers as the clone: what it has is equal to what is here only where its entry was taken in here. */
	private function cloneAnswers(string $url, string $body): array
	{
		$this->assertSame(self::ORIGIN . '/getfile/inventory', $url);
		$asked = json_decode($body, true);
		$this->asked[] = $asked;
		if ($this->answer) {
			return $this->answer;
		}
		$said = match ($asked['do']) {
			'round' => [
				'session' => str_repeat('b', 32),
				'state' => 'ready',
				'message' => base64_encode(implode(' ', array_map($this->idThere(...), array_keys($this->there)))),
			],
			'entries' => ['entries' => array_map(fn ($name) => [
				'for' => $name,
				'entry' => $this->there[$name] ?? $this->byKey($name),
			], $asked['keys'] ?? $asked['hashes'])],
			'finish' => ['noted' => count($asked['hashes'])],
		};

		return ['status' => 200, 'body' => json_encode($said + ['filesync' => 2, 'time' => time()])];
	}

	/** Answers as a clone without filesync that has some files. */
	private function answerAsStock(array $there, array &$exports): void
	{
		Client::$wire = function ($method, $url) use ($there, &$exports) {
			parse_str((string) parse_url($url, PHP_URL_QUERY), $query);
			$said = [];
			if (str_contains($url, '/api/z/1.0/files?')) {
				$said = ['results' => array_slice(
					array_map(fn ($entry) => end($entry['attach']), array_values($there)),
					(int) $query['start'],
					(int) $query['records'],
				)];
			} elseif (str_contains($url, 'file/export')) {
				$exports[] = $query['file_id'];
				$said = $there[$query['file_id']] ?? [];
			} elseif (str_contains($url, 'filemeta') && isset($there[$query['file_id']])) {
				$said = ['attach' => ['hash' => $query['file_id']]];
			}

			return ['status' => 200, 'body' => json_encode($said)];
		};
	}

	private function idThere(string $hash): string
	{
		$row = end($this->there[$hash]['attach']);
		$vectors = array_map(
			fn ($value) => $value['seen'],
			$this->there[$hash]['filesync']['revision'] ?? array_fill_keys(Judge::GROUPS, ['seen' => []]),
		);
		$prints = Revisions::prints($row, []);
		$text = fn (array $values) => json_encode($values, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);

		return Inventory::id(
			$hash,
			$text([$prints['bytes'], $vectors['bytes'], []]),
			$text([$prints['place'], $vectors['place'], $prints['access'], $vectors['access']]),
		);
	}

	private function byKey(string $key): ?array
	{
		foreach ($this->there as $hash => $entry) {
			if (substr(Inventory::id($hash, '', ''), 0, 16) === $key) {
				return $entry;
			}
		}

		return null;
	}

	private function request(array $keys): Response
	{
		return InventoryRequest::answer($this->signedRequest('inventory', $keys));
	}

	private function tell(array $keys): array
	{
		$answer = $this->request($keys);
		$this->assertSame(200, $answer->status, $answer->body);

		return json_decode($answer->body, true);
	}
}
