<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Storage\Placement;
use FileSync\Addon\Transfer\Queue;

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
	 * @return array<int, \FileSync\Addon\Transfer\Transfer> Those for publish(); of the others nothing was written.
	 */
	public function intend(array $files): array
	{
		[$used, $limit] = Store::quota($this->channel);
		$bytes = array_sum(array_map(fn ($file) => $file['wanted']->sizeBytes, $files));
		if ($limit !== null && ($used + $bytes) > $limit) {
			return [];
		}
		$brought = $chains = [];
		foreach ($files as $n => ['wanted' => $wanted, 'sha256' => $sha256]) {
			$chains[$wanted->folder] ??= Store::chain($this->channel->id, $wanted->folder) ?? false;
			$chain = $chains[$wanted->folder];
			$target = $chain === false
				? null
				: Store::placeIn($this->channel, $chain, $wanted->hash, $wanted->hash)['content'] ?? null;
			$partial = $this->place->firstFacts($wanted->hash);
			if ($target !== null && $partial && ! $this->place->liveFacts($target)) {
				$intent = ['target' => $target, 'live' => null, 'partial' => $partial, 'live_sha256' => null];
				$brought[$n] = [$wanted, $sha256, $intent + ['same' => false, 'had_row' => false, 'both' => false]];
			}
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
	 * Publishes what was written down. What became of each is in its transfer.
	 *
	 * @param array<\FileSync\Addon\Transfer\Transfer> $transfers
	 */
	public function publish(array $transfers): void
	{
		try {
			$placed = $this->place($transfers);
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
		array_map($this->publish->log(...), $published);
		foreach ($transfers as $transfer) {
			if (! isset($published[$transfer->id])) {
				$this->publish->resume($transfer);
			}
		}
	}

	/**
	 * Gives files their names, and forces that to disk.
	 *
	 * @param array<\FileSync\Addon\Transfer\Transfer> $transfers
	 *
	 * @return list<Placed> Without those that are not ours any longer, and those with something in their place.
	 */
	private function place(array $transfers): array
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
		$this->place->sync();

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
