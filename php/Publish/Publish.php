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
 * @import-type Wanted from \FileSync\Addon\Order\Ruling
 */
final class Publish
{
	private const MOST_ATTEMPTS = 5;

	private readonly int $channelId;
	private readonly Placement $place;

	/**
	 * @param string   $token The token in this worker's rows.
	 * @param \Closure $beat  Renews the worker's leases during long reads.
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
	 * @param ?\Closure $isOver Called before each; true postpones the rest.
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
			$row = Table::first('filesync_transfer', ['id' => $id] + $where);
			if (! $row || ! Queue::mayPublish($row)) {
				continue;
			}
			$mine = Queue::advance($row, TransferState::VERIFIED, TransferState::VERIFIED, [
				'token' => $this->token,
				'lease_until' => Clock::now() + Queue::LEASE_SECONDS,
			]);
			if ($mine) {
				$this->publish($mine);
			}
		}
	}

	/** Publishes a verified row that carries our token. */
	public function publish(array $row): void
	{
		try {
			if (! Queue::mayPublish($row)) {
				Queue::advance($row, TransferState::VERIFIED, TransferState::VERIFIED, [
					'token' => '',
					'lease_until' => 0,
				]);
				return;
			}
			$target = $this->prepare($row);
			if ($target !== null && (int) $row['scale'] > 0 && ! Store::keepsThumbnailsAsFiles()) {
				$this->publishIntoDatabase($row, $target);
			} elseif ($target !== null) {
				$row = $this->writeIntent($row, $target);
				$row && $this->exchange($row, json_decode($row['intent'], true));
			}
		} catch (\Throwable $e) {
			$this->postpone($row, $e);
		}
	}

	/** Completes or reverts what a dead worker was publishing. */
	public function recover(): void
	{
		$where = ['uid' => $this->channelId, 'state' => TransferState::PUBLISHING, 'lease_until <' => Clock::now()];
		foreach (array_column(Table::select('filesync_transfer', $where, 'scale', 0, 'id'), 'id') as $id) {
			$old = Table::first('filesync_transfer', ['id' => $id] + $where);
			$row = $old ? Queue::takeOver($old, $this->token) : null;
			if (! $row) {
				continue;
			}
			try {
				$this->place->fence($row);
				$this->recoverRow($row, json_decode($row['intent'], true));
			} catch (\Throwable $e) {
				$this->postpone($row, $e);
			}
		}
	}

	/** Returns the hub-relative path for the bytes; null if they are no longer wanted, and the row was ended. */
	private function prepare(array $row): ?string
	{
		$entry = json_decode($row['entry'], true);
		$own = Store::attach($this->channelId, $row['hash']);
		if (! $own && (int) $row['scale'] > 0) {
			Queue::park($row, 'NotFound', 'the photo itself is missing here');
			return null;
		}
		if ($own && (int) $own['is_dir']) {
			Queue::park($row, 'Refused', 'a folder has this hash');
			return null;
		}
		if (! $own) {
			Turn::take($this->channelId, fn () => FolderChange::createMissing($this->channel, $entry['folders']));
		}
		$target =
			($own ? Store::pathOf($this->channel, $own) : null) ?? Store::place(
					$this->channel,
					$own['folder'] ?? $entry['attach']['folder'],
					$row['hash'],
					$row['hash'],
				)['content'] ?? throw new Postponed('the folder is missing here', true);
		$target .= (int) $row['scale'] > 0 ? '-' . (int) $row['scale'] : '';
		if ($own && (int) $row['scale'] === 0 && $this->mayStillReplace($row) === null) {
			return null;
		}
		if (($reason = Brake::hold($this->channel, $row, $row['sha256'])) !== null) {
			Queue::park($row, Queue::BRAKE, $reason);
			return null;
		}
		if ($own && (int) $row['scale'] === 0 && ! (int) $own['os_storage']) {
			Kept::keepFromDatabase($own, 'replaced', Brake::countedTo($this->channel, $row, strlen($own['content'])));
		}
		if ($own && $this->leavesCrop($row, $target)) {
			Kept::keepCrop(
				$this->channel,
				$row['hash'],
				(int) $row['scale'],
				$this->remembered($row),
				Brake::countedTo(
					$this->channel,
					$row,
					Facts::of($this->channel, $row['hash'], (int) $row['scale'])->sizeBytes,
				),
			);
		}
		[$used, $limit] = Store::quota($this->channel);
		if (
			$limit !== null
			&& (int) $row['scale'] === 0
			&& ($used - (int) ($own['filesize'] ?? 0) + (int) $row['size_bytes']) > $limit
		) {
			Queue::park($row, 'quota', "the account's storage limit of $limit bytes would be exceeded");
			return null;
		}

		return $target;
	}

	/**
	 * Tells whether the exchange would leave the present crop in place: it is not at the new crop's path, and has other
	 * bytes.
	 */
	private function leavesCrop(array $row, string $target): bool
	{
		$crop = in_array((int) $row['scale'], ScaleTable::CROPS, true)
			? Facts::of($this->channel, $row['hash'], (int) $row['scale'])
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
			!== $row['sha256']
		);
	}

	/**
	 * Asks again whether a file's verified bytes replace those here, which may have been changed since the packet came,
	 * and while others were prepared. Null if they do not, and the transfer was ended.
	 */
	private function mayStillReplace(array $row): ?Fate
	{
		/** @var ?Wanted $value */
		$value = json_decode($row['entry'], true)['revision'] ?? null;
		$fate = Turn::take(
			$this->channelId,
			fn () => Revisions::fate($this->channel, $row['hash'], $value, $row['sha256']),
		);
		if ($fate !== Fate::Dropped && $fate !== Fate::DroppedAsOld) {
			return $fate;
		}
		Log::write(
			"dropped {$row['hash']} of channel {$this->channelId}: "
			. (
				$fate === Fate::DroppedAsOld
					? 'those bytes were already replaced here'
					: 'the file was changed here meanwhile and is newer'
			),
		);
		Queue::giveUp($row);
		$fate === Fate::DroppedAsOld && Announcement::answer($this->channelId, $row['hash'], false);

		return null;
	}

	/** Writes down the exchange that is to come; null if there is none. */
	private function writeIntent(array $row, string $target): ?array
	{
		$live = $this->place->liveFacts($target);
		$digest = $live
			? Digests::known($this->channelId, $row['hash'], (int) $row['scale'], $live) ?? $this->place->liveDigest(
				$target,
			)
			: null;
		$hasRow = Store::attach($this->channelId, $row['hash']) !== null;
		$fate = $live && $hasRow && (int) $row['scale'] === 0 ? $this->mayStillReplace($row) : Fate::Shown;
		if ($fate === null) {
			return null;
		}
		$intent = [
			'target' => $target,
			'live' => $live,
			'partial' => $this->place->partialFacts($row),
			'live_sha256' => $digest,
			'same' => $digest !== null && $digest === $row['sha256'],
			'had_row' => $hasRow,
			'both' => $fate === Fate::ShownBesideOurs,
		];

		return Queue::advance($row, TransferState::VERIFIED, TransferState::PUBLISHING, [
			'intent' => json_encode($intent),
			'lease_until' => Clock::now() + Queue::LEASE_SECONDS,
		]);
	}

	private function exchange(array $row, array $intent): void
	{
		if ($intent['same']) {
			$this->commit($row, $intent, null);
			return;
		}
		if (! $intent['partial']) {
			// It was to stay as it was, but has been changed here since: its bytes are wanted after all.
			$this->turnBack($row);
			return;
		}
		if (! Queue::isHeld($row)) {
			return;
		}
		$displaced = $this->place->putInPlace($row, $intent['target']);
		$this->afterExchange($row, $intent, $displaced);
	}

	/** Our bytes are live. Keeps a change that somebody made in between; otherwise commits the rows. */
	private function afterExchange(array $row, array $intent, ?array $displaced): void
	{
		if ($displaced && $this->wasChanged($row, $intent, $displaced)) {
			$this->giveWay($row, $intent, 'the file was changed here at the same moment');
		} else {
			$this->commit($row, $intent, $displaced);
		}
	}

	private function wasChanged(array $row, array $intent, array $displaced): bool
	{
		if (! $intent['live']) {
			return true;
		}
		foreach (['inode', 'size_bytes', 'mtime_ns'] as $fact) {
			if ($displaced[$fact] !== $intent['live'][$fact]) {
				return $this->place->partialDigest($row) !== $intent['live_sha256'];
			}
		}

		return false;
	}

	private function commit(array $row, array $intent, ?array $displaced): void
	{
		$kept = $displaced
			? Kept::announce(
				$row,
				Placement::partial($row),
				$displaced['size_bytes'],
				empty($intent['both']) ? 'replaced' : 'conflict',
				$this->remembered($row),
				Brake::countedTo($this->channel, $row, $displaced['size_bytes']),
			)
			: null;
		try {
			$entry = (int) $row['scale'] === 0 ? json_decode($row['entry'], true) : [];
			$intent['is_plain'] =
				! empty($entry['photo']) && ! $this->place->isPicture($intent['target'], $entry['photo']['mimetype']);
			$outcome = PublishRows::commit($this->channel, $row, $intent, $kept, $this->certain($intent));
		} catch (\Throwable $e) {
			$this->undo($row, $intent);
			throw $e;
		}
		if ($outcome === Outcome::Deleted) {
			$this->giveWay($row, $intent, 'the file was deleted here at the same moment');
		} elseif ($outcome === Outcome::Moved) {
			$this->undo($row, $intent);
			$this->turnBack($row);
		} elseif ($outcome === Outcome::Published) {
			$intent['is_plain'] && Queue::dropScales($this->channelId, $row['hash']);
			Brake::settled($row);
			Kept::settle($this->channelId);
			Queue::removePartial($row, $kept !== null);
			$this->log($row);
			if ($kept && ! empty($intent['both'])) {
				Outbox::run($this->channelId);
			}
			if ((int) $row['scale'] === 0) {
				$this->publishVerified($row['hash']);
			}
		}
	}

	/** Returns what undo needs to know about the replaced bytes. */
	private function remembered(array $row): string
	{
		$own = Store::attach($this->channelId, $row['hash']);
		if (in_array((int) $row['scale'], ScaleTable::CROPS, true)) {
			return Kept::describeCrop(
				$this->channelId,
				$row['hash'],
				(int) $row['scale'],
				(string) parse_url($row['origin'], PHP_URL_HOST),
				(int) $row['size_bytes'] . ':' . $row['edited'],
			);
		}

		return (
			(int) $row['scale'] > 0 || ! $own
				? $row['entry']
				: Kept::describe($this->channel, $own, json_decode($row['entry'], true)['revision']['at'] ?? '', [
					'next' => (int) $row['size_bytes'] . ':' . $row['edited'],
				])
		);
	}

	/**
	 * Returns the facts of the live file if it surely holds the verified bytes; null if anything else may have written
	 * it.
	 */
	private function certain(array $intent): ?array
	{
		$verified = $intent['same'] ? $intent['live'] : $intent['partial'] ?? null;
		$live = $verified ? $this->place->liveFacts($intent['target']) : null;
		foreach ($live ? ['inode', 'size_bytes', 'mtime_ns'] : [] as $fact) {
			if ($live[$fact] !== $verified[$fact]) {
				return null;
			}
		}

		return $live;
	}

	private function publishIntoDatabase(array $row, string $target): void
	{
		$intent = ['target' => $target, 'live' => null, 'live_sha256' => null, 'same' => true, 'had_row' => true];
		$row = Queue::advance($row, TransferState::VERIFIED, TransferState::PUBLISHING, [
			'intent' => json_encode($intent),
			'lease_until' => Clock::now() + Queue::LEASE_SECONDS,
		]);
		if ($row) {
			$this->commit($row, $intent, null);
		}
	}

	/** The present bytes win; ours are kept as the conflict, and the row records that. */
	private function giveWay(array $row, array $intent, string $why): void
	{
		$intent['conflict'] = $why;
		$row = Queue::advance($row, TransferState::PUBLISHING, TransferState::PUBLISHING, [
			'intent' => json_encode($intent),
		]);
		if (! $row) {
			return;
		}
		$this->undo($row, $intent);
		$kept = Kept::announce($row, Placement::partial($row), (int) $row['size_bytes'], 'conflict', $row['entry']);
		Table::transaction(
			fn () => Queue::park($row, 'conflict', 'conflict: ' . $why) && Table::insert('filesync_kept', $kept),
		);
		Kept::settle($this->channelId);
		Log::write("conflict on {$row['hash']} of channel {$this->channelId}: $why");
	}

	/**
	 * Takes our bytes out of the live path again, if they are there; the displaced bytes return in the same step.
	 *
	 * Only while the row is ours; if the database is gone we cannot know, and recover() decides later.
	 */
	private function undo(array $row, array $intent): void
	{
		if (
			! $intent['same']
			&& $this->place->liveDigest($intent['target']) === $row['sha256']
			&& Queue::isHeld($row)
		) {
			$this->place->takeBack($row, $intent['target']);
		}
	}

	/** Ends a failed publish: verified bytes wait for the next try, displaced ones are kept. */
	private function turnBack(array $row): void
	{
		$partial = $this->place->partialFacts($row);
		if ($partial && $this->place->partialDigest($row) === $row['sha256']) {
			Queue::advance($row, TransferState::PUBLISHING, TransferState::VERIFIED, [
				'token' => '',
				'lease_until' => 0,
				'intent' => '',
			]);
			return;
		}
		if ($partial) {
			Table::insert('filesync_kept', Kept::announce(
				$row,
				Placement::partial($row),
				$partial['size_bytes'],
				'replaced',
				$row['entry'],
			));
			Kept::settle($this->channelId);
		}
		Queue::advance($row, TransferState::PUBLISHING, TransferState::STAGED, [
			'token' => '',
			'lease_until' => 0,
			'intent' => '',
			'sha256' => '',
		]);
	}

	private function recoverRow(array $row, array $intent): void
	{
		if (isset($intent['conflict'])) {
			$this->giveWay($row, $intent, $intent['conflict']);
			return;
		}
		$partial = $this->place->partialFacts($row);
		$liveDigest = $this->place->liveDigest($intent['target']);
		$partialDigest = $this->place->partialDigest($row);
		if ($intent['same'] || $liveDigest === $row['sha256']) {
			// Across devices, the verified bytes exist at both places until the displaced ones are copied.
			$this->afterExchange($row, $intent, $intent['same'] || $partialDigest === $row['sha256'] ? null : $partial);
		} elseif ($partialDigest === $row['sha256'] && $liveDigest !== null && $liveDigest !== $intent['live_sha256']) {
			$this->giveWay($row, $intent, 'the file was changed here at the same moment');
		} elseif (
			$partialDigest === $row['sha256']
			&& $intent['had_row']
			&& ! Store::attach($this->channelId, $row['hash'])
		) {
			$this->giveWay($row, $intent, 'the file was deleted here at the same moment');
		} else {
			$this->turnBack($row);
		}
	}

	/** Leaves a row for later after a failure; after repeated failures, parks it. */
	private function postpone(array $row, \Throwable $e): void
	{
		Log::failure('publishing ' . $row['hash'], $e);
		$now = Table::first('filesync_transfer', [
			'id' => $row['id'],
			'generation' => (int) $row['generation'],
			'token' => $this->token,
		]);
		if (! $now) {
			return;
		}
		if ($e instanceof StorageException) {
			Queue::pause($e->getMessage());
		}
		$attempts = (int) $now['attempts'] + ($e instanceof StorageException ? 0 : 1);
		$set = [
			'token' => '',
			'lease_until' => 0,
			'attempts' => $attempts,
			'reason' => $e->getMessage(),
			'kind' => 'publish',
			'next_at' => Clock::now() + Backoff::doubling(30, 8)->seconds($attempts),
		];
		$intent = json_decode($now['intent'], true);
		$isBack = $now['state'] === TransferState::VERIFIED || ($intent && $this->isUntouched($now, $intent));
		if (! $isBack) {
			Table::update(
				'filesync_transfer',
				['lease_until' => Clock::now() + 60],
				['id' => $now['id'], 'token' => $this->token],
			);
		} elseif ($attempts >= self::MOST_ATTEMPTS) {
			Queue::park($now, 'publish', $e->getMessage());
		} else {
			Queue::advance(
				$now,
				$now['state'],
				$e instanceof FileSyncException && ! $e instanceof StorageException
					? TransferState::STAGED
					: TransferState::VERIFIED,
				$set + ['intent' => ''],
			);
		}
	}

	/** Tells whether the verified bytes are where they were before the publish began, and nowhere else. */
	private function isUntouched(array $row, array $intent): bool
	{
		try {
			$isLive = ! $intent['same'] && $this->place->liveDigest($intent['target']) === $row['sha256'];

			return ! isset($intent['conflict']) && ! $isLive && $this->place->partialDigest($row) === $row['sha256'];
		} catch (\Throwable) {
			return false;
		}
	}

	private function log(array $row): void
	{
		$result = json_decode($row['result'], true) ?: [];
		$from = match ($result['rung'] ?? '') {
			'made' => 'made here',
			'library' => "made here by the hub's own image library",
			default => sprintf('by %s from %s', $result['rung'] ?? 'nothing', $result['origin'] ?? 'nowhere'),
		};
		Log::write(sprintf(
			'published %s scale %d of channel %d: %d bytes %s, checked: %s',
			$row['hash'],
			$row['scale'],
			$this->channelId,
			$row['size_bytes'],
			$from,
			implode(' ', $result['proof'] ?? []),
		));
	}
}
