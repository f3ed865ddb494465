<?php

/** @return array<string, mixed>|false */
function channelx_where($where, $removed) {
	$rows = dbq('SELECT * FROM channel LEFT JOIN xchan ON channel_hash = xchan_hash WHERE ' . $where
		. ($removed ? '' : ' AND channel_removed = 0') . ' LIMIT 1');
	return $rows ? $rows[0] : false;
}

/** @return array<string, mixed>|false */
function channelx_by_n($id, $removed = false) {
	return channelx_where('channel_id = ' . intval($id), $removed);
}

/** @return array<string, mixed>|false */
function channelx_by_hash($hash, $removed = false) {
	return channelx_where("channel_hash = '" . dbesc($hash) . "'", $removed);
}

/** @return array<string, mixed>|false */
function channelx_by_nick($nick, $removed = false) {
	return channelx_where("channel_address = '" . dbesc($nick) . "'", $removed);
}

/** @return string */
function channel_url($channel) {
	return z_root() . ($channel ? '/channel/' . $channel['channel_address'] : '');
}

/** @return string */
function channel_reddress($channel) {
	return strtolower($channel['channel_address'] . '@' . App::get_hostname());
}

/** @return bool */
function channel_codeallowed($channel_id) {
	return (bool) get_pconfig($channel_id, 'testhub', 'code');
}

/** @return string */
function get_default_profile_photo($size = 300) {
	return 'images/default_profile_photos/rainbow_man/' . $size . '.png';
}

/** Removes a channel; hook channel_remove comes first, as on a hub. */
function channel_remove($channel_id, $local = true, $unset_session = false) {
	$channel = channelx_by_n($channel_id);
	if (!$channel) {
		return;
	}
	call_hooks('channel_remove', $channel);
	foreach (['attach', 'photo', 'item', 'term', 'pconfig'] as $table) {
		dbq('DELETE FROM ' . $table . ' WHERE uid = ' . intval($channel_id));
	}
	q("UPDATE channel SET channel_removed = 1, channel_deleted = '%s' WHERE channel_id = %d", dbesc(datetime_convert()), intval($channel_id));
}

/**
 * Says whether somebody may do something with what a channel has: on this hub its owner may all, others nothing.
 *
 * @return bool|null Null if an addon answers so.
 */
function perm_is_allowed($uid, $observer_xchan, $permission, $check_siteblock = true) {
	$channel = channelx_by_n($uid);
	return $channel && $observer_xchan === $channel['channel_hash'];
}

/**
 * Returns sections of a channel as hubs export them.
 *
 * @return array<string, mixed>
 */
function identity_basic_export($channel_id, $sections = null, $zap_compat = false) {
	$channel = q('SELECT * FROM channel WHERE channel_id = %d', intval($channel_id))[0];
	$data = [
		'compatibility' => ['project' => 'hubzilla', 'version' => STD_VERSION, 'database' => DB_UPDATE_VERSION, 'server_role' => 'pro'],
		'relocate' => ['channel_address' => $channel['channel_address'], 'url' => z_root()],
	];
	if (in_array('channel', $sections)) {
		$data['channel'] = array_diff_key($channel, ['channel_password' => 1, 'channel_salt' => 1]);
		$data['profile'] = q('SELECT * FROM profile WHERE uid = %d', intval($channel_id));
	}
	if (in_array('config', $sections)) {
		$data['config'] = q('SELECT * FROM pconfig WHERE uid = %d', intval($channel_id));
	}
	if (in_array('connections', $sections)) {
		$data['abook'] = q('SELECT * FROM abook WHERE abook_channel = %d', intval($channel_id));
		foreach (['xchan' => 'xchan_hash', 'hubloc' => 'hubloc_hash'] as $table => $column) {
			$data[$table] = q("SELECT * FROM $table WHERE $column IN (SELECT abook_xchan FROM abook WHERE abook_channel = %d)", intval($channel_id));
		}
		$data['group'] = q('SELECT * FROM pgrp WHERE uid = %d', intval($channel_id));
	}
	if (in_array('chatrooms', $sections)) {
		$data['chatroom'] = q('SELECT * FROM chatroom WHERE cr_uid = %d', intval($channel_id));
	}
	$data = array_filter($data);
	$addon = ['channel_id' => $channel_id, 'sections' => $sections, 'data' => $data];
	call_hooks('identity_basic_export', $addon);
	return $addon['data'];
}
