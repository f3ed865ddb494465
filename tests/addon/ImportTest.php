<?php

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Authors;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Columns;
use FileSync\Addon\Hub\CoreImport;
use FileSync\Addon\Hub\GivenFile;
use FileSync\Addon\Hub\ImportedRows;
use FileSync\Addon\Hub\ListedPictures;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Import\Child;
use FileSync\Addon\Import\Delivery;
use FileSync\Addon\Import\Job;
use FileSync\Addon\Import\Section;
use FileSync\Addon\Import\Slice;
use FileSync\Addon\Import\Survey;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;

/**
 * What of an import is ours: what an export has, in which order it is imported, and what is known of how far that is.
 * What core does with it is tested on real hubs.
 */
final class ImportTest extends AddonTestCase
{
	private const SOUND =
		'"compatibility":{"version":"8.9.3"},' . "\n" . '"relocate":{"url":"https://a","channel_address":"al"}';

	public function test_people_come_before_connections_and_posts_last_whatever_the_order_of_the_file(): void
	{
		$survey = $this->survey([
			self::SOUND,
			'"channel":{"channel_guid":"g","channel_prvkey":"secret"}',
			'"abook":[{"a":1},{"a":2}]',
			'"item":[{"m":1}]',
			'"group_member":[{"gid":"4"}]',
			'"group":[{"id":"4"}]',
			'"xchan":[{"x":1}]',
			'"term":[{"t":1}]',
		]);
		$this->assertSame(
			['xchan', 'abook', 'group', 'group_member', 'item'],
			array_map(fn ($part) => $part->section->value, $survey->parts),
		);
		$this->assertSame(2, $survey->count(Section::Abook));
		$this->assertSame('g', $survey->guid());
		$this->assertSame(['url' => 'https://a', 'channel_address' => 'al'], $survey->relocate);
		$this->assertSame(['channel'], array_keys($survey->head));
	}

	public function test_what_other_addons_brought_is_kept_for_them(): void
	{
		$survey = $this->survey([self::SOUND, '"item":[{"m":1}]', '"cart":[{"n":1},{"n":2}]', '"wares":{"k":"v"}']);
		$this->assertSame(['cart' => '[{"n":1},{"n":2}]', 'wares' => '{"k":"v"}'], $survey->addons);
	}

	/**
	 * @param list<string> $sections
	 *
	 * @dataProvider refused
	 */
	#[DataProvider('refused')]
	public function test_it_is_refused(array $sections, string $kind, string $words): void
	{
		try {
			$this->survey($sections);
			$this->fail('it was not refused');
		} catch (Problem $e) {
			$this->assertSame($kind, $e->kind);
			$this->assertStringContainsString($words, $e->getMessage());
		}
	}

	public static function refused(): array
	{
		$channel = '"channel":{"channel_guid":"g"}';

		return [
			'a second channel' => [
				[self::SOUND, $channel, '"item":[{"m":1}]', $channel],
				'section_twice',
				'section "channel" twice',
			],
			'posts twice' => [
				[self::SOUND, '"item":[{"m":1}]', '"item":[{"m":2}]'],
				'section_twice',
				'section "item" twice',
			],
			'posts that are not a list' => [
				[self::SOUND, '"item":{"m":1}'],
				'not_an_export',
				'Section "item" of the export is not a list',
			],
			'other software' => [
				['"compatibility":{"version":"21","codebase":"zap"}', $channel],
				'other_software',
				'"codebase":"zap"',
			],
			'an old version' => [['"compatibility":{"version":"4.2"}', $channel], 'other_software', '4.2'],
			'a channel of no version' => [[$channel], 'not_an_export', 'compatibility'],
			'nothing' => [[self::SOUND], 'not_an_export', 'nothing in it'],
			'much that nobody knows' => [
				[self::SOUND, '"item":[{"m":1}]', '"more":["' . str_repeat('x', 4194304) . '"]'],
				'section_too_long',
				'filesync imports at most 4194304 of it',
			],
		];
	}

	public function test_a_slice_arrives_whole_or_not_at_all(): void
	{
		$slice = $this->slice('job', 'first 0 0', 3, 7, 2);
		$elements = '[{"a":"' . str_repeat("b\\n", 5000) . '"},2]';
		$sent = $slice->line(strlen($elements)) . $elements;
		[$read, $got] = Slice::read($this->stream($sent)) ?? $this->fail('it was not read');
		$this->assertEquals($slice, $read);
		$this->assertSame($elements, $got);
		$this->assertSame([7, 8], $read->numbers());
		foreach ([0, 1, 20, strlen($sent) - 1] as $length) {
			$this->assertNull(Slice::read($this->stream(substr($sent, 0, $length))), "$length bytes");
		}
	}

	public function test_how_far_an_import_is_goes_on_with_each_slice(): void
	{
		$job = Job::of('a digest', 1, 0, ['nick' => 'al', 'primary' => true]);
		$this->assertSame(['first 0 0', 0], [$job->position(), $job->channelId]);
		$slice = $this->slice($job->id, $job->position(), 2, 0, 3);
		Job::mark($slice, $this->channel->id, [1 => 'mid 1', 2 => 'mid 2'], 4);
		$job = Job::of('a digest', 1, 0, ['nick' => 'other', 'primary' => false]);
		$this->assertSame('first 2 3', $job->position());
		$this->assertSame($slice->position('first'), $job->position());
		$this->assertSame([$this->channel->id, 3, 30, 4, 'there'], [
			$job->channelId,
			$job->elements,
			$job->bytes,
			$job->refused,
			$job->place,
		]);
		// What was chosen when it began.
		$this->assertSame(['nick' => 'al', 'primary' => true], $job->choice);
		$this->assertNotSame($job->id, Job::of('a digest', 2, 0, $job->choice)->id);
		$this->assertNotSame($job->id, Job::of('another', 1, 0, $job->choice)->id);
	}

	public function test_posts_that_were_not_taken_are_those_of_the_second_time_and_only_they_go(): void
	{
		$job = Job::of('a digest', 1, $this->channel->id, ['nick' => '', 'primary' => false]);
		Job::mark($this->slice($job->id, 'x', 1, 0, 5), $this->channel->id, [1 => 'm1', 4 => 'm4']);
		Job::mark($this->slice($job->id, 'x', 3, 0, 5), $this->channel->id, [0 => 'm0']);
		// Somebody died before the note, and the slice came again.
		Job::mark($this->slice($job->id, 'x', 3, 0, 5), $this->channel->id, [0 => 'm0']);
		Job::enter($job->id, Job::AGAIN);
		$job = Job::load($job->id);
		$this->assertSame(3, $job->countMissing());
		$this->assertSame([['part' => 1, 'number' => 1], ['part' => 1, 'number' => 4]], $job->missing(0, 0, 10));
		Job::mark($this->slice($job->id, 'x', 1, 1, 0, [1, 4]), $this->channel->id, [4 => 'm4']);
		$job = Job::load($job->id);
		$this->assertSame('again 1 5', $job->position());
		$this->assertSame([['part' => 3, 'number' => 0]], $job->missing($job->part, $job->element, 10));
		Job::mark($this->slice($job->id, 'x', 3, 0, 0, [0]), $this->channel->id);
		$this->assertSame(['m4'], Job::load($job->id)->refusedPosts(10));
	}

	public function test_what_is_known_of_an_import_goes_with_its_channel_or_with_time(): void
	{
		foreach (['channel' => $this->channel->id, 'old' => 77, 'young' => 78] as $name => $channelId) {
			$jobs[$name] = Job::of($name, 1, $channelId, ['nick' => '', 'primary' => false])->id;
			Job::mark($this->slice($jobs[$name], 'x', 1, 0, 5), $channelId, [1 => 'm1']);
		}
		Table::update('filesync_import', ['updated' => 1000], ['id' => $jobs['old']]);
		Job::forget($this->channel->id);
		Job::prune(1001);
		$this->assertSame([$jobs['young']], array_column(Table::select('filesync_import', []), 'id'));
		$this->assertSame([$jobs['young']], array_column(Table::select('filesync_import_post', []), 'job'));
	}

	public function test_an_account_has_few_imports_from_outside_and_a_new_channel_keeps_its_own(): void
	{
		$choice = ['nick' => 'alice', 'primary' => false, 'guid' => 'g'];
		$begin = fn (string $set, int $channelId) => Delivery::begin($set, 1, $channelId, $choice)?->id;
		$new = $begin('new', 0);
		Job::mark($this->slice($new, 'x', 0, 0, 1), 55);
		$done = $begin('done', $this->channel->id);
		Job::enter($done, Job::DONE);
		$others = [
			Job::of('a file of the command', 1, $this->channel->id, ['nick' => '', 'primary' => false])->id,
			Delivery::begin('set', 2, $this->channel->id, $choice)->id,
		];
		$ids = [];
		for ($n = 0; $n < 8; $n++) {
			$ids[] = $begin("set $n", $this->channel->id);
			Table::update('filesync_import', ['updated' => 1000 + $n], ['id' => $ids[$n]]);
		}
		$left = fn () => array_column(Table::select('filesync_import', []), 'id');
		$this->assertEqualsCanonicalizing([$new, $done, ...$others, ...array_slice($ids, -3)], $left());
		// The one that is gone on with stays, however old it is.
		$this->assertSame($ids[5], $begin('set 5', $this->channel->id));
		Table::update('filesync_import', ['updated' => 2000], ['id' => $ids[5]]);
		$begin('another', $this->channel->id);
		$this->assertSame([$ids[5], $ids[7]], array_values(array_intersect($ids, $left())));
		// While rows of the account are imported, none is taken away.
		$lock = Job::lockOfAccount(1, 'door');
		$this->assertTrue($lock->take());
		$this->assertNull($begin('one more', $this->channel->id));
		$this->assertSame($ids[5], $begin('set 5', $this->channel->id));
		$lock->release();
		$this->assertNotNull($begin('one more', $this->channel->id));
		foreach (range(1, 23) as $n) {
			Job::enter($begin("set $n", $this->channel->id), Job::DONE);
		}
		$this->assertSame(21, Table::count('filesync_import', ['aid' => 1, 'state' => Job::DONE]), 'of what is done');
	}

	public function test_an_import_with_which_nobody_goes_on_is_forgotten(): void
	{
		$delivered = ['nick' => 'alice', 'primary' => false, 'guid' => 'g'];
		$ours = ['nick' => '', 'primary' => false];
		[$jobs, $hour, $days] = [[], time() - 3601, time() - (48 * 3600) - 1];
		foreach ([
			'nothing came' => [0, $delivered, 0, $hour],
			'no rows came' => [$this->channel->id, $delivered, 0, $hour],
			'killed before its channel was here' => [0, $ours, 0, $hour],
			'left for two days' => [$this->channel->id, $delivered, 1, $days],
			'young' => [0, $delivered, 0, time()],
			'under way' => [$this->channel->id, $delivered, 1, $hour],
			'posts of a file' => [$this->channel->id, $ours, 0, $days],
			'a new channel' => [0, $delivered, 1, $days],
		] as $name => [$channelId, $choice, $rows, $updated]) {
			$jobs[$name] = Job::of($name, 1, $channelId, $choice)->id;
			if ($rows > 0) {
				Job::mark($this->slice($jobs[$name], 'x', 1, 0, $rows), $channelId ?: 77);
			}
			Table::update('filesync_import', ['updated' => $updated], ['id' => $jobs[$name]]);
		}
		Job::sweep();
		$left = array_column(Table::select('filesync_import', []), 'id');
		$this->assertSame(
			['young', 'under way', 'posts of a file', 'a new channel'],
			array_keys(array_intersect($jobs, $left)),
		);
	}

	/** MariaDB compares texts without regard to case, accents and blanks at their end. */
	public function test_an_import_has_one_name(): void
	{
		$job = Job::of('a file', 1, $this->channel->id, ['nick' => 'alice', 'primary' => false]);
		$this->assertSame($job->id, Job::find($job->id)?->id);
		foreach ([strtoupper($job->id), "$job->id ", strtr($job->id, ['a' => 'á', 'e' => 'é', 'c' => 'ç'])] as $other) {
			$this->assertNull(Job::find($other), $other);
		}
	}

	public function test_a_post_that_needs_more_memory_than_php_allows_is_known_by_its_length(): void
	{
		$before = (string) ini_get('memory_limit');
		ini_set('memory_limit', '-1');
		$this->assertSame(PHP_INT_MAX, Child::mostBytesOfPost());
		ini_set('memory_limit', '1G');
		$this->assertSame(105696460, Child::mostBytesOfPost());
		ini_set('memory_limit', $before);
	}

	public function test_a_given_file_is_read_and_gone(): void
	{
		$path = GivenFile::of('{"channel":"secret"}');
		$this->assertSame('{"channel":"secret"}', file_get_contents($path));
		$this->assertTrue(unlink($path));
		$this->assertFalse(@file_get_contents($path));
	}

	public function test_groups_and_members_come_once_however_often_they_are_given(): void
	{
		$groups = [['id' => '7', 'hash' => 'h7', 'gname' => 'seven', 'uid' => '1'], ['id' => '8', 'hash' => 'h8']];
		// Numbers there are other groups' here.
		$members = [
			['id' => '1', 'gid' => '7', 'xchan' => 'x'],
			['gid' => '8', 'xchan' => 'x'],
			['gid' => '9', 'xchan' => 'y'],
		];
		foreach ([1, 2] as $time) {
			$this->assertSame(0, ImportedRows::store($this->channel, 'group', $groups, false, '', []));
			$this->assertSame(
				1,
				ImportedRows::store($this->channel, 'group_member', $members, false, '', ['7' => 'h7', '8' => 'h8']),
			);
		}
		$this->assertSame(2, Table::count('pgrp', ['uid' => $this->channel->id]));
		$found = Table::rows(
			'pgrp_member JOIN pgrp ON pgrp.id = gid',
			['pgrp_member.uid' => $this->channel->id],
			'hash',
			0,
			'hash, xchan',
		);
		$this->assertSame([['hash' => 'h7', 'xchan' => 'x'], ['hash' => 'h8', 'xchan' => 'x']], $found);
	}

	public function test_rows_of_an_older_hub_get_the_columns_of_text_that_they_lack(): void
	{
		$row = ImportedRows::completed('pgrp', ['hash' => 'h', 'gname' => 'name', 'more' => 'kept']);
		$this->assertSame(['h', 'name', 'kept'], [$row['hash'], $row['gname'], $row['more']]);
		$texts = array_keys(array_filter(Columns::of('pgrp'), is_int(...)));
		$this->assertSame([], array_diff($texts, array_keys($row)));
		$this->assertArrayNotHasKey('uid', $row);
		$people = '{"compatibility":{"version":"7.8"},"xchan":[{"xchan_hash":"a","xchan_name":"A\/ü"}]}';
		$whole = json_decode(CoreImport::withWholePeople($people), true);
		$this->assertSame(['version' => '7.8'], $whole['compatibility']);
		$this->assertSame(['a', 'A/ü'], [$whole['xchan'][0]['xchan_hash'], $whole['xchan'][0]['xchan_name']]);
	}

	/** I2: who imports says nothing about other channels of this hub. */
	public function test_an_import_says_nothing_about_where_another_channel_of_this_hub_lives(): void
	{
		$mallory = Channel::of($this->another('mallory'));
		$alice = InProcess::$identity;
		$before = Table::select('hubloc', [], 'hubloc_id');
		$rows = [
			$this->location($alice, 'https://far.example'),
			$this->location($alice, 'https://far.example', ['hubloc_url_sig' => 'sha256.bm90aGluZw']),
			$this->location($alice, self::ORIGIN, ['hubloc_deleted' => 1]),
			$this->location($alice, 'https://far.example', ['hubloc_hash' => strtoupper($alice['hash'])]),
			$this->location($alice, 'https://far.example', ['hubloc_network' => 'activitypub']),
		];
		$this->assertSame(0, ImportedRows::store($mallory, 'hubloc', $rows, false, '', []));
		$this->assertSame($before, Table::select('hubloc', [], 'hubloc_id'));
		$this->assertSame([self::ORIGIN], array_column(Clones::others($this->channel), 'url'));
	}

	public function test_an_import_brings_the_hubs_where_its_own_channel_lives(): void
	{
		$alice = InProcess::$identity;
		$rows = [
			$this->location($alice, 'https://far.example'),
			// This hub knows that of itself.
			$this->location($alice, z_root(), ['hubloc_deleted' => 1]),
			$this->location($alice, 'https://never.example', ['hubloc_url_sig' => 'sha256.bm90aGluZw']),
			$this->location($alice, 'https://far.example/hub', ['hubloc_id_url' => 'https://never.example/channel/x']),
			$this->location($alice, 'https://far.example/two', ['hubloc_callback' => 'https://never.example/zot']),
		];
		$this->assertSame(3, ImportedRows::store($this->channel, 'hubloc', $rows, false, '', []));
		$this->assertSame(
			[self::ORIGIN, 'https://far.example'],
			array_column(Clones::others($this->channel), 'url'),
		);
		$own = Table::first('hubloc', ['hubloc_url' => z_root(), 'hubloc_hash' => $alice['hash']]);
		$this->assertSame(0, (int) $own['hubloc_deleted']);
	}

	public function test_what_this_hub_knows_of_a_person_an_import_does_not_change(): void
	{
		$bob = Maker::identity('bob', 2048);
		$far = 'https://far.example/a';
		foreach ([[$bob['hash'], 'zot6', $bob['pubkey']], [$far, 'activitypub', 'key']] as [$hash, $network, $key]) {
			$columns = ['xchan_hash' => $hash, 'xchan_network' => $network, 'xchan_pubkey' => $key];
			Table::insert('xchan', $columns + Table::first('xchan', ['xchan_hash' => $this->channel->hash]));
		}
		$actor = ['hubloc_hash' => $far, 'hubloc_network' => 'activitypub', 'hubloc_url_sig' => ''];
		$rows = [
			$this->location($bob, 'https://one.example'),
			$this->location($bob, 'https://two.example', ['hubloc_url_sig' => '']),
			$this->location($bob, 'https://two.example', ['hubloc_network' => 'activitypub']),
			$actor + $this->location($bob, 'https://far.example'),
			['hubloc_hash' => 'nobody'] + $this->location($bob, 'https://far.example'),
		];
		$this->assertSame(3, ImportedRows::store($this->channel, 'hubloc', $rows, false, '', []));
		$known = fn () => array_column(
			Table::select('hubloc', ['hubloc_hash' => [$bob['hash'], $far]], 'hubloc_id'),
			null,
			'hubloc_url',
		);
		$before = $known();
		$this->assertSame(['https://one.example', 'https://far.example'], array_keys($before));
		$rows = [
			$this->location($bob, 'https://one.example', ['hubloc_deleted' => 1, 'hubloc_site_id' => 'new']),
			$actor + $this->location($bob, 'https://else.example'),
			$this->location($bob, 'https://two.example'),
		];
		$this->assertSame(0, ImportedRows::store($this->channel, 'hubloc', $rows, false, '', []));
		$this->assertSame($before + ['https://two.example' => $known()['https://two.example']], $known());
	}

	/** A post brings no word by which it names anybody as its author without a proof. */
	public function test_who_this_process_has_found_is_its_own_word(): void
	{
		require_once 'include/items.php';
		$hash = $this->channel->hash;
		$asks = fn (array $who) => Authors::answering(fn () => import_author_xchan($who));
		$found = Authors::asFound($hash);
		$this->assertSame($hash, $asks($found));
		$brought = ['network' => 'filesync-set', 'id' => $hash, 'url' => '', 'name' => '', 'address' => ''];
		$this->assertNotSame($hash, $asks($brought));
		$this->assertSame(['', ''], [Authors::find($brought)->hash, Authors::find($found)->hash]);
		$item = ['message_id' => 'mid', 'author' => $brought, 'owner' => $brought];
		CoreImport::items($this->channel, [$item], null, function ($channel, array $items) use ($asks, $hash): void {
			$this->assertNotSame($hash, $asks($items[0]['author']));
			$this->assertNotSame($hash, $asks($items[0]['owner']));
		});
	}

	public function test_a_contact_has_the_default_picture_until_its_own_is_fetched(): void
	{
		$this->assertTrue(ListedPictures::inPlaceOf('https://far.example/4', 'hash')[4]);
		$this->assertSame([['xchan', 'hash', 'https://far.example/4']], ListedPictures::all());
	}

	/** Returns a row of an export that says where somebody lives. */
	private function location(array $who, string $url, array $columns = []): array
	{
		return $columns
		+ [
			'hubloc_guid' => $who['guid'],
			'hubloc_guid_sig' => $who['guid_sig'],
			'hubloc_hash' => $who['hash'],
			'hubloc_id_url' => "$url/channel/x",
			'hubloc_addr' => 'x@' . parse_url($url, PHP_URL_HOST),
			'hubloc_network' => 'zot6',
			'hubloc_url' => $url,
			'hubloc_url_sig' => Maker::signed($url, $who['prvkey']),
			'hubloc_site_id' => 'site',
			'hubloc_host' => (string) parse_url($url, PHP_URL_HOST),
			'hubloc_callback' => "$url/zot",
			'hubloc_sitekey' => 'key',
		];
	}

	/** @param list<string> $sections */
	private function survey(array $sections): Survey
	{
		$path = getcwd() . '/export.json';
		file_put_contents($path, '{' . implode(",\n", $sections) . "}\n");

		return Survey::of(Survey::open($path), $path, fn () => false) ?? $this->fail('it was stopped');
	}

	/** @param list<int> $chosen */
	private function slice(string $job, string $after, int $part, int $first, int $count, array $chosen = []): Slice
	{
		return new Slice(
			$job,
			$after,
			Section::Item,
			$part,
			'there',
			$first,
			$count,
			10 * $count,
			$chosen,
			$chosen !== [],
		);
	}

	/** @return resource */
	private function stream(string $bytes)
	{
		$stream = fopen('php://memory', 'w+');
		fwrite($stream, $bytes);
		rewind($stream);

		return $stream;
	}
}
