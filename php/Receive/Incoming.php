<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Rehearsing;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Posts\LinkedPosts;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Processes a sync packet: checks it, applies changes that need no bytes, stages those that do. Milliseconds, no
 * network, no extension.
 *
 * Once we serve a channel, its packets never go to core: an entry that cannot be applied now is kept whole and tried
 * again; while filesync holds (see Activation) all are, in order.
 */
final class Incoming
{
	/** Replaces core's sync_files. */
	public static function take(mixed $given, mixed $files, mixed ...$rest): mixed
	{
		$channel = Clones::receiving($given);
		if (! $channel || ! Family::hasExpectedReceiver()) {
			return Family::receiveStock($given, $files, ...$rest);
		}
		self::takeEntries($channel, is_array($files) ? $files : []);

		return null;
	}

	/**
	 * Takes entries of a channel's other clones, in their order; new files that follow each other together.
	 *
	 * @param iterable<mixed> $entries
	 * @param float           $until   From then on no more are begun, once there was one.
	 *
	 * @return int So many of the first are taken.
	 */
	public static function takeEntries(Channel $channel, iterable $entries, float $until = INF): int
	{
		$taken = self::takeInTime($channel, $entries, $until);
		try {
			Doorbell::ring();
		} catch (\Throwable $e) {
			Log::failure('starting a worker', $e);
		}

		return $taken;
	}

	/** @param iterable<mixed> $entries */
	private static function takeInTime(Channel $channel, iterable $entries, float $until): int
	{
		$read = $taken = 0;
		$first = new FirstPackets($channel, fn (Packet $packet, mixed $entry) => self::takePosts(
			$channel,
			$packet,
			$entry,
		));
		foreach ($entries as $entry) {
			if ($taken > 0 && Clock::exact() >= $until) {
				break;
			}
			$read++;
			if (! $entry || $first->add($entry)) {
				continue;
			}
			$left = $first->take($until);
			$isAdded = $first->add($entry);
			$alone = $isAdded ? $left : [...$left, $entry];
			$some = self::takeSome($channel, $alone, $taken > 0, $until);
			if ($some < count($alone)) {
				return $taken + $some;
			}
			$taken = $isAdded ? $read - 1 : $read;
		}
		$left = $first->take($until);
		$some = self::takeSome($channel, $left, $taken > 0, $until);

		return $some < count($left) ? $taken + $some : $read;
	}

	/**
	 * Takes entries one by one, until it is late, and returns how many.
	 *
	 * @param list<mixed> $entries
	 */
	private static function takeSome(Channel $channel, array $entries, bool $isBegun, float $until): int
	{
		for ($n = 0; $n < count($entries); $n++) {
			if (($isBegun || $n > 0) && Clock::exact() >= $until) {
				return $n;
			}
			self::takeAlone($channel, $entries[$n]);
		}

		return $n;
	}

	/**
	 * Applies another clone's entries found by a comparison. No packet answers them.
	 *
	 * @return list<string> Hashes of files and folders that this clone should be told about.
	 */
	public static function takeLate(Channel $channel, mixed $entry): array
	{
		return Reception::late(fn () => self::takeEntry($channel, $entry));
	}

	/** Tries a held entry again, with or without approval. An exception says why it must wait. */
	public static function replay(Channel $channel, mixed $entry, int $cameAt, bool $isAgreed = false): void
	{
		self::apply($channel, $entry, $cameAt, $isAgreed);
	}

	private static function takeAlone(Channel $channel, mixed $entry): void
	{
		if (Activation::isHolding() && ! Rehearsing::isOwn($channel->id)) {
			HeldPackets::queue($channel, $entry, 'filesync waits until this hub was rehearsed');
		} elseif (Activation::isQueued($channel->id)) {
			HeldPackets::queue($channel, $entry, 'others that came earlier are let in first');
		} else {
			self::takeEntry($channel, $entry);
		}
	}

	private static function takeEntry(Channel $channel, mixed $entry): void
	{
		try {
			self::apply($channel, $entry, HeldPackets::moment());
		} catch (Refused $e) {
			Log::write('refused a packet for channel ' . $channel->id . ': ' . $e->getMessage());
		} catch (Postponed $e) {
			HeldPackets::hold($channel, $entry, $e->getMessage(), $e->retry);
		} catch (\Throwable $e) {
			Log::failure('applying a packet', $e);
			HeldPackets::hold($channel, $entry, get_class($e) . ': ' . $e->getMessage(), true);
		}
	}

	private static function apply(Channel $channel, mixed $entry, int $cameAt, bool $isAgreed = false): void
	{
		Parts::need(Parts::RECEIVER, 'receiving files');
		$packet = Packet::read($entry);
		$root = Sender::hear($channel, $packet);
		Reception::quietly($channel->id, function () use ($channel, $packet, $root, $isAgreed, $entry) {
			try {
				Turn::take($channel->id, fn () => self::applyFiles(
					$channel,
					$packet,
					$root,
					$isAgreed,
				));
			} catch (Refused $e) {
				throw $e;
			} catch (\Throwable $e) {
				// Core drops a comment whose post is missing: a waiting file must not hold its post back.
				self::takePosts($channel, $packet, $entry);
				throw $e;
			}
			self::takePosts($channel, $packet, $entry);
		});
		foreach ($packet->last ? [$packet->last['hash']] : $packet->deletes as $hash) {
			HeldPackets::forget($channel->id, $hash, $cameAt);
		}
	}

	/** Stores the posts of a packet; if core cannot now, a worker tries again. */
	private static function takePosts(Channel $channel, Packet $packet, mixed $entry): void
	{
		try {
			if ($packet->items && ! Parts::has(Parts::POSTS)) {
				HeldPackets::holdPosts($channel, $entry, $packet->items);
			} elseif ($packet->items) {
				Items::store($channel, $packet->items);
			}
		} catch (\Throwable $e) {
			Log::failure('storing the items of a packet', $e);
			HeldPackets::holdPosts($channel, $entry, $packet->items);
		}
	}

	private static function applyFiles(Channel $channel, Packet $packet, string $root, bool $isAgreed): void
	{
		foreach ($packet->deletes as $hash) {
			Deletion::apply($channel, $hash, $packet, $root, $isAgreed);
		}
		if ($packet->last) {
			FolderChange::check($channel, $packet);
			FolderChange::createMissing($channel, $packet->folders);
			if ($packet->last['is_dir']) {
				FolderChange::apply($channel, $packet, $root);
				return;
			}
			LinkedPosts::want($channel, $packet, $root);
			FileChange::apply($channel, $packet, $root);
		}
	}
}
