<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Storage\Tree;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Applies a received delete: keeps the bytes, removes the linked posts without sending anything, then lets core delete.
 *
 * May be interrupted anywhere and run again. A mass delete, at once or within a day, waits for approval (Brake).
 *
 * @import-type Known from \FileSync\Addon\Order\Judge
 * @import-type Seen from Vector
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 */
final class Deletion
{
	private const ABANDONED_SECONDS = 600;

	/**
	 * Deletes a file, or a folder with everything beneath it, as far as the deleting clone knew the present state.
	 *
	 * @param bool $isAgreed Whether it was approved, whatever its size.
	 */
	public static function apply(
		Channel $channel,
		string $hash,
		Packet $packet,
		string $root,
		bool $isAgreed = false,
	): void {
		$channelId = $channel->id;
		$own = Store::attach($channelId, $hash);
		$rows = $own ? Tree::beneath($channelId, $own) : [];
		$hub = Clones::normalise($root) ?? $root;
		$spared = self::spared($channel, $own, $rows, $packet, $hub);
		$rows = array_values(array_filter($rows, fn ($row) => ! isset($spared[$row['hash']])));
		$hashes = array_column($rows, 'hash');
		$lone = $own || isset($spared[$hash]) ? null : Kept::lonePhoto($channelId, $hash);
		// Rows that an interrupted delete left of a photo must not look like a photo without a file.
		$isRest = $lone && (Revisions::find($channelId, $hash)['state'] ?? '') === 'going';
		if (! Parts::has(Parts::POSTS) && Items::areLinked($channelId, [$hash, ...$hashes])) {
			Parts::need(Parts::POSTS, 'a file that has posts is deleted with them');
		}
		$counted = $isAgreed ? '' : Brake::hub($hub);
		if (! $isAgreed && Brake::holdDelete($channel, $root, $hash, $packet, $lone && ! $isRest ? [$lone] : $rows)) {
			return;
		}
		if (! isset($spared[$hash])) {
			self::dropTransfers($channelId, $hash, $rows);
		}
		$before = array_map(fn ($row) => Revisions::find($channelId, $row['hash']), array_column($rows, null, 'hash'));
		try {
			foreach ($rows as $row) {
				if (! (int) $row['is_dir']) {
					$widened = $before[$row['hash']]['here']['before'] ?? [];
					Kept::keepDeleted(
						$channel,
						$row,
						(string) parse_url($hub, PHP_URL_HOST),
						$counted,
						($widened['hub'] ?? '') === $hub ? ['before' => $widened['access']] : [],
					);
				}
			}
			if ($lone && ! $isRest) {
				Kept::keepLonePhoto($lone, (string) parse_url($hub, PHP_URL_HOST), $counted);
			}
			$buried = array_unique([...$hashes, ...(isset($spared[$hash]) ? [] : [$hash])]);
			foreach ($buried as $each) {
				self::bury($channel, $each, $packet, (bool) $rows);
			}
			foreach ($buried as $each) {
				if (! Items::dropLinked($channelId, $each)) {
					Outbox::add($channelId, 'drop', $each);
				}
			}
			if (! $spared) {
				if ($own || $lone) {
					Core::delete($channelId, $hash);
				}
			} else {
				self::deleteEach($channelId, $rows);
			}
			Revisions::nowGone($channelId, $buried);
		} catch (\Throwable $e) {
			self::turnBack($channel, $before);
			throw $e;
		}
		self::removePreviews($channel, $rows);
		if ($rows) {
			Log::write("deleted $hash of channel $channelId, " . count($rows) . ' rows, as a clone asked');
		}
		// The folders above a changed file are sent with it. On their own they would be answered with their delete,
		// again and again.
		foreach (array_keys(array_filter($spared)) as $each) {
			Log::write(
				"kept $each of channel $channelId: the clone that deleted $hash did not know its present state",
			);
			self::forgetWanted($channelId, (string) $each, $packet, $hub);
			Announcement::answer($channelId, (string) $each, false);
		}
	}

	/**
	 * Restores the normal state of files that should have been deleted but still exist: drops their kept copies, and
	 * notices changes again.
	 */
	private static function turnBack(Channel $channel, array $before): void
	{
		foreach ($before as $hash => $file) {
			try {
				if ($own = Store::attach($channel->id, (string) $hash)) {
					if (! (int) $own['is_dir']) {
						Kept::release($channel, $own);
					}
					if ($file) {
						Revisions::save($file);
					}
				}
			} catch (\Throwable $e) {
				Log::failure('a failed delete', $e);
			}
		}
	}

	/** Drops the posts of a deleted file that the hub did not drop with it, unless the file is back. */
	public static function dropLeft(Channel $channel, string $hash): void
	{
		if (
			! Items::ownMedia($channel->id, [$hash])
			&& ! Reception::quietly($channel->id, fn () => Items::dropLinked($channel->id, $hash))
		) {
			throw new \RuntimeException("the hub did not drop all posts about the deleted file $hash");
		}
	}

	/** Forgets kept copies of files whose delete was interrupted, if the files still exist. */
	public static function recover(): void
	{
		foreach (Clones::local() as $channelId) {
			$begun = ['uid' => $channelId, 'state' => 'going', 'updated <' => Clock::now() - self::ABANDONED_SECONDS];
			foreach (Table::select('filesync_file', $begun, 'updated', 100, 'hash') as $row) {
				$channel = Clones::channel($channelId);
				if ($channel) {
					Turn::take($channelId, function () use ($channel, $row) {
						$own = Store::attach($channel->id, $row['hash']);
						if ($own && ! (int) $own['is_dir']) {
							Kept::release($channel, $own);
						}
					});
				}
			}
		}
	}

	/**
	 * Refuses a delete for the channel's owner: the present files count as new, so that they return where they were
	 * deleted.
	 */
	public static function refuse(Channel $channel, Packet $packet): void
	{
		$channelId = $channel->id;
		foreach ($packet->deletes as $hash) {
			$own = Store::attach($channelId, $hash);
			foreach ($own ? Tree::beneath($channelId, $own) : [] as $row) {
				self::bury($channel, $row['hash'], $packet, true);
				Revisions::nowGone($channelId, [$row['hash']]);
				Revisions::notice($channel, $row['hash'], true);
				Announcement::answer($channelId, $row['hash'], false);
			}
		}
	}

	/**
	 * Returns the rows and transfers that stay, by hash: true for those changed since, false for the folders above
	 * them.
	 *
	 * @param ?AttachRow       $own
	 * @param list<AttachRow> $rows
	 *
	 * @return array<string, bool>
	 */
	private static function spared(Channel $channel, ?array $own, array $rows, Packet $packet, string $hub): array
	{
		$spared = [];
		$byHash = array_column($rows, null, 'hash');
		$single = $own ? $rows : [['hash' => $packet->deletes[0] ?? '', 'folder' => '']];
		foreach ($single as $row) {
			/** @var Known $file */
			$file = Revisions::notice($channel, $row['hash']);
			if ($file['state'] === 'unknown' || self::mayGo($channel, $file, $packet, $hub)) {
				continue;
			}
			$spared[$row['hash']] = true;
			for (
				$above = $byHash[$row['hash']]['folder'] ?? '';
				isset($byHash[$above]) && ! isset($spared[$above]);
				$above = $byHash[$above]['folder']
			) {
				$spared[$above] = false;
			}
		}

		return $spared;
	}

	/**
	 * @param Known $file
	 * @param Known $file
	 */
	private static function mayGo(Channel $channel, array $file, Packet $packet, string $hub): bool
	{
		if (in_array($file['state'], ['going', 'gone'], true)) {
			return true;
		}
		$seen = self::told($packet, $file['hash'], $file);
		if ($seen !== null) {
			return in_array(Vector::compare(Revisions::seen($file), $seen), ['before', 'equal'], true);
		}

		return Arrival::knowsAll($channel, $file, $hub);
	}

	/** Stops waiting for bytes that a hub without filesync announced and then deleted: the present file stays. */
	private static function forgetWanted(int $channelId, string $hash, Packet $packet, string $hub): void
	{
		$file = Revisions::find($channelId, $hash);
		if (
			$packet->order['gone'] === null
			&& ! empty($file['wanted'])
			&& $file['state'] === 'here'
			&& ($file['peers'][$hub]['bytes']['print'] ?? null) === $file['wanted']['print']
		) {
			Queue::drop($channelId, $hash);
			Revisions::save(['wanted' => []] + $file);
			Outbox::done($channelId, 'announce', $hash);
		}
	}

	private static function bury(Channel $channel, string $hash, Packet $packet, bool $isHere): void
	{
		$channelId = $channel->id;
		$file = Revisions::find($channelId, $hash) ?? Revisions::unknown($channelId, $hash);
		$told = self::told($packet, $hash, $file);
		if ($told !== null) {
			Site::notice($channelId, $told, Vector::join(Revisions::seen($file), $file['gone']));
		}
		$gone = Vector::join(Revisions::seen($file), $told ?? []);
		if (! $isHere && ! $file['wanted'] && $file['bytes']['print'] . $file['place']['print'] === '') {
			Revisions::buryUnseen($channelId, $hash, $gone);
			return;
		}
		Revisions::save(['state' => 'going', 'gone' => $gone, 'wanted' => [], 'here' => []] + $file);
	}

	/**
	 * Returns what a delete has seen of a file, or null if its hub sent no vectors.
	 *
	 * @param Known $file
	 *
	 * @return ?Seen
	 * @return ?Seen
	 */
	private static function told(Packet $packet, string $hash, array $file): ?array
	{
		if ($packet->order['gone'] === null) {
			return null;
		}
		$told = in_array($hash, $packet->deletes, true)
			? $packet->order['gone']
			: $packet->order['beneath'][$hash] ?? [];

		return Vector::credible($told, Revisions::seen($file), $file['gone']);
	}

	/**
	 * Deletes rows one by one, the deepest first, so that core deletes nothing else with them.
	 *
	 * @param list<AttachRow> $rows
	 */
	private static function deleteEach(int $channelId, array $rows): void
	{
		foreach (array_reverse($rows) as $row) {
			Core::delete($channelId, $row['hash']);
		}
	}

	/**
	 * Drops transfers for the rows, and for files that were to arrive in the folders among them.
	 *
	 * @param list<AttachRow> $rows
	 */
	private static function dropTransfers(int $channelId, string $hash, array $rows): void
	{
		$hashes = [$hash, ...array_column($rows, 'hash')];
		$folders = [$hash, ...array_column(array_filter($rows, fn ($row) => (int) $row['is_dir']), 'hash')];
		$arriving = Table::select(
			'filesync_transfer',
			['uid' => $channelId, 'folder' => $folders],
			'',
			0,
			'DISTINCT hash',
		);
		foreach (array_unique([...$hashes, ...array_column($arriving, 'hash')]) as $each) {
			Queue::drop($channelId, $each);
		}
	}

	/** @param list<AttachRow> $rows */
	private static function removePreviews(Channel $channel, array $rows): void
	{
		foreach ($rows as $row) {
			$path = Store::pathOf($channel, $row);
			if ($path !== null && is_file($path . '.thumb')) {
				@unlink($path . '.thumb');
			}
		}
	}
}
