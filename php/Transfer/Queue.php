<?php

namespace FileSync\Addon\Transfer;

use FileSync\Addon\Hub\Backoff;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Joins;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Order\Access;
use FileSync\Addon\Outbox\Outbox;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The transfers: one row per channel, hash and photo scale that needs bytes.
 *
 * Every change names the generation, the state and (once leased) the token that it saw, and is read back: an overtaken
 * process notices that and does nothing. A newer packet raises the generation, except while a row is being published;
 * then it waits in `pending`.
 *
 * @import-type Attach from \FileSync\Addon\Protocol\Packet
 * @import-type Columns from Wanted
 * @import-type Intent from Transfer
 * @import-type TransferRow from \FileSync\Addon\Hub\Rows
 *
 * @type Amendment = array{
 *     allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string, folder: string, filename: string,
 *     term: list<array{ttype: int, term: string, url: string}>
 * }
 */
final class Queue
{
	/** @var list<string> States in which the bytes are still to come. */
	public const LIVE = [
		TransferState::STAGED,
		TransferState::WAITING,
		TransferState::TO_MAKE,
		TransferState::LEASED,
		TransferState::VERIFIED,
		TransferState::PUBLISHING,
	];
	/** @var list<string> States of a photo in which its scales wait for it. */
	private const BLOCKING = [...self::LIVE, TransferState::PARKED];
	/** @var list<string> Park reasons that leave our bytes as the newest, so local changes are sent again. */
	public const OURS_STAY = ['conflict', 'NotFound'];
	/** @var list<string> Park reasons that do not stop announcements: our bytes stand, or approval decides that. */
	public const TOLD = [...self::OURS_STAY, self::BRAKE];
	/** The park reason of a transfer whose bytes need approval. */
	public const BRAKE = 'brake';
	public const LEASE_SECONDS = 180;
	/** The park reason that ends automatically once the channel's limit allows the file. */
	public const TOO_LARGE = 'size_limit';
	/** Of files that came together a photo before its scales. */
	private const TURNS = 'priority, next_at, created, scale';
	private const SIZED = 'id, generation, state, length(entry) + length(pending) + length(names) as text_bytes';
	/** So many scales are published together. */
	private const MOST_SCALES = 64;
	/** The maximum of text in rows that are leased together. */
	private const MOST_TEXT_BYTES = 4194304;

	/** Returns a transfer, or null. */
	public static function find(int $channelId, string $hash, int $scale): ?Transfer
	{
		return self::first(['id' => self::id($channelId, $hash, $scale)]);
	}

	private static function first(array $where): ?Transfer
	{
		$row = Table::first('filesync_transfer', $where);

		return $row ? Transfer::of($row) : null;
	}

	/** @return list<Transfer> */
	private static function select(array $where, string $order): array
	{
		return array_map(Transfer::of(...), Table::select('filesync_transfer', $where, $order));
	}

	/** Requests bytes. */
	public static function stage(Wanted $wanted): Staging
	{
		$id = self::id($wanted->channelId, $wanted->hash, $wanted->scale);
		$columns = $wanted->columns();
		for ($try = 0; $try < 5; $try++) {
			$now = Clock::now();
			$fresh = self::staged($wanted, $now);
			$old = self::first(['id' => $id]);
			if (! $old) {
				if (Table::tryInsert('filesync_transfer', ['id' => $id, 'generation' => 1, 'created' => $now]
				+ $fresh)) {
					return Staging::Staged;
				}
				continue;
			}
			$same = $old->announcedBytes() === $wanted->sizeBytes && $old->edited === $wanted->edited;
			$live = in_array($old->state, self::LIVE, true);
			if (
				$wanted->scale > 0
				&& ($live
				|| $old->state === TransferState::PARKED)
				&& ! $same
				&& Clock::isOldNews($wanted->edited, $old->edited)
			) {
				return Staging::Older;
			}
			if ($old->state === TransferState::PUBLISHED && $try > 0) {
				return Staging::Overtaken;
			}
			$seen = ['id' => $id, 'generation' => $old->generation, 'state' => $old->state];
			if ($old->state === TransferState::PUBLISHING) {
				$set = ['pending' => json_encode($columns, JSON_THROW_ON_ERROR)];
			} elseif ($live && $same && $wanted->kind === '') {
				$set =
					array_intersect_key($columns, array_flip([
						'entry',
						'names',
						'origin',
						'nick',
						'folder',
						'mimetype',
					])) + $old->announcedAgain();
			} else {
				$set = ['generation' => $old->generation + 1] + $fresh;
			}
			Table::update('filesync_transfer', $set, $seen);
			$now = Table::first('filesync_transfer', ['id' => $id]);
			if ($now && ! array_diff_assoc(array_map('strval', $set), array_map('strval', $now))) {
				if (isset($set['generation'])) {
					self::removePartial($old);
				}
				return Staging::Staged;
			}
		}
		throw new Postponed('too many processes are changing this transfer at once', true);
	}

	/**
	 * Requests bytes of files of which no transfer is known. Callers make it a part of a transaction.
	 *
	 * @param list<Wanted> $wanted
	 *
	 * @return bool False if there is a transfer of one of them: then roll back.
	 */
	public static function tryStageNew(array $wanted): bool
	{
		$now = Clock::now();

		return Table::tryInsertAll('filesync_transfer', array_map(
			function (Wanted $one) use ($now): array {
				$row =
					['id' => self::id($one->channelId, $one->hash, $one->scale), 'generation' => 1, 'created' => $now]
					+ self::staged($one, $now);
				// Those to be made name their state before others do.
				ksort($row);

				return $row;
			},
			$wanted,
		));
	}

	/** @return array<string, int|string> The columns of a transfer that has just been requested. */
	private static function staged(Wanted $wanted, int $now): array
	{
		return $wanted->columns()
		+ [
			'state' => $wanted->kind === '' ? TransferState::STAGED : TransferState::PARKED,
			'token' => '',
			'lease_until' => 0,
			'attempts' => 0,
			'next_at' => $now,
			'priority' => self::priority($wanted->sizeBytes),
			'pending' => '',
			'sha256' => '',
			'intent' => '',
			'result' => '',
			'updated' => $now,
		];
	}

	/**
	 * Notes bytes that are here already and verified, to be published under a token.
	 *
	 * @param \Closure(string): void $put Puts them where the partial file belongs, whose name it gets.
	 *
	 * @return ?Transfer Null if others are arriving.
	 */
	public static function bring(Wanted $wanted, string $sha256, string $token, \Closure $put): ?Transfer
	{
		$id = self::id($wanted->channelId, $wanted->hash, $wanted->scale);
		$old = self::first(['id' => $id]);
		if ($old && in_array($old->state, self::LIVE, true)) {
			return null;
		}
		$generation = ($old?->generation ?? 0) + 1;
		$put(Transfer::partialOf($wanted->hash, $wanted->scale, $generation) . '.partial');
		$now = Clock::now();
		$row = ['generation' => $generation] + self::brought($wanted, $sha256, $token, $now);
		$old
			? Table::update(
				'filesync_transfer',
				$row,
				['id' => $id, 'generation' => $old->generation, 'state' => $old->state],
			)
			: Table::tryInsert('filesync_transfer', ['id' => $id, 'created' => $now] + $row);
		if ($old) {
			self::removePartial($old);
		}

		return self::first(['id' => $id, 'generation' => $generation, 'token' => $token]);
	}

	/**
	 * Notes files of which no transfer is known, whose verified bytes are at the partial files' place already and are
	 * about to be put in place as their intents say. Callers make it a part of a transaction.
	 *
	 * @param list<array{Wanted, string, Intent}> $files With the digest of each.
	 *
	 * @return ?list<Transfer> In their order. Null if there is a transfer of one of them: then roll back.
	 */
	public static function bringNew(array $files, string $token): ?array
	{
		$now = Clock::now();
		$rows = array_map(
			fn (array $file) => (
				[
					'id' => self::id($file[0]->channelId, $file[0]->hash, $file[0]->scale),
					'created' => $now,
					'generation' => 1,
					'state' => TransferState::PUBLISHING,
					'intent' => json_encode($file[2], JSON_THROW_ON_ERROR),
				] + self::brought($file[0], $file[1], $token, $now)
			),
			$files,
		);

		return Table::tryInsertAll('filesync_transfer', $rows) ? array_map(self::asRead(...), $rows) : null;
	}

	/** @param array<string, int|string> $row With all columns. */
	private static function asRead(array $row): Transfer
	{
		/** @var TransferRow $row */
		return Transfer::of($row);
	}

	/** @return array<string, int|string> The columns of a transfer of verified bytes. */
	private static function brought(Wanted $wanted, string $sha256, string $token, int $now): array
	{
		return [
			'state' => TransferState::VERIFIED,
			'token' => $token,
			'lease_until' => $now + self::LEASE_SECONDS,
			'attempts' => 0,
			'next_at' => $now,
			'priority' => self::priority($wanted->sizeBytes),
			'pending' => '',
			'sha256' => $sha256,
			'intent' => '',
			'result' => json_encode(['rung' => Transfer::FROM_SET, 'proof' => ['sha256']], JSON_THROW_ON_ERROR),
			'updated' => $now,
		] + $wanted->columns();
	}

	/**
	 * Returns the states of the transfers of some files, by hash.
	 *
	 * @param list<string> $hashes
	 *
	 * @return array<string, string>
	 */
	public static function states(int $channelId, array $hashes): array
	{
		$ids = array_map(fn ($hash) => self::id($channelId, $hash, 0), $hashes);
		$rows = $ids ? Table::select('filesync_transfer', ['id' => $ids], '', 0, 'hash, state') : [];

		return array_column($rows, 'state', 'hash');
	}

	/**
	 * Returns those of some files, or of their photos at a scale, whose bytes are arriving.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string>
	 */
	public static function arriving(int $channelId, array $hashes, int $scale): array
	{
		$ids = array_map(fn ($hash) => self::id($channelId, $hash, $scale), $hashes);
		$live = ['id' => $ids, 'state' => self::LIVE];

		return $ids ? array_column(Table::select('filesync_transfer', $live, '', 0, 'hash'), 'hash') : [];
	}

	/**
	 * Returns those of some photos whose scales wait for them.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string>
	 */
	public static function awaited(int $channelId, array $hashes): array
	{
		$blocking = array_filter(
			self::states($channelId, $hashes),
			fn (string $state) => in_array($state, self::BLOCKING, true),
		);

		return array_map(strval(...), array_keys($blocking));
	}

	/** Tells whether a transfer's bytes will replace ours. */
	public static function isWanted(?Transfer $transfer): bool
	{
		return (
			$transfer !== null
			&& in_array($transfer->state, self::BLOCKING, true)
			&& ! ($transfer->state === TransferState::PARKED && in_array($transfer->kind, self::OURS_STAY, true))
		);
	}

	/**
	 * Updates a file's transfers with the name, folder, access and categories that were accepted since.
	 *
	 * @param Amendment    $row
	 * @param list<Attach> $folders
	 */
	public static function amend(int $channelId, string $hash, array $row, array $folders, string $owner): void
	{
		foreach (array_column(
			Table::select(
				'filesync_transfer',
				['uid' => $channelId, 'hash' => $hash, 'state' => self::BLOCKING],
				'',
				0,
				'id',
			),
			'id',
		) as $id) {
			$transfer = Table::first(
				'filesync_transfer',
				['id' => $id, 'state' => self::BLOCKING],
				'',
				'scale, entry, pending',
			);
			if (! $transfer) {
				continue;
			}
			$amended = fn (string $entry) => (int) $transfer['scale'] > 0
				? self::amendedScale($entry, $row)
				: self::amendedFile($entry, $row, $folders, $owner);
			$set = ['folder' => $row['folder'], 'entry' => $amended($transfer['entry'])];
			/** @var ?Columns $pending */
			$pending = json_decode($transfer['pending'], true);
			if ($pending !== null) {
				$set['pending'] = json_encode(
					['entry' => $amended($pending['entry']), 'folder' => $row['folder']] + $pending,
					JSON_THROW_ON_ERROR,
				);
			}
			Table::update('filesync_transfer', $set, ['id' => $id]);
		}
	}

	/** @param Amendment $row */
	private static function amendedScale(string $text, array $row): string
	{
		return json_encode(ScaleEntry::amended(ScaleEntry::decode($text), $row), JSON_THROW_ON_ERROR);
	}

	/**
	 * @param Amendment    $row
	 * @param list<Attach> $folders
	 */
	private static function amendedFile(string $text, array $row, array $folders, string $owner): string
	{
		$entry = Wanted::decode($text);
		$entry['attach'] = $row + $entry['attach'];
		$entry['photo'] = $entry['photo'] ? Access::narrower($entry['photo'], $row, $owner) + $entry['photo'] : null;
		$last = end($folders);
		if (($last['hash'] ?? '') === $row['folder']) {
			$entry['folders'] = $folders;
		}

		return json_encode($entry, JSON_THROW_ON_ERROR);
	}

	/**
	 * Leases due transfers of one channel.
	 *
	 * @param ?\Closure(int, list<Transfer>): list<Transfer> $sift Takes the channel's number and transfers, gives back
	 *     to the queue what may not go on, and returns the others.
	 *
	 * @return list<Transfer>
	 */
	public static function claim(int $channelId, string $token, int $most, ?\Closure $sift = null): array
	{
		do {
			$now = Clock::now();
			$due = Table::rows(
				'filesync_transfer',
				['uid' => $channelId, 'state' => [TransferState::STAGED, TransferState::WAITING], 'next_at <=' => $now],
				self::TURNS,
				$most,
				'id',
			);
			// The text of all that wait would be read only to measure it.
			$due = $due
				? Table::rows(
					'filesync_transfer',
					['id' => array_column($due, 'id'), 'state' => [TransferState::STAGED, TransferState::WAITING]],
					self::TURNS,
					0,
					self::SIZED,
				)
				: [];
			$due = self::fitting($due);
			self::lease($due, $token, $now);
			$mine = $due
				? self::select(
					['id' => array_column($due, 'id'), 'state' => TransferState::LEASED, 'token' => $token],
					self::TURNS,
				)
				: [];
			$free = $sift ? $sift($channelId, $mine) : $mine;
		} while ($mine !== [] && $free === []);

		return $free;
	}

	/**
	 * Leases the scales of a channel that can be made now: their source is no longer arriving.
	 *
	 * @return list<Transfer>
	 */
	public static function claimToMake(int $channelId, string $token, int $most): array
	{
		$now = Clock::now();
		$due = Table::rows(
			Joins::withSource(self::BLOCKING),
			['t.uid' => $channelId, 't.state' => TransferState::TO_MAKE, 't.next_at <=' => $now, 'f.id is' => null],
			't.created, t.hash, t.scale',
			$most,
			't.id, t.generation, t.state, length(t.entry) as text_bytes',
		);
		$due = self::fitting($due);
		self::lease($due, $token, $now);

		return (
			$due
				? self::select(
					['id' => array_column($due, 'id'), 'state' => TransferState::LEASED, 'token' => $token],
					'created, hash, scale',
				)
				: []
		);
	}

	/**
	 * Leases the rows that are as they were seen, those that were alike in one statement.
	 *
	 * @param list<array<string, scalar|null>> $due With id, generation and state.
	 */
	private static function lease(array $due, string $token, int $now): void
	{
		$alike = [];
		foreach ($due as $row) {
			$alike["{$row['state']} {$row['generation']}"][] = $row;
		}
		foreach ($alike as $rows) {
			Table::update(
				'filesync_transfer',
				[
					'state' => TransferState::LEASED,
					'token' => $token,
					'lease_until' => $now + self::LEASE_SECONDS,
					'updated' => $now,
				],
				[
					'id' => array_column($rows, 'id'),
					'generation' => (int) $rows[0]['generation'],
					'state' => $rows[0]['state'],
				],
			);
		}
	}

	/**
	 * Returns the first rows, as many as fit into memory together: at least one.
	 *
	 * @param list<array<string, scalar|null>> $due
	 *
	 * @return list<array<string, scalar|null>>
	 */
	private static function fitting(array $due): array
	{
		$bytes = 0;
		foreach ($due as $n => $row) {
			$bytes += (int) $row['text_bytes'];
			if ($n > 0 && $bytes > self::MOST_TEXT_BYTES) {
				return array_slice($due, 0, $n);
			}
		}

		return $due;
	}

	/**
	 * Extends a worker's leases. Returns id => generation of those that it still holds.
	 *
	 * @return array<string, int>
	 */
	public static function heartbeat(string $token): array
	{
		$where = [
			'token' => $token,
			'state' => [TransferState::LEASED, TransferState::VERIFIED, TransferState::PUBLISHING],
		];
		Table::update('filesync_transfer', ['lease_until' => Clock::now() + self::LEASE_SECONDS], $where);

		return array_map('intval', array_column(
			Table::select('filesync_transfer', $where, '', 0, 'id, generation'),
			'generation',
			'id',
		));
	}

	/**
	 * Moves a transfer to another state if nobody overtook us; returns it as it is now, or null.
	 *
	 * @param array<string, int|string> $set Further columns to change.
	 */
	public static function advance(Transfer $transfer, string $from, string $to, array $set = []): ?Transfer
	{
		$set += ['state' => $to, 'updated' => Clock::now()];
		$where = [
			'id' => $transfer->id,
			'generation' => $transfer->generation,
			'token' => $transfer->token,
			'state' => $from,
		];
		Table::update('filesync_transfer', $set, $where);
		$now = self::first([
			'id' => $transfer->id,
			'generation' => $transfer->generation,
			'token' => $set['token'] ?? $transfer->token,
			'state' => $to,
		]);

		return $now && (! isset($set['intent']) || $now->intentText === $set['intent']) ? $now : null;
	}

	/**
	 * Does what advance() does for many transfers of a worker. Callers make it a part of a transaction.
	 *
	 * @param array<int, array{Transfer, array<string, int|string>}> $transfers Each with the columns to change.
	 *
	 * @return array<int, Transfer> As they are now, without those that were overtaken.
	 */
	public static function advanceAll(array $transfers, string $token, string $from, string $to): array
	{
		self::setAll($transfers, $token, $from, $to);
		$ids = array_map(fn (array $one): string => $one[0]->id, $transfers);
		$now = array_column(self::select(['id' => $ids, 'token' => $token, 'state' => $to], ''), null, 'id');

		return array_filter(array_map(
			fn (array $one): ?Transfer => ($now[$one[0]->id] ?? null)?->generation === $one[0]->generation
				? $now[$one[0]->id]
				: null,
			$transfers,
		));
	}

	/**
	 * Moves those of a worker's transfers to another state that nobody overtook.
	 *
	 * @param array<int, array{Transfer, array<string, int|string>}> $transfers
	 */
	private static function setAll(array $transfers, string $token, string $from, string $to): void
	{
		$alike = [];
		foreach ($transfers as [$transfer, $set]) {
			$alike[$transfer->generation][$transfer->id] = $set + ['state' => $to, 'updated' => Clock::now()];
		}
		foreach ($alike as $generation => $rows) {
			Table::updateEach('filesync_transfer', 'id', $rows, [
				'generation' => $generation,
				'token' => $token,
				'state' => $from,
			]);
		}
	}

	/**
	 * Notes many transfers of a worker as verified, which wait for others and are nobody's. Callers make it a part of a
	 * transaction.
	 *
	 * @param array<int, array{Transfer, array<string, int|string>}> $transfers Each with the columns to change, as for
	 *     advanceAll().
	 */
	public static function leaveVerified(array $transfers, string $token): void
	{
		$free = ['token' => '', 'lease_until' => 0];
		self::setAll(
			array_map(fn (array $one): array => [$one[0], $free + $one[1]], $transfers),
			$token,
			TransferState::LEASED,
			TransferState::VERIFIED,
		);
	}

	/**
	 * Returns the ids of verified scales of some photos that nobody holds, in parts that fit into memory together.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<list<string>>
	 */
	public static function verifiedScales(int $channelId, array $hashes): array
	{
		$parts = [];
		$verified = ['uid' => $channelId, 'state' => TransferState::VERIFIED, 'hash' => $hashes];
		$due = ['lease_until <' => Clock::now(), 'next_at <=' => Clock::now(), 'scale >' => 0] + $verified;
		$rows = $hashes ? Table::rows('filesync_transfer', $due, 'scale, created, id', 0, self::SIZED) : [];
		while ($rows !== []) {
			$part = [];
			foreach (self::fitting(array_slice($rows, 0, self::MOST_SCALES)) as $row) {
				$part[] = (string) $row['id'];
			}
			$parts[] = $part;
			$rows = array_slice($rows, count($part));
		}

		return $parts;
	}

	/**
	 * Holds those of some verified transfers that nobody holds.
	 *
	 * @param list<string> $ids
	 *
	 * @return list<Transfer>
	 */
	public static function holdVerified(array $ids, string $token): array
	{
		$verified = ['id' => $ids, 'state' => TransferState::VERIFIED];
		Table::update(
			'filesync_transfer',
			['token' => $token, 'lease_until' => Clock::now() + self::LEASE_SECONDS],
			['lease_until <' => Clock::now()] + $verified,
		);

		return self::select(['token' => $token] + $verified, 'scale, created, id');
	}

	/**
	 * Puts a transfer back for later after a temporary failure.
	 *
	 * @param bool $isProgress Whether bytes arrived: then its earlier attempts no longer count.
	 */
	public static function retryLater(
		Transfer $transfer,
		string $kind,
		string $reason,
		?int $retryAfter,
		bool $isProgress = false,
	): void {
		$attempts = ($isProgress ? 0 : $transfer->attempts) + 1;
		if ($kind === 'Corrupt' && $attempts >= Config::number('corrupt_attempts')) {
			self::park($transfer, $kind, $reason);
			return;
		}
		self::advance($transfer, $transfer->state, TransferState::WAITING, [
			'token' => '',
			'lease_until' => 0,
			'attempts' => $attempts,
			'next_at' => Clock::now() + self::wait($attempts, $retryAfter),
			'kind' => $kind,
			'reason' => $reason,
			'intent' => '',
		]);
	}

	private static function wait(int $attempts, ?int $retryAfter = null): int
	{
		// A hub that names the time for a retry is believed, at first even if that is soon.
		$first = min(Config::number('retry_first_seconds'), $retryAfter === null ? PHP_INT_MAX : max(1, $retryAfter));

		return max(
			Backoff::doubling($first, 20, Config::number('retry_most_seconds'))->spread($attempts - 1),
			min($retryAfter ?? 0, 86400),
		);
	}

	/**
	 * Records that a hub has more bytes than its packet announced, so that disk space for all is checked: at once, and
	 * with a growing wait if they become more again.
	 */
	public static function restate(Transfer $transfer, int $bytes, string $kind, string $reason): void
	{
		$isAgain = $transfer->announcedBytes() !== $transfer->sizeBytes;
		$attempts = $transfer->attempts + (int) $isAgain;
		self::advance($transfer, $transfer->state, TransferState::WAITING, [
			'token' => '',
			'lease_until' => 0,
			'attempts' => $attempts,
			'next_at' => Clock::now() + ($isAgain ? self::wait($attempts) : 0),
			'size_bytes' => $bytes,
			'priority' => max($transfer->priority, self::priority($bytes)),
			'result' => json_encode(
				[
					'announced_bytes' => $transfer->announcedBytes(),
					'priority' => $transfer->announcedPriority(),
				] + $transfer->result(),
				JSON_THROW_ON_ERROR,
			),
			'kind' => $kind,
			'reason' => $reason,
			'intent' => '',
		]);
	}

	/** Forgets the sizes that hubs have stated beyond the announced ones. */
	public static function forgetStated(array $where): void
	{
		foreach (Table::select(
			'filesync_transfer',
			$where + ['result <>' => ''],
			'',
			0,
			'id, generation, priority, result',
		) as $row) {
			$set = Transfer::announcedIn($row['result'], (int) $row['priority']);
			if ($set !== []) {
				Table::update('filesync_transfer', $set, [
					'id' => $row['id'],
					'generation' => (int) $row['generation'],
					'result' => $row['result'],
				]);
			}
		}
	}

	/** Returns the bytes that the packets of a channel's live files announced, except one's. */
	public static function announcedSum(int $channelId, string $exceptHash): int
	{
		$where = ['uid' => $channelId, 'scale' => 0, 'hash <>' => $exceptHash];
		$sum = Table::sum('filesync_transfer', 'size_bytes', ['state' => self::LIVE] + $where);
		foreach (Table::select(
			'filesync_transfer',
			['state' => [TransferState::STAGED, TransferState::WAITING, TransferState::LEASED], 'result <>' => '']
			+ $where,
			'',
			0,
			'size_bytes, result',
		) as $row) {
			$bytes = (int) $row['size_bytes'];
			$sum -= $bytes - (Transfer::announcedIn($row['result'], 0)['size_bytes'] ?? $bytes);
		}

		return $sum;
	}

	/**
	 * Parks a transfer until a person, another packet or another source revives it. False if we were overtaken.
	 *
	 * @param array<string, int|string> $set Further columns to change.
	 */
	public static function park(Transfer $transfer, string $kind, string $reason, array $set = []): bool
	{
		$isParked =
			self::advance(
				$transfer,
				$transfer->state,
				TransferState::PARKED,
				$set + ['token' => '', 'lease_until' => 0, 'kind' => $kind, 'reason' => $reason, 'intent' => ''],
			) !== null;
		if ($isParked && in_array($kind, self::OURS_STAY, true)) {
			Outbox::release($transfer->channelId, $transfer->hash);
		}

		return $isParked;
	}

	/** Revives transfers that were too large for their channel and no longer are. */
	public static function releaseFitting(): void
	{
		$parked = ['state' => TransferState::PARKED, 'kind' => self::TOO_LARGE];
		foreach (array_column(
			Table::select('filesync_transfer', $parked, '', 0, 'DISTINCT uid'),
			'uid',
		) as $channelId) {
			$limit = Config::numberFor('file_max_bytes', (int) $channelId);
			$fits = $limit ? ['scale' => 0, 'size_bytes <=' => $limit] : [];
			$hashes = array_column(
				Table::select(
					'filesync_transfer',
					['uid' => (int) $channelId] + $parked + $fits,
					'',
					0,
					'DISTINCT hash',
				),
				'hash',
			);
			foreach (array_chunk($hashes, 200) as $some) {
				Table::update(
					'filesync_transfer',
					[
						'state' => TransferState::STAGED,
						'kind' => '',
						'reason' => '',
						'next_at' => Clock::now(),
						'updated' => Clock::now(),
					],
					['uid' => (int) $channelId, 'hash' => $some] + $parked,
				);
			}
		}
	}

	/**
	 * Takes a transfer over from a worker that died while publishing it, or only sleeps; returns it as it is now, or
	 * null.
	 *
	 * The generation rises. The caller must rename the partial file to match, so the previous worker can no longer find
	 * it.
	 */
	public static function takeOver(Transfer $transfer, string $token): ?Transfer
	{
		$set = [
			'generation' => $transfer->generation + 1,
			'token' => $token,
			'lease_until' => Clock::now() + self::LEASE_SECONDS,
		];
		Table::update('filesync_transfer', $set, [
			'id' => $transfer->id,
			'generation' => $transfer->generation,
			'token' => $transfer->token,
			'state' => TransferState::PUBLISHING,
		]);

		return self::first([
			'id' => $transfer->id,
			'generation' => $set['generation'],
			'token' => $token,
			'state' => TransferState::PUBLISHING,
		]);
	}

	/** Tells whether a transfer still carries a worker's token, and extends its lease. */
	public static function isHeld(Transfer $transfer): bool
	{
		$where = [
			'id' => $transfer->id,
			'generation' => $transfer->generation,
			'token' => $transfer->token,
			'state' => [TransferState::LEASED, TransferState::VERIFIED, TransferState::PUBLISHING],
		];
		Table::update('filesync_transfer', ['lease_until' => Clock::now() + self::LEASE_SECONDS], $where);

		return Table::first('filesync_transfer', $where, '', 'id') !== null;
	}

	/** Pauses all transfers of this hub for a while: its disk is full or fails. */
	public static function pause(string $reason): void
	{
		Config::set(
			'storage_paused_until',
			(string) (Clock::now() + Config::number('storage_pause_seconds')),
			'state',
		);
		Config::set('storage_paused_reason', $reason, 'state');
		Log::write('transfers pause: ' . $reason);
	}

	/** Returns the end of the pause, 0 if there is none. */
	public static function pausedUntil(): int
	{
		$until = Config::number('storage_paused_until', 'state');

		// Further away than the length of a pause: the clock was ahead.
		return $until > Clock::now() && $until <= (Clock::now() + max(3600, Config::number('storage_pause_seconds')))
			? $until
			: 0;
	}

	/** Gives unfinished transfers back, or only one; this does not count as a failed attempt. */
	public static function release(string $token, ?string $id = null, int $nextAt = 0): void
	{
		Table::update(
			'filesync_transfer',
			[
				'state' => TransferState::STAGED,
				'token' => '',
				'lease_until' => 0,
				'next_at' => $nextAt,
				'updated' => Clock::now(),
			],
			['token' => $token, 'state' => TransferState::LEASED] + ($id === null ? [] : ['id' => $id]),
		);
	}

	/** Gives back transfers of dead workers, except those that were being published: Publish::recover handles them. */
	public static function recoverLeases(): void
	{
		// Further away than any that we set: the clock was ahead.
		Table::update(
			'filesync_transfer',
			['lease_until' => 0],
			[
				'state' => [TransferState::LEASED, TransferState::VERIFIED, TransferState::PUBLISHING],
				'lease_until >' => Clock::now() + (10 * self::LEASE_SECONDS),
			],
		);
		Table::update(
			'filesync_transfer',
			['state' => TransferState::STAGED, 'token' => '', 'lease_until' => 0],
			['state' => TransferState::LEASED, 'lease_until <' => Clock::now()],
		);
	}

	/** Forgets the transfers of a file and removes the received bytes. */
	public static function drop(int $channelId, string $hash): void
	{
		foreach (Table::select(
			'filesync_transfer',
			['uid' => $channelId, 'hash' => $hash],
			'',
			0,
			'id, hash, scale, generation, state',
		) as $row) {
			if ($row['state'] === TransferState::PUBLISHING) {
				throw new Postponed('the file is being published', true);
			}
			Table::delete('filesync_transfer', ['id' => $row['id']]);
			self::removeFiles($channelId, $row);
		}
	}

	/** Ends a transfer whose bytes are no longer wanted: the present file stands, and may be announced. */
	public static function giveUp(Transfer $transfer): void
	{
		if (self::advance($transfer, $transfer->state, TransferState::DROPPED, ['token' => '', 'lease_until' => 0])) {
			self::removePartial($transfer);
			self::dropScales($transfer->channelId, $transfer->hash);
			Outbox::release($transfer->channelId, $transfer->hash);
		}
	}

	/** Forgets the scales of a photo that is no longer wanted. */
	public static function dropScales(int $channelId, string $hash): void
	{
		foreach (Table::select(
			'filesync_transfer',
			[
				'uid' => $channelId,
				'hash' => $hash,
				'scale >' => 0,
				'state' => [
					TransferState::STAGED,
					TransferState::WAITING,
					TransferState::TO_MAKE,
					TransferState::LEASED,
					TransferState::VERIFIED,
				],
			],
			'',
			0,
			'id, hash, scale, generation',
		) as $row) {
			Table::delete('filesync_transfer', [
				'id' => $row['id'],
				'state' => [
					TransferState::STAGED,
					TransferState::WAITING,
					TransferState::TO_MAKE,
					TransferState::LEASED,
					TransferState::VERIFIED,
				],
			]);
			self::removeFiles($channelId, $row);
		}
	}

	/** @return array{files: int, bytes: int} The number of transfers, and of their bytes. */
	public static function sums(array $where): array
	{
		$sums = Table::rows('filesync_transfer', $where, '', 0, 'count(*) as files, sum(size_bytes) as bytes')[0] ?? [];

		return ['files' => (int) ($sums['files'] ?? 0), 'bytes' => (int) ($sums['bytes'] ?? 0)];
	}

	/** Counts the waiting transfers of a channel's files that were found missing. */
	public static function countWaiting(int $channelId): int
	{
		return Table::count('filesync_transfer', [
			'uid' => $channelId,
			'state' => [TransferState::STAGED, TransferState::WAITING],
			'priority' => Wanted::LATE,
		]);
	}

	/** Tells whether bytes of a file are arriving. */
	public static function isLive(int $channelId, string $hash): bool
	{
		return Table::first(
			'filesync_transfer',
			['uid' => $channelId, 'hash' => $hash, 'state' => self::LIVE],
			'',
			'id',
		) !== null;
	}

	/**
	 * Returns the channels with files to fetch or publish now.
	 *
	 * @return list<int>
	 */
	public static function dueChannels(): array
	{
		$now = Clock::now();
		$due = Table::select(
			'filesync_transfer',
			['state' => [TransferState::STAGED, TransferState::WAITING], 'next_at <=' => $now],
			'',
			0,
			'DISTINCT uid',
		);
		$lost = Table::select(
			'filesync_transfer',
			['state' => [TransferState::LEASED, TransferState::PUBLISHING], 'lease_until <' => $now],
			'',
			0,
			'DISTINCT uid',
		);

		return array_values(array_unique([
			...array_map('intval', array_column([...$due, ...$lost], 'uid')),
			...self::channelsToPublish($now),
			...self::channelsToMake($now),
		]));
	}

	/**
	 * Returns the channels with scales that can be made now.
	 *
	 * @return list<int>
	 */
	public static function channelsToMake(int $now): array
	{
		$due = Table::rows(
			Joins::withSource(self::BLOCKING),
			['t.state' => TransferState::TO_MAKE, 't.next_at <=' => $now, 'f.id is' => null],
			'',
			0,
			'DISTINCT t.uid',
		);

		return array_values(array_map('intval', array_column($due, 'uid')));
	}

	/**
	 * Returns the channels with verified bytes that are due and that nobody is publishing.
	 *
	 * @return list<int>
	 */
	public static function channelsToPublish(int $now): array
	{
		$whole = ['t.state' => TransferState::VERIFIED, 't.lease_until <' => $now, 't.next_at <=' => $now];
		$files = Table::rows('filesync_transfer t', $whole + ['t.scale' => 0], '', 0, 'DISTINCT t.uid');
		$scales = Table::rows(
			Joins::withPhoto(self::BLOCKING),
			$whole + ['t.scale >' => 0, 'f.id is' => null],
			'',
			0,
			'DISTINCT t.uid',
		);

		return array_values(array_map('intval', array_column([...$files, ...$scales], 'uid')));
	}

	/** Returns the join of a table with the live or parked transfers `t` that keep its files from being announced. */
	public static function withholding(string $table, string $channel, string $hash): string
	{
		return Joins::withHolder($table, $channel, $hash, self::LIVE, self::TOLD);
	}

	/**
	 * Returns those of some files whose bytes are arriving or stuck, so that ours are older than the origin's.
	 *
	 * @param list<string> $hashes
	 *
	 * @return list<string>
	 */
	public static function withheld(int $channelId, array $hashes): array
	{
		$where = ['uid' => $channelId, 'hash' => $hashes, 'state' => self::BLOCKING];
		$rows = array_filter(
			$hashes ? Table::select('filesync_transfer', $where, '', 0, 'hash, state, kind') : [],
			fn (array $row) => $row['state'] !== TransferState::PARKED || ! in_array($row['kind'], self::TOLD, true),
		);

		return array_values(array_unique(array_column($rows, 'hash')));
	}

	/** Tells whether a verified transfer is due: the scales of a photo wait for the photo. */
	public static function mayPublish(Transfer $transfer): bool
	{
		$file = $transfer->scale > 0 ? self::find($transfer->channelId, $transfer->hash, 0) : null;

		return ! $file || ! in_array($file->state, self::BLOCKING, true);
	}

	/** Returns when the next retry of anything is due, or null if nothing waits. */
	public static function nextDue(): ?int
	{
		$row = Table::first(
			'filesync_transfer',
			['state' => [TransferState::STAGED, TransferState::WAITING]],
			'',
			'min(next_at) as next_at',
		);

		return isset($row['next_at']) ? (int) $row['next_at'] : null;
	}

	/** Removes the received bytes of a transfer, or only the notes about it. */
	public static function removePartial(Transfer $transfer, bool $onlyNotes = false): void
	{
		self::unlink($transfer->channelId, $transfer->partialName(), $onlyNotes);
	}

	/**
	 * Removes the received bytes of a transfer of which only these columns are known.
	 *
	 * @param array{hash: string, scale: int|string, generation: int|string, ...} $row
	 */
	public static function removeFiles(int $channelId, array $row): void
	{
		$name = Transfer::partialOf(
			hash: $row['hash'],
			scale: (int) $row['scale'],
			generation: (int) $row['generation'],
		);
		self::unlink($channelId, $name);
	}

	/** Removes the received bytes of a finished generation. Another worker's present one is left to that worker. */
	public static function removeOvertaken(Transfer $transfer): void
	{
		$now = Table::first('filesync_transfer', ['id' => $transfer->id], '', 'generation');
		if (! $now || (int) $now['generation'] !== $transfer->generation) {
			self::removePartial($transfer);
		}
	}

	private static function unlink(int $channelId, string $partialName, bool $onlyNotes = false): void
	{
		$base = Store::dataRoot($channelId) . '/' . $partialName;
		foreach ($onlyNotes ? ['.index'] : ['.partial', '.index'] as $end) {
			if (is_file($base . $end)) {
				@unlink($base . $end);
			}
		}
	}

	/** Small files first: the exponent of the size in MiB. */
	private static function priority(int $sizeBytes): int
	{
		return (int) ceil(log(max(1, $sizeBytes / 1048576), 2));
	}

	private static function id(int $channelId, string $hash, int $scale): string
	{
		return hash('sha256', "$channelId\n$hash\n$scale");
	}
}
