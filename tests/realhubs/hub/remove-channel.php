<?php

// Removes the channel that CHANNEL names from this hub, as its owner does by the hub's page.
require __DIR__ . '/boot.php';
require_once 'include/channel.php';

$channel = the_channel();
log_in($channel);
channel_remove((int) $channel['channel_id'], true, false);
answer(['ok' => true, 'removed' => $channel['channel_address']]);
