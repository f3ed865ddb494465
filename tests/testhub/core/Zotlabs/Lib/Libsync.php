<?php

namespace Zotlabs\Lib;

use App;
use Zotlabs\Daemon\Master;

/**
 * Sync packets between the clones of a channel.
 *
 * The envelope is a hub's, but it travels in the clear and nobody signs it: what a real hub proves there, the tests on
 * real hubs prove.
 */
class Libsync {

	/** Queues one packet for every other hub of the channel and starts the deliveries. */
	public static function build_sync_packet($uid = 0, $packet = null, $groups_changed = false) {
		$channel = channelx_by_n($uid ?: local_channel());
		if (!$channel) {
			return;
		}
		$hubs = q("SELECT hubloc.* FROM hubloc LEFT JOIN site ON site_url = hubloc_url
			WHERE hubloc_hash = '%s' AND hubloc_deleted = 0 AND hubloc_host != '%s' AND COALESCE(site_dead, 0) = 0",
			dbesc($channel['channel_hash']),
			dbesc(App::get_hostname())
		);
		$info = ($packet ?: []) + [
			'type' => 'sync',
			'encoding' => 'hz',
			'relocate' => ['channel_address' => $channel['channel_address'], 'url' => z_root()],
			'channel' => self::exportedColumns($channel),
		];
		foreach ($hubs ?: [] as $hub) {
			$hash = new_uuid();
			Queue::insert([
				'hash' => $hash,
				'account_id' => $channel['channel_account_id'],
				'channel_id' => $channel['channel_id'],
				'posturl' => $hub['hubloc_callback'],
				'driver' => $hub['hubloc_network'],
				'notify' => json_encode([
					'type' => 'sync',
					'encoding' => 'hz',
					'sender' => $channel['channel_hash'],
					'recipients' => [$channel['channel_hash']],
					'version' => ZOT_REVISION,
					'data' => json_encode($info, JSON_UNESCAPED_SLASHES),
				], JSON_UNESCAPED_SLASHES),
				'msg' => '',
			]);
			Master::Summon(['Deliver', $hash]);
		}
	}

	private static function exportedColumns($channel) {
		$kept_back = ['channel_id', 'channel_account_id', 'channel_primary', 'channel_address', 'channel_deleted', 'channel_removed', 'channel_system',
			'channel_prvkey', 'channel_eprvkey', 'channel_active', 'channel_password', 'channel_salt'];
		return array_filter($channel, function ($key) use ($kept_back) {
			return strncmp($key, 'channel_', 8) === 0 && !in_array($key, $kept_back);
		}, ARRAY_FILTER_USE_KEY);
	}

	/** Applies a packet, in the sender's own request. */
	public static function process_channel_sync_delivery($sender, $arr, $deliveries) {
		require_once 'include/import.php';
		$report = [];
		foreach ($deliveries as $recipient) {
			$channel = channelx_by_hash($sender);
			if (!$channel || $recipient !== $sender) {
				$report[] = ['location' => z_root(), 'sender' => $sender, 'recipient' => $recipient, 'status' => 'recipient not found'];
				continue;
			}
			if (!empty($arr['item'])) {
				sync_items($channel, $arr['item'], $arr['relocate'] ?? null);
			}
			if (!empty($arr['file'])) {
				sync_files($channel, $arr['file']);
			}
			$addon = ['channel' => $channel, 'data' => $arr];
			call_hooks('process_channel_sync_delivery', $addon);
			$report[] = ['location' => z_root(), 'sender' => $sender, 'recipient' => $recipient, 'status' => 'channel sync processed'];
		}
		return $report;
	}
}
