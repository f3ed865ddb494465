<?php

namespace FileSync\Addon\Work;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Box\Round;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Drill\Certificate;
use FileSync\Addon\Hub\Activation;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Look;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Scratch;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Import\Background;
use FileSync\Addon\Import\Job;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Peers\Peers;
use FileSync\Addon\Posts\Previews;
use FileSync\Addon\Protocol\Refusals;
use FileSync\Addon\Protocol\Ticket;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\Deletion;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Receive\HandOver;
use FileSync\Addon\Receive\HeldPackets;
use FileSync\Addon\Reconcile\Reconcile;
use FileSync\Addon\Reconcile\Verify;
use FileSync\Addon\Repair\Journal;
use FileSync\Addon\Repair\Legacy;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Revision\Ended;
use FileSync\Addon\Revision\Kept;
use FileSync\Addon\Revision\Revisions;
use FileSync\Addon\Revision\Site;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Send\BulkQueue;
use FileSync\Addon\Send\Intentions;
use FileSync\Addon\Status\Overview;
use FileSync\Addon\Storage\Digests;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Addon\Transfer\Meter;
use FileSync\Addon\Transfer\Queue;
use FileSync\Addon\Transfer\Transfer;
use FileSync\Addon\Transfer\TransferState;

if (! class_exists('App', false)) {
	exit;
}

/** Periodic jobs: restarts stopped work, and enforces bounds. */
final class Housekeeping
{
	/**
	 * Restores hooks, looks at a hub that changed, removes what a killed rehearsal left and has one begun again that
	 * did not end, notes that cron runs; where filesync is active, wakes a worker if anything is due, and forgets
	 * expired nonces. Every cron run.
	 */
	public static function often(): void
	{
		if (! Migrations::ready()) {
			return;
		}
		Registration::mend();
		self::each([
			Look::renewIfDue(...),
			Scratch::sweep(...),
			Activation::again(...),
			self::handOver(...),
			self::noteParts(...),
			Session::sweep(...),
			Round::tend(...),
			Key::prune(...),
		]);
		Config::set('cron_at', (string) Clock::now(), 'state');
		Config::set('cron_version', Runtime::extensionProblem() === null ? Runtime::version() : '', 'state');
		if (Config::get('enabled') !== '0' && Activation::isActive()) {
			self::each([
				Intentions::recover(...),
				Kept::settleAll(...),
				Deletion::recover(...),
				Queue::releaseFitting(...),
				Doorbell::ring(...),
				Previews::summon(...),
				Digests::summon(...),
				Underway::recover(...),
				Reconcile::plan(...),
				Restores::summon(...),
				SentDrills::summon(...),
				NightlySets::summon(...),
				Background::summon(...),
				fn () => Table::delete('filesync_nonce', ['expires <' => Clock::now()]),
			]);
		}
	}

	/**
	 * Has what was held, and what waits to be sent, handed over where filesync was switched off since; the hub's own
	 * receiver may take long.
	 */
	private static function handOver(): void
	{
		if (HandOver::isDue() || BulkQueue::leftChannels() !== []) {
			Daemon::summon('hand-over');
		}
	}

	/** Has what waited for a part of filesync tried again at once when that part is back. */
	private static function noteParts(): void
	{
		$off = Parts::off();
		$before = array_filter(explode(' ', Config::get('parts_off', 'state')));
		if (array_diff($before, $off)) {
			HeldPackets::tryAgain();
		}
		if ($before !== $off) {
			Config::set('parts_off', implode(' ', $off), 'state');
		}
	}

	/** Removes everything past its bounds. Once a day; while filesync holds packets, nothing. */
	public static function daily(): void
	{
		if (! Migrations::ready() || Activation::isHolding()) {
			return;
		}
		$old = Clock::now() - (86400 * Config::number('history_days'));
		Table::delete('filesync_transfer', [
			'state' => [TransferState::PUBLISHED, TransferState::DROPPED],
			'updated <' => $old,
		]);
		Table::delete('filesync_packet', [
			'state' => 'parked',
			'updated <' => Clock::now() - (86400 * Config::number('kept_days')),
		]);
		Table::delete('filesync_outbox', [
			'state' => ['parked', 'held'],
			'kind <>' => ['intent', 'deleting'],
			'created <' => Clock::now() - (86400 * Config::number('kept_days')),
		]);
		$ended = Clock::now() - (86400 * max(90, Config::number('kept_days')));
		Table::delete('filesync_file', ['state' => 'unknown', 'updated <' => $ended]);
		self::each([
			fn () => Ended::collect(['gone', Revisions::UNSEEN], $ended),
			BulkQueue::prune(...),
			Ticket::prune(...),
			Refusals::prune(...),
			Digests::prune(...),
			Peers::prune(...),
			Kept::prune(...),
			Brake::prune(...),
			Journal::prune(...),
			Run::prune(...),
			self::prunePartials(...),
			DroppedPackets::compareAll(...),
			Verify::plan(...),
			NightlySets::plan(...),
			fn () => Job::prune($old),
		]);
	}

	/** Runs one task after the other; a failure in one channel does not stop the others. */
	private static function each(array $works): void
	{
		foreach ($works as $work) {
			try {
				$work();
			} catch (\Throwable $e) {
				Log::failure('housekeeping', $e);
			}
		}
	}

	/** Forgets a channel that left this hub, with all its kept files. */
	public static function forgetChannel(int $channelId): void
	{
		if ($channelId < 1 || ! Migrations::ready()) {
			return;
		}
		foreach ([
			'filesync_transfer',
			'filesync_packet',
			'filesync_kept',
			'filesync_outbox',
			'filesync_bulk',
			'filesync_nonce',
			'filesync_digest',
			'filesync_ended',
			'filesync_file',
			'filesync_reconcile',
			'filesync_journal',
			'filesync_served',
			'filesync_dropped',
			'filesync_held',
		] as $table) {
			Table::delete($table, ['uid' => $channelId]);
		}
		Site::forget($channelId);
		Overview::forget($channelId);
		Config::clear('progress', "overview:$channelId");
		Meter::forget($channelId);
		Brake::forget($channelId);
		Legacy::forget($channelId);
		Clones::forget($channelId);
		self::leaveSet($channelId);
		Session::forget($channelId);
		Underway::forget($channelId);
		Job::forget($channelId);
		$root = Store::dataRoot($channelId);
		foreach ([
			...(glob(self::literal("$root/kept") . '/*') ?: []),
			...(glob(self::literal("$root/backup") . '/*') ?: []),
			...(glob(self::literal($root) . '/*') ?: []),
		] as $path) {
			if (is_file($path)) {
				@unlink($path);
			}
		}
		@rmdir("$root/kept");
		@rmdir("$root/backup");
		@rmdir($root);
	}

	/** A nightly set outlives its channel: it may be what somebody needs now. */
	private static function leaveSet(int $channelId): void
	{
		$night = Nights::of($channelId);
		if ($night['success'] > 0) {
			Log::write(
				"channel $channelId left this hub; its backup set in {$night['folder']} stays, and is not brought up to date"
				. ' any more. Whoever does not need it removes the folder.',
			);
		}
		Nights::forget($channelId);
		Certificate::forget($channelId);
	}

	/** Removes old partial files without a live transfer, and old kept files without a row. */
	private static function prunePartials(): void
	{
		$old = Clock::now() - (86400 * Config::number('partial_days'));
		foreach (glob(self::literal('store/[data]/filesync') . '/*', GLOB_ONLYDIR) ?: [] as $root) {
			$known = self::knownNames((int) basename($root));
			foreach ([
				...(glob(self::literal($root) . '/*') ?: []),
				...(glob(self::literal($root) . '/kept/*') ?: []),
			] as $path) {
				$name = substr($path, strlen($root) + 1);
				$isOurs = str_starts_with($name, 'kept/') || preg_match('/\.(partial|index|new|displaced)$/D', $name);
				if (
					$isOurs
					&& is_file($path)
					&& filemtime($path) < $old
					&& filectime($path) < $old
					&& ! isset($known[preg_replace('/\.(partial|index)(\.new|\.displaced)?$/D', '', $name)])
				) {
					@unlink($path);
				}
			}
		}
	}

	private static function knownNames(int $channelId): array
	{
		$known = [];
		foreach (Table::select(
			'filesync_transfer',
			['uid' => $channelId, 'state' => Queue::LIVE],
			'',
			0,
			'hash, scale, generation',
		) as $row) {
			$known[Transfer::partialOf($row['hash'], (int) $row['scale'], (int) $row['generation'])] = true;
		}
		foreach (Table::select('filesync_kept', ['uid' => $channelId], '', 0, 'path, source') as $row) {
			$known[$row['path']] = true;
			$known[preg_replace('/\.partial$/', '', $row['source'])] = true;
		}

		return $known;
	}

	/** Escapes what glob would read as a pattern: our folder is literally called `[data]`. */
	private static function literal(string $path): string
	{
		return preg_replace('/[\[\]*?]/', '[$0]', $path);
	}
}
