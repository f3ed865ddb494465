<?php

namespace FileSync\Addon\Rehearsal;

use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/** The steps about posts: one of the channel's own arrives from another hub, and is this hub's afterwards. */
final class Posting
{
	/** Marks of posts that ours have not. */
	private const UNSET = [
		'unseen',
		'starred',
		'uplink',
		'consensus',
		'notshown',
		'nsfw',
		'mentionsme',
		'nocomment',
		'obscured',
		'retained',
		'rss',
		'deleted',
		'type',
		'hidden',
		'unpublished',
		'delayed',
		'pending_remove',
		'blocked',
	];

	private int $posts = 0;

	public function __construct(private readonly Scene $scene) {}

	/**
	 * Returns the steps by name: the parts that depend on each, and what it does.
	 *
	 * @return array<string, array{list<string>, \Closure(): void}>
	 */
	public function steps(): array
	{
		return [
			'receive a post of the channel' => [
				[Parts::POSTS],
				fn () => $this->post(
					fn (array $item) => $this->scene->stage->receivePosts([$item]),
				),
			],
			'receive a post with its file' => [[Parts::POSTS], $this->postWithFile(...)],
			'receive an edited post' => [[Parts::POSTS], $this->editedPost(...)],
		];
	}

	/**
	 * Returns a post of the channel as its other hub sends it, for the channel alone.
	 *
	 * @param array<string, mixed> $columns
	 *
	 * @return array<string, mixed>
	 */
	public function item(string $body, array $columns = []): array
	{
		$uuid = sprintf('%08x-%s', ++$this->posts, '0000-4000-8000-' . substr($this->scene->channel->nick, -12));
		$mid = Rehearsing::ORIGIN . "/item/$uuid";
		$date = $this->scene->date();
		$author = $this->scene->stage->author();

		return (
			$columns
			+ [
				'type' => 'activity',
				'encoding' => 'zot',
				'uuid' => $uuid,
				'message_id' => $mid,
				'message_top' => $mid,
				'message_parent' => $mid,
				'created' => $date,
				'edited' => $date,
				'expires' => Core::noDate(),
				'commented' => $date,
				'comments_closed' => Core::noDate(),
				'mimetype' => 'text/bbcode',
				'title' => 'a rehearsal',
				'summary' => '',
				'body' => $body,
				'app' => '',
				'route' => '',
				'location' => '',
				'longlat' => '',
				'verb' => 'Create',
				'object_type' => 'Note',
				'target_type' => '',
				'permalink' => $mid,
				'public_scope' => 'self',
				'comment_scope' => 'contacts',
				'signature' => $this->scene->stage->sign($body),
				'object' => '',
				'target' => '',
				'attach' => '',
				'tags' => [],
				'meta' => [],
				'flags' => ['private'],
				'author' => $author,
				'owner' => $author,
				'id' => 31,
				'parent' => 31,
				'uid' => 13,
				'revision' => 0,
				'allow_cid' => $this->scene->onlyMe(),
				'allow_gid' => '',
				'deny_cid' => '',
				'deny_gid' => '',
				'layout_mid' => '',
				'postopts' => '',
				'resource_id' => '',
				'resource_type' => '',
			]
			+ self::flags(['origin', 'wall', 'thread_top', 'private'], 1)
			+ self::flags(self::UNSET, 0)
		);
	}

	/**
	 * Returns marks as a packet has them.
	 *
	 * @param list<string> $names
	 *
	 * @return array<string, int>
	 */
	private static function flags(array $names, int $value): array
	{
		return array_fill_keys(array_map(fn (string $name) => "item_$name", $names), $value);
	}

	/**
	 * @param \Closure(array<string, mixed>): mixed $take    Hands the post to the hub.
	 * @param array<string, mixed>                  $columns
	 */
	private function post(\Closure $take, array $columns = []): void
	{
		$file = $this->scene->own("a file that a post shows\n");
		$there = Rehearsing::ORIGIN;
		$body =
			"see [zrl=$there/attach/{$file['hash']}]it[/zrl], [zrl=$there/channel/"
			. Rehearsing::NICK_THERE
			. ']me[/zrl] and'
			. " [zrl=https://filesync.invalid/attach/{$file['hash']}]others[/zrl], {$there}0/help";
		$item = $this->item($body, $columns);
		$take($item);
		$this->scene->follow();
		$this->expect($item, strtr($body, [
			"$there/attach/" => Web::root() . '/attach/',
			"$there/channel/" . Rehearsing::NICK_THERE => Web::root() . "/channel/{$this->scene->channel->nick}",
		]));
	}

	private function postWithFile(): void
	{
		$row = $this->scene->row($this->scene->hash(), ['filesize' => 0]);
		$row['filesize'] = $this->scene->has($row['hash'], "a file with a post\n");
		$this->post(
			function (array $item) use ($row) {
				$this->scene->receiveNew($row['hash'], ['item' => [$item]] + $this->scene->entry($row));
			},
			['resource_id' => $row['hash'], 'resource_type' => 'attach'],
		);
	}

	private function editedPost(): void
	{
		$item = $this->item('first');
		$this->scene->stage->receivePosts([$item]);
		$this->expect($item, 'first');
		$body = 'second, [zrl=' . Rehearsing::ORIGIN . '/channel/' . Rehearsing::NICK_THERE . ']me[/zrl]';
		$next =
			[
				'body' => $body,
				'signature' => $this->scene->stage->sign($body),
				'edited' => $this->scene->date(),
			] + $item;
		$this->scene->stage->receivePosts([$next]);
		$this->expect($next, 'second, [zrl=' . Web::root() . "/channel/{$this->scene->channel->nick}]me[/zrl]");
	}

	/** @throws Seen */
	private function expect(array $item, string $body): void
	{
		$where = ['uid' => $this->scene->channel->id, 'mid' => (string) $item['message_id'], 'item_deleted' => 0];
		$own = Table::first(
			'item',
			$where,
			'',
			'body, sig, plink, edited, author_xchan, item_verified, resource_id, allow_cid',
		) ?? throw new Seen('the post was not stored');
		Seen::same($body, $own['body'], 'its text');
		Seen::same($this->scene->channel->hash, $own['author_xchan'], 'its author');
		Seen::same($item['edited'], substr((string) $own['edited'], 0, 19), 'its date');
		Seen::same($item['resource_id'], $own['resource_id'], 'its file');
		Seen::same($this->scene->onlyMe(), $own['allow_cid'], 'who may see it');
		Seen::unless(
			$this->scene->stage->verifies($own['body'], (string) $own['sig']),
			'the hub does not verify its signature',
		);
		Seen::same(1, $own['item_verified'], 'whether it counts as verified');
		Seen::unless(
			! str_starts_with((string) $own['plink'], Rehearsing::ORIGIN . '/channel/'),
			'its link still leads to the other hub',
		);
	}
}
