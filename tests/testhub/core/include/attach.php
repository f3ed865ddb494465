<?php

/**
 * Files of a channel: rows of table attach and their bytes under store/<nick>/.
 */

use Zotlabs\Lib\Libsync;

/** @return array<string, mixed>|null */
function attach_row($channel_id, $hash) {
	$rows = q("SELECT * FROM attach WHERE hash = '%s' AND uid = %d LIMIT 1", dbesc($hash), intval($channel_id));
	return $rows ? ['content' => dbunescbin($rows[0]['content'])] + $rows[0] : null;
}

/**
 * Finds a file by its hash, of whichever channel comes first, and checks that the observer is its owner.
 *
 * @return array{success: bool, message?: string, data?: array<string, mixed>}
 */
function attach_by_hash($hash, $observer_hash, $rev = 0, $token = EMPTY_STR) {
	$rows = q("SELECT * FROM attach WHERE hash = '%s' LIMIT 1", dbesc($hash));
	if (!$rows) {
		return ['success' => false, 'message' => t('Item was not found.')];
	}
	$owner = channelx_by_n($rows[0]['uid']);
	$private = $rows[0]['allow_cid'] . $rows[0]['allow_gid'] . $rows[0]['deny_cid'] . $rows[0]['deny_gid'] !== '';
	if ($private && (!$owner || $owner['channel_hash'] !== $observer_hash)) {
		return ['success' => false, 'message' => t('Permission denied.')];
	}
	$rows[0]['content'] = dbunescbin($rows[0]['content']);
	return ['success' => true, 'data' => $rows[0]];
}

/** Returns the row's place on disk; old rows lack the store's prefix. */
function attach_file_path($row, $nick) {
	$path = dbunescbin($row['content']);
	return strpos($path, 'store') === false ? 'store/' . $nick . '/' . $path : $path;
}

function get_attach_binname($s) {
	return strncmp($s, 'store/', 6) === 0 ? preg_replace('~^store/[^/]*/?~', '', $s) : $s;
}

function attach_folder_chain($channel_id, $folder) {
	$chain = [];
	while ($folder && ($row = attach_row($channel_id, $folder))) {
		array_unshift($chain, $row);
		$folder = $row['folder'];
	}
	return $chain;
}

/** Makes a folder beneath $arr['folder'] ('' is the root). With `force` an existing one of that name is fine. */
function attach_mkdir($channel, $observer_hash, $arr = null) {
	$folder = $arr['folder'] ?? '';
	$same = q("SELECT * FROM attach WHERE filename = '%s' AND folder = '%s' AND uid = %d LIMIT 1",
		dbesc($arr['filename']),
		dbesc($folder),
		intval($channel['channel_id'])
	);
	if (TESTHUB >= 10 && mb_strlen($arr['filename']) > MAX_FOLDER_LENGTH) {
		return ['success' => false, 'message' => t('Folder name too long.')];
	}
	if ($same) {
		return !empty($arr['force']) && $same[0]['is_dir'] ? ['success' => true, 'data' => $same[0]] : ['success' => false, 'message' => t('duplicate filename or path')];
	}
	$hash = $arr['hash'] ?? new_uuid();
	$chain = attach_folder_chain($channel['channel_id'], $folder);
	$os_path = implode('/', array_merge(array_column($chain, 'hash'), [$hash]));
	$now = datetime_convert();
	create_table_from_array('attach', [
		'aid' => $channel['channel_account_id'],
		'uid' => $channel['channel_id'],
		'hash' => $hash,
		'creator' => $observer_hash,
		'filename' => $arr['filename'],
		'filetype' => 'multipart/mixed',
		'folder' => $folder,
		'os_storage' => 1,
		'is_dir' => 1,
		'content' => 'store/' . $channel['channel_address'] . '/' . $os_path,
		'os_path' => $os_path,
		'display_path' => implode('/', array_merge(array_column($chain, 'filename'), [$arr['filename']])),
		'created' => $now,
		'edited' => $now,
		'allow_cid' => $arr['allow_cid'] ?? '',
		'allow_gid' => $arr['allow_gid'] ?? '',
		'deny_cid' => $arr['deny_cid'] ?? '',
		'deny_gid' => $arr['deny_gid'] ?? '',
	], ['content']);
	os_mkdir('store/' . $channel['channel_address'] . '/' . $os_path, STORAGE_DEFAULT_PERMISSIONS, true);
	return ['success' => true, 'data' => attach_row($channel['channel_id'], $hash)];
}

/** Makes all folders of $arr['pathname'] that do not exist. */
function attach_mkdirp($channel, $observer_hash, $arr = null) {
	$made = ['success' => false];
	$folder = '';
	foreach (array_filter(explode('/', $arr['pathname'] ?? ''), 'strlen') as $name) {
		$made = attach_mkdir($channel, $observer_hash, ['filename' => $name, 'folder' => $folder, 'force' => 1] + $arr);
		if (!$made['success']) {
			break;
		}
		$folder = $made['data']['hash'];
	}
	return $made;
}

/** Returns `name(N).ext` where another file of the folder has the name already. */
function attach_free_name($channel_id, $folder, $name, $hash) {
	$taken = array_column(q("SELECT filename FROM attach WHERE folder = '%s' AND uid = %d AND hash != '%s'", dbesc($folder), intval($channel_id), dbesc($hash)) ?: [], 'filename');
	$dot = strrpos($name, '.');
	$base = $dot === false ? $name : substr($name, 0, $dot);
	$ext = $dot === false ? '' : substr($name, $dot);
	for ($n = 1, $free = $name; in_array($free, $taken, true); $n++) {
		$free = $base . '(' . $n . ')' . $ext;
	}
	return $free;
}

/**
 * Stores an upload ($_FILES['userfile']), or with option `update` changes the row of $arr['hash'] only.
 *
 * Ends as core does: hook photo_upload_end, the thumbnail job, one sync packet unless `nosync` is set.
 */
function attach_store($channel, $observer_hash, $options = '', $arr = null) {
	call_hooks('photo_upload_begin', $arr);
	$dosync = empty($arr['nosync']);
	$uid = intval($channel['channel_id']);
	$now = $arr['created'] ?? datetime_convert();

	if ($options === 'update') {
		$row = attach_row($uid, $arr['hash'] ?? '');
		if (!$row) {
			return ['success' => false, 'message' => t('Cannot locate file to revise/update')];
		}
		$hash = $row['hash'];
		$own = TESTHUB < 10 ? ['edited' => $now] : ['edited' => $arr['edited'] ?? $now, 'filesize' => $row['is_dir'] ? 0 : (int) @filesize($row['content'])];
		$changed = array_intersect_key($arr, array_flip(['filename', 'filetype', 'folder', 'display_path', 'os_path', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'])) + $own;
		foreach ($changed as $column => $value) {
			q("UPDATE attach SET $column = '%s' WHERE id = %d", dbesc($value), intval($row['id']));
		}
	} else {
		if (empty($_FILES['userfile'])) {
			return ['success' => false, 'message' => t('No source file.')];
		}
		$folder = $arr['folder'] ?? '';
		if (!empty($arr['directory'])) {
			$made = attach_mkdirp($channel, $observer_hash, ['pathname' => $arr['directory']]);
			if (!$made['success']) {
				return $made;
			}
			$folder = $made['data']['hash'];
		}
		$hash = $arr['hash'] ?? new_uuid();
		$stored = attach_store_new($channel, $observer_hash, $hash, $folder, $_FILES['userfile'], $arr ?: [], $now);
		if (!$stored['success']) {
			call_hooks('photo_upload_end', $stored);
			return $stored;
		}
	}

	$ret = ['success' => true, 'data' => attach_row($uid, $hash)];
	call_hooks('photo_upload_end', $ret);
	Zotlabs\Daemon\Master::Summon(['Thumbnail', $hash]);
	if ($dosync) {
		Libsync::build_sync_packet($uid, ['file' => [attach_export_data($channel, $hash)]]);
	}
	if (!empty($arr['notify'])) {
		attach_store_item($channel, $ret['data']);
	}
	return $ret;
}

/** Stores the post that shares a file; like real hubs it tells readers of it, but no clone. */
function attach_store_item($channel, $file) {
	$uuid = new_uuid();
	$mid = z_root() . '/item/' . $uuid;
	$place = z_root() . '/cloud/' . $channel['channel_address'] . '/' . $file['display_path'];
	item_store(array_intersect_key($file, array_flip(['aid', 'uid', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'])) + [
		'uuid' => $uuid,
		'mid' => $mid,
		'parent_mid' => $mid,
		'thr_parent' => $mid,
		'owner_xchan' => $channel['channel_hash'],
		'author_xchan' => $channel['channel_hash'],
		'mimetype' => 'text/bbcode',
		'title' => $file['filename'],
		'body' => 'shared a [zrl=' . $place . ']file[/zrl] with you',
		'attach' => json_encode([['href' => z_root() . '/attach/' . $file['hash'], 'title' => urlencode($file['filename'])]]),
		'plink' => $mid,
		'resource_id' => $file['hash'],
		'resource_type' => 'attach',
		'item_wall' => 1,
		'item_origin' => 1,
		'item_thread_top' => 1,
	]);
}

/**
 * Writes the bytes and the rows of a new file; a picture gets its scales and its item too. The type is what an 8 reads
 * in the name, and a 10 in the bytes.
 */
function attach_store_new($channel, $observer_hash, $hash, $folder, $upload, $arr, $now) {
	$uid = intval($channel['channel_id']);
	$size = filesize($upload['tmp_name']);
	$limit = service_class_fetch($uid, 'attach_upload_limit');
	if ($limit !== false) {
		$used = q('SELECT SUM(filesize) AS total FROM attach WHERE aid = %d', intval($channel['channel_account_id']))[0]['total'];
		if ($used + $size > $limit) {
			return ['success' => false, 'message' => t('You have reached your limit of attachment storage.')];
		}
	}
	$name = attach_free_name($uid, $folder, basename($upload['name']), $hash);
	if (TESTHUB >= 10 && mb_strlen($name) > MAX_FILENAME_LENGTH) {
		return ['success' => false, 'message' => t('File name too long.')];
	}
	$image = @getimagesize($upload['tmp_name']);
	$is_photo = $image && in_array($image[2], [IMAGETYPE_GIF, IMAGETYPE_JPEG, IMAGETYPE_PNG, IMAGETYPE_WEBP]);
	$chain = attach_folder_chain($uid, $folder);
	$os_path = implode('/', array_merge(array_column($chain, 'hash'), [$hash]));
	$display_path = implode('/', array_merge(array_column($chain, 'filename'), [$name]));
	$path = 'store/' . $channel['channel_address'] . '/' . $os_path;
	os_mkdir(dirname($path), STORAGE_DEFAULT_PERMISSIONS, true);
	if (!copy($upload['tmp_name'], $path)) {
		return ['success' => false, 'message' => t('File upload failed.')];
	}
	$acl = ['allow_cid' => '', 'allow_gid' => '', 'deny_cid' => '', 'deny_gid' => ''];
	$acl = array_intersect_key($arr, $acl) + $acl;
	create_table_from_array('attach', $acl + [
		'aid' => $channel['channel_account_id'],
		'uid' => $uid,
		'hash' => $hash,
		'creator' => $observer_hash,
		'filename' => $name,
		'filetype' => TESTHUB < 10 ? ($is_photo ? $image['mime'] : z_mime_content_type($name)) : mime_content_type($path),
		'filesize' => $size,
		'folder' => $folder,
		'os_storage' => 1,
		'is_photo' => intval($is_photo),
		'content' => $path,
		'os_path' => $os_path,
		'display_path' => $display_path,
		'created' => $now,
		'edited' => $now,
	], ['content']);
	if ($is_photo) {
		photo_upload($channel, $channel, ['resource_id' => $hash, 'getimagesize' => $image]);
	}
	return ['success' => true];
}

/**
 * Deletes a file, or a folder with everything beneath it, and what hangs on it. Fires hook attach_delete for each.
 *
 * @return void
 */
function attach_delete($channel_id, $resource, $is_photo = 0) {
	$channel = channelx_by_n($channel_id, true);
	$row = attach_row($channel_id, $resource);
	$arr = ['channel_id' => $channel_id, 'resource' => $resource, 'is_photo' => $is_photo];
	if (!$row) {
		attach_drop_photo($channel_id, $resource);
		call_hooks('attach_delete', $arr);
		return;
	}
	q('DELETE FROM term WHERE uid = %d AND oid = %d AND otype = %d', intval($channel_id), intval($row['id']), TERM_OBJ_FILE);
	if ($row['is_dir']) {
		foreach (q("SELECT hash FROM attach WHERE folder = '%s' AND uid = %d", dbesc($resource), intval($channel_id)) ?: [] as $child) {
			attach_delete($channel_id, $child['hash']);
		}
	}
	$path = attach_file_path($row, $channel['channel_address'] ?? 'notfound');
	is_dir($path) ? @rmdir($path) : @unlink($path);
	q("DELETE FROM attach WHERE hash = '%s' AND uid = %d", dbesc($resource), intval($channel_id));
	if ($row['is_photo']) {
		attach_drop_photo($channel_id, $resource);
	}
	q("UPDATE attach SET edited = '%s' WHERE hash = '%s' AND uid = %d", dbesc(datetime_convert()), dbesc($row['folder']), intval($channel_id));
	call_hooks('attach_delete', $arr);
}

/** Deletes the scales of a photo and its item. */
function attach_drop_photo($channel_id, $resource) {
	$item = q("SELECT id, item_hidden FROM item WHERE resource_id = '%s' AND resource_type = 'photo' AND uid = %d AND item_deleted = 0", dbesc($resource), intval($channel_id));
	if ($item) {
		attach_drop_item($item[0]);
	}
	foreach (q("SELECT content FROM photo WHERE resource_id = '%s' AND uid = %d AND os_storage = 1", dbesc($resource), intval($channel_id)) ?: [] as $photo) {
		@unlink(dbunescbin($photo['content']));
	}
	q("DELETE FROM photo WHERE uid = %d AND resource_id = '%s'", intval($channel_id), dbesc($resource));
}

/**
 * Moves a file, or a folder with all beneath it, to another folder, on disk and in the rows. Sends no packet, as no hub
 * of this family does. A 10 refuses a name that is too long, once the bytes are elsewhere.
 */
function attach_move($channel_id, $resource_id, $new_folder_hash, $newname = '', $recurse = true) {
	$channel = channelx_by_n($channel_id);
	$row = attach_row($channel_id, $resource_id);
	$chain = attach_folder_chain($channel_id, $new_folder_hash);
	if (!$row || in_array($resource_id, array_column($chain, 'hash'), true)) {
		return ['success' => false];
	}
	$name = $newname ?: attach_free_name($channel_id, $new_folder_hash, $row['filename'], $resource_id);
	$os_path = implode('/', array_merge(array_column($chain, 'hash'), [$resource_id]));
	$path = 'store/' . $channel['channel_address'] . '/' . $os_path;
	if ($row['content'] !== $path) {
		@rename($row['content'], $path);
	}
	if (TESTHUB >= 10 && mb_strlen($name) > MAX_FILENAME_LENGTH) {
		return ['success' => false];
	}
	q("UPDATE attach SET folder = '%s', filename = '%s' WHERE id = %d", dbesc($new_folder_hash), dbesc($name), intval($row['id']));
	attach_move_rows($channel, $resource_id);
	return ['success' => true];
}

/**
 * Brings the paths of a row, and of all beneath it, in line with the folders above, and dates them now; scales beside a
 * file go with it. On a 10 scales in the database keep the names that they had.
 */
function attach_move_rows($channel, $resource_id) {
	$uid = intval($channel['channel_id']);
	$row = attach_row($uid, $resource_id);
	$chain = attach_folder_chain($uid, $row['folder']);
	$os_path = implode('/', array_merge(array_column($chain, 'hash'), [$resource_id]));
	$display_path = implode('/', array_merge(array_column($chain, 'filename'), [$row['filename']]));
	$path = 'store/' . $channel['channel_address'] . '/' . $os_path;
	q("UPDATE attach SET content = '%s', os_path = '%s', display_path = '%s', edited = '%s' WHERE id = %d",
		dbescbin($path), dbesc($os_path), dbesc($display_path), dbesc(datetime_convert()), intval($row['id']));
	foreach (q("SELECT id, imgscale, content FROM photo WHERE resource_id = '%s' AND uid = %d AND os_storage = 1", dbesc($resource_id), $uid) ?: [] as $photo) {
		$scale = $path . ($photo['imgscale'] ? '-' . $photo['imgscale'] : '');
		@rename(dbunescbin($photo['content']), $scale);
		q("UPDATE photo SET content = '%s', os_path = '%s', display_path = '%s', album = '%s', filename = '%s' WHERE id = %d",
			dbescbin($scale), dbesc($os_path), dbesc($display_path), dbesc(ltrim(dirname($display_path), '.')), dbesc($row['filename']), intval($photo['id']));
	}
	if (TESTHUB < 10) {
		q("UPDATE photo SET os_path = '%s', display_path = '%s', album = '%s', filename = '%s' WHERE resource_id = '%s' AND uid = %d AND os_storage = 0",
			dbesc($os_path), dbesc($display_path), dbesc(ltrim(dirname($display_path), '.')), dbesc($row['filename']), dbesc($resource_id), $uid);
	}
	foreach ($row['is_dir'] ? q("SELECT hash FROM attach WHERE folder = '%s' AND uid = %d", dbesc($resource_id), $uid) ?: [] : [] as $child) {
		attach_move_rows($channel, $child['hash']);
	}
}

/**
 * Copies a file, or a folder with all beneath it, under new hashes; names and dates stay, but what lies in the target
 * has its name first.
 *
 * Sends no packet. Callers send one for what they copied, and none for what was beneath it.
 */
function attach_copy($channel_id, $resource_id, $new_folder_hash, $newname = '', $recurse = true) {
	$channel = channelx_by_n($channel_id);
	$row = attach_row($channel_id, $resource_id);
	$hash = new_uuid();
	$chain = attach_folder_chain($channel_id, $new_folder_hash);
	if (!$row || in_array($resource_id, array_column($chain, 'hash'), true)) {
		return ['success' => false, 'resource_id' => ''];
	}
	$name = $recurse ? attach_free_name($channel_id, $new_folder_hash, $newname ?: $row['filename'], $hash) : $row['filename'];
	$os_path = implode('/', array_merge(array_column($chain, 'hash'), [$hash]));
	$display_path = implode('/', array_merge(array_column($chain, 'filename'), [$name]));
	$path = 'store/' . $channel['channel_address'] . '/' . $os_path;
	$row['is_dir'] ? os_mkdir($path, STORAGE_DEFAULT_PERMISSIONS, true) : copy($row['content'], $path);
	$own = ['hash' => $hash, 'content' => $path, 'folder' => $new_folder_hash, 'filename' => $name, 'os_path' => $os_path, 'display_path' => $display_path];
	create_table_from_array('attach', array_diff_key($own + $row, ['id' => 0]), ['content']);
	foreach ($row['is_photo'] ? q("SELECT * FROM photo WHERE resource_id = '%s' AND uid = %d", dbesc($resource_id), intval($channel_id)) ?: [] : [] as $photo) {
		$scale = $path . ($photo['imgscale'] ? '-' . $photo['imgscale'] : '');
		if ($photo['os_storage'] && $photo['imgscale']) {
			// Real hubs copy the original here, too.
			copy($row['content'], $scale);
		}
		$own = ['resource_id' => $hash, 'album' => ltrim(dirname($display_path), '.'), 'filename' => $name, 'os_path' => $os_path, 'display_path' => $display_path,
			'content' => $photo['os_storage'] ? $scale : dbunescbin($photo['content'])];
		create_table_from_array('photo', array_diff_key($own + $photo, ['id' => 0]), ['content']);
	}
	foreach ($row['is_dir'] ? q("SELECT hash FROM attach WHERE folder = '%s' AND uid = %d", dbesc($resource_id), intval($channel_id)) ?: [] : [] as $child) {
		attach_copy($channel_id, $child['hash'], $hash, '', false);
	}
	return ['success' => true, 'resource_id' => $hash];
}

function attach_change_permissions($channel_id, $resource, $allow_cid, $allow_gid, $deny_cid, $deny_gid, $recurse = false, $sync = false) {
	$channel = channelx_by_n($channel_id);
	foreach ($recurse ? q("SELECT hash FROM attach WHERE folder = '%s' AND uid = %d", dbesc($resource), intval($channel_id)) ?: [] : [] as $child) {
		attach_change_permissions($channel_id, $child['hash'], $allow_cid, $allow_gid, $deny_cid, $deny_gid, $recurse, $sync);
	}
	$values = [dbesc($allow_cid), dbesc($allow_gid), dbesc($deny_cid), dbesc($deny_gid), dbesc($resource), intval($channel_id)];
	q("UPDATE attach SET allow_cid = '%s', allow_gid = '%s', deny_cid = '%s', deny_gid = '%s' WHERE hash = '%s' AND uid = %d", ...$values);
	q("UPDATE photo SET allow_cid = '%s', allow_gid = '%s', deny_cid = '%s', deny_gid = '%s' WHERE resource_id = '%s' AND uid = %d", ...$values);
	if ($channel && $sync) {
		Libsync::build_sync_packet($channel_id, ['file' => [attach_export_data($channel, $resource)]]);
	}
}

/**
 * Returns what a sync packet says of a file: its folders from the root and itself, its scales, its items.
 *
 * @return array<string, mixed>
 */
function attach_export_data($channel, $resource_id, $deleted = false, $zap_compat = false) {
	$uid = intval($channel['channel_id']);
	$ret = ['fetch_url' => z_root() . '/getfile', 'original_channel' => $channel['channel_address']];
	if ($deleted) {
		return $ret + ['attach' => [['hash' => $resource_id, 'deleted' => 1]]];
	}
	$row = attach_row($uid, $resource_id);
	$ret['attach'] = $row ? array_merge(attach_folder_chain($uid, $row['folder']), [$row]) : [];
	foreach ($ret['attach'] as &$entry) {
		$entry['content'] = dbunescbin($entry['content']);
		$entry['term'] = array_reverse(q('SELECT * FROM term WHERE uid = %d AND oid = %d AND otype = %d', $uid, intval($entry['id']), TERM_OBJ_FILE) ?: []);
	}
	unset($entry);
	if (!$row || !$row['is_photo']) {
		return $ret;
	}
	$ret['photo'] = q("SELECT * FROM photo WHERE resource_id = '%s' AND uid = %d ORDER BY imgscale", dbesc($resource_id), $uid) ?: [];
	foreach ($ret['photo'] as &$photo) {
		$photo['content'] = base64_encode(dbunescbin($photo['content']));
	}
	unset($photo);
	$item = q("SELECT id FROM item WHERE resource_id = '%s' AND resource_type = 'photo' AND uid = %d", dbesc($resource_id), $uid);
	if ($item) {
		$ret['item'] = [];
		foreach (q('SELECT * FROM item WHERE parent = %d', intval($item[0]['id'])) as $each) {
			$ret['item'][] = encode_item($each, true);
		}
	}
	return $ret;
}
