<?php

namespace FileSync\Addon\Drill;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Config;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What came of a drill: of which set and which of its files, what was proven, and what was not. The last one of each
 * channel is kept.
 *
 * @import-type Entry from Ledger
 *
 * @type Facts = array{
 *     drill: 1, passed: bool, channel: string, set_of: string, set_run: string, set_updated: string, set_key: string,
 *     believed: bool, hub: string, filesync: string, began: int, seconds: int, percent: int, seed: string,
 *     files: int, folders: int, bytes: int, of_files: int, of_bytes: int, kinds: array<string, string>,
 *     without_bytes: int, left_out: int, closed: int, numbered: int, posts_of_others: int, posts_unsigned: int,
 *     posts_unsigned_of: list<string>, proofs: array<string, Entry>
 * }
 */
final class Certificate
{
	private const NAME = 'certificate';
	/** A database's column for texts ends at 64 KiB. */
	private const MOST_BYTES = 60000;

	/** @param Facts $facts */
	public function __construct(public readonly array $facts) {}

	/** Tells whether all of the sample was proven. */
	public function hasPassed(): bool
	{
		return $this->facts['passed'];
	}

	/** Returns when it ended. */
	public function endedAt(): int
	{
		return $this->facts['began'] + $this->facts['seconds'];
	}

	/**
	 * Returns what was not proven.
	 *
	 * @return array<string, Entry> By the words of proofs.
	 */
	public function failed(): array
	{
		return array_filter($this->facts['proofs'], fn ($entry) => $entry['failed'] > 0);
	}

	/** Keeps it in the place of the one before. */
	public function keep(Channel $channel): void
	{
		Config::set(self::NAME, $this->text(), self::scope($channel->id));
	}

	/** Writes it, with as many names of what was not proven as a column for texts can hold. */
	public function text(): string
	{
		$named = Ledger::NAMED;
		while (strlen($text = $this->written($named)) > self::MOST_BYTES && $named > 0) {
			$named--;
		}

		return $text;
	}

	/**
	 * Writes it, with so many names of what was not proven by each means. In ASCII: a column may take other letters as
	 * more bytes than they are.
	 */
	private function written(int $named): string
	{
		$proofs = [];
		foreach ($this->facts['proofs'] as $proof => $entry) {
			$proofs[$proof] = ['named' => array_slice($entry['named'], 0, $named)] + $entry;
		}

		return json_encode(
			['proofs' => $proofs] + $this->facts,
			JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
		);
	}

	/** Returns the last one of a channel, or null. */
	public static function last(int $channelId): ?self
	{
		/** @var ?Facts $facts */
		$facts = json_decode(Config::get(self::NAME, self::scope($channelId)), true);

		return isset($facts['drill'], $facts['proofs']) ? new self($facts) : null;
	}

	/** @return array<int, self> The last ones of all channels, by channel. */
	public static function all(): array
	{
		$all = [];
		foreach (Config::scopesOf(self::NAME) as $scope) {
			$channelId = (int) substr($scope, strlen('drill:'));
			$all[$channelId] = self::last($channelId);
		}

		return array_filter($all);
	}

	/** Forgets that of a channel. */
	public static function forget(int $channelId): void
	{
		Config::clear(self::NAME, self::scope($channelId));
	}

	private static function scope(int $channelId): string
	{
		return "drill:$channelId";
	}
}
