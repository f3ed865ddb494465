<?php

// Prints a ticket of this hub, as it would be ten minutes after it was given. Arguments: hash.
require __DIR__ . '/boot.php';

use FileSync\Addon\Hub\Channel;
use FileSync\Addon\Protocol\Ticket;
use FileSync\Addon\Storage\Facts;

$channel = the_channel();
$facts = Facts::of(Channel::of($channel), $argv[1], 0);
$facts->stat();
$other = q(
	"select hubloc_id_url from hubloc where hubloc_hash = '%s' and hubloc_url <> '%s' and hubloc_deleted = 0",
	dbesc($channel['channel_hash']),
	dbesc(z_root()),
);
$claims = [
	'c' => $channel['channel_hash'],
	'h' => $argv[1],
	's' => 0,
	'e' => $facts->etag(),
	'r' => $other[0]['hubloc_id_url'],
	'u' => z_root(),
];
echo Ticket::issue($claims + ['x' => time() - 1]), "\n";
