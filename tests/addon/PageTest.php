<?php

use Fake\Page as Fake;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Page\OwnerActions;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Status\Progress;
use FileSync\Addon\Transfer\Meter;
use FileSync\TransferBatch;

/**
 * The owner's page says in plain words how things stand, shows each owner only their own, and does only what its form
 * was sent for.
 */
final class PageTest extends AddonTestCase
{
	private const GONE = [
		'kind' => 'NotFound',
		'temporary' => false,
		'message' => 'status 404 at line 17 of transfer.rs',
	];
	private const BUSY = [
		'kind' => 'PeerBusy',
		'temporary' => true,
		'message' => 'status 503',
		'retry_after_seconds' => 600,
	];

	protected function setUp(): void
	{
		parent::setUp();
		Fake::$isForged = false;
		Fake::$said = Fake::$led = Fake::$scripts = [];
		$_POST = $_GET = $_SESSION = [];
		App::set_channel($this->channel->row());
	}

	protected function tearDown(): void
	{
		App::set_channel(null);
		$_POST = $_GET = [];
		parent::tearDown();
	}

	public function test_the_hub_finds_the_page_whatever_its_list_of_routes_says(): void
	{
		$module = ['module' => 'filesync', 'installed' => false, 'controller' => null];
		call_hooks('module_loaded', $module);
		$this->assertTrue($module['installed']);
		$this->assertInstanceOf(Zotlabs\Web\Controller::class, $module['controller']);
		$this->assertStringContainsString('Everything is here.', $module['controller']->get());
	}

	public function test_others_get_the_hubs_refusal(): void
	{
		App::set_channel(null);
		$this->assertSame('Permission denied.', OwnerPage::show());
		$this->assertSame(403, OwnerPage::state()->status);
		$_POST = ['filesync_pause' => '1'];
		OwnerActions::take();
		$this->assertSame(['!Permission denied.', '!Permission denied.'], Fake::$said);
		$this->assertSame('', Config::get('paused', 'channel:1'));
	}

	public function test_it_says_what_is_here_what_waits_and_why(): void
	{
		TransferBatch::$answers['late-0'] = self::BUSY;
		$this->receive($this->file('here', 'the bytes'), $this->file('gone', '12345'), $this->file('late', '1234567'));
		TransferBatch::$answers['gone-0'] = self::GONE;
		TransferBatch::$answers['late-0'] = self::BUSY;
		$this->work();
		$page = $this->values();
		$this->assertSame([], $page['problems']);
		$this->assertSame([
			'this hub',
			'1 of 3 files, 9 B of 21 B',
			['not here yet: 2 files', 'of these stuck: 1 file'],
			false,
		], [
			$page['clones'][0]['note'],
			$page['clones'][0]['text'],
			$page['clones'][0]['lines'],
			$page['clones'][0]['is_complete'],
		]);
		$this->assertSame(
			[
				'gone.bin: no hub has it any more; will not be retried automatically',
				'late.bin: the other hub was busy, or does not have it whole',
			],
			array_map(
				fn ($row) => "{$row['name']}: {$row['why']}" . ($row['is_stuck'] ? "; {$row['then']}" : ''),
				$page['waiting'],
			),
		);
		$this->assertMatchesRegularExpression('/^next try in 1\d min$/', $page['waiting'][1]['then']);
		$this->assertSame('stuck: 1; retried automatically: 1', $page['waiting_line']);
		$this->assertStringNotContainsString('transfer.rs', json_encode($page));
		$this->assertSame('Something is missing here. Stuck: 1.', $page['say']);
	}

	public function test_of_other_hubs_only_what_is_known_is_said(): void
	{
		$this->assertSame([false, 'how much it has: not known'], [
			$this->values()['clones'][1]['has_bar'],
			$this->values()['clones'][1]['text'],
		]);
		$this->receive($this->file('here', 'the bytes'));
		$this->work();
		FileSync\Addon\Status\Overview::forget(1);
		$clone = $this->values()['clones'][1];
		$this->assertSame(['127.0.0.1:9001', 'knows about every file', '1 file, 9 B'], [
			$clone['name'],
			$clone['percent_text'],
			$clone['text'],
		]);
		$this->assertContains('not checked yet', $clone['lines']);
	}

	public function test_an_older_version_that_is_replaced_is_not_called_whole(): void
	{
		$this->receive($this->file('here', 'the bytes'));
		$this->work();
		$this->receive($this->file('here', 'the newer bytes', ['edited' => '2024-06-01 10:00:00']));
		$this->assertSame(['0 of 1 file, 0 B of 9 B', ['here in an older version: 1 file']], [
			$this->values()['clones'][0]['text'],
			$this->values()['clones'][0]['lines'],
		]);
		$this->work();
		$this->assertSame('complete', $this->values()['clones'][0]['percent_text']);
	}

	public function test_what_arrives_has_a_speed_and_an_end(): void
	{
		$this->receive($this->file('large', str_repeat('x', 1048576)));
		Table::update(
			'filesync_transfer',
			['state' => 'leased', 'token' => 'somebody', 'lease_until' => time() + 60],
			['hash' => 'large'],
		);
		$row = $this->transfer('large');
		$this->assertStringStartsWith('0 B of 1.0 MiB', $this->values()['arriving'][0]['text']);
		Config::set(
			'progress',
			json_encode([
				'at' => time(),
				'rate' => 52428,
				'rows' => [Meter::key($row['id'], (int) $row['generation']) => [524288, 52000]],
			]),
			'overview:1',
		);
		$progress = Progress::of(1);
		$this->assertSame([52428, 10, 524288], [
			$progress['bytes_per_second'],
			$progress['seconds'],
			$progress['todo_bytes'],
		]);
		$page = $this->values();
		$this->assertSame([50, '512.0 KiB of 1.0 MiB, 50.8 KiB a second, 10 s left'], [
			$page['arriving'][0]['percent'],
			$page['arriving'][0]['text'],
		]);
		Table::update('filesync_transfer', ['state' => 'staged'], ['hash' => 'large']);
		$this->assertSame([50, 524288], [$this->values()['clones'][0]['percent'], Progress::of(1)['todo_bytes']]);
		Table::update('filesync_transfer', ['state' => 'leased'], ['hash' => 'large']);
		$this->assertSame(['1 file, 512.0 KiB to come, 51.2 KiB a second, done in about 10 s', 50], [
			$page['arriving_line'],
			$page['clones'][0]['percent'],
		]);
		// A speed of long ago is none.
		Config::set(
			'progress',
			json_encode([
				'at' => time() - 60,
				'rate' => 52428,
				'rows' => [Meter::key($row['id'], (int) $row['generation']) => [524288, 52000]],
			]),
			'overview:1',
		);
		$this->assertSame('1 file, 512.0 KiB to come, speed not known yet', $this->values()['arriving_line']);
		Config::set(
			'progress',
			json_encode([
				'at' => time(),
				'rate' => 52428,
				'rows' => [Meter::key($row['id'], (int) $row['generation']) => [1048576, 52000]],
			]),
			'overview:1',
		);
		$this->assertSame('all here, being checked', $this->values()['arriving'][0]['text']);
		// Until the worker has noticed the pause.
		Config::set(
			'progress',
			json_encode([
				'at' => time(),
				'rate' => 52428,
				'rows' => [Meter::key($row['id'], (int) $row['generation']) => [524288, 52000]],
			]),
			'overview:1',
		);
		Config::set('paused', '1', 'channel:1');
		$this->assertSame('512.0 KiB of 1.0 MiB', $this->values()['arriving'][0]['text']);
	}

	public function test_thumbnails_are_only_counted(): void
	{
		$this->receive($this->file('large', 'x'));
		Table::update('filesync_transfer', ['state' => 'leased', 'scale' => 2], ['hash' => 'large']);
		$page = $this->values();
		$this->assertSame([[], true], [$page['arriving'], $page['is_moving']]);
		$this->assertStringStartsWith('thumbnails: 1, ', $page['arriving_line']);
	}

	/** The two are counted at one moment, however long each count is good for. */
	public function test_a_file_that_was_announced_just_now_is_not_called_unknown_to_its_hub(): void
	{
		$this->receive($this->file('one', 'x'));
		$this->assertSame('knows about every file', $this->values()['clones'][1]['percent_text']);
		$this->receive($this->file('two', 'y'));
		Config::clear('here', 'overview:1');
		$this->assertSame('knows about every file', OwnerPage::values($this->channel)['clones'][1]['percent_text']);
	}

	public function test_names_from_elsewhere_do_no_harm(): void
	{
		TransferBatch::$answers['evil-0'] = self::GONE;
		$name = "<script>alert(1)\u{202e}gpj.exe\u{2066}";
		$this->receive($this->file('evil', 'x', ['filename' => $name]));
		TransferBatch::$answers['evil-0'] = self::GONE;
		$this->work();
		$this->assertSame('<script>alert(1)?gpj.exe?', $this->values()['waiting'][0]['name']);
		foreach (['filesync_page.tpl', 'filesync_state.tpl'] as $template) {
			preg_match_all('/\{\{(\$[^}]+)\}\}/', file_get_contents("addon/filesync/view/tpl/$template"), $found);
			// The one is the other, rendered.
			$this->assertSame(
				$template === 'filesync_page.tpl' ? ['$state'] : [],
				array_values(array_filter($found[1], fn ($value) => ! str_ends_with($value, "|escape:'html'"))),
			);
		}
	}

	public function test_without_scripts_every_button_is_part_of_a_form_with_its_token(): void
	{
		$page = file_get_contents('addon/filesync/view/tpl/filesync_page.tpl');
		$this->assertMatchesRegularExpression(
			'#<form [^>]*method="post">\s*<input type="hidden" name="form_security_token"[^>]*>.*\{\{\$state\}\}.*</form>#s',
			$page,
		);
		$state = file_get_contents('addon/filesync/view/tpl/filesync_state.tpl');
		$this->assertSame(
			substr_count($state, '<button'),
			substr_count($state, '<button type="submit" name="filesync_'),
		);
		$this->assertStringNotContainsString('onclick', $page . $state);
		$this->assertSame(
			substr_count($state, '<progress'),
			substr_count($state, 'aria-labelledby="filesync-name-')
			+ substr_count($state, 'aria-labelledby="filesync-file-')
			+ substr_count($state, 'aria-labelledby="filesync-import-'),
		);
	}

	public function test_the_open_page_is_told_the_same(): void
	{
		$answer = OwnerPage::state();
		$body = json_decode($answer->body, true);
		$this->assertSame([200, 'application/json', 'no-store', 'token of filesync_page', 15, 'Everything is here.'], [
			$answer->status,
			$answer->headers['Content-Type'],
			$answer->headers['Cache-Control'],
			$body['token'],
			$body['seconds'],
			$body['say'],
		]);
		$this->receive($this->file('one', 'x'));
		$this->assertSame(3, json_decode(OwnerPage::state()->body, true)['seconds']);
	}

	public function test_a_forged_form_does_nothing(): void
	{
		$this->stuck();
		$before = $this->everything();
		Fake::$isForged = true;
		foreach ([
			['filesync_retry_all' => '1'],
			['filesync_pause' => '1'],
			['filesync_undo' => 'abcdef0123'],
		] as $_POST) {
			try {
				OwnerActions::take();
				$this->fail('it was not sent away');
			} catch (RuntimeException $e) {
				$this->assertSame('sent away', $e->getMessage());
			}
		}
		$this->assertEquals($before, $this->everything());
	}

	public function test_what_is_stuck_is_tried_again(): void
	{
		$row = $this->stuck();
		TransferBatch::$answers['gone-0'] = '12345';
		$this->press('retry', $row['id']);
		$this->assertSame('Trying again now.', $this->left());
		$this->assertStringEndsWith('/filesync', Fake::$led[0]);
		$this->work();
		$this->assertSame('12345', $this->shown('gone'));
		$this->press('retry', $row['id']);
		$this->assertSame('!Not done: it no longer exists', $this->left());
	}

	public function test_all_that_waits_is_tried_again(): void
	{
		$this->stuck();
		TransferBatch::$answers['gone-0'] = '12345';
		$this->press('retry_all');
		$this->work();
		$this->assertSame('12345', $this->shown('gone'));
	}

	public function test_another_channels_rows_are_out_of_reach(): void
	{
		$row = $this->stuck();
		$this->receive($this->file('old', 'before'));
		$this->work();
		$this->receive($this->deletion('old'));
		$kept = Table::first('filesync_kept', ['hash' => 'old']);
		$this->assertNotNull($kept);
		Table::insert('filesync_packet', [
			'id' => str_repeat('a', 64),
			'uid' => 1,
			'hash' => 'old',
			'state' => 'parked',
			'reason' => '',
			'body' => json_encode($this->deletion('gone')),
			'attempts' => 0,
			'next_at' => 0,
			'created' => 1,
			'updated' => 1,
		]);
		$other = Channel::of(TestHub\Maker::channel(TestHub\Maker::identity('mallory', 1024), 'mallory'));
		App::set_channel($other->row());
		$this->assertSame(
			[[], [], []],
			array_map(fn ($part) => $this->values($other)[$part], ['waiting', 'kept', 'packets']),
		);
		foreach ([
			'retry' => $row['id'],
			'undo' => $kept['id'],
			'agree' => str_repeat('a', 64),
			'refuse' => str_repeat('a', 64),
		] as $button => $id) {
			$this->press($button, $id);
			$this->assertSame('!Not done: it no longer exists', $this->left());
		}
		$this->press('retry_all');
		$this->assertSame(['parked', null, 1], [
			$this->transfer('gone')['state'],
			$this->attach('old'),
			Table::count('filesync_packet', []),
		]);
	}

	public function test_an_owner_pauses_and_goes_on(): void
	{
		$this->receive($this->file('one', 'x'));
		$this->press('pause');
		// The page itself says so.
		$this->assertSame('', $this->left());
		$this->work();
		$page = $this->values();
		$this->assertSame([null, true, '1 file, 1 B to come, paused', 'Paused. Something is missing here.'], [
			$this->shown('one'),
			$page['is_paused'],
			$page['arriving_line'],
			$page['say'],
		]);
		// Not a moment is spent on it meanwhile.
		$this->assertSame([], array_slice($this->jobs('Addon'), 1));
		$this->assertStringContainsString('"resume":"Resume"', OwnerPage::show(), 'as the line above it says');
		$this->press('resume');
		$this->work();
		$this->assertSame(['x', false], [$this->shown('one'), $this->values()['is_paused']]);
		Config::set('paused', '1');
		$this->receive($this->file('two', 'y'));
		$this->work();
		$this->assertSame([null, ['The admin of this hub has paused fetching.']], [
			$this->shown('two'),
			$this->values()['problems'],
		]);
	}

	public function test_a_pause_stops_what_is_arriving(): void
	{
		$this->receive($this->file('one', 'x'), $this->file('two', 'y'));
		$steps = 0;
		TransferBatch::$duringStep = function () use (&$steps) {
			$steps++ === 0 && Config::set('paused', '1', 'channel:1');
		};
		$this->work();
		$this->assertSame(1, $steps);
	}

	public function test_a_deleted_file_comes_back(): void
	{
		$this->receive($this->file('old', 'before', ['filename' => 'a & b.txt']));
		$this->work();
		$this->receive($this->deletion('old'));
		$kept = $this->values()['kept'];
		$this->assertSame(['a & b.txt', 'Restore a & b.txt'], [$kept[0]['name'], $kept[0]['undo_label']]);
		$this->assertStringContainsString(
			'deleted just now, by 127.0.0.1, 6 B, kept until ' . gmdate('Y-m-d', time() + (30 * 86400)),
			$kept[0]['text'],
		);
		$this->press('undo', $kept[0]['id']);
		$this->assertSame(['Restored: a & b.txt. The other clones will be told.', 'before'], [
			$this->left(),
			$this->shown('old'),
		]);
		$this->assertNull(Page::collect());
		$this->assertStringEndsWith(', the file is here again', $this->values()['kept'][0]['text']);
	}

	public function test_large_deletes_wait_for_the_owners_word_as_one(): void
	{
		Config::set('delete_max_files', '0');
		foreach ([
			'give_back' => ['before', 'before', 'Our files are being restored, here and on the other clones.'],
			'accept' => [null, null, 'Accepted. The change is being applied here.'],
		] as $button => $expected) {
			$this->receive($this->file('old', 'before'), $this->file('too', 'before'));
			$this->work();
			$this->receive($this->deletion('old'));
			$this->receive($this->deletion('too'));
			$held = $this->values()['held'];
			$this->assertCount(1, $held);
			$this->assertMatchesRegularExpression(
				'/^127\.0\.0\.1:9001 deleted 2 files \(12 B\) since \d\d:\d\d UTC$/',
				$held[0]['text'],
			);
			$this->assertStringContainsString('2 of its files wait for your approval', $held[0]['why']);
			$this->assertStringContainsString('Stuck: 1.', $this->values()['say']);
			$this->press($button, $held[0]['id']);
			$this->assertSame($expected, [$this->shown('old'), $this->shown('too'), $this->left()]);
			$this->assertSame([], $this->values()['held']);
			$this->press($button, $held[0]['id']);
			$this->assertSame('!Not done: it no longer exists', $this->left());
		}
	}

	public function test_conflict_copies_lead_to_their_folder(): void
	{
		$this->receive($this->file(
			'copy',
			'x',
			['filename' => 'plan (conflict hub.example 2024-05-01 10.00.00).txt'],
			['folder' => 'My plans'],
		));
		$this->work();
		$this->assertSame('http://127.0.0.1:9000/cloud/alice/My%20plans', $this->values()['conflicts'][0]['url']);
	}

	public function test_a_check_compares_with_every_clone_soon(): void
	{
		$run = FileSync\Addon\Inventory\Run::ask($this->channel->id, self::ORIGIN);
		$this->assertGreaterThan(time(), $run->next_at);
		$this->press('check');
		$this->assertStringContainsString('being compared', $this->left());
		$this->assertLessThanOrEqual(time(), FileSync\Addon\Inventory\Run::find($run->id)->next_at);
		FileSync\Addon\Inventory\Run::find($run->id)->save([
			'finished' => time() - 60,
			'stats' => ['missing_there' => 2, 'missing_here' => 1],
		]);
		$lines = implode('; ', $this->values()['clones'][1]['lines']);
		$this->assertStringContainsString('missing there: 2 files', $lines);
		$this->assertStringContainsString('only there so far: 1 file', $lines);
	}

	public function test_a_hub_that_lacked_a_file_at_the_last_check_is_not_called_complete(): void
	{
		$this->receive($this->file('here', 'the bytes'));
		$this->work();
		$run = FileSync\Addon\Inventory\Run::ask($this->channel->id, self::ORIGIN);
		foreach ([1 => 'knows about every file', 0 => 'complete'] as $missing => $text) {
			FileSync\Addon\Inventory\Run::find($run->id)->save([
				'finished' => time(),
				'stats' => ['missing_there' => $missing, 'missing_here' => 0],
			]);
			$clone = $this->values()['clones'][1];
			$this->assertSame([$text, ! $missing], [$clone['percent_text'], $clone['is_complete']]);
		}
	}

	public function test_without_tables_or_filesync_it_still_says_so(): void
	{
		Config::set('enabled', '0', 'channel:1');
		$this->assertSame([
			['filesync is switched off for this channel; the hub handles its files on its own.'],
			null,
		], [$this->values()['problems'], $this->values()['is_paused']]);
		dbq('DROP TABLE filesync_transfer');
		$html = (new Zotlabs\Module\Filesync())->get();
		$this->assertSame('filesync cannot show this page now. The log of this hub says why.', $html);
	}

	/** Has a file stuck that no hub has. */
	private function stuck(): array
	{
		$this->receive($this->file('gone', '12345'));
		TransferBatch::$answers['gone-0'] = self::GONE;
		$this->work();
		$row = $this->transfer('gone');
		$this->assertSame('parked', $row['state']);

		return $row;
	}

	private function press(string $button, string $value = '1'): void
	{
		$_POST = ["filesync_$button" => $value];
		OwnerActions::take();
		$_POST = [];
		// As at the end of the request.
		FileSync\Addon\Send\Intentions::flush();
	}

	/** Returns what was left for the next page, errors with a mark before them. */
	private function left(): string
	{
		$left = Page::collect();

		return ($left['is_error'] ?? false ? '!' : '') . ($left['line'] ?? '');
	}

	private function values(?Channel $channel = null): array
	{
		FileSync\Addon\Status\Overview::forget(($channel ?? $this->channel)->id);

		return OwnerPage::values($channel ?? $this->channel);
	}
}
