<?php

namespace FileSync\Addon\Import;

use FileSync\Addon\Backup\Problem;
use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Hub\Clones;
use FileSync\Addon\Hub\Config;
use FileSync\Addon\Hub\Core;
use FileSync\Addon\Hub\Daemon;
use FileSync\Addon\Hub\ImportController;
use FileSync\Addon\Hub\Lease;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Page;
use FileSync\Addon\Hub\Parts;
use FileSync\Addon\Hub\Runtime;
use FileSync\Addon\Hub\Token;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Schema\Migrations;
use FileSync\Dump;
use FileSync\Exception\FileSyncException;

if (! class_exists('App', false)) {
	exit;
}

/**
 * A file that somebody gives the hub's own page `/import` or `/import_items`: the channel itself is imported while they
 * wait, and workers do the rest.
 *
 * Any other file, and a channel that is fetched from its hub, is left to that page.
 */
final class Upload
{
	private const ITEMS_PAGE = 'import_items';

	/** The pages, and what their forms are named. */
	private const FORMS = ['import' => 'channel_import', self::ITEMS_PAGE => 'import_items'];

	/** What the page for items reads of a file. */
	private const ITEM_SECTIONS = [
		Section::Chatroom,
		Section::Event,
		Section::EventItem,
		Section::Menu,
		Section::Wiki,
		Section::Webpages,
		Section::Item,
	];

	private const SECONDS = 280;

	private function __construct(
		private readonly string $page,
		private readonly string $path,
		private readonly int $accountId,
		private readonly ?Channel $current,
	) {}

	/** Returns the controller of a page for imports with ours around it, or as it is. */
	public static function wrapped(string $page, mixed $controller): mixed
	{
		$isTaken = isset(self::FORMS[$page]) && ($_SERVER['REQUEST_METHOD'] ?? '') === 'POST' && self::isServed();

		return $isTaken ? ImportController::around($controller, fn () => self::take($page)) : $controller;
	}

	private static function isServed(): bool
	{
		return (
			Config::get('enabled') !== '0'
			&& Config::number('import_max_bytes') > 0
			&& Parts::has(Parts::CHANNELS)
			&& Runtime::extensionProblem() === null
			&& function_exists('proc_open')
			&& Migrations::ready()
		);
	}

	/** Takes the form of a page; false if it is the hub's own. */
	private static function take(string $page): bool
	{
		$path = Web::upload('filename');
		$accountId = Page::account();
		if ($path === null || $accountId === 0) {
			return false;
		}
		Page::refuseForged(self::FORMS[$page], "/$page");
		$channelId = Page::owner();
		$upload = new self($page, $path, $accountId, $channelId > 0 ? Clones::channel($channelId) : null);
		if (! self::isExport($path) || ! $upload->hasReceiver()) {
			return false;
		}
		ignore_user_abort(true);
		if (function_exists('set_time_limit')) {
			set_time_limit(self::SECONDS);
		}
		try {
			Page::changeTo($upload->begin());
			Page::leadTo('/filesync');
		} catch (Problem $e) {
			Page::say(sprintf(t('The file was not imported. %s'), Log::oneLine($e->getMessage())));
		} catch (\Throwable $e) {
			Log::failure('an export that was given to the page', $e);
			Page::say(t('The file was not imported. The log of this hub says why.'));
		}
		Page::leadTo("/$page");

		return true;
	}

	/** Tells whether a file begins as exports of hubs do. */
	private static function isExport(string $path): bool
	{
		try {
			$section = Survey::open($path)->next(1)['section'] ?? '';
		} catch (FileSyncException|Problem) {
			return false;
		}

		return Section::tryFrom($section) !== null || in_array($section, [...Section::HEAD, ...Section::UNREAD], true);
	}

	/** The page for items knows only the channel that is logged in. */
	private function hasReceiver(): bool
	{
		return $this->page !== self::ITEMS_PAGE || $this->current !== null;
	}

	/**
	 * Imports the channel, and leaves the rest to workers.
	 *
	 * @return Channel To which the rest comes.
	 *
	 * @throws Problem
	 */
	private function begin(): Channel
	{
		$token = Token::make();
		$lease = "import-of-$this->accountId";
		if (! Lease::take($lease, $token, self::SECONDS)) {
			throw new Problem(
				'import_running',
				t('Another file of this account is being read; wait until that is done.'),
			);
		}
		try {
			return $this->import();
		} finally {
			Lease::giveBack($lease, $token);
		}
	}

	/** @throws Problem */
	private function import(): Channel
	{
		$dump = Survey::open($this->path);
		$survey = Survey::of($dump, 'The file', fn () => false) ?? throw new \LogicException('nobody stops it');
		$receiver = $this->receiver($survey);
		// A file that brings its channel is the same import, whether the channel is here by now or not.
		$for = $this->bringsChannel($survey) ? 0 : (int) $receiver?->id;
		$key = implode("\n", [$this->page, $for, (string) hash_file('sha256', $this->path)]);
		$choice = ['nick' => self::field('newname'), 'primary' => (int) self::field('make_primary') > 0];
		$job = Job::of($key, $this->accountId, (int) $receiver?->id, $choice);
		if ($job->channelId > 0 && $job->state !== Job::DONE && is_file(Staged::path($job->id))) {
			$job->goOn();
		} else {
			$this->refuseSecond($job);
			Job::drop($job->id);
			$job = $this->start(Job::of($key, $this->accountId, (int) $receiver?->id, $choice), $dump, $survey);
		}
		@unlink($this->path);
		Daemon::summon('import');

		return Clones::channel($job->channelId) ?? throw new \RuntimeException('the channel is not here');
	}

	/** Tells whether the channel itself is imported from the file: the page for items passes over it. */
	private function bringsChannel(Survey $survey): bool
	{
		return $this->page !== self::ITEMS_PAGE && $survey->head !== [];
	}

	/**
	 * Returns the channel of this hub that the file is for, null if it brings one.
	 *
	 * @throws Problem
	 */
	private function receiver(Survey $survey): ?Channel
	{
		if (! $this->bringsChannel($survey)) {
			return $this->current ?? throw new Problem('no_channel', t('There is no channel in it.'));
		}
		$here = Clones::byGuid($survey->guid());
		if ($here && $here->accountId !== $this->accountId) {
			throw new Problem('other_account', t('Its channel is on this hub already, in another account.'));
		}

		return $here;
	}

	/** @throws Problem */
	private function refuseSecond(Job $job): void
	{
		$other = Job::ofAccount($this->accountId);
		if ($other && $other->id !== $job->id) {
			Job::drop($job->id);
			throw new Problem(
				'import_running',
				sprintf(
					t(
						'Another import of this account has not ended, that of the channel %s. Its page /filesync says more.',
					),
					Clones::channel($other->channelId)?->nick ?? '?',
				),
			);
		}
	}

	/** @throws Problem */
	private function start(Job $job, Dump $dump, Survey $survey): Job
	{
		$isOfItems = $this->page === self::ITEMS_PAGE;
		$sections = $isOfItems ? self::ITEM_SECTIONS : Section::cases();
		if (! $isOfItems && (int) self::field('import_posts') === 0) {
			$sections = array_values(array_filter($sections, fn ($section) => $section !== Section::Item));
		}
		$texts = $isOfItems ? array_diff_key($survey->keys, ['compatibility' => 1]) : $survey->keys + $survey->addons;
		try {
			Core::makeFolder(Job::FOLDER);
			$job->leave(0);
			$job->leave(Staged::write($job->id, Survey::open($this->path), $texts, $sections));

			return $this->bringsChannel($survey)
				? (new Run($job, $dump, $survey, 'The file', fn () => false, fn () => null))->begin()
				: Job::load($job->id);
		} catch (\Throwable $e) {
			if ((Job::find($job->id)->channelId ?? 0) === 0) {
				Job::drop($job->id);
			}
			throw $e;
		}
	}

	private static function field(string $name): string
	{
		/** @var mixed */
		$value = $_POST[$name] ?? '';

		return is_string($value) ? trim($value) : '';
	}
}
