<?php

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Protocol\Version;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Progress;
use FileSync\Addon\Restore\Run;
use FileSync\Addon\Restore\Tally;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Work\Housekeeping;
use FileSync\Addon\Work\Uninstall;
use FileSync\SetRestore;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;

require_once __DIR__ . '/BackupTestCase.php';

/** What a set has comes back: only what is missing, never over newer, and nothing that is not proven is believed. */
final class RestoreTest extends BackupTestCase
{
	private string $set;

	protected function setUp(): void
	{
		parent::setUp();
		$this->set = dirname(InProcess::$folder) . '/set-' . basename(InProcess::$folder);
	}

	protected function tearDown(): void
	{
		exec('rm -rf ' . escapeshellarg($this->set));
		parent::tearDown();
	}

	public function test_everything_comes_back_to_a_channel_that_has_nothing(): void
	{
		$before = $this->rows();
		$vectors = array_map(
			fn ($file) => [$file['bytes']['vector'], $file['place']['vector'], $file['access']['vector']],
			Revisions::some($this->channel->id, ['f1', 'p1', 'd1']),
		);
		$this->empty();
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, 'done', 'channel', true], [
			$code,
			$said['state'],
			$said['signed_by'],
			$said['trusted'],
		]);
		$this->assertSame([['restore' => 3], ['restore' => 2], 2], [$said['files'], $said['folders'], $said['crops']]);
		$this->assertSame($before, $this->rows(false));
		$this->assertSame(['the bytes', 'original', 'profile'], [
			file_get_contents('store/alice/d1/f1'),
			file_get_contents('store/alice/p1'),
			file_get_contents('store/alice/p1-4'),
		]);
		$now = array_map(
			fn ($file) => [$file['bytes']['vector'], $file['place']['vector'], $file['access']['vector']],
			Revisions::some($this->channel->id, ['f1', 'p1', 'd1']),
		);
		ksort($vectors);
		ksort($now);
		$this->assertSame($vectors, $now, 'it has seen what the set says, and no change of this hub');
		$this->assertSame([], $this->sent(), 'nothing is announced by the restore itself');
		foreach (['f1', 'p1', 'd1'] as $hash) {
			$this->assertSame([], Revisions::notice($this->channel, $hash)['changed'], 'and no change is found later');
		}
		$this->assertSame([0, ['here' => 3]], [$this->restore('--json')[0], $this->restore('--json')[1]['files']]);
		$this->assertSame([], glob('store/\[data\]/filesync/1/*.partial'));
		$this->assertSame([], glob('store/\[data\]/filesync/1/restore/*'));
	}

	public function test_the_plan_writes_nothing_and_is_what_is_done(): void
	{
		$this->rows();
		$this->empty();
		$before = $this->everything();
		[$code, $plan] = $this->restore('--dry-run', '--json');
		$this->assertSame([0, 'plan', ['restore' => 3], ['restore' => 2]], [
			$code,
			$plan['state'],
			$plan['files'],
			$plan['folders'],
		]);
		$this->assertSame($before, $this->everything());
		$done = $this->restore('--json')[1];
		foreach (['files', 'bytes', 'folders', 'crops'] as $what) {
			$this->assertSame($plan[$what], $done[$what], $what);
		}
		$this->assertStringContainsString('3 files are here already', $this->restore('--dry-run')[2]);
	}

	public function test_what_differs_here_stays_unless_it_is_to_be_replaced(): void
	{
		$this->rows();
		file_put_contents('store/alice/d1/f1', 'newer bytes');
		Table::update('attach', ['filesize' => 11, 'edited' => '2024-06-01 10:00:00'], ['hash' => 'f1']);
		$seen = Revisions::notice($this->channel, 'f1')['bytes']['vector'];
		[$code, $said, $text] = $this->restore('--json');
		$this->assertSame([1, ['differs_here' => 1, 'here' => 2]], [$code, $this->sorted($said['files'])]);
		$this->assertSame('newer bytes', file_get_contents('store/alice/d1/f1'));
		$this->assertStringContainsString('Ferien/one.txt', $this->restore()[2]);

		Config::set('kept_max_bytes', '1');
		Config::set('displaced_days', '0');
		[$code, $said] = $this->restore('--replace', '--json');
		$this->assertSame([0, ['here' => 2, 'replace' => 1]], [$code, $this->sorted($said['files'])]);
		$this->assertSame('the bytes', file_get_contents('store/alice/d1/f1'));
		$this->assertSame(['newer bytes'], $this->kept());
		$now = Revisions::notice($this->channel, 'f1');
		$component = Site::component($this->channel->id);
		$this->assertSame(
			[[], ($seen[$component] ?? 0) + 1],
			[$now['changed'], $now['bytes']['vector'][$component] ?? 0],
			'a change made here, that has seen the present bytes',
		);
		$this->assertGreaterThan('2024-06-01 10:00:00', $this->attach('f1')['edited']);
		Fake\Clock::$ahead = 2;
		Kept::prune();
		$this->assertSame(['newer bytes'], $this->kept(), 'kept for its days, however many bytes are allowed');
		[$code, $text] = $this->runVerb('undo', (string) Table::first('filesync_kept', [])['id']);
		$this->assertSame([0, 'newer bytes'], [$code, file_get_contents('store/alice/d1/f1')], $text);
	}

	public function test_what_was_deleted_since_stays_deleted_unless_it_is_to_come_back(): void
	{
		$this->rows();
		$this->deleteHere('f1');
		$gone = Revisions::find($this->channel->id, 'f1')['gone'];
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, ['deleted_since' => 1, 'here' => 2]], [$code, $this->sorted($said['files'])]);
		$this->assertNull($this->attach('f1'));

		[$code, $said] = $this->restore('--deleted', '--json');
		$this->assertSame([0, ['here' => 2, 'revive' => 1]], [$code, $this->sorted($said['files'])]);
		$this->assertSame('the bytes', file_get_contents('store/alice/d1/f1'));
		$file = Revisions::find($this->channel->id, 'f1');
		$this->assertSame('after', FileSync\Addon\Order\Vector::compare($file['bytes']['vector'], $gone));
		$this->assertSame([], Revisions::notice($this->channel, 'f1')['changed']);
	}

	public function test_a_tombstone_counts_against_a_set_that_says_nothing_of_versions(): void
	{
		$this->rows();
		$this->deleteHere('f1');
		$entries = json_decode(file_get_contents("$this->set/fake.json"), true);
		foreach ($entries['entries'] as $hash => $entry) {
			$metadata = json_decode($entry['metadata'], true);
			unset($metadata['filesync']);
			$entries['entries'][$hash]['metadata'] = json_encode($metadata);
		}
		file_put_contents("$this->set/fake.json", json_encode($entries));
		SetRestore::$facts = ['signed_by' => 'channel'];
		$this->assertSame(1, $this->restore('--json')[1]['files']['deleted_since']);
	}

	public static function untrusted(): array
	{
		return [
			'not signed' => [['signed_by' => 'nobody'], []],
			'another signature' => [['signed_by' => 'other'], []],
			'another metadata file than the list names' => [[], ['f1' => ['proof' => 'unlisted']]],
		];
	}

	/** @dataProvider untrusted */
	#[DataProvider('untrusted')]
	public function test_what_is_not_proven_comes_for_the_owner_alone(array $facts, array $said): void
	{
		$before = $this->rows();
		$this->empty();
		[SetRestore::$facts, SetRestore::$said] = [$facts, $said];
		[$code, $done] = $this->restore('--json');
		$this->assertSame(1, $code);
		$this->assertSame(['restore' => 3], $done['files'], 'its bytes are restored');
		$own = $this->attach('f1');
		$this->assertSame(['<' . $this->channel->hash . '>', '', '', '', 'one.txt'], [
			$own['allow_cid'],
			$own['allow_gid'],
			$own['deny_cid'],
			$own['deny_gid'],
			$own['filename'],
		]);
		$this->assertSame([], Table::select('term', ['oid' => (int) $own['id']]));
		$this->assertSame([], Revisions::find($this->channel->id, 'f1')['bytes']['vector']);
		if ($facts) {
			$this->assertSame(0, (int) Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 4])['photo_usage']);
		} else {
			$this->assertSame($before['p1'], $this->rows(false)['p1'], 'the others are proven');
		}
		$this->empty();
		$this->assertSame(0, $this->restore('--trust')[0]);
		$this->assertSame($before, $this->rows(false));
	}

	public function test_the_hubs_that_a_proven_set_names_are_former_homes_of_the_channel(): void
	{
		$this->rows();
		$this->empty();
		$set = json_decode(file_get_contents("$this->set/set.json"), true);
		$set['origin']['url'] = 'https://former.example';
		$older = ['url' => 'https://older.example', 'nick' => 'alicia'];
		$set['homes'] = [
			$older,
			['url' => 'no address', 'nick' => 'alice'],
			['url' => 'https://no.nick.example', 'nick' => 'a/b'],
			['url' => ['https://list.example'], 'nick' => 'alice'],
			'https://text.example',
		];
		file_put_contents("$this->set/set.json", json_encode($set));
		$before = Clones::everywhere($this->channel);
		$damaged = [['code' => 'file_damaged', 'path' => 'set.json', 'why' => null]];
		foreach ([['signed_by' => 'nobody'], ['signed_by' => 'other'], ['findings' => $damaged]] as $facts) {
			SetRestore::$facts = $facts;
			$this->restore('--trust');
			$this->assertSame($before, Clones::everywhere($this->channel));
		}
		SetRestore::$facts = [];
		$this->restore('--dry-run');
		$this->assertSame($before, Clones::everywhere($this->channel), 'a plan writes nothing');
		$this->restore();
		$this->restore();
		$former = ['url' => 'https://former.example', 'nick' => 'alice'];
		$this->assertSame([...$before, $former, $older], Clones::everywhere($this->channel));
		Housekeeping::forgetChannel($this->channel->id);
		$this->assertSame($before, Clones::everywhere($this->channel));
	}

	public function test_a_set_of_another_channel_comes_only_as_a_copy_for_its_owner(): void
	{
		$this->rows();
		$set = json_decode(file_get_contents("$this->set/set.json"), true);
		$set['channel'] = ['nick' => 'bob', 'hash' => 'hash-of-bob'] + $set['channel'];
		file_put_contents("$this->set/set.json", json_encode($set));
		$before = $this->everything();
		[$code, $said] = $this->restore('--json');
		$this->assertSame([1, 'set_other_channel'], [$code, $said['error']]);
		$this->assertSame($before, $this->everything());
		[$code, $said] = $this->restore('--as-copy', '--json');
		$this->assertSame([0, ['restore' => 3], ['restore' => 2]], [$code, $said['files'], $said['folders']]);
		$copies = Table::select('attach', ['filename' => ['one.txt', 'one(1).txt']], 'id');
		$this->assertCount(2, $copies);
		$copy = $copies[1];
		$this->assertSame(
			['the bytes', '<' . $this->channel->hash . '>', $this->channel->hash],
			[file_get_contents($copy['content']), $copy['allow_cid'], $copy['creator']],
		);
		$this->assertNotSame('f1', $copy['hash']);
		$this->assertNotSame('d1', $copy['folder']);
		$this->assertSame(['here' => 3], $this->restore('--as-copy', '--json')[1]['files'], 'and only once');
	}

	public function test_damage_costs_what_it_hits(): void
	{
		$this->rows();
		$this->empty();
		SetRestore::$faults = ['f1-0' => 'damaged', 'f2-0' => 'missing', 'p1-7' => 'damaged'];
		SetRestore::$said = ['d2' => ['proof' => 'damaged', 'metadata' => null, 'kind' => '', 'parts' => []]];
		[$code, $said] = $this->restore('--json');
		$this->assertSame(
			[1, ['file_damaged' => 2, 'file_missing' => 1, 'restore' => 1], 1],
			[$code, $this->sorted($said['files']), $said['crops']],
		);
		$this->assertNull($this->attach('f1'));
		$this->assertNotNull($this->attach('p1'));
		$this->assertSame(['d2', 'Ferien/one.txt'], array_column($said['named']['file_damaged'], 'name'));
		$this->assertSame([], glob('store/\[data\]/filesync/1/restore/*'));
	}

	public function test_only_what_is_missing_of_a_file_is_added(): void
	{
		$this->rows();
		unlink('store/alice/d1/f1');
		Table::delete('photo', ['resource_id' => 'p1', 'imgscale' => 7]);
		Table::update('attach', ['filename' => 'renamed.txt'], ['hash' => 'f1']);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, ['here' => 1, 'mend' => 2], 1], [$code, $this->sorted($said['files']), $said['crops']]);
		$this->assertSame(['the bytes', 'renamed.txt', '2024-05-01 10:00:00', 'cover'], [
			file_get_contents('store/alice/d1/f1'),
			$this->attach('f1')['filename'],
			$this->attach('f1')['edited'],
			file_get_contents('store/alice/p1-7'),
		]);
	}

	public function test_categories_are_added_to_what_is_here_and_none_is_taken_away(): void
	{
		$this->folder('d3', 'Sorted');
		$this->terms('d3', ['archive']);
		Revisions::notice($this->channel, 'd3', true);
		$this->rows();
		$seen = Revisions::find($this->channel->id, 'f1')['access']['vector'];
		dbq('DELETE FROM term');
		$this->terms('f1', ['mine']);
		Table::update('attach', ['allow_cid' => '<carol>'], ['hash' => 'f1']);
		$plan = $this->restore('--dry-run', '--json')[1];
		$this->assertSame(
			[['here' => 2, 'mend' => 1], ['here' => 2, 'mend' => 1], 2],
			[$this->sorted($plan['files']), $this->sorted($plan['folders']), $plan['categories']],
		);
		$this->assertSame(['mine'], $this->termsOf('f1'), 'the plan writes nothing');
		[$code, $done] = $this->restore('--json');
		$this->assertSame([0, ['here' => 2, 'mend' => 1], ['here' => 2, 'mend' => 1], 2], [
			$code,
			$this->sorted($done['files']),
			$this->sorted($done['folders']),
			$done['categories'],
		]);
		$this->assertSame([['mine', 'pets'], ['archive']], [$this->termsOf('f1'), $this->termsOf('d3')]);
		$this->assertSame('<carol>', $this->attach('f1')['allow_cid'], 'access is as it was');
		$file = Revisions::notice($this->channel, 'f1');
		$this->assertSame([], $file['changed'], 'and no change is found later');
		$this->assertContains(
			FileSync\Addon\Order\Vector::compare($file['access']['vector'], $seen),
			['equal', 'after'],
		);
		$this->assertSame([['here' => 3], ['here' => 3], 0], [
			$this->restore('--json')[1]['files'],
			$this->restore('--json')[1]['folders'],
			$this->restore('--json')[1]['categories'],
		]);
		$this->assertSame([], $this->sent());
	}

	public function test_categories_that_were_taken_away_since_stay_away(): void
	{
		$this->rows();
		dbq('DELETE FROM term');
		Revisions::notice($this->channel, 'f1');
		$this->assertSame(['here' => 3], $this->restore('--json')[1]['files']);
		$this->assertSame([], $this->termsOf('f1'));
	}

	public function test_what_is_replaced_keeps_the_categories_that_it_has(): void
	{
		$this->rows();
		file_put_contents('store/alice/d1/f1', 'newer bytes');
		Table::update('attach', ['filesize' => 11, 'edited' => '2024-06-01 10:00:00'], ['hash' => 'f1']);
		dbq('DELETE FROM term');
		$this->assertSame([['here' => 2, 'replace' => 1], 0], [
			$this->sorted($this->restore('--replace', '--dry-run', '--json')[1]['files']),
			$this->restore('--replace', '--dry-run', '--json')[1]['categories'],
		]);
		$this->assertSame(0, $this->restore('--replace', '--json')[1]['categories']);
		$this->assertSame([], $this->termsOf('f1'));
	}

	public function test_categories_of_what_is_not_proven_are_not_added(): void
	{
		$this->rows();
		dbq('DELETE FROM term');
		SetRestore::$facts = ['signed_by' => 'nobody'];
		$this->assertSame([['here' => 3], 0], [
			$this->restore('--json')[1]['files'],
			$this->restore('--json')[1]['categories'],
		]);
		$this->assertSame([], $this->termsOf('f1'));
		$this->assertSame(1, $this->restore('--trust', '--json')[1]['categories']);
		$this->assertSame(['pets'], $this->termsOf('f1'));
	}

	public function test_links_of_posts_that_are_not_here_are_dropped_and_never_make_a_file_public(): void
	{
		$this->rows();
		$post = $this->posted('linking');
		Table::insert('iconfig', ['iid' => $post, 'cat' => 'ocap', 'k' => 'relay', 'v' => 'here', 'sharing' => 0]);
		$gone = $this->posted('dropped', ['item_deleted' => 1]);
		Table::insert('iconfig', ['iid' => $gone, 'cat' => 'ocap', 'k' => 'relay', 'v' => 'gone', 'sharing' => 0]);
		foreach ([
			'f1' => '<bob><token:here><token:lost>',
			'f2' => '<token:lost><token:gone>',
			'p1' => '<token:lost>',
			'd1' => '<token:lost>',
		] as $hash => $list) {
			Table::update('attach', ['allow_cid' => $list, 'allow_gid' => '', 'deny_cid' => ''], ['hash' => $hash]);
		}
		Table::update('attach', ['allow_cid' => '', 'deny_cid' => '<token:lost>'], ['hash' => 'd2']);
		Table::update('photo', ['allow_cid' => '<token:lost>'], ['resource_id' => 'p1']);
		$this->assertSame(0, $this->runVerb('backup', 'alice', $this->set)[0]);
		$this->empty(false);
		$plan = $this->restore('--dry-run', '--json')[1];
		[$code, $done] = $this->restore('--json');
		$this->assertSame([0, 4, 4], [$code, $plan['links_dropped'], $done['links_dropped']]);
		$owner = '<' . $this->channel->hash . '>';
		foreach ([
			'f1' => '<bob><token:here>',
			'f2' => $owner,
			'p1' => $owner,
			'd1' => $owner,
			'd2' => '',
		] as $hash => $list) {
			$this->assertSame($list, $this->attach($hash)['allow_cid'], $hash);
		}
		$this->assertSame('<token:lost>', $this->attach('d2')['deny_cid'], 'which admits nobody');
		$this->assertSame($owner, Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 0])['allow_cid']);
		$this->assertSame([], Revisions::notice($this->channel, 'f2')['changed']);
		$this->empty(false);
		$this->assertStringContainsString('4 come without links of posts that are not here', $this->restore()[2]);
	}

	public function test_nobody_is_let_in_whom_the_row_that_is_here_does_not_let_in(): void
	{
		$this->rows();
		$carol = ['allow_cid' => '<carol>'];
		foreach (['mended', 'replaced'] as $how) {
			Table::update('attach', $carol, ['hash' => ['f1', 'p1', 'd1']]);
			Table::delete('photo', ['resource_id' => 'p1']);
			if ($how === 'mended') {
				unlink('store/alice/p1');
				unlink('store/alice/d1/f1');
			} else {
				file_put_contents('store/alice/p1', 'other bytes of it');
				file_put_contents('store/alice/d1/f1', 'other bytes');
			}
			[$code, , $text] = $this->restore('--replace', '--json');
			$this->assertSame(0, $code, $text);
			foreach (['f1', 'p1', 'd1'] as $hash) {
				$this->assertSame('<carol>', $this->attach($hash)['allow_cid'], "$hash $how");
			}
			$photos = Table::select('photo', ['resource_id' => 'p1'], 'imgscale');
			$this->assertNotSame([], $photos);
			foreach ($photos as $photo) {
				$this->assertSame('<carol>', $photo['allow_cid'], "scale {$photo['imgscale']} $how");
			}
			$this->assertSame('the bytes', file_get_contents('store/alice/d1/f1'), $how);
		}
	}

	public function test_groups_that_are_not_here_stay_in_the_lists_and_are_named(): void
	{
		Table::insert('pgrp', ['uid' => $this->channel->id, 'hash' => 'friends', 'gname' => 'Friends <3']);
		$this->rows();
		$this->empty();
		$this->assertSame(['others' => ''], (array) $this->restore('--dry-run', '--json')[1]['groups_unknown']);
		dbq('DELETE FROM pgrp');
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, ['friends' => 'Friends <3', 'others' => '']], [
			$code,
			$this->sorted((array) $said['groups_unknown']),
		]);
		$this->assertSame('<friends>', $this->attach('d1')['allow_gid']);
		$this->empty();
		$this->assertStringContainsString(
			'2 groups of access lists are not on this hub, and admit nobody: Friends <3, others',
			$this->restore()[2],
		);
		$this->assertSame([], (array) $this->restore('--json')[1]['groups_unknown'], 'of what is here already, none');
	}

	public function test_only_a_folder_comes_back(): void
	{
		$this->rows();
		$this->empty();
		[$code, $said] = $this->restore('--only', 'Ferien', '--json');
		$this->assertSame([0, ['restore' => 1], ['restore' => 2]], [$code, $said['files'], $said['folders']]);
		$this->assertSame([null, true], [$this->attach('p1'), $this->attach('f1') !== null]);
	}

	public function test_what_does_not_fit_is_refused_before_the_first_byte(): void
	{
		$this->rows();
		$this->empty();
		set_config('service_class', 'test', ['attach_upload_limit' => 20]);
		unset(App::$config['service_class']);
		dbq("UPDATE account SET account_service_class = 'test'");
		$before = $this->everything();
		[$code, $said] = $this->restore('--json');
		$this->assertSame([1, 'quota_short'], [$code, $said['error']]);
		$this->assertStringContainsString('short by 7 B', $said['words']);
		$this->assertSame($before, $this->everything());
		$this->assertSame(0, $this->restore('--only', 'Ferien')[0], 'less may fit');
		dbq("UPDATE account SET account_service_class = ''");
		Config::set('headroom_bytes', (string) (1 << 60));
		[$code, $said] = $this->restore('--json');
		$this->assertSame([75, 'disk_short'], [$code, $said['error']]);
	}

	public static function refused(): array
	{
		$refused = fn ($code, $path) => ['refused' => ['code' => $code, 'path' => $path, 'why' => 'why']];

		return [
			'a path' => [$refused('path_refused', '../../x'), 1, 'path_refused'],
			'twins' => [$refused('set_refused', 'data/files/a'), 1, 'set_refused'],
		];
	}

	/** @dataProvider refused */
	#[DataProvider('refused')]
	public function test_a_set_that_breaks_the_rules_changes_nothing(array $facts, int $code, string $error): void
	{
		$this->rows();
		$this->empty();
		SetRestore::$facts = $facts;
		$before = $this->everything();
		foreach ([[], ['--trust', '--replace', '--deleted'], ['--dry-run']] as $options) {
			[$exit, $said] = $this->restore(...$options, ...['--json']);
			$this->assertSame([$code, $error], [$exit, $said['error']]);
		}
		$this->assertSame($before, $this->everything());
	}

	public function test_a_set_whose_last_run_was_cut_off_is_read_as_that_run_would_leave_it_and_said(): void
	{
		$this->rows();
		$this->empty();
		SetRestore::$facts = ['is_cut_off' => true];
		$this->assertStringContainsString('was cut off', $this->restore('--dry-run')[2]);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, true, ['restore' => 3]], [$code, $said['set_cut_off'], $said['files']]);
	}

	public function test_a_time_is_handed_on_and_one_before_every_run_is_refused(): void
	{
		$this->rows();
		$this->empty();
		$before = $this->everything();
		SetRestore::$facts = ['run' => null, 'first_run' => '2026-11-28T031500Z'];
		foreach ([
			'2026-11-01' => '2026-11-01T23:59:59Z',
			'2026-11-01T10:00:00Z' => '2026-11-01T10:00:00Z',
		] as $at => $time) {
			[$code, $said] = $this->restore('--at', $at, '--json');
			$this->assertSame([2, 'no_run', $time], [$code, $said['error'], SetRestore::$opened['at']]);
			$this->assertStringContainsString('2026-11-28T031500Z', $said['words']);
		}
		$this->assertSame($before, $this->everything());
		SetRestore::$facts = ['run' => '2026-11-01T031500Z'];
		$this->assertStringContainsString(
			'as the run of 2026-11-01T031500Z left it',
			$this->restore('--at', '2026-11-01', '--dry-run')[2],
		);
		$this->assertSame('2026-11-01T031500Z', $this->restore('--at', '2026-11-01', '--json')[1]['set_run']);
	}

	public function test_a_crop_that_is_damaged_or_not_a_picture_is_named(): void
	{
		$this->rows();
		$this->empty();
		SetRestore::$faults = ['p1-7' => 'damaged', 'p1-4' => 'missing'];
		$this->assertSame([1, 1], [
			$this->restore('--dry-run', '--json')[0],
			$this->restore('--dry-run', '--json')[1]['crops_lost'],
		]);
		[$code, $said] = $this->restore('--json');
		$this->assertSame([1, 0, 2, ['restore' => 3]], [$code, $said['crops'], $said['crops_lost'], $said['files']]);
		$this->assertSame('cat.jpg', $said['named']['crop_lost'][0]['name']);
		$this->empty();
		SetRestore::$faults = [];
		FileSync\Photo::$facts = fn () => throw new FileSync\Exception\LimitException('too many pixels');
		$said = $this->restore('--json')[1];
		FileSync\Photo::$facts = null;
		$this->assertSame(2, $said['crops_lost']);
		$this->assertNotNull($this->attach('p1'));
	}

	public function test_rows_that_no_hub_would_write_are_refused_and_the_others_restored(): void
	{
		$this->rows();
		$this->empty();
		$bad = [
			'climbing' => fn ($row) => ['folder' => '../d1'] + $row,
			'no name' => fn ($row) => ['filename' => '..'] + $row,
			'public by accident' => fn ($row) => ['allow_cid' => 'everybody'] + $row,
			'an array' => fn ($row) => ['allow_gid' => []] + $row,
			'a date' => fn ($row) => ['edited' => 'now'] + $row,
			'a size' => fn ($row) => ['filesize' => -1] + $row,
			'another file' => fn ($row) => ['hash' => 'f2'] + $row,
			'a folder' => fn ($row) => ['is_dir' => 1] + $row,
			'long' => fn ($row) => ['filename' => str_repeat('x', 192)] + $row,
			'two types' => fn ($row) => ['filetype' => "a\nb"] + $row,
		];
		$metadata = json_decode(
			json_decode(file_get_contents("$this->set/fake.json"), true)['entries']['f1']['metadata'],
			true,
		);
		foreach ($bad as $name => $change) {
			$changed = $metadata;
			$changed['attach'][count($changed['attach']) - 1] = $change(end($changed['attach']));
			SetRestore::$said = ['f1' => ['metadata' => json_encode($changed)]];
			[$code, $said] = $this->restore('--json');
			$this->assertSame([1, 1], [$code, $said['files']['refused'] ?? 0], $name);
			$this->assertNull($this->attach('f1'), $name);
			$this->assertNotNull($this->attach('p1'), $name);
		}
		$changed = $metadata;
		$changed['attach'][1] += [
			'uid' => 7,
			'aid' => 7,
			'id' => 1,
			'os_path' => '../x',
			'content' => '/etc/passwd',
			'later' => 1,
		];
		$changed['attach'][1]['creator'] = 'somebody unknown';
		SetRestore::$said = ['f1' => ['metadata' => json_encode($changed)]];
		$this->assertSame(0, $this->restore()[0]);
		$own = $this->attach('f1');
		$this->assertSame([(string) $this->channel->id, $this->channel->hash, 'store/alice/d1/f1'], [
			(string) $own['uid'],
			$own['creator'],
			$own['content'],
		]);
	}

	public function test_a_set_in_the_web_root_or_an_archive_is_refused(): void
	{
		$this->rows();
		mkdir('inside');
		file_put_contents("$this->set.zip", 'x');
		foreach ([
			"$this->set.zip" => 'set_is_archive',
			(string) getcwd() . '/inside' => 'in_web_root',
		] as $path => $error) {
			[$code, $text] = $this->runVerb('restore', 'alice', $path, '--json');
			$this->assertSame([2, $error], [$code, json_decode($text, true)['error'] ?? $text]);
		}
		unlink("$this->set.zip");
	}

	public function test_files_on_their_way_are_left_to_their_clone(): void
	{
		$this->rows();
		$this->empty();
		$this->receive($this->file('f1', 'other bytes'));
		[$code, $said] = $this->restore('--json');
		$this->assertSame([75, ['arriving' => 1, 'restore' => 2]], [$code, $this->sorted($said['files'])]);
		$this->work();
		$this->assertSame('other bytes', $this->shown('f1'));
	}

	public function test_a_profile_photo_is_not_taken_from_another_file(): void
	{
		$this->rows();
		$this->empty();
		$this->storedPhoto('p9', 'new.jpg', [0 => 'new original', 4 => 'new profile']);
		$this->restore();
		$this->assertSame([1, 0], [
			(int) Table::first('photo', ['resource_id' => 'p9', 'imgscale' => 4])['photo_usage'],
			(int) Table::first('photo', ['resource_id' => 'p1', 'imgscale' => 4])['photo_usage'],
		]);
	}

	public function test_posts_come_back_also_to_a_file_that_is_here_and_none_is_restored_twice(): void
	{
		$posted = $this->posted('first', ['resource_id' => 'p1', 'resource_type' => 'photo', 'obj_type' => 'Image']);
		$this->posted('answer', ['parent' => $posted, 'parent_mid' => 'http://127.0.0.1:9000/item/first']);
		$this->rows();
		dbq('DELETE FROM item');
		[$code, $said] = $this->restore('--json');
		$this->assertSame([0, ['here' => 3], 2, 0], [$code, $said['files'], $said['posts'], $said['posts_here']]);
		$mids = array_column(Table::select('item', ['uid' => $this->channel->id], 'mid', 0, 'mid'), 'mid');
		$this->assertSame(['http://127.0.0.1:9000/item/answer', 'http://127.0.0.1:9000/item/first'], $mids);
		$this->assertSame([0, 2], array_values(array_intersect_key($this->restore('--json')[1], [
			'posts' => 1,
			'posts_here' => 1,
		])));
		$this->assertSame([], $this->sent());
		dbq('DELETE FROM item');
		SetRestore::$facts = ['signed_by' => 'nobody'];
		$this->assertSame(0, $this->restore('--json')[1]['posts'], 'nothing that is not proven');
		$said = $this->restore('--as-copy', '--dry-run', '--json')[1];
		$this->assertSame([0, 2, 0], [$said['posts'], $said['posts_of_copies'], $said['posts_unproven']]);
		$this->assertStringContainsString('2 posts are left out: copies have none', $this->restore('--as-copy')[2]);
	}

	public function test_one_restore_at_a_time_and_a_stopped_one_goes_on(): void
	{
		$before = $this->rows();
		$this->empty();
		$underway = Underway::begin($this->channel, 'token');
		[$code, $said] = $this->restore('--json');
		$this->assertSame([75, 'restore_running'], [$code, $said['error']]);
		$this->assertMatchesRegularExpression(
			'/^A restore of \d{4}-\d\d-\d\d \d\d:\d\d is under way \(0 %\)\./',
			$said['words'],
		);
		$begun = proc_open(['sleep', '60'], [], $pipes);
		$underway->end();
		Underway::begin($this->channel, 'token')->end();
		proc_terminate($begun);
		proc_close($begun);
		$stops = 0;
		$run = new Run(
			$this->channel,
			$this->set,
			new Choice(),
			function () use (&$stops) {
				return ++$stops > 3;
			},
			fn () => null,
		);
		$this->assertNull($run->work($run->plan()));
		$this->assertSame(0, $this->restore()[0]);
		$this->assertSame($before, $this->rows(false));
	}

	public function test_killed_at_any_instant_the_same_command_ends_in_the_undisturbed_tree(): void
	{
		$before = $this->rows();
		$this->empty();
		$instants = $this->instantsOf(fn () => $this->restore());
		$this->assertSame($before, $this->rows(false));
		foreach (self::sample($instants, 25) as $instant) {
			$this->empty();
			$this->killedAt($instant, fn () => $this->restore());
			[$code, , $text] = $this->restore();
			$this->assertSame(0, $code, "killed at $instant of $instants: $text");
			$this->assertSame($before, $this->rows(false), "killed at $instant of $instants");
			$this->assertSame([], glob('store/\[data\]/filesync/1/restore/*'), "killed at $instant");
			$this->assertSame([], $this->sent());
		}
	}

	public function test_files_that_are_placed_together_are_what_each_by_itself_would_be(): void
	{
		$this->manyFiles();
		$tables = [];
		foreach ([false, true] as $isElsewhere) {
			$this->empty();
			FileSync\Store::$isElsewhere = $isElsewhere;
			try {
				[$code, $said, $text] = $this->restore('--json');
			} finally {
				FileSync\Store::$isElsewhere = false;
			}
			$this->assertSame([0, 8], [$code, $said['files']['restore'] ?? 0], $text);
			$tables[] = $this->tables();
			$this->assertSame([], glob('store/\[data\]/filesync/1/*.partial'));
		}
		$this->assertSame($tables[1], $tables[0]);
		$this->assertContains('same(1).txt', array_column($tables[0]['attach'], 'filename'));
	}

	public function test_what_is_in_the_way_of_new_files_is_kept(): void
	{
		$this->manyFiles();
		$this->empty();
		mkdir('store/alice/d1');
		file_put_contents('store/alice/d1/f1', 'of nobody');
		$this->assertSame(0, $this->restore()[0]);
		$this->assertSame(['the bytes', 'more of 3'], [
			file_get_contents('store/alice/d1/f1'),
			file_get_contents('store/alice/d1/g3'),
		]);
		$this->assertSame(['of nobody'], $this->kept());
	}

	public function test_a_folder_that_cannot_be_made_costs_only_what_is_beneath_it(): void
	{
		$this->manyFiles();
		$this->empty();
		$this->stored('h1', 'here.txt', 'here');
		mkdir('store/alice/elsewhere');
		symlink('elsewhere', 'store/alice/d1');
		[$code, $said, $text] = $this->restore('--json');
		$this->assertSame(1, $code, $text);
		$this->assertSame(['refused' => 5, 'restore' => 3], $this->sorted($said['files']), $text);
		$this->assertSame(['second one', null], [
			file_get_contents('store/alice/f2'),
			$this->attach('g3'),
		]);
		$this->assertSame([], glob('store/\[data\]/filesync/1/restore/*'));
		$this->assertSame([], glob('store/\[data\]/filesync/1/*.partial'));
		$this->assertSame([], glob('store/alice/elsewhere/*'));
		unlink('store/alice/d1');
		$this->assertSame(0, $this->restore('--json')[0]);
	}

	public function test_what_changes_while_files_are_placed_together_is_settled_one_by_one(): void
	{
		$this->manyFiles();
		foreach ($this->disturbances() as $name => $disturb) {
			$this->empty();
			$syncs = 0;
			SetRestore::$duringSync = function () use (&$syncs, $disturb): void {
				// The first one is of what is staged.
				++$syncs === 2 && $disturb();
			};
			try {
				[$code, , $text] = $this->restore('--json');
			} finally {
				SetRestore::$duringSync = null;
			}
			$this->assertGreaterThan(1, $syncs, $name);
			$this->assertContains($code, [0, 1, 75], "$name: $text");
			$this->work();
			$this->restore();
			foreach (['g3', 'g4', 'f1'] as $hash) {
				$own = $this->attach($hash);
				$this->assertNotNull($own, "$name: $hash, $text");
				$this->assertSame(
					(int) $own['filesize'],
					is_file($own['content']) ? filesize($own['content']) : null,
					"$name: $hash",
				);
				$this->assertSame([], Revisions::notice($this->channel, $hash)['changed'], "$name: $hash");
			}
			$this->assertSame('more of 4', file_get_contents($this->attach('g4')['content']), $name);
		}
	}

	/** @return array<string, \Closure> What others may do between the intents and the rows. */
	private function disturbances(): array
	{
		$taken = fn () => Table::update(
			'filesync_transfer',
			['token' => 'another', 'generation' => 2, 'lease_until' => 0],
			['hash' => 'g3'],
		);

		return [
			'a newer version is announced' => fn () => $this->receive($this->file('g3', 'newer bytes')),
			'another process took one over' => function () use ($taken): void {
				rename('store/alice/d1/g3', 'store/[data]/filesync/1/g3-0.2.partial');
				$taken();
				Table::update('filesync_transfer', ['token' => 'another'], ['hash' => 'g3']);
				$publish = new FileSync\Addon\Publish\Publish($this->channel, 'third', fn () => null);
				$publish->recover();
				$publish->publishVerified();
			},
			'its folder was moved' => function (): void {
				rename('store/alice/d1', 'store/alice/d9');
				$this->folder('d9', 'moved');
				Table::update('attach', ['folder' => 'd9', 'os_path' => 'd9/d1'], ['hash' => 'd1']);
				rename('store/alice/d9', 'store/alice/d8');
				mkdir('store/alice/d9');
				rename('store/alice/d8', 'store/alice/d9/d1');
				Table::update('attach', ['content' => 'store/alice/d9/d1'], ['hash' => 'd1']);
			},
		];
	}

	/** Has more files in the set than rows() makes: of one name, with categories, for the owner alone. */
	private function manyFiles(): void
	{
		foreach ([3, 4, 5] as $n) {
			$this->stored(
				"g$n",
				$n === 5 ? 'alone.txt' : "g$n.txt",
				"more of $n",
				'',
				$n === 5
					? ['allow_cid' => '<' . $this->channel->hash . '>']
					: [],
			);
		}
		$this->folder('d1', 'Ferien', '', ['allow_gid' => '<friends>']);
		foreach (['g3', 'g4'] as $hash) {
			rename("store/alice/$hash", "store/alice/d1/$hash");
			Table::update(
				'attach',
				['folder' => 'd1', 'os_path' => "d1/$hash", 'content' => "store/alice/d1/$hash"],
				['hash' => $hash],
			);
			Revisions::notice($this->channel, $hash, true);
		}
		$this->stored('s1', 'same.txt', 'one', 'd1');
		$this->stored('s2', 'same.txt', 'other', 'd1');
		$this->rows(true, false);
	}

	/** @return array<string, list<array<string, string>>> What the tables hold, without numbers, tokens and times. */
	private function tables(): array
	{
		$tables = [];
		$left = array_flip(['id', 'oid', 'tid', 'token', 'created', 'updated', 'next_at', 'intent']);
		foreach ([
			'attach',
			'term',
			'filesync_file',
			'filesync_transfer',
			'filesync_digest',
			'filesync_outbox',
		] as $table) {
			$rows = array_map(
				fn ($row) => array_map('strval', array_diff_key($row, $left)),
				Table::select($table, ['uid' => $this->channel->id]),
			);
			foreach ($rows as &$row) {
				// Inodes and times.
				$row = preg_replace('/"(inode|mtime)":\d+|^\d+:\d+:\d+:\d+:\d+$/', '', $row);
			}
			unset($row);
			usort($rows, fn ($one, $other) => json_encode($one) <=> json_encode($other));
			$tables[$table] = $rows;
		}

		return $tables;
	}

	public function test_a_process_that_ended_early_leaves_nothing_that_it_staged(): void
	{
		$this->rows();
		$this->empty();
		SetRestore::$duringSync = fn () => posix_kill(getmypid(), SIGKILL);
		$this->killedAt(1 << 20, fn () => $this->restore());
		SetRestore::$duringSync = null;
		$this->assertNotSame([], glob('store/\[data\]/filesync/1/restore/*'));
		Housekeeping::often();
		$this->assertSame([], glob('store/\[data\]/filesync/1/restore/*'));
	}

	public function test_the_clones_are_compared_after_a_process_that_ended_early(): void
	{
		$this->rows();
		$this->empty();
		$this->killedWhileCopying();
		$this->assertTrue(Job::of($this->channel->id)->isUntold);
		dbq('DELETE FROM filesync_reconcile');
		Housekeeping::often();
		$this->assertFalse(Job::of($this->channel->id)->isUntold);
		$this->assertSame(JobState::Stopped, Job::of($this->channel->id)->state);
		$due = array_filter(
			Table::select('filesync_reconcile', ['role' => 'ask']),
			fn ($run) => (int) $run['next_at'] <= time(),
		);
		$this->assertCount(count(Clones::others($this->channel)), $due);
	}

	public function test_it_says_how_far_it_is_and_how_it_ended(): void
	{
		$this->assertSame([0, "there was no restore\n"], $this->runVerb('restore', 'alice', '--status'));
		$this->rows();
		$this->empty();
		SetRestore::$beforeCopy = function (string $hash) use (&$during) {
			Fake\Clock::$ahead += 2;
			$during[$hash] = $this->said('--status');
		};
		$this->restore();
		[$code, $said, $text] = $during['p1'];
		$this->assertSame(
			[75, 'running', 'command', 3, 27, 19, 70, null],
			[
				$code,
				$said['state'],
				$said['asked_by'],
				$said['plan_files'],
				$said['plan_bytes'],
				$said['done_bytes'],
				$said['percent'],
				$said['error'],
			],
		);
		$this->assertSame(JobState::Done, Job::of($this->channel->id)->state);
		[$code, $said] = $this->said('--status');
		$this->assertSame([0, 'done', 100, 3, ['restore' => 3], $this->set], [
			$code,
			$said['state'],
			$said['percent'],
			$said['done_files'],
			$said['done']['files'],
			$said['folder'],
		]);
		$this->assertStringContainsString(
			', 3 of 3 files, 27 B of 27 B',
			$this->runVerb('restore', 'alice', '--status')[1],
		);
		SetRestore::$beforeCopy = null;
		SetRestore::$facts = ['is_cut_off' => true];
		$this->restore();
		$this->assertSame('done', $this->said('--status')[1]['state'], 'nothing was begun');
		$this->assertSame(2, $this->runVerb('restore', 'alice', '--replace')[0]);
		$this->assertSame(2, $this->runVerb('restore', 'alice', $this->set, '--cancel')[0]);
		$this->assertSame(2, $this->runVerb('restore', 'alice')[0]);
	}

	public function test_a_cancelled_restore_stops_between_files_and_what_was_restored_stays(): void
	{
		$before = $this->rows();
		$this->empty();
		$this->assertSame([0, "no restore is under way\n"], $this->runVerb('restore', 'alice', '--cancel'));
		dbq('DELETE FROM filesync_reconcile');
		SetRestore::$beforeCopy = function (string $hash) use (&$cancelled) {
			Fake\Clock::$ahead += 2;
			$cancelled ??= $this->said('--cancel');
		};
		[$code, $said] = $this->restore('--json');
		$this->assertSame([75, 'stopping'], [$cancelled[0], $cancelled[1]['state']]);
		$this->assertSame([75, 'stopped'], [$code, $said['state']]);
		$this->assertNotNull($this->attach('f1'), 'the file under way came');
		$this->assertNull($this->attach('p1'));
		$this->assertSame('stopped', $this->said('--status')[1]['state']);
		$this->assertCount(count(Clones::others($this->channel)), $this->compared());
		SetRestore::$beforeCopy = null;
		$this->assertSame(0, $this->restore()[0]);
		$this->assertSame($before, $this->rows(false));
	}

	public function test_filesync_is_not_removed_beneath_a_restore(): void
	{
		$this->rows();
		$this->empty();
		SetRestore::$beforeCopy = function () use (&$asked) {
			Fake\Clock::$ahead += 2;
			$asked ??= [
				json_decode($this->runVerb('uninstall', '--json')[1], true)['restores'],
				$this->runVerb('uninstall', '--purge')[0],
				Uninstall::stopRestores('other', 0, false),
				plugin_is_installed('filesync'),
			];
		};
		$this->assertSame(0, $this->restore()[0]);
		$this->assertSame([1, 2, false, true], $asked);
		$this->assertSame(0, json_decode($this->runVerb('uninstall', '--json')[1], true)['restores']);
	}

	public function test_what_is_dropped_with_filesync_is_also_a_restore(): void
	{
		Underway::ask($this->channel, $this->set, new Choice());
		Job::change($this->channel->id, ['state' => JobState::Waiting->value]);
		$this->assertSame(1, Uninstall::outlook()['restores']);
		$this->assertTrue(Uninstall::stopRestores('other', 0, true));
		$this->assertSame(JobState::Stopped, Job::of($this->channel->id)->state);
		$this->assertTrue(Lease::isHeld('restore') && Lease::isHeld('backup'), 'no other begins');
		Uninstall::letRestoresGo('other');
		$this->assertFalse(Lease::isHeld('restore') || Lease::isHeld('backup'));
	}

	public function test_what_a_process_counted_the_next_one_goes_on_with(): void
	{
		$progress = new Progress(Progress::FILES, 7);
		foreach ((new ReflectionClass(Tally::class))->getProperties() as $n => $property) {
			$property->setValue($progress->tally, match ($property->getName()) {
				'named' => ['refused' => [['name' => 'a', 'why' => 'b']]],
				'strangers' => ['somebody' => true],
				default => $property->getType()->getName() === 'int' ? $n + 1 : ['word' => $n + 1],
			});
		}
		$this->assertEquals($progress, Progress::read($progress->text()));
	}

	/** Restores in a process that is killed before the first bytes. */
	private function killedWhileCopying(): void
	{
		$this->killedAt(null, function () {
			SetRestore::$beforeCopy = fn () => posix_kill(getmypid(), SIGKILL);
			$this->restore();
		});
	}

	/** @return list<array> The comparisons that are due. */
	private function compared(): array
	{
		return array_filter(
			Table::select('filesync_reconcile', ['role' => 'ask']),
			fn ($run) => (int) $run['next_at'] <= (time() + Fake\Clock::$ahead),
		);
	}

	/** @return array{int, array<string, mixed>, string} */
	private function said(string $option): array
	{
		[$code, $text] = $this->runVerb('restore', 'alice', $option, '--json');

		return [$code, json_decode($text, true) ?? [], $text];
	}

	/**
	 * Fills the channel, backs it up unless told otherwise, and returns what its rows say.
	 *
	 * @return array<string, mixed>
	 */
	private function rows(bool $isNew = true, bool $isEmpty = true): array
	{
		if ($isNew) {
			$isEmpty && $this->folder('d1', 'Ferien', '', ['allow_gid' => '<friends>']);
			$this->folder('d2', 'empty', 'd1');
			$this->stored('f1', 'one.txt', 'the bytes', 'd1', ['allow_cid' => '<bob>', 'deny_gid' => '<others>']);
			$this->stored('f2', 'two.txt', 'second one');
			$this->storedPhoto('p1', 'cat.jpg', [0 => 'original', 4 => 'profile', 7 => 'cover']);
			Table::insert('term', [
				'uid' => $this->channel->id,
				'oid' => (int) $this->attach('f1')['id'],
				'otype' => 2,
				'ttype' => 3,
				'term' => 'pets',
				'url' => 'http://127.0.0.1:9000/cloud/alice/?cat=pets',
			]);
			foreach (['d1', 'd2', 'f1', 'f2', 'p1'] as $hash) {
				Revisions::notice($this->channel, $hash, true);
			}
			[$code, $text] = $this->runVerb('backup', 'alice', $this->set);
			$this->assertSame(0, $code, $text);
		}
		$rows = [];
		foreach (Table::select('attach', ['uid' => $this->channel->id], 'hash') as $row) {
			$terms = Table::select('term', ['oid' => (int) $row['id'], 'otype' => 2], 'tid', 0, 'ttype, term, url');
			$photos = Table::select(
				'photo',
				['resource_id' => $row['hash'], 'imgscale' => [0, 4, 7]],
				'imgscale',
				0,
				'imgscale, photo_usage, width, height, filesize, title, description, mimetype, edited, content',
			);
			$bytes = is_file($row['content']) ? file_get_contents($row['content']) : null;
			$rows[$row['hash']] = array_map('strval', array_diff_key($row, ['id' => 1]))
			+ [
				'terms' => $terms,
				'photos' => $photos,
				'bytes' => $bytes,
			];
		}

		return $rows;
	}

	/** Removes every file of the channel, as if this were another hub. */
	private function empty(bool $withPosts = true): void
	{
		foreach (['attach', 'photo', 'term', ...($withPosts ? ['item'] : [])] as $table) {
			dbq("DELETE FROM $table WHERE uid = " . $this->channel->id);
		}
		foreach (['file', 'transfer', 'digest', 'outbox', 'kept', 'reconcile', 'restore'] as $table) {
			dbq("DELETE FROM filesync_$table");
		}
		dbq("DELETE FROM filesync_setting WHERE scope = 'component' OR name = 'component'");
		exec('rm -rf store/alice/* store/\[data\]/filesync/1/*');
		mkdir('store/[data]/filesync/1/kept', 0700, true);
	}

	/** @param list<string> $names Categories that a file or folder gets. */
	private function terms(string $hash, array $names): void
	{
		foreach ($names as $name) {
			Table::insert('term', [
				'uid' => $this->channel->id,
				'oid' => (int) $this->attach($hash)['id'],
				'otype' => 2,
				'ttype' => 3,
				'term' => $name,
				'url' => '',
			]);
		}
	}

	/** @return list<string> */
	private function termsOf(string $hash): array
	{
		return array_column(
			Table::select('term', ['oid' => (int) $this->attach($hash)['id'], 'otype' => 2], 'term', 0, 'term'),
			'term',
		);
	}

	/** Kills a restore to a channel that has nothing soon after it began to write. */

	private function deleteHere(string $hash): void
	{
		$seen = Revisions::seen(Revisions::find($this->channel->id, $hash));
		$sibling = ['v' => Version::SIBLING, 'gone' => ['abcdef0123456789' => 1] + $seen];
		$this->receive($this->deletion($hash) + ['filesync' => $sibling]);
		$this->assertNull($this->attach($hash));
	}

	public function test_a_channel_that_leaves_the_hub_leaves_nothing_of_a_restore(): void
	{
		$this->rows();
		$this->empty();
		$this->killedWhileCopying();
		Housekeeping::forgetChannel($this->channel->id);
		$this->assertNull(Job::of($this->channel->id));
		$this->assertDirectoryDoesNotExist('store/[data]/filesync/1');
	}

	private function sorted(array $counts): array
	{
		ksort($counts);

		return $counts;
	}

	/** @return array{int, array<string, mixed>, string} Exit code, what is said for programs, the text. */
	private function restore(string ...$options): array
	{
		[$code, $text] = $this->runVerb('restore', 'alice', $this->set, ...$options);

		return [$code, json_decode($text, true) ?? [], $text];
	}
}
