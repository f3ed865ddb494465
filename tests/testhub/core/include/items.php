<?php

/**
 * Posts and comments, as far as files have to do with them.
 */

use Zotlabs\Lib\Libsync;
use Zotlabs\Lib\Libzot;

function item_row($id) {
	$rows = q('SELECT * FROM item WHERE id = %d', intval($id));
	return $rows ? $rows[0] : null;
}

/** Stores a new item; a comment whose parent is not here is dropped. Signs the body if it is ours and unsigned. */
function item_store_row($arr, $allow_exec) {
	$data = ['item' => $arr, 'allow_exec' => $allow_exec];
	call_hooks('item_store_before', $data);
	$arr = $data['item'];
	$now = datetime_convert();
	$texts = array_fill_keys(['title', 'summary', 'body', 'html', 'obj', 'target', 'postopts', 'route', 'llink', 'plink', 'attach', 'sig', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'], '');
	$arr += $texts + ['created' => $now, 'edited' => $now, 'commented' => $now, 'received' => $now, 'changed' => $now];
	foreach (['obj', 'target', 'attach'] as $json) {
		$arr[$json] = is_array($arr[$json]) ? json_encode($arr[$json]) : $arr[$json];
	}
	$parent = 0;
	if ($arr['mid'] !== $arr['parent_mid']) {
		$top = q("SELECT id FROM item WHERE mid = '%s' AND uid = %d", dbesc($arr['parent_mid']), intval($arr['uid']));
		if (!$top) {
			return ['success' => false, 'item_id' => 0, 'item' => $arr];
		}
		$parent = $top[0]['id'];
	}
	$arr['body'] = trim(z_input_filter(trim($arr['body']), ($arr['mimetype'] ?? '') ?: 'text/bbcode', $allow_exec));
	item_sign($arr);
	$arr['llink'] = z_root() . '/display/' . $arr['uuid'];
	unset($arr['id']);
	if (q("SELECT id FROM item WHERE uuid = '%s' AND uid = %d AND revision = %d", dbesc($arr['uuid']), intval($arr['uid']), intval($arr['revision'] ?? 0))) {
		return ['success' => false, 'message' => 'duplicate post.', 'item_id' => 0, 'item' => $arr];
	}
	create_table_from_array('item', $arr);
	$id = dbq('SELECT MAX(id) AS id FROM item WHERE uid = ' . intval($arr['uid']))[0]['id'];
	q('UPDATE item SET parent = %d WHERE id = %d', intval($parent ?: $id), intval($id));
	foreach (($arr['term'] ?? []) ?: [] as $t) {
		q("INSERT INTO term (uid, oid, otype, ttype, term, url) VALUES (%d, %d, %d, %d, '%s', '%s')",
			intval($arr['uid']), intval($id), TERM_OBJ_POST, intval($t['ttype']), dbesc($t['term']), dbesc($t['url']));
	}
	foreach (($arr['iconfig'] ?? []) ?: [] as $m) {
		q("INSERT INTO iconfig (iid, cat, k, v, sharing) VALUES (%d, '%s', '%s', '%s', %d)",
			intval($id), dbesc($m['cat']), dbesc($m['k']), dbesc(is_array($m['v']) ? serialize($m['v']) : $m['v']), intval($m['sharing']));
	}
	if (strpos($arr['body'], '[embed]') !== false) {
		Zotlabs\Daemon\Master::Summon(['Cache_embeds', $id]);
	}
	return ['success' => true, 'item_id' => $id, 'item' => item_row($id)];
}

/** Writes the changed columns of an item. */
function item_store_update_row($arr, $allow_exec) {
	$data = ['item' => $arr, 'allow_exec' => $allow_exec];
	call_hooks('item_store_update_before', $data);
	$arr = $data['item'];
	if (isset($arr['body'])) {
		$arr['body'] = trim(z_input_filter(trim($arr['body']), ($arr['mimetype'] ?? '') ?: 'text/bbcode', $allow_exec));
	}
	item_sign($arr);
	foreach (array_intersect(db_columns('item'), array_keys($arr)) as $column) {
		if (!in_array($column, ['id', 'uid', 'aid', 'parent', 'mid', 'uuid'])) {
			$value = is_array($arr[$column]) ? json_encode($arr[$column]) : $arr[$column];
			q("UPDATE item SET $column = '%s' WHERE id = %d", dbesc($value), intval($arr['id']));
		}
	}
	return ['success' => true, 'item_id' => $arr['id'], 'item' => item_row($arr['id'])];
}

/** Makes a text harmless, once: what is escaped stays as it is. */
function z_input_filter($s, $type = 'text/bbcode', $allow_code = false) {
	return $type === 'text/bbcode' ? htmlspecialchars($s, ENT_COMPAT, 'UTF-8', false) : $s;
}

function item_sign(&$item) {
	$channel = channelx_by_n($item['uid']);
	if (empty($item['sig']) && $channel && $item['author_xchan'] === $channel['channel_hash']) {
		$item['sig'] = Libzot::sign($item['body'], $channel['channel_prvkey']);
	}
}

/** Returns an item as it travels; with $mirror it carries what a clone needs too. */
function encode_item($item, $mirror = false, $zap_compat = false) {
	$x = ['type' => 'activity', 'encoding' => 'zot'];
	if ($mirror) {
		$more = array_flip(['id', 'parent', 'uid', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid', 'revision', 'layout_mid', 'postopts', 'resource_id', 'resource_type', 'attach']);
		$x += array_intersect_key($item, $more);
		$x += array_filter($item, function ($column) {
			return strncmp($column, 'item_', 5) === 0;
		}, ARRAY_FILTER_USE_KEY);
	}
	foreach (ITEM_WIRE_NAMES as $name => $column) {
		$x[$name] = $item[$column];
	}
	foreach (['object' => 'obj', 'target' => 'target', 'attach' => 'attach'] as $name => $column) {
		if ($item[$column]) {
			$x[$name] = json_decode($item[$column], true);
		}
	}
	foreach (['owner', 'author'] as $role) {
		$xchan = q("SELECT * FROM xchan WHERE xchan_hash = '%s'", dbesc($item[$role . '_xchan']));
		$x[$role] = $xchan ? [
			'name' => $xchan[0]['xchan_name'],
			'address' => $xchan[0]['xchan_addr'],
			'url' => $xchan[0]['xchan_url'],
			'network' => $xchan[0]['xchan_network'],
			'id' => $xchan[0]['xchan_guid'],
			'id_sig' => $xchan[0]['xchan_guid_sig'],
			'key' => $xchan[0]['xchan_pubkey'],
			'hash' => $xchan[0]['xchan_hash'],
		] : [];
	}
	// Who wants them reads them first.
	foreach ($item['term'] ?? [] as $term) {
		$types = ['unknown', 'hashtag', 'mention', 'category', 'private_category', 'file'];
		$x['tags'][] = ['tag' => $term['term'], 'url' => $term['url'], 'type' => $types[$term['ttype']] ?? 'unknown'];
	}
	foreach ($item['iconfig'] ?? [] as $meta) {
		if ($mirror || $meta['sharing']) {
			$x['meta'][] = ['family' => $meta['cat'], 'key' => $meta['k'], 'value' => $meta['v'], 'sharing' => intval($meta['sharing'])];
		}
	}
	return $x;
}

const ITEM_WIRE_NAMES = [
	'uuid' => 'uuid', 'message_id' => 'mid', 'message_top' => 'parent_mid', 'message_parent' => 'thr_parent', 'created' => 'created', 'edited' => 'edited',
	'expires' => 'expires', 'commented' => 'commented', 'mimetype' => 'mimetype', 'title' => 'title', 'summary' => 'summary', 'body' => 'body', 'app' => 'app',
	'verb' => 'verb', 'object_type' => 'obj_type', 'target_type' => 'tgt_type', 'permalink' => 'plink', 'location' => 'location', 'longlat' => 'coord',
	'signature' => 'sig', 'route' => 'route', 'public_scope' => 'public_policy', 'comment_scope' => 'comment_policy',
];

/** Returns the columns of an item that travelled, or null if its author is unknown here. */
function get_item_elements($x, $allow_code = false) {
	$item = [];
	foreach (ITEM_WIRE_NAMES as $name => $column) {
		$item[$column] = $x[$name] ?? (in_array($name, ['created', 'edited', 'expires', 'commented']) ? NULL_DATE : '');
	}
	$item['body'] = mb_substr($item['body'], 0, intval(get_config('system', 'max_import_size', 200000)), 'UTF-8');
	foreach (['object' => 'obj', 'target' => 'target', 'attach' => 'attach'] as $name => $column) {
		$item[$column] = is_array($x[$name] ?? null) ? $x[$name] : '';
	}
	foreach (['owner', 'author'] as $role) {
		$item[$role . '_xchan'] = import_author_xchan($x[$role]);
		if (!$item[$role . '_xchan']) {
			return null;
		}
	}
	if ($x['tags'] ?? []) {
		$item['term'] = decode_tags($x['tags']);
	}
	if ($x['meta'] ?? []) {
		$item['iconfig'] = array_map(fn ($m) => ['cat' => $m['family'], 'k' => $m['key'], 'v' => $m['value'], 'sharing' => $m['sharing']], $x['meta']);
	}
	$author = q("SELECT xchan_pubkey FROM xchan WHERE xchan_hash = '%s'", dbesc($item['author_xchan']))[0] ?? null;
	if ($author && $item['sig'] && $author['xchan_pubkey'] && Zotlabs\Lib\Libzot::verify($x['body'] ?? '', $item['sig'], $author['xchan_pubkey'])) {
		$item['item_verified'] = 1;
	}
	if (array_key_exists('revision', $x)) {
		foreach ($x as $name => $value) {
			if (strncmp($name, 'item_', 5) === 0 || in_array($name, ['allow_cid', 'allow_gid', 'deny_cid', 'deny_gid', 'revision', 'layout_mid', 'postopts', 'resource_id', 'resource_type'])) {
				$item[$name] = $value;
			}
		}
	}
	return $item;
}

/** Returns who a person of a post is, empty if the hub does not know. Addons know those of other networks. */
function import_author_xchan($x) {
	if (($x['network'] ?? 'zot6') !== 'zot6') {
		$question = ['xchan' => $x, 'xchan_hash' => ''];
		call_hooks('import_author_xchan', $question);
		if ($question['xchan_hash']) {
			return $question['xchan_hash'];
		}
	}
	// Hubs know an author by what makes the hash; the hash itself does not travel between them.
	$hash = $x['hash'] ?? (isset($x['id'], $x['key']) ? base64url_encode(hash('whirlpool', $x['id'] . $x['key'], true)) : '');
	return q("SELECT xchan_hash FROM xchan WHERE xchan_hash = '%s'", dbesc($hash)) ? $hash : '';
}

function decode_tags($t) {
	$types = array_flip(['unknown', 'hashtag', 'mention', 'category', 'private_category', 'file']);
	return array_map(fn ($x) => ['term' => $x['tag'], 'url' => $x['url'], 'ttype' => $types[$x['type']] ?? 0], $t);
}

/** Removes an item and, if it is the top of a thread, the thread. */
function drop_item_rows($item, $stage) {
	q('UPDATE item SET item_deleted = 1 WHERE id = %d', intval($item['id']));
	foreach (q('SELECT * FROM item WHERE parent = %d AND uid = %d', intval($item['id']), intval($item['uid'])) ?: [$item] as $each) {
		delete_item_lowlevel($each, $stage);
	}
}

/**
 * Removes one row. The item of a photo takes the photo with it and tells the clones: an echo where it came from one.
 */
function delete_item_lowlevel($item, $stage = DROPITEM_NORMAL) {
	$now = dbesc(datetime_convert());
	if ($stage === DROPITEM_PHASE2) {
		q("UPDATE item SET item_pending_remove = 1, body = '', title = '', changed = '%s', edited = '%s' WHERE id = %d", $now, $now, intval($item['id']));
	} elseif ($stage === DROPITEM_PHASE1) {
		q("UPDATE item SET item_deleted = 1, changed = '%s', edited = '%s' WHERE id = %d", $now, $now, intval($item['id']));
	} else {
		q('DELETE FROM item WHERE id = %d', intval($item['id']));
	}
	if ($item['resource_type'] === 'photo') {
		attach_delete($item['uid'], $item['resource_id'], true);
		Libsync::build_sync_packet($item['uid'], ['file' => [attach_export_data(channelx_by_n($item['uid']), $item['resource_id'], true)]]);
	}
	return true;
}

/**
 * Gives the files that a stored body names by `[attachment]` the body's permissions, through attach_store and without
 * `nosync`: the sync packet that this sends from a clone is defect D3 of hubs.
 */
function fix_attached_file_permissions($channel, $observer_hash, $body, $str_contact_allow, $str_group_allow, $str_contact_deny, $str_group_deny, $token = EMPTY_STR) {
	if (!preg_match_all('~\[attachment\]([^,\[]+)(?:,\d+)?\[/attachment\]~', $body, $m)) {
		return;
	}
	foreach ($m[1] as $hash) {
		attach_store($channel, $observer_hash, 'update', [
			'hash' => $hash,
			'revision' => 0,
			'nosync' => !stock_defect('D3'),
			'allow_cid' => $str_contact_allow,
			'allow_gid' => $str_group_allow,
			'deny_cid' => $str_contact_deny,
			'deny_gid' => $str_group_deny,
		]);
	}
}

/** Gives the channel's own pictures that a body shows the body's permissions. Rows only, no packet. */
function fix_attached_photo_permissions($uid, $xchan_hash, $body, $str_contact_allow, $str_group_allow, $str_contact_deny, $str_group_deny, $token = EMPTY_STR) {
	preg_match_all('~' . preg_quote(z_root(), '~') . '/photo/([A-Za-z0-9-]+)-\d~', $body, $m);
	$acl = [dbesc($str_contact_allow), dbesc($str_group_allow), dbesc($str_contact_deny), dbesc($str_group_deny)];
	foreach (array_unique($m[1]) as $hash) {
		foreach (['attach' => 'hash', 'photo' => 'resource_id'] as $table => $column) {
			q("UPDATE $table SET allow_cid = '%s', allow_gid = '%s', deny_cid = '%s', deny_gid = '%s' WHERE $column = '%s' AND uid = %d",
				...array_merge($acl, [dbesc($hash), intval($uid)]));
		}
	}
}
