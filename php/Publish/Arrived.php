<?php

namespace FileSync\Addon\Publish;

use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A file whose verified bytes have arrived, and that waits for others to be published together.
 *
 * @import-type Intent from Transfer
 */
final class Arrived
{
	/** @param array{size_bytes: int, ...<string, int|string>} $columns What its transfer holds from then on. */
	public function __construct(public readonly Transfer $transfer, public readonly array $columns) {}

	/** Returns a transfer whose bytes were verified before. */
	public static function before(Transfer $transfer): self
	{
		return new self($transfer, ['size_bytes' => $transfer->sizeBytes]);
	}

	/**
	 * Turns transfers of one state into those for NewFiles::publish(), with what is to become of each.
	 *
	 * @param array<int, self>   $arrived
	 * @param array<int, Intent> $intents
	 * @param string             $token   The token in this worker's rows.
	 *
	 * @return array<int, Transfer> Of those without an intent, and of those that were overtaken, nothing was written.
	 */
	public static function begin(
		array $arrived,
		array $intents,
		string $token,
		string $from = TransferState::LEASED,
	): array {
		$begun = [];
		foreach ($intents as $n => $intent) {
			$columns = ['intent' => json_encode($intent, JSON_THROW_ON_ERROR)] + $arrived[$n]->columns;
			$begun[$n] = [$arrived[$n]->transfer, $columns];
		}

		return (
			$begun === []
				? []
				: Table::transaction(
					fn () => Queue::advanceAll(
						$begun,
						$token,
						$from,
						TransferState::PUBLISHING,
					),
				)
		);
	}
}
