<?php

namespace Zotlabs\Storage;

use Zotlabs\Lib\Libsync;

/** One folder as WebDAV sees it. */
class Directory {

	private $channel;
	private $row;

	/**
	 * As on a hub: the path, the row, who is logged in. The door of the test hub has looked them up and gives channel
	 * and row.
	 *
	 * @param string|array $path
	 */
	public function __construct($path, array $data = [], &$auth = null) {
		$this->channel = $auth ? channelx_by_n($auth->channel_id) : $path;
		$this->row = $data;
		if ($auth && !$data) {
			$folder = explode('/', trim($path, '/'), 2)[1] ?? '';
			$found = q("SELECT * FROM attach WHERE display_path = '%s' AND uid = %d AND is_dir = 1", dbesc($folder), intval($auth->owner_id));
			$this->row = $found ? $found[0] : ['id' => 0, 'hash' => '', 'display_path' => ''];
		}
	}

	/**
	 * Stores a new file in it.
	 *
	 * @param resource|string $data
	 */
	public function createFile($name, $data = null) {
		File::create($this->channel, ltrim($this->row['display_path'] . '/' . $name, '/'), $data);
	}

	/** Makes a folder in it and tells the clones. */
	public function createDirectory($name) {
		$this->mayWrite();
		$made = attach_mkdir($this->channel, $this->channel['channel_hash'], ['filename' => $name, 'folder' => $this->row['hash'], 'force' => true]);
		$sync = $made['success'] ? attach_export_data($this->channel, $made['data']['hash']) : null;
		if ($sync) {
			Libsync::build_sync_packet($this->channel['channel_id'], ['file' => [$sync]]);
		}
	}

	/**
	 * Renames within the folder above, and sends a packet. An 8 leaves the display paths of what is beneath as they
	 * were; a 10 has each child moved to where it is.
	 */
	public function setName(string $name): void {
		$this->mayWrite();
		$uid = intval($this->channel['channel_id']);
		$hash = $this->row['hash'];
		$display_path = ltrim(dirname($this->row['display_path']) . '/' . $name, './');
		q("UPDATE attach SET filename = '%s', display_path = '%s' WHERE id = %d", dbesc($name), dbesc($display_path), intval($this->row['id']));
		foreach (TESTHUB < 10 ? [] : (q("SELECT hash FROM attach WHERE folder = '%s' AND uid = %d", dbesc($hash), $uid) ?: []) as $child) {
			$moved = attach_move($uid, $child['hash'], $hash, '', false);
			if (!$moved['success']) {
				break;
			}
		}
		$sync = attach_export_data($this->channel, $hash);
		if ($sync) {
			Libsync::build_sync_packet($uid, ['file' => [$sync]]);
		}
	}

	/**
	 * Takes in what is elsewhere. Sends no packet, as no hub of this family does.
	 *
	 * @param string $name its name; the door of the test hub gives the hash alone
	 */
	public function moveInto($name, $path = '', $node = null) {
		$moved = attach_move($this->channel['channel_id'], $node ? $node->data['hash'] : $name, $this->row['hash']);
		return $moved['success'];
	}

	/** Deletes the folder with all beneath it and tells the clones. */
	public function delete(): void {
		$this->mayWrite();
		attach_delete($this->channel['channel_id'], $this->row['hash']);
		$sync = attach_export_data($this->channel, $this->row['hash'], true);
		if ($sync) {
			Libsync::build_sync_packet($this->channel['channel_id'], ['file' => [$sync]]);
		}
	}

	private function mayWrite(): void {
		if (!perm_is_allowed($this->channel['channel_id'], $this->channel['channel_hash'], 'write_storage')) {
			throw new \RuntimeException('permission denied');
		}
	}
}
