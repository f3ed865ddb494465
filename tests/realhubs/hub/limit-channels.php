<?php

// Lets accounts of this hub have only so many channels. Arguments: how many.
require __DIR__ . '/boot.php';

Zotlabs\Lib\Config::Set('service_class', 'few', ['total_identities' => (int) $argv[1]]);
q("update account set account_service_class = 'few'");
answer(['ok' => true]);
