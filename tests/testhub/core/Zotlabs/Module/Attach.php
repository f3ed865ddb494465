<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use Zotlabs\Web\Controller;

/** Hands a file to whoever may see it, as the links in posts do. */
class Attach extends Controller {

	public function get() {
		$found = attach_by_hash(argv(1), get_observer_hash());
		if (!$found['success']) {
			Answer::page(200);
		}
		header('Content-Type: ' . $found['data']['filetype']);
		header('Content-Disposition: attachment; filename="' . $found['data']['filename'] . '"');
		$channel = channelx_by_n($found['data']['uid']);
		Answer::body((string) @file_get_contents(attach_file_path($found['data'], $channel['channel_address'])));
	}
}
