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

/**
 * Returns a limit of the account's service class, or false where there is none.
 *
 * @return int|string|false|null
 */
function account_service_class_fetch($aid, $property) {
	$rows = q('SELECT account_service_class FROM account WHERE account_id = %d', intval($aid));
	$limits = $rows && $rows[0]['account_service_class'] ? get_config('service_class', $rows[0]['account_service_class']) : false;
	return is_array($limits) && !empty($limits[$property]) ? $limits[$property] : false;
}

/** @return int|false the account that is logged in */
function get_account_id() {
	return App::$account ? intval(App::$account['account_id']) : false;
}

/** Says whether the account that is logged in is an admin of the hub. */
function is_site_admin() {
	return App::$account && (intval(App::$account['account_roles']) & ACCOUNT_ROLE_ADMIN);
}

/**
 * Verifies a password, after asking addons: that of a channel, or, by the address of an account, that which config
 * `testhub.passwords` has.
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
	if (strpos($login, '@')) {
		$account = q("SELECT * FROM account WHERE account_email = '%s'", dbesc($login));
		$password = (get_config('testhub', 'passwords') ?: [])[$login] ?? '';
		return $account && $password !== '' && hash_equals($password, $pass) ? ['account' => $account[0], 'channel' => null, 'xchan' => null] : null;
	}
	$channel = channelx_by_nick($login);
	$account = $channel ? q('SELECT * FROM account WHERE account_id = %d', intval($channel['channel_account_id'])) : [];
	if (!$account || !hash_equals((string) get_pconfig($channel['channel_id'], 'testhub', 'password'), $pass)) {
		return null;
	}
	return ['account' => $account[0], 'channel' => $channel, 'xchan' => null];
}
