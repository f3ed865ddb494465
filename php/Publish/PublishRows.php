<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Joins;
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

	/**
	 * Commits many files of which nothing is here, in one transaction that calls no core function. Callers hold the
	 * channel's Turn.
	 *
	 * @param non-empty-list<Placed> $files
	 *
	 * @return bool False, and nothing is written, if anything has come between.
	 */
	public static function commitNew(Channel $channel, string $token, array $files): bool
	{
		$hashes = array_map(fn (Placed $file): string => $file->transfer->hash, $files);

		return Table::transaction(
			fn (): bool => (
				self::fenceNew($files, $token)
				&& Store::attachSome($channel->id, $hashes, 'hash') === []
				&& self::insertNew($channel, $files)
				&& self::recordNew($channel, $files, $hashes)
			),
			fn (bool $isGood) => $isGood,
		);
	}

	/**
	 * Commits many scales of which nothing is here, in one transaction that calls no core function.
	 *
	 * @param non-empty-list<Placed> $scales
	 *
	 * @return bool False, and nothing is written, if anything has come between.
	 */
	public static function commitNewScales(Channel $channel, string $token, array $scales): bool
	{
		return Table::transaction(
			fn (): bool => self::fenceNew($scales, $token) && self::insertScales($channel, $scales),
			fn (bool $isGood) => $isGood,
		);
	}

	/**
	 * Writes the rows of new scales; false if one has a row already, or belongs elsewhere.
	 *
	 * @param non-empty-list<Placed> $scales
	 */
	private static function insertScales(Channel $channel, array $scales): bool
	{
		$hashes = array_values(array_unique(array_map(fn (Placed $one): string => $one->transfer->hash, $scales)));
		$photos = Store::attachSome($channel->id, $hashes) ?? [];
		$here = PhotoRow::here($channel->id, $hashes);
		$rows = $files = [];
		foreach ($scales as $one) {
			$transfer = $one->transfer;
			$own = $photos[$transfer->hash] ?? null;
			$photo = $own ? Store::pathOf($channel, $own) : null;
			if (
				! $own
				|| in_array($transfer->scale, $here[$transfer->hash] ?? [], true)
				|| $one->target !== "$photo-$transfer->scale"
			) {
				return false;
			}
			$scale = ScaleEntry::photo($transfer->scaleEntry(), $own, $channel->hash);
			$rows[] = PhotoRow::fresh($channel, $own, $scale, $transfer->sizeBytes, $one->target);
			$files[] = [$transfer, $one->stat];
		}
		if (! Table::tryInsertAll('photo', $rows)) {
			throw new \RuntimeException('cannot insert into table photo');
		}
		Digests::publishAll($files);
		Outbox::releaseAll($channel->id, $hashes);

		return true;
	}

	/**
	 * Ends the transfers; false unless all are still ours, none was overtaken by another version, and nothing else was
	 * accepted of one meanwhile, such as its access.
	 *
	 * @param non-empty-list<Placed> $files
	 */
	private static function fenceNew(array $files, string $token): bool
	{
		$done = Token::make();
		$ids = array_map(fn (Placed $file): string => $file->transfer->id, $files);
		Table::update('filesync_transfer', self::ended($done), [
			'id' => $ids,
			'generation' => 1,
			'token' => $token,
			'state' => TransferState::PUBLISHING,
			'pending' => '',
		]);

		$ours = Table::select('filesync_transfer', ['id' => $ids, 'token' => $done], '', 0, 'id, entry');
		$entries = array_column($ours, 'entry', 'id');
		foreach ($files as $file) {
			if (($entries[$file->transfer->id] ?? null) !== $file->transfer->entryText) {
				return false;
			}
		}

		return true;
	}

	/**
	 * Writes the rows of new files; false if the place of one is not its target.
	 *
	 * @param non-empty-list<Placed> $files
	 */
	private static function insertNew(Channel $channel, array $files): bool
	{
		$rows = $hashes = $chains = $terms = [];
		foreach ($files as $file) {
			$transfer = $file->transfer;
			['attach' => $attach, 'photo' => $photo] = $transfer->fileEntry();
			$chains[$attach['folder']] ??= Store::chain($channel->id, $attach['folder']) ?? false;
			$chain = $chains[$attach['folder']];
			$place = $chain === false
				? null
				: Store::placeIn($channel, $chain, $transfer->hash, $attach['filename']);
			if (! $place || $place['content'] !== $file->target) {
				return false;
			}
			$rows[] =
				AttachRow::columns($channel, $attach, $place, $attach['filename'])
				+ AttachRow::contents($attach['filetype'], $transfer->sizeBytes, $transfer->edited, $photo !== null);
			$hashes[] = $transfer->hash;
			if ($attach['term'] !== []) {
				$terms[] = [$transfer, $attach['term']];
			}
		}
		if (! Table::tryInsertAll('attach', $rows)) {
			throw new \RuntimeException('cannot insert into table attach');
		}
		self::numberNames($channel, $hashes);
		foreach ($terms as [$transfer, $some]) {
			Store::setTerms($channel->id, (int) self::own($transfer)['id'], $some);
		}

		return true;
	}

	/**
	 * Records new files whose rows are written, and requests what follows.
	 *
	 * @param non-empty-list<Placed> $files
	 * @param list<string>           $hashes
	 */
	private static function recordNew(Channel $channel, array $files, array $hashes): bool
	{
		$rows = Store::attachSome($channel->id, $hashes) ?? [];
		self::insertPhotos($channel, $files, $rows);
		$known = Revisions::some($channel->id, $hashes);
		Digests::publishAll(array_map(fn (Placed $file): array => [$file->transfer, $file->stat], $files));
		$records = $private = $folders = [];
		foreach ($files as $file) {
			$transfer = $file->transfer;
			$entry = $transfer->fileEntry();
			$own = $rows[$transfer->hash];
			$shown = Revisions::shown(
				$known[$transfer->hash] ?? Revisions::unknown($channel->id, $transfer->hash),
				$entry['revision'] ?? null,
				$transfer->sizeBytes,
				$transfer->edited,
				$entry['attach']['edited'],
				$transfer->sha256,
			);
			$terms = $entry['attach']['term'] === [] ? [] : Revisions::terms($own);
			$records[] = Revisions::settled($channel, $shown, $own, $terms);
			if (self::needsAccess($channel, $own)) {
				$private[] = $transfer->hash;
			}
			foreach ($entry['folders'] as $folder) {
				$latest = $folders[$folder['hash']] ?? $folder;
				$folders[$folder['hash']] = $latest['edited'] < $folder['edited'] ? $folder : $latest;
			}
		}
		Revisions::saveSome($channel->id, $records);
		self::dateFolders($channel->id, array_values($folders));
		Outbox::addAll($channel->id, 'preview', $hashes);
		Outbox::addAll($channel->id, 'access', $private);
		Outbox::releaseAll($channel->id, $hashes);

		return true;
	}

	/**
	 * Writes the rows of the photos among new files.
	 *
	 * @param non-empty-list<Placed>   $files
	 * @param array<string, AttachRow> $own By hash.
	 */
	private static function insertPhotos(Channel $channel, array $files, array $own): void
	{
		$rows = [];
		foreach ($files as $file) {
			['attach' => $attach, 'photo' => $photo] = $file->transfer->fileEntry();
			$mine = $own[$file->transfer->hash];
			if ($photo !== null) {
				$photo = self::withAccess($mine, $attach, $photo);
				$rows[] = PhotoRow::fresh($channel, $mine, $photo, $file->transfer->sizeBytes, $file->target);
			}
		}
		if (! Table::tryInsertAll('photo', $rows)) {
			throw new \RuntimeException('cannot insert into table photo');
		}
	}

	/**
	 * Gives new files another name if an older one has theirs.
	 *
	 * @param list<string> $hashes
	 */
	private static function numberNames(Channel $channel, array $hashes): void
	{
		foreach (Table::rows(
			Joins::withNamesake(),
			['a.uid' => $channel->id, 'a.hash' => $hashes],
			'a.id',
			0,
			'DISTINCT a.id, a.hash, a.folder, a.filename',
		) as $row) {
			$name = Store::freeName(
				$channel->id,
				(string) $row['folder'],
				(string) $row['hash'],
				(string) $row['filename'],
			);
			$place = Store::place($channel, (string) $row['folder'], (string) $row['hash'], $name);
			if ($place) {
				Table::update(
					'attach',
					['filename' => $name, 'display_path' => $place['display_path']],
					['id' => (int) $row['id']],
				);
			}
		}
	}

	/** @return array<string, int|string> The columns of a transfer that has ended. */
	private static function ended(string $done): array
	{
		return [
			'state' => TransferState::PUBLISHED,
			'token' => $done,
			'lease_until' => 0,
			'kind' => '',
			'reason' => '',
			'updated' => Clock::now(),
		];
	}

	/** Ends the transfer first: that locks its row, and shows whether it is still ours. Null if it is not. */
	private static function fence(Transfer $transfer): ?Transfer
	{
		$done = Token::make();
		Table::update(
			'filesync_transfer',
			self::ended($done),
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
			$own = self::own($transfer);
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
			$own = self::own($transfer);
			Store::setTerms($transfer->channelId, (int) $own['id'], $entry['attach']['term']);
		}
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
		self::dateFolders($transfer->channelId, $entry['folders']);
		Outbox::add($transfer->channelId, 'preview', $transfer->hash);
		if (self::needsAccess($channel, $own)) {
			Outbox::add($transfer->channelId, 'access', $transfer->hash);
		}

		return Outcome::Published;
	}

	/**
	 * Tells whether the posts of a file must get the file's access.
	 *
	 * @param AttachRow $own
	 */
	private static function needsAccess(Channel $channel, array $own): bool
	{
		return (int) $own['flags'] & 1 || $own['allow_cid'] === '<' . $channel->hash . '>';
	}

	/**
	 * Sets the dates of the folders above as the origin did when the file changed there; core does the same for every
	 * local change.
	 *
	 * @param list<Attach> $folders
	 */
	private static function dateFolders(int $channelId, array $folders): void
	{
		foreach ($folders as $folder) {
			Table::update(
				'attach',
				['edited' => $folder['edited']],
				[
					'uid' => $channelId,
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
