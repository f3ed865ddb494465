<?php

namespace FileSync\Addon\Work;

use FileSync\Addon\Backup\Check;
use FileSync\Addon\Backup\Exclusion;
use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Backup\Notes;
use FileSync\Addon\Backup\Outlook;
use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Backup\Prune;
use FileSync\Addon\Backup\Result;
use FileSync\Addon\Backup\Run;
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
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Transfer\Doorbell;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Brings the sets of all channels up to date every night, in slices, while no transfer is due. After each run old
 * versions go, and a part of the set is read back: all of it within less than 30 nights. Once a month a restore from it
 * is tried.
 */
final class NightlySets
{
	/** A set is read back in so many parts, and so many of them after a run: 5 %. */
	private const PARTS = 100;
	private const PARTS_A_NIGHT = 5;

	private const LEASE_SECONDS = 180;
	private const SUMMON_SECONDS = 60;
	private const RETRY_SECONDS = 3600;
	private const STEP_MS = 500;

	private function __construct(private readonly int $deadline, private readonly string $token) {}

	/** Plans a run of every channel. Once a day. */
	public static function plan(): void
	{
		if (! Nights::areOn()) {
			return;
		}
		foreach (Clones::local() as $channelId) {
			$night = Nights::of($channelId);
			Notes::prune($channelId);
			Nights::note($channelId, [
				'planned' => $night['planned'] ?: Clock::now(),
				'due' => $night['due'] ?: Clock::now(),
				'next_at' => 0,
			]);
		}
		self::summon();
	}

	/** Starts the background job if a run is due, and no transfer is. */
	public static function summon(): void
	{
		if (
			self::due() !== []
			&& Doorbell::dueChannels() === []
			&& ! Lease::isHeld('backup')
			&& Lease::take('summon-backup', Token::make(), self::SUMMON_SECONDS)
		) {
			Daemon::summon('backup');
		}
	}

	/** Works until a deadline. */
	public static function work(int $deadline): void
	{
		Lease::end('summon-backup');
		$token = Token::make();
		if (self::due() === [] || ! Lease::take('backup', $token, self::LEASE_SECONDS)) {
			return;
		}
		try {
			foreach (ServedLast::order('backup', self::due()) as $channelId) {
				$nightly = new self($deadline, $token);
				if ($nightly->mustStop()) {
					break;
				}
				ServedLast::note('backup', $channelId);
				$nightly->serve($channelId);
			}
		} finally {
			Lease::giveBack('backup', $token);
		}
	}

	/** @return list<int> The channels for which something is to be done now. */
	private static function due(): array
	{
		if (! Nights::areOn() || ! Parts::has(Parts::SETS) || Runtime::extensionProblem() !== null) {
			return [];
		}

		// A set does not change while it is restored.
		$read = array_column(Job::in(JobState::LIVE), 'channelId');

		$channels = array_values(array_diff(Clones::local(), $read));

		return array_keys(array_filter(
			Nights::each($channels),
			fn ($night, $id) => (
				$night['next_at'] <= Clock::now()
				&& ($night['due'] > 0 || $night['to_read'] > 0 || Drills::isDue($id))
			),
			ARRAY_FILTER_USE_BOTH,
		));
	}

	private function serve(int $channelId): void
	{
		$channel = Clones::channel($channelId);
		if (! $channel) {
			return;
		}
		try {
			$folder = Place::writable(Place::forNights(Config::get('backup_folder')) . '/' . Place::nameFor($channel));
			if (Nights::of($channelId)['due'] > 0 && ! $this->backUp($channel, $folder)) {
				return;
			}
			while (Nights::of($channelId)['to_read'] > 0 && ! $this->mustStop()) {
				$this->readBack($channel, $folder);
			}
			if (Nights::of($channelId)['to_read'] === 0 && Drills::isDue($channelId) && ! $this->mustStop()) {
				Drills::do($channel, $folder, $this->beat(...));
			}
		} catch (Problem|FileSyncException $e) {
			$problem = Problem::of($e, Nights::folder($channel));
			Log::write("the nightly set of channel $channelId: " . $problem->getMessage());
			Nights::note($channelId, [
				'problem' => $problem->getMessage(),
				'next_at' => Clock::now() + self::RETRY_SECONDS,
			]);
		} catch (\Throwable $e) {
			Log::failure("the nightly set of channel $channelId", $e);
			Nights::note($channelId, [
				'problem' => $e->getMessage(),
				'next_at' => Clock::now() + self::RETRY_SECONDS,
			]);
		}
	}

	/** Goes on with a run; false if it is not over. */
	private function backUp(Channel $channel, string $folder): bool
	{
		$run = new Run($channel, $folder, Outlook::limits(), new Exclusion(), fn () => $this->beat());
		$result = $run->work($this->mustStop(...));
		if ($result === null) {
			return false;
		}
		Outlook::learn($result);
		Prune::do(
			$folder,
			gmdate('Y-m-d\TH:i:s\Z', Clock::now() - (86400 * Config::number('backup_keep_days'))),
			null,
			false,
		);
		$this->note($channel, $folder, $result);

		return true;
	}

	private function note(Channel $channel, string $folder, Result $result): void
	{
		Nights::note($channel->id, [
			'due' => 0,
			'success' => Clock::now(),
			'run' => $result->run,
			'files' => $result->counts['files'],
			'bytes' => $result->counts['bytes'],
			'missing' => $result->missing,
			'problem' => '',
			'to_read' => self::PARTS_A_NIGHT,
			'folder' => $folder,
		]);
	}

	/** Reads one part of the set back. */
	private function readBack(Channel $channel, string $folder): void
	{
		$night = Nights::of($channel->id);
		$check = new Check($folder, self::PARTS, $night['part'], Config::number('bytes_per_second'));
		while (! $check->isDone()) {
			$check->step(self::STEP_MS);
			$this->beat();
			if ($this->mustStop()) {
				// The next slice reads it from its beginning.
				return;
			}
		}
		$verdict = $check->verdict();
		$isWhole = $verdict->kind === 'whole';
		$damaged = 0;
		if (! $isWhole) {
			$damaged = $check->remember($folder);
			Log::write("the nightly set of channel {$channel->id}: " . $verdict->getMessage());
		}
		$isLast = $night['part'] === (self::PARTS - 1);
		Nights::note($channel->id, [
			'part' => $isLast ? 0 : $night['part'] + 1,
			'to_read' => $night['to_read'] - 1,
			'verified' => Clock::now(),
			'cycle' => $night['part'] === 0 ? Clock::now() : $night['cycle'],
			'since' => $isLast ? $night['cycle'] : $night['since'],
			'damaged' => $isWhole ? 0 : max(1, $damaged),
			// The next run replaces what is damaged; it need not wait for the night.
			'due' => $isWhole ? $night['due'] : Clock::now(),
			'problem' => $isWhole ? $night['problem'] : $verdict->getMessage(),
		]);
	}

	private function beat(): void
	{
		Lease::extend('backup', $this->token, self::LEASE_SECONDS);
	}

	/** Transfers come first. */
	private function mustStop(): bool
	{
		return Clock::now() >= $this->deadline || Doorbell::dueChannels() !== [];
	}
}
