<?php

namespace Zotlabs\Module;

use Zotlabs\Lib\Libsync;
use Zotlabs\Web\Controller;

/** An upload into a post: attach_store sends its packet, and this one more. */
class Wall_attach extends Controller {

	public function post() {
		$channel = \App::get_channel();
		if (!$channel) {
			http_response_code(403);
			killme();
		}
		$stored = attach_store($channel, get_observer_hash(), '', ['source' => 'editor']);
		if ($stored['success']) {
			self::sync($channel, $stored['data']['hash']);
		}
	}

	/** Sends a change. */
	private static function sync(array $channel, string $hash, bool $deleted = false): void {
		$sync = attach_export_data($channel, $hash, $deleted);
		if ($sync) {
			Libsync::build_sync_packet($channel['channel_id'], ['file' => [$sync]]);
		}
	}
}
