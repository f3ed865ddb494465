<?php

use Fake\Clock as FakeClock;
use Fake\Page as Fake;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\ImportController;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Import\Background;
use FileSync\Addon\Import\Job;
use FileSync\Addon\Import\Section;
use FileSync\Addon\Import\Slice;
use FileSync\Addon\Import\Staged;
use FileSync\Addon\Import\Survey;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Page\ImportPart;
use FileSync\Addon\Page\OwnerActions;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Work\Uninstall;

/**
 * An export that somebody gave the hub's own page: what is kept of it, who goes on with it, and what its owner sees.
 * What core does with it is tested on real hubs.
 */
final class ImportPageTest extends AddonTestCase
{
	private const EXPORT = [
		'"compatibility":{"version":"8.9.3"}',
		'"relocate":{"url":"https://a","channel_address":"al"}',
		'"channel":{"channel_guid":"g","channel_prvkey":"SECRET"}',
		'"photo":{"data":"SECRET"}',
		'"profile":[{"p":"SECRET"}]',
		'"config":[{"k":1}]',
		'"xchan":[{"x":1},{"x":2}]',
		'"chatroom":[{"c":1}]',
		'"term":[{"t":1}]',
		'"cart":[{"n":1}]',
		'"item":[{"m":1},{"m":2},{"m":3}]',
	];

	protected function setUp(): void
	{
		parent::setUp();
		Core::makeFolder(Job::FOLDER);
		Fake::$isForged = false;
		Fake::$said = Fake::$led = [];
		$_POST = $_SESSION = [];
		App::set_channel($this->channel->row());
	}

	protected function tearDown(): void
	{
		App::set_channel(null);
		$_POST = [];
		parent::tearDown();
	}

	public function test_what_is_kept_of_a_file_has_nothing_of_the_channel_itself_and_only_the_hub_reads_it(): void
	{
		$survey = $this->survey(self::EXPORT);
		$bytes = Staged::write('job', $this->dump(), $survey->keys + $survey->addons, Section::cases());
		$path = (string) realpath(Staged::path('job'));
		$this->assertStringNotContainsString('SECRET', (string) file_get_contents($path));
		$this->assertSame(0600, fileperms($path) & 0777);
		$this->assertFileDoesNotExist(Job::pathOf('job', 'new'));
		$again = Survey::of(Survey::open($path), $path, fn () => false) ?? $this->fail('it was stopped');
		$parts = fn (Survey $of) => array_map(fn ($part) => [$part->section->value, $part->elements], $of->parts);
		$this->assertSame($parts($survey), $parts($again));
		$this->assertSame([], $again->head);
		$this->assertSame([$survey->keys, $survey->addons], [$again->keys, $again->addons]);
		$this->assertSame($again->bytes(), $bytes);
		Job::removeFiles('job');
		$this->assertFileDoesNotExist($path);
	}

	public function test_of_a_file_for_the_page_for_items_that_is_kept_which_the_page_reads(): void
	{
		$this->survey(self::EXPORT);
		Staged::write('job', $this->dump(), ['relocate' => '{"url":"https://a"}'], [Section::Item, Section::Chatroom]);
		$this->assertSame(
			[
				'relocate' => ['url' => 'https://a'],
				'chatroom' => [['c' => 1]],
				'item' => [['m' => 1], ['m' => 2], ['m' => 3]],
			],
			json_decode((string) file_get_contents(Staged::path('job')), true),
		);
		Staged::write('job', $this->dump(), [], [Section::Menu]);
		$this->assertSame('{}', file_get_contents(Staged::path('job')));
	}

	public function test_what_is_too_large_is_not_kept(): void
	{
		$this->survey(['"item":[{"m":"' . str_repeat('x', 2000) . '"}]']);
		Config::set('import_max_bytes', '1000');
		try {
			Staged::write('job', $this->dump(), [], Section::cases());
			$this->fail('it was kept');
		} catch (Problem $e) {
			$this->assertSame('export_too_large', $e->kind);
			$this->assertStringContainsString('at most 1000 bytes', $e->getMessage());
		}
		$this->assertFileDoesNotExist(Staged::path('job'));
	}

	public function test_workers_go_on_until_the_owner_stops_them_or_it_fails_again_and_again(): void
	{
		$job = $this->job();
		$this->assertSame([], Job::due());
		$job->leave(1000);
		$due = Job::due();
		$this->assertSame([$this->channel->id], array_keys($due));
		$this->assertFalse($due[$this->channel->id]->isUnderway());
		$lock = $job->lock();
		$lock->take();
		$this->assertTrue($job->isUnderway());
		$lock->release();
		$job->stop();
		$this->assertSame([], Job::due());
		Job::load($job->id)->goOn();
		for ($n = 1; $n < 5; $n++) {
			Job::load($job->id)->failed("reason $n", $job->position());
			$this->assertSame([], Job::due());
			FakeClock::$ahead += 3600;
			$this->assertCount(1, Job::due(), "after $n failures");
		}
		// What went on in between counts from one again.
		Job::mark($this->slice($job->id, 5), $this->channel->id);
		Job::load($job->id)->failed('reason 5', $job->position());
		$this->assertSame(Job::WORKERS, Job::load($job->id)->leftTo);
		for ($n = 1; $n < 5; $n++) {
			$now = Job::load($job->id);
			$now->failed('reason 6', $now->position());
		}
		FakeClock::$ahead += 86400;
		$this->assertSame([], Job::due());
		$this->assertSame([Job::OWNER, 'reason 6'], [Job::load($job->id)->leftTo, Job::load($job->id)->reason]);
	}

	public function test_a_copy_that_is_gone_is_told(): void
	{
		$job = $this->job();
		$job->leave(1000);
		Background::work(Clock::now() + 10);
		$this->assertStringContainsString('send it again', Job::load($job->id)->reason);
		$this->assertStringContainsString('is tried again', $this->part()['line']);
	}

	public function test_a_request_that_died_before_its_channel_was_here_leaves_nothing(): void
	{
		$job = Job::of('a file', 1, 0, ['nick' => '', 'primary' => false]);
		$job->leave(0);
		$this->survey(self::EXPORT);
		Staged::write($job->id, $this->dump(), [], Section::cases());
		$this->assertSame([], Job::due());
		Background::summon();
		$this->assertNotNull(Job::find($job->id));
		FakeClock::$ahead += 3601;
		Background::summon();
		$this->assertNull(Job::find($job->id));
		$this->assertFileDoesNotExist(Staged::path($job->id));
	}

	public function test_removing_filesync_says_that_imports_are_left_and_takes_their_copies_away(): void
	{
		$job = $this->job();
		$job->leave(1000);
		$this->survey(self::EXPORT);
		Staged::write($job->id, $this->dump(), [], Section::cases());
		$this->assertSame(1, Uninstall::outlook()['imports']);
		Uninstall::drop('token');
		$this->assertSame(0, Uninstall::outlook()['imports']);
		$this->assertFileDoesNotExist(Staged::path($job->id));
	}

	public function test_its_owner_sees_how_far_it_is_what_was_refused_and_may_stop_it(): void
	{
		$job = $this->job();
		$job->leave(1000);
		Job::mark($this->slice($job->id, 50), $this->channel->id, [1 => 'mid <1>'], 3);
		$part = $this->part();
		$this->assertSame([50, true, false, false], [
			$part['percent'],
			$part['may_stop'],
			$part['may_go_on'],
			$part['is_over'],
		]);
		// Posts that come before those that they answer are given to the hub again.
		$this->assertCount(1, $part['refused']);
		$this->press('import_stop', $job->id);
		$part = $this->part();
		$this->assertSame([false, true], [$part['may_stop'], $part['may_go_on']]);
		$this->assertStringStartsWith('Stopped, at 500 B of 1000 B.', $part['line']);
		$this->press('import_go_on', $job->id);
		$this->assertTrue($this->part()['may_stop']);
		// Not of one that goes on.
		$this->press('import_finish', $job->id);
		$this->assertSame(Job::FIRST, Job::load($job->id)->state);
		$this->press('import_stop', $job->id);
		$this->press('import_finish', $job->id);
		$this->assertSame([Job::END, Job::WORKERS], [Job::load($job->id)->state, Job::load($job->id)->leftTo]);
		Job::enter($job->id, Job::DONE);
		$part = $this->part();
		$this->assertSame(['The import is complete.', 100, true], [$part['line'], $part['percent'], $part['is_over']]);
		$this->assertSame(['Posts that the hub did not take: 1', 'mid <1>'], array_slice($part['refused'], 0, 2));
		$this->assertStringContainsString('The import is complete.', (string) OwnerPage::state()->body);
		$this->press('import_hide', $job->id);
		$this->assertNull(ImportPart::of($this->channel->id));
	}

	public function test_the_buttons_are_for_imports_of_the_own_channel(): void
	{
		$other = Job::of('a file', 1, 77, ['nick' => '', 'primary' => false]);
		$other->leave(1000);
		$this->press('import_stop', $other->id);
		$this->assertSame(Job::WORKERS, Job::load($other->id)->leftTo);
	}

	public function test_a_new_channel_is_not_compared_before_its_import_has_ended(): void
	{
		Run::ask($this->channel->id, self::ORIGIN)->save(['next_at' => Clock::now()]);
		$job = Job::of('a file', 1, 0, ['nick' => '', 'primary' => false]);
		$this->assertNotNull(Run::next());
		Job::mark($this->slice($job->id, 1), $this->channel->id);
		$this->assertNull(Run::next());
		$this->assertFalse(Run::isDueWithin(3600));
		Job::enter($job->id, Job::DONE);
		$this->assertSame(self::ORIGIN, Run::next()?->peer);
		// Posts that come to a channel that was here before hold nothing back.
		$this->job();
		$this->assertNotNull(Run::next());
	}

	public function test_forms_that_are_not_ours_reach_the_hubs_own_page(): void
	{
		$inner = new class extends Zotlabs\Web\Controller {
			public int $posts = 0;

			public function post()
			{
				$this->posts++;
			}

			public function get()
			{
				return 'the form';
			}
		};
		foreach ([1 => false, 2 => true] as $time => $isTaken) {
			$wrapped = ImportController::around($inner, fn () => $isTaken);
			$this->assertSame($wrapped, ImportController::around($wrapped, fn () => true));
			$wrapped->post();
			$this->assertSame('the form', $wrapped->get());
			$this->assertSame(1, $inner->posts, "time $time");
		}
		$this->assertNull(ImportController::around(null, fn () => true));
	}

	public function test_the_page_is_wrapped_where_filesync_imports_its_files(): void
	{
		$before = $_SERVER['REQUEST_METHOD'] ?? null;
		$_SERVER['REQUEST_METHOD'] = 'POST';
		$this->assertInstanceOf(ImportController::class, $this->controller('import'));
		$this->assertInstanceOf(ImportController::class, $this->controller('import_items'));
		$this->assertNotInstanceOf(ImportController::class, $this->controller('import_progress'));
		Config::set('import_max_bytes', '0');
		$this->assertNotInstanceOf(ImportController::class, $this->controller('import'));
		Config::clear('import_max_bytes');
		Config::set('enabled', '0');
		$this->assertNotInstanceOf(ImportController::class, $this->controller('import'));
		Config::clear('enabled');
		$_SERVER['REQUEST_METHOD'] = 'GET';
		$this->assertNotInstanceOf(ImportController::class, $this->controller('import'));
		$_SERVER['REQUEST_METHOD'] = $before;
	}

	private function controller(string $page): mixed
	{
		$module = [
			'module' => $page,
			'installed' => true,
			'controller' => new class extends Zotlabs\Web\Controller {},
		];
		call_hooks('module_loaded', $module);

		return $module['controller'];
	}

	private function job(): Job
	{
		return Job::of('a digest', 1, $this->channel->id, ['nick' => '', 'primary' => false]);
	}

	/** @return array<string, mixed> */
	private function part(): array
	{
		return ImportPart::of($this->channel->id) ?? $this->fail('there is no import');
	}

	private function press(string $button, string $value): void
	{
		$_POST = ["filesync_$button" => $value];
		OwnerActions::take();
		$_POST = [];
	}

	private function dump(): FileSync\Dump
	{
		return Survey::open(getcwd() . '/export.json');
	}

	/** @param list<string> $sections */
	private function survey(array $sections): Survey
	{
		$path = getcwd() . '/export.json';
		file_put_contents($path, '{' . implode(",\n", $sections) . "}\n");

		return Survey::of(Survey::open($path), $path, fn () => false) ?? $this->fail('it was stopped');
	}

	private function slice(string $job, int $count): Slice
	{
		return new Slice($job, 'x', Section::Item, 1, 'there', 0, $count, 10 * $count);
	}
}
