<?php

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Conversations;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Posts\PostOutcome;
use FileSync\Addon\Posts\PostState;
use FileSync\Addon\Posts\RestoredPosts;
use FileSync\Addon\Posts\SetPosts;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\InProcess;
use TestHub\Maker;
use Zotlabs\Lib\Libzot;

/**
 * Posts about a file come back from a backup set: inserted only, with this hub's URLs, and nobody hears of it. What a
 * set that anybody made may want, it does not get.
 */
final class SetPostsTest extends AddonTestCase
{
	private const TOP = self::ORIGIN . '/item/1';
	private const COMMENT = 'https://elsewhere.example/item/2';
	private const HASH = 'f1';

	private static ?array $bob = null;
	private array $quiet = [];

	protected function setUp(): void
	{
		parent::setUp();
		require_once 'include/import.php';
		$this->receive($this->file(self::HASH, 'bytes'));
		$this->work();
		self::$bob ??= Maker::identity('bob', 2048);
		dbq('delete from workerq');
		dbq('delete from outq');
		$this->quiet = $this->whatGoesOut();
	}

	protected function tearDown(): void
	{
		$this->assertSame($this->quiet, $this->whatGoesOut(), 'something was sent, notified or fetched');
		parent::tearDown();
	}

	public function test_a_post_and_its_conversation_come_back_with_the_urls_of_this_hub(): void
	{
		$told = $this->restore($this->top(), $this->comment());
		$this->assertSame([self::TOP => 'restored', self::COMMENT => 'restored'], $this->states($told));
		$post = $this->stored(self::TOP);
		$this->assertSame('see ' . z_root() . '/channel/alice', $post['body']);
		$this->assertTrue($this->isValid($post));
		$this->assertSame([self::HASH, 'attach', '<friend>'], [
			$post['resource_id'],
			$post['resource_type'],
			$post['allow_cid'],
		]);
		$comment = $this->stored(self::COMMENT);
		$this->assertSame(
			[(int) $post['id'], 'well said', self::$bob['hash']],
			[(int) $comment['parent'], $comment['body'], $comment['author_xchan']],
		);
		$this->assertSame(
			['0', '2024-05-03 10:00:00', '2024-05-03 10:00:00'],
			[(string) $comment['item_unseen'], $comment['received'], $comment['changed']],
			'nothing new',
		);
		$this->assertSame('tag', Table::first('term', ['oid' => (int) $post['id'], 'ttype' => TERM_HASHTAG])['term']);
		$this->assertSame('kept', Table::first('iconfig', ['iid' => (int) $post['id']])['v']);
		// The order in the set does not matter, and a second run finds it all here.
		$rows = Table::select('item', [], 'id');
		$told = $this->restore($this->comment(), $this->top());
		$this->assertSame([self::COMMENT => 'was_here', self::TOP => 'was_here'], $this->states($told));
		$this->assertSame($rows, Table::select('item', [], 'id'));
	}

	public function test_a_post_of_a_former_home_gets_the_urls_of_this_hub_though_no_location_names_it(): void
	{
		$former = 'https://former.example';
		$body = "see $former/channel/alicia";
		$post =
			['message_id' => "$former/item/1", 'message_top' => "$former/item/1", 'message_parent' => "$former/item/1"]
			+ $this->top($body);
		Clones::rememberHome($this->channel, z_root(), 'alice');
		Clones::rememberHome($this->channel, "$former/", 'no nick');
		Clones::rememberHome($this->channel, 'former.example', 'alicia');
		$known = Clones::everywhere($this->channel);
		Clones::rememberHome($this->channel, "$former/", 'alicia');
		Clones::rememberHome($this->channel, $former, 'alice');
		$this->assertSame([...$known, ['url' => $former, 'nick' => 'alicia']], Clones::everywhere($this->channel));
		$this->restore($post);
		$stored = $this->stored("$former/item/1");
		$this->assertSame('see ' . z_root() . '/channel/alice', $stored['body']);
		$this->assertTrue($this->isValid($stored));
	}

	public function test_what_a_set_of_this_hub_holds_comes_back_as_it_was(): void
	{
		$this->restore($this->top(), $this->comment());
		$before = Table::select('item', [], 'mid');
		$held = Conversations::about($this->channel, [self::HASH], 1 << 22)[self::HASH]['posts'];
		$this->assertCount(2, $held);
		dbq('delete from item');
		$this->assertCount(
			2,
			(new SetPosts($this->channel))->restore(self::HASH, array_map(
				fn ($text) => json_decode($text, true),
				$held,
			))->posts,
		);
		$local = ['id' => 1, 'parent' => 1];
		$this->assertEquals(
			array_map(fn ($row) => array_diff_key($row, $local), $before),
			array_map(fn ($row) => array_diff_key($row, $local), Table::select('item', [], 'mid')),
		);
	}

	public function test_a_plan_says_what_the_run_does_and_writes_nothing(): void
	{
		$items = [$this->top(), $this->comment(), ['mimetype' => 'text/html'] + $this->comment('3'), 'no post'];
		$before = $this->everything();
		$plan = (new SetPosts($this->channel))->restore(self::HASH, $items, true);
		$this->assertSame($before, $this->everything());
		$this->assertEquals($plan, (new SetPosts($this->channel))->restore(self::HASH, $items));
		$this->assertSame(['code' => 1, 'malformed' => 1], $plan->left());
		$this->assertSame(2, $plan->count(PostState::Restored));
	}

	public function test_a_post_that_is_here_is_not_changed_and_a_deleted_one_stays_deleted(): void
	{
		$this->restore($this->top());
		$post = $this->stored(self::TOP);
		$told = $this->restore(
			['edited' => '2026-01-01 10:00:00', 'title' => 'other'] + $this->top('another text'),
			$this->comment(),
		);
		$this->assertSame([self::TOP => 'was_here', self::COMMENT => 'restored'], $this->states($told));
		$this->assertSame($post, $this->stored(self::TOP));
		Table::update('item', ['item_deleted' => 1], []);
		$told = $this->restore($this->top(), $this->comment(), $this->comment('3'));
		$this->assertSame(['deleted' => 3], $told->left());
		$this->assertCount(2, Table::select('item', []));
	}

	/** @dataProvider forgeries */
	#[DataProvider('forgeries')]
	public function test_a_text_that_the_channel_did_not_sign_comes_back_unsigned_and_stays_so(Closure $forges): void
	{
		$forged = $forges->call($this);
		$this->assertSame(['restored_unsigned'], array_values($this->states($this->restore($forged))));
		$this->assertUnsigned();
		$this->runVerb('repair', 'items');
		$this->assertUnsigned();
		Zotlabs\Lib\sync_items($this->channel->row(), [
			['edited' => '2026-01-01 10:00:00', 'owner' => $this->alice(), 'author' => $this->alice()] + $forged,
		]);
		$this->assertUnsigned();
		$held = json_decode(Conversations::about($this->channel, [self::HASH], 1 << 22)[self::HASH]['posts'][0], true);
		dbq('delete from item');
		$this->assertSame(['restored_unsigned'], array_values($this->states($this->restore($held))));
		$this->assertUnsigned();
		dbq('delete from workerq');
	}

	public static function forgeries(): array
	{
		return [
			'without a signature' => [fn () => array_diff_key($this->top(), ['signature' => 1])],
			'changed by a byte' => [fn () => ['body' => $this->top()['body'] . '.'] + $this->top()],
			'signed by another key' => [function () {
				return ['signature' => Libzot::sign($this->top()['body'], self::$bob['prvkey'])] + $this->top();
			}],
			'written elsewhere' => [
				fn () => (
					['message_id' => self::COMMENT, 'message_top' => self::COMMENT]
					+ $this->top(
						'not by alice',
						false,
					)
				),
			],
			'written here' => [
				fn () => (
					['message_id' => z_root() . '/item/9', 'message_top' => z_root() . '/item/9']
					+ $this->top(
						'not by alice',
						false,
					)
				),
			],
			'with something that core would fetch' => [
				fn () => $this->top('[embed]https://elsewhere.example/[/embed]', false),
			],
		];
	}

	public function test_what_a_text_embeds_is_not_fetched(): void
	{
		$body = 'see [embed]https://elsewhere.example/video[/embed]';
		$this->restore($this->top($body));
		$this->assertSame($body, $this->stored(self::TOP)['body']);
		$this->assertTrue($this->isValid($this->stored(self::TOP)));
		$this->assertSame('1', (string) $this->stored(self::TOP)['item_verified']);
	}

	public function test_somebody_who_is_proven_gets_a_row_and_no_picture_from_elsewhere(): void
	{
		q("DELETE FROM xchan WHERE xchan_hash = '%s'", dbesc(self::$bob['hash']));
		$bob = ['photo' => ['src' => 'https://elsewhere.example/bob.jpg']] + $this->bob();
		$this->restore($this->top(), ['author' => $bob] + $this->comment());
		$row = Table::first('xchan', ['xchan_hash' => self::$bob['hash']]);
		$this->assertSame(
			['Bob', 'bob@elsewhere.example', self::$bob['guid'], self::$bob['guid_sig'], self::$bob['pubkey'], 'zot6'],
			[
				$row['xchan_name'],
				$row['xchan_addr'],
				$row['xchan_guid'],
				$row['xchan_guid_sig'],
				$row['xchan_pubkey'],
				$row['xchan_network'],
			],
		);
		$this->assertStringStartsWith(z_root() . '/', $row['xchan_photo_m']);
		// A row that is here stays.
		$this->restore(['author' => ['name' => 'Other'] + $bob] + $this->comment('3'));
		$this->assertSame($row, Table::first('xchan', ['xchan_hash' => self::$bob['hash']]));
	}

	public function test_an_address_of_somebody_else_is_not_given_to_a_new_person(): void
	{
		$alice = Table::first('xchan', ['xchan_hash' => $this->channel->hash]);
		$claims = ['name' => "Al\0ice", 'address' => $alice['xchan_addr'], 'url' => 'javascript:alert(1)'];
		$this->restore($this->top(), ['author' => $claims + $this->bob()] + $this->comment());
		$row = Table::first('xchan', ['xchan_hash' => self::$bob['hash']]);
		$this->assertSame(['', '', 'Alice'], [$row['xchan_addr'], $row['xchan_url'], $row['xchan_name']]);
	}

	/** @dataProvider forgedPeople */
	#[DataProvider('forgedPeople')]
	public function test_nobody_is_made_up(array $keys, string $why): void
	{
		$people = Table::select('xchan', [], 'xchan_hash');
		$told = $this->restore($this->top(), ['author' => $keys + $this->bob()] + $this->comment());
		$this->assertSame([$why => 1], $told->left());
		$this->assertSame($people, Table::select('xchan', [], 'xchan_hash'));
		$this->assertCount(1, Table::select('item', []));
	}

	public static function forgedPeople(): array
	{
		return [
			'a signature of another guid' => [['id' => 'somebody-else'], 'author_forged'],
			'no signature' => [['id_sig' => ''], 'author_forged'],
			'no key' => [['key' => ''], 'author_forged'],
			'no key that is one' => [['key' => 'x'], 'author_forged'],
			'nobody' => [['id' => '', 'id_sig' => '', 'key' => '', 'network' => ''], 'author_unknown'],
			'no texts' => [['id' => ['x'], 'key' => 7], 'author_unknown'],
			'another network, without an address' => [['network' => 'diaspora'], 'author_unknown'],
			'another network that speaks script' => [
				['network' => 'activitypub', 'id' => 'javascript://x'],
				'author_unknown',
			],
		];
	}

	public function test_the_identity_of_somebody_here_is_not_an_address_of_another_network(): void
	{
		$forged = ['network' => 'activitypub', 'id' => $this->channel->hash];
		$told = $this->restore($this->top(), ['author' => $forged] + $this->comment());
		$this->assertSame(['author_forged' => 1], $told->left());
	}

	/** Nobody proves them here, so no set makes a row; who is known is named, and the words of the others come too. */
	public function test_people_of_other_networks_come_as_far_as_they_are_known(): void
	{
		$carol = 'https://pods.example/users/carol';
		$dave = 'https://pods.example/users/dave';
		create_table_from_array('xchan', [
			'xchan_hash' => 'row of carol',
			'xchan_guid' => $carol,
			'xchan_guid_sig' => '',
			'xchan_pubkey' => '',
			'xchan_network' => 'activitypub',
		]);
		$of = fn (string $id) => ['author' => ['network' => 'activitypub', 'id' => $id, 'name' => 'x']];
		$people = Table::select('xchan', [], 'xchan_hash');
		$told = $this->restore(
			$this->top(),
			$of($carol) + $this->comment('3'),
			$of($dave) + $this->comment('4'),
			$of($dave) + $this->comment('5'),
		);
		$this->assertSame([$dave => 2], $told->strangers());
		$this->assertSame(4, $told->count(PostState::Restored));
		$this->assertSame('row of carol', $this->stored($this->comment('3')['message_id'])['author_xchan']);
		$this->assertSame($dave, $this->stored($this->comment('4')['message_id'])['author_xchan']);
		$this->assertSame($people, Table::select('xchan', [], 'xchan_hash'));
	}

	/** @dataProvider leftOut */
	#[DataProvider('leftOut')]
	public function test_what_is_no_post_about_the_file_is_left_out(array $keys, string $why): void
	{
		$before = Table::select('xchan', []);
		$told = $this->restore($keys + $this->top());
		$this->assertSame([$why => 1], $told->left());
		$this->assertSame([[], $before], [Table::select('item', []), Table::select('xchan', [])]);
	}

	public static function leftOut(): array
	{
		$late = gmdate('Y-m-d H:i:s', time() - 60);

		return [
			'about another file' => [['resource_id' => 'f2'], 'not_about_file'],
			'about no file' => [['resource_type' => 'event'], 'not_about_file'],
			'deleted' => [['item_deleted' => 1], 'deleted'],
			'marked as deleted' => [['flags' => ['deleted']], 'deleted'],
			'being removed' => [['item_pending_remove' => '1'], 'deleted'],
			'expired' => [['expires' => $late], 'expired'],
			'a web page' => [['item_type' => 3], 'no_post'],
			'a poll' => [['object_type' => 'Question'], 'no_post'],
			'code' => [['mimetype' => 'application/x-php'], 'code'],
			'markup' => [['mimetype' => ' text/HTML '], 'code'],
			'another type' => [['mimetype' => 'image/svg+xml'], 'no_post'],
			'no id' => [['message_id' => ''], 'malformed'],
			'an id that is too long' => [['message_id' => str_repeat('x', 192)], 'malformed'],
			'an id with markup' => [['message_id' => '<b>'], 'malformed'],
			'no texts' => [['body' => ['x']], 'malformed'],
			'a NUL' => [['title' => "x\0"], 'malformed'],
			'no access list' => [['allow_cid' => 'everybody'], 'malformed'],
			'no date' => [['created' => 'soon'], 'malformed'],
			'a comment without its post' => [['message_top' => self::COMMENT], 'post_missing'],
			'of somebody else' => [['owner' => null], 'author_unknown'],
		];
	}

	public function test_a_comment_whose_post_is_left_out_says_so(): void
	{
		$told = $this->restore(['body' => 7] + $this->top(), $this->comment());
		$this->assertSame(['malformed' => 1, 'post_missing' => 1], $told->left());
		$told = $this->restore(['mimetype' => 'text/html'] + $this->top(), $this->comment());
		$this->assertSame(['code' => 1, 'post_missing' => 1], $told->left());
	}

	public function test_only_conversations_of_the_channel_come(): void
	{
		$told = $this->restore(['owner' => $this->bob()] + $this->top());
		$this->assertSame(['not_about_file' => 1], $told->left());
		// Nor may a set answer a post about something else.
		$this->restore($this->top());
		Table::update('item', ['resource_id' => 'f2'], []);
		$told = $this->restore(['resource_id' => self::HASH, 'resource_type' => 'attach'] + $this->comment());
		$this->assertSame(['not_about_file' => 1], $told->left());
	}

	public function test_code_comes_where_the_channel_may_run_it(): void
	{
		set_pconfig($this->channel->id, 'testhub', 'code', 1);
		$this->assertSame(
			[self::TOP => 'restored'],
			$this->states($this->restore(['mimetype' => 'text/html'] + $this->top('<b>x</b>'))),
		);
		$this->assertSame('<b>x</b>', $this->stored(self::TOP)['body']);
	}

	public function test_nothing_is_left_for_the_hub_to_do_later(): void
	{
		$this->restore(
			[
				'created' => '2099-01-01 00:00:00',
				'edited' => '2099-01-01 00:00:00',
				'item_delayed' => 1,
				'item_unseen' => 1,
				'item_verified' => 1,
				'uid' => 7,
				'aid' => 7,
				'id' => 7,
				'parent' => 7,
			] + $this->top('x', false),
		);
		$post = $this->stored(self::TOP);
		$this->assertLessThanOrEqual(gmdate('Y-m-d H:i:s'), max($post['created'], $post['edited']));
		$this->assertSame(
			['0', '0', '0', (string) $this->channel->id],
			array_map(strval(...), [
				$post['item_delayed'],
				$post['item_unseen'],
				$post['item_verified'],
				$post['uid'],
			]),
		);
	}

	public function test_a_note_that_makes_objects_is_left_out(): void
	{
		$note = fn (string $key, mixed $value) => ['family' => 'x', 'key' => $key, 'value' => $value, 'sharing' => 0];
		$this->restore(['meta' => [
			$note('object', 'O:8:"stdClass":0:{}'),
			$note('in a list', 'a:1:{i:0;O:8:"stdClass":0:{}}'),
			$note('broken', 'a:1:{i:0'),
			$note('list', serialize(['a', ['b' => 1]])),
			$note('array', ['a']),
			$note('text', 'about: O'),
			'none',
		]] + $this->top());
		$this->assertSame(
			['list' => serialize(['a', ['b' => 1]]), 'array' => serialize(['a']), 'text' => 'about: O'],
			array_column(Table::select('iconfig', [], 'id'), 'v', 'k'),
		);
	}

	public function test_comments_come_under_a_post_that_was_closed_since(): void
	{
		$this->restore(['comments_closed' => '2024-06-01 10:00:00'] + $this->top(), $this->comment());
		$this->assertSame(
			['2024-06-01 10:00:00', '2024-06-01 10:00:00'],
			array_column(Table::select('item', [], 'id'), 'comments_closed'),
		);
	}

	public function test_a_post_that_the_hub_refuses_is_named_and_the_others_come(): void
	{
		$this->restore($this->top());
		$twin = self::ORIGIN . '/item/7';
		$told = $this->restore(['message_id' => $twin, 'message_top' => $twin] + $this->top(), $this->comment());
		$this->assertSame([$twin => 'left_out', self::COMMENT => 'restored'], $this->states($told));
		$this->assertStringContainsString(
			"post $twin of a backup set is left out of channel 1: duplicate post.",
			$this->log(),
		);
	}

	public function test_a_text_that_the_hub_would_cut_is_left_out(): void
	{
		set_config('system', 'max_import_size', 10);
		$told = $this->restore($this->top('longer than the hub takes in'));
		$this->assertSame(['hub_refused' => 1], $told->left());
		$this->assertStringContainsString('max_import_size', $this->log());
		$this->assertSame([], Table::select('item', []));
	}

	private function log(): string
	{
		return (string) file_get_contents('hub.log');
	}

	private function restore(array ...$items): RestoredPosts
	{
		return (new SetPosts($this->channel))->restore(self::HASH, $items);
	}

	/** Returns what came of each post, by its id. */
	private function states(RestoredPosts $told): array
	{
		return array_map(
			fn (PostOutcome $post) => $post->state->value,
			array_column($told->posts, null, 'mid'),
		);
	}

	private function top(string $body = 'see ' . self::ORIGIN . '/channel/alice', bool $isSigned = true): array
	{
		return (
			[
				'type' => 'activity',
				'uuid' => 'uuid-of-1',
				'message_id' => self::TOP,
				'message_top' => self::TOP,
				'message_parent' => self::TOP,
				'created' => '2024-05-02 10:00:00',
				'edited' => '2024-05-02 10:00:00',
				'mimetype' => 'text/bbcode',
				'body' => $body,
				'verb' => 'Create',
				'object_type' => 'Note',
				'permalink' => self::TOP,
				'owner' => $this->alice(),
				'author' => $this->alice(),
				'allow_cid' => '<friend>',
				'resource_id' => self::HASH,
				'resource_type' => 'attach',
				'item_wall' => 1,
				'item_origin' => 1,
				'item_thread_top' => 1,
				'tags' => [['tag' => 'tag', 'url' => self::ORIGIN . '/search?tag=tag', 'type' => 'hashtag']],
				'meta' => [['family' => 'x', 'key' => 'y', 'value' => 'kept', 'sharing' => 1]],
			] + ($isSigned ? ['signature' => Libzot::sign($body, $this->channel->privateKey())] : [])
		);
	}

	private function comment(string $number = '2'): array
	{
		return [
			'uuid' => "uuid-of-$number",
			'message_id' => "https://elsewhere.example/item/$number",
			'message_top' => self::TOP,
			'message_parent' => self::TOP,
			'created' => '2024-05-03 10:00:00',
			'edited' => '2024-05-03 10:00:00',
			'mimetype' => 'text/bbcode',
			'body' => 'well said',
			'verb' => 'Create',
			'owner' => $this->alice(),
			'author' => $this->bob(),
		];
	}

	private function alice(): array
	{
		return self::person(InProcess::$identity, 'Alice', 'alice@127.0.0.1:9000', z_root() . '/channel/alice');
	}

	private function bob(): array
	{
		return self::person(
			self::$bob,
			'Bob',
			'bob@elsewhere.example',
			'https://elsewhere.example/channel/bob',
		);
	}

	private static function person(array $identity, string $name, string $address, string $url): array
	{
		return [
			'name' => $name,
			'address' => $address,
			'url' => $url,
			'network' => 'zot6',
			'id' => $identity['guid'],
			'id_sig' => $identity['guid_sig'],
			'key' => $identity['pubkey'],
		];
	}

	private function stored(string $mid): array
	{
		return Table::first('item', ['mid' => $mid]) ?? $this->fail("no item $mid");
	}

	private function isValid(array $row): bool
	{
		$signature = base64url_decode((string) preg_replace('/^\w+\./', '', $row['sig']));

		return openssl_verify($row['body'], $signature, $this->channel->publicKey, 'sha256') === 1;
	}

	private function assertUnsigned(): void
	{
		$row = Table::first('item', []);
		$this->assertFalse($this->isValid($row));
		$this->assertNotSame('', $row['sig'], 'a hub signs what has no signature');
	}

	private function whatGoesOut(): array
	{
		return [
			Table::select('outq', []),
			Table::select('workerq', []),
			array_map(
				fn ($table) => Table::select($table, []),
				array_values(Table::areAbsent(['notify']) ? [] : ['notify']),
			),
		];
	}
}
