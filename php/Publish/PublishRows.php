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
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\ScaleEntry;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** Commits the rows of a published file, all in one transaction that calls no core function. */
final class PublishRows
{
	/** The largest photo scale, in bytes, that may go into the database. */
	private const DATABASE_BYTES = 16777215;

	/**
	 * Commits. Nothing is written unless the outcome is `Published`.
	 *
	 * @param ?array $kept The row of the displaced bytes.
	 * @param ?array $stat The facts of the live file, if it surely holds the verified bytes.
	 */
	public static function commit(Channel $channel, array $row, array $intent, ?array $kept, ?array $stat): Outcome
	{
		return Table::transaction(
			function () use ($channel, $row, $intent, $kept, $stat): Outcome {
				$now = self::fence($row);
				if (! $now) {
					return Outcome::Overtaken;
				}
				$pending = $now['pending'] === '' ? null : json_decode($now['pending'], true);
				$isSameVersion =
					$pending
					&& $pending['size_bytes'] === (int) $now['size_bytes']
					&& $pending['edited'] === $now['edited'];
				$entry = json_decode($isSameVersion ? $pending['entry'] : $now['entry'], true);
				$outcome = (int) $now['scale'] > 0
					? self::writeScale($channel, $now, $entry, $intent)
					: self::writeFile($channel, $now, $entry, $intent);
				if ($outcome !== Outcome::Published) {
					return $outcome;
				}
				if ((int) $now['scale'] === 0 || Store::keepsThumbnailsAsFiles()) {
					Digests::publish($now, $stat);
				}
				if ((int) $now['scale'] === 0) {
					Revisions::published(
						$channel,
						$now['hash'],
						$entry['revision'] ?? null,
						(int) $now['size_bytes'],
						$now['edited'],
						$entry['attach']['edited'],
						$now['sha256'],
					);
				}
				if ($kept) {
					Table::insert('filesync_kept', $kept);
				}
				if ($kept && $kept['why'] === 'conflict') {
					Outbox::add((int) $now['uid'], 'conflict', $now['hash'], $kept['id'], false, $kept['id']);
				}
				if ($pending && ! $isSameVersion) {
					self::restage($now, $pending);
				} else {
					Outbox::release((int) $now['uid'], $now['hash']);
				}

				return Outcome::Published;
			},
			fn (Outcome $outcome) => $outcome === Outcome::Published,
		);
	}

	/** Ends the transfer row first: that locks it, and shows whether it is still ours. Null if it is not. */
	private static function fence(array $row): ?array
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
				'id' => $row['id'],
				'generation' => (int) $row['generation'],
				'token' => $row['token'],
				'state' => TransferState::PUBLISHING,
			],
		);

		return Table::first('filesync_transfer', ['id' => $row['id'], 'token' => $done]);
	}

	private static function writeFile(Channel $channel, array $row, array $entry, array $intent): Outcome
	{
		$own = Store::attach((int) $row['uid'], $row['hash']);
		if (! $own && $intent['had_row']) {
			return Outcome::Deleted;
		}
		if ($own && self::isMoved($channel, $own, $intent['target'])) {
			return Outcome::Moved;
		}
		$facts = AttachRow::contents(
			$entry['attach']['filetype'],
			(int) $row['size_bytes'],
			$row['edited'],
			! $intent['is_plain'] && $entry['attach']['is_photo'],
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
				(int) $row['uid'],
				$entry['attach']['folder'],
				$row['hash'],
				$entry['attach']['filename'],
			);
			$place = Store::place($channel, $entry['attach']['folder'], $row['hash'], $name);
			if (! $place || $place['content'] !== $intent['target']) {
				return Outcome::Moved;
			}
			Table::insert(
				'attach',
				AttachRow::columns($channel, $entry['attach'], $place, $name) + $facts,
			);
			$inserted = Store::attach((int) $row['uid'], $row['hash']);
			Store::setTerms((int) $row['uid'], (int) $inserted['id'], $entry['attach']['term']);
		}
		$own = Store::attach((int) $row['uid'], $row['hash']);
		if ($intent['is_plain']) {
			Table::delete('photo', ['uid' => (int) $row['uid'], 'resource_id' => $row['hash'], 'imgscale' => 0]);
		} elseif ($entry['photo']) {
			PhotoRow::write(
				$channel,
				$own,
				self::withAccess($own, $entry),
				(int) $row['size_bytes'],
				$intent['target'],
			);
		}
		self::dateFolders($row, $entry['folders']);
		Outbox::add((int) $row['uid'], 'preview', $row['hash']);
		if ((int) $own['flags'] & 1 || $own['allow_cid'] === '<' . $channel->hash . '>') {
			Outbox::add((int) $row['uid'], 'access', $row['hash']);
		}

		return Outcome::Published;
	}

	/**
	 * Sets the dates of the folders above as the origin did when the file changed there; core does the same for every
	 * local change.
	 */
	private static function dateFolders(array $row, array $folders): void
	{
		foreach ($folders as $folder) {
			Table::update(
				'attach',
				['edited' => $folder['edited']],
				['uid' => (int) $row['uid'], 'hash' => $folder['hash'], 'is_dir' => 1, 'edited <' => $folder['edited']],
			);
		}
	}

	private static function writeScale(Channel $channel, array $row, array $entry, array $intent): Outcome
	{
		$own = Store::attach((int) $row['uid'], $row['hash']);
		if (! $own) {
			return Outcome::Deleted;
		}
		if (Store::keepsThumbnailsAsFiles()) {
			if (self::isMoved($channel, $own, substr($intent['target'], 0, -strlen('-' . (int) $row['scale'])))) {
				return Outcome::Moved;
			}
			PhotoRow::write(
				$channel,
				$own,
				ScaleEntry::photo($entry, $own, $channel->hash),
				(int) $row['size_bytes'],
				$intent['target'],
			);

			return Outcome::Published;
		}
		if ((int) $row['size_bytes'] > self::DATABASE_BYTES) {
			throw new \RuntimeException('a photo scale is too large for the database');
		}
		$bytes = file_get_contents(Store::dataRoot((int) $row['uid']) . '/' . Queue::partialName($row) . '.partial');
		if ($bytes === false || hash('sha256', $bytes) !== $row['sha256']) {
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

	/** Returns the photo row of an entry with the file's present access, if that was changed since. */
	private static function withAccess(array $own, array $entry): array
	{
		$access = array_intersect_key($own, array_flip(Access::LISTS));

		return array_diff_assoc($access, $entry['attach']) ? $access + $entry['photo'] : $entry['photo'];
	}

	private static function isMoved(Channel $channel, array $own, string $target): bool
	{
		$path = Store::pathOf($channel, $own);

		return $path !== null && $path !== $target;
	}

	/** A newer packet arrived while this version was being published: its transfer begins now. */
	private static function restage(array $row, array $pending): void
	{
		Table::update(
			'filesync_transfer',
			$pending
			+ [
				'generation' => (int) $row['generation'] + 1,
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
			['id' => $row['id']],
		);
	}
}
