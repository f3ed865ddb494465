<?php

namespace FileSync\Addon\Posts;

if (! class_exists('App', false)) {
	exit;
}

/** What came of the posts of one file of a backup set, or would come of them. */
final class RestoredPosts
{
	/** @param list<PostOutcome> $posts In the order of the set. */
	public function __construct(
		public readonly array $posts,
	) {}

	/** Returns how many posts are in a state. */
	public function count(PostState $state): int
	{
		return count(array_filter($this->posts, fn (PostOutcome $post): bool => $post->state === $state));
	}

	/**
	 * Returns how many posts were left out, by reason.
	 *
	 * @return array<string, int>
	 */
	public function left(): array
	{
		$reasons = [];
		foreach ($this->posts as $post) {
			if ($post->state === PostState::LeftOut) {
				$reasons[$post->why] = ($reasons[$post->why] ?? 0) + 1;
			}
		}

		return $reasons;
	}

	/**
	 * Returns how many restored posts are by people whom this hub does not know, by person.
	 *
	 * @return array<string, int>
	 */
	public function strangers(): array
	{
		$strangers = [];
		foreach ($this->posts as $post) {
			if ($post->stranger !== '') {
				$strangers[$post->stranger] = ($strangers[$post->stranger] ?? 0) + 1;
			}
		}

		return $strangers;
	}
}
