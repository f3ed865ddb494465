<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use Zotlabs\Web\Controller;

/** A channel's page, or what hubs ask for: who it is. */
class Channel extends Controller {

	public function init() {
		$channel = channelx_by_nick(\App::$argv[1] ?? '');
		if (!$channel) {
			Answer::page(404);
		}
		if (!str_contains($_SERVER['HTTP_ACCEPT'] ?? '', 'application/x-zot+json')) {
			Answer::page(200);
		}
		json_return_and_die([
			'success' => true,
			'id' => $channel['channel_guid'],
			'id_sig' => $channel['channel_guid_sig'],
			'public_key' => $channel['channel_pubkey'],
			'username' => $channel['channel_address'],
			'name' => $channel['channel_name'],
		], 'application/x-zot+json');
	}
}
