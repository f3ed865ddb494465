<?php

namespace Zotlabs\Module;

use Zotlabs\Web\Controller;

/** The editor of posts: files that were uploaded into the post get its access. */
class Item extends Controller {

	public function post() {
		$channel = \App::get_channel();
		// Hubs of 8.0 and later.
		if ($channel && function_exists('fix_attached_permissions')) {
			fix_attached_permissions($channel['channel_id'], $_POST['body'] ?? '', $_POST['allow_cid'] ?? '', '', '', '');
		} elseif ($channel) {
			$acl = [$_POST['allow_cid'] ?? '', '', '', ''];
			fix_attached_photo_permissions($channel['channel_id'], $channel['channel_hash'], $_POST['body'] ?? '', ...$acl);
			fix_attached_file_permissions($channel, $channel['channel_hash'], $_POST['body'] ?? '', ...$acl);
		}
	}
}
