<?php

namespace Theme\Solidified\Api\Handlers;

use Zotlabs\Lib\Libsync;

/**
 * What a theme of 11.x does with files in the hub's stead: it calls the hub's functions unqualified, in a namespace of
 * its own, and sends the packets itself.
 */
class Files {

	public function post(string $folder): array {
		$stored = attach_store(\App::get_channel(), get_observer_hash(), '', ['folder' => $folder, 'nosync' => true]);
		return $stored['success'] ? $this->sent($stored['data']['hash']) : ['success' => false];
	}

	public function put(string $hash, array $changes): array {
		$channel_id = local_channel();
		if (isset($changes['folder']) || isset($changes['name'])) {
			$folder = $changes['folder'] ?? attach_row($channel_id, $hash)['folder'] ?? '';
			if (!attach_move($channel_id, $hash, $folder, $changes['name'] ?? '')['success']) {
				return ['success' => false];
			}
		}
		if (array_intersect_key($changes, ['allow_cid' => 0, 'allow_gid' => 0, 'deny_cid' => 0, 'deny_gid' => 0])) {
			attach_change_permissions($channel_id, $hash, $changes['allow_cid'] ?? '', $changes['allow_gid'] ?? '', $changes['deny_cid'] ?? '', $changes['deny_gid'] ?? '',
				!empty($changes['recurse']), true);
		}
		return $this->sent($hash);
	}

	public function delete(string $hash): array {
		attach_delete(local_channel(), $hash);
		return $this->sent($hash, true);
	}

	private function sent(string $hash, bool $deleted = false): array {
		$sync = attach_export_data(\App::get_channel(), $hash, $deleted);
		if ($sync) {
			Libsync::build_sync_packet(local_channel(), ['file' => [$sync]]);
		}
		return ['success' => true, 'hash' => $hash];
	}
}
