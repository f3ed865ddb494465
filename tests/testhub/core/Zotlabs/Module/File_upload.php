<?php

namespace Zotlabs\Module;

use Zotlabs\Lib\Libsync;
use Zotlabs\Web\Controller;

/** The browser's upload: attach_store sends its packet, and then this sends the same once more, as hubs do. */
class File_upload extends Controller {

	public function post() {
		$channel = \App::get_channel();
		if (!$channel) {
			http_response_code(403);
			killme();
		}
		$stored = attach_store($channel, get_observer_hash(), '', ['folder' => $_POST['folder'] ?? '', 'source' => 'file_upload']);
		if ($stored['success']) {
			$sync = attach_export_data($channel, $stored['data']['hash']);
			if ($sync) {
				Libsync::build_sync_packet($channel['channel_id'], ['file' => [$sync]]);
			}
		}
		json_return_and_die(['success' => $stored['success']]);
	}
}
