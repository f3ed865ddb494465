<?php

// Prints what this hub holds of one file: attach, photo, term and item rows, disk facts. Arguments: hash.
// Local numbers and the nickname, which differ between clones by right, are left out or replaced by NICK.
require __DIR__ . '/boot.php';

$channel = the_channel();
$uid = intval($channel['channel_id']);
$hash = $argv[1];

$neutral = function (string $text) use ($channel) {
	return preg_replace('#^store/' . preg_quote($channel['channel_address'], '#') . '/#', 'store/NICK/', $text);
};
// The bytes are judged by a program that is neither the hub nor ours.
$disk = function (string $path) {
	return (
		is_file($path)
			? ['bytes' => filesize($path), 'sha256' => substr(shell_exec('sha256sum ' . escapeshellarg($path)), 0, 64)]
			: null
	);
};

$chain = [];
$next = $hash;
while (
	$next !== ''
	&& ($rows = q("select * from attach where uid = %d and hash = '%s' order by id", $uid, dbesc($next)))
) {
	$row = $rows[0];
	$content = dbunescbin($row['content']);
	$terms = q(
		'select term, ttype, otype from term where uid = %d and oid = %d and otype = %d order by term',
		$uid,
		intval($row['id']),
		TERM_OBJ_FILE,
	);
	$chain[] = [
		'hash' => $row['hash'],
		'copies' => count($rows),
		'filename' => $row['filename'],
		'filetype' => $row['filetype'],
		'filesize' => (int) $row['filesize'],
		'folder' => $row['folder'],
		'is_dir' => (int) $row['is_dir'],
		'is_photo' => (int) $row['is_photo'],
		'os_storage' => (int) $row['os_storage'],
		'os_path' => $row['os_path'],
		'display_path' => $row['display_path'],
		'content' => $neutral($content),
		'created' => $row['created'],
		'edited' => $row['edited'],
		'acl' => [$row['allow_cid'], $row['allow_gid'], $row['deny_cid'], $row['deny_gid']],
		'terms' => array_map(fn ($t) => $t['term'] . '/' . $t['ttype'], $terms ?: []),
		'disk' => $row['is_dir'] ? is_dir($content) : $disk($content),
	];
	$next = $row['folder'];
}

// What one sees from afar: 8 x 8 grey dots of 0 to 255.
$look = function (string $bytes) {
	$picture = @imagecreatefromstring($bytes);
	if (! $picture) {
		return null;
	}
	$small = imagecreatetruecolor(8, 8);
	imagecopyresampled($small, $picture, 0, 0, 0, 0, 8, 8, imagesx($picture), imagesy($picture));
	$dots = [];
	for ($n = 0; $n < 64; $n++) {
		$c = imagecolorsforindex($small, imagecolorat($small, $n % 8, intdiv($n, 8)));
		$dots[] = (int) round((0.3 * $c['red']) + (0.59 * $c['green']) + (0.11 * $c['blue']));
	}
	return $dots;
};

// The size of a picture as its bytes say.
$pixels = function (string $bytes) {
	$size = @getimagesizefromstring($bytes);
	return $size ? $size[0] . 'x' . $size[1] : null;
};

$photos = [];
foreach (q("select * from photo where uid = %d and resource_id = '%s' order by imgscale, id", $uid, dbesc($hash))
	?: [] as $row) {
	$content = dbunescbin($row['content']);
	$bytes = (int) $row['os_storage'] ? (string) @file_get_contents($content) : $content;
	$photos[] = [
		'imgscale' => (int) $row['imgscale'],
		'filename' => $row['filename'],
		'mimetype' => $row['mimetype'],
		'album' => $row['album'],
		'width' => (int) $row['width'],
		'height' => (int) $row['height'],
		'filesize' => (int) $row['filesize'],
		'photo_usage' => (int) $row['photo_usage'],
		'os_storage' => (int) $row['os_storage'],
		'os_path' => $row['os_path'],
		'display_path' => $row['display_path'],
		'content' => (int) $row['os_storage'] ? $neutral($content) : strlen($content) . ' bytes in the row',
		'acl' => [$row['allow_cid'], $row['allow_gid'], $row['deny_cid'], $row['deny_gid']],
		'disk' => (int) $row['os_storage']
			? $disk($content)
			: ['bytes' => strlen($content), 'sha256' => hash('sha256', $content)],
		'pixels' => $pixels($bytes),
		'look' => (int) $row['imgscale'] ? $look($bytes) : null,
	];
}

$items = q("select mid, verb, obj_type, resource_type, item_hidden from item where uid = %d and resource_id = '%s' and item_deleted = 0
	order by mid", $uid, dbesc($hash));
answer(['chain' => $chain, 'photos' => $photos, 'items' => $items ?: []]);
