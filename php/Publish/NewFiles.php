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
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\Wanted;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Publishes verified files of which nothing is here, many together: their intents are written down in one transaction,
 * they get their names, one sync forces all of them to disk, and their rows are committed in one transaction. Whatever
 * process is killed, Publish::recover() finds the intents. What is not plainly new any more is published alone.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Intent from Transfer
 * @import-type Known from \FileSync\Addon\Order\Judge
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
	 * @param array<int, array{wanted: Wanted, sha256: string, record: Known}> $files With what is to be known of each.
	 *
	 * @return array<int, Transfer> Those that publish() takes; of the others nothing was written.
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
	 * @param array<Transfer> $transfers
	 */
	public function publish(array $transfers): void
	{
		$placed = [];
		try {
			$held = Queue::heartbeat($this->token);
			foreach ($transfers as $transfer) {
				$intent = $transfer->intent();
				if (
					$intent
					&& ($held[$transfer->id] ?? null) === $transfer->generation
					&& $this->place->putNew($transfer, $intent['target'])
				) {
					$placed[] = [$transfer, $intent];
				}
			}
			$this->place->sync();
		} catch (\Throwable $e) {
			foreach ($transfers as $transfer) {
				$this->publish->postpone($transfer, $e);
			}

			return;
		}
		$published = $placed !== [] && $this->commit($placed) ? array_column($placed, 0) : [];
		foreach ($published as $transfer) {
			Brake::settled($transfer);
			$this->publish->log($transfer);
		}
		$ids = array_column($published, 'id', 'id');
		foreach ($transfers as $transfer) {
			if (! isset($ids[$transfer->id])) {
				$this->publish->resume($transfer);
			}
		}
	}

	/** @param non-empty-list<array{Transfer, Intent}> $placed */
	private function commit(array $placed): bool
	{
		try {
			return Turn::take($this->channel->id, fn () => PublishRows::commitNew(
				$this->channel,
				$this->token,
				array_map(
					fn ($one) => [
						$one[0],
						$one[1]['target'],
						$this->place->unchanged(
							$one[1]['target'],
							$one[1]['partial'] ?? null,
						),
					],
					$placed,
				),
			));
		} catch (\Throwable $e) {
			Log::failure('publishing ' . count($placed) . ' files together', $e);

			return false;
		}
	}
}
