<?php

namespace FileSync\Addon\Reconcile;

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\ServedLast;
use FileSync\Addon\Hub\Store;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Inventory\Run;
use FileSync\Addon\Repair\FileCheck;
use FileSync\Addon\Transfer\Doorbell;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Reads files on disk again and compares them with the recorded digests, a slice each night. Damaged files are fetched
 * from another clone; the damaged bytes are kept like all replaced ones.
 *
 * A digest is valid as long as the row's size and date show that nobody changed the file since. A file without a digest
 * gets one.
 */
final class Verify
{
	private const LEASE_SECONDS = 180;
	private const PAGE = 100;

	/** @param ?\Closure $report Called with the result of `look()` for each file. */
	public function __construct(private readonly Channel $channel, private readonly ?\Closure $report = null) {}

	/** Starts the background job. Once a day. */
	public static function plan(): void
	{
		if (Runtime::extensionProblem() === null && Config::get('enabled') !== '0') {
			Daemon::summon('verify');
		}
	}

	/** Continues where the last slice ended, one channel after another. */
	public static function work(int $deadline): void
	{
		$token = Token::make();
		if (Runtime::extensionProblem() !== null || ! Lease::take('verify', $token, self::LEASE_SECONDS)) {
			return;
		}
		try {
			$channels = array_column(
				Table::select('channel', ['channel_removed' => 0], 'channel_id', 0, 'channel_id'),
				'channel_id',
			);
			$runs = array_map(
				fn ($id) => Run::ask((int) $id, '', 'verify'),
				array_filter($channels, fn ($id) => Config::serves((int) $id, Parts::RECEIVER)),
			);
			// The channel whose turn was longest ago goes first, so that a large channel does not take every night.
			usort($runs, fn ($one, $other) => $one->finished <=> $other->finished);
			for ($rest = $runs; $rest && Clock::now() < $deadline;) {
				$run = array_shift($rest);
				try {
					$channel = Clones::channel($run->uid);
					if (
						$channel
						&& ! (new self($channel))->goOn(
							$run,
							min($deadline, Clock::now() + ServedLast::TURN_SECONDS),
							$token,
						)
					) {
						$rest[] = $run;
					}
				} catch (\Throwable $e) {
					Log::failure('verifying the files of channel ' . $run->uid, $e);
					$run->save(['finished' => Clock::now()]);
				}
			}
		} finally {
			Lease::giveBack('verify', $token);
		}
		Doorbell::ring();
	}

	/** Checks files until a deadline, from the run's position; true after the last one. */
	public function goOn(Run $run, int $deadline, string $token = ''): bool
	{
		$after = (int) ($run->position['after'] ?? 0);
		$stats = $after ? $run->stats : [];
		do {
			$rows = Table::select(
				'attach',
				['uid' => $run->uid, 'is_dir' => 0, 'os_storage' => 1, 'id >' => $after],
				'id',
				self::PAGE,
			);
			foreach ($rows as $row) {
				$one = (new FileCheck($this->channel))->look(
					Store::withTrueSize($row),
					fn () => $token === '' || Lease::extend('verify', $token, self::LEASE_SECONDS),
				);
				$stats[$one['verdict']] = ($stats[$one['verdict']] ?? 0) + 1;
				$after = (int) $row['id'];
				if ($this->report) {
					($this->report)($one);
				}
				if (Clock::now() >= $deadline) {
					break;
				}
			}
			$isOver = count($rows) < self::PAGE && (! $rows || $after === (int) end($rows)['id']);
		} while (! $isOver && Clock::now() < $deadline);
		$run->save([
			'position' => $isOver ? [] : ['after' => $after],
			'stats' => $stats,
			'finished' => Clock::now(),
			'next_at' => 0,
		]);

		return $isOver;
	}
}
