<?php

namespace FileSync\Addon\Work;

use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Settings;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Import\Job as Import;
use FileSync\Addon\Outbox\Outbox;
use FileSync\Addon\Publish\Publish;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Send\Bulk;
use FileSync\Addon\Send\BulkQueue;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** Removes filesync from a hub, so that the hub finds nothing half done afterwards. */
final class Uninstall
{
	/** Work apart from that of workers that reads or fills the tables for long. */
	private const SETS = ['restore', 'backup'];

	/** Returns the numbers of unfinished, stuck and kept things. */
	public static function outlook(): array
	{
		$live = ['state' => Queue::LIVE];

		return [
			'files_on_their_way' => Table::count('filesync_transfer', $live),
			'bytes_on_their_way' => Table::sum('filesync_transfer', 'size_bytes', $live),
			'files_parked' => Table::count('filesync_transfer', ['state' => TransferState::PARKED]),
			'restores' => Table::count('filesync_restore', [
				'state' => array_map(fn ($state) => $state->value, JobState::UNDER_WAY),
			]),
			'sets_arriving' => Table::count('filesync_door', ['state' => Session::LIVE]),
			'imports' => Table::count('filesync_import', [
				'left_to <>' => Import::COMMAND,
				'state <>' => Import::DONE,
			]),
			'packets_held' => Table::count('filesync_packet', []),
			'changes_to_send' =>
				Table::count('filesync_outbox', [
					'kind' => ['intent', 'announce', 'deleted', 'deleting'],
					'state <>' => 'parked',
				]) + Table::count('filesync_bulk', []),
			'other_calls' => Table::count('filesync_outbox', [
				'kind <>' => ['intent', 'announce', 'deleted', 'deleting', 'relocate', 'bulk'],
				'state <>' => 'parked',
			]),
			'kept_files' => Table::count('filesync_kept', []),
			'kept_bytes' => Table::sum('filesync_kept', 'size_bytes', []),
		];
	}

	/** Tells whether an outlook contains unfinished or stuck work. */
	public static function isWaiting(array $outlook): bool
	{
		return array_sum(array_diff_key($outlook, ['bytes_on_their_way' => 1, 'kept_files' => 1, 'kept_bytes' => 1]))
		> 0;
	}

	/** Has the hub's own queue send what still waits for clones, however long they are away. */
	public static function giveToHub(int $seconds): void
	{
		Bulk::giveToHub(BulkQueue::channels(), Clock::now() + $seconds);
	}

	/** Stops new workers from beginning, and waits for running ones. False if they do not end in time. */
	public static function stopWorkers(string $token, int $seconds): bool
	{
		$end = Clock::now() + $seconds;
		for ($slot = 1; $slot <= Settings::MOST_WORKERS;) {
			if (Lease::take("worker-$slot", $token, 3600)) {
				$slot++;
			} elseif (Clock::now() >= $end) {
				self::letWorkersGo($token);
				return false;
			} else {
				sleep(1);
			}
		}

		return true;
	}

	/** Waits for a rehearsal or drill, and removes what a killed one left. False if it does not end in time. */
	public static function endRehearsals(int $seconds): bool
	{
		$end = Clock::now() + $seconds;
		while (Lease::isHeld(Scratch::LEASE)) {
			Scratch::want();
			if (Clock::now() >= $end) {
				return false;
			}
			sleep(1);
		}
		self::sweep();

		return true;
	}

	/**
	 * Stops new restores and nightly sets from beginning, and waits for running ones. False if they do not end in time.
	 *
	 * @param bool $mustCancel Whether restores are cancelled; what they restored stays.
	 */
	public static function stopRestores(string $token, int $seconds, bool $mustCancel): bool
	{
		if ($mustCancel) {
			foreach (Job::in(JobState::UNDER_WAY) as $job) {
				Underway::cancel($job->channelId);
			}
		}
		$end = Clock::now() + $seconds;
		for (;;) {
			$free = array_filter(self::SETS, fn ($name) => Lease::take($name, $token, 3600));
			if (count($free) === count(self::SETS) && ! Underway::isAny()) {
				return true;
			}
			self::letRestoresGo($token);
			if (Clock::now() >= $end) {
				return false;
			}
			sleep(1);
		}
	}

	/** Lets restores and nightly sets begin again. */
	public static function letRestoresGo(string $token): void
	{
		foreach (self::SETS as $name) {
			Lease::giveBack($name, $token);
		}
	}

	/** Lets workers begin again. */
	public static function letWorkersGo(string $token): void
	{
		for ($slot = 1; $slot <= Settings::MOST_WORKERS; $slot++) {
			Lease::giveBack("worker-$slot", $token);
		}
	}

	/**
	 * Forgets unfinished transfers. Files that are already whole are published, and changes that only need sending are
	 * sent first.
	 *
	 * No worker runs meanwhile: see stopWorkers().
	 */
	public static function drop(string $token): void
	{
		// The holders of these are gone, however long their leases run.
		Table::update(
			'filesync_transfer',
			['lease_until' => 0],
			['state' => [TransferState::LEASED, TransferState::PUBLISHING, TransferState::VERIFIED]],
		);
		$isPossible = Runtime::extensionProblem() === null;
		foreach (self::channelsAtWork() as $channelId) {
			$channel = Clones::channel($channelId);
			if ($channel && $isPossible) {
				Kept::settle($channelId);
				$publish = new Publish($channel, $token, fn () => null);
				$publish->recover();
				$publish->publishVerified();
			}
			if ($channel) {
				Outbox::run($channelId);
			}
		}
		if (Table::count('filesync_transfer', ['state' => TransferState::PUBLISHING])) {
			throw new \RuntimeException(
				'a file is half published and ' . (Runtime::extensionProblem() ?? 'does not finish: see status'),
			);
		}
		foreach (Table::select(
			'filesync_transfer',
			['state' => [...Queue::LIVE, TransferState::PARKED]],
			'',
			0,
			'id, uid, hash, scale, generation',
		) as $row) {
			Table::delete('filesync_transfer', ['id' => $row['id']]);
			Queue::removeFiles((int) $row['uid'], $row);
		}
		array_map(
			fn ($session) => $session->end('dropped', 'filesync was removed from this hub.'),
			Session::live(),
		);
		Import::dropAll();
		Table::delete('filesync_packet', ['attempts >=' => 0]);
		Table::delete('filesync_dropped', ['created >=' => 0]);
		Table::delete('filesync_bulk', ['created >=' => 0]);
		Table::delete('filesync_outbox', ['attempts >=' => 0]);
	}

	/** Removes the addon from the hub's list: from now on the hub handles files on its own. */
	public static function unregister(): void
	{
		Registration::remove();
	}

	/** Removes tables, settings, and all kept files. */
	public static function purge(): void
	{
		// Afterwards nobody knows of its channel, nor keeps the hub from telling others about it.
		self::sweep();
		Store::removeData();
		Migrations::undo();
		Look::forget();
		Activation::forget();
	}

	private static function sweep(): void
	{
		if (! Table::missing(['filesync_scratch'])) {
			Scratch::sweep();
		}
	}

	private static function channelsAtWork(): array
	{
		$rows = [
			...Table::select('filesync_transfer', [], '', 0, 'DISTINCT uid'),
			...Table::select('filesync_outbox', [], '', 0, 'DISTINCT uid'),
		];

		return array_values(array_unique(array_map('intval', array_column($rows, 'uid'))));
	}
}
