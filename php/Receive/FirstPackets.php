<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Posts\LinkedPosts;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\PhotoRow;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Takes in packets about files of which nothing is known here, many together: their records and their transfers, and
 * those of the scales of photos, are written in one transaction, or none is. Then a worker can begin, and the posts of
 * each are stored. What is anything else, and what cannot be taken in this way, is left to who takes packets one by
 * one; so a packet that fails takes no other with it.
 */
final class FirstPackets
{
	private const MOST = 100;
	/** Of their texts. */
	private const MOST_BYTES = 1 << 20;

	/** @var array<string, Packet> By the hash of the file. */
	private array $packets = [];
	/** @var array<string, mixed> The same as they came. */
	private array $entries = [];
	private int $bytes = 0;

	/** @param \Closure(Packet, mixed): void $takePosts Stores the posts of a packet, given as it came too. */
	public function __construct(private readonly Channel $channel, private readonly \Closure $takePosts) {}

	/**
	 * Adds an entry, which is taken in with others; false if it must be taken alone, or only once the others are: one
	 * is about the same file, or they are many.
	 */
	public function add(mixed $entry): bool
	{
		if (! is_array($entry)) {
			return false;
		}
		try {
			$packet = Packet::read($entry);
		} catch (\Throwable) {
			// Taken alone, it stops no other, and what is wrong with it is said.
			return false;
		}
		$last = $packet->last;
		$bytes = strlen((string) json_encode($entry, JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR));
		if (
			! $last
			|| $last['is_dir']
			|| isset($this->packets[$last['hash']])
			|| count($this->packets) >= self::MOST
			|| ($this->bytes + $bytes) > self::MOST_BYTES
		) {
			return false;
		}
		[$this->packets[$last['hash']], $this->entries[$last['hash']]] = [$packet, $entry];
		$this->bytes += $bytes;

		return true;
	}

	/**
	 * Takes them in.
	 *
	 * @param float $until From then on no more posts are stored: their packets are left.
	 *
	 * @return list<mixed> The entries that are to be taken one by one, in their order.
	 */
	public function take(float $until = INF): array
	{
		[$packets, $entries] = [$this->packets, $this->entries];
		[$this->packets, $this->entries, $this->bytes] = [[], [], 0];
		$taken = [];
		try {
			// Files that wait for others are not to be overtaken, and where there is no receiver all are held.
			if (
				count($packets) > 1
				&& ! Activation::isHolding()
				&& ! Activation::isQueued($this->channel->id)
				&& Parts::has(Parts::RECEIVER)
			) {
				$taken = $this->takeTogether($packets);
			}
		} catch (\Throwable $e) {
			Log::failure('taking in ' . count($packets) . ' packets together', $e);
		}
		$late = $this->storePosts(array_intersect_key($packets, $taken), $entries, $until);

		return array_values(array_diff_key($entries, array_diff_key($taken, $late)));
	}

	/**
	 * Stores the posts of packets that were taken in, while a worker fetches their files.
	 *
	 * @param array<string, Packet> $packets
	 * @param array<string, mixed>  $entries
	 *
	 * @return array<string, Packet> Those for which there was no time.
	 */
	private function storePosts(array $packets, array $entries, float $until): array
	{
		$packets = array_filter($packets, fn (Packet $packet): bool => $packet->items !== []);
		if ($packets === []) {
			return [];
		}
		try {
			Doorbell::ring();
		} catch (\Throwable $e) {
			Log::failure('starting a worker', $e);
		}
		foreach ($packets as $hash => $packet) {
			if (Clock::exact() >= $until) {
				break;
			}
			$known = Revisions::find($this->channel->id, self::hashOf($packet));
			// A file that was deleted meanwhile took the posts with it that were here.
			if (! in_array($known['state'] ?? '', ['going', 'gone'], true)) {
				Reception::quietly($this->channel->id, fn () => ($this->takePosts)($packet, $entries[$hash]));
			}
			unset($packets[$hash]);
		}

		return $packets;
	}

	/**
	 * @param array<string, Packet> $packets
	 *
	 * @return array<string, mixed> The hashes of those that were taken in, as keys.
	 */
	private function takeTogether(array $packets): array
	{
		$roots = Sender::hearAll($this->channel, $packets);

		$taken = [];
		Reception::quietly($this->channel->id, function () use (&$taken, $packets, $roots): void {
			$taken = Turn::take(
				$this->channel->id,
				fn (): array => $this->takeUnknown(
					$this->withFolders($this->unknown(array_intersect_key($packets, $roots))),
					$roots,
				),
			);
		});

		return $taken;
	}

	/**
	 * Returns those about files of which nothing is known here; none if they do not fit into the account.
	 *
	 * @param array<string, Packet> $packets
	 *
	 * @return array<string, Packet>
	 */
	private function unknown(array $packets): array
	{
		$channelId = $this->channel->id;
		$hashes = array_values(array_map(self::hashOf(...), $packets));
		$own = Store::attachSome($channelId, $hashes, 'hash');
		[$used, $limit] = Store::quota($this->channel);
		$bytes = array_sum(array_map(fn (Packet $packet) => $packet->last['filesize'] ?? 0, $packets));
		if (
			$own === null
			|| ($limit !== null
			&& ($used + Queue::announcedSum($channelId, '') + $bytes) > $limit)
		) {
			return [];
		}
		$photos = array_filter($packets, fn (Packet $packet): bool => $packet->photos !== []);
		$known =
			$own
			+ Revisions::some($channelId, $hashes)
			+ Queue::states($channelId, $hashes)
			+ array_flip(HeldPackets::waiting($channelId, $hashes))
			+ ($photos === [] ? [] : PhotoRow::here($channelId, array_values(array_map(self::hashOf(...), $photos))));

		return array_filter($packets, fn (Packet $packet) => ! isset($known[self::hashOf($packet)]));
	}

	/**
	 * Creates missing folders, and returns the packets without those whose folders cannot be, or that are themselves
	 * folders of others.
	 *
	 * @param array<string, Packet> $packets
	 *
	 * @return array<string, Packet>
	 */
	private function withFolders(array $packets): array
	{
		$folders = array_column(
			array_merge(...array_values(array_map(
				fn (Packet $packet) => $packet->folders,
				$packets,
			))),
			'hash',
			'hash',
		);
		$made = $with = [];
		foreach (array_diff_key($packets, $folders) as $hash => $packet) {
			$chain = implode('/', array_column($packet->folders, 'hash'));
			$made[$chain] ??= $this->makeFolders($packet);
			if ($made[$chain]) {
				$with[$hash] = $packet;
			}
		}

		return $with;
	}

	private function makeFolders(Packet $packet): bool
	{
		try {
			FolderChange::check($this->channel, $packet);
			FolderChange::createMissing($this->channel, $packet->folders);

			return true;
		} catch (Refused|Postponed) {
			// What is in the way is said of each packet that is then taken alone.
			return false;
		}
	}

	/**
	 * @param array<string, Packet> $packets
	 * @param array<string, string> $roots
	 *
	 * @return array<string, mixed> See takeTogether().
	 */
	private function takeUnknown(array $packets, array $roots): array
	{
		$this->wantPosts($packets, $roots);
		$records = $wanted = [];
		foreach (Arrival::judgeUnknown($this->channel, $packets, $roots) as $hash => $ruling) {
			if (! $ruling->isOnlyTaken()) {
				continue;
			}
			$records[] = $ruling->file;
			foreach (array_unique([0, ...array_keys($packets[$hash]->photos)]) as $scale) {
				$wanted[] = FileChange::wanted(
					$this->channel,
					$packets[$hash],
					$roots[$hash],
					$scale,
					$ruling,
					$ruling->row,
				);
			}
		}
		$areTaken = $records !== []
		&& Table::transaction(
			fn (): bool => Revisions::tryAdd($records) && Queue::tryStageNew($wanted),
			fn (bool $isGood) => $isGood,
		);

		return $areTaken ? array_column($records, null, 'hash') : [];
	}

	/**
	 * Requests the posts about the files: those since the earliest.
	 *
	 * @param array<string, Packet> $packets
	 * @param array<string, string> $roots
	 */
	private function wantPosts(array $packets, array $roots): void
	{
		$earliest = [];
		foreach ($packets as $hash => $packet) {
			$known = $earliest[$roots[$hash]] ?? $packet;
			$isEarlier = ($packet->last['edited'] ?? '') < ($known->last['edited'] ?? '');
			$earliest[$roots[$hash]] = $isEarlier ? $packet : $known;
		}
		foreach ($earliest as $root => $packet) {
			LinkedPosts::want($this->channel, $packet, $root);
		}
	}

	private static function hashOf(Packet $packet): string
	{
		return $packet->last['hash'] ?? '';
	}
}
