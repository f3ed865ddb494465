<?php

/**
 * How a 10 stores and drops items: every post of one's own is in a conversation container, to which an item `Add` adds
 * it, and whoever drops must be allowed to.
 */

use TestHub\Container;

function item_store($arr, $allow_exec = false, $deliver = true, $addAndSync = true) {
	$stored = item_store_row($addAndSync ? Container::target($arr) : $arr, $allow_exec);
	return $addAndSync ? addToCollectionAndSync($stored) : $stored;
}

function item_store_update($arr, $allow_exec = false, $deliver = true, $addAndSync = true) {
	$stored = item_store_update_row($arr, $allow_exec);
	return $addAndSync ? addToCollectionAndSync($stored) : $stored;
}

/**
 * Adds an item of one's own conversation to its container, and sends both to the clones. What belongs to a photo goes
 * with the photo's packet.
 */
function addToCollectionAndSync($ret) {
	$item = $ret['item'];
	$channel = $ret['success'] ? channelx_by_n($item['uid']) : false;
	if (!$channel || $item['owner_xchan'] !== $channel['channel_hash'] || $item['item_blocked'] || $item['item_unpublished'] || $item['item_delayed']) {
		return $ret;
	}
	$sent = [encode_item($item, true)];
	if (!in_array($item['verb'], ['Add', 'Remove'], true)) {
		$approval = item_store(Container::addition($channel, $item), false, false, false);
		if ($approval['success']) {
			$ret['approval_id'] = $approval['item_id'];
			$ret['approval'] = $approval['item'];
			$sent[] = encode_item($approval['item'], true);
		}
	}
	if ($item['resource_type'] !== 'photo') {
		Zotlabs\Lib\Libsync::build_sync_packet($channel['channel_id'], ['item' => $sent]);
	}
	return $ret;
}

/**
 * Drops for a site admin, the logged-in owner, an observer who is author or owner, or who names the item's channel in
 * $uid. Tells no reader: callers do.
 */
function drop_item($id, $stage = DROPITEM_NORMAL, $force = false, $uid = 0, $observer_hash = '', $expire = false, $recurse = false) {
	$item = item_row($id);
	if (!$item || ($item['item_deleted'] && $stage === DROPITEM_NORMAL && !$force)) {
		return false;
	}
	$observer = $observer_hash ?: get_observer_hash();
	$may = is_site_admin()
		|| (local_channel() && local_channel() === intval($item['uid']))
		|| ($observer && in_array($observer, [$item['author_xchan'], $item['owner_xchan']], true))
		|| ($uid && intval($uid) === intval($item['uid']));
	if (!$may) {
		return false;
	}
	$arr = ['item' => $item, 'interactive' => false, 'stage' => $stage];
	call_hooks('drop_item', $arr);
	if (!$recurse) {
		drop_related($item, $stage, $force, $uid, $observer_hash, $expire);
	}
	drop_item_rows($item, $stage);
	return true;
}

/** Drops what belongs to an item that is dropped: the items `Add` that added it, or what an `Add` added. */
function drop_related($item, $stage, $force, $uid, $observer_hash, $expire) {
	foreach (Container::related($item) as $related) {
		drop_item($related['id'], $stage, $force, $uid, $observer_hash, $expire, true);
	}
}

/** Drops the item of a photo that is deleted. It names no channel: where nobody is logged in, the item stays. */
function attach_drop_item($item) {
	$stage = $item['item_hidden'] ? DROPITEM_NORMAL : DROPITEM_PHASE1;
	if (drop_item($item['id'], $stage) && !$item['item_hidden']) {
		Zotlabs\Daemon\Master::Summon(['Notifier', 'drop', $item['id']]);
	}
}
