<?php

namespace FileSync\Addon\Status;

use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Receive\HeldPackets;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** Returns the state of the queue and every missing file, for the command and the pages. */
final class Report
{
	private const PAGE_ROWS = 500;

	/** Returns counts by state, and what is waiting or stuck. */
	public static function status(): array
	{
		$states = [];
		foreach (TransferState::ALL as $state) {
			$sums = Queue::sums(['state' => $state]);
			if ($sums['files'] > 0) {
				$states[$state] = $sums;
			}
		}
		ksort($states);
		$kept = Overview::kept();

		return [
			'version' => Runtime::version(),
			'extension' => extension_loaded('filesync') ? phpversion('filesync') : null,
			'problem' => Runtime::extensionProblem(),
			'standing' => Activation::standing()->value,
			'standing_problem' => StandingWords::problem(),
			'states' => $states,
			'packets_waiting' => Table::count('filesync_packet', ['state' => ['staged', Activation::QUEUED]]),
			'packets_parked' => Table::count('filesync_packet', ['state' => 'parked']),
			'packets_dropped' => array_sum(DroppedPackets::counts()),
			'calls_waiting' =>
				// What waits for a clone that is away is not ours to finish.
				Table::count('filesync_outbox', ['state' => 'due', 'kind <>' => 'bulk'])
					+ Table::count('filesync_outbox', [
						'state' => 'due',
						'kind' => 'bulk',
						'next_at <=' => Clock::now(),
					])
					+ Table::count('filesync_outbox', ['state' => 'held', 'kind <>' => 'relocate']),
			'calls_parked' => Table::count('filesync_outbox', ['state' => 'parked']),
			'kept_files' => $kept['files'],
			'kept_bytes' => $kept['bytes'],
			'paused_until' => self::date(Queue::pausedUntil()),
			'paused_reason' => Config::get('storage_paused_reason', 'state'),
			'conflicts' => array_map(
				fn ($row) => ['channel' => (int) $row['uid'], 'hash' => $row['hash'], 'name' => $row['display_path']],
				Conflicts::newest(null, 100),
			),
			'drills_failed' => array_map(
				fn ($id) => ['channel' => $id, 'failed' => Drills::failure($id)],
				Drills::failed(),
			),
			'clones' => Peers::report(),
			'comparisons' => array_map(
				fn ($run) => (
					[
						'channel' => $run->uid,
						'clone' => $run->peer,
						'state' => $run->state,
						'last' => self::date($run->finished),
						'next' => self::date($run->next_at),
						'reason' => $run->reason,
					] + array_intersect_key($run->stats, array_flip([
						'missing_here',
						'missing_there',
						'different',
						'conflict',
					]))
				),
				Run::all('ask'),
			),
			'parked' => array_map(
				fn ($row) => (
					['channel' => (int) $row['uid'], 'scale' => (int) $row['scale']]
					+ array_intersect_key($row, array_flip(['hash', 'kind', 'reason']))
				),
				Table::select(
					'filesync_transfer',
					['state' => TransferState::PARKED],
					'updated',
					100,
					'uid, scale, hash, kind, reason',
				),
			),
			'held' => array_map(fn ($line) => [
				'id' => $line['id'],
				'channel' => $line['channel'],
				'clones' => $line['urls'],
				'what' => $line['what'],
				'files' => $line['files'],
				'size_bytes' => $line['size_bytes'],
				'waiting' => $line['waiting'],
				'since' => self::date($line['since']),
			], Brake::lines()),
			'packets' => array_map(
				fn ($row) => [
					'channel' => (int) $row['uid'],
					'hash' => $row['hash'],
					'state' => $row['state'],
					'reason' => $row['reason'],
				],
				Table::select('filesync_packet', [], 'created', 100, HeldPackets::COLUMNS),
			),
		];
	}

	/**
	 * Returns every file that is missing: in transit, stuck, or shown here without its bytes.
	 *
	 * @param ?list<Channel> $channels Limits the search to these; null: all.
	 */
	public static function missing(?array $channels = null): \Generator
	{
		$where = $channels === null
			? []
			: ['uid' => array_map(fn ($channel) => $channel->id, $channels)];
		$columns = 'id, uid, hash, scale, names, state, size_bytes, kind, reason, attempts, next_at';
		foreach (Table::each(
			'filesync_transfer',
			$where + ['state' => [...Queue::LIVE, TransferState::PARKED]],
			self::PAGE_ROWS,
			$columns,
		) as $row) {
			$names = json_decode($row['names'], true) ?: [];
			yield [
				'channel' => (int) $row['uid'],
				'hash' => $row['hash'],
				'scale' => (int) $row['scale'],
				'name' => implode('/', $names),
				'state' => $row['state'],
				'size_bytes' => (int) $row['size_bytes'],
				'kind' => $row['kind'],
				'reason' => $row['reason'],
				'attempts' => (int) $row['attempts'],
				'next_try' => in_array($row['state'], [TransferState::STAGED, TransferState::WAITING], true)
					? self::date((int) $row['next_at'])
					: null,
			];
		}
		yield from self::held($where);
		yield from self::dropped($where);
		foreach ($channels ?? Clones::channels() as $channel) {
			yield from self::damaged($channel);
		}
	}

	/** Returns the files in packets that could not be applied yet. */
	private static function held(array $where): \Generator
	{
		foreach (Table::each('filesync_packet', $where, self::PAGE_ROWS, HeldPackets::COLUMNS) as $packet) {
			$told = HeldPackets::about($packet);
			if ($told && $told['name'] !== null && ! $told['is_dir']) {
				$isHeld = $packet['state'] !== 'parked';
				yield [
					'channel' => (int) $packet['uid'],
					'hash' => $packet['hash'],
					'scale' => 0,
					'name' => $told['name'],
					'state' => $isHeld ? 'held' : 'parked',
					'size_bytes' => $told['size_bytes'],
					'kind' => '',
					'reason' => $packet['reason'],
					'attempts' => (int) $packet['attempts'],
					'next_try' => $isHeld ? self::date((int) $packet['next_at']) : null,
				];
			}
		}
	}

	/** Returns the files in dropped packets that no comparison has recovered yet. */
	private static function dropped(array $where): \Generator
	{
		foreach (Table::each('filesync_dropped', $where + ['is_delete' => 0], self::PAGE_ROWS) as $note) {
			yield [
				'channel' => (int) $note['uid'],
				'hash' => $note['hash'],
				'scale' => 0,
				'name' => $note['hash'] === '' ? '?' : $note['hash'],
				'state' => 'held',
				'size_bytes' => 0,
				'kind' => '',
				'reason' => 'too many packets are held; waiting for a comparison with ' . $note['peer'],
				'attempts' => 0,
				'next_try' => null,
			];
		}
	}

	/** Returns the files that a channel shows although their bytes are missing, unless they are in transit. */
	private static function damaged(Channel $channel): \Generator
	{
		$files = ['uid' => $channel->id, 'is_dir' => 0, 'os_storage' => 1];
		foreach (Table::each(
			'attach',
			$files,
			self::PAGE_ROWS,
			'id, uid, hash, display_path, filesize, is_dir, os_storage, content, edited',
		) as $row) {
			$row = Store::withTrueSize($row);
			$path = Store::pathOf($channel, $row);
			$facts = Store::facts($path);
			if ($path === null || ($facts && $facts['size_bytes'] === (int) $row['filesize']) || self::isListed($row)) {
				continue;
			}
			yield [
				'channel' => (int) $row['uid'],
				'hash' => $row['hash'],
				'scale' => 0,
				'name' => $row['display_path'],
				'state' => 'damaged',
				'size_bytes' => (int) $row['filesize'],
				'kind' => '',
				'reason' => $facts ? "{$facts['size_bytes']} bytes are on disk" : 'nothing is on disk',
				'attempts' => 0,
				'next_try' => null,
			];
		}
	}

	/** Tells whether a file is among the transfers that are already listed. */
	private static function isListed(array $row): bool
	{
		$transfer = Queue::find((int) $row['uid'], $row['hash'], 0);

		return $transfer !== null && in_array($transfer->state, [...Queue::LIVE, TransferState::PARKED], true);
	}

	private static function date(int $time): ?string
	{
		return $time ? gmdate('Y-m-d H:i:s', $time) : null;
	}
}
