<?php

namespace FileSync\Addon\Doctor;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Backup\Place;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Registration;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Settings;
use FileSync\Addon\Hub\Table;
use FileSync\Addon\Receive\Brake;
use FileSync\Addon\Receive\DroppedPackets;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Status\Drills;
use FileSync\Addon\Status\Words;
use FileSync\Addon\Transfer\Queue;

if (! class_exists('App', false)) {
	exit;
}

/** Do cron and the workers run? */
final class Background
{
	private const CRON_SECONDS = 3600;
	private const LATE_SECONDS = 1800;
	private const WAITING_SECONDS = 86400;

	/** Runs the checks. */
	public static function look(Findings $findings): void
	{
		$findings->attempt('cron', self::cron(...));
		$findings->attempt('workers', self::workers(...));
		$findings->attempt('held', self::held(...));
		$findings->attempt('packets', self::packets(...));
		$findings->attempt('backup', self::sets(...));
		$findings->attempt('backup', self::drills(...));
		$findings->attempt('restore', self::restores(...));
	}

	private static function held(Findings $findings): void
	{
		foreach (Brake::lines() as $line) {
			$findings->note(
				'held',
				null,
				sprintf(t('channel %1$d: %2$s'), $line['channel'], Words::displaced($line)),
				t(
					'php addon/filesync/cli.php packets lists it, and accepts it or restores our files; the owner can do the same on /filesync',
				),
			);
		}
	}

	private static function sets(Findings $findings): void
	{
		if (! Nights::areOn()) {
			return;
		}
		try {
			Place::forNights(Config::get('backup_folder'));
		} catch (Problem $e) {
			$findings->note(
				'backup',
				false,
				sprintf(t('nightly backup sets cannot be written: %s'), $e->getMessage()),
				t('mount or mend the folder, or choose another one:')
					. ' php addon/filesync/cli.php config set backup_folder DIR',
			);
			return;
		}
		$late = array_values(array_filter(Clones::local(), Nights::isLate(...)));
		$problem = $late ? Nights::of($late[0])['problem'] : '';
		$findings->note(
			'backup',
			! $late,
			$late
				? sprintf(
					t('the nightly backup set of %s was not brought up to date for two days'),
					implode(', ', array_map(Words::nick(...), $late)),
				) . ($problem === '' ? '' : ": $problem")
				: t('the nightly backup sets are up to date'),
			t("check that the hub's cron and background processes run, or make them now:")
			. ' php addon/filesync/cli.php backup '
			. Config::get('backup_folder')
			. ' --all',
		);
	}

	private static function drills(Findings $findings): void
	{
		foreach (Drills::failed() as $channelId) {
			$findings->note(
				'backup',
				false,
				sprintf(
					t('the last drill of a backup set of %1$s did not prove everything: %2$s'),
					Words::nick($channelId),
					Drills::failure($channelId),
				),
				t('this names what it was; the next drill that proves everything takes this line away:')
					. ' php addon/filesync/cli.php restore CHANNEL DIR --drill',
			);
		}
		$areWanted = Nights::areOn() && Config::get('backup_drill') !== '0';
		foreach ($areWanted ? array_filter(Clones::local(), Nights::isDrillLate(...)) : [] as $channelId) {
			$findings->note(
				'backup',
				false,
				sprintf(
					t('no restore from the nightly backup set of %1$s could be tried: %2$s'),
					Words::nick($channelId),
					Nights::of($channelId)['drill_problem'],
				),
				t('try it now; the next one that is tried by night takes this line away:')
					. ' php addon/filesync/cli.php restore CHANNEL DIR --drill',
			);
		}
	}

	private static function restores(Findings $findings): void
	{
		foreach (Job::in([JobState::Failed]) as $job) {
			if ($job->updated > (Clock::now() - Job::LONGEST_SECONDS)) {
				$findings->note(
					'restore',
					false,
					sprintf(
						t('the restore of %1$s failed at %2$s UTC: %3$s'),
						Words::nick($job->channelId),
						gmdate('Y-m-d H:i', $job->updated),
						$job->reason,
					),
					t('mend that and restore again; the next restore of the channel takes this line away'),
				);
			}
		}
		foreach (Job::in(JobState::LIVE) as $job) {
			if ($job->updated < (Clock::now() - self::WAITING_SECONDS)) {
				$findings->note(
					'restore',
					false,
					sprintf(
						t('the restore of %1$s waits since %2$s UTC: %3$s'),
						Words::nick($job->channelId),
						gmdate('Y-m-d H:i', $job->updated),
						$job->reason !== '' ? $job->reason : t('no background process goes on with it'),
					),
					t(
						"check that the hub's cron and background processes run and transfers come to their end; what ends it:",
					)
					. ' php addon/filesync/cli.php restore '
					. Words::nick($job->channelId)
					. ' --cancel',
				);
			}
		}
	}

	private static function cron(Findings $findings): void
	{
		$last = Config::number('cron_at', 'state');
		// After a fresh installation, cron may not have run yet.
		$isNew = ! $last && Registration::installedAt() > (Clock::now() - self::CRON_SECONDS);
		$findings->note(
			'cron',
			$last > (Clock::now() - self::CRON_SECONDS) ? true : ($isNew ? null : false),
			$last
				? sprintf(t('cron last ran at %s UTC'), gmdate('Y-m-d H:i:s', $last))
				: t("the hub's cron has not run since filesync was installed"),
			($isNew ? t('look again in an hour, or:') . ' ' : '')
				. t(
					"let the hub user's cron run this every 10 minutes, in the hub's root: php Zotlabs/Daemon/Master.php Cron",
				),
		);
		$version = Config::get('cron_version', 'state');
		if ($last && PHP_SAPI !== 'cli') {
			$findings->note(
				'extension-cli',
				$version === Runtime::version(),
				$version === ''
					? t('on the command line the extension was not loaded when cron last ran')
					: sprintf(t('version %s was loaded on the command line when cron last ran'), $version),
				t('let PHP load it for the command line too (php --ini says which ini files it reads)'),
			);
		}
	}

	private static function packets(Findings $findings): void
	{
		$dropped = DroppedPackets::counts();
		$findings->note(
			'packets',
			! $dropped,
			$dropped
				? sprintf(
					t(
						'packets were dropped because too many are held (%1$s of at most %2$s for a channel); the clones are compared instead, with: %3$s',
					),
					number_format(Table::count('filesync_packet', [])),
					number_format(Config::number('held_max_packets')),
					implode(', ', array_keys($dropped)),
				)
				: sprintf(t('%s packets from other hubs are held'), number_format(Table::count('filesync_packet', []))),
			t('check why they wait, and accept or dismiss them: php addon/filesync/cli.php packets'),
		);
	}

	private static function workers(Findings $findings): void
	{
		if ($until = Queue::pausedUntil()) {
			$findings->note(
				'paused',
				false,
				sprintf(
					t('transfers pause until %1$s UTC: %2$s'),
					gmdate('Y-m-d H:i:s', $until),
					Config::get('storage_paused_reason', 'state'),
				),
				t('fix the disk; transfers resume automatically'),
			);
		}
		$slots = max(1, min(Settings::MOST_WORKERS, Config::number('workers')));
		$busy = count(array_filter(range(1, $slots), fn ($n) => Lease::isHeld("worker-$n")));
		$oldest = Queue::nextDue() ?? 0;
		$isLate = $oldest && $oldest < (Clock::now() - self::LATE_SECONDS) && ! $until && $busy < $slots;
		$findings->note(
			'workers',
			! $isLate,
			$isLate
				? sprintf(
					t('%1$d of %2$d workers run, though files are due since %3$s UTC'),
					$busy,
					$slots,
					gmdate('Y-m-d H:i:s', $oldest),
				)
				: sprintf(t('%1$d of %2$d workers run'), $busy, $slots),
			t(
				"check that the hub's background processes start (php util/config system phpbin names their PHP), or run: php addon/filesync/cli.php work",
			),
		);
	}
}
