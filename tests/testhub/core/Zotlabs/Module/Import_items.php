<?php

namespace Zotlabs\Module;

use Zotlabs\Web\Controller;

/** Takes posts from an export file that the owner uploads. */
class Import_items extends Controller {

	public function post() {
		require_once 'include/import.php';
		$channel = \App::get_channel();
		$data = json_decode((string) @file_get_contents($_FILES['filename']['tmp_name'] ?? ''), true);
		if ($channel && is_array($data)) {
			import_items($channel, $data['item'] ?? [], false, $data['relocate'] ?? null);
		}
	}
}
