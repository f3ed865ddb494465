<?php

namespace FileSync\Addon\Posts;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Keys;
use FileSync\Addon\Hub\Runtime;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The one rule for signing: a text of the channel that comes from elsewhere is signed here only if it came with the
 * channel's own signature over exactly this text.
 *
 * It holds for posts from packets, imports, comparisons and backup sets, and for what `repair items` finds. A post that
 * came without such a signature is marked, and the mark is its signature: one that fits no text. So the mark is in the
 * row itself, no clean-up can lose it, and it goes wherever the post goes: to clones, into exports and sets. Hubs sign
 * what has no signature, and nothing else. Only a new text takes the mark away: one that the channel signed on a
 * clone, or that its owner writes here.
 *
 * Documents inside posts that are signed as a whole follow the same rule with the proof in them: see SealedDocument.
 */
final class Signing
{
	/** What a post that came without any signature has in place of it. No hub takes it for a signature. */
	private const MARK = 'unproven';

	/** Tells whether a text has the signature of the channel. */
	public static function fits(Channel $channel, string $text, string $signature): bool
	{
		return $signature !== '' && Keys::verifies($channel, $text, $signature);
	}

	/**
	 * Tells whether a post that comes has the channel's signature over its text: as it came, or, where the hub has
	 * already changed how it is written, as the hub stores it.
	 */
	public static function isProven(Channel $channel, array $came, bool $allowCode): bool
	{
		$text = self::text($came, 'body');

		return (
			self::fits($channel, $text, self::text($came, 'sig'))
			|| self::fits($channel, Items::filteredBody($came, $allowCode), self::text($came, 'sig'))
		);
	}

	/**
	 * Returns a post that comes as it is to be stored: if it came with a good signature, with one that fits the text as
	 * core will store it; else marked.
	 *
	 * @param array $moved The same with this hub's URLs.
	 */
	public static function arrived(Channel $channel, array $came, array $moved, bool $allowCode): array
	{
		if (! self::isProven($channel, $came, $allowCode)) {
			return self::marked($moved);
		}
		$text = Items::filteredBody($moved, $allowCode);
		if (Runtime::extensionProblem() === null && ! self::fits($channel, $text, self::text($moved, 'sig'))) {
			$moved['sig'] = Keys::signer($channel)->sign($text);
		}

		return ['item_verified' => 1] + $moved;
	}

	/**
	 * Marks a post: nobody signs it. A signature that it came with stays, since it fits no text that is stored.
	 */
	public static function marked(array $item): array
	{
		return ['sig' => self::text($item, 'sig') ?: self::MARK, 'item_verified' => 0] + $item;
	}

	/**
	 * Returns the columns to change of a post that is stored, if its text is changed: a new signature if it has a good
	 * one. Whoever has none gets none.
	 *
	 * @param string $text What it is changed to.
	 *
	 * @return array<string, int|string>
	 */
	public static function changes(Channel $channel, array $stored, string $text): array
	{
		$before = self::text($stored, 'body');
		if ($text === $before || self::fits($channel, $text, self::text($stored, 'sig'))) {
			return [];
		}
		if (! self::fits($channel, $before, self::text($stored, 'sig'))) {
			return ['sig' => self::text($stored, 'sig') ?: self::MARK, 'item_verified' => 0];
		}

		return ['sig' => Keys::signer($channel)->sign($text), 'item_verified' => 1];
	}

	/** Tells whether a stored post is marked. */
	public static function isMarked(Channel $channel, array $stored): bool
	{
		$text = self::text($stored, 'body');
		$signature = self::text($stored, 'sig');

		return $signature !== '' && ! self::fits($channel, $text, $signature);
	}

	private static function text(array $item, string $column): string
	{
		return is_string($item[$column] ?? null) ? $item[$column] : '';
	}
}
