<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Restore\Choice;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\NightlySet;
use FileSync\Addon\Restore\Underway;
use FileSync\Addon\Schema\Migrations;

if (! class_exists('App', false)) {
	exit;
}

/** The buttons of /filesync/backup: each needs the form's token, and affects only the logged-in channel and its set. */
final class BackupActions
{
	/**
	 * Processes the form and redirects to the page.
	 *
	 * @return ?Made What was made: then the page follows in this request, since nothing keeps it.
	 */
	public static function take(): ?Made
	{
		$channelId = Page::owner();
		$channel = $channelId ? Clones::channel($channelId) : null;
		if (! $channel) {
			Page::deny();
			return null;
		}
		Page::refuseForged(BackupPage::FORM, BackupPage::PATH);
		try {
			$made = Migrations::ready() ? self::make($channel, $_POST) : null;
			if ($made) {
				return $made;
			}
			$problem = match (true) {
				! Migrations::ready() => '',
				isset($_POST['filesync_key_make']) || isset($_POST['filesync_box_make']) => t(
					'There are too many keys. Revoke one first.',
				),
				KeyList::isPressed($_POST), BoxPart::isPressed($_POST) => '',
				isset($_POST['filesync_cancel']) => self::cancel($channel),
				default => self::press($channel, NightlySet::of($channel), $_POST),
			};
		} catch (Problem $e) {
			$problem = $e->kind === 'restore_running'
				? t('A restore of this channel is under way already.')
				: t('The backup set cannot be read. The admin of this hub can see why.');
			Log::write("a button on the backup page of channel $channel->id: {$e->getMessage()}");
		} catch (\Throwable $e) {
			Log::failure("a button on the backup page of channel $channel->id", $e);
			$problem = t('That did not work. The log of this hub says why.');
		}
		if ($problem !== '') {
			Page::leave($problem, true);
		}
		Page::leadTo(BackupPage::PATH);

		return null;
	}

	/** Makes or ends a key or the drop box, if a button says so. */
	private static function make(Channel $channel, array $form): ?Made
	{
		return match (true) {
			KeyList::isPressed($form) => KeyList::press($channel, $form),
			BoxPart::isPressed($form) => BoxPart::press($channel, $form),
			default => null,
		};
	}

	/** Stops what workers do, or puts a plan away. */
	private static function cancel(Channel $channel): string
	{
		if (Job::of($channel->id)?->isForWorkers()) {
			Underway::cancel($channel->id);
		}

		return '';
	}

	/**
	 * Does what a button says.
	 *
	 * @param array<array-key, mixed> $form
	 *
	 * @return string What keeps it from that; empty: nothing.
	 *
	 * @throws Problem
	 */
	private static function press(Channel $channel, NightlySet $set, array $form): string
	{
		$job = Job::of($channel->id);
		if (isset($form['filesync_plan'])) {
			/** @var mixed $given */
			$given = is_string($form['filesync_plan']) ? json_decode($form['filesync_plan'], true) : null;
			$at = BackupPage::at($form['at'] ?? null, $set);
			// A time that is no longer a run of the set does not stand for now.
			$isKnown = $at !== null || ($form['at'] ?? '') === '';
			if (! is_array($given) || BackupPage::names($given) !== $given || ! $isKnown) {
				return t('it no longer exists');
			}
			// What the next night changes in the set is not part of it.
			$at ??= $set->runs()[0] ?? null;
			self::ask($channel, $set, new Choice(at: $at, names: BackupPage::names($given)));

			return '';
		}
		// What is being sent is begun on the page that sends it.
		if (
			! $job
			|| $job->door !== Job::PAGE
			|| $job->state !== JobState::Planned
			|| ($form['filesync_job'] ?? null) !== RestoreWords::seal($job)
		) {
			return t('The plan has changed meanwhile. Look at it again.');
		}
		$choice = new Choice(
			mayReplace: isset($form['filesync_replace']),
			mayRevive: isset($form['filesync_deleted']),
			at: $job->choice->at,
			names: $job->choice->names,
			without: array_values(array_intersect(
				RestoreWords::away($job),
				BackupPage::names($form['filesync_without'] ?? []),
			)),
		);
		if (isset($form['filesync_change'])) {
			self::ask($channel, $set, $choice);
		} elseif (isset($form['filesync_start']) && $choice->text() !== $job->choice->text()) {
			self::ask($channel, $set, $choice);

			return t('What you chose is counted first. Look at it, and then start it.');
		} elseif (isset($form['filesync_start'])) {
			if (! RestoreWords::of($job)['may_start'] || ! Underway::start($channel->id)) {
				return t('It cannot be started as it is. Look at the plan.');
			}
			Daemon::summon('restore');
		}

		return '';
	}

	private static function ask(Channel $channel, NightlySet $set, Choice $choice): void
	{
		Underway::ask($channel, $set->folder, $choice);
		Daemon::summon('restore');
	}
}
