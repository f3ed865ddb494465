<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\FolderChange;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Placement;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Publishes verified files of which nothing is here, many together: their intents are written down in one transaction,
 * they get their names, all of which are forced to disk at once, and their rows are committed in one transaction.
 * Whatever process is killed, Publish::recover() finds the intents. What is no longer plainly new is published like any
 * other.
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
		if (! $this->hasRoom(array_map(fn ($file) => $file['wanted']->sizeBytes, $files))) {
			return [];
		}
		$brought = [];
		$intents = $this->intents(array_map(fn ($file) => [$file['wanted']->hash, $file['wanted']->folder], $files));
		foreach ($intents as $n => $intent) {
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
	 * Publishes those of some received files that are plainly new, of which only the bytes and a row are to be put in
	 * place.
	 *
	 * @param list<Transfer> $transfers Verified, with our token; their bytes are on disk.
	 *
	 * @return list<Transfer> The others, with which nothing was done.
	 */
	public function publishReceived(array $transfers): array
	{
		$some = array_filter($transfers, self::isPlain(...));
		if (count($some) < 2) {
			return $transfers;
		}
		try {
			$begun = Turn::take($this->channel->id, fn () => $this->begin($some));
		} catch (\Throwable $e) {
			// What is wrong with each is seen when it is published alone.
			Log::failure('publishing ' . count($some) . ' files together', $e);

			return $transfers;
		}
		foreach ($begun ? $this->publish(array_values($begun), true) : [] as $published) {
			Queue::removePartial($published, true);
		}

		return array_values(array_diff_key($transfers, $begun));
	}

	private static function isPlain(Transfer $transfer): bool
	{
		if ($transfer->scale > 0 || $transfer->generation > 1 || $transfer->pending() !== null) {
			return false;
		}
		$entry = $transfer->fileEntry();

		return $entry['photo'] === null && ! $entry['attach']['is_photo'];
	}

	/**
	 * Makes the folders of received files, and writes down what is to come of the files.
	 *
	 * @param array<int, Transfer> $transfers
	 *
	 * @return array<int, Transfer> Those for publish(), as they are now; with the others nothing was done.
	 */
	private function begin(array $transfers): array
	{
		$own = Store::attachSome(
			$this->channel->id,
			array_values(array_map(fn (Transfer $transfer) => $transfer->hash, $transfers)),
			'hash',
		);
		$transfers = array_filter(
			$transfers,
			fn (Transfer $transfer) => $own !== null && ! isset($own[$transfer->hash]),
		);
		if (! $this->hasRoom(array_map(fn (Transfer $transfer) => $transfer->sizeBytes, $transfers))) {
			return [];
		}
		$files = [];
		foreach ($transfers as $n => $transfer) {
			['folders' => $folders, 'attach' => $attach] = $transfer->fileEntry();
			FolderChange::createMissing($this->channel, $folders);
			$files[$n] = [$transfer->hash, $attach['folder']];
		}
		$intents = $this->intents($files);

		return Table::transaction(fn () => $this->beginAll(array_intersect_key($transfers, $intents), $intents));
	}

	/**
	 * @param array<int, Transfer> $transfers
	 * @param array<int, Intent>   $intents
	 *
	 * @return array<int, Transfer>
	 */
	private function beginAll(array $transfers, array $intents): array
	{
		$begun = [];
		foreach ($transfers as $n => $transfer) {
			$begun[$n] = Queue::advance($transfer, TransferState::VERIFIED, TransferState::PUBLISHING, [
				'intent' => json_encode($intents[$n], JSON_THROW_ON_ERROR),
				'lease_until' => Clock::now() + Queue::LEASE_SECONDS,
			]);
		}

		return array_filter($begun);
	}

	/**
	 * Tells whether the account may have so many more bytes.
	 *
	 * @param array<int> $bytes
	 */
	private function hasRoom(array $bytes): bool
	{
		[$used, $limit] = Store::quota($this->channel);

		return $limit === null || ($used + array_sum($bytes)) <= $limit;
	}

	/**
	 * Says what is to come of files whose bytes are where the partial files belong, and in whose places nothing is.
	 *
	 * @param array<int, array{string, string}> $files The hash and the folder of each.
	 *
	 * @return array<int, Intent>
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
				$intents[$n] = ['target' => $target, 'live' => null, 'partial' => $partial, 'live_sha256' => null]
				+ ['same' => false, 'had_row' => false, 'both' => false];
			}
		}

		return $intents;
	}

	/**
	 * Publishes what was written down. What became of each is in its transfer.
	 *
	 * @param array<Transfer> $transfers
	 * @param bool            $areBytesOnDisk Whether only their names are to be forced there.
	 *
	 * @return array<Transfer> Those that were published together.
	 */
	public function publish(array $transfers, bool $areBytesOnDisk = false): array
	{
		try {
			$placed = $this->place($transfers, $areBytesOnDisk);
		} catch (\Throwable $e) {
			foreach ($transfers as $transfer) {
				$this->publish->postpone($transfer, $e);
			}

			return [];
		}
		$published = $placed !== [] && $this->commit($placed)
			? array_column(array_map(fn (Placed $one) => $one->transfer, $placed), null, 'id')
			: [];
		Brake::settledAll($this->channel->id, array_values($published));
		array_map($this->publish->log(...), $published);
		foreach ($transfers as $transfer) {
			if (! isset($published[$transfer->id])) {
				$this->publish->resume($transfer);
			}
		}

		return $published;
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
				fn () => PublishRows::commitNew($this->channel, $this->token, $placed),
			);
		} catch (\Throwable $e) {
			Log::failure('publishing ' . count($placed) . ' files together', $e);

			return false;
		}
	}
}
