<?php

// Makes a fresh hub usable: version, keys, system channel, one administrator. Arguments: php binary.
require __DIR__ . '/boot.php';

Zotlabs\Lib\Config::Set('system', 'db_version', DB_UPDATE_VERSION);
Zotlabs\Lib\Config::Set('system', 'phpbin', $argv[1]);
Zotlabs\Lib\Config::Set('system', 'php_path', $argv[1]);
Zotlabs\Lib\Config::Set('system', 'db_skip_locked_supported', 1);
// The wait between two deliveries costs half a second each and proves nothing here.
Zotlabs\Lib\Config::Set('queueworker', 'queue_interval', 1000);
Zotlabs\Lib\Config::Set('system', 'debugging', 1);
Zotlabs\Lib\Config::Set('system', 'loglevel', LOGGER_DEBUG);
Zotlabs\Lib\Config::Set('system', 'logfile', dirname(getcwd()) . '/log/hub.log');
require_once 'include/channel.php';
create_sys_channel();

$salt = random_string(32);
create_table_from_array('account', [
	'account_salt' => $salt,
	'account_password' => hash('whirlpool', $salt . 'realhubs'),
	'account_email' => 'admin@' . App::get_hostname(),
	'account_created' => datetime_convert(),
	'account_roles' => ACCOUNT_ROLE_ADMIN,
	'account_level' => 5,
]);
$account = q("select account_id from account where account_email = '%s'", dbesc('admin@' . App::get_hostname()));
answer(['account_id' => (int) $account[0]['account_id']]);
