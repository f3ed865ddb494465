<?php

namespace FileSync\Addon\Page;

use FileSync\Addon\Backup\Nights;
use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Door\Admission;
use FileSync\Addon\Door\Key;
use FileSync\Addon\Door\Session;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clock;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\Json;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Restore\Contents;
use FileSync\Addon\Restore\Job;
use FileSync\Addon\Restore\JobState;
use FileSync\Addon\Restore\NightlySet;
use FileSync\Addon\Restore\Presence;
use FileSync\Addon\Schema\Migrations;
use FileSync\Addon\Status\Drills;
use FileSync\Addon\Status\StandingWords;
use FileSync\Addon\Status\Words;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * /filesync/backup, for the channel's owner: what is in its nightly set, now or on an earlier day, folder by folder;
 * and the restore that was asked for: its plan, how far it is, how it ended.
 *
 * @import-type Row from Contents
 */
final class BackupPage
{
	public const FORM = 'filesync_backup';
	public const PATH = '/filesync/backup';

	private const ROWS = 100;
	/** A page waits so long for a set to be read; then a worker reads it. */
	private const READ_SECONDS = 2;
	private const SOON_SECONDS = 3;
	private const MOST_DEPTH = 100;

	/**
	 * Returns the page, or the hub's own refusal for readers who are not logged in with a channel of this hub.
	 *
	 * @param ?Made $made What the form of this request made.
	 */
	public static function show(?Made $made = null): string
	{
		$channel = self::channel();
		if (! $channel) {
			Page::deny();
			return htmlspecialchars(t('Permission denied.'));
		}
		[$html, $say, $isMoving] = self::fragment($channel);
		if ($isMoving) {
			Page::addScript('/addon/filesync/view/js/filesync.js?filesync=' . rawurlencode(Runtime::version()));
		}

		return Page::render(
			'filesync_backup.tpl',
			[
				'words' => self::words(),
				'token' => Page::token(self::FORM),
				'action' => Web::root() . self::PATH,
				'back' => Web::root() . dirname(self::PATH),
				'source' => Web::root() . self::PATH . '/state',
				'state' => $html,
				'say' => $say,
				'left' => Page::collect(),
				'keys' => KeyList::of($channel, $made),
				'box' => BoxPart::of($channel, $made),
				'ways' => BackupHelp::ways($channel),
				'drill' => Migrations::ready() ? Drills::of($channel->id) : null,
				'contents' => BackupHelp::contents(),
				'sent' => self::sent($channel),
			] + self::values($channel),
		);
	}

	/** Returns how far the restore is, for an open page. */
	public static function state(): Response
	{
		$channel = self::channel();
		if (! $channel) {
			return Response::json(403, ['error' => t('Permission denied.')]);
		}
		[$html, $say, $isMoving] = self::fragment($channel);

		return Response::json(200, [
			'html' => $html,
			'say' => $say,
			'token' => Page::token(self::FORM),
			'seconds' => $isMoving ? self::SOON_SECONDS : 0,
		]);
	}

	/** Tells whether a channel's owner can be sent here. */
	public static function isOffered(Channel $channel): bool
	{
		return (
			(Job::areOwnersLet() && Nights::areOn() && Nights::of($channel->id)['success'] > 0)
			|| Admission::isOpen($channel->id, Key::RESTORE)
			|| Admission::isOpen($channel->id, Key::BACKUP)
		);
	}

	/**
	 * Returns what a channel's nightly set has, in words.
	 *
	 * @return array<string, mixed>
	 */
	public static function values(Channel $channel): array
	{
		$none = ['problems' => [], 'listing' => null];
		if (! Migrations::ready()) {
			$none['problems'] = [t('Another process is creating the tables of filesync. Look again in a minute.')];

			return $none;
		}
		try {
			return ['listing' => self::listing($channel, NightlySet::of($channel))] + $none;
		} catch (Problem $e) {
			if (! in_array($e->kind, ['not_offered', 'no_set'], true)) {
				Log::write("the backup page of channel $channel->id: {$e->getMessage()}");
			}
			$none['problems'] = [StandingWords::forOwner() ?? self::problem($e->kind)];
		} catch (FileSyncException $e) {
			Log::write("the backup page of channel $channel->id: {$e->getMessage()}");
			$none['problems'] = [self::problem('set_unreadable')];
		}

		return $none;
	}

	/**
	 * Returns the address of a folder on the page.
	 *
	 * @param list<string> $names
	 */
	public static function address(array $names, ?string $at, string $after = ''): string
	{
		$query = http_build_query(
			['in' => $names] + ($at === null ? [] : ['at' => $at]) + ($after === '' ? [] : ['after' => $after]),
		);

		return self::PATH . ($query === '' ? '' : "?$query");
	}

	/**
	 * Returns the names that a form or an address has, or none if they are not names.
	 *
	 * @return list<string>
	 */
	public static function names(mixed $given): array
	{
		$names = is_array($given) ? array_values(array_filter($given, is_string(...))) : [];

		return count($names) <= self::MOST_DEPTH && mb_check_encoding($names, 'UTF-8') ? $names : [];
	}

	/** Returns the time that a form or an address has, or null: now. */
	public static function at(mixed $given, NightlySet $set): ?string
	{
		return is_string($given) && in_array($given, array_slice($set->runs(), 1), true) ? $given : null;
	}

	private static function problem(string $kind): string
	{
		return match ($kind) {
			'not_offered' => t('This hub makes no backup sets that you can look into. Its admin may have a backup.'),
			'no_set' => t('There is no backup set of this channel yet.'),
			'part_off' => t(
				'The backup set cannot be read now: a part of filesync is missing on this hub. Its admin can see which part.',
			),
			default => t('The backup set cannot be read. The admin of this hub can see why.'),
		};
	}

	/** @return array<string, mixed> */
	private static function listing(Channel $channel, NightlySet $set): array
	{
		$at = self::at($_GET['at'] ?? null, $set);
		$names = self::names($_GET['in'] ?? []);
		$after = is_string($_GET['after'] ?? null) ? $_GET['after'] : '';
		$deadline = Clock::now() + self::READ_SECONDS;
		$contents = Contents::of($channel->id, $set, $at, fn () => Clock::now() > $deadline);
		if (! $contents) {
			Contents::want($channel->id, $at);
			Daemon::summon('restore');
		}
		$page = $contents?->page($names, $after, self::ROWS) ?? ['rows' => [], 'all' => 0, 'next' => ''];
		$mayRestore = self::mayAsk(Job::of($channel->id));
		$presence = Presence::of($channel, $page['rows']);

		return [
			'is_read' => $contents !== null,
			'at' => $at ?? '',
			'in' => $names,
			'may_restore' => $mayRestore,
			'days' => self::days($set, $at),
			'path' => self::path($names, $at),
			'name' => $names === [] ? '' : $names[count($names) - 1],
			'names' => self::encoded($names),
			'count' => $page['all'] === 1
				? t('1 entry')
				: sprintf(t('%s entries'), number_format($page['all'])),
			'is_empty' => $page['all'] === 0,
			'rows' => array_map(
				fn (array $row): array => self::row($row, $names, $at, $presence[$row['hash']]),
				$page['rows'],
			),
			'first' => $after === '' ? '' : Web::root() . self::address($names, $at),
			'next' => $page['next'] === '' ? '' : Web::root() . self::address($names, $at, $page['next']),
			'again' => Web::root() . self::address($names, $at),
		];
	}

	/** Tells whether a restore can be asked for, in place of the last one. */
	private static function mayAsk(?Job $job): bool
	{
		return ! $job || $job->state === JobState::Planned || $job->state->isOver();
	}

	/**
	 * @param Row          $row
	 * @param list<string> $in
	 *
	 * @return array<string, mixed>
	 */
	private static function row(array $row, array $in, ?string $at, Presence $presence): array
	{
		$names = [...$in, $row['name']];
		$name = Log::oneLine($row['name']);

		return [
			'name' => $name,
			'is_folder' => $row['is_folder'],
			'url' => $row['is_folder'] ? Web::root() . self::address($names, $at) : '',
			'size' => $row['is_folder'] ? '' : Words::size($row['size_bytes']),
			'date' => substr($row['edited'], 0, 16),
			'presence' => match ($presence) {
				Presence::Here => $row['is_folder'] ? '' : t('is here'),
				Presence::Differs => t('differs here'),
				Presence::Deleted => t('was deleted'),
				Presence::Missing => t('is not here'),
			},
			'is_lost' => in_array($presence, [Presence::Deleted, Presence::Missing], true),
			'names' => self::encoded($names),
			'label' => sprintf(t('Restore %s'), $name),
		];
	}

	/**
	 * Returns the times that can be chosen, the newest first.
	 *
	 * @return list<array{value: string, text: string, is_chosen: bool}>
	 */
	private static function days(NightlySet $set, ?string $at): array
	{
		$days = [[
			'value' => '',
			'text' => sprintf(t('the newest backup, %s'), self::time($set->updated)),
			'is_chosen' => $at === null,
		]];
		foreach (array_slice($set->runs(), 1) as $time) {
			$days[] = ['value' => $time, 'text' => self::time($time), 'is_chosen' => $time === $at];
		}

		return $days;
	}

	/**
	 * Returns the folders above, each with its address.
	 *
	 * @param list<string> $names
	 *
	 * @return list<array{name: string, url: string}>
	 */
	private static function path(array $names, ?string $at): array
	{
		$path = [['name' => t('All files'), 'url' => Web::root() . self::address([], $at)]];
		foreach ($names as $n => $name) {
			$path[] = [
				'name' => Log::oneLine($name),
				'url' => Web::root() . self::address(array_slice($names, 0, $n + 1), $at),
			];
		}

		return $path;
	}

	private static function time(string $time): string
	{
		return substr($time, 0, 10) . ' ' . substr($time, 11, 5) . ' UTC';
	}

	/** @param list<string> $names */
	private static function encoded(array $names): string
	{
		return json_encode(
			$names,
			Json::FLAGS | JSON_THROW_ON_ERROR,
		);
	}

	/** Returns the channel of this hub with which the reader is logged in, or null. */
	private static function channel(): ?Channel
	{
		$channelId = Page::owner();

		return $channelId ? Clones::channel($channelId) : null;
	}

	/**
	 * Returns where an owner goes on with a set that is being sent; null if none is.
	 *
	 * @return ?array{text: string, url: string, link: string}
	 */
	private static function sent(Channel $channel): ?array
	{
		$session = Migrations::ready() ? Session::of($channel->id)?->settled() : null;

		return (
			$session?->state === Session::OPEN
				? [
					'text' => t('A backup set is being sent to this channel.'),
					'url' => Web::root() . RestorePage::PATH,
					'link' => t('Go on, or end it'),
				]
				: null
		);
	}

	/** @return array{string, string, bool} The markup of the restore, a line to be read out, whether it moves. */
	private static function fragment(Channel $channel): array
	{
		$job = Migrations::ready() ? Job::of($channel->id) : null;
		$job = $job?->isLet() ? $job : null;
		if (! $job || ($job->state->isOver() && $job->updated < (Clock::now() - Job::LONGEST_SECONDS))) {
			return ['', '', false];
		}
		// What is being sent is planned and begun where it is sent.
		if ($job->door === Job::UPLOAD && $job->begun === 0 && $job->state !== JobState::Waiting) {
			return ['', '', false];
		}
		$values = RestoreWords::of($job);

		return [
			RestoreFragment::show($values, Web::root() . self::PATH),
			$values['title'],
			$job->state->isLive(),
		];
	}

	/** @return array<string, string> */
	private static function words(): array
	{
		return [
			'title' => t('Backup'),
			'here' => t('On this hub'),
			'help' => t(
				'What the backup set of this channel has. Restore a file, a folder or everything: first you see what would be done.',
			),
			'back' => t('Files on your clones'),
			'as_of' => t('As it was on'),
			'show' => t('Show'),
			'bring_back' => t('Restore'),
			'bring_back_folder' => t('Restore this folder'),
			'bring_back_all' => t('Restore everything'),
			'first' => t('First page'),
			'next' => t('Next page'),
			'empty' => t('Nothing is in this folder.'),
			'reading' => t('The backup set is being read. Look again in a moment.'),
			'again' => t('Look again'),
			'folder' => t('folder'),
			'offline' => t('The hub does not answer; this page may be out of date.'),
		];
	}
}
