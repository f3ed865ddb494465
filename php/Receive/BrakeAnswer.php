<?php

namespace FileSync\Addon\Receive;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Postponed;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Turn;
use FileSync\Addon\Order\Vector;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Protocol\Packet;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Send\Announcement;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Does what a person answered to the Brake: lets go what is held of a clone, or gives ours back on every clone.
 *
 * @import-type KeptRow from \FileSync\Addon\Hub\Rows
 * @import-type HeldRow from \FileSync\Addon\Hub\Rows
 * @import-type Line from \FileSync\Addon\Receive\Brake
 *
 * @type Entry = array{
 *     bytes?: array{vector: array<array-key, int>, print: string, ...},
 *     crop?: ?array{edited: string, filesize: int|numeric-string, ...}, next?: string, ...
 * }
 */
final class BrakeAnswer
{
	private const SLICE_SECONDS = 5;
	private const PAGE = 50;
	private const FEW_CALLS = 20;

	/**
	 * Applies an answer: accepts a clone's changes, or restores our files on every clone. A worker continues if it
	 * takes longer.
	 *
	 * @param Line $line As Brake::lines() gave it.
	 */
	public static function decide(array $line, bool $isAgreed): void
	{
		$mine = Brake::heldOf($line['channel'], $line['hub']);
		$answer = $isAgreed ? 'agreed' : 'refused';
		$since = Table::least('filesync_held', 'since', $mine + ['state' => 'held']) ?? Clock::now();
		Table::update('filesync_held', ['state' => $answer], $mine + ['state' => 'held']);
		if ($isAgreed) {
			$hashes = array_column(
				Table::select('filesync_held', $mine + ['state' => 'agreed', 'what' => 'replaced'], '', 0, 'hash'),
				'hash',
			);
			foreach (array_chunk($hashes, 200) as $some) {
				Table::update(
					'filesync_transfer',
					[
						'state' => TransferState::STAGED,
						'kind' => '',
						'reason' => '',
						'attempts' => 0,
						'next_at' => Clock::now(),
						'updated' => Clock::now(),
					],
					[
						'uid' => $line['channel'],
						'hash' => $some,
						'scale' => Brake::COUNTED,
						'state' => TransferState::PARKED,
						'kind' => Queue::BRAKE,
					],
				);
			}
			// From now on a new count begins.
			Table::update('filesync_kept', ['hub' => ''], Brake::keptOf($line['channel'], $line['hub']));
		}
		Outbox::add(
			$line['channel'],
			'brake',
			$line['hub'],
			json_encode(['answer' => $answer, 'since' => $since]),
			false,
			$answer,
		);
		Outbox::run($line['channel'], ['brake']);
		// With many files the reader would have to wait for the page.
		if (
			Table::count('filesync_outbox', [
				'uid' => $line['channel'],
				'kind' => ['announce', 'deleted'],
				'state' => 'due',
			]) <= self::FEW_CALLS
		) {
			Outbox::run($line['channel'], ['announce', 'deleted']);
		}
		Doorbell::ring();
	}

	/**
	 * Continues with an answer for a few seconds; asks to be called again if that is not enough.
	 *
	 * @param array{answer: string, since: int} $body
	 */
	public static function work(Channel $channel, string $hub, array $body): void
	{
		$until = Clock::exact() + self::SLICE_SECONDS;
		$failure = null;
		foreach ($body['answer'] === 'agreed'
			? self::agreedDeletes($channel, $hub)
			: self::givenBack($channel, $hub, (int) $body['since']) as $one) {
			try {
				$one();
			} catch (\Throwable $e) {
				Log::failure('applying an answer about held changes', $e);
				$failure ??= $e;
			}
			if (Clock::exact() > $until) {
				$rest = json_encode($body, JSON_THROW_ON_ERROR);
				Outbox::add($channel->id, 'brake', $hub, $rest, false, $body['answer']);
				return;
			}
		}
		if ($failure) {
			throw $failure;
		}
	}

	/** @return \Generator<int, \Closure(): void> */
	private static function agreedDeletes(Channel $channel, string $hub): \Generator
	{
		foreach (self::each($channel, $hub, 'agreed', 'deleted') as $row) {
			yield function () use ($channel, $row): void {
				Incoming::replay($channel, json_decode($row['body'], true), HeldPackets::moment(), true);
				Table::delete('filesync_held', ['id' => $row['id']]);
			};
		}
	}

	/** @return \Generator<int, \Closure(): void> */
	private static function givenBack(Channel $channel, string $hub, int $since): \Generator
	{
		$channelId = $channel->id;
		foreach (self::each($channel, $hub, 'refused', 'deleted') as $row) {
			yield function () use ($channel, $channelId, $row): void {
				Turn::take($channelId, function () use ($channel, $row) {
					self::keepOurs($channel, $row['hash']);
					Deletion::refuse($channel, Packet::read(json_decode($row['body'], true)));
				});
				Table::delete('filesync_held', ['id' => $row['id']]);
			};
		}
		foreach (self::each($channel, $hub, 'refused', 'replaced') as $row) {
			yield function () use ($channel, $channelId, $row): void {
				Turn::take($channelId, fn () => self::keepOurs($channel, $row['hash']));
				Table::delete('filesync_held', ['id' => $row['id']]);
			};
		}
		$displaced =
			['scale' => Brake::COUNTED, 'created >=' => $since, 'source' => ''] + Brake::keptOf($channelId, $hub);
		foreach (Table::each('filesync_kept', $displaced, self::PAGE, 'DISTINCT hash', 'hash') as ['hash' => $hash]) {
			yield function () use ($channel, $channelId, $displaced, $hash): void {
				Turn::take($channelId, fn () => self::keepOurs($channel, $hash));
				foreach (Brake::COUNTED as $scale) {
					$rows = Table::select(
						'filesync_kept',
						['hash' => $hash, 'scale' => $scale] + $displaced,
						'created DESC, id',
					);
					// A crop that was deleted with its file returns with it.
					$rows = $scale
						? array_values(array_filter(
							$rows,
							fn ($one) => isset(json_decode($one['entry'], true)['crop']),
						))
						: $rows;
					if ($rows) {
						Undo::apply(self::before($rows));
					}
				}
				Table::update('filesync_kept', ['hub' => ''], ['hash' => $hash] + $displaced);
			};
		}
	}

	/**
	 * Returns the newest version of a file or crop that a clone displaced and that was not its own.
	 *
	 * @param non-empty-list<KeptRow> $kept
	 *
	 * @return KeptRow
	 */
	private static function before(array $kept): array
	{
		$entries = [];
		foreach ($kept as $one) {
			/** @var Entry $entry */
			$entry = json_decode($one['entry'], true);
			$entries[$one['id']] = $entry;
		}
		$isLater = fn ($one, $other) => (
			Vector::compare($one['bytes']['vector'] ?? [], $other['bytes']['vector'] ?? []) === 'after'
			|| ($one['crop']['edited'] ?? '') > ($other['crop']['edited'] ?? '')
		);
		// Their vectors distinguish several within a second.
		usort(
			$kept,
			fn ($one, $other) => (
				(int) $other['created'] <=> (int) $one['created']
				?: ($isLater($entries[$one['id']], $entries[$other['id']]) ? -1 : 1)
			),
		);
		$ours = array_shift($kept);
		foreach ($kept as $older) {
			$crop = $entries[$ours['id']]['crop'] ?? null;
			$print = $crop
				? (int) $crop['filesize'] . ':' . substr($crop['edited'], 0, 19)
				: strtok((string) ($entries[$ours['id']]['bytes']['print'] ?? ''), '#');
			if ($print === false || $print !== ($entries[$older['id']]['next'] ?? null)) {
				break;
			}
			$ours = $older;
		}

		return $ours;
	}

	/** Makes the present bytes of a file and its crops the newest change, which has seen the held ones. */
	private static function keepOurs(Channel $channel, string $hash): void
	{
		$channelId = $channel->id;
		$file = Revisions::notice($channel, $hash);
		$transfers = array_filter(
			array_map(fn ($scale) => Queue::find($channelId, $hash, $scale), Brake::COUNTED),
			Queue::isWanted(...),
		);
		if (! ($own = Store::attach($channelId, $hash)) || ! $transfers) {
			return;
		}
		if (in_array(TransferState::PUBLISHING, array_column($transfers, 'state'), true)) {
			throw new Postponed('the file is being published', true);
		}
		// A hub without filesync accepts nothing dated before its own version, and no hub accepts such a crop.
		$now = Brake::after(...array_column($transfers, 'edited'));
		Table::update('attach', ['edited' => $now], ['uid' => $channelId, 'hash' => $hash]);
		Table::update('photo', ['edited' => $now], ['uid' => $channelId, 'resource_id' => $hash]);
		Revisions::stand($channel, $file);
		Queue::drop($channelId, $hash);
		Outbox::release($channelId, $hash);
		Announcement::answer($channelId, $hash, false);
	}

	/** @return \Generator<int, HeldRow> */
	private static function each(Channel $channel, string $hub, string $state, string $what): \Generator
	{
		$where = Brake::heldOf($channel->id, $hub) + ['state' => $state, 'what' => $what];
		foreach (Table::each('filesync_held', $where, self::PAGE, 'id') as $row) {
			// One body at a time: that of a folder's delete may be large.
			$row = Table::first('filesync_held', ['id' => $row['id'], 'state' => $state]);
			if ($row) {
				yield $row;
			}
		}
	}
}
