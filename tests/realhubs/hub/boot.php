<?php

// Boots the hub whose root is the working directory. Every action includes this first.
if (PHP_SAPI !== 'cli') {
	exit(1);
}
// Some releases warn on modern PHP; what an action prints is only its answer.
error_reporting(E_ERROR | E_PARSE);
require_once 'include/cli_startup.php';
cli_startup();

/** Prints an action's answer as one line of JSON and ends the process. */
function answer(array $facts, int $status = 0): never
{
	echo json_encode($facts, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
	exit($status);
}

/** Returns the channel that both hubs have from the beginning, or the one named by CHANNEL. */
function the_channel(): array
{
	$name = getenv('CHANNEL');
	$r = q(
		'select channel_id from channel where channel_system = 0 and channel_removed = 0'
		. ($name ? " and channel_name = '%s'" : '')
		. ' order by channel_id limit 1',
		...$name ? [dbesc($name)] : [],
	);
	return $r ? channelx_by_n($r[0]['channel_id']) : answer(['error' => 'no channel'], 1);
}

/** Acts as the channel's owner from here on, as after a login. */
function log_in(array $channel): void
{
	$_SESSION['authenticated'] = 1;
	$_SESSION['uid'] = $channel['channel_id'];
	$_SESSION['account_id'] = $channel['channel_account_id'];
	App::set_channel($channel);
	$xchan = q("select * from xchan where xchan_hash = '%s'", dbesc($channel['channel_hash']));
	App::set_observer($xchan[0]);
}

/** Sends a post that was just stored to the clones, as the hub's own editor does; returns its row. */
function send_post(array $channel, array $post): array
{
	if (! $post['success']) {
		answer(['ok' => false, 'message' => $post['message'] ?? 'item_store'], 1);
	}
	$rows = q('select * from item where id = %d', intval($post['item_id']));
	xchan_query($rows);
	$rows = fetch_post_tags($rows);
	Zotlabs\Lib\Libsync::build_sync_packet($channel['channel_id'], ['item' => [encode_item($rows[0], true)]]);
	return $rows[0];
}

/** Returns the bytes of a photo of a few pixels that differ by a text. */
function small_photo(string $text): string
{
	$image = imagecreatetruecolor(24, 16);
	$colours = hash('sha512', $text) . hash('sha512', "$text again");
	for ($n = 0; $n < (24 * 16); $n++) {
		imagesetpixel($image, $n % 24, intdiv($n, 24), hexdec(substr($colours, $n % 250, 6)));
	}
	ob_start();
	imagepng($image);
	return ob_get_clean();
}

/** Sends files as core does, but many in one packet. */
function send_files(array $channel, array $hashes): void
{
	foreach (array_chunk($hashes, 50) as $some) {
		Zotlabs\Lib\Libsync::build_sync_packet($channel['channel_id'], ['file' => array_map(
			fn ($hash) => attach_export_data($channel, $hash),
			$some,
		)]);
	}
}

/**
 * Stores an upload of the channel's owner; returns its row. Ends the process if the hub refuses it. Needs
 * include/attach.php and include/photos.php.
 */
function store_upload(array $channel, string $bytes, string $name, string $type, array $options): array
{
	// The hub takes the file away when it has stored it.
	$copy = tempnam(sys_get_temp_dir(), 'upload');
	file_put_contents($copy, $bytes);
	$_FILES['userfile'] = ['tmp_name' => $copy, 'name' => $name, 'size' => filesize($copy), 'type' => $type];
	$r = attach_store($channel, $channel['channel_hash'], '', $options + ['source' => 'file_upload']);

	return $r['success'] ? $r['data'] ?? [] : answer(['ok' => false, 'message' => $r['message'] ?? ''], 1);
}
