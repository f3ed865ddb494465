<?php

namespace Zotlabs\Module;

use App;
use Zotlabs\Daemon\Master;
use Zotlabs\Lib\Libzot;
use Zotlabs\Web\Controller;

/** The import of a channel, or of parts of its export, in the order of core's own; it ends the process. */
class Import extends Controller {

	/** @return array|null the channel, of a request of a test */
	public function import_account($account_id) {
		require_once 'include/import.php';
		$data = json_decode((string) @file_get_contents($_FILES['filename']['tmp_name'] ?? ''), true);
		@unlink($_FILES['filename']['tmp_name'] ?? '');
		$channel = isset($data['channel']) ? import_channel($data['channel'], $account_id, intval($_REQUEST['make_primary'] ?? 0), $_REQUEST['newname'] ?? '') : App::get_channel();
		if (!$channel || $channel['channel_account_id'] != $account_id) {
			return null;
		}
		import_config($channel, $data['config'] ?? []);
		foreach ($data['profile'] ?? [] as $profile) {
			import_row('profile', ['aid' => $account_id, 'uid' => $channel['channel_id']] + $profile, 'profile_guid');
		}
		if (isset($data['channel'])) {
			// As often as it is called.
			create_table_from_array('hubloc', ['hubloc_hash' => $channel['channel_hash'], 'hubloc_guid' => $channel['channel_guid'], 'hubloc_guid_sig' => $channel['channel_guid_sig'],
				'hubloc_url' => z_root(), 'hubloc_url_sig' => Libzot::sign(z_root(), $channel['channel_prvkey']), 'hubloc_addr' => channel_reddress($channel), 'hubloc_id_url' => channel_url($channel),
				'hubloc_network' => 'zot6', 'hubloc_host' => App::get_hostname(), 'hubloc_callback' => z_root() . '/zot', 'hubloc_sitekey' => '', 'hubloc_updated' => datetime_convert()]);
		}
		foreach ($data['xchan'] ?? [] as $xchan) {
			import_row('xchan', $xchan, 'xchan_hash');
		}
		foreach ($data['abook'] ?? [] as $abook) {
			unset($abook['abconfig']);
			import_row('abook', ['abook_account' => $account_id, 'abook_channel' => $channel['channel_id']] + $abook, 'abook_xchan', 'abook_channel');
		}
		import_items($channel, $data['item'] ?? [], false, $data['relocate'] ?? null);
		$addon = ['channel' => $channel, 'data' => $data];
		call_hooks('import_channel', $addon);
		Master::Summon(['Notifier', 'refresh_all', $channel['channel_id']]);
		return $channel;
	}
}
