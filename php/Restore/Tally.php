<?php

namespace FileSync\Addon\Restore;

use FileSync\Addon\Posts\PostOutcome;
use FileSync\Addon\Posts\PostState;
use FileSync\Addon\Posts\RestoredPosts;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Counts what becomes of the files and folders of a set, and names the first of those that a person should look at.
 *
 * @type Written = array{
 *     files: array<string, int>, bytes: array<string, int>, folders: array<string, int>,
 *     named: array<string, list<array{name: string, why: string}>>, crops: int, cropsLost: int, categories: int, lostLinks: int,
 *     unknownGroups: array<string>, postsUnproven: int,
 *     postsOfCopies: int, posts: int, postsUnsigned: int, postsHere: int, postsOfStrangers: int,
 *     postsLeft: array<string, int>, strangers: array<string, true>, unproven: int,
 *     untraced: int, displacedBytes: int
 * }
 */
final class Tally
{
	private const NAMED = 20;
	/** By this word photos are named that come without crops. */
	private const CROPS = 'crop_lost';
	private const MOST_STRANGERS = 10000;
	private const MOST_GROUPS = 10000;
	/** Posts that are not to come back. */
	private const HARMLESS = [
		PostOutcome::DELETED => 1,
		PostOutcome::EXPIRED => 1,
		PostOutcome::NO_POST => 1,
		PostOutcome::NOT_ABOUT_FILE => 1,
	];

	/** @var array<string, int> Files by decision. */
	private array $files = [];
	/** @var array<string, int> Their bytes. */
	private array $bytes = [];
	/** @var array<string, int> Folders by decision. */
	private array $folders = [];
	/** @var array<string, list<array{name: string, why: string}>> */
	private array $named = [];
	/** Crops that are put in place. */
	public int $crops = 0;
	/** Crops of what is restored that are not: their bytes are missing or not those that were saved, or no picture. */
	public int $cropsLost = 0;
	/** Categories that are added to files and folders that are here. */
	public int $categories = 0;
	/** Files and folders that come without links that the set has, because their posts are not here. */
	public int $lostLinks = 0;
	/** @var array<string> Groups in access lists of what is restored that are not here: their names, by hash. */
	public array $unknownGroups = [];
	/** Posts that the set has of files that come without them. */
	public int $postsUnproven = 0;
	/** Posts that the set has of files that become copies, which have none. */
	public int $postsOfCopies = 0;
	/** Posts that are restored. */
	public int $posts = 0;
	/** Of them, how many of the channel's own came without its signature. */
	public int $postsUnsigned = 0;
	/** Posts that are here already. */
	public int $postsHere = 0;
	/** Restored posts by people whom this hub does not know. */
	public int $postsOfStrangers = 0;
	/** @var array<string, int> Posts that are left out, by reason. */
	public array $postsLeft = [];
	/** @var array<string, true> */
	private array $strangers = [];
	/** Of files and folders that are restored, how many come for the owner alone because they are not proven. */
	public int $unproven = 0;
	/** Restored files that are on no hub, and of which no hub knows whether they were lost or deleted. */
	public int $untraced = 0;
	/** Bytes here that give way. */
	public int $displacedBytes = 0;

	/**
	 * Reads what `written` gave.
	 *
	 * @param Written $written
	 */
	public static function read(array $written): self
	{
		$tally = new self();
		[$tally->files, $tally->bytes, $tally->folders] = [$written['files'], $written['bytes'], $written['folders']];
		[$tally->named, $tally->strangers] = [$written['named'], $written['strangers']];
		[$tally->crops, $tally->unproven] = [$written['crops'], $written['unproven']];
		$tally->cropsLost = $written['cropsLost'];
		[$tally->posts, $tally->postsUnsigned] = [$written['posts'], $written['postsUnsigned']];
		[$tally->postsHere, $tally->postsOfStrangers] = [$written['postsHere'], $written['postsOfStrangers']];
		[$tally->postsUnproven, $tally->postsOfCopies] = [$written['postsUnproven'], $written['postsOfCopies']];
		[$tally->categories, $tally->lostLinks] = [$written['categories'], $written['lostLinks']];
		[$tally->untraced, $tally->displacedBytes] = [$written['untraced'], $written['displacedBytes']];
		[$tally->postsLeft, $tally->unknownGroups] = [$written['postsLeft'], $written['unknownGroups']];

		return $tally;
	}

	/** @return Written All that it has counted, so that another process goes on with it. */
	public function written(): array
	{
		/** @var Written */
		return get_object_vars($this);
	}

	/** Counts one. */
	public function add(Decision $decision, Saved|Unusable $entry, string $why = ''): void
	{
		$isFolder = $entry instanceof Saved && $entry->isFolder;
		$size = $entry instanceof Saved ? $entry->sizeBytes() : 0;
		$word = $decision->value;
		if ($isFolder) {
			$this->folders[$word] = ($this->folders[$word] ?? 0) + 1;
		} else {
			$this->files[$word] = ($this->files[$word] ?? 0) + 1;
			$this->bytes[$word] = ($this->bytes[$word] ?? 0) + $size;
		}
		if ($entry instanceof Saved) {
			$this->untraced += (int) ($decision === Decision::Restore && $entry->isUntraced);
			$this->unproven += (int) ($decision->isWork() && ! $entry->isTrusted && ! $entry->isCopy);
			// Others keep the access that they have.
			if ($decision === Decision::Restore || $decision === Decision::Revive) {
				$this->lostLinks += (int) $entry->lostLinks;
				$this->unknownGroups += count($this->unknownGroups) < self::MOST_GROUPS ? $entry->unknownGroups : [];
			}
			$posts = $decision->isWork() && ! $entry->isTrusted ? $entry->posts : 0;
			$this->postsOfCopies += $entry->isCopy ? $posts : 0;
			$this->postsUnproven += $entry->isCopy ? 0 : $posts;
		}
		$isNamed = ! $decision->isWork() && $decision !== Decision::Here;
		if ($isNamed && count($this->named[$word] ?? []) < self::NAMED) {
			$this->named[$word][] = [
				'name' => $entry instanceof Saved ? $entry->name() : $entry->hash,
				'why' => $entry instanceof Unusable ? $entry->why : $why,
			];
		}
	}

	/** Counts crops that a photo comes without. */
	public function addLostCrops(Saved $photo, int $count): void
	{
		$this->cropsLost += $count;
		if ($count > 0 && count($this->named[self::CROPS] ?? []) < self::NAMED) {
			$this->named[self::CROPS][] = ['name' => $photo->name(), 'why' => ''];
		}
	}

	/** @return list<array{name: string, why: string}> The first photos that come without crops. */
	public function withoutCrops(): array
	{
		return $this->named[self::CROPS] ?? [];
	}

	/** Counts the posts of a file. */
	public function addPosts(RestoredPosts $posts): void
	{
		$unsigned = $posts->count(PostState::Unsigned);
		$this->posts += $posts->count(PostState::Restored) + $unsigned;
		$this->postsUnsigned += $unsigned;
		$this->postsHere += $posts->count(PostState::WasHere);
		foreach ($posts->left() as $why => $count) {
			$this->postsLeft[$why] = ($this->postsLeft[$why] ?? 0) + $count;
		}
		foreach ($posts->strangers() as $who => $count) {
			$this->postsOfStrangers += $count;
			if (count($this->strangers) < self::MOST_STRANGERS) {
				$this->strangers[$who] = true;
			}
		}
	}

	/** Returns how many people those are, as far as they are counted. */
	public function strangers(): int
	{
		return count($this->strangers);
	}

	/** Returns how many posts were left out for reasons that somebody should look at. */
	public function postsLost(): int
	{
		return array_sum(array_diff_key($this->postsLeft, self::HARMLESS));
	}

	/** Returns how many files there are of some decisions. */
	public function files(Decision ...$of): int
	{
		return array_sum(array_map(fn ($one) => $this->files[$one->value] ?? 0, $of));
	}

	/** Returns how many folders there are of some decisions. */
	public function folders(Decision ...$of): int
	{
		return array_sum(array_map(fn ($one) => $this->folders[$one->value] ?? 0, $of));
	}

	/** Returns the bytes of files of some decisions. */
	public function bytes(Decision ...$of): int
	{
		return array_sum(array_map(fn ($one) => $this->bytes[$one->value] ?? 0, $of));
	}

	/**
	 * Returns the first files of a decision that somebody should know.
	 *
	 * @return list<array{name: string, why: string}>
	 */
	public function named(Decision $of): array
	{
		return $this->named[$of->value] ?? [];
	}

	/** Returns how many files and folders somebody should look at. */
	public function attention(): int
	{
		$all = array_filter(Decision::cases(), fn ($one) => $one->needsAttention());

		return $this->files(...$all) + $this->folders(...$all);
	}

	/** @return array<string, mixed> For programs. */
	public function facts(): array
	{
		return [
			'files' => (object) $this->files,
			'bytes' => (object) $this->bytes,
			'folders' => (object) $this->folders,
			'crops' => $this->crops,
			'crops_lost' => $this->cropsLost,
			'categories' => $this->categories,
			'links_dropped' => $this->lostLinks,
			'groups_unknown' => (object) $this->unknownGroups,
			'posts' => $this->posts,
			'posts_unsigned' => $this->postsUnsigned,
			'posts_here' => $this->postsHere,
			'posts_of_strangers' => $this->postsOfStrangers,
			'posts_left' => (object) $this->postsLeft,
			'posts_lost' => $this->postsLost(),
			'posts_unproven' => $this->postsUnproven,
			'posts_of_copies' => $this->postsOfCopies,
			'unproven' => $this->unproven,
			'untraced' => $this->untraced,
			'named' => (object) $this->named,
		];
	}
}
