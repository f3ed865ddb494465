<?php

namespace Zotlabs\Module;

use Zotlabs\Lib\Libsync;
use Zotlabs\Web\Controller;

/** The form beside a photo: deletes it, or moves it to another album. */
class Photos extends Controller {

	public function post() {
		$channel = \App::get_channel();
		if (!$channel) {
			http_response_code(403);
			killme();
		}
		$uid = $channel['channel_id'];
		$hash = $_POST['resource'] ?? '';
		if (!empty($_POST['delete'])) {
			attach_delete($uid, $hash, true);
			self::sync($channel, $hash, true);
			return;
		}
		if (isset($_POST['move_to_album'])) {
			attach_move($uid, $hash, $_POST['move_to_album']);
		}
		self::sync($channel, $hash);
	}

	/** Sends a change. */
	private static function sync(array $channel, string $hash, bool $deleted = false): void {
		$sync = attach_export_data($channel, $hash, $deleted);
		if ($sync) {
			Libsync::build_sync_packet($channel['channel_id'], ['file' => [$sync]]);
		}
	}
}
