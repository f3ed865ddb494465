<?php

namespace Zotlabs\Module;

use Zotlabs\Web\Controller;

/** The end of the import of a channel that is here already: its posts, and the hook. That is all. */
class Import extends Controller {

	/** @return array|null the channel */
	public function import_account($account_id) {
		require_once 'include/import.php';
		$data = json_decode((string) @file_get_contents($_FILES['filename']['tmp_name'] ?? ''), true);
		$channel = channelx_by_hash($data['channel']['channel_hash'] ?? '');
		if (!$channel || $channel['channel_account_id'] != $account_id) {
			return null;
		}
		import_items($channel, $data['item'] ?? [], false, $data['relocate'] ?? null);
		$addon = ['channel' => $channel, 'data' => $data];
		call_hooks('import_channel', $addon);
		return $channel;
	}
}
