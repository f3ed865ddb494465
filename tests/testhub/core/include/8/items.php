<?php

/**
 * How an 8 stores and drops items: nobody is asked who wants to drop, and callers that are not interactive are the hub
 * itself.
 */

function item_store($arr, $allow_exec = false, $deliver = true) {
	return item_store_row($arr, $allow_exec);
}

function item_store_update($arr, $allow_exec = false, $deliver = true) {
	return item_store_update_row($arr, $allow_exec);
}

/** @return int 1 if something was dropped */
function drop_item($id, $interactive = true, $stage = DROPITEM_NORMAL) {
	$item = item_row($id);
	if (!$item || ($item['item_deleted'] && $stage === DROPITEM_NORMAL)) {
		return 0;
	}
	$arr = ['item' => $item, 'interactive' => $interactive, 'stage' => $stage];
	call_hooks('drop_item', $arr);
	drop_item_rows($item, $stage);
	if ($interactive && $stage === DROPITEM_PHASE1) {
		Zotlabs\Daemon\Master::Summon(['Notifier', 'drop', $id]);
	}
	return 1;
}

/** Drops the item of a photo that is deleted. */
function attach_drop_item($item) {
	drop_item($item['id'], !$item['item_hidden'], $item['item_hidden'] ? DROPITEM_NORMAL : DROPITEM_PHASE1);
}
