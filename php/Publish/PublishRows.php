<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\AttachRow;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\PhotoRow;
use FileSync\Addon\Transfer\ScaleEntry;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Addon\Transfer\Wanted;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Commits the rows of a published file, all in one transaction that calls no core function.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type KeptRow from \FileSync\Addon\Hub\Rows
 * @import-type Attach from \FileSync\Addon\Protocol\Packet
 * @import-type Photo from \FileSync\Addon\Protocol\Packet
 * @import-type Stat from \FileSync\Addon\Storage\Facts
 * @import-type Scale from ScaleEntry
 * @import-type Intent from Transfer
 * @import-type Columns from Wanted
 * @import-type FileEntry from Wanted
 */
final class PublishRows
{
	/** The largest photo scale, in bytes, that may go into the database. */
	private const DATABASE_BYTES = 16777215;

	/**
	 * Commits. Nothing is written unless the outcome is `Published`.
	 *
	 * @param Intent   $intent
	 * @param ?KeptRow $kept The row of the displaced bytes.
	 * @param ?Stat    $stat The facts of the live file, if it surely holds the verified bytes.
	 */
	public static function commit(
		Channel $channel,
		Transfer $transfer,
		array $intent,
		?array $kept,
		?array $stat,
	): Outcome {
		return Table::transaction(
			function () use ($channel, $transfer, $intent, $kept, $stat): Outcome {
				$now = self::fence($transfer);
				if (! $now) {
					return Outcome::Overtaken;
				}
				$pending = $now->pending();
				$isSameVersion =
					$pending !== null
					&& $pending['size_bytes'] === $now->sizeBytes
					&& $pending['edited'] === $now->edited;
				$text = $pending && $isSameVersion ? $pending['entry'] : $now->entryText;
				$outcome = $now->scale > 0
					? self::writeScale($channel, $now, ScaleEntry::decode($text), $intent)
					: self::writeFile($channel, $now, Wanted::decode($text), $intent);
				if ($outcome !== Outcome::Published) {
					return $outcome;
				}
				if ($now->scale === 0 || Store::keepsThumbnailsAsFiles()) {
					Digests::publish($now, $stat);
				}
				if ($now->scale === 0) {
					$entry = Wanted::decode($text);
					Revisions::published(
						$channel,
						$now->hash,
						$entry['revision'] ?? null,
						$now->sizeBytes,
						$now->edited,
						$entry['attach']['edited'],
						$now->sha256,
					);
				}
				if ($kept) {
					Table::insert('filesync_kept', $kept);
				}
				if ($kept && $kept['why'] === 'conflict') {
					Outbox::add($now->channelId, 'conflict', $now->hash, $kept['id'], false, $kept['id']);
				}
				if ($pending && ! $isSameVersion) {
					self::restage($now, $pending);
				} else {
					Outbox::release($now->channelId, $now->hash);
				}

				return Outcome::Published;
			},
			fn (Outcome $outcome) => $outcome === Outcome::Published,
		);
	}

	/** Ends the transfer first: that locks its row, and shows whether it is still ours. Null if it is not. */
	private static function fence(Transfer $transfer): ?Transfer
	{
		$done = Token::make();
		Table::update(
			'filesync_transfer',
			[
				'state' => TransferState::PUBLISHED,
				'token' => $done,
				'lease_until' => 0,
				'kind' => '',
				'reason' => '',
				'updated' => Clock::now(),
			],
			[
				'id' => $transfer->id,
				'generation' => $transfer->generation,
				'token' => $transfer->token,
				'state' => TransferState::PUBLISHING,
			],
		);

		$row = Table::first('filesync_transfer', ['id' => $transfer->id, 'token' => $done]);

		return $row ? Transfer::of($row) : null;
	}

	/**
	 * @param FileEntry $entry
	 * @param Intent    $intent
	 */
	private static function writeFile(Channel $channel, Transfer $transfer, array $entry, array $intent): Outcome
	{
		$own = Store::attach($transfer->channelId, $transfer->hash);
		if (! $own && $intent['had_row']) {
			return Outcome::Deleted;
		}
		if ($own && self::isMoved($channel, $own, $intent['target'])) {
			return Outcome::Moved;
		}
		$facts = AttachRow::contents(
			$entry['attach']['filetype'],
			$transfer->sizeBytes,
			$transfer->edited,
			empty($intent['is_plain']) && $entry['attach']['is_photo'],
		);
		if ($own) {
			Table::update(
				'attach',
				$facts
				+ [
					'os_storage' => 1,
					'content' => $intent['target'],
					'os_path' => substr($intent['target'], strlen(Store::root($channel)) + 1),
				],
				['id' => (int) $own['id']],
			);
		} else {
			$name = Store::freeName(
				$transfer->channelId,
				$entry['attach']['folder'],
				$transfer->hash,
				$entry['attach']['filename'],
			);
			$place = Store::place($channel, $entry['attach']['folder'], $transfer->hash, $name);
			if (! $place || $place['content'] !== $intent['target']) {
				return Outcome::Moved;
			}
			Table::insert(
				'attach',
				AttachRow::columns($channel, $entry['attach'], $place, $name) + $facts,
			);
			Store::setTerms($transfer->channelId, (int) self::own($transfer)['id'], $entry['attach']['term']);
		}
		$own = self::own($transfer);
		if (! empty($intent['is_plain'])) {
			Table::delete('photo', ['uid' => $transfer->channelId, 'resource_id' => $transfer->hash, 'imgscale' => 0]);
		} elseif ($entry['photo']) {
			PhotoRow::write(
				$channel,
				$own,
				self::withAccess($own, $entry['attach'], $entry['photo']),
				$transfer->sizeBytes,
				$intent['target'],
			);
		}
		self::dateFolders($transfer, $entry['folders']);
		Outbox::add($transfer->channelId, 'preview', $transfer->hash);
		if ((int) $own['flags'] & 1 || $own['allow_cid'] === '<' . $channel->hash . '>') {
			Outbox::add($transfer->channelId, 'access', $transfer->hash);
		}

		return Outcome::Published;
	}

	/**
	 * Sets the dates of the folders above as the origin did when the file changed there; core does the same for every
	 * local change.
	 *
	 * @param list<Attach> $folders
	 */
	private static function dateFolders(Transfer $transfer, array $folders): void
	{
		foreach ($folders as $folder) {
			Table::update(
				'attach',
				['edited' => $folder['edited']],
				[
					'uid' => $transfer->channelId,
					'hash' => $folder['hash'],
					'is_dir' => 1,
					'edited <' => $folder['edited'],
				],
			);
		}
	}

	/**
	 * @param Scale  $entry
	 * @param Intent $intent
	 */
	private static function writeScale(Channel $channel, Transfer $transfer, array $entry, array $intent): Outcome
	{
		$own = Store::attach($transfer->channelId, $transfer->hash);
		if (! $own) {
			return Outcome::Deleted;
		}
		if (Store::keepsThumbnailsAsFiles()) {
			if (self::isMoved($channel, $own, substr($intent['target'], 0, -strlen('-' . $transfer->scale)))) {
				return Outcome::Moved;
			}
			PhotoRow::write(
				$channel,
				$own,
				ScaleEntry::photo($entry, $own, $channel->hash),
				$transfer->sizeBytes,
				$intent['target'],
			);

			return Outcome::Published;
		}
		if ($transfer->sizeBytes > self::DATABASE_BYTES) {
			throw new \RuntimeException('a photo scale is too large for the database');
		}
		$bytes = file_get_contents(Store::dataRoot($transfer->channelId) . '/' . $transfer->partialName() . '.partial');
		if ($bytes === false || hash('sha256', $bytes) !== $transfer->sha256) {
			throw new \RuntimeException('the bytes of a photo scale differ from the verified ones');
		}
		PhotoRow::write(
			$channel,
			$own,
			ScaleEntry::photo($entry, $own, $channel->hash),
			strlen($bytes),
			$bytes,
			true,
		);

		return Outcome::Published;
	}

	/**
	 * Returns the photo row of an entry with the file's present access, if that was changed since.
	 *
	 * @param AttachRow $own
	 * @param Attach    $attach
	 * @param Photo     $photo
	 *
	 * @return Photo
	 */
	private static function withAccess(array $own, array $attach, array $photo): array
	{
		$access = Access::lists($own);

		return $access === Access::lists($attach) ? $photo : $access + $photo;
	}

	/** @return AttachRow */
	private static function own(Transfer $transfer): array
	{
		return (
			Store::attach($transfer->channelId, $transfer->hash) ?? throw new \RuntimeException(
				'the row of a published file cannot be read',
			)
		);
	}

	/** @param AttachRow $own */
	private static function isMoved(Channel $channel, array $own, string $target): bool
	{
		$path = Store::pathOf($channel, $own);

		return $path !== null && $path !== $target;
	}

	/**
	 * A newer packet arrived while this version was being published: its transfer begins now.
	 *
	 * @param Columns $pending
	 */
	private static function restage(Transfer $transfer, array $pending): void
	{
		Table::update(
			'filesync_transfer',
			$pending
			+ [
				'generation' => $transfer->generation + 1,
				'state' => $pending['kind'] === '' ? TransferState::STAGED : TransferState::PARKED,
				'token' => '',
				'lease_until' => 0,
				'attempts' => 0,
				'next_at' => Clock::now(),
				'pending' => '',
				'sha256' => '',
				'intent' => '',
				'result' => '',
			],
			['id' => $transfer->id],
		);
	}
}
