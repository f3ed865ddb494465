<?php

namespace Zotlabs\Module;

use Zotlabs\Lib\Libsync;
use Zotlabs\Web\Controller;

/** A photo becomes the cover photo: its crop is marked, and sent with it. */
class Cover_photo extends Controller {

	public function post() {
		$channel = \App::get_channel();
		if (!$channel) {
			http_response_code(403);
			killme();
		}
		$uid = $channel['channel_id'];
		$hash = $_POST['resource'] ?? '';
		q("UPDATE photo SET photo_usage = %d WHERE uid = %d AND resource_id = '%s' AND imgscale = 7", PHOTO_COVER, intval($uid), dbesc($hash));
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
