<?php

// Prints lines of the private keys that this hub holds, for a test that looks whether they leaked.
require __DIR__ . '/boot.php';

$keys = array_column(q('select channel_prvkey from channel') ?: [], 'channel_prvkey');
$keys[] = Zotlabs\Lib\Config::Get('system', 'prvkey');
foreach ($keys as $key) {
	// The second line; the first is the same for every key.
	echo explode("\n", $key)[2], "\n";
}
