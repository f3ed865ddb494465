<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Judge;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Peers\FilesHere;
use FileSync\Addon\Peers\Sibling;
use FileSync\Addon\Revision\Revisions;

if (! class_exists('App', false)) {
	exit;
}

/**
 * What the other clones are sent about a file: its rows, posts and vectors, after the request, in a packet or in a
 * request with many.
 *
 * @import-type Seen from \FileSync\Addon\Order\Vector
 */
final class Announcement
{
	/** How long a packet waits for the digest of its file. */
	public const DIGEST_MS = 2000;

	/** Requests sending our state of a file: another hub showed that it does not know it. */
	public static function answer(int $channelId, string $hash, bool $isGone): void
	{
		Reception::isLate()
			? Reception::answerLate($hash)
			: Outbox::add($channelId, $isGone ? 'deleted' : 'announce', $hash);
	}

	/**
	 * Sends the present state of a file, or its delete, to the other clones.
	 *
	 * @param array<Seen> $beneath
	 */
	public static function send(Channel $channel, string $hash, bool $isDelete, array $beneath = []): void
	{
		$channelId = $channel->id;
		// In this order: a file that is still to arrive has no row yet, and is announced once it has one.
		if (! $isDelete && (Withholding::withhold($channelId, $hash) || ! Store::attach($channelId, $hash))) {
			return;
		}
		if (! $isDelete) {
			Turn::take($channelId, fn () => Revisions::notice($channel, $hash, true));
		}
		if (BulkQueue::wait($channel, [$hash], $isDelete, $beneath)) {
			self::sendPacket($channel, $hash, $isDelete, $beneath);
		}
	}

	/**
	 * Sends the present states of those of some files for which that is little work together, as send() does one after
	 * the other.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string> The files that are done; send() has the others, which may take long.
	 */
	public static function sendAll(Channel $channel, array $hashes): array
	{
		$free = Withholding::sift($channel->id, $hashes);
		$noticed = Turn::take($channel->id, fn (): array => Revisions::noticeNew($channel, $free));
		if ($noticed !== [] && BulkQueue::wait($channel, $noticed)) {
			// Each needs a packet beside.
			$noticed = [];
		}

		return array_values(array_diff($hashes, array_diff($free, $noticed)));
	}

	/**
	 * Sends the present state of a file, or its delete, by a packet of the hub to all other clones.
	 *
	 * @param array<Seen> $beneath
	 */
	public static function sendPacket(Channel $channel, string $hash, bool $isDelete, array $beneath = []): void
	{
		$entry = self::entry($channel, $hash, $isDelete, $beneath);
		if (! empty($entry['attach'])) {
			Core::send($channel->id, ['file' => [$entry]]);
			Turn::take($channel->id, fn () => self::told($channel, $hash));
		}
	}

	/**
	 * Returns those of some files that may be announced now, and are here.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string>
	 */
	public static function ready(Channel $channel, array $hashes): array
	{
		// In this order: a file that is still to arrive has no row yet.
		$free = Withholding::sift($channel->id, $hashes);
		$rows = Store::attachSome($channel->id, $free, 'hash');

		return (
			$rows === null
				? array_values(array_filter(
					$free,
					fn (string $hash): bool => Store::attach($channel->id, $hash) !== null,
				))
				: array_values(array_intersect($free, array_map(strval(...), array_keys($rows))))
		);
	}

	/**
	 * Returns the entry for the present state of a file that is ready(), or for its delete; null if there is nothing to
	 * say of it now.
	 *
	 * @param array<Seen> $beneath
	 * @param ?FilesHere  $here    Read before for it and others.
	 */
	public static function present(
		Channel $channel,
		string $hash,
		bool $isDelete,
		array $beneath,
		int $digestMs,
		?FilesHere $here,
	): ?array {
		/** @var mixed $entry */
		$entry = self::entry($channel, $hash, $isDelete, $beneath, min(self::DIGEST_MS, $digestMs), $here);

		return is_array($entry) && ! empty($entry['attach']) ? $entry : null;
	}

	/**
	 * Returns the entry for a file's state here, or for its delete; null if it is arriving, or nothing is known about
	 * it.
	 */
	public static function state(Channel $channel, string $hash, bool $withPosts): ?array
	{
		$channelId = $channel->id;
		// A clone that asks too early is told later. If the newer bytes may never come, it is given what is here: it
		// knows by the vector that this is the older version.
		if (Withholding::withhold($channelId, $hash) && ! Withholding::isForLong($channelId, $hash)) {
			return null;
		}
		if (! Store::attach($channelId, $hash)) {
			$isGone = (Revisions::find($channelId, $hash)['state'] ?? '') === 'gone';

			return $isGone ? (self::entry($channel, $hash, true) ?: null) : null;
		}
		Turn::take($channelId, fn () => Revisions::notice($channel, $hash));
		$entry = self::entry($channel, $hash, false, [], 0);

		return (
			is_array($entry) && ! empty($entry['attach'])
				? ($withPosts ? $entry : array_diff_key($entry, ['item' => 1]))
				: null
		);
	}

	/**
	 * Returns the entry for a file: its rows, its posts, our sibling key. Packets do not contain the bytes of
	 * thumbnails.
	 */
	public static function entry(
		Channel $channel,
		string $hash,
		bool $isDelete,
		array $beneath = [],
		int $digestMs = self::DIGEST_MS,
		?FilesHere $here = null,
	): mixed {
		$entry = Core::export($channel, $hash, $isDelete);
		$here = $here?->isOf($entry) ? $here : new FilesHere($channel, [$hash]);
		foreach (is_array($entry) ? $entry['photo'] ?? [] : [] as $i => $photo) {
			if ((int) $photo['imgscale'] > 0 && ! (int) $photo['os_storage']) {
				$entry['photo'][$i]['content'] = '';
			}
		}

		if (! $isDelete && Runtime::extensionProblem() === null) {
			// A clone that has these bytes need not fetch them.
			$facts = $here->facts($hash);
			$here->digests()->get($facts, (Clock::exact() * 1000) + $digestMs);
			$here->digests()->save();
		}

		return Sibling::add($here, $entry, $isDelete, $beneath);
	}

	/** Records the values that were sent to clones without filesync. */
	private static function told(Channel $channel, string $hash): void
	{
		$file = Revisions::find($channel->id, $hash);
		foreach ($file ? Clones::others($channel) : [] as $clone) {
			$hub = Clones::normalise($clone['url']) ?? $clone['url'];
			foreach (Judge::GROUPS as $group) {
				$file['peers'][$hub][$group] = ['print' => $file[$group]['print'], 'sent' => 1];
			}
		}
		if ($file) {
			Revisions::save($file);
		}
	}
}
