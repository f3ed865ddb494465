<?php

// Ends the channel's drop box, as its owner does on the page.
require __DIR__ . '/boot.php';

$channel = the_channel();
$key = FileSync\Addon\Door\Key::ofBox((int) $channel['channel_id']);
if ($key) {
	FileSync\Addon\Door\Key::revoke((int) $channel['channel_id'], $key->id);
}
answer(['ended' => $key !== null]);
