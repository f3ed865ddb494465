<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Family;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Turn;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Takes a sync packet in: checks it, applies what needs no bytes, stages what does. Milliseconds, no network, no extension.
 *
 * A packet is never handed to core once we serve the channel: what cannot be applied now is kept whole and tried again.
 */
final class Incoming
{
	/** The channel whose packet this process is taking in, 0 for none; while there is one, nothing is sent. */
	private static int $channelId = 0;
	/** @var ?array<string, true> While what is taken in was found by a comparison: hashes of which the other clone should hear. */
	private static ?array $late = null;

	/** Stands in for core's sync_files. */
	public static function take(mixed $channel, mixed $files): mixed
	{
		if (! is_array($channel) || ! Config::serves((int) ($channel['channel_id'] ?? 0)) || ! Family::hasExpectedReceiver()) {
			return Family::receiveStock((array) $channel, $files);
		}
		foreach (is_array($files) ? $files : [] as $entry) {
			if ($entry) {
				self::takeEntry($channel, $entry);
			}
		}
		try {
			Worker::summon();
		} catch (\Throwable $e) {
			Config::logFailure('starting a worker', $e);
		}

		return null;
	}

	/**
	 * Takes in what another clone tells when both were compared. No packet answers it.
	 *
	 * @return list<string> Hashes of files and folders of which that clone should hear.
	 */
	public static function takeLate(array $channel, mixed $entry): array
	{
		self::$late = [];
		try {
			self::takeEntry($channel, $entry);

			return array_map('strval', array_keys(self::$late));
		} finally {
			self::$late = null;
		}
	}

	/** Tells whether what is taken in was found by a comparison of clones. */
	public static function isLate(): bool
	{
		return self::$late !== null;
	}

	/** Notes that the clone of which something is taken in late should hear of a file. */
	public static function answerLate(string $hash): void
	{
		self::$late[$hash] = true;
	}

	/** Returns the channel whose packet this process is taking in, 0 if there is none. */
	public static function channelId(): int
	{
		return self::$channelId;
	}

	/** Tries a held entry once more, with a person's agreement or without. What it throws says why it must wait on. */
	public static function replay(array $channel, mixed $entry, int $cameAt, bool $isAgreed = false): void
	{
		self::apply($channel, $entry, $cameAt, $isAgreed);
	}

	/** Runs core calls that store what another clone sent a channel; nothing is sent while they run. */
	public static function quietly(int $channelId, callable $work): void
	{
		$before = self::$channelId;
		self::$channelId = $channelId;
		try {
			$work();
		} finally {
			self::$channelId = $before;
		}
	}

	private static function takeEntry(array $channel, mixed $entry): void
	{
		try {
			self::apply($channel, $entry, HeldPackets::moment());
		} catch (Refused $e) {
			Config::log('refused a packet for channel ' . $channel['channel_id'] . ': ' . $e->getMessage());
		} catch (Postponed $e) {
			HeldPackets::hold($channel, $entry, $e->getMessage(), $e->retry);
		} catch (\Throwable $e) {
			Config::logFailure('taking a packet in', $e);
			HeldPackets::hold($channel, $entry, get_class($e) . ': ' . $e->getMessage(), true);
		}
	}

	private static function apply(array $channel, mixed $entry, int $cameAt, bool $isAgreed = false): void
	{
		$packet = Packet::read($entry);
		$root = Clones::originOf($channel, $packet->fetchUrl);
		self::hear($root, $packet->sibling);
		self::quietly((int) $channel['channel_id'], function () use ($channel, $packet, $root, $isAgreed, $entry) {
			try {
				Turn::take((int) $channel['channel_id'], fn () => self::applyFiles($channel, $packet, $root, $isAgreed));
			} catch (Refused $e) {
				throw $e;
			} catch (\Throwable $e) {
				// Core drops a comment whose post is not there: a file that must wait may not keep its post back.
				self::takePosts($channel, $packet, $entry);
				throw $e;
			}
			self::takePosts($channel, $packet, $entry);
		});
		foreach ($packet->last ? [$packet->last['hash']] : $packet->deletes as $hash) {
			HeldPackets::forget((int) $channel['channel_id'], $hash, $cameAt);
		}
	}

	/** Stores the posts of a packet; if core cannot now, a worker tries again. */
	private static function takePosts(array $channel, Packet $packet, mixed $entry): void
	{
		try {
			$packet->items && Items::store($channel, $packet->items);
		} catch (\Throwable $e) {
			Config::logFailure('storing the items of a packet', $e);
			HeldPackets::holdPosts($channel, $entry, $packet->items);
		}
	}

	/** What a hub says of itself is worth knowing, but no reason to keep its packet waiting. */
	private static function hear(string $root, mixed $sibling): void
	{
		try {
			Peers::hear($root, $sibling);
		} catch (\Throwable $e) {
			Config::logFailure('hearing of ' . $root, $e);
		}
	}

	private static function applyFiles(array $channel, Packet $packet, string $root, bool $isAgreed): void
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
