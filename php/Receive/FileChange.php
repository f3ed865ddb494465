<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Bounds;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Items;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Reception;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Order\Ruling;
use FileSync\Addon\Order\Verdict;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Send\Withholding;
use FileSync\Addon\Storage\AttachRow;
use FileSync\Addon\Storage\PhotoRow;
use FileSync\Addon\Storage\Relocation;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\ScaleEntry;
use FileSync\Addon\Transfer\Staging;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Addon\Transfer\Wanted;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Applies a packet about one file: name, folder, access and categories at once, the bytes through the queue.
 *
 * @import-type Known from \FileSync\Addon\Order\Judge
 * @import-type Attach from \FileSync\Addon\Order\Offer
 * @import-type Row from Access
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type OnDisk from Store
 */
final class FileChange
{
	/** How often a packet is judged again because its file was published meanwhile. */
	private const MOST_ROUNDS = 3;

	/** Applies the last entry of a packet, which is a file. The folders above it exist. */
	public static function apply(Channel $channel, Packet $packet, string $root): void
	{
		$channelId = $channel->id;
		$hash = $packet->last['hash'];
		$isOurChange = $deservesAnswer = false;
		for ($round = 0; $round < self::MOST_ROUNDS; $round++) {
			/** @var Known $file */
			$file = Revisions::notice($channel, $hash);
			$own = Store::attach($channelId, $hash);
			/** @var ?Attach $accepted */
			$accepted = $own
				? $own + ['term' => Revisions::terms($own)]
				: self::accepted(Queue::find($channelId, $hash, 0));
			$ruling = Arrival::judge($channel, $file, $accepted, $packet, $root);
			if (! $own && $ruling->isOfTheDead()) {
				Announcement::answer($channelId, $hash, true);
				return;
			}
			[$file, $row] = [$ruling->file, $ruling->row];
			if ($own && $accepted) {
				$file = $ruling->rememberingAccess($accepted, Clock::now());
				$own = self::applyMetadata($channel, $own, $packet, $ruling);
			} elseif ($file['state'] === 'gone') {
				$file['state'] = 'unknown';
				Items::forgetDropped($channelId, $packet->items);
			}
			$deservesAnswer = $deservesAnswer || $ruling->deservesAnswer();
			if ($ruling->isOurChange() && ! $isOurChange) {
				// Before anything is recorded or fetched: a worker may have the bytes here before we get to it, and a
				// repeated packet would then show no change.
				$isOurChange = true;
				Withholding::announceOnceHere($channelId, $hash);
			}
			$own ? Revisions::settle($channel, $file) : Revisions::save($file);
			Queue::amend(
				$channelId,
				$hash,
				Access::lists($row)
				+ ['term' => $row['term'], 'folder' => $row['folder'], 'filename' => $row['filename']],
				$packet->folders,
				$channel->hash,
			);
			if (self::stageAll($channel, $packet, $root, $ruling, $own) !== Staging::Overtaken) {
				if ($isOurChange) {
					Withholding::releaseIfHere($channelId, $hash);
				}
				if ($deservesAnswer) {
					Announcement::answer($channelId, $hash, false);
				}
				return;
			}
		}
		throw new Postponed('the file is being published', true);
	}

	/** Requests missing bytes. `Overtaken` if one file was published meanwhile, so that all must be judged again. */
	private static function stageAll(
		Channel $channel,
		Packet $packet,
		string $root,
		Ruling $ruling,
		?array $own,
	): Staging {
		/** @var array<int, Row> $photos By Packet. */
		$photos = $packet->photos;
		$stagings = [];
		$isBehind = $ruling->bytes->verdict->isOurs();
		$needsBytes = ! $isBehind && self::needsBytes($channel, $own, $ruling);
		// Its bytes have arrived, and were not a picture.
		$isPlain = $own && ! $needsBytes && ! (int) $own['is_photo'];
		if ($needsBytes) {
			$stagings[] = self::stage($channel, $packet, $root, $own, 0, $ruling);
		} elseif ($own && isset($photos[0]) && ! $isBehind && ! $isPlain) {
			PhotoRow::write($channel, $own, $ruling->withAccess($photos[0]), (int) $own['filesize'], null);
		}
		foreach ($isBehind || $isPlain ? [] : $photos as $scale => $photo) {
			$photo = $ruling->withAccess($photo);
			$present = $scale > 0 ? Store::photo($channel->id, $packet->last['hash'], $scale) : null;
			if (
				$scale > 0
				&& self::scaleNeedsBytes($present, $photo, ScaleTable::areMade($photos, $scale), $ruling)
			) {
				$stagings[] = self::stage($channel, $packet, $root, $present, $scale, $ruling);
			} elseif ($scale > 0 && $own) {
				PhotoRow::write($channel, $own, $photo, (int) $present['filesize'], null);
			}
		}

		return in_array(Staging::Overtaken, $stagings, true) ? Staging::Overtaken : Staging::Staged;
	}

	/** Returns the last accepted attach row of a file that is still to arrive, or null. */
	private static function accepted(?Transfer $transfer): ?array
	{
		$isToCome = $transfer && in_array($transfer->state, [...Queue::LIVE, TransferState::PARKED], true);

		return $isToCome ? $transfer->fileEntry()['attach'] : null;
	}

	private static function applyMetadata(Channel $channel, array $own, Packet $packet, Ruling $ruling): array
	{
		/** @var array<int, Row> $photos By Packet. */
		$photos = $packet->photos;
		$row = $ruling->row;
		$access = array_intersect_key($row, array_flip(Access::LISTS));
		if (array_diff_assoc($access, $own)) {
			Table::update('attach', $access, ['id' => (int) $own['id']]);
			Table::update('photo', $access, [
				'uid' => (int) $own['uid'],
				'resource_id' => $own['hash'],
				'imgscale <>' => array_keys($photos),
			]);
		}
		foreach ($ruling->access->verdict === Verdict::Stay ? [] : $photos as $scale => $photo) {
			Table::update('photo', array_intersect_key($ruling->withAccess($photo), $access), [
				'uid' => (int) $own['uid'],
				'resource_id' => $own['hash'],
				'imgscale' => $scale,
			]);
		}
		Store::setTerms((int) $own['uid'], (int) $own['id'], $row['term']);
		if ($ruling->isOnlyDated() && $packet->last['edited'] !== substr($own['edited'], 0, 19)) {
			Table::update('attach', ['edited' => $packet->last['edited']], ['id' => (int) $own['id']]);
		}
		if ($ruling->place->verdict->isTheirs()) {
			Relocation::apply($channel, $own, $row['folder'], self::nameFor($own, $row));
		}

		return Store::attach((int) $own['uid'], $own['hash']) ?? throw new Postponed('the file has vanished', true);
	}

	/**
	 * Keeps our `name(N).ext` as long as the plain name is taken by another file of the folder.
	 *
	 * @param AttachRow $own
	 * @param array{folder: string, filename: string, ...} $last
	 */
	private static function nameFor(array $own, array $last): string
	{
		if ($own['filename'] === $last['filename'] && $own['folder'] === $last['folder']) {
			return $own['filename'];
		}
		$free = Store::freeName((int) $own['uid'], $last['folder'], $own['hash'], $last['filename']);

		return $free !== $last['filename']
		&& $own['folder'] === $last['folder']
		&& AttachRow::isNameOrVariant($own['filename'], $last['filename'])
			? $own['filename']
			: $free;
	}

	/** @param ?AttachRow $own */
	private static function needsBytes(Channel $channel, ?array $own, Ruling $ruling): bool
	{
		if (! $own || $ruling->bytes->verdict->isTheirs() || $ruling->file['wanted'] !== []) {
			return true;
		}
		$facts = Store::facts(Store::pathOf($channel, $own));

		return ! $facts || $facts['size_bytes'] !== (int) $own['filesize'];
	}

	private static function scaleNeedsBytes(?array $own, array $photo, bool $isMadeHere, Ruling $ruling): bool
	{
		if (! $own) {
			return true;
		}
		$facts = (int) $own['os_storage']
			? Store::facts(Store::photoPath((int) $own['id']))
			: ['size_bytes' => (int) $own['filesize']];
		if (! $facts || $facts['size_bytes'] !== (int) $own['filesize']) {
			return true;
		}

		if ($isMadeHere) {
			// A scale made here differs in size from the origin's.
			return $ruling->bytes->verdict->isTheirs() || self::isAnotherDate($own, $photo);
		}

		return self::isAnotherVersion($own, $photo);
	}

	private static function isAnotherVersion(array $own, array $theirs): bool
	{
		// A hub whose column is too narrow sends the column's maximum for every larger file.
		$isSameSize =
			$theirs['filesize'] === (int) $own['filesize']
			|| ($theirs['filesize'] === Bounds::COLUMN_END && (int) $own['filesize'] > Bounds::COLUMN_END);

		return (
			self::isAnotherDate($own, $theirs)
			|| (! $isSameSize && ! Clock::isOldNews($theirs['edited'], $own['edited']))
		);
	}

	private static function isAnotherDate(array $own, array $theirs): bool
	{
		return (
			$theirs['edited'] !== substr($own['edited'], 0, 19)
			&& ! Clock::isOldNews($theirs['edited'], $own['edited'])
		);
	}

	private static function stage(
		Channel $channel,
		Packet $packet,
		string $root,
		?array $own,
		int $scale,
		Ruling $ruling,
	): Staging {
		$last = $ruling->row;
		$known = $ruling->bytes->verdict === Verdict::Same
			? Queue::find($channel->id, $last['hash'], 0)
			: null;
		if ($known && in_array($known->state, Queue::LIVE, true)) {
			// A hub dates a moved file by its own clock: hubs with the same bytes may show different dates.
			$last['edited'] = min($last['edited'], $known->edited);
		}
		$base = $scale
			? ($own ? Store::photoPath((int) $own['id']) : null)
			: ($own ? Store::pathOf($channel, $own) : null);
		$obstacle = $scale ? ['', ''] : self::obstacle($channel, $last, (int) ($own['filesize'] ?? 0));
		if (! $scale && $own && $obstacle[0] === '') {
			$obstacle = Brake::atAccept($channel, $root, $own, $packet);
		}

		return Queue::stage(self::wanted(
			$channel,
			$packet,
			$root,
			$scale,
			$ruling,
			$last,
			Store::facts($base),
			$obstacle,
		));
	}

	/**
	 * Returns what the queue is asked for.
	 *
	 * @param Attach            $last     The row that the file is to have.
	 * @param ?OnDisk           $base     The facts of the present bytes, null if there are none.
	 * @param array{string, string} $obstacle The kind and the reason why it is not even requested.
	 */
	public static function wanted(
		Channel $channel,
		Packet $packet,
		string $root,
		int $scale,
		Ruling $ruling,
		array $last,
		?array $base = null,
		array $obstacle = ['', ''],
	): Wanted {
		/** @var ?Row $photo By Packet. */
		$photo = $packet->photos[$scale] ?? null;
		$photo = $photo && $scale === 0 ? $ruling->withAccess($photo) : $photo;

		return new Wanted(
			channelId: $channel->id,
			hash: (string) $last['hash'],
			scale: $scale,
			sizeBytes: (int) ($scale ? $photo['filesize'] : $last['filesize']),
			edited: (string) ($scale ? $photo['edited'] : $last['edited']),
			mimetype: (string) ($scale ? $photo['mimetype'] : $last['filetype']),
			folder: $last['folder'],
			origin: $root,
			nick: $packet->nick,
			names: array_map(strval(...), [...array_column($packet->folders, 'filename'), $last['filename']]),
			entry: $scale
				? ScaleEntry::of($last, $photo, ! $ruling->keepsAccess())
				: ['folders' => $packet->folders, 'attach' => $last, 'photo' => $photo]
				+ ($packet->sha256 === '' ? [] : ['sha256' => $packet->sha256])
				+ ['revision' => $ruling->wanted()],
			base: $base,
			kind: $obstacle[0],
			reason: $obstacle[1],
			isToMake: $scale
			&& ScaleTable::areMade($packet->photos, $scale)
			&& ! GivenScales::areTaken($root, $packet->photos, $scale),
			isLate: Reception::isLate(),
		);
	}

	/**
	 * Returns kind and reason if bytes of that size are not even requested, or two empty strings.
	 *
	 * @return array{string, string}
	 */
	private static function obstacle(Channel $channel, array $last, int $replaced): array
	{
		[$used, $limit] = Store::quota($channel);
		if ($limit !== null) {
			$used += Queue::announcedSum($channel->id, $last['hash']);
			if (($used - $replaced + $last['filesize']) > $limit) {
				return ['quota', "the account's storage limit of $limit bytes would be exceeded"];
			}
		}

		return ['', ''];
	}
}
