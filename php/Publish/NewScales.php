<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Storage\PhotoRow;
use FileSync\Addon\Storage\Placement;
use FileSync\Addon\Storage\ScaleTable;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Writes down what is to come of scales of which nothing is here, so that NewFiles publishes them together: those of
 * many photos cost hardly more statements than one scale.
 *
 * @import-type AttachRow from \FileSync\Addon\Hub\Rows
 * @import-type Intent from Transfer
 */
final class NewScales
{
	private readonly Placement $place;

	/**
	 * @param string            $token The token in this worker's rows.
	 * @param \Closure(): void $beat  Renews the worker's leases during long reads.
	 */
	public function __construct(private readonly Channel $channel, private readonly string $token, \Closure $beat)
	{
		$this->place = new Placement($channel, $beat);
	}

	/**
	 * Turns the transfers of scales, whose bytes are where the partial files belong, into those for
	 * NewFiles::publish().
	 *
	 * @param array<int, Arrived> $scales
	 * @param string              $from   The state of all.
	 *
	 * @return array<int, Transfer> Of the others nothing was written.
	 */
	public function begin(array $scales, string $from = TransferState::LEASED): array
	{
		$scales = Store::keepsThumbnailsAsFiles() ? array_filter($scales, self::isPlain(...)) : [];
		$intents = $this->intents(array_map(fn (Arrived $one) => $one->transfer, $scales));

		return Arrived::begin($scales, $intents, $this->token, $from);
	}

	/**
	 * Notes that scales have arrived before their photos, which are still to come: they are verified, and wait.
	 *
	 * @param array<int, Arrived> $scales
	 *
	 * @return array<int, Arrived> The others.
	 */
	public function leaveToPhotos(array $scales): array
	{
		$hashes = array_map(fn (Arrived $one): string => $one->transfer->hash, $scales);
		$awaited = $hashes ? Queue::awaited($this->channel->id, array_values(array_unique($hashes))) : [];
		$early = array_filter($scales, fn (Arrived $one): bool => in_array($one->transfer->hash, $awaited, true));
		if ($early !== []) {
			$verified = array_map(fn (Arrived $one): array => [$one->transfer, $one->columns], $early);
			Table::transaction(fn () => Queue::leaveVerified($verified, $this->token));
		}

		return array_diff_key($scales, $early);
	}

	/** Tells whether a scale can be one of many: one that hubs make of another one, and the first version. */
	public static function isPlain(Arrived $scale): bool
	{
		$transfer = $scale->transfer;
		$photo =
			ScaleTable::isMade($transfer->scale) && $transfer->generation === 1 && $transfer->pending() === null
				? $transfer->scaleEntry()['photo']
				: null;

		return (
			$photo !== null
			&& PhotoType::isKnown((string) ($scale->columns['mimetype'] ?? $photo['mimetype']))
			&& PhotoRow::isPlain($photo)
		);
	}

	/**
	 * Returns what is to become of scales: each gets its place beside its photo.
	 *
	 * @param array<int, Transfer> $transfers
	 *
	 * @return array<int, Intent> Without those whose photo is not here, or still to come, and those with something in
	 *     their place.
	 */
	private function intents(array $transfers): array
	{
		$hashes = array_values(array_unique(array_map(fn (Transfer $transfer) => $transfer->hash, $transfers)));
		if ($hashes === []) {
			return [];
		}
		$photos = Store::attachSome($this->channel->id, $hashes) ?? [];
		$awaited = Queue::awaited($this->channel->id, $hashes);
		$here = PhotoRow::here($this->channel->id, $hashes);
		$intents = [];
		foreach ($transfers as $n => $transfer) {
			$own = $photos[$transfer->hash] ?? null;
			$photo = $own && ! (int) $own['is_dir'] ? Store::pathOf($this->channel, $own) : null;
			$partial = $this->place->partialFacts($transfer);
			if (
				$photo !== null
				&& $partial
				&& ! in_array($transfer->hash, $awaited, true)
				&& ! in_array($transfer->scale, $here[$transfer->hash] ?? [], true)
				&& ! $this->place->liveFacts("$photo-$transfer->scale")
			) {
				$intents[$n] = [
					'target' => "$photo-$transfer->scale",
					'live' => null,
					'partial' => $partial,
					'live_sha256' => null,
					'same' => false,
					'had_row' => true,
					'both' => false,
				];
			}
		}

		return $intents;
	}
}
