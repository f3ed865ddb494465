<?php

namespace FileSync\Addon\Page;

if (! class_exists('App', false)) {
	exit;
}

/** What the script of /filesync/restore says, by the words of the upload door and of its own. */
final class RestoreTexts
{
	/** @return array<string, string> */
	public static function all(): array
	{
		return self::ofSets() + self::ofTheDoor() + self::ofProgress();
	}

	/** @return array<string, string> What is in the folder, and what keeps it from being read. */
	private static function ofSets(): array
	{
		return [
			'reading' => t('The folder is being read.'),
			'reading_of' => t('The folder is being read: %1$s of %2$s.'),
			'set_of' => t('a backup of %1$s, made %2$s UTC'),
			'set_has' => t('files: %1$s (%2$s); folders: %3$s'),
			'missing' => t('listed and not in the folder: %s'),
			'damaged' => t('not what was saved: %s'),
			'extra' => t('in the folder and in no list; they are left alone: %s'),
			'more' => t('and %s more'),
			'set_other_channel' => t(
				'This set is of %s, not of the channel that you are logged in with. Its files can become new files of yours, for you alone.',
			),
			'no_set' => t(
				'There is no set.json in this folder. Choose the folder of the backup, not one above or beneath it.',
			),
			'many_sets' => t('There are several backup sets in this folder. Choose one of them.'),
			'set_is_archive' => t('%s is an archive. Unpack it, and choose the folder that it becomes.'),
			'set_damaged' => t('%s is missing or damaged: this set cannot be read.'),
			'set_newer' => t('This set has format %1$s; this hub reads %2$s. Its admin can update filesync.'),
			'set_cut_off' => t(
				'The last run of this backup was cut off while it was being put in place. The command "filesync verify --finish" completes it.',
			),
			'path_refused' => t(
				'The list names "%s". This set was made to do harm, or its list is badly damaged. Nothing was restored.',
			),
			'set_refused' => t('This set breaks the rules that keep a reader safe. Nothing was restored.'),
			'not_secure' => t(
				'This page needs https. Use the command filesync, or ask the admin of this hub for https.',
			),
		];
	}

	/** @return array<string, string> What the hub refuses. */
	private static function ofTheDoor(): array
	{
		return [
			'logged_out' => t('You are not logged in any more. Log in again, in another tab, and go on.'),
			'token_wrong' => t(
				'You are logged in differently by now. Load this page again, and choose the folder once more.',
			),
			'door_closed' => t('This hub takes no backup sets of this channel now. Its admin can say why.'),
			'restore_running' => t('Another restore of this channel is under way. Try again when it is over.'),
			'too_many_sessions' => t(
				'Other channels of your account are being restored. Try again when one of them is over.',
			),
			'set_changed' => t('Another set, or an earlier state of this one, is being sent to this channel.'),
			'session_expired' => t(
				'Nothing came for long, and what was sent was put away. Choose the folder again; what was restored stays.',
			),
			'ended' => t('It was ended. What was restored stays.'),
			'revoked' => t('Its key was revoked. What was restored stays.'),
			'no_session' => t('It was ended. What was restored stays.'),
			'quota_short' => t(
				'%1$s are to be sent, %2$s are left in your account: short by %3$s. Delete something, or ask the admin.',
			),
			'disk_short' => t("There is not enough room on this hub's disk now: short by %3\$s. Try again later."),
			'body_limit' => t(
				'The web server takes no long bodies; now they have at most %s. That is slow, but goes on.',
			),
			'patch_refused' => t('Something on the way refuses PATCH; POST is used in its place.'),
			'hub_unreachable' => t('The hub does not answer. It is tried again in %s.'),
			'lists_missing' => t('The lists of this set are damaged: they are not what was saved.'),
			'clone_unreachable' => t(
				'Another hub of this channel does not answer, and cannot say what was deleted there. Try again when it does.',
			),
			'refused' => t('The hub refuses that: %s'),
			'fault' => t('That did not work: %s'),
			'unsent' => t('not what was saved, or changed since you chose the folder; they were not sent: %s'),
			'large' => t('larger than this hub accepts: %s'),
		];
	}

	/** @return array<string, string> How far it is. */
	private static function ofProgress(): array
	{
		return [
			'under_way' => t(
				'A set is being sent to this channel; %1$s of its files (%2$s) are whole here. Choose its folder again: it goes on where it was.',
			),
			'drill_under_way' => t(
				'A drill of a set on your computer is under way. It restores nothing to this channel, and removes itself at its end.',
			),
			'box_under_way' => t(
				'Somebody is putting a backup set into the drop box of this channel. Wait until it is restored, or end it.',
			),
			'beginning' => t('The hub is asked.'),
			'sending_lists' => t(
				'What describes the files is being sent, so that the hub can say what it would restore.',
			),
			'counting' => t('The hub counts what it would restore.'),
			'counted_first' => t('What you chose is counted first. Look at it, and then start it.'),
			'sending' => t('The files are being sent. Keep this page open.'),
			'finishing' => t('All is sent. The hub begins to restore it; this page can be closed.'),
			'pausing' => t('Pausing, after what is under way.'),
			'paused' => t('Paused. Nothing is sent twice when it goes on.'),
			'nothing' => t('Nothing was restored.'),
			'numbers' => t('%1$s of %2$s files, %3$s of %4$s'),
			'rate' => t('%1$s a second, %2$s left'),
			'seconds' => t('%s s'),
			'minutes' => t('%s min'),
			'hours' => t('%s h'),
		];
	}
}
