<?php

namespace Zotlabs\Storage;

use Zotlabs\Daemon\Master;
use Zotlabs\Lib\Libsync;

/** One file as WebDAV sees it. */
class File {

	private $channel;
	private $row;

	public $data;

	/**
	 * As on a hub: the path, the row, who is logged in. The door of the test hub has looked them up and gives channel
	 * and row.
	 *
	 * @param string|array $path
	 */
	public function __construct($path, array $data, &$auth = null) {
		$this->channel = $auth ? channelx_by_n($auth->channel_id) : $path;
		$this->row = $this->data = $data;
	}

	/**
	 * Overwrites the bytes in place: same hash, new size and date. A picture gets new scales and one more item.
	 *
	 * @param resource|string $data
	 */
	public function put($data): void {
		self::mayWrite($this->channel);
		$path = attach_file_path($this->row, $this->channel['channel_address']);
		file_put_contents($path, $data);
		clearstatcache();
		$uid = $this->channel['channel_id'];
		$hash = $this->row['hash'];
		$image = @getimagesize($path);
		$size = filesize($path);
		$edited = datetime_convert();
		q("UPDATE attach SET filesize = %d, is_photo = %d, filetype = '%s', edited = '%s' WHERE id = %d",
			$size, intval((bool) $image), dbesc($image ? $image['mime'] : $this->row['filetype']), dbesc($edited), intval($this->row['id']));
		if ($image) {
			q("DELETE FROM photo WHERE resource_id = '%s' AND uid = %d", dbesc($hash), intval($uid));
			photo_upload($this->channel, $this->channel, ['resource_id' => $hash, 'getimagesize' => $image]);
		}
		Master::Summon(['Thumbnail', $hash]);
		$sync = attach_export_data($this->channel, $hash);
		if ($sync) {
			Libsync::build_sync_packet($uid, ['file' => [$sync]]);
		}
	}

	/** Renames within the folder: the row only, and a packet. */
	public function setName(string $name): void {
		self::mayWrite($this->channel);
		$display_path = ltrim(dirname($this->row['display_path']) . '/' . $name, './');
		q("UPDATE attach SET filename = '%s', display_path = '%s' WHERE id = %d", dbesc($name), dbesc($display_path), intval($this->row['id']));
		q("UPDATE photo SET filename = '%s', display_path = '%s' WHERE resource_id = '%s' AND uid = %d",
			dbesc($name), dbesc($display_path), dbesc($this->row['hash']), intval($this->channel['channel_id']));
		$sync = attach_export_data($this->channel, $this->row['hash']);
		if ($sync) {
			Libsync::build_sync_packet($this->channel['channel_id'], ['file' => [$sync]]);
		}
	}

	/** Deletes the file and tells the clones. */
	public function delete(): void {
		self::mayWrite($this->channel);
		attach_delete($this->channel['channel_id'], $this->row['hash']);
		$sync = attach_export_data($this->channel, $this->row['hash'], true);
		if ($sync) {
			Libsync::build_sync_packet($this->channel['channel_id'], ['file' => [$sync]]);
		}
	}

	private static function mayWrite(array $channel): void {
		if (!perm_is_allowed($channel['channel_id'], $channel['channel_hash'], 'write_storage')) {
			throw new \RuntimeException('permission denied');
		}
	}

	/**
	 * Creates a file whose folder exists; with a hash, under that one.
	 *
	 * @param resource|string $data
	 */
	public static function create(array $channel, string $display_path, $data, ?string $hash = null): void {
		self::mayWrite($channel);
		$temporary = tempnam(sys_get_temp_dir(), 'put');
		file_put_contents($temporary, $data);
		$folder = q("SELECT hash FROM attach WHERE display_path = '%s' AND uid = %d AND is_dir = 1", dbesc(dirname($display_path)), intval($channel['channel_id']));
		$_FILES['userfile'] = ['tmp_name' => $temporary, 'name' => basename($display_path)];
		$stored = attach_store($channel, $channel['channel_hash'], '', ['folder' => $folder[0]['hash'] ?? '', 'nosync' => true] + ($hash ? ['hash' => $hash] : []));
		unlink($temporary);
		$sync = attach_export_data($channel, $stored['data']['hash']);
		if ($sync) {
			Libsync::build_sync_packet($channel['channel_id'], ['file' => [$sync]]);
		}
	}
}
