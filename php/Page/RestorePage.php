<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Door\Admission;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Door\Standing;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Status\StandingWords;

if (! class_exists('App', false)) {
	exit;
}

/**
 * /filesync/restore, for the channel's owner: a backup set from the owner's own computer is sent through the upload
 * door and restored. The script of the page reads the set and sends it; what the hub would do, does and did is shown as
 * on the page for backups. Without JavaScript the page names the other ways.
 */
final class RestorePage
{
	public const PATH = '/filesync/restore';
	/** One that is over is shown for so long. */
	private const SHOWN_SECONDS = 86400;
	private const SCRIPTS = ['filesync', 'filesync-set', 'filesync-door', 'filesync-send'];

	/** Returns the page, or the hub's own refusal for readers who are not logged in with a channel of this hub. */
	public static function show(): string
	{
		$channel = self::channel();
		if (! $channel) {
			Page::deny();

			return htmlspecialchars(t('Permission denied.'));
		}
		$isOpen = Admission::isOpen($channel->id, Key::RESTORE);
		if ($isOpen) {
			foreach (self::SCRIPTS as $name) {
				Page::addScript("/addon/filesync/view/js/$name.js?filesync=" . rawurlencode(Runtime::version()));
			}
		}

		return Page::render('filesync_send.tpl', [
			'words' => self::words($channel),
			'problem' => $isOpen
				? ''
				: StandingWords::forOwner() ?? t(
					'This hub takes no backup sets of this channel now. Its admin can say why.',
				),
			'token' => Page::token(Admission::PAGE_FORM),
			'channel' => $channel->hash,
			'door' => Web::path(Session::PATH),
			'source' => Web::path(self::PATH . '/state'),
			'back' => Web::root() . dirname(self::PATH) . '/backup',
			'texts' => json_encode(RestoreTexts::all(), JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR),
		]);
	}

	/** Returns how far it is, for an open page, with a new token. */
	public static function state(): Response
	{
		$channel = self::channel();
		if (! $channel) {
			return Response::json(403, ['error' => t('Permission denied.')]);
		}
		$session = Migrations::ready() ? Session::of($channel->id)?->settled() : null;
		$job = Migrations::ready() ? self::job($channel) : null;
		$values = $job ? RestoreWords::of($job, Job::UPLOAD) : null;

		return Response::json(200, [
			'token' => Page::token(Admission::PAGE_FORM),
			'session' => $session?->isLive() ? Standing::of($session) : null,
			'door' => $session->door ?? '',
			'html' => $values ? RestoreFragment::show($values, '') : '',
			'say' => $values['title'] ?? '',
		]);
	}

	/** Returns the restore of what its owner sent, unless it was over long ago. */
	private static function job(Channel $channel): ?Job
	{
		$job = Job::of($channel->id);
		if (! $job || $job->door !== Job::UPLOAD || ! $job->isLet()) {
			return null;
		}
		$isOver = $job->state->isOver();
		$isOld = $isOver && $job->updated < (Clock::now() - self::SHOWN_SECONDS);

		return $isOld || ($isOver && $job->begun === 0) ? null : $job;
	}

	/** Returns the channel of this hub with which the reader is logged in, or null. */
	private static function channel(): ?Channel
	{
		$channelId = Page::owner();

		return $channelId ? Clones::channel($channelId) : null;
	}

	/** @return array<string, string> */
	private static function words(Channel $channel): array
	{
		return [
			'title' => t('Restore a backup'),
			'help' => sprintf(
				t(
					'Choose the folder of a backup set. You see first what would be restored to %s; only what is missing here is sent.',
				),
				$channel->nick,
			),
			'back' => t('Backup'),
			'folder' => t('Folder of the backup'),
			'folder_help' => t('The folder that has set.json in it. Nothing is sent before this page has read it.'),
			'in_folder' => t('In this folder'),
			'copy' => t('Restore as new files'),
			'pause' => t('Pause'),
			'on' => t('Go on'),
			'end' => t('Restore nothing'),
			'other' => t('End it'),
			'progress' => t('Progress'),
			'left' => t('Not sent'),
			'without' => t('This page needs JavaScript. These ways do without it:'),
			'by_command' => t(
				'the command filesync restores a set from your computer, with a restore key of the page for backups',
			),
			'by_box' => t('the drop box on the page for backups takes a set from rclone, a file manager or curl'),
			'by_admin' => t('the admin of this hub restores a set that is on its machine'),
		];
	}
}
