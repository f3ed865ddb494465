<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use TestHub\Faults;
use Zotlabs\Lib\Libsync;
use Zotlabs\Web\Controller;

/** Takes packets from other hubs and works them off before it answers, as hubs do. */
class Zot extends Controller {

	public function init() {
		Answer::instead(Faults::at('zot'));
		$envelope = json_decode((string) file_get_contents('php://input'), true);
		$data = json_decode($envelope['data'] ?? '', true);
		$report = [];
		if (is_array($data) && ($data['type'] ?? '') === 'sync' && ($data['encoding'] ?? '') === 'hz') {
			$report = Libsync::process_channel_sync_delivery($envelope['sender'], $data, $envelope['recipients']);
		}
		json_return_and_die(['success' => true, 'delivery_report' => $report], 'application/x-zot+json');
	}
}
