<?php

namespace Zotlabs\Module;

use Zotlabs\Lib\Libsync;
use Zotlabs\Web\Controller;

/** The older form of the same: deletes a file, or says who may see it. */
class Filestorage extends Controller {

	public function post() {
		$channel = \App::get_channel();
		if (!$channel) {
			http_response_code(403);
			killme();
		}
		$uid = $channel['channel_id'];
		$hash = $_POST['resource'] ?? '';
		if (!empty($_POST['delete'])) {
			attach_delete($uid, $hash);
			self::sync($channel, $hash, true);
			return;
		}
		attach_change_permissions($uid, $hash, $_POST['allow_cid'] ?? '', '', '', '', !empty($_POST['recurse']), true);
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
