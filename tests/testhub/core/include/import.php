<?php

/**
 * What a hub does with a clone's packets. sync_files() is the stock receiver with its defects; each can be switched off
 * in config category `testhub` (see README), so that a test can show what a defect costs.
 */

use Zotlabs\Lib\Libzot;
use Zotlabs\Web\HTTPSig;

/**
 * Returns false where the origin's answer does not count as success. D2: the status alone decides, whatever came.
 */
function stock_fetch($channel, $fetch_url, $path, $resource, $resolution, $size) {
	$time = datetime_convert();
	$fields = [
		'hash' => $channel['channel_hash'],
		'time' => $time,
		'resource' => $resource,
		'revision' => 0,
		'signature' => Libzot::sign($channel['channel_hash'] . '.' . $time, $channel['channel_prvkey']),
	];
	if ($resolution) {
		$fields['resolution'] = $resolution;
	}
	$headers = ['Accept' => 'application/x-zot+json', 'Sigtoken' => random_string()];
	$headers = HTTPSig::create_sig($headers, $channel['channel_prvkey'], channel_url($channel), true, 'sha512');
	$target = stock_defect('D1') ? $path : $path . '.new';
	$fp = @fopen($target, 'w');
	if (!$fp) {
		logger('failed to open storage file.');
		return false;
	}
	$answer = z_post_url($fetch_url, $fields, 0, ['filep' => $fp, 'headers' => $headers]);
	fclose($fp);
	clearstatcache();
	$whole = filesize($target) == $size;
	$success = $answer['success'] && (stock_defect('D2') || $whole);
	if ($target !== $path) {
		$success ? rename($target, $path) : unlink($target);
	}
	return $success;
}

/** Adds a row, unless one with the same keys is here. */
function import_row($table, $row, ...$keys) {
	unset($row['id'], $row['abook_id'], $row['hubloc_id']);
	$same = array_map(fn ($key) => TQUOT . $key . TQUOT . " = '" . dbesc($row[$key]) . "'", $keys);
	if (!dbq("SELECT * FROM $table WHERE " . implode(' AND ', $same))) {
		create_table_from_array($table, $row);
	}
}

/** Returns the channel if it is here already, whosever it is. */
function import_channel($channel, $account_id, $seize, $newname = '') {
	$present = channelx_by_hash($channel['channel_hash']);
	if (!$present) {
		$own = ['channel_account_id' => $account_id, 'channel_address' => $newname ?: $channel['channel_address'], 'channel_primary' => $seize];
		import_row('channel', array_diff_key($own + $channel + ['channel_password' => '', 'channel_salt' => ''], ['channel_id' => 1]), 'channel_guid');
		$present = channelx_by_hash($channel['channel_hash']);
		os_mkdir('store/' . $present['channel_address'], STORAGE_DEFAULT_PERMISSIONS, true);
	}
	return $present;
}

function import_config($channel, $configs) {
	foreach ($configs ?: [] as $config) {
		q("DELETE FROM pconfig WHERE uid = %d AND cat = '%s' AND k = '%s'", intval($channel['channel_id']), dbesc($config['cat']), dbesc($config['k']));
		create_table_from_array('pconfig', ['uid' => $channel['channel_id'], 'cat' => $config['cat'], 'k' => $config['k'], 'v' => $config['v']]);
	}
}

function import_hublocs($channel, $hublocs, $seize, $moving = false) {
	foreach ($hublocs ?: [] as $hubloc) {
		import_row('hubloc', $hubloc, 'hubloc_hash', 'hubloc_url');
	}
}

/** As often as it is called. */
function import_chatrooms($channel, $chatrooms) {
	foreach ($chatrooms ?: [] as $room) {
		create_table_from_array('chatroom', ['cr_uid' => $channel['channel_id'], 'cr_name' => $room['cr_name']]);
	}
}

function sync_files($channel, $files) {
	foreach ($files ?: [] as $f) {
		if (empty($f['fetch_url']) || empty($f['original_channel'])) {
			continue;
		}
		$path = null;
		$hash = '';
		$stored = false;
		foreach ($f['attach'] ?? [] as $att) {
			$hash = $att['hash'];
			if (!empty($att['deleted'])) {
				attach_delete($channel['channel_id'], $hash);
				continue;
			}
			$path = 'store/' . $channel['channel_address'] . '/' . get_attach_binname($att['content']);
			$stored = stock_file($channel, $f, $att, $path);
		}
		if (!$stored) {
			logger('attachment store failed');
		}
		foreach ($f['photo'] ?? [] as $photo) {
			stock_photo($channel, $f, $photo, $path);
		}
		Zotlabs\Daemon\Master::Summon(['Thumbnail', $hash]);
		if (!empty($f['item'])) {
			sync_items($channel, $f['item'], ['channel_address' => $f['original_channel'], 'url' => dirname($f['fetch_url'])]);
		}
	}
}

/** Writes one row of a packet, with all of its keys, and fetches its bytes in place; D11: always again. */
function stock_file($channel, $f, $att, $path) {
	$term = $att['term'] ?? [];
	unset($att['term'], $att['id']);
	$present = attach_row($channel['channel_id'], $att['hash']);
	$att['aid'] = $channel['channel_account_id'];
	$att['uid'] = $channel['channel_id'];
	$att['filename'] = attach_free_name($channel['channel_id'], $att['folder'], $att['filename'], $att['hash']);
	$att['content'] = $path;
	$att += ['os_path' => ''];
	if ($present) {
		if ($present['content'] !== $path) {
			@rename($present['content'], $path);
		}
		$row = $att;
		if (!dbesc_array($row)) {
			return false;
		}
		$set = [];
		foreach ($row as $column => $value) {
			$set[] = TQUOT . $column . TQUOT . " = '" . $value . "'";
		}
		dbq('UPDATE attach SET ' . implode(', ', $set) . ' WHERE id = ' . intval($present['id']));
	} else {
		$limit = service_class_fetch($channel['channel_id'], 'attach_upload_limit');
		$used = q('SELECT SUM(filesize) AS total FROM attach WHERE aid = %d', intval($channel['channel_account_id']))[0]['total'];
		if ($limit !== false && $used + $att['filesize'] > $limit) {
			logger('service class limit exceeded');
			return false;
		}
		create_table_from_array('attach', $att);
	}
	if ($att['is_dir']) {
		os_mkdir($path, STORAGE_DEFAULT_PERMISSIONS, true);
		return true;
	}
	$unchanged = $present && $present['edited'] === $att['edited'] && @filesize($path) === intval($att['filesize']);
	if ((stock_defect('D11') || !$unchanged) && !stock_fetch($channel, $f['fetch_url'], $path, $att['hash'], 0, $att['filesize'])) {
		return false;
	}
	$row = attach_row($channel['channel_id'], $att['hash']);
	q('DELETE FROM term WHERE uid = %d AND oid = %d AND otype = %d', intval($channel['channel_id']), intval($row['id']), TERM_OBJ_FILE);
	foreach ($term as $t) {
		store_item_tag($channel['channel_id'], $row['id'], TERM_OBJ_FILE, $t['ttype'], escape_tags($t['term']), escape_tags($t['url']));
	}
	return true;
}

function stock_photo($channel, $f, $photo, $path) {
	unset($photo['id']);
	$photo['aid'] = $channel['channel_account_id'];
	$photo['uid'] = $channel['channel_id'];
	$usage = intval($photo['photo_usage']);
	if ($usage === PHOTO_PROFILE || $usage === PHOTO_COVER) {
		q("UPDATE photo SET photo_usage = %d WHERE photo_usage = %d AND resource_id != '%s' AND uid = %d",
			PHOTO_NORMAL, $usage, dbesc($photo['resource_id']), intval($channel['channel_id']));
	}
	$photo['content'] = intval($photo['os_storage']) ? $path : base64_decode((string) $photo['content']);
	if (intval($photo['imgscale'])) {
		$scale = $path . '-' . $photo['imgscale'];
		stock_fetch($channel, $f['fetch_url'], $scale, $photo['resource_id'], intval($photo['imgscale']), $photo['filesize']);
		$on_disk = get_config('system', 'photo_storage_type', 1);
		$photo['os_storage'] = $on_disk ? 1 : 0;
		$photo['content'] = $on_disk ? $scale : (string) @file_get_contents($scale);
		if (!$on_disk) {
			@unlink($scale);
		}
	}
	$photo += ['display_path' => '', 'os_path' => ''];
	q("DELETE FROM photo WHERE resource_id = '%s' AND imgscale = %d AND uid = %d", dbesc($photo['resource_id']), intval($photo['imgscale']), intval($channel['channel_id']));
	create_table_from_array('photo', $photo, ['content']);
	if ($usage === PHOTO_PROFILE) {
		q("UPDATE xchan SET xchan_photo_date = '%s' WHERE xchan_hash = '%s'", dbesc($photo['edited']), dbesc($channel['channel_hash']));
	}
}

/** Moves an item's own URLs from the old hub to this one: body and plink only, `obj` and `target` stay as they were. */
function item_url_replace($channel, &$item, $old, $new, $oldnick = '') {
	foreach (['body', 'plink'] as $column) {
		$item[$column] = str_replace($old, $new, $item[$column]);
		if ($oldnick && $oldnick !== $channel['channel_address']) {
			$item[$column] = str_replace('/' . $oldnick . '/', '/' . $channel['channel_address'] . '/', $item[$column]);
		}
	}
	$item['sig'] = Libzot::sign($item['body'], $channel['channel_prvkey']);
}

function sync_items($channel, $items, $relocate = null) {
	foreach ($items as $n => $item) {
		if (($item['owner']['network'] ?? '') !== 'zot6') {
			unset($items[$n]);
		}
	}
	import_items($channel, $items, true, $relocate);
}

function import_items($channel, $items, $sync = false, $relocate = null) {
	foreach ($items ?: [] as $encoded) {
		$item = get_item_elements($encoded);
		if (!$item) {
			continue;
		}
		if ($relocate && $item['mid'] === $item['parent_mid']) {
			item_url_replace($channel, $item, $relocate['url'], z_root(), $relocate['channel_address']);
		}
		$present = q("SELECT id, edited FROM item WHERE mid = '%s' AND uid = %d AND revision = %d", dbesc($item['mid']), intval($channel['channel_id']), intval($item['revision'] ?? 0));
		$item['uid'] = $channel['channel_id'];
		$item['aid'] = $channel['channel_account_id'];
		$result = ['success' => false];
		// What came from another clone is added to no container and sent to none. An 8 takes no fourth argument.
		if (!$present) {
			$result = item_store($item, false, false, false);
		} elseif ($item['edited'] >= $present[0]['edited']) {
			$result = item_store_update(['id' => $present[0]['id']] + $item, false, false, false);
		}
		$acl = [$item['allow_cid'] ?? '', $item['allow_gid'] ?? '', $item['deny_cid'] ?? '', $item['deny_gid'] ?? ''];
		fix_attached_photo_permissions($channel['channel_id'], $item['author_xchan'], $item['body'], ...$acl);
		fix_attached_file_permissions($channel, $item['author_xchan'], $item['body'], ...$acl);
		if ($sync && !empty($item['item_wall']) && $result['success']) {
			Zotlabs\Daemon\Master::Summon(['Notifier', 'single_activity', $result['item_id']]);
		}
	}
}

// What the fixture has no rows for. Hubs have these; whoever brings it such rows is told.

function import_likes($channel, $likes) {
	throw new LogicException('the test hub has no likes');
}

function import_objs($channel, $objs) {
	throw new LogicException('the test hub has no things');
}

function import_apps($channel, $apps) {
	throw new LogicException('the test hub has no apps');
}

function import_sysapps($channel, $apps) {
	throw new LogicException('the test hub has no apps');
}

function import_events($channel, $events) {
	throw new LogicException('the test hub has no events');
}

function import_atoken($channel, $atokens) {
	throw new LogicException('the test hub has no tokens of guests');
}

function import_menus($channel, $menus) {
	throw new LogicException('the test hub has no menus');
}
