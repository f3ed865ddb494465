<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Protocol\Packet;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Entries that could not be applied when they arrived: a worker tries them again (`staged`), they wait for approval
 * (`parked`), or they came while filesync held all packets (`queued`) and are let in one after the other.
 *
 * They are whole packets, so they are bounded, for each channel and for the hub, together with posts that core cannot
 * store now, which wait in the Outbox; further ones go to DroppedPackets. Their bodies are read one at a time, by who
 * applies them; `about` says what people are to know.
 */
final class HeldPackets
{
	/** The lease of who hands over what is queued. */
	public const HAND_OVER = 'hand-over';
	/** The columns that are small enough to read for a whole list. */
	public const COLUMNS = 'id, uid, hash, state, reason, about, attempts, next_at, created, updated, size_bytes';

	/**
	 * A channel that uses less than this part of its bounds can still hold packets when others have filled the hub's
	 * bounds.
	 */
	private const SMALL_PART = 20;
	/** The kind of call that stores posts. */
	private const POSTS = 'items';
	private const NAMES_TOLD = 20;
	private const LONGEST_ABOUT = 16384;

	/**
	 * Keeps the whole entry, or notes that it was dropped. Throws if even that fails, so that the sender sees the error
	 * and sends again.
	 */
	public static function hold(Channel $channel, mixed $entry, string $reason, bool $retry): void
	{
		self::keep($channel, $entry, $reason, $retry ? 'staged' : 'parked', Clock::now() + 60);
	}

	/** Keeps an entry until those that came before it are let in; see hold(). */
	public static function queue(Channel $channel, mixed $entry, string $reason): void
	{
		self::keep($channel, $entry, $reason, Activation::QUEUED, 0);
		// A hand-over that ended meanwhile did not see it: what comes later must wait behind it.
		if (Config::isForCore($channel->id) && ! Lease::isHeld(self::HAND_OVER)) {
			Activation::again();
		}
	}

	/** Returns the name of the lease without which nobody takes an entry of a channel out of its queue. */
	public static function leaseOf(int $channelId): string
	{
		return "queue-$channelId";
	}

	/**
	 * Returns the channels with queued entries.
	 *
	 * @return list<int>
	 */
	public static function queuedChannels(): array
	{
		return array_map('intval', array_column(
			Table::select('filesync_packet', ['state' => Activation::QUEUED], '', 0, 'DISTINCT uid'),
			'uid',
		));
	}

	private static function keep(Channel $channel, mixed $entry, string $reason, string $state, int $nextAt): void
	{
		$channelId = $channel->id;
		$body = json_encode($entry, JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR);
		$id = hash('sha256', $channelId . "\n" . $body);
		$now = Clock::now();
		$row = [
			'state' => $state,
			'reason' => $reason,
			'attempts' => 0,
			'next_at' => $nextAt,
			'created' => self::moment(),
			'updated' => $now,
		];
		if (! Table::first('filesync_packet', ['id' => $id], '', 'id') && ! self::hasRoom($channelId, strlen($body))) {
			DroppedPackets::note($channel, $entry, self::hashOf($entry));
			return;
		}
		Table::upsert('filesync_packet', ['id' => $id], $row, [
			'uid' => $channelId,
			'hash' => self::hashOf($entry),
			'body' => $body,
			'size_bytes' => strlen($body),
			'about' => json_encode(self::summary($entry)),
		]);
		Log::write('holding a packet for channel ' . $channelId . ': ' . $reason);
	}

	/** Keeps posts of an entry that core cannot store now, or notes that they were dropped. */
	public static function holdPosts(Channel $channel, mixed $entry, array $items): void
	{
		$channelId = $channel->id;
		$body = json_encode(['items' => $items], JSON_INVALID_UTF8_SUBSTITUTE) ?: '';
		$name = hash('sha256', $body);
		if (! Outbox::has($channelId, self::POSTS, $name) && ! self::hasRoom($channelId, strlen($body))) {
			DroppedPackets::notePosts($channel, $entry, self::hashOf($entry));
			return;
		}
		Outbox::add($channelId, self::POSTS, $name, $body);
	}

	/** Tells whether a packet of this size may be held for a channel. */
	public static function hasRoom(int $channelId, int $bytes = 1): bool
	{
		[$rows, $size] = self::sums(['uid' => $channelId]);
		[$mostRows, $mostBytes] = [Config::number('held_max_packets'), Config::number('held_max_bytes')];
		if ($rows >= $mostRows || ($size + $bytes) > $mostBytes) {
			return false;
		}
		[$allRows, $allSize] = self::sums([]);
		if (
			$allRows < Config::number('held_hub_max_packets')
			&& ($allSize + $bytes) <= Config::number('held_hub_max_bytes')
		) {
			return true;
		}

		return (
			$rows < max(1, intdiv($mostRows, self::SMALL_PART))
			&& ($size + $bytes) <= intdiv($mostBytes, self::SMALL_PART)
		);
	}

	/** Drops the entries about a file that arrived before a moment, once one from that moment was applied. */
	public static function forget(int $channelId, string $hash, int $moment): void
	{
		$older = ['uid' => $channelId, 'hash' => $hash, 'state' => 'staged', 'created <' => $moment];
		if (Table::first('filesync_packet', $older, '', 'id')) {
			Table::delete('filesync_packet', $older);
		}
	}

	/**
	 * Returns those of some files about which entries wait.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string>
	 */
	public static function waiting(int $channelId, array $hashes): array
	{
		$where = ['uid' => $channelId, 'hash' => $hashes, 'state' => 'staged'];

		return array_column(Table::select('filesync_packet', $where, '', 0, 'hash'), 'hash');
	}

	/** Returns the present time in microseconds: entries about one file are ordered by arrival. */
	public static function moment(): int
	{
		return (int) (Clock::exact() * 1000000);
	}

	/** Has all entries that wait for something tried again now. */
	public static function tryAgain(): void
	{
		Table::update(
			'filesync_packet',
			['next_at' => Clock::now()],
			[
				'state' => 'staged',
				'next_at >' => Clock::now(),
			],
		);
	}

	/**
	 * Returns the channels with due entries.
	 *
	 * @return list<int>
	 */
	public static function dueChannels(): array
	{
		if (! Parts::has(Parts::RECEIVER)) {
			return [];
		}

		return array_values(array_unique([
			...array_filter(self::queuedChannels(), fn (int $id) => ! Config::isForCore($id)),
			...array_map('intval', array_column(
				Table::select(
					'filesync_packet',
					['state' => 'staged', 'next_at <=' => Clock::now()],
					'',
					0,
					'DISTINCT uid',
				),
				'uid',
			)),
		]));
	}

	/**
	 * Describes a held entry, from its row without the body; null if it is not a readable packet.
	 *
	 * @return ?array{from: string, name: ?string, is_dir: bool, size_bytes: int, deletes: list<string>,
	 *     delete_count: int} `from`: the clone's root URL. `name`: null for deletes; `deletes` holds the first of their
	 *     hashes.
	 */
	public static function about(array $row): ?array
	{
		// An earlier version did not write it.
		$about = ($row['about'] ?? '') === '' ? self::remember($row) : json_decode((string) $row['about'], true);

		return is_array($about) && isset($about['from']) ? $about : null;
	}

	private static function remember(array $row): ?array
	{
		try {
			$about = self::summary(self::entry($row));
		} catch (Postponed) {
			$about = null;
		}
		Table::update('filesync_packet', ['about' => json_encode($about)], ['id' => $row['id']]);

		return $about;
	}

	private static function summary(mixed $entry): ?array
	{
		try {
			$packet = Packet::read(is_array($entry) ? array_diff_key($entry, ['item' => 1]) : $entry);
		} catch (Refused) {
			return null;
		}
		$name = $packet->last ? implode('/', array_column([...$packet->folders, $packet->last], 'filename')) : null;

		return [
			'from' => (string) preg_replace('#/getfile$#', '', $packet->fetchUrl),
			'name' => $name === null ? null : mb_strcut($name, 0, self::LONGEST_ABOUT),
			'is_dir' => (bool) ($packet->last['is_dir'] ?? false),
			'size_bytes' => (int) ($packet->last['filesize'] ?? 0),
			'deletes' => array_slice($packet->deletes, 0, self::NAMES_TOLD),
			'delete_count' => count($packet->deletes),
		];
	}

	/** @throws Postponed There is not enough memory to read it. */
	public static function entry(array $row): mixed
	{
		try {
			return Json::read(
				(string) (Table::first('filesync_packet', ['id' => $row['id']], '', 'body')['body'] ?? ''),
			);
		} catch (\LengthException $e) {
			throw new Postponed('cannot read a packet: ' . $e->getMessage(), false);
		}
	}

	/** @return array{int, int} Rows and bytes. */
	private static function sums(array $where): array
	{
		$posts = $where + ['kind' => self::POSTS];

		return [
			Table::count('filesync_packet', $where) + Table::count('filesync_outbox', $posts),
			Table::sum('filesync_packet', 'size_bytes', $where) + Table::sum('filesync_outbox', 'length(body)', $posts),
		];
	}

	private static function hashOf(mixed $entry): string
	{
		$rows = is_array($entry) && is_array($entry['attach'] ?? null) ? $entry['attach'] : [];
		$last = end($rows);
		$hash = is_array($last) ? $last['hash'] ?? '' : '';

		return is_string($hash) && preg_match(Bounds::HASH, $hash) ? $hash : '';
	}
}
