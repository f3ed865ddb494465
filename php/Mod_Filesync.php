<?php

namespace Zotlabs\Module;

use FileSync\Addon\Box\Box;
use FileSync\Addon\Door\Doors;
use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Page\BackupActions;
use FileSync\Addon\Page\BackupPage;
use FileSync\Addon\Page\Made;
use FileSync\Addon\Page\OwnerActions;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Page\RestorePage;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Status\Metrics;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The hub's module `filesync`: `/filesync`, `/filesync/backup` and `/filesync/restore` for the channel's owner, `state`
 * beneath each for these pages while they are open, `/filesync/metrics`, beneath `/filesync/v1` the door for programs,
 * and beneath `/filesync/dav` the drop boxes of channels.
 */
class Filesync extends \Zotlabs\Web\Controller
{
	/** What a form of this request made. */
	private ?Made $made = null;

	/** Answers requests other than the page. */
	public function init()
	{
		if (argv(1) === 'backup' && argv(2) === 'state') {
			$this->end(BackupPage::state(...));
		} elseif (argv(1) === 'restore' && argv(2) === 'state') {
			$this->end(RestorePage::state(...));
		} elseif (argv(1) === 'state') {
			$this->end(OwnerPage::state(...));
		} elseif (argv(1) === 'metrics') {
			$this->end(fn () => Metrics::answer(Web::request(null)));
		} elseif (argv(1) === 'v1') {
			$this->end(fn () => Doors::answer(Web::request(null)));
		} elseif (argv(1) === 'dav') {
			$this->end(fn () => Box::answer(Web::request(null)));
		}
	}

	public function post()
	{
		argv(1) === 'backup' ? ($this->made = BackupActions::take()) : OwnerActions::take();
	}

	public function get()
	{
		try {
			return match (argv(1)) {
				'backup' => BackupPage::show($this->made),
				'restore' => RestorePage::show(),
				default => OwnerPage::show(),
			};
		} catch (\Throwable $e) {
			Log::failure('the page for the owner', $e);
			return htmlspecialchars(t('filesync cannot show this page now. The log of this hub says why.'));
		}
	}

	private function end(\Closure $answer): void
	{
		try {
			$response = $answer();
		} catch (\Throwable $e) {
			Log::failure('an answer for a page', $e);
			$response = Response::nothing(503);
		}
		$response?->send(($_SERVER['REQUEST_METHOD'] ?? '') === 'HEAD');
		Web::end();
	}
}
