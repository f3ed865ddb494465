<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Refused;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\Peers;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Packets that were neither applied nor held because too many are held already: the file, whether it was a delete, and
 * the clone.
 *
 * A comparison with that clone recovers them. The sender does not learn of it: a stock hub would send nothing to any
 * channel here for days.
 */
final class DroppedPackets
{
	/** Beyond this many of a channel, only the clone is noted. */
	private const MOST_NOTES = 1000;

	/** Notes a dropped entry, and has the channel compared with the clone that sent it. */
	public static function note(Channel $channel, mixed $entry, string $hash): void
	{
		$rows = is_array($entry) && is_array($entry['attach'] ?? null) ? $entry['attach'] : [];
		self::noteOf($channel, $entry, $hash, (int) (is_array(end($rows)) && ! empty(end($rows)['deleted'])));
	}

	/**
	 * Notes that the posts of an entry are dropped: no file is missing because of that. The clone is asked for them,
	 * and compared with.
	 */
	public static function notePosts(Channel $channel, mixed $entry, string $hash): void
	{
		$peer = self::noteOf($channel, $entry, '', 1);
		if ($peer !== null && $hash !== '' && ! Reception::isLate() && Peers::offers($peer, 'inventory')) {
			Run::wish($channel->id, $peer, [$hash], 0);
		}
	}

	/** Returns the clone that is noted; null if it is none. */
	private static function noteOf(Channel $channel, mixed $entry, string $hash, int $isDelete): ?string
	{
		$channelId = $channel->id;
		try {
			$peer = Clones::originOf(
				$channel,
				is_array($entry) && is_string($entry['fetch_url'] ?? null) ? $entry['fetch_url'] : '',
			);
		} catch (Refused $e) {
			Log::write("refused a packet for channel $channelId: " . $e->getMessage());
			return null;
		}
		if (Table::count('filesync_dropped', ['uid' => $channelId]) >= self::MOST_NOTES) {
			[$hash, $isDelete] = ['', $hash === '' ? $isDelete : 0];
		}
		$id = hash('sha256', "$channelId\n$peer\n$hash\n$isDelete");
		Table::tryUpsert(
			'filesync_dropped',
			['id' => $id],
			['created' => Clock::now()],
			['uid' => $channelId, 'hash' => $hash, 'is_delete' => $isDelete, 'peer' => mb_strcut($peer, 0, 191)],
		);
		Log::write(
			"dropped a packet for channel $channelId, because too many are held already; a comparison with $peer recovers it",
		);
		// Findings of a comparison that cannot be applied either wait for the next one.
		if (! Reception::isLate()) {
			self::compare($channel, $peer);
		}

		return $peer;
	}

	/** Requests another comparison where the last one was not enough. Once a day. */
	public static function compareAll(): void
	{
		foreach (Table::select('filesync_dropped', [], '', 0, 'DISTINCT uid') as $row) {
			$channel = Clones::channel((int) $row['uid']);
			$noted = array_column(
				Table::select('filesync_dropped', ['uid' => (int) $row['uid']], '', 0, 'DISTINCT peer'),
				'peer',
			);
			$homes = $channel ? array_column(Clones::others($channel), 'url') : [];
			foreach ($noted as $peer) {
				in_array($peer, $homes, true)
					? self::compare($channel, $peer)
					: Table::delete('filesync_dropped', ['uid' => (int) $row['uid'], 'peer' => $peer]);
			}
		}
	}

	/** Forgets packets of a clone that were dropped before a finished comparison with it began. */
	public static function forget(int $channelId, string $peer, int $before): void
	{
		Table::delete('filesync_dropped', ['uid' => $channelId, 'peer' => $peer, 'created <' => $before]);
	}

	/**
	 * Returns the number of dropped packets by clone.
	 *
	 * @return array<string, int> Root URLs of clones, and counts.
	 */
	public static function counts(?int $channelId = null): array
	{
		$where = $channelId === null ? [] : ['uid' => $channelId];
		$peers = array_column(Table::select('filesync_dropped', $where, '', 0, 'DISTINCT peer'), 'peer');

		return array_combine($peers, array_map(fn ($peer) => Table::count(
			'filesync_dropped',
			$where + ['peer' => $peer],
		), $peers));
	}

	private static function compare(Channel $channel, string $peer): void
	{
		$run = Run::ask($channel->id, $peer);
		// A failed comparison keeps its wait: packets must not shorten it.
		if (! $run->attempts && $run->next_at > Clock::now()) {
			$run->save(['next_at' => Clock::now()]);
		}
		if (Activation::isActive()) {
			Run::summon();
		}
	}
}
