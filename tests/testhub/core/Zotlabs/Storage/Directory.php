<?php

namespace Zotlabs\Storage;

use Zotlabs\Lib\Libsync;

/** One folder as WebDAV sees it. */
class Directory {

	private $channel;
	private $row;

	public function __construct(array $channel, array $row) {
		$this->channel = $channel;
		$this->row = $row;
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

	/** Takes in what is elsewhere. Sends no packet, as no hub of this family does. */
	public function moveInto(string $hash): void {
		attach_move($this->channel['channel_id'], $hash, $this->row['hash']);
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
