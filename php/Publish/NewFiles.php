<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\FolderChange;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\PhotoRow;
use FileSync\Addon\Storage\Placement;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Publishes verified files of which nothing is here, many together: their intents are written down in one transaction,
 * they get their names, one sync forces all of them to disk, and their rows are committed in one transaction. Whatever
 * process is killed, Publish::recover() finds the intents. What is no longer plainly new is published like any other.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Known from \FileSync\Addon\Order\Judge
 * @import-type Intent from Transfer
 *
 * @type NewFile = array{wanted: \FileSync\Addon\Transfer\Wanted, sha256: string, record: Known}
 */
final class NewFiles
{
	private readonly Placement $place;
	private readonly NewScales $scales;

	/**
	 * @param string            $token The token in this worker's rows.
	 * @param \Closure(): void $beat  Renews the worker's leases during long reads.
	 */
	public function __construct(
		private readonly Channel $channel,
		private readonly string $token,
		private readonly Publish $publish,
		\Closure $beat,
	) {
		$this->place = new Placement($channel, $beat);
		$this->scales = new NewScales($channel, $token, $beat);
	}

	/**
	 * Writes down what is to come of files whose bytes are where the partial files belong. Callers hold the channel's
	 * Turn.
	 *
	 * @param array<int, NewFile> $files What is to be known of each.
	 *
	 * @return array<int, Transfer> Those for publish(); of the others nothing was written.
	 */
	public function intend(array $files): array
	{
		[$used, $limit] = Store::quota($this->channel);
		$bytes = array_sum(array_map(fn ($file) => $file['wanted']->sizeBytes, $files));
		if ($limit !== null && ($used + $bytes) > $limit) {
			return [];
		}
		$brought = [];
		foreach ($this->intents(array_map(fn ($file) => [
			$file['wanted']->hash,
			$file['wanted']->folder,
		], $files)) as $n => $intent) {
			$brought[$n] = [$files[$n]['wanted'], $files[$n]['sha256'], $intent];
		}
		if ($brought === []) {
			return [];
		}
		$transfers = Table::transaction(
			fn () => Revisions::tryAdd(array_column(array_intersect_key($files, $brought), 'record'))
				? Queue::bringNew(array_values($brought), $this->token)
				: null,
			fn (?array $transfers) => $transfers !== null,
		);

		return $transfers === null ? [] : array_combine(array_keys($brought), $transfers);
	}

	/**
	 * Does what intend() does for files that have arrived: their folders are made, and their leased transfers become
	 * those for publish().
	 *
	 * @param array<int, Arrived> $arrived
	 *
	 * @return array<int, Transfer> Of the others nothing was written.
	 */
	public function begin(array $arrived): array
	{
		$arrived = $this->absent(array_filter($arrived, fn (Arrived $one) => self::isPlain($one->transfer)));
		[$used, $limit] = Store::quota($this->channel);
		if (
			$limit !== null
			&& ($used + array_sum(array_map(fn ($one) => $one->columns['size_bytes'], $arrived))) > $limit
		) {
			return [];
		}
		$files = $made = [];
		foreach ($arrived as $n => $one) {
			['folders' => $folders, 'attach' => $attach] = $one->transfer->fileEntry();
			$chain = implode('/', array_column($folders, 'hash'));
			if (! isset($made[$chain])) {
				FolderChange::createMissing($this->channel, $folders);
				$made[$chain] = true;
			}
			$files[$n] = [$one->transfer->hash, $attach['folder']];
		}

		return Arrived::begin($arrived, $this->intents($files), $this->token);
	}

	/** Tells whether a file can be one of many: the first version that is fetched, and no profile photo. */
	public static function isPlain(Transfer $transfer): bool
	{
		$isFirst = $transfer->scale === 0 && $transfer->generation === 1 && $transfer->pending() === null;
		$entry = $isFirst ? $transfer->fileEntry() : null;
		$photo = $entry['photo'] ?? null;

		return (
			$entry !== null
			&& (bool) $entry['attach']['is_photo'] === ($photo !== null)
			&& ($photo === null || PhotoRow::isPlain($photo))
		);
	}

	/**
	 * Returns those of which nothing is here, and whose photos are pictures.
	 *
	 * @param array<int, Arrived> $arrived
	 *
	 * @return array<int, Arrived>
	 */
	private function absent(array $arrived): array
	{
		$hashes = array_map(fn ($one) => $one->transfer->hash, array_values($arrived));
		$present = Store::attachSome($this->channel->id, $hashes, 'hash');
		$photos = array_filter(array_map(fn ($one) => $one->transfer->fileEntry()['photo'], $arrived));
		$rows = $photos ? PhotoRow::here($this->channel->id, array_column($photos, 'resource_id')) : [];

		return (
			$present === null
				? []
				: array_filter(
					$arrived,
					fn (Arrived $one, int $n) => (
						! isset($present[$one->transfer->hash])
						&& (
							! isset($photos[$n])
							|| ! isset($rows[$one->transfer->hash])
							&& $this->place->isPartialPicture($one->transfer, $photos[$n]['mimetype'])
						)
					),
					ARRAY_FILTER_USE_BOTH,
				)
		);
	}

	/**
	 * Returns what is to become of files: each gets the place of its bytes.
	 *
	 * @param array<int, array{string, string}> $files The hash and the folder of each.
	 *
	 * @return array<int, Intent> Without those that have no place or no bytes, or something in their place.
	 */
	private function intents(array $files): array
	{
		$intents = $chains = [];
		foreach ($files as $n => [$hash, $folder]) {
			$chains[$folder] ??= Store::chain($this->channel->id, $folder) ?? false;
			$chain = $chains[$folder];
			$target = $chain === false
				? null
				: Store::placeIn($this->channel, $chain, $hash, $hash)['content'] ?? null;
			$partial = $this->place->firstFacts($hash);
			if ($target !== null && $partial && ! $this->place->liveFacts($target)) {
				$intents[$n] = [
					'target' => $target,
					'live' => null,
					'partial' => $partial,
					'live_sha256' => null,
					'same' => false,
					'had_row' => false,
					'both' => false,
				];
			}
		}

		return $intents;
	}

	/**
	 * Publishes what was written down. What became of each is in its transfer.
	 *
	 * @param array<Transfer> $transfers All of files, or all of scales.
	 * @param bool            $areBytesOnDisk Whether only their names are to be forced there.
	 */
	public function publish(array $transfers, bool $areBytesOnDisk = false): void
	{
		try {
			$placed = $this->place($transfers, $areBytesOnDisk);
		} catch (\Throwable $e) {
			foreach ($transfers as $transfer) {
				$this->publish->postpone($transfer, $e);
			}

			return;
		}
		$published = $placed !== [] && $this->commit($placed)
			? array_column(array_map(fn (Placed $one) => $one->transfer, $placed), null, 'id')
			: [];
		Brake::settledAll($this->channel->id, array_values($published));
		foreach ($published as $transfer) {
			Queue::removePartial($transfer, true);
			$this->publish->log($transfer);
		}
		$photos = array_filter(
			$published,
			fn (Transfer $transfer) => $transfer->scale === 0 && $transfer->fileEntry()['photo'],
		);
		$this->publishEarly(array_values(array_map(fn (Transfer $photo): string => $photo->hash, $photos)));
		foreach ($transfers as $transfer) {
			if (! isset($published[$transfer->id])) {
				$this->publish->resume($transfer);
			}
		}
	}

	/**
	 * Publishes scales that have arrived, all new ones together. Those whose photo is still to come wait for it.
	 *
	 * @param array<int, Arrived> $arrived
	 *
	 * @return array<int, Arrived> The others: nothing was written.
	 */
	public function publishScales(array $arrived): array
	{
		$arrived = $this->scales->leaveToPhotos($arrived);
		$begun = count($arrived) > 1 ? $this->scales->begin($arrived) : [];
		if ($begun !== []) {
			$this->publish($begun, true);
		}

		return array_diff_key($arrived, $begun);
	}

	/**
	 * Publishes scales and crops that came before their photos, which are here now.
	 *
	 * @param list<string> $photos
	 */
	private function publishEarly(array $photos): void
	{
		foreach (Queue::verifiedScales($this->channel->id, $photos) as $ids) {
			$early = Queue::holdVerified($ids, $this->token);
			$begun = [];
			try {
				$begun = count($early) > 1
					? $this->scales->begin(array_map(Arrived::before(...), $early), TransferState::VERIFIED)
					: [];
			} catch (\Throwable $e) {
				Log::failure('publishing ' . count($early) . ' scales together', $e);
			}
			if ($begun !== []) {
				$this->publish($begun, true);
			}
			array_map($this->publish->publish(...), array_diff_key($early, $begun));
		}
	}

	/**
	 * Gives files their names, and forces that to disk.
	 *
	 * @param array<Transfer> $transfers
	 *
	 * @return list<Placed> Without those that are not ours any longer, and those with something in their place.
	 */
	private function place(array $transfers, bool $areBytesOnDisk): array
	{
		$placed = [];
		$held = Queue::heartbeat($this->token);
		foreach ($transfers as $transfer) {
			$intent = $transfer->intent();
			if (
				$intent
				&& ($held[$transfer->id] ?? null) === $transfer->generation
				&& $this->place->putNew($transfer, $intent['target'])
			) {
				$placed[] = new Placed(
					$transfer,
					$intent['target'],
					$this->place->unchanged($intent['target'], $intent['partial'] ?? null),
				);
			}
		}
		$areBytesOnDisk
			? $this->place->syncNames(array_map(fn (Placed $one) => $one->target, $placed))
			: $this->place->sync();

		return $placed;
	}

	/** @param non-empty-list<Placed> $placed */
	private function commit(array $placed): bool
	{
		try {
			return Turn::take(
				$this->channel->id,
				fn () => $placed[0]->transfer->scale > 0
					? PublishRows::commitNewScales($this->channel, $this->token, $placed)
					: PublishRows::commitNew($this->channel, $this->token, $placed),
			);
		} catch (\Throwable $e) {
			Log::failure('publishing ' . count($placed) . ' files together', $e);

			return false;
		}
	}
}
