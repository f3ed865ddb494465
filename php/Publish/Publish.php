<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Backoff;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\FolderChange;
use FileSync\Addon\Revision\Fate;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Storage\Facts;
use FileSync\Addon\Storage\Placement;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;
use FileSync\Exception\FileSyncException;
use FileSync\Exception\StorageException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Puts a verified file in place: intent, exchange, rows, in this order; recover() continues from wherever that was
 * interrupted.
 *
 * The partial file and the live file are exchanged in one step, so the live path always has a whole file. Until the
 * rows are committed, the displaced bytes have the partial's name; then they move to the kept files.
 *
 * @import-type Intent from Transfer
 * @import-type Stat from Facts
 */
final class Publish
{
	private const MOST_ATTEMPTS = 5;

	private readonly int $channelId;
	private readonly Placement $place;

	/**
	 * @param string            $token The token in this worker's rows.
	 * @param \Closure(): void $beat  Renews the worker's leases during long reads.
	 */
	public function __construct(private readonly Channel $channel, private readonly string $token, \Closure $beat)
	{
		$this->channelId = $channel->id;
		$this->place = new Placement($channel, $beat);
	}

	/**
	 * Publishes all verified transfers of the channel that nobody holds, or only those of one file. The file itself
	 * goes before its scales.
	 *
	 * @param ?\Closure(): bool $isOver Called before each; true postpones the rest.
	 */
	public function publishVerified(?string $hash = null, ?\Closure $isOver = null): void
	{
		$where =
			[
				'uid' => $this->channelId,
				'state' => TransferState::VERIFIED,
				'lease_until <' => Clock::now(),
				'next_at <=' => Clock::now(),
			] + ($hash === null ? [] : ['hash' => $hash]);
		foreach (array_column(Table::select('filesync_transfer', $where, 'scale, created', 0, 'id'), 'id') as $id) {
			if ($isOver && $isOver()) {
				return;
			}
			$found = Table::first('filesync_transfer', ['id' => $id] + $where);
			$transfer = $found ? Transfer::of($found) : null;
			if (! $transfer || ! Queue::mayPublish($transfer)) {
				continue;
			}
			$mine = Queue::advance($transfer, TransferState::VERIFIED, TransferState::VERIFIED, [
				'token' => $this->token,
				'lease_until' => Clock::now() + Queue::LEASE_SECONDS,
			]);
			if ($mine) {
				$this->publish($mine);
			}
		}
	}

	/** Publishes a verified row that carries our token. */
	public function publish(Transfer $transfer): void
	{
		try {
			if (! Queue::mayPublish($transfer)) {
				Queue::advance($transfer, TransferState::VERIFIED, TransferState::VERIFIED, [
					'token' => '',
					'lease_until' => 0,
				]);
				return;
			}
			$prepared = $this->prepare($transfer);
			if ($prepared && $transfer->scale > 0 && ! Store::keepsThumbnailsAsFiles()) {
				$this->publishIntoDatabase($transfer, $prepared['target']);
			} elseif ($prepared) {
				$this->begin($transfer, ...$prepared);
			}
		} catch (\Throwable $e) {
			$this->postpone($transfer, $e);
		}
	}

	/** Completes or reverts what a dead worker was publishing. */
	public function recover(): void
	{
		$where = ['uid' => $this->channelId, 'state' => TransferState::PUBLISHING, 'lease_until <' => Clock::now()];
		foreach (array_column(Table::select('filesync_transfer', $where, 'scale', 0, 'id'), 'id') as $id) {
			$old = Table::first('filesync_transfer', ['id' => $id] + $where);
			$transfer = $old ? Queue::takeOver(Transfer::of($old), $this->token) : null;
			if (! $transfer) {
				continue;
			}
			try {
				$this->place->fence($transfer);
				$this->recoverRow($transfer, $transfer->intent() ?? throw new \RuntimeException('there is no intent'));
			} catch (\Throwable $e) {
				$this->postpone($transfer, $e);
			}
		}
	}

	/** Goes on with a publish that carries our token, from wherever it is. */
	public function resume(Transfer $transfer): void
	{
		try {
			$this->recoverRow($transfer, $transfer->intent() ?? throw new \RuntimeException('there is no intent'));
			$this->publishVerified($transfer->hash);
		} catch (\Throwable $e) {
			$this->postpone($transfer, $e);
		}
	}

	/**
	 * Returns the hub-relative path for the bytes, and whether the file has a row here; null if they are no longer
	 * wanted, and the transfer was ended.
	 *
	 * @return ?array{target: string, hasRow: bool}
	 */
	private function prepare(Transfer $transfer): ?array
	{
		$entry = $transfer->fileEntry();
		$own = Store::attach($this->channelId, $transfer->hash);
		if (! $own && $transfer->scale > 0) {
			Queue::park($transfer, 'NotFound', 'the photo itself is missing here');
			return null;
		}
		if ($own && (int) $own['is_dir']) {
			Queue::park($transfer, 'Refused', 'a folder has this hash');
			return null;
		}
		if (! $own) {
			Turn::take($this->channelId, fn () => FolderChange::createMissing($this->channel, $entry['folders']));
		}
		$target =
			($own ? Store::pathOf($this->channel, $own) : null) ?? Store::place(
					$this->channel,
					$own['folder'] ?? $entry['attach']['folder'],
					$transfer->hash,
					$transfer->hash,
				)['content'] ?? throw new Postponed('the folder is missing here', true);
		$target .= $transfer->scale > 0 ? '-' . $transfer->scale : '';
		if ($own && $transfer->scale === 0 && $this->mayStillReplace($transfer) === null) {
			return null;
		}
		if (($reason = Brake::hold($this->channel, $transfer, $transfer->sha256)) !== null) {
			Queue::park($transfer, Queue::BRAKE, $reason);
			return null;
		}
		if ($own && $transfer->scale === 0 && ! (int) $own['os_storage']) {
			Kept::keepFromDatabase(
				$own,
				'replaced',
				Brake::countedTo($this->channel, $transfer, strlen($own['content'])),
			);
		}
		if ($own && $this->leavesCrop($transfer, $target)) {
			Kept::keepCrop(
				$this->channel,
				$transfer->hash,
				$transfer->scale,
				$this->remembered($transfer),
				Brake::countedTo(
					$this->channel,
					$transfer,
					Facts::of($this->channel, $transfer->hash, $transfer->scale)->sizeBytes,
				),
			);
		}
		[$used, $limit] = $transfer->scale === 0 ? Store::quota($this->channel) : [0, null];
		if (
			$limit !== null
			&& ($used - (int) ($own['filesize'] ?? 0) + $transfer->sizeBytes) > $limit
		) {
			Queue::park($transfer, 'quota', "the account's storage limit of $limit bytes would be exceeded");
			return null;
		}

		return ['target' => $target, 'hasRow' => $own !== null];
	}

	/**
	 * Tells whether the exchange would leave the present crop in place: it is not at the new crop's path, and has other
	 * bytes.
	 */
	private function leavesCrop(Transfer $transfer, string $target): bool
	{
		$crop = in_array($transfer->scale, ScaleTable::CROPS, true)
			? Facts::of($this->channel, $transfer->hash, $transfer->scale)
			: null;
		if (
			! $crop
			|| ! $crop->sizeBytes
			|| $crop->sizeBytes > Kept::MOST_CROP_BYTES
			|| ($crop->path === $target
			&& Store::keepsThumbnailsAsFiles())
		) {
			return false;
		}

		return (
			($crop->content !== null ? hash('sha256', $crop->content) : hash_file('sha256', $crop->path))
			!== $transfer->sha256
		);
	}

	/**
	 * Asks again whether a file's verified bytes replace those here, which may have been changed since the packet came,
	 * and while others were prepared. Null if they do not, and the transfer was ended.
	 */
	private function mayStillReplace(Transfer $transfer): ?Fate
	{
		$value = $transfer->fileEntry()['revision'] ?? null;
		$fate = Turn::take(
			$this->channelId,
			fn () => Revisions::fate($this->channel, $transfer->hash, $value, $transfer->sha256),
		);
		if ($fate !== Fate::Dropped && $fate !== Fate::DroppedAsOld) {
			return $fate;
		}
		Log::write(
			"dropped {$transfer->hash} of channel {$this->channelId}: "
			. (
				$fate === Fate::DroppedAsOld
					? 'those bytes were already replaced here'
					: 'the file was changed here meanwhile and is newer'
			),
		);
		Queue::giveUp($transfer);
		if ($fate === Fate::DroppedAsOld) {
			Announcement::answer($this->channelId, $transfer->hash, false);
		}

		return null;
	}

	/** Writes down the exchange that is to come, and begins it, unless there is none. */
	private function begin(Transfer $transfer, string $target, bool $hasRow): void
	{
		$live = $this->place->liveFacts($target);
		$digest = $live
			? Digests::known($this->channelId, $transfer->hash, $transfer->scale, $live) ?? $this->place->liveDigest(
				$target,
			)
			: null;
		$fate = $live && $hasRow && $transfer->scale === 0 ? $this->mayStillReplace($transfer) : Fate::Shown;
		if ($fate === null) {
			return;
		}
		$intent = [
			'target' => $target,
			'live' => $live,
			'partial' => $this->place->partialFacts($transfer),
			'live_sha256' => $digest,
			'same' => $digest !== null && $digest === $transfer->sha256,
			'had_row' => $hasRow,
			'both' => $fate === Fate::ShownBesideOurs,
		];

		$publishing = Queue::advance($transfer, TransferState::VERIFIED, TransferState::PUBLISHING, [
			'intent' => json_encode($intent, JSON_THROW_ON_ERROR),
			'lease_until' => Clock::now() + Queue::LEASE_SECONDS,
		]);
		if ($publishing) {
			$this->exchange($publishing, $intent);
		}
	}

	/** @param Intent $intent */
	private function exchange(Transfer $transfer, array $intent): void
	{
		if ($intent['same']) {
			$this->commit($transfer, $intent, null);
			return;
		}
		if (empty($intent['partial'])) {
			// It was to stay as it was, but has been changed here since: its bytes are wanted after all.
			$this->turnBack($transfer);
			return;
		}
		if (! Queue::isHeld($transfer)) {
			return;
		}
		$displaced = $this->place->putInPlace($transfer, $intent['target']);
		$this->afterExchange($transfer, $intent, $displaced);
	}

	/**
	 * Our bytes are live. Keeps a change that somebody made in between; otherwise commits the rows.
	 *
	 * @param Intent $intent
	 * @param ?Stat  $displaced
	 */
	private function afterExchange(Transfer $transfer, array $intent, ?array $displaced): void
	{
		if ($displaced && $this->wasChanged($transfer, $intent, $displaced)) {
			$this->giveWay($transfer, $intent, 'the file was changed here at the same moment');
		} else {
			$this->commit($transfer, $intent, $displaced);
		}
	}

	/**
	 * @param Intent $intent
	 * @param Stat   $displaced
	 */
	private function wasChanged(Transfer $transfer, array $intent, array $displaced): bool
	{
		if (! $intent['live']) {
			return true;
		}
		foreach (['inode', 'size_bytes', 'mtime_ns'] as $fact) {
			if ($displaced[$fact] !== $intent['live'][$fact]) {
				return $this->place->partialDigest($transfer) !== $intent['live_sha256'];
			}
		}

		return false;
	}

	/**
	 * @param Intent $intent
	 * @param ?Stat  $displaced
	 */
	private function commit(Transfer $transfer, array $intent, ?array $displaced): void
	{
		$kept = $displaced
			? Kept::announce(
				$transfer,
				Placement::partial($transfer),
				$displaced['size_bytes'],
				empty($intent['both']) ? ($transfer->isFromSet() ? Kept::BY_RESTORE : 'replaced') : 'conflict',
				$this->remembered($transfer),
				Brake::countedTo($this->channel, $transfer, $displaced['size_bytes']),
			)
			: null;
		try {
			$photo = $transfer->scale === 0 ? $transfer->fileEntry()['photo'] : null;
			$intent['is_plain'] = $photo && ! $this->place->isPicture($intent['target'], $photo['mimetype']);
			$outcome = PublishRows::commit($this->channel, $transfer, $intent, $kept, $this->certain($intent));
		} catch (\Throwable $e) {
			$this->undo($transfer, $intent);
			throw $e;
		}
		if ($outcome === Outcome::Deleted) {
			$this->giveWay($transfer, $intent, 'the file was deleted here at the same moment');
		} elseif ($outcome === Outcome::Moved) {
			$this->undo($transfer, $intent);
			$this->turnBack($transfer);
		} elseif ($outcome === Outcome::Published) {
			if ($intent['is_plain']) {
				Queue::dropScales($this->channelId, $transfer->hash);
			}
			Brake::settled($transfer);
			if ($kept) {
				Kept::settle($this->channelId);
			}
			Queue::removePartial($transfer, $kept !== null);
			$this->log($transfer);
			if ($kept && ! empty($intent['both'])) {
				Outbox::run($this->channelId);
			}
			if ($transfer->scale === 0) {
				$this->publishVerified($transfer->hash);
			}
		}
	}

	/** Returns what undo needs to know about the replaced bytes. */
	private function remembered(Transfer $transfer): string
	{
		$own = Store::attach($this->channelId, $transfer->hash);
		if (in_array($transfer->scale, ScaleTable::CROPS, true)) {
			return Kept::describeCrop(
				$this->channelId,
				$transfer->hash,
				$transfer->scale,
				(string) parse_url($transfer->origin, PHP_URL_HOST),
				$transfer->sizeBytes . ':' . $transfer->edited,
			);
		}

		return (
			$transfer->scale > 0 || ! $own
				? $transfer->entryText
				: Kept::describe($this->channel, $own, $transfer->fileEntry()['revision']['at'] ?? '', [
					'next' => $transfer->sizeBytes . ':' . $transfer->edited,
				])
		);
	}

	/**
	 * Returns the facts of the live file if it surely holds the verified bytes; null if anything else may have written
	 * it.
	 *
	 * @param Intent $intent
	 *
	 * @return ?Stat
	 */
	private function certain(array $intent): ?array
	{
		return $this->place->unchanged(
			$intent['target'],
			$intent['same'] ? $intent['live'] : $intent['partial'] ?? null,
		);
	}

	private function publishIntoDatabase(Transfer $transfer, string $target): void
	{
		$intent = ['target' => $target, 'live' => null, 'live_sha256' => null, 'same' => true, 'had_row' => true];
		$transfer = Queue::advance($transfer, TransferState::VERIFIED, TransferState::PUBLISHING, [
			'intent' => json_encode($intent, JSON_THROW_ON_ERROR),
			'lease_until' => Clock::now() + Queue::LEASE_SECONDS,
		]);
		if ($transfer) {
			$this->commit($transfer, $intent, null);
		}
	}

	/**
	 * The present bytes win; ours are kept as the conflict, and the row records that.
	 *
	 * @param Intent $intent
	 */
	private function giveWay(Transfer $transfer, array $intent, string $why): void
	{
		$intent['conflict'] = $why;
		$transfer = Queue::advance($transfer, TransferState::PUBLISHING, TransferState::PUBLISHING, [
			'intent' => json_encode($intent, JSON_THROW_ON_ERROR),
		]);
		if (! $transfer) {
			return;
		}
		$this->undo($transfer, $intent);
		$kept = Kept::announce(
			$transfer,
			Placement::partial($transfer),
			$transfer->sizeBytes,
			'conflict',
			$transfer->entryText,
		);
		Table::transaction(
			fn () => Queue::park($transfer, 'conflict', 'conflict: ' . $why) && Table::insert('filesync_kept', $kept),
		);
		Kept::settle($this->channelId);
		Log::write("conflict on {$transfer->hash} of channel {$this->channelId}: $why");
	}

	/**
	 * Takes our bytes out of the live path again, if they are there; the displaced bytes return in the same step.
	 *
	 * Only while the row is ours; if the database is gone we cannot know, and recover() decides later.
	 *
	 * @param Intent $intent
	 */
	private function undo(Transfer $transfer, array $intent): void
	{
		if (
			! $intent['same']
			&& $this->place->liveDigest($intent['target']) === $transfer->sha256
			&& Queue::isHeld($transfer)
		) {
			$this->place->takeBack($transfer, $intent['target']);
		}
	}

	/** Ends a failed publish: verified bytes wait for the next try, displaced ones are kept. */
	private function turnBack(Transfer $transfer): void
	{
		$partial = $this->place->partialFacts($transfer);
		if ($partial && $this->place->partialDigest($transfer) === $transfer->sha256) {
			Queue::advance($transfer, TransferState::PUBLISHING, TransferState::VERIFIED, [
				'token' => '',
				'lease_until' => 0,
				'intent' => '',
			]);
			return;
		}
		if ($partial) {
			Table::insert('filesync_kept', Kept::announce(
				$transfer,
				Placement::partial($transfer),
				$partial['size_bytes'],
				'replaced',
				$transfer->entryText,
			));
			Kept::settle($this->channelId);
		}
		Queue::advance($transfer, TransferState::PUBLISHING, TransferState::STAGED, [
			'token' => '',
			'lease_until' => 0,
			'intent' => '',
			'sha256' => '',
		]);
	}

	/** @param Intent $intent */
	private function recoverRow(Transfer $transfer, array $intent): void
	{
		if (isset($intent['conflict'])) {
			$this->giveWay($transfer, $intent, $intent['conflict']);
			return;
		}
		$partial = $this->place->partialFacts($transfer);
		$liveDigest = $this->place->liveDigest($intent['target']);
		$partialDigest = $this->place->partialDigest($transfer);
		if ($intent['same'] || $liveDigest === $transfer->sha256) {
			// Across devices, the verified bytes exist at both places until the displaced ones are copied.
			$this->afterExchange(
				$transfer,
				$intent,
				$intent['same'] || $partialDigest === $transfer->sha256 ? null : $partial,
			);
		} elseif (
			$partialDigest === $transfer->sha256
			&& $liveDigest !== null
			&& $liveDigest !== $intent['live_sha256']
		) {
			$this->giveWay($transfer, $intent, 'the file was changed here at the same moment');
		} elseif (
			$partialDigest === $transfer->sha256
			&& $intent['had_row']
			&& ! Store::attach($this->channelId, $transfer->hash)
		) {
			$this->giveWay($transfer, $intent, 'the file was deleted here at the same moment');
		} else {
			$this->turnBack($transfer);
		}
	}

	/** Leaves a row for later after a failure; after repeated failures, parks it. */
	public function postpone(Transfer $transfer, \Throwable $e): void
	{
		Log::failure('publishing ' . $transfer->hash, $e);
		$found = Table::first('filesync_transfer', [
			'id' => $transfer->id,
			'generation' => $transfer->generation,
			'token' => $this->token,
		]);
		if (! $found) {
			return;
		}
		$now = Transfer::of($found);
		if ($e instanceof StorageException) {
			Queue::pause($e->getMessage());
		}
		$attempts = $now->attempts + ($e instanceof StorageException ? 0 : 1);
		$set = [
			'token' => '',
			'lease_until' => 0,
			'attempts' => $attempts,
			'reason' => $e->getMessage(),
			'kind' => 'publish',
			'next_at' => Clock::now() + Backoff::doubling(30, 8)->seconds($attempts),
		];
		$intent = $now->intent();
		$isBack = $now->state === TransferState::VERIFIED || ($intent && $this->isUntouched($now, $intent));
		if (! $isBack) {
			Table::update(
				'filesync_transfer',
				['lease_until' => Clock::now() + 60],
				['id' => $now->id, 'token' => $this->token],
			);
		} elseif ($attempts >= self::MOST_ATTEMPTS) {
			Queue::park($now, 'publish', $e->getMessage());
		} else {
			Queue::advance(
				$now,
				$now->state,
				$e instanceof FileSyncException && ! $e instanceof StorageException
					? TransferState::STAGED
					: TransferState::VERIFIED,
				$set + ['intent' => ''],
			);
		}
	}

	/**
	 * Tells whether the verified bytes are where they were before the publish began, and nowhere else.
	 *
	 * @param Intent $intent
	 */
	private function isUntouched(Transfer $transfer, array $intent): bool
	{
		try {
			$isLive = ! $intent['same'] && $this->place->liveDigest($intent['target']) === $transfer->sha256;

			return (
				! isset($intent['conflict'])
				&& ! $isLive
				&& $this->place->partialDigest($transfer) === $transfer->sha256
			);
		} catch (\Throwable) {
			return false;
		}
	}

	/** Writes a line about a published file. */
	public function log(Transfer $transfer): void
	{
		$result = $transfer->result();
		$from = match ($result['rung'] ?? '') {
			'made' => 'made here',
			Transfer::FROM_SET => 'from a backup set',
			'library' => "made here by the hub's own image library",
			default => sprintf('by %s from %s', $result['rung'] ?? 'nothing', $result['origin'] ?? 'nowhere'),
		};
		Log::write(sprintf(
			'published %s scale %d of channel %d: %d bytes %s, checked: %s',
			$transfer->hash,
			$transfer->scale,
			$this->channelId,
			$transfer->sizeBytes,
			$from,
			implode(' ', $result['proof'] ?? []),
		));
	}
}
