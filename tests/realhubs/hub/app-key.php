<?php

// Makes an app of the grant `client_credentials` for the channel, as its owner does on the page /oauth2.
// Arguments: its name, its secret.
require __DIR__ . '/boot.php';

$channel = the_channel();
q("delete from oauth_clients where client_id = '%s'", dbesc($argv[1]));
$isMade = q(
	'insert into oauth_clients (client_id, client_secret, redirect_uri, grant_types, scope, user_id)'
	. " values ('%s', '%s', '', 'client_credentials', '', %d)",
	dbesc($argv[1]),
	dbesc($argv[2]),
	intval($channel['channel_id']),
);
answer(['ok' => (bool) $isMade], $isMade ? 0 : 1);
