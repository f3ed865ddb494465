<?php

/**
 * Makes the rows of a picture that is stored: scale 0 shares the file's bytes, 1 to 3 are scaled with GD, and one
 * hidden item, or those that are given.
 */
function photo_upload($channel, $observer, $args) {
	$attach = attach_row($channel['channel_id'], $args['resource_id']);
	$image = $args['getimagesize'];
	$picture = imagecreatefromstring(file_get_contents($attach['content']));
	if (!$picture) {
		return ['success' => false];
	}
	$album = ltrim(dirname($attach['display_path']), '.');
	$row = array_intersect_key($attach, array_flip(['aid', 'uid', 'created', 'edited', 'filename', 'os_path', 'display_path', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'])) + [
		'resource_id' => $attach['hash'],
		'expires' => datetime_convert('UTC', 'UTC', 'now + 1 day'),
		'description' => '',
		'album' => $album,
		'mimetype' => $image['mime'],
		'photo_usage' => PHOTO_NORMAL,
		'os_storage' => 1,
	];
	create_table_from_array('photo', $row + [
		'imgscale' => 0,
		'width' => $image[0],
		'height' => $image[1],
		'filesize' => $attach['filesize'],
		'content' => $attach['content'],
	], ['content']);
	foreach ([1 => 1024, 2 => 640, 3 => 320] as $scale => $longest) {
		$picture = photo_scaled($picture, $longest);
		$path = $attach['content'] . '-' . $scale;
		photo_write($picture, $image['mime'], $path);
		clearstatcache();
		$in_database = !get_config('system', 'photo_storage_type', 1);
		create_table_from_array('photo', [
			'imgscale' => $scale,
			'width' => imagesx($picture),
			'height' => imagesy($picture),
			'filesize' => filesize($path),
			'os_storage' => $in_database ? 0 : 1,
			'content' => $in_database ? file_get_contents($path) : $path,
		] + $row, ['content']);
		if ($in_database) {
			unlink($path);
		}
	}
	if (empty($args['item'])) {
		photo_item($channel, $attach, $image);
	} else {
		require_once __DIR__ . '/import.php';
		sync_items($channel, $args['item']);
	}
	return ['success' => true];
}

function photo_scaled($picture, $longest) {
	$width = imagesx($picture);
	$height = imagesy($picture);
	$ratio = min(1, $longest / max($width, $height));
	if ($ratio == 1) {
		return $picture;
	}
	return imagescale($picture, max(1, (int) ($width * $ratio)), max(1, (int) ($height * $ratio)), IMG_BILINEAR_FIXED);
}

function photo_write($picture, $mime, $path) {
	if ($mime === 'image/png') {
		imagepng($picture, $path);
	} elseif ($mime === 'image/gif') {
		imagegif($picture, $path);
	} elseif ($mime === 'image/webp') {
		imagewebp($picture, $path);
	} else {
		imagejpeg($picture, $path, 85);
	}
}

/** Stores the hidden item that hubs make for every picture; its texts carry this hub's URLs in many places. */
function photo_item($channel, $attach, $image) {
	$uuid = new_uuid();
	$mid = z_root() . '/item/' . $uuid;
	$page = z_root() . '/photos/' . $channel['channel_address'] . '/image/' . $attach['hash'];
	$links = [];
	foreach ([0, 1, 2, 3] as $scale) {
		$links[] = ['type' => 'Link', 'mediaType' => $image['mime'], 'href' => z_root() . '/photo/' . $attach['hash'] . '-' . $scale . '.jpg'];
	}
	$links[] = ['type' => 'Link', 'mediaType' => 'text/html', 'href' => $page];
	item_store([
		'aid' => $channel['channel_account_id'],
		'uid' => $channel['channel_id'],
		'uuid' => $uuid,
		'mid' => $mid,
		'parent_mid' => $mid,
		'thr_parent' => $mid,
		'owner_xchan' => $channel['channel_hash'],
		'author_xchan' => $channel['channel_hash'],
		'mimetype' => 'text/bbcode',
		'title' => $attach['filename'],
		'body' => '[zrl=' . $page . '][zmg=' . z_root() . '/photo/' . $attach['hash'] . '-2.jpg]' . $attach['filename'] . '[/zmg][/zrl]',
		'verb' => 'Create',
		'obj_type' => 'Image',
		'obj' => json_encode(['type' => 'Image', 'name' => $attach['filename'], 'url' => $links]),
		'tgt_type' => 'orderedCollection',
		'target' => json_encode(['type' => 'orderedCollection', 'id' => z_root() . '/album/' . $channel['channel_address'] . '/' . $attach['folder']]),
		'plink' => $mid,
		'resource_id' => $attach['hash'],
		'resource_type' => 'photo',
		'item_wall' => 1,
		'item_origin' => 1,
		'item_thread_top' => 1,
		'item_hidden' => 1,
		'allow_cid' => $attach['allow_cid'],
		'allow_gid' => $attach['allow_gid'],
		'deny_cid' => $attach['deny_cid'],
		'deny_gid' => $attach['deny_gid'],
	]);
}

/**
 * Takes an avatar that was fetched from another hub: the scales 4 to 6 of whatever is the profile photo now become it.
 */
function import_channel_photo($photo, $type, $aid, $uid) {
	$now = q("select * from photo where uid = %d and photo_usage = %d and imgscale = 4", intval($uid), PHOTO_PROFILE);
	$hash = $now ? $now[0]['resource_id'] : 'avatar-' . bin2hex(random_bytes(8));
	$empty = array_fill_keys(['description', 'os_path', 'display_path', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid'], '');
	foreach ([4, 5, 6] as $scale) {
		q("delete from photo where uid = %d and resource_id = '%s' and imgscale = %d", intval($uid), dbesc($hash), $scale);
		create_table_from_array('photo', ['aid' => $aid, 'uid' => $uid, 'resource_id' => $hash, 'imgscale' => $scale, 'mimetype' => $type,
			'photo_usage' => PHOTO_PROFILE, 'os_storage' => 0, 'filesize' => strlen($photo), 'content' => $photo] + $empty, ['content']);
	}
	return $hash;
}
