<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Author;
use FileSync\Addon\Hub\Authors;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Insertion;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Table;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Restores the posts about one file, with their conversations, from a metadata file of a backup set.
 *
 * Posts are inserted only: one whose id is here stays as it is, also if it was deleted. Nothing is sent, nobody is
 * notified, nothing is fetched. The channel's own get this hub's URLs, and are signed as Signing says. Call it once the
 * file is in its place: until then a post names the hub that has the file, and is mended when the file comes.
 *
 * It may be stopped and called again at any time; what is here by then is counted as such. Its caller decides whether
 * posts of this set are taken at all: it has checked the set's signature.
 */
final class SetPosts
{
	private const PAGE = 200;
	/** Of the posts that the hub refuses, so many are in its log, each with the reason. */
	private const MOST_LOGGED = 20;
	private const HERE = 'id, mid, parent, resource_id, item_deleted, item_pending_remove, obj_type';

	/** @var array<string, array{id: int, about: bool, deleted: bool, poll: bool}> Posts that are here, by id. */
	private array $here = [];
	/** @var array<string, string> When comments on a restored post were closed, by its id. */
	private array $closings = [];

	/** @var array<string, true> The posts of the set, by id. */
	private array $listed = [];
	/** @var array<string, Author> */
	private array $people = [];
	private bool $isDry = false;
	private int $refusals = 0;

	public function __construct(
		private readonly Channel $channel,
	) {}

	/**
	 * Restores posts.
	 *
	 * @param string      $hash  The file's hash.
	 * @param list<mixed> $items What the metadata file has at `item`, decoded.
	 * @param bool        $isDry Only say what would come of each.
	 *
	 * @throws Postponed filesync does without posts or sets on this hub.
	 */
	public function restore(string $hash, array $items, bool $isDry = false): RestoredPosts
	{
		Parts::need(Parts::POSTS, 'posts of a backup set');
		Parts::need(Parts::SETS, 'posts of a backup set');
		$this->isDry = $isDry;
		$this->here = $this->closings = $this->listed = $this->people = [];
		$posts = array_map(SetPost::of(...), $items);
		$this->look(array_filter($posts), $hash);
		$about = $this->conversations(array_filter($posts), $hash);
		$outcomes = [];
		// Posts before what answers them.
		foreach ([true, false] as $isTop) {
			foreach ($posts as $n => $post) {
				if ($post === null) {
					$outcomes[$n] = new PostOutcome(
						self::midOf($items[$n]),
						PostState::LeftOut,
						PostOutcome::MALFORMED,
					);
				} elseif ($post->isTop() === $isTop) {
					$outcomes[$n] = $this->take($post, isset($about[$post->top]));
				}
			}
		}
		$this->close();
		ksort($outcomes);

		return new RestoredPosts(array_values($outcomes));
	}

	/**
	 * Looks which of the posts are here.
	 *
	 * @param array<SetPost> $posts
	 */
	private function look(array $posts, string $hash): void
	{
		$mids = [];
		foreach ($posts as $post) {
			$mids[$post->mid] = $mids[$post->top] = $this->listed[$post->mid] = true;
		}
		foreach (array_chunk(array_map(strval(...), array_keys($mids)), self::PAGE) as $some) {
			foreach (Table::rows('item', ['uid' => $this->channel->id, 'mid' => $some], 'id', 0, self::HERE) as $row) {
				$this->here[self::key((string) $row['mid'])] ??= [
					'id' => (int) $row['id'],
					'about' => $row['resource_id'] === $hash,
					'deleted' => (int) $row['item_deleted'] !== 0 || (int) $row['item_pending_remove'] !== 0,
					'poll' => $row['obj_type'] === 'Question',
				];
			}
		}
	}

	/** Databases may ignore case in ids. */
	private static function key(string $mid): string
	{
		return strtolower($mid);
	}

	/**
	 * Returns the posts with which conversations about the file begin: one of their posts is about it. Of one that is
	 * here, that is so if its own row says it.
	 *
	 * @param array<SetPost> $posts
	 *
	 * @return array<string, true>
	 */
	private function conversations(array $posts, string $hash): array
	{
		$about = [];
		foreach ($posts as $post) {
			$here = $this->here[self::key($post->top)] ?? null;
			if ($here === null ? $post->fileHash === $hash : $here['about'] || $this->isAbout($here['id'], $hash)) {
				$about[$post->top] = true;
			}
		}

		return $about;
	}

	private function isAbout(int $top, string $hash): bool
	{
		$where = ['uid' => $this->channel->id, 'parent' => $top, 'resource_id' => $hash];

		return Table::first('item', $where + ['resource_type' => ['photo', 'attach']], '', 'id') !== null;
	}

	private function take(SetPost $post, bool $isAboutFile): PostOutcome
	{
		$here = $this->here[self::key($post->mid)] ?? null;
		$top = $this->here[self::key($post->top)] ?? null;
		$owner = $this->person($post->owner);
		$author = $this->person($post->author);
		$why = match (true) {
			! $isAboutFile => $top === null && ! isset($this->listed[$post->top])
				? PostOutcome::POST_MISSING
				: PostOutcome::NOT_ABOUT_FILE,
			$here !== null => $here['deleted'] ? PostOutcome::DELETED : null,
			$post->problem !== '' => $post->problem,
			$post->isCode && ! Insertion::allowsCode($this->channel) => PostOutcome::CODE,
			! $post->isTop() => match (true) {
				$top === null => PostOutcome::POST_MISSING,
				$top['deleted'] => PostOutcome::DELETED,
				$top['poll'] => PostOutcome::NO_POST,
				default => self::problemOf($author, $owner),
			},
			$owner->hash !== $this->channel->hash && $owner->problem === '' => PostOutcome::NOT_ABOUT_FILE,
			default => self::problemOf($author, $owner),
		};
		if ($why === null) {
			return new PostOutcome($post->mid, PostState::WasHere);
		}

		return $why === ''
			? $this->insert($post, $author, $owner)
			: new PostOutcome($post->mid, PostState::LeftOut, $why);
	}

	/** Conversations have many posts by few people. */
	private function person(mixed $person): Author
	{
		$key = hash('sha256', (string) json_encode($person, JSON_INVALID_UTF8_SUBSTITUTE));

		return $this->people[$key] ??= Authors::find($person);
	}

	private static function problemOf(Author $author, Author $owner): string
	{
		return $author->problem ?: $owner->problem;
	}

	private function insert(SetPost $post, Author $author, Author $owner): PostOutcome
	{
		$isOwn = $author->hash === $this->channel->hash;
		$isUnsigned = false;
		if ($this->isDry) {
			$isUnsigned = $isOwn
			&& ! Signing::isProven(
				$this->channel,
				[
					'body' => $post->encoded['body'],
					'sig' => $post->encoded['signature'],
					'mimetype' => $post->encoded['mimetype'],
				],
				Insertion::allowsCode($this->channel),
			);
		} else {
			try {
				$item = Insertion::read($this->channel, $post->encoded, $author->hash, $owner->hash);
				if ($item === null) {
					return $this->refused(
						$post,
						'the hub does not read it, or not all of its text (system.max_import_size)',
					);
				}
				if ($isOwn) {
					$item = ItemRelocation::imported($this->channel, $item, Insertion::allowsCode($this->channel));
					$isUnsigned = (int) ($item['item_verified'] ?? 0) === 0;
				}
				if (! Authors::keep($author) || ! Authors::keep($owner)) {
					return $this->refused($post, 'its author could not be stored');
				}
				$why = Insertion::store($this->channel, $item);
			} catch (Postponed $e) {
				throw $e;
			} catch (\Throwable $e) {
				Log::failure("restoring a post of channel {$this->channel->id}", $e);
				$why = 'an error, see the log';
			}
			if ($why !== '') {
				return $this->refused($post, $why);
			}
		}
		$this->here[self::key($post->mid)] = ['id' => 0, 'about' => true, 'deleted' => false, 'poll' => false];
		if ($post->isTop() && $post->commentsClosed !== '') {
			$this->closings[$post->mid] = $post->commentsClosed;
		}

		return new PostOutcome(
			$post->mid,
			$isUnsigned ? PostState::Unsigned : PostState::Restored,
			stranger: $author->isStranger ? $author->hash : '',
		);
	}

	private function refused(SetPost $post, string $why): PostOutcome
	{
		if ($this->refusals++ < self::MOST_LOGGED) {
			Log::write("post $post->mid of a backup set is left out of channel {$this->channel->id}: $why");
		}

		return new PostOutcome($post->mid, PostState::LeftOut, PostOutcome::HUB_REFUSED);
	}

	/** Closes conversations that were closed, now that their comments are here: the hub would have refused them. */
	private function close(): void
	{
		foreach ($this->isDry ? [] : $this->closings as $mid => $date) {
			$where = ['uid' => $this->channel->id, 'mid' => $mid];
			$top = Table::first('item', $where, 'id', 'id');
			if ($top !== null) {
				Table::update(
					'item',
					['comments_closed' => $date],
					[
						'uid' => $this->channel->id,
						'parent' => (int) $top['id'],
					],
				);
			}
		}
	}

	private static function midOf(mixed $item): string
	{
		return is_array($item) && is_string($item['message_id'] ?? null)
			? mb_substr($item['message_id'], 0, self::PAGE, 'UTF-8')
			: '';
	}
}
