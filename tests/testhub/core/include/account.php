<?php

/**
 * Returns a limit of the channel's service class, or false where there is none.
 *
 * @return int|string|false|null
 */
function service_class_fetch($uid, $property) {
	$rows = q('SELECT account_service_class FROM account, channel WHERE account_id = channel_account_id AND channel_id = %d', intval($uid));
	$class = $rows ? $rows[0]['account_service_class'] : '';
	$limits = $class ? get_config('service_class', $class) : false;
	return is_array($limits) && !empty($limits[$property]) ? $limits[$property] : false;
}

/** Says whether the account that is logged in is an admin of the hub. */
function is_site_admin() {
	return App::$account && (intval(App::$account['account_roles']) & ACCOUNT_ROLE_ADMIN);
}

/**
 * Verifies a password, after asking addons.
 *
 * @return array<string, mixed>|null
 */
function account_verify_password($login, $pass) {
	if (!$login || !$pass) {
		return null;
	}
	$addon = ['username' => $login, 'password' => trim($pass), 'authenticated' => 0, 'user_record' => null];
	call_hooks('authenticate', $addon);
	if ($addon['authenticated'] && $addon['user_record']) {
		return ['account' => $addon['user_record'], 'channel' => null, 'xchan' => null];
	}
	$channel = channelx_by_nick($login);
	$account = $channel ? q('SELECT * FROM account WHERE account_id = %d', intval($channel['channel_account_id'])) : [];
	if (!$account || !hash_equals((string) get_pconfig($channel['channel_id'], 'testhub', 'password'), $pass)) {
		return null;
	}
	return ['account' => $account[0], 'channel' => $channel, 'xchan' => null];
}
