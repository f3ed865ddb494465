<?php

namespace FileSync\Addon\Storage;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\PhotoType;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The last resort for a photo's scale that no hub gives: it is made here, by the extension or, if that refuses the
 * photo, by the hub's own image library.
 *
 * What the last fetch ended with, and how often the library was called, are in the transfer's `result`: a photo that
 * kills the library is not given to it for ever, and one that it cannot read waits or is parked as after that fetch.
 *
 * @type Note = array{calls: int, rounds: int, kind: string, reason: string, temporary: bool, told: ?string}
 */
final class LastResort
{
	/** How often the library is called for a scale. */
	private const MOST_CALLS = 2;
	/** How often a scale is sent back to be made; more than calls, because another photo may have ended the process. */
	private const MOST_ROUNDS = 8;
	/** How often a hub that may come back is asked first. */
	private const FETCHES = 5;

	/**
	 * Takes a scale that could not be fetched. False if it is not one that is made, its photo is not here, its hub may
	 * still give it, or it was tried before.
	 *
	 * @param Transfer $transfer   Leased.
	 * @param bool     $isProgress As Queue::retryLater() takes it.
	 */
	public static function take(
		Channel $channel,
		Transfer $transfer,
		string $kind,
		string $reason,
		bool $isTemporary,
		bool $isProgress = false,
	): bool {
		if ($isTemporary && self::isMadeInstead($channel, $transfer, $kind, $reason)) {
			return true;
		}
		$note = self::note($transfer);
		$attempts = ($isProgress ? 0 : $transfer->attempts) + 1;
		$fetches = $kind === 'Corrupt' ? Config::number('corrupt_attempts') : self::FETCHES;
		if (
			! ScaleTable::isMade($transfer->scale)
			// A repair makes them in any case.
			|| (Config::get('make_scales') !== '1'
			&& $transfer->origin !== '')
			|| $note['calls'] >= self::MOST_CALLS
			|| $note['rounds'] >= self::MOST_ROUNDS
			|| ($isTemporary
			&& $attempts < $fetches)
		) {
			return false;
		}
		$source = Facts::of($channel, $transfer->hash, ScaleTable::sourceOf($transfer->scale));
		if ($source->state !== 'whole' || $source->path === null) {
			return false;
		}

		return Queue::advance(
			$transfer,
			TransferState::LEASED,
			TransferState::TO_MAKE,
			[
				'token' => '',
				'lease_until' => 0,
				'kind' => $kind,
				'reason' => $reason,
				'result' => self::noted(
					$transfer,
					['rounds' => $note['rounds'] + 1, 'kind' => $kind, 'reason' => $reason, 'temporary' => $isTemporary]
					+ $note,
				),
			],
		) !== null;
	}

	/**
	 * Tells whether what came of a scale that could be made here as well is another picture than was announced, by what
	 * its header says.
	 */
	public static function isOther(Transfer $transfer): bool
	{
		if (
			! in_array($transfer->kind, ['', 'Corrupt'], true)
			|| self::has($transfer)
			|| ! ScaleTable::isMade($transfer->scale)
			|| Config::get('make_scales') !== '1'
		) {
			return false;
		}
		$photo = $transfer->scaleEntry()['photo'];
		$root = (string) realpath(Store::dataRoot($transfer->channelId));
		$header = PhotoType::header($root, $transfer->partialName() . '.partial');

		return $header !== [
			'mimetype' => $photo['mimetype'],
			'width' => (int) $photo['width'],
			'height' => (int) $photo['height'],
		];
	}

	/**
	 * Has a scale made by the extension whose first fetch failed, if nobody tried that yet: it was only fetched because
	 * that takes less time.
	 */
	private static function isMadeInstead(Channel $channel, Transfer $transfer, string $kind, string $reason): bool
	{
		if (
			$transfer->kind !== ''
			|| $transfer->attempts > 0
			|| self::has($transfer)
			|| ! ScaleTable::isMade($transfer->scale)
			|| Config::get('make_scales') !== '1'
		) {
			return false;
		}
		$source = Facts::of($channel, $transfer->hash, ScaleTable::sourceOf($transfer->scale));

		return (
			$source->state === 'whole'
			&& $source->path !== null
			&& Queue::advance($transfer, TransferState::LEASED, TransferState::TO_MAKE, [
				'token' => '',
				'lease_until' => 0,
				'kind' => $kind,
				'reason' => $reason,
			]) !== null
		);
	}

	/** Tells whether a scale that is to be made was given up by all hubs. */
	public static function has(Transfer $transfer): bool
	{
		return self::note($transfer)['rounds'] > 0;
	}

	/** Counts a call of the library, before it is called; null if another worker took the row. */
	public static function count(Transfer $transfer): ?Transfer
	{
		$note = self::note($transfer);

		return Queue::advance($transfer, TransferState::LEASED, TransferState::LEASED, [
			'result' => self::noted($transfer, ['calls' => $note['calls'] + 1] + $note),
		]);
	}

	/** Ends the last resort: the scale is where its last fetch left it, and says why it could not be made either. */
	public static function giveUp(Transfer $transfer, string $why): void
	{
		$note = ['calls' => self::MOST_CALLS, 'told' => $why] + self::note($transfer);
		$result = self::noted($transfer, $note);
		$isTemporary = $note['temporary'] && $note['kind'] !== 'Corrupt';
		if (! $isTemporary) {
			Queue::park($transfer, $note['kind'], self::reason($note, $note['reason']), ['result' => $result]);
			return;
		}
		$noted = Queue::advance($transfer, TransferState::LEASED, TransferState::LEASED, ['result' => $result]);
		if ($noted) {
			Queue::retryLater($noted, $note['kind'], self::reason($note, $note['reason']), null);
		}
	}

	/**
	 * Has the scales of a photo that could not be made, and wait for another hub, made at once, as if they were never
	 * tried.
	 *
	 * @return list<int> Which.
	 */
	public static function again(int $channelId, string $hash): array
	{
		$scales = [];
		$waiting = ['uid' => $channelId, 'hash' => $hash, 'scale >' => 0, 'state' => TransferState::WAITING];
		foreach (Table::select('filesync_transfer', $waiting, 'scale') as $columns) {
			$transfer = Transfer::of($columns);
			$note = ['calls' => 0, 'rounds' => 1, 'told' => null] + self::note($transfer);
			$set = ['next_at' => Clock::now(), 'result' => self::noted($transfer, $note)];
			if (
				self::has($transfer)
				&& Queue::advance($transfer, TransferState::WAITING, TransferState::TO_MAKE, $set)
			) {
				$scales[] = $transfer->scale;
			}
		}

		return $scales;
	}

	/** Returns why a scale is missing: why no hub gives it, and why it could not be made here. */
	public static function told(Transfer $transfer, string $reason): string
	{
		return self::reason(self::note($transfer), $reason);
	}

	/** @param Note $note */
	private static function reason(array $note, string $reason): string
	{
		$why =
			$note['told']
				?? (
					$note['calls'] >= self::MOST_CALLS
						? "it ended the process {$note['calls']} times: raise memory_limit in php.ini, then run `repair photos`"
						: null
				);

		return $why === null ? $reason : "$reason; it cannot be made here either: $why";
	}

	/** @return Note */
	private static function note(Transfer $transfer): array
	{
		$note = $transfer->result()['last_resort'] ?? [];

		return [
			'calls' => $note['calls'] ?? 0,
			'rounds' => $note['rounds'] ?? 0,
			'kind' => $note['kind'] ?? '',
			'reason' => $note['reason'] ?? '',
			'temporary' => $note['temporary'] ?? false,
			'told' => $note['told'] ?? null,
		];
	}

	/** @param Note $note */
	private static function noted(Transfer $transfer, array $note): string
	{
		return json_encode(
			['last_resort' => $note] + $transfer->result(),
			JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
		);
	}
}
