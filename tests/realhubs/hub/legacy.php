<?php

// Fills the channel with rows in the shapes of older hubs, by SQL and on disk. Prints the hash of each shape.
// Arguments: a photo's path, what names begin with.
require __DIR__ . '/boot.php';

[, $photo, $prefix] = $argv;
$channel = the_channel();
$root = 'store/' . $channel['channel_address'];
$isPostgres = ACTIVE_DBTYPE === DBTYPE_POSTGRES;
$hash = fn () => bin2hex(random_bytes(32));
$old = '2013-05-01 10:00:00';
$made = [];

// A row as hubs of their time wrote it; content is SQL.
$attach = function (array $columns, string $content) use ($channel, $old) {
	$row = $columns
	+ [
		'aid' => $channel['channel_account_id'],
		'uid' => $channel['channel_id'],
		'creator' => $channel['channel_hash'],
		'filetype' => 'text/plain',
		'filesize' => 0,
		'revision' => 0,
		'folder' => '',
		'flags' => 0,
		'is_dir' => 0,
		'is_photo' => 0,
		'os_storage' => 1,
		'os_path' => '',
		'display_path' => '',
		'created' => $old,
		'edited' => $old,
		'allow_cid' => '',
		'allow_gid' => '',
		'deny_cid' => '',
		'deny_gid' => '',
	];
	$values = array_map(fn ($value) => "'" . dbesc((string) $value) . "'", $row);
	dbq(
		'insert into attach (content, '
		. implode(', ', array_keys($row))
		. ") values ($content, "
		. implode(', ', $values)
		. ')',
	) || answer(['ok' => false, 'row' => $columns], 1);
};
$photoRow = function (array $columns, string $content) use ($channel, $old) {
	$row =
		$columns
		+ [
			'aid' => $channel['channel_account_id'],
			'uid' => $channel['channel_id'],
			'created' => $old,
			'edited' => $old,
			'expires' => $old,
			'height' => 0,
			'width' => 0,
		]
		+ (require __DIR__ . '/photo-row.php');
	$values = array_map(fn ($value) => "'" . dbesc((string) $value) . "'", $row);
	dbq(
		'insert into photo (content, '
		. implode(', ', array_keys($row))
		. ") values ($content, "
		. implode(', ', $values)
		. ')',
	) || answer(['ok' => false, 'row' => $columns], 1);
};
$path = fn (string $path) => "'" . dbescbin($path) . "'";
// As core writes bytes, and as they are: PostgreSQL has two forms of it.
$blob = fn (string $bytes) => "'" . dbescbin($bytes) . "'";
$raw = fn (string $bytes) => $isPostgres ? "decode('" . bin2hex($bytes) . "', 'hex')" : '0x' . bin2hex($bytes);
$write = function (string $at, string $bytes) use ($root) {
	@mkdir(dirname("$root/$at"), 0770, true);
	file_put_contents("$root/$at", $bytes);
	touch("$root/$at", time() - 100000);
};

foreach (['database' => $blob, 'database-raw' => $raw] as $shape => $content) {
	$bytes = "$shape \x00\xff\\x41 " . random_bytes(5000);
	$attach([
		'hash' => $made[$shape] = $hash(),
		'filename' => "$prefix-$shape.bin",
		'filetype' => 'application/octet-stream',
		'os_storage' => 0,
		'filesize' => strlen($bytes),
	], $content($bytes));
}

$folder = $hash();
$attach([
	'hash' => $folder,
	'filename' => "$prefix-folder",
	'is_dir' => 1,
	'filetype' => 'multipart/mixed',
	'os_path' => $folder,
	'display_path' => "$prefix-folder",
], $path("$root/$folder"));
foreach (['place' => "$root/$folder", 'prefix' => $folder] as $shape => $before) {
	$write("$folder/" . ($made[$shape] = $hash()), $bytes = random_bytes(3000));
	$attach([
		'hash' => $made[$shape],
		'filename' => "$prefix-$shape.bin",
		'folder' => $folder,
		'filesize' => 3000,
	], $path("$before/$made[$shape]"));
}

$lost = $hash();
$write("$lost/" . ($made['folder'] = $hash()), random_bytes(3000));
$attach([
	'hash' => $made['folder'],
	'filename' => "$prefix-inside.bin",
	'folder' => $lost,
	'filesize' => 3000,
	'os_path' => "$lost/$made[folder]",
	'display_path' => "Gone/$prefix-inside.bin",
], $path("$root/$lost/$made[folder]"));

$write($made['twice'] = $hash(), random_bytes(3000));
foreach (["$root/nowhere/$made[twice]", "$root/$made[twice]"] as $where) {
	$attach([
		'hash' => $made['twice'],
		'filename' => "$prefix-twice.bin",
		'filesize' => 3000,
		'os_path' => $made['twice'],
		'display_path' => "$prefix-twice.bin",
	], $path($where));
}

foreach (['namesake', 'name'] as $shape) {
	$write($made[$shape] = $hash(), random_bytes(3000));
	$attach([
		'hash' => $made[$shape],
		'filename' => "$prefix-name.bin",
		'filesize' => 3000,
		'os_path' => $made[$shape],
		'display_path' => "$prefix-name.bin",
	], $path("$root/$made[$shape]"));
}

$bytes = file_get_contents($photo);
[$width, $height] = getimagesize($photo);
$made['photo'] = $hash();
$photoRow([
	'resource_id' => $made['photo'],
	'filename' => "$prefix-photo.jpg",
	'width' => $width,
	'height' => $height,
	'filesize' => strlen($bytes),
], $blob($bytes));
foreach ([1 => 1024, 2 => 640, 3 => 320] as $scale => $side) {
	$image = imagescale(
		imagecreatefromstring($bytes),
		$width >= $height ? $side : (int) round(($side * $width) / $height),
	);
	ob_start();
	imagejpeg($image, null, 90);
	$small = ob_get_clean();
	$photoRow(
		[
			'resource_id' => $made['photo'],
			'filename' => "$prefix-photo.jpg",
			'imgscale' => $scale,
			'width' => imagesx($image),
			'height' => imagesy($image),
			'filesize' => strlen($small),
		],
		$scale === 2 ? $raw($small) : $blob($small),
	);
}

$write($made['orphan'] = $hash(), random_bytes(3000));
touch("$root/$made[orphan]", time() - 200000);

answer($made);
