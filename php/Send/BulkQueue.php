<?php

namespace FileSync\Addon\Send;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Changes that wait for clones that take many at once: one row for each clone and file, in the order of the changes. A
 * follow-up for each clone sends them (Bulk).
 *
 * @import-type BulkRow from \FileSync\Addon\Hub\Rows
 * @import-type Seen from \FileSync\Addon\Order\Vector
 */
final class BulkQueue
{
	/** Of the follow-up, and of the signed request. */
	public const KIND = 'bulk';

	/** The most bytes of a request, until a clone takes less. */
	private const MOST_BYTES = 4 << 20;
	/** What a clone has not taken by then, it finds by comparing. */
	private const KEPT_SECONDS = 30 * 86400;

	/**
	 * Has changes of files wait for each clone that takes many at once. Returns whether others need a packet.
	 *
	 * @param list<string> $hashes
	 * @param array<Seen>  $beneath Of the delete of one: what was deleted with it.
	 */
	public static function wait(Channel $channel, array $hashes, bool $isDelete = false, array $beneath = []): bool
	{
		$clones = Clones::others($channel);
		$taking = Peers::introduction() === null
			? []
			: array_filter($clones, fn ($clone) => Peers::takesBulk($clone['url']) === true);
		foreach ($taking as $clone) {
			$peer = Peers::id($clone['url']);
			self::waitFor($channel->id, $peer, $hashes, [
				'is_delete' => (int) $isDelete,
				'beneath' => $beneath ? json_encode($beneath, JSON_THROW_ON_ERROR) : '',
				'created' => Clock::now(),
			]);
			if (Outbox::ensure($channel->id, self::KIND, $peer, self::body($clone['url'], 0, self::MOST_BYTES))) {
				Doorbell::ring();
			}
		}

		return count($taking) < count($clones) || ! $clones;
	}

	/**
	 * @param list<string>              $hashes
	 * @param array<string, int|string> $change
	 */
	private static function waitFor(int $channelId, string $peer, array $hashes, array $change): void
	{
		$place = (int) (Clock::exact() * 1e6);
		$rows = $names = [];
		foreach ($hashes as $hash) {
			$id = hash('sha256', "$channelId\n$peer\n$hash");
			$rows[$id] = ['place' => $place++] + $change;
			$names[$id] = ['uid' => $channelId, 'peer' => $peer, 'hash' => $hash];
		}
		// In this order: what is in its new place is not forgotten with what was sent.
		Table::updateEach('filesync_bulk', 'id', $rows);
		$ids = array_keys($rows);
		$known = $ids ? Table::select('filesync_bulk', ['id' => $ids], '', 0, 'id') : [];
		$new = array_diff_key($rows, array_column($known, null, 'id'));
		if (! Table::tryInsertAll('filesync_bulk', array_map(
			fn (string $id): array => ['id' => $id] + $rows[$id] + $names[$id],
			array_keys($new),
		))) {
			// Another process added one of them just now.
			foreach ($new as $id => $row) {
				Table::upsert('filesync_bulk', ['id' => $id], $row, $names[$id]);
			}
		}
	}

	/** Has what waits for a clone go at once, because it was heard of. */
	public static function heard(Channel $channel, string $root): void
	{
		Outbox::soon($channel->id, self::KIND, Peers::id($root));
	}

	/** @return list<int> The channels with changes that wait. */
	public static function channels(): array
	{
		return array_map('intval', array_column(Table::select('filesync_bulk', [], '', 0, 'DISTINCT uid'), 'uid'));
	}

	/** @return list<int> Those for which filesync sends nothing any more. */
	public static function leftChannels(): array
	{
		return array_values(array_filter(
			self::channels(),
			fn ($id) => Config::isForCore($id) || Parts::isOff(Parts::SENDER),
		));
	}

	/** Forgets what waited for too long. */
	public static function prune(): void
	{
		Table::delete('filesync_bulk', ['created <' => Clock::now() - self::KEPT_SECONDS]);
	}

	/** Returns the body of the follow-up for a clone. */
	public static function body(string $url, int $failures, int $mostBytes): string
	{
		return json_encode(
			['url' => $url, 'failures' => $failures, 'most_bytes' => $mostBytes],
			JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR,
		);
	}

	/**
	 * Forgets changes, unless the file has changed again since.
	 *
	 * @param list<BulkRow> $rows
	 */
	public static function forget(array $rows): void
	{
		// A change moves a row to another place, which is a microsecond: none of these.
		foreach (array_chunk($rows, 100) as $some) {
			Table::delete('filesync_bulk', [
				'id' => array_column($some, 'id'),
				'place' => array_map(intval(...), array_column($some, 'place')),
			]);
		}
	}
}
