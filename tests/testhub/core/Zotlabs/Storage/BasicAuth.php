<?php

namespace Zotlabs\Storage;

/** Who is logged in for WebDAV, and whose files are looked at. */
class BasicAuth {

	public $channel_id = 0;
	public $channel_account_id = 0;
	public $channel_hash = '';
	public $observer = '';
	public $owner_id = 0;
	public $owner_nick = '';
}
