<?php

namespace Zotlabs\Module;

use FileSync\Addon\Hub\Log;
use FileSync\Addon\Hub\Web;
use FileSync\Addon\Page\OwnerActions;
use FileSync\Addon\Page\OwnerPage;
use FileSync\Addon\Protocol\Response;
use FileSync\Addon\Status\Metrics;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The hub's module `filesync`: `/filesync` for the channel's owner, `/filesync/state` for that page while it is open,
 * `/filesync/metrics`.
 */
class Filesync extends \Zotlabs\Web\Controller
{
	/** Answers requests other than the page. */
	public function init()
	{
		if (argv(1) === 'state') {
			$this->end(OwnerPage::state(...));
		} elseif (argv(1) === 'metrics') {
			$this->end(fn () => Metrics::answer(Web::request(null)));
		}
	}

	public function post()
	{
		OwnerActions::take();
	}

	public function get()
	{
		try {
			return OwnerPage::show();
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
		$response->send(($_SERVER['REQUEST_METHOD'] ?? '') === 'HEAD');
		Web::end();
	}
}
