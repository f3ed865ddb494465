<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Backoff;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Later;
use FileSync\Addon\Peers\CloneCall;
use FileSync\Addon\Peers\FilesHere;
use FileSync\Addon\Peers\PeerFailure;
use FileSync\Addon\Peers\Peers;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Sends changes to a clone that takes many at once, in signed requests: each file in its state of that moment. A clone
 * that is away costs one attempt now and then, however much waits for it; one that turns out not to take them gets
 * packets of the hub.
 *
 * @import-type BulkRow from \FileSync\Addon\Hub\Rows
 * @import-type Seen from \FileSync\Addon\Order\Vector
 */
final class Bulk
{
	private const MOST_ENTRIES = 500;
	/** Of the first request, whose files a clone fetches while others are read here. Later ones grow, twofold each. */
	private const FIRST_ENTRIES = 32;
	/** What is here of so many files is read together, a moment before it is sent. */
	private const READ_TOGETHER = 50;
	/** A longer entry goes by a packet: a clone reads 9 MiB, in which an entry is a text within a text. */
	private const MOST_ENTRY_BYTES = 4 << 20;
	/** Below this, one request for each entry would be no more. */
	private const LEAST_BYTES = 64 << 10;
	/** So long the digests of files may take of one request. */
	private const DIGESTS_MS = 10000;
	private const TURN_SECONDS = 20;
	private const FIRST_WAIT_SECONDS = 15;
	private const LONGEST_WAIT_SECONDS = 300;

	private int $mostEntries = self::FIRST_ENTRIES;

	private function __construct(
		private readonly Channel $channel,
		private readonly string $url,
		private int $mostBytes,
	) {}

	/**
	 * Sends what waits for a clone. Returns the body for going on, null once nothing waits.
	 *
	 * @throws Later The clone cannot take it now.
	 */
	public static function send(Channel $channel, string $peer, string $body): ?string
	{
		/** @var array{url: string, failures: int, most_bytes: int} $said */
		$said = json_decode($body, true, 4, JSON_THROW_ON_ERROR);
		$where = ['uid' => $channel->id, 'peer' => $peer];
		if (! in_array($said['url'], array_column(Clones::others($channel), 'url'), true)) {
			Table::delete('filesync_bulk', $where);

			return null;
		}
		$bulk = new self($channel, $said['url'], $said['most_bytes']);
		$until = Clock::now() + self::TURN_SECONDS;
		try {
			while ($rows = Table::select('filesync_bulk', $where, 'place, id', $bulk->mostEntries)) {
				$bulk->sendSome($rows);
				$bulk->mostEntries = min(self::MOST_ENTRIES, 2 * $bulk->mostEntries);
				if (Clock::now() >= $until) {
					return BulkQueue::body($said['url'], 0, $bulk->mostBytes);
				}
			}
		} catch (PeerFailure $e) {
			$seconds = $e->retryAfter ?? Backoff::doubling(
					self::FIRST_WAIT_SECONDS,
					8,
					self::LONGEST_WAIT_SECONDS,
				)->spread($said['failures']);
			throw new Later(
				$e->getMessage(),
				$seconds,
				BulkQueue::body($said['url'], min(100, $said['failures'] + 1), $bulk->mostBytes),
			);
		}

		return null;
	}

	/**
	 * Gives what waits to the hub's own queue, because filesync is switched off or removed.
	 *
	 * @param list<int> $channels
	 */
	public static function giveToHub(array $channels, int $until): void
	{
		foreach ($channels as $channelId) {
			$channel = Clones::channel($channelId);
			$some = fn () => Table::select('filesync_bulk', ['uid' => $channelId], 'place, id', self::MOST_ENTRIES);
			for ($rows = $some(); $rows !== [] && Clock::now() < $until; $rows = $some()) {
				// A packet goes to all clones.
				foreach (array_column($rows, null, 'hash') as $row) {
					if ($channel) {
						self::packet($channel, $row);
					}
				}
				BulkQueue::forget($rows);
			}
		}
	}

	/**
	 * Sends the first of some changes, as many as fit into a request, and forgets those that were taken.
	 *
	 * @param non-empty-list<BulkRow> $rows
	 */
	private function sendSome(array $rows): void
	{
		if (Peers::takesBulk($this->url) === false) {
			$this->sendPackets($rows, 'it takes no others');
			return;
		}
		[$texts, $bytes, $sent, $silent] = [[], 0, [], []];
		$digestsUntil = (Clock::exact() * 1000) + self::DIGESTS_MS;
		foreach ($this->texts($rows, $digestsUntil) as [$row, $text]) {
			$length = strlen($text ?? '');
			if ($texts !== [] && ($bytes + $length) > $this->mostBytes) {
				break;
			}
			if ($length > self::MOST_ENTRY_BYTES) {
				BulkQueue::forget($silent);
				$this->sendPackets([$row], 'one of them is too long for a request');
				return;
			}
			if ($text === null) {
				$silent[] = $row;
				continue;
			}
			[$texts[], $sent[], $bytes] = [$text, $row, $bytes + $length];
		}
		BulkQueue::forget($silent);
		if ($texts === []) {
			return;
		}
		try {
			$answer = (new CloneCall($this->channel, $this->url, BulkQueue::KIND))->ask(['entries' => $texts]);
		} catch (PeerFailure $e) {
			if ($e->status === 413 && $this->mostBytes > self::LEAST_BYTES) {
				// The web server there takes less.
				$this->mostBytes = intdiv($this->mostBytes, 4);
			} elseif ($e->status === 413 || $e->error === 'malformed' && count($sent) === 1) {
				$this->sendPackets($sent, 'it does not take them otherwise');
			} elseif ($e->error === 'malformed') {
				$this->mostBytes = max(1, intdiv($bytes, 2));
			} elseif ($e->isStock) {
				Peers::refusesBulk($this->url);
			} else {
				throw $e;
			}
			return;
		}
		$taken = array_slice($sent, 0, max(0, is_int($answer['taken'] ?? null) ? $answer['taken'] : 0));
		if (! $taken) {
			throw new PeerFailure("$this->url takes nothing now", 'busy', false, self::FIRST_WAIT_SECONDS);
		}
		BulkQueue::forget($taken);
	}

	/**
	 * Returns each change with what a clone is told about it; null if that is nothing now.
	 *
	 * @param list<BulkRow> $rows
	 *
	 * @return \Generator<int, array{BulkRow, ?string}>
	 */
	private function texts(array $rows, float $digestsUntilMs): \Generator
	{
		foreach (array_chunk($rows, self::READ_TOGETHER) as $some) {
			$changed = array_filter($some, fn (array $row): bool => ! (int) $row['is_delete']);
			$ready = Announcement::ready($this->channel, array_column($changed, 'hash'));
			$here = new FilesHere($this->channel, $ready);
			$here->computeDigests(Announcement::DIGEST_MS, $digestsUntilMs);
			foreach ($some as $row) {
				$isReady = in_array($row['hash'], $ready, true);
				$digestMs = (int) max(0, $digestsUntilMs - (Clock::exact() * 1000));
				yield [
					$row,
					$isReady || (int) $row['is_delete'] ? $this->text($row, $isReady ? $here : null, $digestMs) : null,
				];
			}
		}
	}

	/** @param BulkRow $row */
	private function text(array $row, ?FilesHere $here, int $digestMs): ?string
	{
		$entry = Announcement::present(
			$this->channel,
			$row['hash'],
			(bool) (int) $row['is_delete'],
			self::beneath($row),
			$digestMs,
			$here,
		);
		$text = $entry === null
			? null
			: json_encode(
				$entry,
				JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE,
			);

		return is_string($text) ? $text : null;
	}

	/**
	 * Sends changes by packets of the hub, to all clones.
	 *
	 * @param list<BulkRow> $rows
	 */
	private function sendPackets(array $rows, string $why): void
	{
		Log::write("sends changes of channel {$this->channel->id} to $this->url by packets: $why");
		foreach ($rows as $row) {
			self::packet($this->channel, $row);
			BulkQueue::forget([$row]);
		}
	}

	/** @param BulkRow $row */
	private static function packet(Channel $channel, array $row): void
	{
		Announcement::sendPacket($channel, $row['hash'], (bool) (int) $row['is_delete'], self::beneath($row));
	}

	/**
	 * @param BulkRow $row
	 *
	 * @return array<Seen>
	 */
	private static function beneath(array $row): array
	{
		/** @var array<Seen> */
		return $row['beneath'] === '' ? [] : json_decode($row['beneath'], true, 8, JSON_THROW_ON_ERROR);
	}
}
